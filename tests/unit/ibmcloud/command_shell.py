"""A small world that a command line meets over HTTP: a server in this process, its time and its jobs under control.

It is furnished once; each test gets a copy of the folder and a server of its own on it.
"""

from __future__ import annotations

import io
import shutil
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

import uvicorn

from fixtures.app import App, open_app
from fixtures.frozen_app import OPERATOR
from fixtures.worlds import START
from kunsthalle.app import Server, build
from kunsthalle.cli.connections import Connections, Limits
from kunsthalle.cli.serve import web_socket
from kunsthalle.core.clock import SECOND
from kunsthalle.core.ids import Ids
from kunsthalle.ibmcloud.main import run
from kunsthalle.ibmcloud.terminal import Terminal
from kunsthalle.settings import Settings

PUBLIC = "http://kunsthalle.test"
PERSONAS = ("owner", "consumer", "outsider", "enterprise")


class SteadyIds(Ids):
    """Made-up names and addresses of one width, whatever was drawn before: columns stay where they are."""

    _count = 0

    def _next(self) -> int:
        self._count += 1
        return self._count

    def name(self) -> str:
        return f"made-up-name-{self._next() % 10_000:04d}"

    def hex(self, digits: int = 32) -> str:
        """Of eight digits a number from which an address is drawn: 198.18.100.100 and those behind it."""
        return f"{25_700 + self._next() % 100:08x}" if digits == 8 else super().hex(digits)


@dataclass(frozen=True)
class Said:
    """What a command line left behind."""

    code: int
    out: str
    err: str


class Screen(io.StringIO):
    """A stream that is a terminal, or is not."""

    def __init__(self, text: str = "", *, terminal: bool = False) -> None:
        super().__init__(text)
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


def ibmcloud(*argv: str, env: Mapping[str, str], stdin: str = "", terminal: bool = False) -> Said:
    """A command line in this process."""
    out, err = Screen(terminal=terminal), Screen(terminal=terminal)
    code = run(argv, env, Terminal(Screen(stdin, terminal=terminal), out, err))
    return Said(code, out.getvalue(), err.getvalue())


