"""Who makes the calls of the demo and prints them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

from kunsthalle.core.records import dataclass
from kunsthalle.local.client import access_token, exchange
from kunsthalle.local.display import Paint
from kunsthalle.testing.served import Served

_QUERY = "version=2025-06-30&generation=2"
_PATIENCE = 60
"""Seconds."""
_PAUSE = 0.05
"""Seconds."""
_ID = re.compile(
    r"(?<![0-9a-z])((?:[0-9a-z]{4}[-_])?[0-9a-f]{8})(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<![0-9a-z])([0-9a-f]{8})[0-9a-f]{24}(?![0-9a-f])"
)
"""Ids of resources, with the prefix of their region or without; and those of accounts."""


class StepFailed(Exception):
    """A step answered other than it should."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, decoded body (None when empty), and the bytes."""

    status: int
    body: Any
    raw: bytes


Note = Callable[[dict[str, Any]], object]


def shortened(text: str) -> str:
    """Return the text with the beginning of each id alone: `r006-1e09281b…`."""
    return _ID.sub(lambda match: f"{match[1] or match[2]}…", text)


class Teller:
    """Prints the story and makes the calls. `accounts` are known by their names in the scenario.

    `note` is given each step for programs: its chapter, what it was, whether it was as it should be. `paint` puts
    colours around texts.
    """

    def __init__(self, served: Served, write: Callable[[str], object], note: Note, paint: Paint) -> None:
        self.served = served
        self._write, self._note, self._paint, self._chapter = write, note, paint, ""
        self._tokens: dict[str, str] = {}
        self.steps = 0

    def say(self, text: str = "") -> None:
        self._write(text + "\n")

    def chapter(self, title: str) -> None:
        self._chapter = title
        self.say("\n" + self._paint("bold", title))

    def line(self, who: str, text: str) -> None:
        """What somebody does."""
        self.say(f"  {self._paint('who', who.ljust(11))} {text}")

    def id_of(self, account: str) -> str:
        return self.served.env(account)["IBMCLOUD_ACCOUNT_ID"]

    def _send(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> Answer:
        answer = exchange(self.served.url, method, path, body, headers, timeout=60)
        return Answer(answer.status, json.loads(answer.content) if answer.content else None, answer.content)

    def token(self, account: str) -> str:
        """The account's bearer token."""
        if account not in self._tokens:
            key = self.served.env(account)["IBMCLOUD_API_KEY"]
            self._tokens[account] = access_token(self.served.url, key)
        return self._tokens[account]

    def call(self, account: str, method: str, path: str, body: Any = None, trace: str = "") -> Answer:
        """A call of an account, not told."""
        if path.startswith("/v1/"):
            path += ("&" if "?" in path else "?") + _QUERY
        head = {"Authorization": f"Bearer {self.token(account)}", "Content-Type": "application/json"}
        head |= {"X-Request-Id": trace} if trace else {}
        head["X-Auth-Refresh-Token"] = "demo"
        return self._send(method, path, head, None if body is None else json.dumps(body).encode())

    def step(self, account: str, text: str, method: str, path: str, body: Any = None, *, expect: int) -> Answer:
        """A call that is told; StepFailed unless it answers with the status that it should."""
        answer = self.call(account, method, path, body)
        self.steps += 1
        self.line(account, text)
        request = self._paint("dim", f"{method} {shortened(path.partition('?')[0])} →")
        status = self._paint("refused" if answer.status >= 400 else "dim", str(answer.status))
        self.say(f"  {'':11}   {request} {status}{shortened(_why(answer))}")
        asked = {"account": account, "method": method, "path": path, "status": answer.status}
        self._note({"chapter": self._chapter, "text": text, **asked, "ok": answer.status == expect})
        if answer.status != expect:
            raise StepFailed(f"expected {expect}, got {answer.status}: {answer.raw.decode(errors='replace')[:400]}")
        return answer

    def until(self, account: str, path: str, done: Callable[[Any], bool], text: str) -> Any:
        """Asks until an answer is as awaited."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            body = self.call(account, "GET", path).body
            if done(body):
                return body
            time.sleep(_PAUSE)
        raise StepFailed(f"{text} did not happen within {_PATIENCE} s")

    def clear_away(self, account: str) -> None:
        """Deletes an account's servers and waits until they are gone: with QEMU they are processes of their own."""
        for server in self.call(account, "GET", "/v1/instances").body.get("instances", []):
            self.call(account, "DELETE", f"/v1/instances/{server['id']}")
        self.until(account, "/v1/instances", lambda answer: answer.get("total_count") == 0, "the end of the servers")

    def check(self, holds: bool, text: str) -> None:
        """A fact that is told, with its ids whole; StepFailed unless it holds."""
        self.steps += 1
        mark = self._paint("good", "✓") if holds else self._paint("bad", "✗")
        self.say(f"  {'':11} {mark} {text}")
        self._note({"chapter": self._chapter, "text": text, "ok": holds})
        if not holds:
            raise StepFailed(text)


def _why(answer: Answer) -> str:
    if answer.status < 400 or not isinstance(answer.body, dict):
        return ""
    error = answer.body["errors"][0]
    return f" {error['code']}: {error['message']}"
