"""The worked examples for contributors, followed: their blocks make a copy of the checkout pass their own tests."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from fixtures.reader import Block, blocks, shown
from fixtures.reader import checkout as copy_of_the_checkout
from fixtures.tools import PYTEST, ROOT

PAGES = ("first-patch", "resource-type")
SCHEMA = "test_the_migrated_schema_is_the_one_of_the_tables"
VERSIONS = "src/kunsthalle/db/migrations/versions"


def _page(name: str) -> Path:
    return ROOT / "docs" / f"{name}.md"


def _last() -> str:
    """The number of the last migration."""
    return max(path.name for path in (ROOT / VERSIONS).glob("v*.py"))[1:5]


def change(text: str, lines: list[str]) -> str:
    """A text with a change of the page: `-` lines go, `+` lines come, the others stay as they are. All are adjacent."""
    old = "".join(line[1:] + "\n" for line in lines if not line.startswith("+"))
    new = "".join(line[1:] + "\n" for line in lines if not line.startswith("-"))
    assert text.count(old) == 1, f"this is there {text.count(old)} times:\n{old}"
    return text.replace(old, new)


def follow(block: Block, folder: Path) -> None:
    """Writes the file that a block is, or changes the one that it changes."""
    last = _last()
    text = block.text.replace("NEXT", f"{int(last) + 1:04}").replace("LAST", last)
    path = folder / block.file.replace("NEXT", f"{int(last) + 1:04}")
    lines = text.splitlines()[1:]
    if block.language == "diff":
        path.write_text(change(path.read_text(), lines))
        return
    assert not path.exists(), f"the page writes {block.file}, which is there: is the resource type served by now?"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def _run(folder: Path, *tests: str) -> str:
    path = os.pathsep.join(str(folder / name) for name in ("src", "tests"))
    command = [*PYTEST, "-q", "-p", "no:cacheprovider", *tests]
    env = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=300)
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout, with every block of the pages."""
    folder = copy_of_the_checkout(tmp_path_factory.mktemp("checkout"))
    for block in (block for name in PAGES for block in blocks(_page(name))):
        if block.file and not block.why:
            follow(block, folder)
    return folder


@pytest.mark.by_turns(3)
@pytest.mark.parametrize("name", PAGES)
def test_the_test_of_a_page_passes_as_the_page_says(checkout: Path, name: str) -> None:
    page = blocks(_page(name))
    written = next(block.file for block in page if block.file.startswith("tests/"))
    assert Block("sh", f"./dev test {written}\n") in page
    (expected,) = (block.text for block in page if block.language == "text")
    printed = _run(checkout, written)
    assert shown(printed, expected), printed


@pytest.mark.by_turns(3)
def test_the_migration_of_the_page_makes_the_table_of_the_page(checkout: Path) -> None:
    printed = _run(checkout, "tests/unit/db/test_migrations.py", "-k", f"{SCHEMA} and sqlite")
    assert re.search(r"^\.\s+\[100%\]$", printed, re.MULTILINE), printed


def test_a_change_that_does_not_fit_is_told() -> None:
    assert change("a\nb\nc\n", [" a", "-b", "+d", " c"]) == "a\nd\nc\n"
    with pytest.raises(AssertionError, match="0 times"):
        change("a\nb\n", [" a", "-c"])
    with pytest.raises(AssertionError, match="2 times"):
        change("a\na\n", ["-a"])
