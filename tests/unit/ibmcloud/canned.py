"""A server that answers what it is told to: for answers that ours never gives."""

from __future__ import annotations

import base64
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl


def token(**claims: Any) -> str:
    """A token that nobody signed: the command line reads its claims only."""
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{part}.e30"


ACCOUNT = "2bb222bb2b22222bbb2b2222bb2bb222"


@dataclass
class Canned:
    """`answers` maps a path to a status and a body: bytes as they are, everything else as JSON."""

    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    otherwise: tuple[int, Any] = (404, b"")
    calls: list[tuple[str, Any]] = field(default_factory=list)
    queries: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    def session(self, folder: Path) -> dict[str, str]:
        """The environment of somebody who is logged in there."""
        place = folder / ".bluemix"
        place.mkdir()
        kept = {
            "APIEndpoint": self.url,
            "Region": "us-south",
            "IAMToken": f"Bearer {token(email='first.last@email.com', account={'bss': ACCOUNT})}",
            "IAMRefreshToken": "refresh",
            "Account": {"GUID": ACCOUNT, "Name": "TeamAccount"},
        }
        (place / "config.json").write_text(json.dumps(kept))
        return {"IBMCLOUD_HOME": str(folder)}


@contextmanager
def canned(**answers: tuple[int, Any]) -> Iterator[Canned]:
    made = Canned(dict(answers))

    class Handler(http.server.BaseHTTPRequestHandler):
        wbufsize = -1  # an answer is one packet: of two, the second waits for an acknowledgement

        def answer(self) -> None:
            path, _, query = self.path.partition("?")
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            made.calls.append((f"{self.command} {path}", json.loads(sent) if sent else None))
            made.queries.append((path, dict(parse_qsl(query))))
            status, body = made.answers.get(path, made.otherwise)
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_arguments: Any) -> None:
            """Nothing."""

    for method in ("GET", "POST", "PATCH", "PUT", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.answer)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
