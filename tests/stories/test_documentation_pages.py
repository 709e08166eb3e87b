"""The pages of the documentation, as somebody follows them who pastes each block into one shell, in their order.

A block of `sh` or `python` is run. One that begins with a comment that is a file's name, such as `# main.tf`, is
written to that file. A block of `text` is what the block before it prints; `…` stands for anything. Whatever else a
page has in a block is not run, and the page says why.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from fixtures.reader import Block, Shell, blocks, environment, shown
from fixtures.tools import ROOT

pytestmark = pytest.mark.by_turns(3)

DOCS = ROOT / "docs"
RUN = {"sh", "python"}
WRITTEN = {f"docs/{name}.md" for name in ("check-rules", "compatibility", "map", "states")}
"""By `./dev docs`: lists and diagrams, and nothing that somebody would paste."""
OF_OTHER_TESTS = {
    "CONTRIBUTING.md": "tests/test_dev.py",
    "README.md": "tests/test_readme.py",
    "docs/first-patch.md": "tests/test_worked_examples.py",
    "docs/how-to/approve.md": "tests/stories/test_test_runners.py",
    "docs/how-to/check-automation.md": "tests/stories/test_test_runners.py",
    "docs/how-to/continuous-integration.md": "tests/stories/test_continuous_integration.py",
    "docs/how-to/encrypted-images.md": "tests/stories/test_test_runners.py",
    "docs/how-to/faults.md": "tests/stories/test_test_runners.py",
    "docs/how-to/first-run.md": "tests/stories/test_first_run.py",
    "docs/how-to/keys.md": "tests/stories/test_test_runners.py",
    "docs/how-to/production.md": "tests/stories/test_production_page.py",
    "docs/how-to/pytest.md": "tests/stories/test_test_runners.py",
    "docs/how-to/record.md": "tests/stories/test_test_runners.py",
    "docs/how-to/run.md": "tests/stories/test_test_runners.py",
    "docs/how-to/scenarios.md": "tests/stories/test_test_runners.py",
    "docs/resource-type.md": "tests/test_worked_examples.py",
}
"""Pages with a test of their own, which looks at more than what is printed."""
DEADLINE = 240
"""Seconds for a block, on a busy machine."""


def _pages() -> list[str]:
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *DOCS.rglob("*.md")]
    names = sorted(page.relative_to(ROOT).as_posix() for page in found)
    return [name for name in names if not name.startswith("docs/reference/generated/")]  # made of the code, not in git


def _is_run(block: Block) -> bool:
    return not block.why and block.language in RUN and not block.file


FOLLOWED = [name for name in _pages() if name not in OF_OTHER_TESTS and any(map(_is_run, blocks(ROOT / name)))]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def follow(page: Path, shell: Shell, folder: Path, port: int) -> None:
    """Pastes the blocks of a page; what differs from what the page shows fails."""
    printed = ""
    for number, block in enumerate(blocks(page), 1):
        if block.file and not block.why:
            (folder / block.file).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.file).write_text(block.text)
        elif _is_run(block):
            text = block.text.replace("kunsthalle serve ", f"kunsthalle serve --port {port} ")
            printed = shell.paste(Block(block.language, text), deadline=DEADLINE)
        elif block.language == "text" and not block.why:
            assert shown(printed, block.text), f"{page.name}, block {number}: this was printed:\n{printed}"


@pytest.mark.by_turns(12)
@pytest.mark.parametrize("name", FOLLOWED)
def test_a_page_works_as_it_stands(name: str, tmp_path: Path) -> None:
    tools = Path(sys.executable).parent
    programs = {tool: tools / tool for tool in ("kunsthalle", "ibmcloud", "pytest")} | {"python3": Path(sys.executable)}
    folder = tmp_path / "work"
    folder.mkdir()
    with Shell(folder, environment(tmp_path / "home", programs)) as shell:
        follow(ROOT / name, shell, folder, _free_port())


@pytest.mark.parametrize("name", sorted(set(_pages()) - WRITTEN))
def test_every_block_is_run_or_says_why_not(name: str) -> None:
    page = blocks(ROOT / name)
    before = [None, *page][: len(page)]
    silent = [
        block
        for last, block in zip(before, page, strict=True)
        if not block.why
        and block.language not in RUN
        and not block.file
        and not (block.language == "text" and last is not None and _is_run(last))
    ]
    assert [block.text.split("\n")[0] for block in silent] == []
    test = ROOT / OF_OTHER_TESTS.get(name, "tests/stories/test_documentation_pages.py")
    assert test.exists()


@pytest.mark.parametrize(
    ("printed", "expected", "fits"),
    [
        ("NAME   STATE \nweb    running\n\n", "NAME   STATE\nweb    running", True),
        ("r006-1 available", "r006-… available", True),
        ("one\ntwo\nthree", "one\n…\nthree", True),
        ("one\ntwo", "one", False),
        ("a.b", "a…", True),
        ("axb", "a.b", False),
    ],
)
def test_what_is_shown_is_compared(printed: str, expected: str, *, fits: bool) -> None:
    assert shown(printed, expected) is fits
