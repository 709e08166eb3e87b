"""A whole server in this process that may be changed, with the accounts of the `enterprise` scenario."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kunsthalle.app import Server, build
from kunsthalle.core.ids import Ids
from kunsthalle.imaging.make import write_qcow2
from kunsthalle.settings import Settings
from support.realm import OPERATOR, Answer, Realm, _token, _viewer

GIB = 2**30
VERSION = "2026-10-06"
ABSENT = "r006-00000000-0000-4000-8000-000000000000"


@dataclass
class Hall(Realm):
    """`call` and `ok` as for a realm; paths need no query of their own. The clock stands until it is moved."""

    folders: dict[str, Path] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)

    def call(self, persona: str, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        if path.startswith("/v1/"):
            path += f"{'&' if '?' in path else '?'}version={VERSION}&generation=2"
        return super().call(persona, method, path, body, **headers)

    def refused(
        self, method: str, path: str, body: Any = None, *, who: str = "owner", **headers: str
    ) -> tuple[Any, ...]:
        """Status, code and target of a refusal."""
        answer = self.call(who, method, path, body, **headers)
        assert answer.status >= 400, answer.body
        (error,) = answer.json["errors"]
        return answer.status, error["code"], error.get("target", {}).get("name")

    def do(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The owner's call, which must go well."""
        return self.ok("owner", method, path, body, **headers)

    def travel(self, seconds: int) -> None:
        """Moves the clock; what becomes due is done."""
        answer = self.call(f"{OPERATOR}", "POST", "/_kunsthalle/clock", {"advance": f"{seconds}s"})
        assert answer.status == 200, answer.body
        self.log_in()

    def log_in(self) -> None:
        """Everybody's token anew: they expire as the clock moves."""
        self.tokens |= {who: _token(self, key) for who, key in self.keys.items()}

    def pause(self) -> None:
        """Jobs wait from here on."""
        self.server.worker.stop()

    def restart(self) -> None:
        """The same store and folders under a new process's parts; everybody logs in again."""
        settings, moment = self.server.settings, self.server.clock.now()
        self.server.stop()
        self.server = build(settings, OPERATOR)
        self.server.clock.set(moment)
        self.server.start()
        self.log_in()

    def put(self, name: str, content: bytes = b"boot", size: int = GIB) -> str:
        """An object in the owner's bucket `images`; its digest."""
        path = self.folders["owner"] / "images" / name
        write_qcow2(path, size, content)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    def image(self, name: str, *, settle: bool = True, size: int = GIB, **fields: Any) -> dict[str, Any]:
        """An image of the owner's, imported."""
        self.put(f"{name}.qcow2", name.encode(), size)
        body = {
            "name": name,
            "file": {"href": f"cos://us-south/images/{name}.qcow2"},
            "operating_system": {"name": "debian-12-amd64"},
            **fields,
        }
        made: dict[str, Any] = self.do("POST", "/v1/images", body)
        if not settle:
            return made
        self.settle()
        return dict(self.do("GET", f"/v1/images/{made['id']}"))

    def server_of(self, image_id: str, **fields: Any) -> dict[str, Any]:
        """A server of the owner's that runs."""
        subnet, key = self.do("GET", "/v1/subnets")["subnets"][0], self.do("GET", "/v1/keys")["keys"][0]
        body = {
            "image": {"id": image_id},
            "zone": {"name": subnet["zone"]["name"]},
            "keys": [{"id": key["id"]}],
            "profile": {"name": "bx2-2x8"},
            "primary_network_interface": {"subnet": {"id": subnet["id"]}},
            **fields,
        }
        made = self.do("POST", "/v1/instances", body)
        self.settle()
        return dict(self.do("GET", f"/v1/instances/{made['id']}"))

    def act(self, id_: str, verb: str) -> None:
        """An action on a server, done."""
        self.do("POST", f"/v1/instances/{id_}/actions", {"type": verb})
        self.settle()

    def close(self) -> None:
        self.server.stop()
        self.loop.close()


def opened(folder: Path, ids: Ids | None = None, start: int | None = None, **more: Any) -> Hall:
    """The server, running; with a source of ids and a moment of its own it is the same every time.

    `more` are settings.
    """
    server: Server = build(Settings(data=folder, hypervisor="simulated", clock="manual", **more), OPERATOR, ids)
    if start is not None:
        server.clock.set(start)
    made = server.seed("enterprise")
    server.start()
    who = {name: name for name in ("enterprise", "outsider")} | {"publisher": "owner", "consumer-a": "consumer"}
    accounts = {who[one.account]: one.account_id for one in made if one.account in who}
    hall = Hall(server, {"no token": ""}, asyncio.new_event_loop(), accounts)
    for one in made:
        if one.account in who:
            hall.keys[who[one.account]] = one.api_key
            hall.folders[who[one.account]] = server.drivers.buckets.folder(one.account_id)
    hall.keys["viewer"] = _viewer(server, accounts["owner"])
    hall.log_in()
    return hall
