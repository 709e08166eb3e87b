"""wrk as the load where it is installed: it costs less of its core than ours."""

from __future__ import annotations

import re
import shutil
import subprocess

from tools.bench.load import Ask, Outcome
from tools.bench.processes import CLIENT_CORE, on_core

_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}
_REFUSED = 300


def found() -> bool:
    """Whether wrk is on the path."""
    return shutil.which("wrk") is not None


def load(port: int, asks: list[Ask], connections: int, seconds: float) -> dict[str, Outcome]:
    """As `load.load`, for one ask. wrk counts whole seconds."""
    (ask,) = asks
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--latency"]
    command += [part for name, value in ask.headers.items() for part in ("-H", f"{name}: {value}")]
    with on_core(CLIENT_CORE):
        ran = subprocess.run(
            [*command, f"http://127.0.0.1:{port}{ask.path}"], capture_output=True, text=True, check=True
        )
    return {ask.label: parse(ran.stdout, refused=ask.status >= _REFUSED)}


def parse(text: str, *, refused: bool) -> Outcome:
    """What wrk says. RuntimeError unless all answers, or (where refusals are expected) none, were 2xx or 3xx."""
    count = int(_one(r"^\s*(\d+) requests in", text))
    others = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    if (int(others[1]) if others else 0) != (count if refused else 0) or "Socket errors" in text:
        raise RuntimeError(f"not the answers that were expected:\n{text}")
    at = {part: _seconds(_one(rf"^\s*{part}%\s+(\S+)", text)) for part in ("50", "99")}
    return Outcome(float(_one(r"^Requests/sec:\s+([\d.]+)", text)), at["50"], at["99"], count)


def _one(pattern: str, text: str) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    if match is None:
        raise RuntimeError(f"wrk said something else:\n{text}")
    return match[1]


def _seconds(text: str) -> float:
    number, session = re.fullmatch(r"([\d.]+)([a-z]+)", text).groups()  # type: ignore[union-attr]  # or it raises, rightly
    return float(number) * _UNITS[session]
