"""The documents say what is: the generated ones are up to date, the map is the tree, links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fixtures.tools import ROOT, tool

docs = tool("docs")
SOURCE = ROOT / "src" / "kunsthalle"
AGAIN = "run: ./dev docs"


@pytest.mark.parametrize("name", sorted(docs.PAGES))
def test_a_generated_page_is_up_to_date(name: str) -> None:
    written, wanted = (ROOT / name).read_text().splitlines(), docs.PAGES[name]().splitlines()
    assert [line for line in wanted if line not in written] == [], AGAIN
    assert written == wanted, AGAIN


def _on_the_map() -> dict[str, str]:
    """Every path of the map's tree with what is said of it, read from the page alone."""
    block = re.search(r"```text\n(.*?)```", (ROOT / "docs" / "map.md").read_text(), re.DOTALL)
    assert block is not None
    found, above = {}, [""]
    for line in block[1].splitlines():
        indent, name, words = re.fullmatch(r"( *)(\S+)\s*(.*)", line).groups()
        depth = len(indent) // 4
        above[depth + 1 :] = [above[depth] + name]
        found[above[depth] + name] = words
    return found


def test_the_map_is_the_tree() -> None:
    mapped = _on_the_map()
    stale = [name for name in mapped if not (ROOT / name).exists()]
    made = [path for path in SOURCE.rglob("*") if path.is_dir()] + list(SOURCE.glob("*.py"))
    names = [path.relative_to(ROOT).as_posix() + ("/" if path.is_dir() else "") for path in made]
    names = [name for name in names if not re.search(r"__pycache__|__init__\.py$|/\.", name)]
    absent = [name for name in names if name not in mapped]
    assert (stale, absent) == ([], []), AGAIN
    assert len(names) > 40


def test_everything_on_the_map_says_what_it_is() -> None:
    assert [name for name, words in _on_the_map().items() if not words] == [], "give the module a docstring"


def test_no_table_of_states_is_left_out() -> None:
    texts = [path.read_text() for path in SOURCE.rglob("*.py") if path != SOURCE / "core" / "states.py"]
    assert sum(text.count("StateTable(") for text in texts) == len(docs.state_tables())


def _pages() -> list[Path]:
    return [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


def _links(page: Path) -> list[str]:
    return [target for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()) if "://" not in target]


def test_links_between_documents_lead_somewhere() -> None:
    links = [(page, target) for page in _pages() for target in _links(page)]
    assert links
    assert [(page.name, target) for page, target in links if not (page.parent / target).exists()] == []
