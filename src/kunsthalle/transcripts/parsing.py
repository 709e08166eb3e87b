"""Reads a transcript: what is wrong with one is told with file, line and reason."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path

from kunsthalle.transcripts.models import (
    NOBODY,
    OPERATOR,
    VERSION,
    Account,
    Call,
    ClockMove,
    Event,
    JobFault,
    Lost,
    StateChange,
    Transcript,
)
from kunsthalle.transcripts.writing import NO_ANSWER

MOST_BYTES = 1 << 28
_HEADER = re.compile(r"kunsthalle transcript (\d{1,9})")
_NAME = re.compile(r"[a-z][a-z0-9_.]*-[1-9]\d{0,8}")
_METHOD = re.compile(r"[A-Z]{1,16}")
_BRACKETS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]')
"""The brackets of JSON, and texts, whose brackets do not count. Nothing is remembered of how a text was read: a long
one would take a hundred times its length.
"""
_DEEPEST = 200
_STATUS = re.compile(r"[1-5]\d\d")
_TAKEN = re.compile(r"(\d{1,12}\.\d)ms")
_MOMENT = re.compile(r"(?:T|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z)(?:[+-](?:\d{1,6}[dhms])+)?|earlier")
_BEGINNINGS = ("account", "call", "clock", "job", "lost")


class BadTranscript(Exception):
    """A file that is no transcript; the message begins with file and line."""


def read(path: Path) -> Transcript:
    """The transcript of a file. BadTranscript for the first that is wrong."""
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise BadTranscript(f"{path}: a transcript has at most {MOST_BYTES} bytes, and this file has {size}.")
        text = path.read_bytes().decode()
    except OSError as error:
        raise BadTranscript(f"{path}: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise BadTranscript(f"{path}:{line}: the file is not UTF-8 text.") from error
    return parse(text, str(path))


def parse(text: str, name: str = "transcript") -> Transcript:
    """The transcript of a text; `name` is what errors call the file."""
    return _Reader(text, name).transcript()


class _Reader:
    """Goes from line to line. `_number` is that of the line which is looked at, from 1."""

    def __init__(self, text: str, name: str) -> None:
        self._lines = text.split("\n")
        self._name = name
        self._number = 0
        self._accounts: list[Account] = []

    def _bad(self, reason: str, line: int = 0) -> BadTranscript:
        return BadTranscript(f"{self._name}:{line or self._number}: {reason}")

    def transcript(self) -> Transcript:
        """Everything, from the first line on."""
        self._header()
        events: list[Event] = []
        while self._next_block():
            event = self._block()
            if event is not None:
                events.append(event)
        return Transcript(tuple(self._accounts), tuple(events))

    def _header(self) -> None:
        first = self._take()
        match = _HEADER.fullmatch(first.removesuffix("\r"))
        if match is None:
            raise self._bad(
                f"this is no transcript: it begins with {_shown(first)}, not with `kunsthalle transcript 1`."
            )
        if int(match[1]) != VERSION:
            raise self._bad(
                f"this transcript is of version {match[1]}; known is {VERSION}. Use a later release to read it."
            )
        if first.endswith("\r"):
            raise self._bad("lines end with CR LF; they must end with LF alone.")

    def _take(self) -> str:
        line = self._lines[self._number]
        self._number += 1
        return line

    def _peek(self) -> str:
        return self._lines[self._number] if self._number < len(self._lines) else ""

    def _next_block(self) -> bool:
        """Whether there is another block; its first line is the next. Between blocks are empty lines and comments."""
        while self._number < len(self._lines):
            line = self._lines[self._number]
            if line and not line.startswith("#"):
                return True
            self._number += 1
        return False

    def _block(self) -> Event | None:
        words = self._take().split(" ")
        event: Event | None = None
        match words[0]:
            case "account":
                self._account(words)
            case "call":
                event = self._call(words)
            case "clock":
                event = self._clock(words)
            case "job":
                event = self._job(words)
            case "lost":
                event = self._lost(words)
            case _:
                raise self._bad(f"unknown block {_shown(words[0])}; allowed: {', '.join(_BEGINNINGS)}.")
        if self._peek() and not self._peek().startswith("#"):
            self._number += 1
            raise self._bad(f"{_shown(self._lines[self._number - 1])} does not belong to the block {words[0]!r} above.")
        return event

    def _account(self, words: list[str]) -> None:
        if len(words) < 2 or not _NAME.fullmatch(words[1]):
            raise self._bad('an account is `account NAME "LABEL"`, such as `account account-1 "publisher"`.')
        if any(account.name == words[1] for account in self._accounts):
            raise self._bad(f"{words[1]!r} is there twice.")
        quoted = " ".join(words[2:])
        self._accounts.append(Account(words[1], self._label(quoted) if quoted else "", self._number))

    def _label(self, quoted: str) -> str:
        label = None
        with contextlib.suppress(ValueError, RecursionError):
            label = json.loads(quoted)
        if not isinstance(label, str):
            raise self._bad(f"the label of an account is a JSON string, not {_shown(quoted)}.")
        return label

    def _call(self, words: list[str]) -> Call:
        line = self._number
        if len(words) not in {3, 4}:
            raise self._bad("a call is `call CALLER MOMENT`, and its duration where there is one: `12.3ms`.")
        caller, at = self._caller(words[1]), self._moment(words[2])
        milliseconds = self._duration(words[3]) if words[3:] else -1
        method, target = self._request_line()
        request = self._body(">")
        status = self._status()
        response = self._body("<")
        fault = self._fault()
        return Call(caller, at, method, target, status, request, response, fault, self._states(), milliseconds, line)

    def _caller(self, word: str) -> str:
        known = {OPERATOR, NOBODY, *(account.name for account in self._accounts)}
        if word not in known:
            raise self._bad(
                f"unknown caller {_shown(word)}: give {OPERATOR}, {NOBODY} or an account that is listed above."
            )
        return word

    def _moment(self, word: str) -> str:
        if not _MOMENT.fullmatch(word):
            raise self._bad(f"{_shown(word)} is no moment such as T, T+7d, 2030-01-01T00:00:00Z or earlier.")
        return word

    def _duration(self, word: str) -> float:
        match = _TAKEN.fullmatch(word)
        if match is None:
            raise self._bad(f"{_shown(word)} is no duration such as 12.3ms.")
        return float(match[1])

    def _request_line(self) -> tuple[str, str]:
        words = self._following("the request").split(" ")
        if len(words) != 2 or not _METHOD.fullmatch(words[0]) or not words[1].startswith("/"):
            raise self._bad("the second line of a call is its method and its path: `GET /v1/images`.")
        return words[0], words[1]

    def _following(self, noun: str) -> str:
        """The next line of a block, which must be there."""
        if not self._peek():
            self._number = min(self._number + 1, len(self._lines))
            raise self._bad(f"{noun} is missing.")
        return self._take()

    def _body(self, mark: str) -> str:
        first, lines = self._number + 1, []
        while self._peek().startswith(f"{mark} "):
            lines.append(self._take()[2:])
        text = "\n".join(lines)
        if not text or (text.startswith("(") and len(lines) == 1):
            return text
        try:
            document = json.loads(text)
        except RecursionError as error:
            raise self._bad("the body is nested too deeply.", first) from error
        except json.JSONDecodeError as error:
            raise self._bad(f"the body is not JSON: {error.msg}.", first + error.lineno - 1) from error
        except ValueError as error:
            raise self._bad("the body has a number that is too long.", first) from error
        if _depth(text) > _DEEPEST:
            raise self._bad(f"the body is nested more than {_DEEPEST} levels deep.", first)
        return json.dumps(document, ensure_ascii=False)

    def _status(self) -> int:
        line = self._following("the status")
        text = line.removeprefix("< ")
        if text == line or not (text == NO_ANSWER or _STATUS.fullmatch(text)):
            raise self._bad(f"{_shown(line)} is no status such as `< 201` or `< {NO_ANSWER}`.")
        return 0 if text == NO_ANSWER else int(text)

    def _fault(self) -> str:
        if not self._peek().startswith("* fault "):
            return ""
        return self._take().removeprefix("* fault ")

    def _states(self) -> tuple[StateChange, ...]:
        changes = []
        while self._peek().startswith("* state "):
            words = self._take().split(" ")
            if len(words) != 4 or not _NAME.fullmatch(words[2]) or not words[3]:
                raise self._bad("a change of state is `* state RESOURCE STATE`, such as `* state image-1 available`.")
            changes.append(StateChange(words[2], words[3], self._number))
        return tuple(changes)

    def _clock(self, words: list[str]) -> ClockMove:
        line = self._number
        if len(words) != 3:
            raise self._bad("a move of the clock is `clock FROM TO`, such as `clock T T+7d`.")
        return ClockMove(self._moment(words[1]), self._moment(words[2]), self._states(), line)

    def _job(self, words: list[str]) -> JobFault:
        line = self._number
        if len(words) != 4:
            raise self._bad("a fault of a job is `job KIND RESOURCE MOMENT`, such as `job image.import image-1 T`.")
        at = self._moment(words[3])
        fault = self._fault()
        if not fault:
            self._following("the fault")
            raise self._bad("the second line of a job is `* fault NAME`.")
        return JobFault(words[1], words[2], at, fault, line)

    def _lost(self, words: list[str]) -> Lost:
        if len(words) != 2 or not re.fullmatch(r"[1-9]\d{0,11}", words[1]):
            raise self._bad("lost calls are `lost COUNT`.")
        return Lost(int(words[1]), self._number)


def _depth(text: str) -> int:
    """How deep JSON is nested."""
    deepest = depth = 0
    for bracket in _BRACKETS.findall(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(bracket, 0)
        deepest = max(deepest, depth)
    return deepest


def _shown(text: str) -> str:
    return repr(text[:60] + ("…" if len(text) > 60 else ""))
