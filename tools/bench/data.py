"""The data plane against bare primitives on the same bytes: import, export, overlays, the same image twice."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tools.bench.imports import change, half_random, sha256_seconds
from tools.bench.processes import product
from tools.bench.report import Figure, Section
from tools.bench.world import SCENARIO, VERSION, Caller

_MIB, _GIB = 2**20, 2**30
_LARGE, _SMALL = 512 * _MIB, 16 * _MIB
_PAUSE, _PATIENCE = 0.002, 120
MOST_OVERLAY = 1.5
LEAST_IMPORT, LEAST_EXPORT, LEAST_CONVERT = 0.6, 0.5, 0.5


class _Bench:
    def __init__(self, caller: Caller, bucket: Path) -> None:
        self._caller, self._bucket, self._number = caller, bucket, 0
        self._zone = caller.call("GET", f"/v1/subnets?{VERSION}")["subnets"][0]["zone"]["name"]

    def timed(self, collection: str, body: Any, state: str, end: str) -> tuple[float, str]:
        """Seconds from the request until the thing is as it must be, and its path."""
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
            "name": f"image-{self._number}",
            "file": {"href": f"cos://us-south/images/{file.name}"},
            "operating_system": {"name": "debian-12-amd64"},
        }
        return self.timed("/v1/images", body, "status", "available")

    def exported(self, image: str, form: str) -> float:
        body = {"format": form, "storage_bucket": {"name": "images"}}
        took, path = self.timed(f"{image}/export_jobs", body, "status", "succeeded")
        export = self._caller.call("GET", f"{path}?{VERSION}")
        (self._bucket / export["storage_object"]["name"]).unlink()
        self._caller.call("DELETE", f"{path}?{VERSION}")
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
        self._caller.call("DELETE", f"{path}?{VERSION}")
        return took


def _took(deed: Callable[[], object]) -> float:
    begun = time.perf_counter()
    deed()
    return time.perf_counter() - begun


def _stored(folder: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def run(folder: Path, rounds: int) -> Section:
    """Each deed in turn with its primitive on the same file; medians of the ratios of a round."""
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
        seen.again.append(bench.imported(large)[0])
        grown = _stored(data / "blobs") - before
    return _section(seen, rounds, grown)


class _Seen:
    """Seconds, a number a round."""

    def __init__(self) -> None:
        names = "hash copy convert import_ export vhd small large again"
        self.hash, self.copy, self.convert, self.import_, self.export, self.vhd, self.small, self.large, self.again = (
            list[float]() for _ in names.split()
        )


def _round(bench: _Bench, seen: _Seen, large: Path, little: str, folder: Path) -> None:
    copy, converted = folder / "copy", folder / "converted"
    seen.hash.append(sha256_seconds(large))
    seen.copy.append(_took(lambda: shutil.copyfile(large, copy)))
    command = ["qemu-img", "convert", "-f", "qcow2", "-O", "vpc", "-o", "subformat=dynamic,force_size=on"]
    seen.convert.append(_took(lambda: subprocess.run([*command, large, converted], check=True)))
    took, image = bench.imported(large)
    seen.import_.append(took)
    seen.export.append(bench.exported(image, "qcow2"))
    seen.vhd.append(bench.exported(image, "vhd"))
    seen.small.append(bench.booted(little))
    seen.large.append(bench.booted(image))
    copy.unlink()
    converted.unlink()


def _ratio(one: list[float], other: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(one, other, strict=True))


def _speed(seconds: list[float], of: str = "") -> str:
    return f"{_LARGE / _MIB / statistics.median(seconds):,.0f} MiB/s {of}".rstrip()


def _section(seen: _Seen, rounds: int, grown: int) -> Section:
    imports, exports = _ratio(seen.hash, seen.import_), _ratio(seen.copy, seen.export)
    converts, overlay = _ratio(seen.convert, seen.vhd), _ratio(seen.large, seen.small)
    milliseconds = [f"{statistics.median(each) * 1e3:,.0f} ms" for each in (seen.large, seen.small)]
    size = f"{_LARGE // _MIB} MiB"
    return Section(
        "data",
        "Data",
        f"A qcow2 of {size}, half of it random, and its copies; each deed of the product from the request to its end, "
        f"in turn with its primitive on the same file; medians of {rounds} rounds, files in the page cache.",
        [
            Figure("Import", _speed(seen.import_), _speed(seen.hash, "sha256"), imports, f"≥ {LEAST_IMPORT}",
                   imports >= LEAST_IMPORT),
            Figure("Import", _speed(seen.import_), _speed(seen.copy, "cp"), _ratio(seen.copy, seen.import_)),
            Figure("Export as it is", _speed(seen.export), _speed(seen.copy, "cp"), exports, f"≥ {LEAST_EXPORT}",
                   exports >= LEAST_EXPORT),
            Figure("Export as VHD", _speed(seen.vhd), _speed(seen.convert, "qemu-img"), converts,
                   f"≥ {LEAST_CONVERT}", converts >= LEAST_CONVERT),
            Figure(f"Boot disk of {size}", milliseconds[0], f"{milliseconds[1]} of {_SMALL // _MIB} MiB", overlay,
                   f"≤ {MOST_OVERLAY}", overlay <= MOST_OVERLAY),
            Figure("The same image again, bytes stored", f"{grown / _MIB:.1f} MiB", f"{size} the first time",
                   grown / _LARGE, "0", grown == 0),
        ],
    )  # fmt: skip
