"""What one account can do to another: waiting times of a tenant while another one misuses the server.

Each attack is a function of a `Caller` and a number that makes its requests differ; it is called again and again, by
processes of their own. What the server answers is counted and told, not judged: a refusal is the server's defence.

Quiet spells and spells under attack take turns, so that other work of the machine meets both. Attackers elsewhere have
processors of their own, which these have not: so they run only while a processor has nothing else to do (`SCHED_IDLE`;
a low priority alone lets each of their slices of 3 ms end first).
"""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any, Self

from tools.bench.imports import half_random
from tools.bench.measured_data import SCENARIO, VERSION, Caller, token
from tools.bench.processes import product
from tools.bench.report import Figure, Section

from kunsthalle.disk_images.qcow2 import EXTENSION
from kunsthalle.disk_images.writers import write_qcow2
from kunsthalle.local import folder

MOST = 3.0
_ATTACKERS = 2
_EXTENSIONS = 200_000
_SAMPLES, _IMPORTS = 60, 10
"""Calls of each kind, and imports, in one spell."""
_MOST_ROUNDS = 60
_PATIENCE, _DRAIN_PATIENCE = 60.0, 600.0
_PAUSE = 0.005
_CONNECTIONS = 100
_CLOCK = "/_kunsthalle/clock"
_CATALOGS = "/api/v1-beta/catalogs"
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_SYSTEM = {"name": "debian-12-amd64"}
_BAD = (OSError, RuntimeError, HTTPException)


def search_with_many_terms(attacker: Caller, number: int) -> None:
    """A search of more terms than are allowed."""
    _search(attacker, number, 250)


def search_with_100_terms(attacker: Caller, number: int) -> None:
    """A search that is answered."""
    _search(attacker, number, 100)


def _search(attacker: Caller, number: int, count: int) -> None:
    terms = " OR ".join(f"name:*a{number % 7}{term}*" for term in range(count))
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
    search_with_100_terms,
    big_patch,
    export_of_a_huge_image,
    half_open_connections,
    header_extension_imports,
    large_imports,
)


def run(place: Path, rounds: int) -> Section:
    """Each attack in spells between quiet ones, `rounds` of both, at most sixty, on a server of its own."""
    figures, notes = [], []
    for attack in ATTACKS:
        name = attack.__name__.replace("_", " ")
        quiet, during, told = _measured(attack, place / name.replace(" ", "-") / "data", min(rounds, _MOST_ROUNDS))
        figures += [_figure(name, what, quiet.taken[what], during.taken[what]) for what in during.taken]
        notes.append(f"{name}: {told}.")
    method = (
        f"Calls of one account while {_ATTACKERS} processes of another account misuse the server, in what time the "
        "processors have left: the 99th percentile of each, against those of the quiet server in spells between."
    )
    return Section("fairness", "Fairness", method, figures, notes)


def _measured(attack: Callable[[Caller, int], None], data: Path, rounds: int) -> tuple[_Spells, _Spells, str]:
    """The quiet spells, those under attack, and what the attackers were answered."""
    quiet, during = _Spells(), _Spells()
    data.parent.mkdir()
    with product(data, *SCENARIO, core=None) as server:
        victim, attacker = _Victim(data, server.port), Caller(data, "outsider", server.port)
        _prepare(attacker)
        victim.spell()  # what is loaded at the first call
        with _Attackers(attack, data, server.port) as attackers:
            for _ in range(rounds):
                quiet.add(victim.spell())
                with attackers.at_work():
                    during.add(victim.spell())
                victim.wait_for_jobs()
        return quiet, during, attackers.told()


class _Spells:
    """Seconds of calls, by the name of the call."""

    def __init__(self) -> None:
        self.taken: dict[str, list[float]] = {}

    def add(self, spell: dict[str, list[float]]) -> None:
        for name, seconds in spell.items():
            self.taken.setdefault(name, []).extend(seconds)


