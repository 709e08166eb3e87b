"""The data plane against bare primitives on the same bytes: import, export, overlays, the same image twice."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.bench import boots
from tools.bench.imports import change, half_random, sha256_seconds
from tools.bench.measured_data import SCENARIO, VERSION, Caller
from tools.bench.processes import product, require
from tools.bench.report import Figure, Section

_MIB, _GIB = 2**20, 2**30
_LARGE, _SMALL = 512 * _MIB, 16 * _MIB
_PAUSE, _PATIENCE = 0.002, 120
MOST_OVERLAY, MOST_AGAIN = 1.5, 1.1
LEAST_IMPORT, LEAST_EXPORT, LEAST_CONVERT, LEAST_BOTH = 0.95, 1.0, 1.0, 1.7


class _Bench:
    def __init__(self, caller: Caller, bucket: Path, prefix: str = "image") -> None:
        self._caller, self._bucket, self._number, self._prefix = caller, bucket, 0, prefix
        self._zone = caller.call("GET", f"/v1/subnets?{VERSION}")["subnets"][0]["zone"]["name"]

    def timed(self, collection: str, body: Any, state: str, end: str) -> tuple[float, str]:
        """Seconds from the request until the resource is as it must be, and its path."""
        begun = time.perf_counter()
        made = self._caller.call("POST", f"{collection}?{VERSION}", body)
        path = f"{collection}/{made['id']}"
        while made[state] != end:
            if made[state] == "failed" or time.perf_counter() - begun > _PATIENCE:
                raise RuntimeError(f"{path} is {made[state]}: {made.get('status_reasons')}")
            time.sleep(_PAUSE)
            made = self._caller.call("GET", f"{path}?{VERSION}")
        return time.perf_counter() - begun, path

    def imported(self, file: Path) -> tuple[float, str]:
        self._number += 1
        body = {
            "name": f"{self._prefix}-{self._number}",
            "file": {"href": f"cos://us-south/images/{file.name}"},
            "operating_system": {"name": "debian-12-amd64"},
        }
        return self.timed("/v1/images", body, "status", "available")

    def exported(self, image: str, form: str) -> float:
        body = {"format": form, "storage_bucket": {"name": "images"}}
        took, path = self.timed(f"{image}/export_jobs", body, "status", "succeeded")
        export = self._caller.call("GET", f"{path}?{VERSION}")
        (self._bucket / export["storage_object"]["name"]).unlink()
        self._caller.raw("DELETE", f"{path}?{VERSION}")
        return took

    def booted(self, image: str) -> float:
        """Seconds until a server of the image runs: its overlay is made, and nothing else touches the image."""
        self._number += 1
        subnet = self._caller.call("GET", f"/v1/subnets?{VERSION}")["subnets"][0]
        body = {
            "name": f"server-{self._number}",
            "image": {"id": image.rsplit("/", 1)[1]},
            "zone": subnet["zone"],
            "primary_network_interface": {"subnet": {"id": subnet["id"]}},
        }
        took, path = self.timed("/v1/instances", body, "status", "running")
        self._caller.raw("DELETE", f"{path}?{VERSION}")
        return took


def _took(deed: Callable[[], object]) -> float:
    begun = time.perf_counter()
    deed()
    return time.perf_counter() - begun


def _stored(folder: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def run(folder: Path, rounds: int) -> Section:
    """Each action in turn with its primitive on the same file; medians of the ratios of a round."""
    require("qemu-img", "qemu-utils")
    data = folder / "data"
    with product(data, *SCENARIO, core=None) as server:
        caller = Caller(data, "publisher", server.port)
        bucket = Path(caller.env["KUNSTHALLE_BUCKETS"]) / "images"
        bench, seen = _Bench(caller, bucket), _Seen()
        large, small = bucket / "large.qcow2", bucket / "small.qcow2"
        half_random(large, _LARGE)
        half_random(small, _SMALL)
        little = bench.imported(small)[1]
        bench.booted(little)
        for number in range(rounds):
            change(large, number)
            _round(bench, seen, large, little, folder)
        before = _stored(data / "blobs")
        for _ in range(rounds):
            seen.hashing_again.append(sha256_seconds(large))
            seen.again.append(bench.imported(large)[0])
        grown = _stored(data / "blobs") - before
        files = {f"{size // _MIB} MiB": file for size, file in ((_SMALL, small), (_LARGE, large))}
        for number in range(rounds):
            change(large, 1_000_000 + number)
            seen.both.append(_both(data, server.port, large))
        for number in range(rounds):
            seen.burst.append(boots.burst(data, server.port, little.rsplit("/", 1)[1], number))
        kept = {name: Path(shutil.copyfile(file, folder / file.name)) for name, file in files.items()}
    return _section(seen, rounds, grown, boots.under_qemu(folder, kept, rounds))


def _both(data: Path, port: int, file: Path) -> float:
    """Seconds of two imports at once, of the file and of a copy that differs, each asked for by a caller of its own."""
    other = file.with_name("other.qcow2")
    shutil.copyfile(file, other)
    change(other, time.monotonic_ns() % 10**12)
    benches = [_Bench(Caller(data, "publisher", port), file.parent, f"both-{time.monotonic_ns()}-{n}") for n in (1, 2)]
    with ThreadPoolExecutor(2) as threads:
        begun = time.perf_counter()
        list(threads.map(lambda bench, path: bench.imported(path), benches, (file, other)))
        return time.perf_counter() - begun


@dataclass(slots=True)
class _Seen:
    """Seconds, a number a round."""

    hashing: list[float] = field(default_factory=list)
    copying: list[float] = field(default_factory=list)
    syncing: list[float] = field(default_factory=list)
    converting: list[float] = field(default_factory=list)
    importing: list[float] = field(default_factory=list)
    exporting: list[float] = field(default_factory=list)
    as_vhd: list[float] = field(default_factory=list)
    small: list[float] = field(default_factory=list)
    large: list[float] = field(default_factory=list)
    hashing_again: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    both: list[float] = field(default_factory=list)
    burst: list[float] = field(default_factory=list)
    converting_durably: list[float] = field(default_factory=list)


def _copy(source: Path, target: Path) -> None:
    """As it must be done by who says that the copy is there: on the disk."""
    shutil.copyfile(source, target)
    _sync(target)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _round(bench: _Bench, seen: _Seen, large: Path, little: str, folder: Path) -> None:
    copies, converted = [folder / "copy", folder / "kept"], folder / "converted"
    seen.hashing.append(sha256_seconds(large))
    seen.copying.append(_took(lambda: shutil.copyfile(large, copies[0])))
    seen.syncing.append(_took(lambda: _copy(large, copies[1])))
    command = ["qemu-img", "convert", "-f", "qcow2", "-O", "vpc", "-o", "subformat=dynamic,force_size=on"]
    seen.converting.append(_took(lambda: subprocess.run([*command, large, converted], check=True)))
    syncing = _took(lambda: _sync(converted))
    seen.converting_durably.append(seen.converting[-1] + syncing + sha256_seconds(converted))
    for path in (*copies, converted):
        path.unlink()
    took, image = bench.imported(large)
    seen.importing.append(took)
    turns = [(seen.small, little), (seen.large, image)]
    for seconds, which in turns if len(seen.hashing) % 2 else reversed(turns):
        seconds.append(bench.booted(which))
    bench.exported(image, "qcow2")  # an import goes around the page cache: the bytes are brought into it
    seen.exporting.append(bench.exported(image, "qcow2"))
    seen.as_vhd.append(bench.exported(image, "vhd"))


def _ratio(one: list[float], other: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(one, other, strict=True))


def _speed(seconds: list[float], of: str = "") -> str:
    return f"{_LARGE / _MIB / statistics.median(seconds):,.0f} MiB/s {of}".rstrip()


def _against(what: str, seconds: list[float], other: list[float], name: str, least: float | None = None) -> Figure:
    """The speed of a action, and of its primitive."""
    ratio = _ratio(other, seconds)
    bound, held = ("", None) if least is None else (f"≥ {least}", ratio >= least)
    return Figure(what, _speed(seconds), _speed(other, name), ratio, bound, held)


def _section(seen: _Seen, rounds: int, grown: int, machines: list[Figure]) -> Section:
    overlay, size = _ratio(seen.large, seen.small), f"{_LARGE // _MIB} MiB"
    large, small = (f"{statistics.median(each) * 1e3:,.0f} ms" for each in (seen.large, seen.small))
    little, again = f"{small} of {_SMALL // _MIB} MiB", "The same image again, bytes stored"
    repeated, both = _ratio(seen.again, seen.hashing_again), 2 * _ratio(seen.importing, seen.both)
    alone, together = statistics.median(seen.importing), statistics.median(seen.both)
    once = _speed(seen.hashing_again, "sha256")
    return Section(
        "data",
        "Data",
        f"A qcow2 of {size}, half of it random; each action of the product from request to end, in turn with its "
        f"primitive on the same file; medians of {rounds} rounds, everything in the page cache, servers simulated "
        "but those under QEMU, which has no KVM.",
        [
            _against("Import", seen.importing, seen.hashing, "sha256", LEAST_IMPORT),
            _against("Import", seen.importing, seen.syncing, "cp and fsync"),
            _against("Export as it is", seen.exporting, seen.copying, "cp"),
            _against("Export as it is", seen.exporting, seen.syncing, "cp and fsync", LEAST_EXPORT),
            _against("Export as VHD", seen.as_vhd, seen.converting, "qemu-img convert"),
            _against("Export as VHD", seen.as_vhd, seen.converting_durably, "convert, fsync, sha256", LEAST_CONVERT),
            Figure(
                "Two imports at once, in the time of one",
                f"{together:.2f} s",
                f"{alone:.2f} s of one",
                both,
                f"≥ {LEAST_BOTH}",
                both >= LEAST_BOTH,
            ),
            Figure(f"Server on {size}", large, little, overlay, f"≤ {MOST_OVERLAY}", overlay <= MOST_OVERLAY),
            Figure(again, f"{grown / _MIB:.1f} MiB", f"{size} the first time", grown / _LARGE, "0", grown == 0),
            Figure(
                "The same image again, time",
                _speed(seen.again),
                once,
                repeated,
                f"≤ {MOST_AGAIN}",
                repeated <= MOST_AGAIN,
            ),
            boots.burst_figure(seen.burst),
            *machines,
        ],
        [
            "What is answered as done is on the disk: imports and exports sync what they have written, cp does not.",
            "An import goes around the page cache, so the first export reads from the disk; measured is the second.",
        ],
    )
