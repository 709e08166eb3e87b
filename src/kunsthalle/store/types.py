"""Column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, Dialect, Integer, Text, TypeDecorator

Moment = BigInteger
"""Microseconds since the epoch, UTC."""

_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder().decode


class Json(TypeDecorator[Any]):
    """A document stored as text, so that both engines keep the same bytes."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002  the interface's shape
        return None if value is None else _encode(value).decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002  the interface's shape
        return None if value is None else _decode(value)


def revision() -> Column[int]:
    """Counts every change of a row, for compare-and-set and ETags."""
    return Column("revision", Integer, nullable=False, server_default="1")
