"""Column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, Dialect, Integer, Text, TypeDecorator

from kunsthalle.core.errors import Problem, Reason
from kunsthalle.core.sizes import KIB

Moment = BigInteger
"""Microseconds since the epoch, UTC."""

MAX_DOCUMENT = 256 * KIB
"""Bytes of one stored document. It is read and written with its row, by whoever lists, changes or publishes it."""

MAX_DEPTH = 64
"""Arrays and objects inside each other in one stored document: what reads it may follow it to its leaves."""

_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"')
_INNERMOST = re.compile(rb"\{\}|\[\]")
_BRACKETS = b"{}[]"
_OTHERS = bytes(byte for byte in range(256) if byte not in _BRACKETS)
_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder().decode


class Json(TypeDecorator[Any]):
    """A document stored as text, so that both engines keep the same bytes."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002  the interface's shape
        if value is None:
            return None
        encoded = _encode(value)
        if len(encoded) > MAX_DOCUMENT:
            raise _too_large(len(encoded))
        if _is_deeper(encoded, MAX_DEPTH):
            text = f"The resource would hold a document with more than {MAX_DEPTH} levels of arrays and objects."
            raise Problem(Reason.INVALID, "document_too_deep", text)
        return encoded.decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002  the interface's shape
        return None if value is None else _decode(value)


def _is_deeper(encoded: bytes, most: int) -> bool:
    """Whether JSON has more than so many arrays and objects inside each other; each round takes the innermost away."""
    if encoded.count(b"{") + encoded.count(b"[") <= most:
        return False
    left = _STRINGS.sub(b"", encoded).translate(None, _OTHERS)
    for _ in range(most):
        left = _INNERMOST.sub(b"", left)
        if not left:
            return False
    return True


def _too_large(size: int) -> Problem:
    text = (
        f"The resource would hold a document of {size} bytes; at most {MAX_DOCUMENT} are allowed. "
        "Shorten its texts and lists, or refer to them by URL."
    )
    return Problem(Reason.TOO_LARGE, "document_too_large", text)


def revision() -> Column[int]:
    """Counts every change of a row, for compare-and-set and ETags."""
    return Column("revision", Integer, nullable=False, server_default="1")
