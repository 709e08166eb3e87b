"""Creating and deleting, against bare commits of SQLite on the same disk, as many as the product makes."""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec
from tools.bench.deciding import call_once
from tools.bench.imports import half_random
from tools.bench.measured_data import SCENARIO, VERSION, token
from tools.bench.processes import product
from tools.bench.report import Figure, Section

from kunsthalle.app import Server, build
from kunsthalle.core.sizes import MIB
from kunsthalle.local import environment
from kunsthalle.settings import Settings

LEAST = 0.5
_PAIRS = 40
_METHOD = (
    "{pairs} times create and delete, one call after the other, straight into the application without a socket; what "
    "jobs do of it is done before the next call. Against as many commits of one row each as the product made "
    "transactions, on a database of the same settings in the same folder; medians of {rounds} interleaved rounds, in "
    "rates of transactions."
)
_PLAIN = "CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, document TEXT NOT NULL)"


class Desk:
    """One account's calls, and how many transactions they have made."""

    def __init__(self, server: Server) -> None:
        self.server, self.loop = server, asyncio.new_event_loop()
        self._headers: dict[str, str] = {}
        self.transactions = 0
        write = server.store._write_once  # noqa: SLF001  what is counted

        def counted(*arguments: Any) -> Any:
            self.transactions += 1
            return write(*arguments)

        server.store.__dict__["_write_once"] = counted

    def sign_in(self, secret: str) -> None:
        """Have the calls bear a token of an API key."""
        self._headers = {"authorization": f"Bearer {token(self.raw, secret)}"}

    def raw(self, method: str, path: str, body: bytes) -> bytes:
        """The bytes of a 2xx answer; RuntimeError for any other."""
        told: list[bytes] = []
        status = self.loop.run_until_complete(call_once(self.server, method, path, self._headers, body, told))
        if status >= HTTPStatus.MULTIPLE_CHOICES:
            raise RuntimeError(f"{method} {path}: {status} {told}")
        return b"".join(told)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The document of a 2xx answer."""
        told = self.raw(method, path, b"" if body is None else msgspec.json.encode(body))
        return msgspec.json.decode(told) if told else None

    def settle(self) -> None:
        """Until no job runs any more."""
        self.server.worker.settle()


def _tag(desk: Desk, image: str, number: int) -> None:
    body = {"resources": [{"resource_id": desk.call("GET", _vpc("images", image))["crn"]}], "tag_names": [f"n{number}"]}
    desk.call("POST", "/v3/tags/attach", body)
    desk.call("POST", "/v3/tags/detach", body)
    desk.call("DELETE", f"/v3/tags/n{number}")


def _imported(desk: Desk, name: str) -> str:
    """The id of an image."""
    body = {
        "name": name,
        "file": {"href": "cos://us-south/images/small.qcow2"},
        "operating_system": {"name": "debian-12-amd64"},
    }
    made = desk.call("POST", _vpc("images"), body)
    desk.settle()
    return str(made["id"])


def _image(desk: Desk, _booted: str, number: int) -> None:
    desk.call("DELETE", _vpc("images", _imported(desk, f"made{number}")))
    desk.settle()


def _instance(desk: Desk, image: str, number: int) -> None:
    subnet = desk.call("GET", _vpc("subnets"))["subnets"][0]
    body = {
        "name": f"made{number}",
        "image": {"id": image},
        "zone": {"name": subnet["zone"]["name"]},
        "keys": [{"id": desk.call("GET", _vpc("keys"))["keys"][0]["id"]}],
        "profile": {"name": "bx2-2x8"},
        "primary_network_interface": {"subnet": {"id": subnet["id"]}},
    }
    made = desk.call("POST", _vpc("instances"), body)
    desk.settle()
    desk.call("DELETE", _vpc("instances", made["id"]))
    desk.settle()


WORKS: dict[str, Callable[[Desk, str, int], None]] = {"Image record": _image, "Instance": _instance, "Tag": _tag}


def _vpc(*parts: str) -> str:
    return f"/v1/{'/'.join(parts)}?{VERSION}"


def run(folder: Path, rounds: int) -> Section:
    """Each kind of resource once a round, each beside its commits."""
    data = folder / "writes"
    product(data, *SCENARIO).stop()
    who = environment.variables(data, "publisher")
    half_random(Path(who["KUNSTHALLE_BUCKETS"]) / "images" / "small.qcow2", MIB)
    server = build(Settings(data=data, hypervisor="simulated"), "operator-token-of-the-bench")
    server.start()
    try:
        desk = Desk(server)
        desk.sign_in(who["IBMCLOUD_API_KEY"])
        image = _imported(desk, "booted")
        found: dict[str, list[tuple[float, float, int]]] = {what: [] for what in WORKS}
        for what, work in WORKS.items():
            work(desk, image, 0)  # once before it counts
            found[what].clear()
        for number in range(rounds):
            for what, work in WORKS.items():
                seconds, commits = _timed(desk, partial(work, desk, image), 1 + number * _PAIRS)
                found[what].append((seconds, _bare(folder / "bare.sqlite", commits), commits))
    finally:
        server.stop()
    figures = [_figure(what, each) for what, each in found.items()]
    return Section("writes", "Writes", _METHOD.format(pairs=_PAIRS, rounds=rounds), figures)


def _timed(desk: Desk, work: Callable[[int], None], first: int) -> tuple[float, int]:
    """Seconds, and transactions."""
    before, begun = desk.transactions, time.perf_counter()
    for number in range(first, first + _PAIRS):
        work(number)
    return time.perf_counter() - begun, desk.transactions - before


def _bare(path: Path, commits: int) -> float:
    """Seconds of so many commits, with the settings of the product's writer."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "cache_size = -16000"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(_PLAIN)
        begun = time.perf_counter()
        for _ in range(commits):
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO rows (document) VALUES (?)", ("x" * 500,))
            connection.execute("COMMIT")
        return time.perf_counter() - begun


def _figure(what: str, each: list[tuple[float, float, int]]) -> Figure:
    ours = statistics.median(commits / seconds for seconds, _, commits in each)
    plain = statistics.median(commits / seconds for _, seconds, commits in each)
    ratio, commits = ours / plain, each[0][2] / _PAIRS
    name = f"{what}, created and deleted: {commits:.1f} transactions"
    return Figure(name, f"{ours:,.0f}/s", f"{plain:,.0f}/s bare", ratio, f"≥ {LEAST}", ratio >= LEAST)
