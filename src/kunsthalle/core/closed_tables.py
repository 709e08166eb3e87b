"""Tables and decisions over a closed set: formats, states, effects, surfaces. A member that is unknown is an error of
the program, and raises; it never takes the way of another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class UnknownMember(LookupError):
    """Something that is none of a closed set. `table` names the set."""

    def __init__(self, table: str, member: object) -> None:
        super().__init__(f"unknown {table}: {member!r}")
        self.what, self.member = table, member


class ClosedTable(dict[K, V]):
    """A value for each of `members`, and for nothing else. ValueError when one lacks or is too many, UnknownMember when
    it is asked for another.
    """

    def __init__(self, table: str, members: Iterable[K], values: Mapping[K, V]) -> None:
        super().__init__(values)
        self.what = table
        expected = set(members)
        if set(values) != expected:
            lacking, unknown = expected - set(values), set(values) - expected
            raise ValueError(
                f"{table}: without a value {sorted(map(str, lacking))}, unknown {sorted(map(str, unknown))}"
            )

    def __missing__(self, member: K) -> V:
        raise UnknownMember(self.what, member)
