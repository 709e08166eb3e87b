"""A port of its own for `/metrics`: threads of the standard library, beside the event loop of the APIs."""

from __future__ import annotations

import threading
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from kunsthalle.settings import BadSetting, Settings

_SECONDS = 10
"""How long a scraper may take to send its request."""


class _Handler(WSGIRequestHandler):
    timeout = _SECONDS

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  named by the class above
        """Scrapes are no lines of the log."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    allow_reuse_address = True


class _Server6(_Server):
    import socket

    address_family = socket.AF_INET6


def listen(settings: Settings, application: Any) -> int:
    """Serve an application on the port of the metrics, in a thread; the port. BadSetting where that is taken."""
    kind = _Server6 if ":" in settings.metrics_host else _Server
    try:
        server = make_server(settings.metrics_host, settings.metrics_port, application, kind, _Handler)
    except OSError as error:
        why = f"cannot listen on {settings.metrics_host} ({error.strerror}); choose another port"
        raise BadSetting("metrics_port", settings.metrics_port, why) from error
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return int(server.server_port)
