"""What the product takes beyond the cloud for an instance: creation, stop, snapshot, deletion; and what it asks for.

Needs the OpenStack of `./dev fleet start`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from tools.bench.imports import change, half_random
from tools.bench.measured_data import VERSION, Caller
from tools.bench.processes import ROOT, Process, free_port, python
from tools.bench.report import Figure, Section

from kunsthalle.blobs.filesystem import FilesystemBlobs
from kunsthalle.core.sizes import GIB, MIB
from kunsthalle.disk_images.limits import Limits
from kunsthalle.disk_images.qemu_img import find_tools
from kunsthalle.hypervisor.disk_protocol import DiskKind, DiskSpec, ImageBytes
from kunsthalle.hypervisor.folder_disks import LocalStorage
from kunsthalle.hypervisor.openstack.cloud_access import find_cloud, open_cloud
from kunsthalle.hypervisor.openstack.openstack_engine import OpenStack
from kunsthalle.hypervisor.openstack.raw_images import RawImages
from kunsthalle.hypervisor.protocol import SeedSpec, ServerSpec

MOST_BEYOND = 0.150
MOST_CALLS = {"creation": 12, "stop": 4, "snapshot": 4, "deletion": 8}
"""Requests of each operation, without the looks while it is waited."""
_PAUSE, _PATIENCE = 0.005, 600
_CALLS = "KUNSTHALLE_BENCH_CALLS"
_IMAGE = 256 * MIB
_BOOTED = "KUNSTHALLE-BOOT-OK"
_CAPACITY = 100 * GIB
_SIZE = {"vcpus": 2, "memory_mib": 8 * 1024}
"""Of the profile that the product takes, and of the engine by hand."""


class Took(NamedTuple):
    """Seconds of an operation, those of them in which the cloud was at work, its requests and its looks."""

    seconds: float
    cloud: float
    calls: int
    looks: int


def run(folder: Path, rounds: int) -> Section:
    """The product, and the calls of its engine made by hand, in turn."""
    access = _access()
    os.environ.update(access)
    image = _image(folder)
    log = folder / "calls"
    log.touch()
    took: dict[str, list[Took]] = {name: [] for name in MOST_CALLS}
    by_hand: dict[str, list[float]] = {name: [] for name in MOST_CALLS}
    data, port = folder / "data", free_port()
    told = [f"{name}={value}" for name, value in {**access, _CALLS: str(log)}.items()]
    command = python("tools.bench.watched_cloud", "serve", "--data", data, "--port", port, "--scenario", "enterprise")
    with Process(["env", *told, *command, "--hypervisor", "openstack"], port, folder / "data.log", core=None) as server:
        bench = _Bench(Caller(data, "publisher", server.port), log, image)
        hand = _Hand(folder, image)
        for number in range(rounds + 1):
            for taken, kept in ((bench.story(number), took), (hand.story(), by_hand)):
                if number:  # the first ones bring the image, and make the flavor
                    for name, one in taken.items():
                        kept[name].append(one)  # type: ignore[attr-defined]  # each to its own
        bench.clear()
        hand.clear()
    return _section(took, by_hand, rounds, _volumes(folder, rounds))


def _volumes(folder: Path, rounds: int) -> dict[str, float]:
    """Median seconds of a volume of an image that the cloud has as it is, and of one that it has raw."""
    took: dict[str, list[float]] = {"qcow2": [], "raw": []}
    engines = {}
    for number, form in enumerate(took):
        image = folder / f"{form}.qcow2"
        half_random(image, _IMAGE)
        change(image, number)
        engines[form] = _engine(folder, image, raw=form == "raw")
        engines[form][0].disks.make(engines[form][1], None)
    for _ in range(rounds):
        for form, (engine, disk, _digest) in engines.items():
            with _timing(took[form].append):
                engine.disks.make(replace(disk, id="another"), None)
            engine.disks.delete(DiskKind.VOLUME, "another")
    for engine, disk, digest in engines.values():
        engine.disks.delete(DiskKind.VOLUME, disk.id)
        engine.disks.forget_base(digest)
    return {form: statistics.median(seconds) for form, seconds in took.items()}


def _engine(folder: Path, image: Path, *, raw: bool = True) -> tuple[OpenStack, DiskSpec, str]:
    """The engine without the product, which looks at the cloud all the time; a disk of the image, and its digest."""
    copy, blobs = folder / "copy", FilesystemBlobs(folder / "blobs")
    shutil.copy(image, copy)
    digest = hashlib.sha256(copy.read_bytes()).hexdigest()
    blobs.adopt(copy, digest)
    watched = replace(open_cloud(find_cloud("", os.environ)), wait=lambda _pause: time.sleep(_PAUSE))
    makes = RawImages(lambda: LocalStorage(folder / "disks", blobs, find_tools(), Limits())) if raw else None
    disk = DiskSpec(DiskKind.VOLUME, f"by-hand-{digest[:8]}", _CAPACITY, ImageBytes(digest, "qcow2"), _CAPACITY)
    return OpenStack(watched, blobs, folder / "consoles", makes), disk, digest


def _access() -> dict[str, str]:
    """The variables by which the lab is reached."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kunsthalle" / "fleet" / "lab"
    command = [sys.executable, "-m", "tools.fleet_lab", "env", "--dir", str(cache)]
    told = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(line.split("=", 1) for line in told.splitlines())


