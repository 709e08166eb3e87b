"""How long until servers run: one under QEMU beside QEMU started by hand, and a hundred simulated ones at once."""

from __future__ import annotations

import json
import os
import shutil
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tools.bench.measured_data import VERSION, Caller
from tools.bench.processes import product
from tools.bench.report import Figure

_BURST, _CALLERS = 100, 4
MOST_BURST, MOST_BEYOND, MOST_BY_SIZE = 2.0, 0.150, 1.2
_UNDER_QEMU = ("--hypervisor", "qemu", "--scenario", "enterprise")
_PAUSE, _PATIENCE = 0.002, 120
_BURST_PAUSE = 0.05
"""Between two questions about one server of a burst: many clients that ask all the time would be what is measured."""
_DISK = "disk.qcow2"
_MIB = 2**20


def _server(caller: Caller, image: str, name: str) -> dict[str, Any]:
    """The body of a request for a server."""
    subnet = caller.call("GET", f"/v1/subnets?{VERSION}")["subnets"][0]
    interface = {"subnet": {"id": subnet["id"]}}
    zone = {"name": subnet["zone"]["name"]}
    return {"name": name, "image": {"id": image}, "zone": zone, "primary_network_interface": interface}


def _until_running(caller: Caller, path: str, pause: float = _PAUSE) -> None:
    deadline = time.perf_counter() + _PATIENCE
    while (status := caller.call("GET", f"{path}?{VERSION}")["status"]) != "running":
        if status == "failed" or time.perf_counter() > deadline:
            raise RuntimeError(f"{path} is {status}")
        time.sleep(pause)


def burst(data: Path, port: int, image: str, spell: int) -> float:
    """Seconds from the first of a hundred requests for simulated servers, four at a time, until the last one runs."""
    callers = [Caller(data, "publisher", port) for _ in range(_CALLERS)]
    body = _server(callers[0], image, "burst")

    def ask(share: int) -> None:
        names = [f"burst-{spell}-{number}" for number in range(share, _BURST, _CALLERS)]
        made = [callers[share].call("POST", f"/v1/instances?{VERSION}", {**body, "name": name}) for name in names]
        for server in made:
            _until_running(callers[share], f"/v1/instances/{server['id']}", _BURST_PAUSE)

    begun = time.perf_counter()
    with ThreadPoolExecutor(_CALLERS) as threads:
        list(threads.map(ask, range(_CALLERS)))
    took = time.perf_counter() - begun
    while servers := callers[0].call("GET", f"/v1/instances?{VERSION}&limit=100")["instances"]:
        for server in servers:
            with suppress(RuntimeError):  # it is going already
                callers[0].raw("DELETE", f"/v1/instances/{server['id']}?{VERSION}")
    return took


def under_qemu(folder: Path, files: dict[str, Path], rounds: int) -> list[Figure]:
    """A server of each image, and QEMU with the same arguments by hand, in turn. No figures without QEMU."""
    if shutil.which("qemu-system-x86_64") is None:
        return []
    data = folder / "machines"
    took: dict[str, list[float]] = {name: [] for name in files}
    by_hand: list[float] = []
    with product(data, *_UNDER_QEMU, core=None) as server:
        caller = Caller(data, "publisher", server.port)
        images = {name: _image(caller, file.stem, file) for name, file in files.items()}
        for number in range(rounds + 1):
            for name, image in images.items():
                seconds, hand = _boot(caller, image, f"server-{name.split()[0]}-{number}", folder / "by-hand")
                if number:  # the first ones load what the others have loaded
                    took[name].append(seconds)
                    by_hand.append(hand)
    return _figures({name: statistics.median(found) for name, found in took.items()}, statistics.median(by_hand))


def _image(caller: Caller, name: str, file: Path) -> str:
    bucket = Path(caller.env["KUNSTHALLE_BUCKETS"]) / "images"
    shutil.copyfile(file, bucket / file.name)
    source = {"href": f"cos://us-south/images/{file.name}"}
    body = {"name": name, "file": source, "operating_system": {"name": "debian-12-amd64"}}
    image = caller.call("POST", f"/v1/images?{VERSION}", body)
    while image["status"] == "pending":
        time.sleep(_PAUSE)
        image = caller.call("GET", f"/v1/images/{image['id']}?{VERSION}")
    return str(image["id"])


