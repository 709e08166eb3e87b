"""What a row of the table of faults is."""

from __future__ import annotations

from typing import NamedTuple

UNIT = "tests/unit"


class Mutant(NamedTuple):
    """A fault: `old` is found exactly once in `file` (below src/kunsthalle), and `new` takes its place."""

    name: str
    rule: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def planted(self, source: str) -> str:
        """Return the source with the fault in it; LookupError unless the old text is there exactly once."""
        found = source.count(self.old)
        if found != 1:
            raise LookupError(f"{self.name}: the old text is found {found} times in {self.file}, not once.")
        return source.replace(self.old, self.new)