def _image(folder: Path) -> Path:
    """A disk that boots, says so, and stays."""
    image, cache = folder / "bootable.qcow2", Path.home() / ".cache" / "kunsthalle"
    command = [sys.executable, str(ROOT / "tools" / "make_boot_image.py"), str(image), "--cache", str(cache), "--stay"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return image


@dataclass
class _Bench:
    """The product, through its API."""

    caller: Caller
    log: Path
    image: Path
    id: str = ""

    def story(self, number: int) -> dict[str, Took]:
        """One life of an instance."""
        self.id = self.id or self._imported()
        call, took = self.caller.call, {}
        subnet = call("GET", f"/v1/subnets?{VERSION}")["subnets"][0]
        wish = {
            "name": f"server-{number}",
            "image": {"id": self.id},
            "zone": subnet["zone"],
            "profile": {"name": "bx2-2x8"},
            "primary_network_interface": {"subnet": {"id": subnet["id"]}},
        }
        made: dict[str, Any] = {}
        took["creation"] = self._timed(
            lambda: made.update(call("POST", f"/v1/instances?{VERSION}", wish)),
            lambda: self._status("instances", made) == "running",
        )
        until(lambda: _BOOTED in call("GET", f"/_kunsthalle/servers/{made['id']}/console")["text"], "the boot")
        action = f"/v1/instances/{made['id']}/actions?{VERSION}"
        took["stop"] = self._timed(
            lambda: call("POST", action, {"type": "stop"}), lambda: self._status("instances", made) == "stopped"
        )
        source = {"id": made["boot_volume_attachment"]["volume"]["id"]}
        snapshot: dict[str, Any] = {}
        took["snapshot"] = self._timed(
            lambda: snapshot.update(call("POST", f"/v1/snapshots?{VERSION}", {"source_volume": source})),
            lambda: self._status("snapshots", snapshot, "lifecycle_state") == "stable",
        )
        self._removed("snapshots", snapshot)
        took["deletion"] = self._removed("instances", made)
        return took

    def clear(self) -> None:
        """Removes the image, so that nothing is left in the cloud."""
        self._removed("images", {"id": self.id})

    def _imported(self) -> str:
        shutil.copy(self.image, Path(self.caller.env["KUNSTHALLE_BUCKETS"]) / "images" / self.image.name)
        file, system = {"href": f"cos://us-south/images/{self.image.name}"}, {"name": "debian-12-amd64"}
        body = {"name": "bootable", "file": file, "operating_system": system}
        image = self.caller.call("POST", f"/v1/images?{VERSION}", body)
        until(lambda: self._status("images", image) == "available", "the import")
        return str(image["id"])

    def _removed(self, kind: str, one: dict[str, Any]) -> Took:
        """Until it is gone."""
        path = f"/v1/{kind}/{one['id']}?{VERSION}"
        return self._timed(lambda: self.caller.raw("DELETE", path), lambda: self._status(kind, one) is None)

    def _status(self, kind: str, one: dict[str, Any], key: str = "status") -> Any:
        """None where it is gone."""
        try:
            found = self.caller.call("GET", f"/v1/{kind}/{one['id']}?{VERSION}")
        except RuntimeError as error:
            if ": 404 " in str(error):
                return None
            raise
        if found.get(key) == "failed":
            raise RuntimeError(f"{kind} {one['id']} failed: {found['status_reasons']}")
        return found.get(key, "there")

    def _timed(self, ask: Callable[[], object], done: Callable[[], object]) -> Took:
        place = self.log.stat().st_size
        begun = time.monotonic()
        ask()
        until(done, "an operation")
        ended = time.monotonic()
        with self.log.open() as file:
            file.seek(place)
            lines = [json.loads(line) for line in file]
        ours = [line for line in lines if line["thread"].startswith("jobs")]
        kinds = [line["kind"] for line in ours if line["begin"] < ended]
        busy = covered([(line["begin"], line["end"]) for line in ours], begun, ended)
        return Took(ended - begun, busy, kinds.count("call"), kinds.count("look"))


def covered(spans: list[tuple[float, float]], begin: float, end: float) -> float:
    """Seconds between two moments that are in at least one span."""
    total, reached = 0.0, begin
    for first, last in sorted(spans):
        if last > reached:
            total += max(0.0, min(last, end) - max(first, reached))
            reached = max(reached, min(last, end))
    return total


class _Hand:
    """The same calls without the product: its engine, told what to do, looking at the cloud all the time."""

    def __init__(self, folder: Path, image: Path) -> None:
        self._engine, self._disk, self._digest = _engine(folder, image)

    def story(self) -> dict[str, float]:
        """One life of an instance."""
        engine, disk, name = self._engine, self._disk, self._disk.id
        seed = SeedSpec(name, name, "", ())
        spec = ServerSpec(name, name, name, mac="02:00:0a:00:00:05", seed=seed, **_SIZE)
        took: dict[str, float] = {}

        def timed(what: str) -> AbstractContextManager[None]:
            return _timing(lambda seconds: took.update({what: seconds}))

        with timed("creation"):
            engine.disks.make(disk, None)
            engine.start(spec)
        until(lambda: _BOOTED.encode() in engine.console(name, 1 << 16), "the boot")
        with timed("stop"):
            engine.stop(name, _PATIENCE)
        with timed("snapshot"):
            engine.disks.snapshot(disk, "by-hand-moment")
        engine.disks.delete(DiskKind.SNAPSHOT, "by-hand-moment")
        with timed("deletion"):
            engine.delete(name)
            engine.disks.delete(DiskKind.VOLUME, name)
        return took

    def clear(self) -> None:
        self._engine.disks.forget_base(self._digest)


@contextmanager
def _timing(tell: Callable[[float], object]) -> Iterator[None]:
    begun = time.monotonic()
    yield
    tell(time.monotonic() - begun)


def until(done: Callable[[], object], what: str) -> None:
    """Returns soon after it is so."""
    deadline = time.monotonic() + _PATIENCE
    while not done():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} took too long")
        time.sleep(_PAUSE)


