"""What every server of the comparison is asked for, whichever program it is."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from tools.bench.calls import Connection
from tools.bench.load import Ask
from tools.bench.processes import CLIENT_CORE, Process, on_core

IMAGES = 600
"""Images of the publisher: more than Kunsthalle keeps answers of for one caller."""
PAGE = 50
_PAUSE, PATIENCE = 0.002, 120


@dataclass(frozen=True, slots=True)
class Reads:
    """The same questions in the words of one server; `each` are all images in turn, whose ids are `ids`."""

    ids: tuple[str, ...]
    one: Ask
    each: tuple[Ask, ...]
    absent: Ask
    page: Ask
    refused: Ask
    """One that shows that authorization is on: `one` with a credential that is not right."""
    missing: bytes
    """What the answer to `absent` says."""


class Peer(ABC):
    """A server with a folder of its own, which is set up once, then started any number of times."""

    name: ClassVar[str]

    def __init__(self, folder: Path) -> None:
        self.folder = folder / self.name.lower()
        self.folder.mkdir()
        self.processes: list[Process] = []

    @abstractmethod
    def set_up(self) -> None:
        """Whatever is done once: packages, databases, accounts."""

    @abstractmethod
    def start(self) -> None:
        """Start all its processes."""

    @abstractmethod
    def fill(self) -> None:
        """Make the publisher's images, once, on a server that runs."""

    @abstractmethod
    def first_answer(self) -> None:
        """Have an authorized call answered for the first time; RuntimeError when it is not."""

    @abstractmethod
    def reads(self) -> Reads:
        """The questions, with credentials that are valid, about the images that `fill` has made."""

    @abstractmethod
    def check_page(self, content: bytes) -> list[str]:
        """The ids of the images in an answer to `Reads.page`."""

    @abstractmethod
    def share(self, number: int) -> None:
        """Create an image, share it with the consumer, read it from there, delete it."""

    @property
    def run_instance(self) -> Callable[[int], None] | None:
        """Run an instance until it runs and delete it; None where the program has nothing of the kind."""
        return None

    @property
    def upload(self) -> Callable[[Path, int], Callable[[], None]] | None:
        """Bring a file from the client into an image that can be used, with its size and digest compared.

        What it returns deletes the image. None where the program takes no bytes.
        """
        return None

    @property
    def port(self) -> int:
        """Where it answers."""
        return self.processes[-1].port

    @property
    def connection(self) -> Connection:
        """A new connection to it."""
        return Connection(self.port)

    def seconds_to_first_answer(self) -> float:
        """Seconds from the start of its first process until `first_answer` has come."""
        begun = time.perf_counter()
        self.start()
        with on_core(CLIENT_CORE):
            self.first_answer()
        return time.perf_counter() - begun

    def memory(self) -> int:
        """Bytes (PSS) of all its processes."""
        return sum(process.memory_of_family() for process in self.processes)

    def cpu(self) -> float:
        """Seconds of processor time of all its processes so far."""
        return sum(process.cpu_of_family() for process in self.processes)

    def stop(self) -> None:
        """End all its processes, the last one first, each of them also where another does not end."""
        with ExitStack() as stack:
            while self.processes:
                stack.callback(self.processes.pop(0).stop)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def until(done: Callable[[], object], what: str) -> None:
    """Return soon after it is so. RuntimeError when that takes too long."""
    deadline = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} took too long")
        time.sleep(_PAUSE)


def agree(what: str, stored: object, expected: object) -> None:
    """RuntimeError unless both are the same."""
    if stored != expected:
        raise RuntimeError(f"{what}: {stored!r} instead of {expected!r}")
