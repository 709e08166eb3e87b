"""What one account can do to another: waiting times of a tenant while another one misuses the server.

Each attack is a function of a `Caller` and a number that makes its requests differ; it is called again and again, by
processes of their own. What the server answers is counted and told, not judged: a refusal is the server's defence.
"""

from __future__ import annotations

import json
import multiprocessing
import socket
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

from tools.bench.imports import half_random
from tools.bench.processes import product
from tools.bench.report import Figure, Section
from tools.bench.world import SCENARIO, VERSION, Caller, token

from kunsthalle.disk_images.qcow2 import EXTENSION
from kunsthalle.disk_images.writers import write_qcow2

MOST = 3.0
_ATTACKERS = 2
_EXTENSIONS = 200_000
_SAMPLES, _IMPORTS = 60, 4
"""Calls of each kind, and imports, in one round."""
_MOST_ROUNDS = 2
_PATIENCE = 60.0
_PAUSE = 0.005
_CONNECTIONS = 100
_CATALOGS = "/api/v1-beta/catalogs"
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_SYSTEM = {"name": "debian-12-amd64"}
_BAD = (OSError, RuntimeError, HTTPException)


def search_with_many_terms(attacker: Caller, number: int) -> None:
    """A search of as many terms as fit."""
    terms = " OR ".join(f"name:*a{number % 7}{term}*" for term in range(250))
    attacker.call("POST", "/v3/resources/search", {"query": terms})


def big_patch(attacker: Caller, number: int) -> None:
    """A patch of many operations with long values on one offering."""
    offering = attacker.call("GET", f"{_offerings(attacker)}?limit=1")["resources"][0]
    value = f"{number} " + "x" * 1_500
    patch = [{"op": "replace", "path": "/short_description", "value": value}] * 500
    headers = {**attacker.headers, "If-Match": offering["_rev"]}
    attacker.send("PATCH", f"{_offerings(attacker)}/{offering['id']}", json.dumps(patch), headers)


def export_of_a_huge_image(attacker: Caller, _number: int) -> None:
    """An image of 200 GiB exported in the other format, again and again."""
    images = attacker.call("GET", f"/v1/images?name=huge&{VERSION}")["images"]
    where = f"/v1/images/{images[0]['id']}/export_jobs"
    made = attacker.call("POST", f"{where}?{VERSION}", {"storage_bucket": {"name": "images"}, "format": "vhd"})
    time.sleep(0.2)
    attacker.raw("DELETE", f"{where}/{made['id']}?{VERSION}")


def half_open_connections(attacker: Caller, _number: int) -> None:
    """Requests whose headers never end, and bodies that never come."""
    bearer = "".join(f"{name}: {value}\r\n" for name, value in attacker.headers.items())
    halves = (
        "GET /v1/images HTTP/1.1\r\nHost: localhost\r\nX-A: ",
        f"POST {_CATALOGS} HTTP/1.1\r\nHost: localhost\r\n{bearer}Content-Length: 900000\r\n\r\n{{",
    )
    held = []
    try:
        for count in range(_CONNECTIONS):
            connection = socket.create_connection(("127.0.0.1", attacker.port), timeout=5)
            held.append(connection)
            connection.sendall(halves[count % 2].encode())
        time.sleep(1)
    finally:
        for connection in held:
            connection.close()


def header_extension_imports(attacker: Caller, number: int) -> None:
    """Imports of a QCOW2 image with very many header extensions."""
    _post_image(attacker, f"extensions-{multiprocessing.current_process().pid}-{number}", "extensions.qcow2")


def large_imports(attacker: Caller, number: int) -> None:
    """Imports of an image that takes a while."""
    _post_image(attacker, f"large-{multiprocessing.current_process().pid}-{number}", "large.qcow2")


ATTACKS: tuple[Callable[[Caller, int], None], ...] = (
    search_with_many_terms,
    big_patch,
    export_of_a_huge_image,
    half_open_connections,
    header_extension_imports,
    large_imports,
)


def run(folder: Path, rounds: int) -> Section:
    """Each attack between two quiet spells; `rounds` is how often all calls of a spell are made, at most two."""
    data = folder / "data"
    figures, notes = [], []
    with product(data, *SCENARIO, core=None) as server:
        victim, attacker = _Victim(data, server.port), Caller(data, "outsider", server.port)
        _prepare(attacker)
        victim.spell(1)  # what is loaded at the first call
        for attack in ATTACKS:
            before = victim.spell(min(rounds, _MOST_ROUNDS))
            with _under(attack, data, server.port) as answers:
                during = victim.spell(min(rounds, _MOST_ROUNDS))
            after = victim.spell(1)
            name = attack.__name__.replace("_", " ")
            figures += [_figure(name, what, [*before[what], *after[what]], during[what]) for what in during]
            notes.append(f"{name}: {_told(answers)}.")
    method = (
        f"Calls of one account while {_ATTACKERS} processes of another account misuse the server: the 99th percentile "
        "of each, against the same calls of the quiet server before and after."
    )
    return Section("fairness", "Fairness", method, figures, notes)


