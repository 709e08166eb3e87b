"""No fault loses, leaks or doubles anything: random faults over random calls of three accounts, held against a model.

The header of an answer says which fault was applied to it, and so whether the work was done: the model knows after each
call what there must be. Every byte that an account is sent is searched for what belongs to the others.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from functools import partial
from random import Random
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from fixtures.clients import eventually
from fixtures.walks import Reached, share
from kunsthalle.core.fault_effects import effects_on
from kunsthalle.core.fault_sets import SETS
from kunsthalle.core.faults import HEADER
from kunsthalle.jobs.queue import MOST_ATTEMPTS
from kunsthalle.local.client import access_token
from kunsthalle.testing import World, WorldServer
from kunsthalle.testing.persona import Persona

QUERY = "version=2025-06-30&generation=2"
NOT_DONE = {"refuse", "expired", "late"}
ANSWERED = {"", "delay"}
"""Effects whose answer is what it would be without a fault."""
WALKS, STEPS, EACH = share(1, 25), 240, 20
PATTERNS = (
    "*",
    "* /v1/*",
    "* /v1/vpcs*",
    "POST *",
    "GET *",
    "DELETE *",
    "PATCH *",
    "* /v1/images*",
    "POST /identity/token",
)
ACCOUNTS = ("publisher", "consumer-a", "outsider")
EFFECTS = effects_on("call")
BRANCHES = (*EFFECTS, "set", "tokens", "job", "retried until done", "name taken", "foreign", "absent")
PATIENT = 60
"""Tries of one call. One in four comes through all faults that there may be at once."""


class Answer(NamedTuple):
    """`effect` is that of the fault that was applied, `status` and `body` what came, cut off or whole."""

    status: int
    effect: str
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


class Owner:
    """One account: its calls, and what it must have. Names hold the account's mark, which no other may ever be sent."""

    def __init__(self, world: World, name: str) -> None:
        self.persona, self.name, self.mark = world.persona(name), name, f"mark-of-{name}"
        self.vpcs: dict[str, str | None] = {}
        self.images: dict[str, str | None] = {}
        self.gone: list[str] = []
        self._url, self._token, self.sent = world.url, "", bytearray()

    def ids(self) -> list[str]:
        """What is there, as far as an answer has said its id."""
        return [id_ for held in (self.vpcs, self.images) for id_ in held.values() if id_]

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """One call, with a token that counts."""
        self._token = self._token or self._sign_in()
        return self._once(method, f"{path}{'&' if '?' in path else '?'}{QUERY}", body)

    def find_out_about_tokens(self) -> None:
        """Once all have expired: 401 whatever the fault, before a call whose answer is lost could be taken as done."""
        for _ in range(PATIENT if self._token else 0):
            answer = self._once("GET", f"/v1/vpcs?{QUERY}", None)
            if answer.effect in ANSWERED:
                assert answer.status == 401, answer
                break
        self._token = ""

    def _sign_in(self) -> str:
        for _ in range(PATIENT):
            try:
                return access_token(self._url, self.persona.api_key)
            except Exception as error:  # noqa: BLE001  what a fault makes of an answer: refused, cut off, no JSON
                last = error
        raise AssertionError(f"nobody can sign in: {last}")

    def _once(self, method: str, path: str, body: Any) -> Answer:
        connection = http.client.HTTPConnection(urlsplit(self._url).netloc, timeout=30)
        try:
            headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            effect = answer.headers.get(HEADER, "").rpartition(": ")[2].partition(" ")[0]
            try:
                content = answer.read()
            except http.client.IncompleteRead as cut:
                content = cut.partial
            self.sent += content + b"\n"
            return Answer(answer.status, effect, content)
        finally:
            connection.close()


