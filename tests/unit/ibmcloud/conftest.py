"""The furnished folder, and command lines against a server on a copy of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from unit.ibmcloud.command_shell import Shell, furnished, opening

Template = tuple[Path, dict[str, str]]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    folder = tmp_path_factory.mktemp("ibmcloud") / "template"
    return folder, furnished(folder)


@pytest.fixture
def shell(template: Template, tmp_path: Path) -> Iterator[Shell]:
    """Command lines against a server that the test may change."""
    world = opening(template[0], tmp_path / "data", template[1])
    yield world
    world.stop()


@pytest.fixture(scope="module")
def shared(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """Command lines against a server, for the tests of a module that only look."""
    world = opening(template[0], tmp_path_factory.mktemp("shared") / "data", template[1])
    yield world
    world.stop()