@dataclass
class Shell:
    """`names` are words for ids, `keys` the API keys of the personas, `homes` where their sessions are."""

    folder: Path
    server: Server
    names: dict[str, str]
    keys: dict[str, str]
    url: str = ""
    homes: dict[str, Path] = field(default_factory=dict)
    _uvicorn: uvicorn.Server | None = None
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Listens on a free port; requests are answered from here on."""
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        sockets = cast("Any", partial(web_socket, Connections(Limits())))
        config = uvicorn.Config(self.server, ws=sockets, log_config=None, access_log=False, lifespan="on")
        self._uvicorn = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._uvicorn.run, kwargs={"sockets": [listener]}, daemon=True)
        listener.listen()
        self._thread.start()

    def stop(self) -> None:
        if self._uvicorn is not None and self._thread is not None:
            self._uvicorn.should_exit = True
            self._thread.join(timeout=30)

    def env(self, persona: str = "owner") -> dict[str, str]:
        home = self.homes.setdefault(persona, self.folder / f"home-{persona}")
        home.mkdir(exist_ok=True)
        return {"IBMCLOUD_HOME": str(home), "KUNSTHALLE_URL": self.url}

    def log_in(self, persona: str = "owner", *more: str) -> None:
        said = ibmcloud("login", "--apikey", self.keys[persona], *more, env=self.env(persona))
        assert said.code == 0, said.err

    def run(self, *argv: str, who: str = "owner", stdin: str = "", env: Mapping[str, str] | None = None) -> Said:
        """A command line of a persona; what it set going is done when this returns, and a second has passed."""
        said = ibmcloud(*argv, env={**self.env(who), **(env or {})}, stdin=stdin)
        assert self.server.worker.settle()
        self.server.clock.set(self.server.clock.now() + SECOND)
        return said


def furnished(folder: Path) -> dict[str, str]:
    """Makes the world's resources in a folder; words for their ids and the personas' keys."""
    app = open_app(folder, SteadyIds(7), START)
    names = _furnish(app)
    keys = {f"key_{persona}": secret for persona, secret in app.keys.items()}
    app.close()
    return {**names, **keys}


def opening(template: Path, folder: Path, known: Mapping[str, str]) -> Shell:
    """A server of its own on a copy of the furnished folder, everybody logged in."""
    shutil.copytree(template, folder)
    settings = Settings(data=folder, hypervisor="simulated", clock="manual", public_url=PUBLIC)
    server = build(settings, OPERATOR, SteadyIds(11))
    server.clock.set(START + 3_600 * SECOND)
    keys = {name.removeprefix("key_"): value for name, value in known.items() if name.startswith("key_")}
    world = Shell(folder, server, dict(known), keys)
    world.start()
    for persona in PERSONAS:
        world.log_in(persona)
    return world


def _tick(app: App) -> None:
    app.settle()
    app.server.clock.set(app.server.clock.now() + SECOND)


def _named(app: App, who: str) -> dict[str, Any]:
    """Gives the network of an account names that do not change from run to run; its VPC."""
    vpc: dict[str, Any] = app.ok(who, "GET", "/v1/vpcs")["vpcs"][0]
    for kind, field_ in (("network_acls", "default_network_acl"), ("security_groups", "default_security_group")):
        app.ok(who, "PATCH", f"/v1/{kind}/{vpc[field_]['id']}", {"name": f"default-{kind.split('_')[1][:-1]}"})
    table = vpc["default_routing_table"]["id"]
    app.ok(who, "PATCH", f"/v1/vpcs/{vpc['id']}/routing_tables/{table}", {"name": "default-table"})
    return vpc


def _prototype(app: App, who: str, name: str, **source: Any) -> dict[str, Any]:
    subnet, key = app.ok(who, "GET", "/v1/subnets")["subnets"][0], app.ok(who, "GET", "/v1/keys")["keys"][0]
    return {
        "name": name,
        "zone": {"name": subnet["zone"]["name"]},
        "profile": {"name": "bx2-2x8"},
        "vpc": {"id": subnet["vpc"]["id"]},
        "keys": [{"id": key["id"]}],
        "primary_network_interface": {"name": "eth0", "subnet": {"id": subnet["id"]}},
        "boot_volume_attachment": {
            "name": "boot-attachment",
            "volume": {"name": f"{name}-boot", "profile": {"name": "general-purpose"}},
        },
        **source,
    }


def _product(app: App, names: dict[str, str]) -> None:
    """The image `golden`, published in the catalog `gallery` and shared with the consumer, who has accepted."""
    base = "/api/v1-beta"
    catalog = app.do("POST", f"{base}/catalogs", {"label": "gallery", "short_description": "Images of the store"})
    where = f"{base}/catalogs/{catalog['id']}/offerings"
    offering = app.do("POST", where, {"name": "golden-server", "label": "Golden server"})
    images = [{"id": names["golden"], "name": "golden", "region": "us-south"}]
    body = {"version": "1.0.0", "install_kind": "instance", "target_kinds": ["vpc-x86"], "metadata": {"images": images}}
    made = app.do("POST", f"{where}/{offering['id']}/version", body)
    version = made["kinds"][0]["versions"][0]
    locator = f"{base}/versions/{version['version_locator']}"
    app.do("POST", f"{locator}/validation/install", {}, x_auth_refresh_token="any")
    app.settle()
    app.do("POST", f"{locator}/consume-publish")
    app.do("POST", f"{where}/{offering['id']}/access", [app.accounts["consumer"]])
    app.do("POST", f"{where}/{offering['id']}/share", {"enabled": True})
    app.ok("consumer", "POST", f"{base}/shareapproval/offering/access/source/approved", [app.accounts["owner"]])
    names |= {"catalog": catalog["id"], "offering": offering["id"], "locator": version["version_locator"]}
    names |= {"version_crn": version["crn"], "offering_crn": made["crn"]}


def _furnish(app: App) -> dict[str, str]:
    names: dict[str, str] = {"absent": "r006-00000000-0000-4000-8000-00000000dead"}
    names |= {f"account_{who}": id_ for who, id_ in app.accounts.items()}
    for who in ("owner", "consumer", "outsider"):
        names[f"vpc_{who}"] = _named(app, who)["id"]
    for name in ("golden", "spare", "old"):
        names[name] = app.image(name)["id"]
        _tick(app)
    app.do("POST", f"/v1/images/{names['old']}/deprecate")
    _product(app, names)
    _tick(app)
    offer = {"catalog_offering": {"version": {"crn": names["version_crn"]}}}
    server = app.ok("consumer", "POST", "/v1/instances", _prototype(app, "consumer", "borrowed", **offer))
    _tick(app)
    names |= {"borrowed": server["id"], "boot": server["boot_volume_attachment"]["volume"]["id"]}
    template = app.ok("consumer", "POST", "/v1/instance/templates", _prototype(app, "consumer", "mould", **offer))
    body = {"name": "copy", "source_volume": {"id": names["boot"]}}
    names |= {"mould": template["id"], "copy": app.ok("consumer", "POST", "/v1/snapshots", body)["id"]}
    _tick(app)
    volume = {"name": "data", "capacity": 20, "profile": {"name": "general-purpose"}, "zone": {"name": "us-south-1"}}
    names["data"] = app.ok("consumer", "POST", "/v1/volumes", volume)["id"]
    _tick(app)
    own = app.do("POST", "/v1/instances", _prototype(app, "owner", "web", image={"id": names["spare"]}))
    names |= {"web": own["id"]}
    _tick(app)
    return names