class _Victim:
    """The calls of a tenant that has done nothing."""

    def __init__(self, data: Path, port: int) -> None:
        self._caller = Caller(data, "publisher", port)
        self.bucket = Path(self._caller.env["KUNSTHALLE_BUCKETS"]) / "images"
        self._number = 0

    def spell(self, rounds: int) -> dict[str, list[float]]:
        """Seconds of each call, by its name."""
        calls = {"sign-in": self._sign_in, "read": self._read, "write": self._write}
        taken: dict[str, list[float]] = {name: [] for name in (*calls, "import")}
        for _ in range(rounds):
            for _ in range(_SAMPLES):
                for name, call in calls.items():
                    taken[name].append(_seconds(call))
            taken["import"] += [_seconds(self._import) for _ in range(_IMPORTS)]
        return taken

    def _sign_in(self) -> None:
        token(lambda *call: self._caller.send(*call, _FORM), self._caller.env["IBMCLOUD_API_KEY"])

    def _read(self) -> None:
        self._caller.raw("GET", f"/v1/images?{VERSION}")

    def _write(self) -> None:
        self._number += 1
        self._caller.raw("POST", _CATALOGS, {"label": f"catalog {self._number}"})

    def _import(self) -> None:
        self._number += 1
        (self.bucket / "small.qcow2").unlink(missing_ok=True)
        write_qcow2(self.bucket / "small.qcow2", 2**30, b"%d" % self._number)
        image = _post_image(self._caller, f"small-{self._number}", "small.qcow2")
        until = time.monotonic() + _PATIENCE
        while image["status"] == "pending" and time.monotonic() < until:
            time.sleep(_PAUSE)
            image = self._caller.call("GET", f"/v1/images/{image['id']}?{VERSION}")
        if image["status"] != "available":
            raise RuntimeError(f"the import is {image['status']}: {image['status_reasons']}")


def _seconds(call: Callable[[], None]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def _post_image(caller: Caller, name: str, file: str) -> dict[str, Any]:
    body = {"name": name, "file": {"href": f"cos://us-south/images/{file}"}, "operating_system": _SYSTEM}
    made: dict[str, Any] = caller.call("POST", f"/v1/images?{VERSION}", body)
    return made


def _offerings(caller: Caller) -> str:
    return f"{_CATALOGS}/{caller.call('GET', _CATALOGS)['resources'][0]['id']}/offerings"


def _prepare(attacker: Caller) -> None:
    """What the attacks need: files in the attacker's bucket, a huge image, a catalog with an offering."""
    bucket = Path(attacker.env["KUNSTHALLE_BUCKETS"]) / "images"
    half_random(bucket / "large.qcow2", 128 * 2**20)
    write_qcow2(bucket / "huge.qcow2", 200 * 2**30, b"huge")
    _with_extensions(bucket / "extensions.qcow2")
    image = _post_image(attacker, "huge", "huge.qcow2")
    while image["status"] == "pending":
        time.sleep(_PAUSE)
        image = attacker.call("GET", f"/v1/images/{image['id']}?{VERSION}")
    catalog = attacker.call("POST", _CATALOGS, {"label": "attacker"})
    attacker.call("POST", f"{_CATALOGS}/{catalog['id']}/offerings", {"name": "offering"})


def _with_extensions(path: Path) -> None:
    """A version 3 header with clusters of 2 MiB, filled with empty extensions."""
    write_qcow2(path, 2**30, b"extensions")
    with path.open("r+b") as file:
        file.seek(20)
        file.write((21).to_bytes(4, "big"))
        file.seek(112)
        file.write(EXTENSION.pack(1, 0) * _EXTENSIONS)


@contextmanager
def _under(attack: Callable[[Caller, int], None], data: Path, port: int) -> Iterator[Counter[str]]:
    """Attackers at work meanwhile; afterwards the counter says what they were answered."""
    spawn = multiprocessing.get_context("spawn")
    ending, told, answers = spawn.Event(), spawn.Queue(), Counter[str]()
    ready = spawn.Semaphore(0)
    workers = [spawn.Process(target=_attack, args=(attack, data, port, ready, ending, told)) for _ in range(_ATTACKERS)]
    for worker in workers:
        worker.start()
    try:
        for _ in workers:
            ready.acquire(timeout=_PATIENCE)
        yield answers
    finally:
        ending.set()
        for worker in workers:
            with suppress(Exception):
                answers.update(told.get(timeout=_PATIENCE))
            worker.join(_PATIENCE)


def _attack(attack: Callable[[Caller, int], None], data: Path, port: int, ready: Any, ending: Any, told: Any) -> None:
    """One attacker's process: until it is told to end."""
    attacker, answers, number = Caller(data, "outsider", port), Counter[str](), 0
    while not ending.is_set():
        number += 1
        try:
            attack(attacker, number)
            answers["done"] += 1
        except _BAD as error:
            answers[_status(error)] += 1
            attacker.hang_up()
        if number == 1:
            ready.release()
    told.put(dict(answers))


def _status(error: Exception) -> str:
    """The status of an answer that `Caller` raised as an error, or what became of the connection."""
    words = str(error).split(": ", 1)[-1][:3]
    return words if words.isdigit() else type(error).__name__


def _told(answers: Counter[str]) -> str:
    return ", ".join(f"{count} {what}" for what, count in sorted(answers.items())) or "no request ended"


def _p99(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100, method="inclusive")[98]


def _figure(attack: str, what: str, quiet: list[float], during: list[float]) -> Figure:
    calm, under = _p99(quiet), _p99(during)
    ratio = under / calm
    texts = (f"{under * 1e3:.1f} ms", f"{calm * 1e3:.1f} ms quiet")
    return Figure(f"{what}, {attack}", *texts, ratio, f"≤ {MOST:.0f}", ratio <= MOST)