def _section(
    took: dict[str, list[Took]], by_hand: dict[str, list[float]], rounds: int, volumes: dict[str, float]
) -> Section:
    figures = []
    for name, all_ in took.items():
        beyond = statistics.median(one.seconds - one.cloud for one in all_)
        seconds, cloud = (statistics.median(of) for of in zip(*((one.seconds, one.cloud) for one in all_), strict=True))
        hand = statistics.median(by_hand[name])
        against = f"{cloud * 1e3:,.0f} ms the cloud (+{beyond * 1e3:,.0f} ms); {hand * 1e3:,.0f} ms by hand"
        bound = f"≤ {MOST_BEYOND * 1e3:.0f} ms more"
        figures.append(
            Figure(f"{name}", f"{seconds * 1e3:,.0f} ms", against, seconds / cloud, bound, beyond <= MOST_BEYOND)
        )
    for name, all_ in took.items():
        calls, looks = max(one.calls for one in all_), max(one.looks for one in all_)
        asked = f"{calls} and {looks} looks"
        most = MOST_CALLS[name]
        figures.append(Figure(f"{name}, requests", asked, "", None, f"≤ {most} and looks", calls <= most))
    cloned, converted = volumes["raw"], volumes["qcow2"]
    size = f"{_IMAGE // MIB} MiB"
    figures.append(
        Figure(
            f"volume of an image of {size}, raw",
            f"{cloned * 1e3:,.0f} ms",
            f"{converted * 1e3:,.0f} ms of QCOW2",
            cloned / converted,
            "< 1",
            cloned < converted,
        )
    )
    return Section(
        "fleet",
        "OpenStack",
        "An instance of an image that the cloud has, on the OpenStack of `./dev fleet`: from the request until the API "
        f"says that it is so; medians of {rounds} rounds. *The cloud* are the moments of the operation in which it "
        "has a request, or is at work on what the product waits for: it is looked at in between to know since when it "
        "is done. *By hand* are the same calls of the engine without the product, in turn with it. Requests are the "
        "most of any round; looks are those that ask whether it is done.",
        figures,
    )
