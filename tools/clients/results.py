"""What a run of a client came to, kept as data in docs/compatibility/ for docs/compatibility.md."""

from __future__ import annotations

from pathlib import Path

import msgspec

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "compatibility"


class Step(msgspec.Struct, omit_defaults=True):
    """What a client was to do. `detail` says why it failed; it is not kept."""

    name: str
    passed: bool
    detail: str = ""


class Walk(msgspec.Struct):
    """Steps one after the other, with the resources or operations that they use."""

    name: str
    covers: list[str]
    steps: list[Step] = []

    @property
    def passed(self) -> int:
        return sum(step.passed for step in self.steps)


class Difference(msgspec.Struct, order=True):
    """Something that does not work as one would expect, and why it is left so."""

    what: str
    reason: str


class Result(msgspec.Struct):
    """A run of a client. `versions` names the client and everything of other people that it was run with."""

    client: str
    versions: list[str]
    date: str
    walks: list[Walk]
    differences: list[Difference] = []

    @property
    def passed(self) -> int:
        return sum(walk.passed for walk in self.walks)

    @property
    def total(self) -> int:
        return sum(len(walk.steps) for walk in self.walks)

    def encoded(self) -> bytes:
        """As it is kept: without the details of failures, which name folders and ids of one run."""
        walks = [Walk(one.name, one.covers, [Step(step.name, step.passed) for step in one.steps]) for one in self.walks]
        document = msgspec.json.encode(msgspec.structs.replace(self, walks=walks))
        return msgspec.json.format(document, indent=2) + b"\n"


def save(result: Result, *, partial: bool = False, folder: Path = FOLDER) -> Path:
    """Keep a result in place of the last one of the same client; a partial one in place of the same walks there.

    ValueError where a partial one is of other versions: then the whole has to be run.
    """
    path = folder / f"{result.client}.json"
    folder.mkdir(exist_ok=True)
    if partial and path.exists():
        last = msgspec.json.decode(path.read_bytes(), type=Result)
        if last.versions != result.versions:
            raise ValueError(f"the kept result is of {last.versions}, this one of {result.versions}: run all walks")
        walks = {walk.name: walk for walk in (*last.walks, *result.walks)}
        result = msgspec.structs.replace(result, walks=list(walks.values()))
    path.write_bytes(result.encoded())
    return path
