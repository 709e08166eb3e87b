"""What a command is given: who is logged in, what was said, the API, and ways to show what it found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kunsthalle.ibmcloud import printed_tables
from kunsthalle.ibmcloud.command_errors import Failed
from kunsthalle.ibmcloud.grammar import Given
from kunsthalle.ibmcloud.http_client import Api
from kunsthalle.ibmcloud.login_state import Session
from kunsthalle.ibmcloud.terminal import Terminal
from kunsthalle.local.display import to_json


class Run:
    """One command at work."""

    def __init__(self, options: Given, session: Session, terminal: Terminal, env: Mapping[str, str]) -> None:
        self.given, self.session, self.terminal, self.env = options, session, terminal, env
        self.api = Api(session, env)
        self.failures = 0

    @property
    def json(self) -> bool:
        return self.terminal.json

    def who(self) -> str:
        return f"under account {self.session.account_name} as user {self.session.user}"

    def progress(self, verb: str, noun: str) -> None:
        """`Getting image golden under account A as user U...`"""
        self.terminal.say(printed_tables.safe(f"{verb} {noun} {self.who()}..."))

    def core_progress(self, noun: str, *, by_id: bool = False) -> None:
        """The progress line of the core commands, and OK below it: `What under account A as U...`"""
        account = self.session.account if by_id else self.session.account_name
        self.terminal.say(printed_tables.safe(f"{noun} under account {account} as {self.session.user}..."))

    def print_json(self, resource: Any) -> None:
        self.terminal.lines([to_json(resource, indent=4)])

    def table(self, rows: Iterable[Any], columns: Sequence[printed_tables.Field], none: str) -> None:
        """A list: its JSON, its table, or a sentence that there is nothing (which `quiet` keeps)."""
        entries = list(rows)
        if self.json:
            self.print_json(entries)
        elif entries:
            self.terminal.lines(printed_tables.table(entries, columns, colour=self.terminal.colour))
        else:
            self.terminal.lines([none])

    def detail(self, resource: Any, fields: Sequence[printed_tables.Field]) -> None:
        """One resource: its JSON, or its fields."""
        if self.json:
            self.print_json(resource)
        else:
            self.terminal.lines(printed_tables.detail(resource, fields, colour=self.terminal.colour))

    def done(self, sentence: str, resource: Any = None) -> None:
        """OK, and what was done; as JSON the object, if there is one."""
        if self.json:
            self.print_json({} if resource is None else resource)
            return
        self.terminal.ok()
        self.terminal.say(printed_tables.safe(sentence))

    def confirmed(self, question: str) -> bool:
        """Whether to go on: `--force`, or the answer to the question."""
        return bool(self.given.get("force")) or self.terminal.confirm(printed_tables.safe(question))

    def complain(self, failure: Exception) -> None:
        """A failure after which the command goes on; it ends with 1 then."""
        self.failures += 1
        self.terminal.failed(printed_tables.safe(str(failure)))


def named(entries: Iterable[Any], ref: str, noun: str, *keys: str) -> Any:
    """The resource whose name or id is given; Failed where there is none, or there are several."""
    listed = list(entries)
    target = [entry for entry in listed if entry.get("id") == ref]
    target = target or [entry for entry in listed if ref in {entry.get(key) for key in keys or ("name",)}]
    chosen = one_of(target, noun, ref)
    if chosen is None:
        raise Failed(f"{noun[0].upper()}{noun[1:]} '{ref}' was not found.")
    return chosen


def one_of(entries: Sequence[Any], noun: str, ref: str) -> Any:
    """The only resource of a name; Failed when there are several (U)."""
    if len(entries) > 1:
        ids = ", ".join(str(entry.get("id")) for entry in entries)
        raise Failed(f"{len(entries)} {noun}s are named '{ref}': {ids}. Use the ID instead.")
    return entries[0] if entries else None
