"""Notes what the steps of a walk came to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tools.clients.results import Step, Walk


class Teller:
    """Takes the steps of a walk, prints each as it ends, and goes on after one that fails."""

    def __init__(self, name: str, covers: list[str]) -> None:
        self.walk = Walk(name, covers, [])

    def step(self, name: str, do: Callable[[], Any]) -> bool:
        """Take one step, and return whether it passed."""
        try:
            do()
        except Exception as failure:  # noqa: BLE001  whatever a step fails with is what is told of it
            done = Step(name, False, f"{type(failure).__name__}: {failure}")
        else:
            done = Step(name, True)
        return self._note(done)

    @contextmanager
    def failing_alone(self, name: str) -> Iterator[None]:
        """Note whatever fails outside of the steps as one that failed: the other walks go on."""
        try:
            yield
        except Exception as failure:  # noqa: BLE001  as for a step
            self._note(Step(name, False, f"{type(failure).__name__}: {failure}"))

    def _note(self, done: Step) -> bool:
        self.walk.steps.append(done)
        print(f"{self.walk.name}: {done.name}: {'ok' if done.passed else f'FAILED: {done.detail}'}", flush=True)
        return done.passed
