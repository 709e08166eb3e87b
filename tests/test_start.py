"""What a start loads, and when the rest follows."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from kunsthalle.all_tables import metadata
from kunsthalle.core.lazy import Lazy

# One start on an existing folder, one call: what was answered, and which modules were there then.
PROGRAM = """
import asyncio, json, sys, time
from pathlib import Path
from kunsthalle.app import build
from kunsthalle.settings import Settings

async def ask(server, path):
    sent = []
    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}
    async def send(message):
        sent.append((message.get("status"), list(sys.modules)))
    scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"",
             "headers": [(b"host", b"localhost"), (b"authorization", b"Bearer operator")], "scheme": "http"}
    await server(scope, receive, send)
    return sent[0]

server = build(Settings(data=Path(sys.argv[1])), "operator")
server.start()
status, modules = asyncio.run(ask(server, sys.argv[2]))
deadline = time.monotonic() + 30
while server.whole.known is None and time.monotonic() < deadline:
    time.sleep(0.01)
followed = server.whole.known is not None
server.stop()
print(json.dumps({"status": status, "modules": modules, "followed": followed}))
"""
ROOMS = {f"kunsthalle.{room}.routes" for room in ("accounts", "images", "catalogs", "networks", "instances")}


def _loaded(data: Path, path: str) -> tuple[int, set[str]]:
    command = [sys.executable, "-c", PROGRAM, str(data), path]
    output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    told = json.loads(output.splitlines()[-1])  # before it, what the log says of a busy machine
    assert told["followed"], "the packages are loaded behind the first answer"
    return told["status"], set(told["modules"])


@pytest.mark.by_turns(3)
@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/_kunsthalle/clock"])
def test_a_start_loads_no_room_before_a_call_needs_one(tmp_path: Path, path: str) -> None:
    _loaded(tmp_path / "data", "/healthz")
    status, modules = _loaded(tmp_path / "data", path)
    assert (status, modules & ROOMS) == (200, set())
    assert not modules & {
        "alembic",
        "cryptography",
        "joserfc",
        "structlog",
        "psycopg",
        "jinja2",
        "kunsthalle.console",
        "obstore",
        "kunsthalle.hypervisor.qemu.qemu_engine",
    }


def test_a_call_loads_the_rooms_and_nothing_of_s3(tmp_path: Path) -> None:
    status, modules = _loaded(tmp_path / "data", "/v1/images")
    assert (status, ROOMS - modules) == (401, set())
    assert "obstore" not in modules, "what is for S3 alone is loaded for S3 alone"


def test_a_path_that_nothing_knows_is_answered_by_the_whole(tmp_path: Path) -> None:
    status, modules = _loaded(tmp_path / "data", "/healthz/no")
    assert (status, ROOMS - modules) == (404, set())


def test_what_is_lazy_is_made_once_for_all_who_ask_at_once() -> None:
    made, gate = [], threading.Barrier(8)
    value = Lazy(lambda: made.append(None) or len(made))

    def ask() -> None:
        gate.wait()
        assert value() == 1

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(made) == 1


def test_what_could_not_be_made_is_tried_again() -> None:
    answers = iter([ValueError("not yet"), None])

    def make() -> None:
        answer = next(answers)
        if answer is not None:
            raise answer

    value = Lazy(make)
    with pytest.raises(ValueError, match="not yet"):
        value()
    assert (value(), value(), value.known) == (None, None, None)


def test_all_tables_are_found_by_whoever_has_loaded_nothing_else() -> None:
    """A new database gets every table, whatever else its process has loaded by then."""
    script = "from kunsthalle.all_tables import metadata; print(*sorted(metadata().tables))"
    alone = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert alone == sorted(metadata().tables)
    assert {"tags", "tag_links", "images", "audit"} <= set(alone)
