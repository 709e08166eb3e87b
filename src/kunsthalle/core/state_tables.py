"""The life of a resource as a table: which state may follow which. Nothing else may move a state column."""

from __future__ import annotations

from collections.abc import Mapping


class StateTable:
    """Declared moves of one kind. `first` are the states that a new row may have."""

    def __init__(self, kind: str, first: tuple[str, ...], moves: Mapping[str, tuple[str, ...]]) -> None:
        self.kind = kind
        self.first = first
        self.moves = dict(moves)
        unknown = {to for targets in moves.values() for to in targets} - set(moves)
        if unknown or set(first) - set(moves):
            raise ValueError(f"{kind}: states without a row: {sorted(unknown | (set(first) - set(moves)))}")

    @property
    def states(self) -> tuple[str, ...]:
        return tuple(self.moves)

    def allows(self, old: str, new: str) -> bool:
        return new in self.moves.get(old, ())

    def sources(self, new: str) -> tuple[str, ...]:
        """Every state from which `new` can be reached in one move."""
        return tuple(old for old, targets in self.moves.items() if new in targets)
