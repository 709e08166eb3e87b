"""A node that runs jobs and stands still before the last step of each, until a file says that it may go on.

`python -m nodes.halted_node NAME FOLDER SETTINGS`: `FOLDER/NAME` gets a line with the kind of each job that has come so
far, `FOLDER/NAME.go` lets it go on, `SETTINGS` are those of the server as JSON. A further kind of job, `test.record`,
writes down in the database who carries it out.
"""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import Any

from kunsthalle import wiring
from kunsthalle.app import build
from kunsthalle.db import kv
from kunsthalle.db.session import Session
from kunsthalle.jobs import queue, worker
from kunsthalle.settings import Settings

KIND, ACTORS = "test.record", "actors"


def _add(session: Session, text: str) -> None:
    kv.put(session, ACTORS, [*(kv.locked(session, ACTORS) or []), text])


def main(name: str, folder: Path, settings: dict[str, Any]) -> None:
    """Run until killed."""
    going, finish, join = folder / f"{name}.go", queue.Run.finish, wiring.join

    def halted(run: queue.Run, *steps: Any) -> Any:
        with (folder / name).open("a") as marks:
            marks.write(f"{run.job.kind}\n")
        while not going.exists():
            threading.Event().wait(0.02)
        return finish(run, *steps)

    def record(run: queue.Run) -> None:
        run.write(lambda session: _add(session, f"{name} begins"))
        run.finish(lambda session: _add(session, f"{name} ends"))

    def joined(*parts: Any) -> Any:
        routes, handlers = join(*parts)
        return routes, (*handlers, queue.Handler(KIND, record, lambda _session, _job, _error: None))

    setattr(queue.Run, "finish", halted)  # noqa: B010  a method of the product
    wiring.join = joined
    worker._SHARED = 100
    places = {key: Path(value) if key == "data" else value for key, value in settings.items()}
    server = build(Settings(**places), "token")
    server.worker.start()
    threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3]))