class Walk:
    """Random calls and faults. Each step ends with the model being what the answer says."""

    def __init__(self, world: World, seed: int, reached: Reached) -> None:
        self.world, self.random, self.reached = world, Random(seed), reached
        self.owners = [Owner(world, name) for name in ACCOUNTS]
        self.number = self.retries = 0

    def run(self, steps: int) -> None:
        moves = (self.create, self.create, self.rename, self.delete, self.create_image, self.look, self.look_abroad)
        for step in range(steps):
            if step % EACH == 0:
                self.change_faults(EFFECTS[step // EACH % len(EFFECTS)])
            self.random.choice(moves)(self.random.choice(self.owners))
            if self.random.random() < 0.03:
                self.world.faults.expire_tokens()
                for owner in self.owners:
                    owner.find_out_about_tokens()
                self.reached.add("tokens")

    def change_faults(self, surely: str) -> None:
        """Other faults than before: of calls, one of which has the effect that is given; of jobs; sometimes a set."""
        self.world.faults.clear()
        for effect in (surely, *self.random.choices(EFFECTS, k=self.random.randint(0, 3))):
            more: dict[str, Any] = {"seconds": 0.002} if effect == "delay" else {}
            more |= {"seconds": 3_600} if effect == "late" else {}
            more |= {"cut_after": self.random.choice((-1, 0, 1, 50))} if effect == "cut" else {}
            more |= {"status": self.random.choice((429, 500, 502, 503, 504))} if effect in {"refuse", "lose"} else {}
            more |= {"account": self.random.choice(ACCOUNTS)} if self.random.random() < 0.3 else {}
            percent, seed = self.random.choice((10, 20)), self.random.randrange(2**31)
            match = "*" if effect == surely else self.random.choice(PATTERNS)
            self.world.faults.call(match, effect, percent=percent, seed=seed, times=self.random.choice((0, 5)), **more)
        self._change_faults_of_jobs()
        if self.random.random() < 0.3:
            name = self.random.choice([name for name in SETS if name != "throttled"])
            for fault in (fault for fault in SETS[name] if fault["on"] == "call"):
                self.world.faults.add(**{**fault, "seconds": 0.001, "spread": 0, "seed": self.random.randrange(2**31)})
            self.reached.add("set")

    def _change_faults_of_jobs(self) -> None:
        """Fewer tries fail than a job has, so that every import ends well."""
        if self.retries < MOST_ATTEMPTS - 1 and self.random.random() < 0.5:
            self.retries += 1
            self.world.faults.job("image.import", "retry")
        else:
            self.world.faults.job("image.import", "hold", percent=40, times=0, seconds=60)
        self.reached.add("job")

    def _new_name(self, owner: Owner) -> str:
        self.number += 1
        return f"{owner.mark}-{self.number}"

    def _note(self, answer: Answer) -> None:
        if answer.effect:
            self.reached.add(answer.effect)

    def _until_done(self, owner: Owner, method: str, path: str, body: Any = None) -> Answer:
        """Tries again until an answer comes as it is, as automation must."""
        for _ in range(PATIENT):
            answer = owner.ask(method, path, body)
            self._note(answer)
            if answer.effect in ANSWERED:
                self.reached.add("retried until done")
                return answer
        raise AssertionError(f"{method} {path} was never answered")

    def create(self, owner: Owner) -> None:
        """A new name, or one that is there: then nothing is made."""
        name = self._new_name(owner)
        if owner.vpcs and self.random.random() < 0.2:
            name = self.random.choice(list(owner.vpcs))
        answer = owner.ask("POST", "/v1/vpcs", {"name": name})
        self._note(answer)
        if name in owner.vpcs:
            self.reached.add("name taken")
            assert answer.effect or answer.status in {400, 409}, answer
        elif answer.effect not in NOT_DONE:
            owner.vpcs[name] = answer.document["id"] if answer.effect in ANSWERED else None
            assert answer.effect or answer.status == 201, answer

    def create_image(self, owner: Owner) -> None:
        """Tried again until it is there: once."""
        name = self._new_name(owner)
        file = {"href": owner.persona.bucket.put_image(f"{name}.qcow2", name.encode())}
        body = {"name": name, "file": file, "operating_system": {"name": "debian-12-amd64"}}
        for _ in range(PATIENT):
            answer = owner.ask("POST", "/v1/images", body)
            self._note(answer)
            if answer.effect in NOT_DONE:
                continue
            known = name in owner.images
            assert answer.effect not in ANSWERED or answer.status in ({400, 409} if known else {201}), answer
            if not known:
                owner.images[name] = answer.document["id"] if answer.effect in ANSWERED else None
            if answer.effect in ANSWERED:
                return

    def _one(self, owner: Owner) -> tuple[str, str] | None:
        """A VPC whose id an answer has said."""
        known = [(name, id_) for name, id_ in owner.vpcs.items() if id_]
        return self.random.choice(known) if known else None

    def rename(self, owner: Owner) -> None:
        """Tried again until it is answered: the same again changes nothing more."""
        if (one := self._one(owner)) is not None:
            old, id_, new = *one, self._new_name(owner)
            for _ in range(PATIENT):
                answer = owner.ask("PATCH", f"/v1/vpcs/{id_}", {"name": new})
                self._note(answer)
                if answer.effect not in NOT_DONE:
                    owner.vpcs.pop(old, None)
                    owner.vpcs[new] = id_
                if answer.effect in ANSWERED:
                    assert (answer.status, answer.document["name"]) == (200, new)
                    return

    def delete(self, owner: Owner) -> None:
        """Tried again until it is answered, by then perhaps that it is gone."""
        if (one := self._one(owner)) is not None:
            name, id_ = one
            for _ in range(PATIENT):
                answer = owner.ask("DELETE", f"/v1/vpcs/{id_}")
                self._note(answer)
                was_there = name in owner.vpcs
                if answer.effect not in NOT_DONE:
                    owner.vpcs.pop(name, None)
                if answer.effect in ANSWERED:
                    assert answer.status == (204 if was_there else 404), answer
                    owner.gone.append(id_)
                    return

    def look(self, owner: Owner) -> None:
        """Its own: as it is, whatever happened before."""
        if (one := self._one(owner)) is not None:
            answer = self._until_done(owner, "GET", f"/v1/vpcs/{one[1]}")
            assert (answer.status, answer.document["name"]) == (200, one[0])

    def look_abroad(self, owner: Owner) -> None:
        """What others have, and what is gone: not there, with a fault or without."""
        foreign = [id_ for other in self.owners if other is not owner for id_ in other.ids()]
        for ids, branch in ((foreign, "foreign"), (owner.gone, "absent")):
            if ids:
                id_ = self.random.choice(ids)
                kind = "images" if any(id_ in other.images.values() for other in self.owners) else "vpcs"
                answer = owner.ask("GET", f"/v1/{kind}/{id_}")
                self._note(answer)
                self.reached.add(branch)
                assert answer.status == 404 or answer.effect not in ANSWERED, answer


@pytest.fixture(scope="module")
def server() -> Iterator[WorldServer]:
    with WorldServer("--clock", "manual") as running:
        yield running


def test_no_fault_loses_leaks_or_doubles_anything(server: WorldServer, walk_seed: int) -> None:
    reached = Reached(BRANCHES)
    for number in range(WALKS):
        with server.world() as world:
            walk = Walk(world, walk_seed + number, reached)
            walk.run(STEPS)
            world.faults.clear()
            _finish_jobs(world)
            _check(walk)
    reached.require_all()


def _check(walk: Walk) -> None:
    for owner in walk.owners:
        _compare(owner)
        for other in walk.owners:
            if other is not owner:
                assert other.mark.encode() not in owner.sent
                _assert_masked(owner, other)
    contents = {name for owner in walk.owners for name in owner.images}
    assert len(list((walk.world.data / "blobs" / "sha256").glob("*/*"))) == len(contents)


def _finish_jobs(world: World) -> None:
    """Until none waits: one that is held waits by the product clock, one that has failed in real time."""

    def finished(owner: Persona) -> bool:
        world.clock.advance("1h")
        images = owner.vpc.list_images(visibility="private", limit=100).get_result()["images"]
        return all(image["status"] == "available" for image in images)

    for name in ACCOUNTS:
        eventually(partial(finished, world.persona(name)), f"the imports of {name}")


def _compare(owner: Owner) -> None:
    """What is there is what the model says, each once: nothing that was acknowledged is lost, and nothing doubled."""
    vpcs = owner.ask("GET", "/v1/vpcs?limit=100").document["vpcs"]
    assert sorted(one["name"] for one in vpcs) == sorted(["default", *owner.vpcs])
    images = owner.ask("GET", "/v1/images?limit=100&visibility=private").document["images"]
    assert sorted((one["name"], one["status"]) for one in images) == sorted(
        (name, "available") for name in owner.images
    )
    found = {one["name"]: one["id"] for one in (*vpcs, *images)}
    said = {**owner.vpcs, **owner.images}
    assert {name: found[name] for name, id_ in said.items() if id_} == {name: id_ for name, id_ in said.items() if id_}
    owner.vpcs, owner.images = ({name: found[name] for name in held} for held in (owner.vpcs, owner.images))


def _assert_masked(owner: Owner, other: Owner) -> None:
    absent = owner.ask("GET", "/v1/images/r006-00000000-0000-4000-8000-000000000000").document["errors"]
    for id_ in other.images.values():
        masked = owner.ask("GET", f"/v1/images/{id_}")
        assert (masked.status, masked.document["errors"]) == (404, absent)
