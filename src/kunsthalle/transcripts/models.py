"""What a transcript holds (docs/reference/transcript.md). Ids, moments and secrets are replaced already."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

from msgspec import Struct

VERSION = 1
"""Of the form. A reader refuses later ones."""
OPERATOR, NOBODY = "operator", "-"
"""As callers: whoever has the operator token; who is in no account, or not signed in yet."""
START = "T"
"""The moment at which the transcript begins."""


class Account(Struct, frozen=True):
    """An account: `name` is what stands for its id (`account-1`), `label` what people call it. `line` is that in the
    file, here and below; 0 for what was not read from one.
    """

    name: str
    label: str = ""
    line: int = 0


class StateChange(Struct, frozen=True):
    """A resource (`image-1`) that got into a state."""

    resource: str
    state: str
    line: int = 0


class Call(Struct, frozen=True):
    """One call and what came of it.

    `caller` is the name of an account, `OPERATOR` or `NOBODY`. `target` is path and query as they were sent. `status`
    is 0 where the connection closed before an answer. `request` and `response` are JSON, or a note: `(300 bytes)`;
    empty where there was no body. `fault` names the fault that was applied. `states`: what the call changed, at once or
    by jobs. `milliseconds` is negative where durations were left out.
    """

    caller: str
    moment: str
    method: str
    target: str
    status: int
    request: str = ""
    response: str = ""
    fault: str = ""
    states: tuple[StateChange, ...] = ()
    milliseconds: float = -1
    line: int = 0

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the query by name; of one that is given twice, the last."""
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    @property
    def request_document(self) -> Any:
        """The request's body as JSON; None where it is none."""
        return _document(self.request)

    @property
    def response_document(self) -> Any:
        """The answer's body as JSON; None where it is none."""
        return _document(self.response)


class ClockMove(Struct, frozen=True):
    """The operator moved the product clock: from where it stood, to where. `states`: what became due on the way."""

    start: str
    end: str
    states: tuple[StateChange, ...] = ()
    line: int = 0


class JobFault(Struct, frozen=True):
    """A fault that was applied to a job: its kind (`image.import`), what it is about, and what names the fault."""

    kind: str
    resource: str
    moment: str
    fault: str
    line: int = 0


class Lost(Struct, frozen=True):
    """So many calls are missing here: there were more than the server keeps until they are fetched."""

    calls: int
    line: int = 0


Event = Call | ClockMove | JobFault | Lost


class Transcript(Struct, frozen=True):
    """A run, in the order in which it began."""

    accounts: tuple[Account, ...] = ()
    events: tuple[Event, ...] = ()

    @property
    def calls(self) -> Iterator[Call]:
        """The calls alone."""
        return (event for event in self.events if isinstance(event, Call))

    def label(self, name: str) -> str:
        """What people call an account; its name where they call it nothing."""
        return next((account.label for account in self.accounts if account.name == name and account.label), name)


def _document(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
