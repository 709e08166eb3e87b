"""How fast an image comes in, against hashing alone; whether memory stays flat; how soon a wrong file is refused."""

from __future__ import annotations

import hashlib
import os
import statistics
import time
from pathlib import Path
from typing import Any

from tools.bench.measured_data import SCENARIO, VERSION, Caller
from tools.bench.processes import Process, product
from tools.bench.report import Figure, Section

from kunsthalle.disk_images.writers import CLUSTER, write_qcow2

LEAST = 0.95
MOST_GROWTH = 16 * 2**20
"""Bytes of memory that a file eight times as large may take more: an allocator's noise, not a share of the file."""
MOST_LATER = 1.5
_LARGE, _SMALL = 512 * 2**20, 64 * 2**20
_CHUNK = 128 * 1024
_PAUSE = 0.005
_PATIENCE = 120
_MIB = 2**20


def run(folder: Path, rounds: int) -> Section:
    """Hashing and importing the same file in turn, its bytes changed every round so that nothing is known already."""
    data = folder / "data"
    with product(data, *SCENARIO, core=None) as server:
        caller = Caller(data, "publisher", server.port)
        bucket = Path(caller.env["KUNSTHALLE_BUCKETS"]) / "images"
        large, small = bucket / "large.qcow2", bucket / "small.qcow2"
        half_random(large, _LARGE)
        half_random(small, _SMALL)
        bench = _Bench(server, caller, bucket)
        bench.available(small)
        hashing, importing = [], []
        for number in range(rounds):
            change(large, number)
            hashing.append(sha256_seconds(large))
            importing.append(bench.available(large))
        growth = [bench.growth(small, rounds), bench.growth(large, rounds)]
        refusals = bench.refusals(rounds)
    return _section(hashing, importing, growth, refusals, large_size=_LARGE)


def half_random(path: Path, size: int) -> None:
    """A qcow2 whose file has at least `size` bytes, every other cluster of them random."""
    plain = (b"The same line of a log again and again.\n" * CLUSTER)[:CLUSTER]

    def cluster(offset: int) -> bytes:
        return plain if offset // CLUSTER % 2 else hashlib.shake_128(b"%d" % offset).digest(CLUSTER)

    write_qcow2(path, size, cluster)


def change(path: Path, number: int) -> None:
    """Other content in the same structure: a few bytes of the first data cluster, which follows the header's."""
    with path.open("r+b") as file:
        file.seek(CLUSTER)
        file.write(b"round %12d" % number)


def sha256_seconds(path: Path) -> float:
    """Seconds of hashlib.sha256 alone on a file."""
    begun, digest = time.perf_counter(), hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    digest.hexdigest()
    return time.perf_counter() - begun


class _Bench:
    """Imports through the API of a running server."""

    def __init__(self, server: Process, caller: Caller, bucket: Path) -> None:
        self._server = server
        self._caller = caller
        self._bucket = bucket
        self._number = 0

    def ended(self, path: Path, status: str) -> float:
        """Seconds from the request until the image has the status that it must end with."""
        self._number += 1
        body = {
            "name": f"image-{self._number}",
            "file": {"href": f"cos://us-south/images/{path.name}"},
            "operating_system": {"name": "debian-12-amd64"},
        }
        begun = time.perf_counter()
        image: dict[str, Any] = self._caller.call("POST", f"/v1/images?{VERSION}", body)
        while image["status"] == "pending" and time.perf_counter() - begun < _PATIENCE:
            time.sleep(_PAUSE)
            image = self._caller.call("GET", f"/v1/images/{image['id']}?{VERSION}")
        took = time.perf_counter() - begun
        if image["status"] != status:
            raise RuntimeError(f"the image is {image['status']}: {image['status_reasons']}")
        return took

    def available(self, path: Path) -> float:
        return self.ended(path, "available")

    def growth(self, path: Path, rounds: int) -> int:
        """The most bytes that an import of the file needed beyond those before it; the median of some."""
        found = []
        for number in range(rounds):
            change(path, 1_000_000 + number)
            self._server.forget_peak()
            before = self._server.peak()
            self.available(path)
            found.append(self._server.peak() - before)
        return int(statistics.median(found))

    def refusals(self, rounds: int) -> dict[int, float]:
        """Median seconds until a file that is no image is refused, by its size."""
        taken: dict[int, list[float]] = {_MIB: [], _LARGE: []}
        for size in taken:
            with (self._bucket / f"wrong-{size}.qcow2").open("wb") as file:
                file.write(b"\x7fELF" + bytes(60))
                os.truncate(file.fileno(), size)
        for _ in range(rounds):
            for size, seconds in taken.items():
                seconds.append(self.ended(self._bucket / f"wrong-{size}.qcow2", "failed"))
        return {size: statistics.median(seconds) for size, seconds in taken.items()}


def _section(
    hashing: list[float], importing: list[float], growth: list[int], refusals: dict[int, float], large_size: int
) -> Section:
    ratio = statistics.median(one / other for one, other in zip(hashing, importing, strict=True))
    speeds = [f"{large_size / _MIB / statistics.median(each):,.0f} MiB/s" for each in (importing, hashing)]
    little, much = growth
    soon, late = refusals[_MIB], refusals[_LARGE]
    size = f"{large_size // _MIB} MiB"
    return Section(
        "import",
        "Import",
        f"A qcow2 of {size}, half of it random, from `POST /v1/images` until the image is `available`, in turn with "
        f"hashlib.sha256 on the same file; medians of {len(hashing)} rounds, files in the page cache, no core fixed.",
        [
            Figure("Throughput", speeds[0], f"{speeds[1]} sha256", ratio, f"≥ {LEAST}", ratio >= LEAST),
            Figure(
                f"Peak memory beyond idle, {size}",
                f"{much / _MIB:.1f} MiB",
                f"{little / _MIB:.1f} MiB for {_SMALL // _MIB} MiB",
                None,
                f"≤ {MOST_GROWTH // _MIB} MiB more",
                much - little <= MOST_GROWTH,
            ),
            Figure(
                f"Refusal of a wrong kind, {size}",
                f"{late * 1e3:.1f} ms",
                f"{soon * 1e3:.1f} ms for 1 MiB",
                late / soon,
                f"≤ {MOST_LATER}",
                late / soon <= MOST_LATER,
            ),
        ],
    )
