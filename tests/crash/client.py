"""A client of a server that is killed again and again."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from kunsthalle.testing.served import Served

PATIENCE = 60
QUERY = "version=2025-06-30&generation=2"


class Gone(Exception):
    """The server died while it was asked: whether the action was done is not known."""


@dataclass
class Client:
    """The publisher, on a connection of its own."""

    served: Served
    token: str = ""

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(urlsplit(self.served.url).netloc, timeout=PATIENCE)
        raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        try:
            connection.request(
                method, path, raw, {"Authorization": f"Bearer {self.token}", "X-Auth-Refresh-Token": "x"}
            )
            answer = connection.getresponse()
            document = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Gone(f"{path}; exit code {self.served.ended}") from error
        finally:
            connection.close()
        return answer.status, json.loads(document) if document else None

    def sign_in(self) -> None:
        secret = self.served.env("publisher")["IBMCLOUD_API_KEY"]
        form = f"grant_type=urn:ibm:params:oauth:grant-type:apikey&apikey={secret}"
        self.token = self.call("POST", "/identity/token", form.encode())[1]["access_token"]