class _Victim:
    """The calls of a tenant that has done nothing."""

    def __init__(self, data: Path, port: int) -> None:
        self._caller = Caller(data, "publisher", port)
        self.bucket = Path(self._caller.env["KUNSTHALLE_BUCKETS"]) / "images"
        self._number = 0
        self._operator = {"Authorization": f"Bearer {folder.credentials(data)['operator_token']}"}

    def spell(self) -> dict[str, list[float]]:
        """Seconds of each call, by its name."""
        calls = {"sign-in": self._sign_in, "read": self._read, "write": self._write}
        taken: dict[str, list[float]] = {name: [] for name in (*calls, "import")}
        for _ in range(_SAMPLES):
            for name, call in calls.items():
                taken[name].append(_seconds(call))
        taken["import"] += [_seconds(self._import) for _ in range(_IMPORTS)]
        return taken

    def wait_for_jobs(self) -> None:
        """Returns once no job runs or waits, so that a quiet spell is one."""
        until = time.monotonic() + _DRAIN_PATIENCE
        while json.loads(self._caller.send("GET", _CLOCK, None, self._operator))["pending_jobs"]:
            if time.monotonic() > until:
                raise RuntimeError("jobs of the attack still run")
            time.sleep(_PAUSE)

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


class _Attackers:
    """Processes that attack while they are told to; afterwards `told` says what they were answered."""

    def __init__(self, attack: Callable[[Caller, int], None], data: Path, port: int) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._going, self._ending, self._answers = spawn.Event(), spawn.Event(), spawn.Queue()
        self._begun, self._idle = spawn.Semaphore(0), spawn.Semaphore(0)
        signals = (self._going, self._ending, self._begun, self._idle, self._answers)
        arguments = (attack, data, port, *signals)
        self._workers = [spawn.Process(target=_attack, args=arguments) for _ in range(_ATTACKERS)]
        self._counted, self._seconds = Counter[str](), 0.0

    def __enter__(self) -> Self:
        for worker in self._workers:
            worker.start()
        self._wait(self._idle)
        return self

    def __exit__(self, *error: object) -> None:
        self._ending.set()
        self._going.set()
        for worker in self._workers:
            with suppress(Exception):
                self._counted.update(self._answers.get(timeout=_PATIENCE))
            worker.join(_PATIENCE)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """They attack meanwhile: each has ended one attack before, and ends its last one after."""
        self._going.set()
        self._wait(self._begun)
        begun = time.perf_counter()
        try:
            yield
        finally:
            self._seconds += time.perf_counter() - begun
            self._going.clear()
            self._wait(self._idle)

    def _wait(self, semaphore: Any) -> None:
        for _ in self._workers:
            if not semaphore.acquire(timeout=_PATIENCE):
                raise RuntimeError("an attacker hangs")

    def told(self) -> str:
        """How many answers of which status there were, and in how many seconds."""
        counts = ", ".join(f"{count} {what}" for what, count in sorted(self._counted.items()))
        return f"{counts or 'no request ended'} in {self._seconds:.1f} s"


def _attack(
    attack: Callable[[Caller, int], None],
    data: Path,
    port: int,
    going: Any,
    ending: Any,
    begun: Any,
    idle: Any,
    answers: Any,
) -> None:
    """One attacker's process: until it is told to end."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    attacker, counted, number, working = Caller(data, "outsider", port), Counter[str](), 0, False
    while not ending.is_set():
        if not going.is_set():
            working = False
            idle.release()
            going.wait()
            continue
        number += 1
        try:
            attack(attacker, number)
            counted["done"] += 1
        except _BAD as error:
            counted[_status(error)] += 1
            attacker.hang_up()
        if not working:
            working = True
            begun.release()
    answers.put(dict(counted))


def _status(error: Exception) -> str:
    """The status of an answer that `Caller` raised as an error, or what became of the connection."""
    words = str(error).split(": ", 1)[-1][:3]
    return words if words.isdigit() else type(error).__name__


def _p99(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100, method="inclusive")[98]


def _figure(attack: str, what: str, quiet: list[float], during: list[float]) -> Figure:
    calm, under = _p99(quiet), _p99(during)
    ratio = under / calm
    texts = (f"{under * 1e3:.1f} ms", f"{calm * 1e3:.1f} ms quiet")
    return Figure(f"{what}, {attack}", *texts, ratio, f"≤ {MOST:.0f}", ratio <= MOST)
