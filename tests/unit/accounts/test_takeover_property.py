"""No sequence of calls by one side's identities yields a token that acts as the other's people, or writes unasked.

A random walk: A's people, who know every id and address, call whatever might lead to a credential (invitations, keys,
policies, groups, profiles, child accounts, imports, logins). B's people go about their business in between: they let
some of A's people in, disable and remove them, and accept invitations. Beside them stands a model that anybody can
read: whom B has let in, and who of those may write.

A run walks through one world, and `./dev nightly takeover` through twenty, with other dice in each, and through a
longer one: a step takes the longer the more there is in its world, so many worlds see more than one of as many steps.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from fixtures.frozen_app import DirectStore
from fixtures.walks import Reached, share
from unit.accounts.conftest import Client, People, opened
from unit.iam.conftest import claims_of

STEPS = 10_000
LONG = share(0, 30_000)
"""Steps in the last world of the night: what only many people, keys and policies bring about."""
WORLDS = (*[STEPS] * share(1, 20), *filter(None, (LONG,)))
"""How many steps are walked in each world."""
GRANT = "urn:ibm:params:oauth:grant-type:"
ROLE = "crn:v1:bluemix:public:iam::::role:"
DISABLED = "DISABLED_CLASSIC_INFRASTRUCTURE"
ROLES = ("Viewer", "Editor", "Administrator")
MOST = 40
"""How many of anything A remembers."""
HAPPENED = ("token in B", "probe 201", "probe 401", "probe 403", "B accepted", "POST apikeys done")
"""What a walk has to come to: A's people in B who may write, may not, and are shut out; B's people as guests of A."""


def policy(role: str, name: str, value: str) -> dict[str, Any]:
    """A policy without its subject."""
    attributes = [{"name": name, "value": value}]
    return {"type": "access", "roles": [{"role_id": ROLE + role}], "resources": [{"attributes": attributes}]}


@dataclass
class Guest:
    """What B has said of one of A's people: the model."""

    state: str = "PENDING"
    writes: bool = False