def _boot(caller: Caller, image: str, name: str, folder: Path) -> tuple[float, float]:
    """Seconds until a server of the image runs, and until QEMU runs that is started with its arguments."""
    body = _server(caller, image, name)
    begun = time.perf_counter()
    made = caller.call("POST", f"/v1/instances?{VERSION}", body)
    path = f"/v1/instances/{made['id']}"
    _until_running(caller, path)
    seconds = time.perf_counter() - begun
    command = _copied(made["id"], folder)
    caller.raw("DELETE", f"{path}?{VERSION}")
    with suppress(RuntimeError):  # 404: it has gone
        while True:
            caller.raw("GET", f"{path}?{VERSION}")
            time.sleep(_PAUSE)
    with _started(command, folder) as hand:
        return seconds, hand


def _copied(server_id: str, folder: Path) -> list[str]:
    """The command line of a server's process, for a folder with copies of its small files and of its disk."""
    process = _process(server_id)
    words = (process / "cmdline").read_bytes().decode().rstrip("\0").split("\0")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for file in (process / "cwd").resolve().iterdir():
        if file.is_file() and file.suffix != ".pid":
            shutil.copyfile(file, folder / file.name)
    disk = next(word for word in words if word.startswith("file=/"))
    place = disk.removeprefix("file=").split(",if=")[0]
    shutil.copyfile(place.replace(",,", ","), folder / _DISK)
    return [word.replace(place, str(folder / _DISK)) for word in words]


def _process(server_id: str) -> Path:
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"guest={server_id},".encode() in (place / "cmdline").read_bytes():
                return place
    raise RuntimeError(f"no process of {server_id}")


@contextmanager
def _started(command: list[str], folder: Path) -> Iterator[float]:
    """Seconds until QEMU says that the guest executes."""
    begun = time.perf_counter()
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=folder, stdin=quiet, stdout=quiet, stderr=quiet)
    try:
        while not _runs(folder):
            if process.poll() is not None or time.perf_counter() - begun > _PATIENCE:
                raise RuntimeError(f"QEMU ended with {process.returncode}: {' '.join(command)}")
            time.sleep(_PAUSE)
        yield time.perf_counter() - begun
    finally:
        process.kill()
        process.wait()


def _runs(folder: Path) -> bool:
    here = os.open(folder, os.O_PATH)  # the name of a socket has few characters
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(f"/proc/self/fd/{here}/qmp.sock")
            with line.makefile("rw") as words:
                words.readline()
                for command in ("qmp_capabilities", "query-status"):
                    words.write(json.dumps({"execute": command}) + "\n")
                    words.flush()
                    answer = json.loads(words.readline())
                return bool(answer["return"].get("running"))
    except OSError:
        return False
    finally:
        os.close(here)


def _figures(took: dict[str, float], hand: float) -> list[Figure]:
    (small, little), (large, much) = took.items()
    beyond, by_size = little - hand, much / little
    against = f"{hand * 1e3:,.0f} ms QEMU by hand (+{beyond * 1e3:,.0f} ms)"
    bound = f"≤ {MOST_BEYOND * 1e3:.0f} ms more"
    first = f"Server under QEMU, image of {small}"
    second = f"Server under QEMU, image of {large}"
    sized = f"{little * 1e3:,.0f} ms of {small}"
    return [
        Figure(first, f"{little * 1e3:,.0f} ms", against, little / hand, bound, beyond <= MOST_BEYOND),
        Figure(second, f"{much * 1e3:,.0f} ms", sized, by_size, f"≤ {MOST_BY_SIZE}", by_size <= MOST_BY_SIZE),
    ]


def burst_figure(seconds: list[float]) -> Figure:
    took = statistics.median(seconds)
    what = f"{_BURST} simulated servers, asked for {_CALLERS} at a time"
    return Figure(what, f"{took:.2f} s", "", None, f"≤ {MOST_BURST:g} s", took <= MOST_BURST)