@dataclass
class Walk:
    people: People
    dice: random.Random
    victim: Client
    people_of_b: list[Client]
    people_of_a: list[Client]
    guests: dict[str, Guest] = field(default_factory=dict)
    """By login of A's people: whom B has let in."""
    tokens: list[tuple[Client, str]] = field(default_factory=list)
    """A's tokens, with the refresh token of each."""
    known: dict[str, list[str]] = field(default_factory=dict)
    """Everything that A can name, by what it is."""
    done: Counter[str] = field(default_factory=Counter)

    def any(self, *kinds: str) -> str:
        found = [one for kind in kinds for one in self.known[kind]]
        return self.dice.choice(found or ["none"])

    def learn(self, kind: str, value: str) -> None:
        kept = self.known.setdefault(kind, [])
        kept.append(value)
        if len(kept) > MOST:
            kept.pop(self.dice.randrange(len(kept) // 2, len(kept)))

    def actor(self) -> Client:
        """Whoever A has a token of; often one of its people at home."""
        if self.dice.random() < 0.3:
            return self.dice.choice(self.people_of_a)
        return self.dice.choice(self.tokens)[0]

    def sign_in(self) -> None:
        """Everybody at home anew: tokens of people end after an hour, and a walk may take longer."""
        for people in (self.people_of_a, self.people_of_b):
            people[:] = [replace(one, token=self.people.login(one.secret).token) for one in people]
        self.victim = self.people_of_b[0]

    def call(self, client: Client, method: str, path: str, body: Any = None) -> Any:
        """What came of a call; None for a refusal. Nothing may break."""
        answer = client(method, path, body, if_match="*")
        name = f"{method} {path.split('?', maxsplit=1)[0].split('/')[2]}"
        assert answer.status < 500, (name, answer.body)
        self.done[f"{name} {'done' if answer.status < 300 else 'refused'}"] += 1
        if answer.status >= 300:
            return None
        return answer.json if answer.body else {}

    def exchange(self, **form: str) -> None:
        """A asks for a token, and every token is held against the model."""
        body = "&".join(f"{name}={value}" for name, value in form.items() if value).encode()
        made = self.call(Client(self.people, ""), "POST", "/identity/token", body)
        if made is None:
            return
        claims = claims_of(made["access_token"])
        account = claims["account"]["bss"]
        client = Client(self.people, made["access_token"], account, claims["iam_id"])
        assert client.iam_id not in {one.iam_id for one in self.people_of_b}, ("A acts as one of B's people", form)
        self.tokens.append((client, made["refresh_token"]))
        if len(self.tokens) > MOST:
            self.tokens.pop(self.dice.randrange(len(self.tokens)))
        if account == self.victim.account_id:
            self.done["token in B"] += 1
            self.probe(client)

    def probe(self, client: Client, *, old: bool = False) -> None:
        """Whether a token in B writes is what B has said; of an old one the key may have gone."""
        login = next((one.name for one in self.people_of_a if one.iam_id == client.iam_id), "")
        guest = self.guests.get(login, Guest("none"))
        status = client("POST", "/v2/groups", {"name": f"probe-{self.dice.randrange(10**12)}"}).status
        expected = 401 if guest.state != "ACTIVE" else 201 if guest.writes else 403
        assert status == expected or (old and status == 401), (login, guest, status)
        self.done[f"probe {status}"] += 1

    def invariant(self) -> None:
        """B's account stands by itself, with those whom B has let in and no key but by its own person."""
        b, here = self.victim, self.victim.account_id
        standing = b.ok("GET", f"/v1/accounts/{here}")
        assert (standing["state"], standing.get("enterprise_id")) == ("ACTIVE", None)
        users = b.ok("GET", f"/v2/accounts/{here}/users")["resources"]
        expected = {login: guest.state for login, guest in self.guests.items()}
        expected |= {one.name: "ACTIVE" for one in self.people_of_b}
        assert {one["user_id"]: one["state"] for one in users} == expected
        keys = b.ok("GET", "/v1/apikeys?scope=account&pagesize=100")["apikeys"]
        assert all(one["created_by"] == one["iam_id"] for one in keys)
        assert b.ok("GET", "/v1/serviceids")["serviceids"] == b.ok("GET", "/v1/profiles")["profiles"] == []

    def step(self) -> None:
        self.dice.choice(OF_B if self.dice.random() < 0.15 else OF_A)(self)


# What A does.


def invite(walk: Walk) -> None:
    who, policies = walk.actor(), []
    if walk.dice.random() < 0.5:
        policies = [policy(walk.dice.choice(ROLES), "serviceType", "platform_service")]
    body = {"users": [{"email": walk.any("login")}], "iam_policy": policies}
    made = walk.call(who, "POST", f"/v2/accounts/{who.account_id}/users", body)
    if made is not None:
        walk.learn("waiting", made["resources"][0]["id"])


def patch_user(walk: Walk) -> None:
    who, change = walk.actor(), {"email": walk.any("login")}
    if walk.dice.random() < 0.6:
        change = {"state": walk.dice.choice(("ACTIVE", "ACTIVE", DISABLED))}
    whom = walk.dice.choice((who.iam_id, walk.any("waiting"), walk.any("person")))
    if whom == who.iam_id and "state" in change:
        return  # who disables their own gets nowhere
    walk.call(who, "PATCH", f"/v2/accounts/{who.account_id}/users/{whom}", change)


def remove_user(walk: Walk) -> None:
    who = walk.actor()
    walk.call(who, "DELETE", f"/v2/accounts/{who.account_id}/users/{walk.any('waiting', 'person')}")


def accept(walk: Walk) -> None:
    who, account = walk.actor(), walk.any("account")
    guest = walk.guests.get(next((one.name for one in walk.people_of_a if one.iam_id == who.iam_id), ""))
    if walk.dice.random() < 0.3:
        account = walk.victim.account_id
    invited = account == walk.victim.account_id and guest is not None and guest.state == "PENDING"
    answer = walk.call(who, "POST", "/v2/users/accept", {"account_id": account})
    if account == walk.victim.account_id:
        assert (answer is not None) <= invited, "B has not invited them"
    if answer is not None and invited and guest is not None:
        guest.state = "ACTIVE"


def make_key(walk: Walk) -> None:
    who = walk.actor()
    whose = walk.dice.choice((who.iam_id, walk.any("person"), walk.any("program", "waiting")))
    body = {"name": "k", "iam_id": whose}
    if walk.dice.random() < 0.3:
        body["account_id"] = walk.any("account")
    made = walk.call(who, "POST", "/v1/apikeys", body)
    if made is not None:
        assert whose == who.iam_id or whose.startswith("iam-ServiceId-"), "a key of somebody else"
        walk.learn("secret", made["apikey"])
        walk.learn("key", made["id"])


def touch_key(walk: Walk) -> None:
    path = f"/v1/apikeys/{walk.any('key', 'key of B')}"
    verb, end = walk.dice.choice((("POST", "/disable"), ("DELETE", "/disable"), ("DELETE", "/lock"), ("PUT", "")))
    walk.call(walk.actor(), verb, path + end, {"expires_at": ""} if verb == "PUT" else None)


def log_in(walk: Walk) -> None:
    account = "" if walk.dice.random() < 0.4 else walk.any("account")
    walk.exchange(grant_type=f"{GRANT}apikey", apikey=walk.any("secret"), bss_account=account)


def enter_b(walk: Walk) -> None:
    secret = walk.dice.choice((walk.any("secret"), walk.dice.choice(walk.people_of_a).secret))
    walk.exchange(grant_type=f"{GRANT}apikey", apikey=secret, bss_account=walk.victim.account_id)


def refresh(walk: Walk) -> None:
    account = "" if walk.dice.random() < 0.4 else walk.any("account")
    walk.exchange(grant_type="refresh_token", refresh_token=walk.dice.choice(walk.tokens)[1], bss_account=account)


def assume(walk: Walk) -> None:
    walk.exchange(grant_type=f"{GRANT}assume", access_token=walk.actor().token, profile_id=walk.any("profile"))


def make_program(walk: Walk) -> None:
    who = walk.actor()
    made = walk.call(
        who, "POST", "/v1/serviceids", {"account_id": who.account_id, "name": "p", "apikey": {"name": "p"}}
    )
    if made is not None:
        walk.learn("program", made["iam_id"])
        walk.learn("secret", made["apikey"]["apikey"])


def make_policy(walk: Walk) -> None:
    whom = walk.any("person", "program", "waiting", "group", "profile")
    kind = "access_group_id" if whom.startswith("AccessGroupId") else "iam_id"
    whom = f"iam-{whom}" if whom.startswith("Profile-") else whom
    said = policy(walk.dice.choice(ROLES), "serviceType", walk.dice.choice(("service", "platform_service")))
    body = {**said, "subjects": [{"attributes": [{"name": kind, "value": whom}]}]}
    walk.call(walk.actor(), "POST", "/v1/policies", body)


def use_group(walk: Walk) -> None:
    who = walk.actor()
    if walk.dice.random() < 0.3 and who.account_id != walk.victim.account_id:
        made = walk.call(who, "POST", "/v2/groups", {"name": f"g{walk.dice.randrange(10**9)}"})
        if made is not None:
            walk.learn("group", made["id"])
    whom = walk.any("person", "program", "waiting")
    type_ = "service" if whom.startswith("iam-") else "user"
    members = {"members": [{"iam_id": whom, "type": type_}]}
    walk.call(who, "PUT", f"/v2/groups/{walk.any('group')}/members", members)


def use_profile(walk: Walk) -> None:
    who = walk.actor()
    if walk.dice.random() < 0.3:
        body = {"account_id": who.account_id, "name": f"w{walk.dice.randrange(10**9)}"}
        made = walk.call(who, "POST", "/v1/profiles", body)
        if made is not None:
            walk.learn("profile", made["id"])
    whom = walk.any("person", "person", "program")
    type_ = "serviceid" if whom.startswith("iam-") else "user"
    trusted = {"type": type_, "identifier": whom, "accounts": [walk.any("account")]}
    walk.call(who, "POST", f"/v1/profiles/{walk.any('profile')}/identities/{type_}", trusted)


def use_tree(walk: Walk) -> None:
    """Child accounts with any owner, imports, and the end of accounts."""
    who, enterprise = walk.actor(), walk.known["enterprise"][0]
    what = walk.dice.randrange(4)
    if what == 0:
        options = {"create_iam_service_id_with_apikey_and_owner_policies": True}
        owner = walk.any("person", "waiting")
        body = {"parent": walk.known["parent"][0], "name": "child", "owner_iam_id": owner, "options": options}
        made = walk.call(who, "POST", "/v1/accounts", body)
        if made is not None:
            walk.learn("account", made["account_id"])
            walk.learn("child", made["account_id"])
            walk.learn("secret", made["iam_apikey"])
            walk.learn("program", made["iam_service_id"])
    elif what == 1:
        wanted = walk.any("account", "account of B")
        walk.call(who, "PUT", f"/v1/enterprises/{enterprise}/import/accounts/{wanted}", {})
    elif what == 2:
        wanted = walk.any("child", "account of B")
        walk.call(who, "DELETE", f"/v1/accounts/{wanted}")
    else:
        body = {"source_account_id": who.account_id, "name": "e", "primary_contact_iam_id": walk.any("person")}
        walk.call(who, "POST", "/v1/enterprises", body)


def use_old_token(walk: Walk) -> None:
    inside = [one for one, _ in walk.tokens if one.account_id == walk.victim.account_id]
    if inside:
        walk.probe(walk.dice.choice(inside), old=True)


# What B does.


def let_in(walk: Walk) -> None:
    who = walk.dice.choice(walk.people_of_a)
    if who.name in walk.guests:
        return
    guest = Guest(writes=walk.dice.random() < 0.5)
    given = (
        policy("Editor", "serviceName", "iam-groups") if guest.writes else policy("Viewer", "serviceType", "service")
    )
    body = {"users": [{"email": who.name}], "iam_policy": [given]}
    walk.victim.ok("POST", f"/v2/accounts/{walk.victim.account_id}/users", body)
    walk.guests[who.name] = guest


def _one_of(walk: Walk, *states: str) -> tuple[str, str] | None:
    """Login and IAM ID, as B's list has them, of somebody whom B has let in."""
    chosen = [login for login, guest in walk.guests.items() if guest.state in states]
    if not chosen:
        return None
    login = walk.dice.choice(chosen)
    users = walk.victim.ok("GET", f"/v2/accounts/{walk.victim.account_id}/users?user_id={login}")["resources"]
    return login, users[0]["iam_id"]


def disable(walk: Walk) -> None:
    """Some are made Administrators while they are disabled: that is to give them nothing."""
    found = _one_of(walk, "ACTIVE")
    if found is not None:
        path = f"/v2/accounts/{walk.victim.account_id}/users/{found[1]}"
        walk.victim.ok("PATCH", path, {"state": DISABLED})
        walk.guests[found[0]].state = DISABLED
        for kind in ("service", "platform_service"):
            said = policy("Administrator", "serviceType", kind)
            body = {**said, "subjects": [{"attributes": [{"name": "iam_id", "value": found[1]}]}]}
            walk.victim.ok("POST", "/v1/policies", body)


def put_out(walk: Walk) -> None:
    found = _one_of(walk, *walk.dice.choice((("ACTIVE", DISABLED), (DISABLED,), ("PENDING",))))
    if found is not None:
        walk.victim.ok("DELETE", f"/v2/accounts/{walk.victim.account_id}/users/{found[1]}")
        del walk.guests[found[0]]


def be_a_guest(walk: Walk) -> None:
    """One of B's people accepts whatever A invites to, and makes a key there, which A does not get to know."""
    who = walk.dice.choice(walk.people_of_b)
    account = walk.dice.choice((walk.any("account"), walk.dice.choice(walk.people_of_a).account_id))
    if walk.call(who, "POST", "/v2/users/accept", {"account_id": account}) is None:
        return
    walk.done["B accepted"] += 1
    answer = Client(walk.people, "")(
        "POST",
        "/identity/token",
        f"grant_type={GRANT}apikey&apikey={who.secret}&bss_account={account}".encode(),
    )
    assert answer.status == 200, "they are members now"
    there = replace(who, token=answer.json["access_token"], account_id=account)
    made = walk.call(there, "POST", "/v1/apikeys", {"name": "mine", "iam_id": who.iam_id})
    if made is not None:
        walk.learn("key of B", made["id"])


OF_A: tuple[Callable[[Walk], None], ...] = (
    *(invite, patch_user, accept, accept, make_key, make_key, touch_key, log_in, enter_b, enter_b, refresh, assume),
    *(remove_user, make_program, make_policy, make_policy, use_group, use_profile, use_tree, use_old_token),
)
OF_B: tuple[Callable[[Walk], None], ...] = (let_in, let_in, let_in, disable, put_out, be_a_guest, be_a_guest)


@pytest.fixture(params=range(len(WORLDS)))
def world(request: pytest.FixtureRequest) -> int:
    """Which world it is."""
    return int(request.param)


@pytest.fixture(scope="module")
def reached() -> Iterator[Reached]:
    """What all worlds together came to, which by night is everything."""
    made = Reached(HAPPENED)
    yield made
    made.require_all()


def seed_of(walk_seed: int, world: int) -> int:
    """The seed of a world: of the first one the run's, or one that is kept, which so repeats any world."""
    return walk_seed if world == 0 else random.Random(f"{walk_seed} {world}").randrange(10**9)


@pytest.fixture
def walk(tmp_path: Path, walk_seed: int, world: int) -> Iterator[Walk]:
    """A has an enterprise with accounts in it, B an account outside any with an owner and a clerk."""
    with opened(tmp_path) as people:
        people.server.store.__class__ = DirectStore
        victim = replace(people.owner("outsider"), name="owner@outsider.example")
        clerk = replace(people.guest(victim, "clerk@b.example"), name="clerk@b.example")
        seeds = [replace(people.owner(name), name=f"owner@{name}.example") for name in ("enterprise", "publisher")]
        seeds.append(replace(people.person("mole@a.example"), name="mole@a.example"))
        made = Walk(people, random.Random(seed_of(walk_seed, world)), victim, [victim, clerk], seeds)
        for one in seeds:
            made.learn("secret", one.secret)
            made.learn("account", one.account_id)
            made.exchange(grant_type=f"{GRANT}apikey", apikey=one.secret)
        for one in (*seeds, victim, clerk):
            made.learn("person", one.iam_id)
            made.learn("login", one.name)
        made.learn("account of B", victim.account_id)
        top = seeds[0].ok("GET", "/v1/enterprises")["resources"][0]
        made.learn("enterprise", top["id"])
        made.learn("parent", top["crn"])
        for key in victim.ok("GET", "/v1/apikeys?scope=account")["apikeys"]:
            made.learn("key of B", key["id"])
        for kind in ("waiting", "program", "group", "profile", "child", "key"):
            made.known.setdefault(kind, [])
        yield made


def test_nobody_acts_as_somebody_else_or_where_they_were_not_let_in(
    walk: Walk, walk_seed: int, world: int, reached: Reached, record_property: Callable[[str, object], None]
) -> None:
    """With the seed that it records, kept in `tests/kept_seeds.txt`, the first world is this one."""
    record_property("seed of the world", seed_of(walk_seed, world))
    for number in range(WORLDS[world]):
        walk.step()
        if number % 200 == 0:
            walk.sign_in()
            walk.invariant()
    walk.invariant()
    reached.update({name: walk.done[name] for name in HAPPENED})


def test_each_world_has_dice_of_its_own() -> None:
    assert len({seed_of(7, world) for world in range(21)}) == 21
    assert (seed_of(7, 0), seed_of(7, 5)) == (7, seed_of(7, 5))
