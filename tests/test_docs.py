"""The documents say what is: the generated ones are up to date, the map is the tree, links lead somewhere."""

from __future__ import annotations

import ast
import re
import tokenize
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from fixtures.tools import ROOT, tool

docs = tool("docs")
SOURCE = ROOT / "src" / "kunsthalle"
AGAIN = "run: ./dev docs"
WRITTEN_BY_HAND = ("docs/rules.md", "docs/architecture.md", "docs/glossary.md", "CONTRIBUTING.md")


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
    names = [name for name in names if not re.search(r"__pycache__|__init__\.py$|/\.|kunsthalle/site/", name)]
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


def _fixtures(path: Path) -> set[str]:
    """The fixtures that a module defines."""
    functions = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]
    return {node.name for node in functions if any("fixture" in ast.unparse(mark) for mark in node.decorator_list)}


def _fixture_rows(text: str) -> Iterator[tuple[set[str], list[str]]]:
    """Each row of the tables of fixtures: their names, and the files that are said to define them."""
    for table in re.findall(r"^\| Fixture \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", text, re.MULTILINE):
        for row in table.splitlines():
            names, *_, files = row.strip("| ").split(" | ")
            yield set(re.findall(r"`(\w+)`", names)), re.findall(r"`([\w./]+)`", files)


def test_fixtures_are_where_the_page_for_contributors_says() -> None:
    rows = list(_fixture_rows((ROOT / "CONTRIBUTING.md").read_text()))
    assert len(rows) > 12
    for names, files in rows:
        defined = {file: _fixtures(ROOT / file) & names for file in files}
        assert set().union(*defined.values()) == names, files
        assert all(defined.values()), defined


def test_the_pages_on_the_pytest_plugin_have_each_of_its_fixtures() -> None:
    fixtures = _fixtures(SOURCE / "testing" / "pytest_plugin.py")
    reference = (ROOT / "docs" / "reference" / "testing.md").read_text()
    assert set(re.findall(r"autofunction:: kunsthalle\.testing\.pytest_plugin\.(\w+)", reference)) == fixtures
    table = re.search(
        r"^\| Fixture \|.*\n((?:\|.*\n)+)", (ROOT / "docs" / "how-to" / "pytest.md").read_text(), re.MULTILINE
    )
    assert table is not None
    assert {
        name for row in table[1].splitlines()[1:] for name in re.findall(r"`(\w+)`", row.split(" | ")[0])
    } == fixtures


_FACTS = {"catalog-iam-enterprise", "cli", "data-plane", "source", "stack", "terraform", "vpc-api"}
"""Pages of `docs/reference/` with facts of the real service: notes for who works on the product."""


def _begins(page: Path) -> str:
    """The beginning of the first paragraph of a page."""
    text = re.sub(r"<!--.*?-->", "", page.read_text(), flags=re.DOTALL)
    paragraphs = [part.strip() for part in text.split("\n\n")]
    return next(part for part in paragraphs if part and not part.startswith("#"))[:40]


def _of_the_site() -> list[Path]:
    """The pages of the site that somebody comes to with a question; lists of pages alone are left out."""
    pages = [page for page in (ROOT / "docs").rglob("*.md") if not {"decisions", "generated"} & set(page.parts)]
    pages = [page for page in pages if page.stem not in _FACTS or page.parent.name != "reference"]
    texts = [page for page in pages if not re.match(r"# .+\n\n```\{toctree\}", page.read_text())]
    return [
        page for page in texts if page.name != "index.md" and not page.read_text().startswith("<!-- The site shows")
    ]


def test_a_page_says_first_what_its_reader_will_do_or_know() -> None:
    pages = _of_the_site()
    assert len(pages) > 45
    assert [page.name for page in pages if not _begins(page).startswith("You will ")] == []


def _links(page: Path) -> list[str]:
    return [target for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()) if "://" not in target]


def _anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as they are made on GitHub."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _leads_somewhere(page: Path, target: str) -> bool:
    name, _, anchor = target.partition("#")
    path = page.parent / name if name else page
    return path.exists() and (not anchor or anchor in _anchors(path))


def test_links_between_documents_lead_somewhere() -> None:
    links = [(page, target) for page in _pages() for target in _links(page)]
    assert links
    assert [(page.name, target) for page, target in links if not _leads_somewhere(page, target)] == []


def _modules() -> list[Path]:
    paths = [path for top in ("src", "tests", "tools") for path in (ROOT / top).rglob("*.py")]
    return [path for path in paths if "node_modules" not in path.parts and path != Path(__file__)]


@cache
@cache
def _prose(path: Path) -> str:
    """The docstrings and comments of a module, where sources are cited, as one line."""
    with tokenize.open(path) as file:
        tokens = list(tokenize.generate_tokens(file.readline))
    texts = (
        token.string.strip("# ") if token.type == tokenize.COMMENT else token.string
        for token in tokens
        if token.type == tokenize.COMMENT or (token.type == tokenize.STRING and token.string.startswith('"""'))
    )
    return " ".join(" ".join(texts).split())


def _defined(path: Path) -> set[str]:
    """Every name that a module defines, dotted where it is inside a class or a function."""
    names: set[str] = set()

    def visit(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                names.add(prefix + node.name)
                visit(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names.update(prefix + target.id for target in targets if isinstance(target, ast.Name))

    visit(ast.parse(path.read_text()).body, "")
    return names


_FILE = re.compile(r"`((?:[\w.-]+/)+[\w.-]+\.(?:py|md|html|js|json|txt|toml))(?:::([\w.]+))?`")


def _absent(page: Path) -> Iterator[str]:
    """What a page names that is not there: files, from the root or from the package, and what they define."""
    for name, definition in _FILE.findall(page.read_text()):
        path = next((root / name for root in (ROOT, SOURCE, ROOT / "docs") if (root / name).is_file()), None)
        if path is None or (definition and definition not in _defined(path)):
            yield f"{page.name}: {name}" + (f"::{definition}" if definition else "")


@pytest.mark.parametrize("page", WRITTEN_BY_HAND)
def test_every_file_function_and_test_that_a_page_names_exists(page: str) -> None:
    path = ROOT / page
    assert _FILE.search(path.read_text())
    assert list(_absent(path)) == [], "rename it in the page as well"


def test_a_name_that_is_not_there_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("`core/clock.py::SECOND` `core/clock.py::Sundial` `core/sundial.py` `tests/test_docs.py::_pages`")
    assert list(_absent(page)) == ["page.md: core/clock.py::Sundial", "page.md: core/sundial.py"]


def test_the_layers_of_the_architecture_are_those_that_lint_checks() -> None:
    block = (ROOT / "docs" / "architecture.md").read_text().split("```text\n")[1].split("```")[0]
    drawn = [re.split(r"\s{2,}", line)[0].split(" | ") for line in block.splitlines()]
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(one["layers"] for one in contracts if one["type"] == "layers")
    assert drawn == [layer.replace("kunsthalle.", "").split(" | ") for layer in layers]


def test_the_glossary_is_in_order_and_says_where_each_word_lives() -> None:
    for part in (ROOT / "docs" / "glossary.md").read_text().split("## ")[1:]:
        rows = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| ")][1:]
        assert [len(row) for row in rows] == [3] * len(rows)
        assert [row[0].lower() for row in rows] == sorted({row[0].lower() for row in rows})
        assert [row[0] for row in rows if not row[2].startswith("`")] == []


RULES = ROOT / "docs" / "rules.md"


def test_every_rule_says_where_it_comes_from_where_it_is_enforced_and_what_tests_it() -> None:
    parts = re.split(r"^## (R\d+): .+$", RULES.read_text(), flags=re.MULTILINE)[1:]
    rules = dict(zip(parts[::2], parts[1::2], strict=True))
    assert list(rules) == [f"R{number}" for number in range(1, 12)]
    for rule, text in rules.items():
        rows = dict(re.findall(r"^\| (Source|Enforced in|Tests) \| (.+) \|$", text, re.MULTILINE))
        assert set(rows) == {"Source", "Enforced in", "Tests"}, rule
        assert "::test_" in rows["Tests"], rule


def test_a_rule_that_is_cited_is_stated() -> None:
    stated = set(re.findall(r"^## (R\d+):", RULES.read_text(), re.MULTILINE))
    cited = {(rule, path.name) for path in _modules() for rule in re.findall(r"\b(R\d{1,2})\b", _prose(path))}
    assert len(cited) > 30
    assert [one for one in cited if one[0] not in stated] == []


REFERENCE = ROOT / "docs" / "reference"
HEADINGS = {
    page.name: {"", *re.findall(r"^#+ (\w+(?:\.\d+)?) ", page.read_text(), re.MULTILINE)}
    for page in REFERENCE.glob("*.md")
}
_ONE = r"(?:[A-G]\d?|[1-9](?:\.\d{1,2})?)(?![\w.]?\w)"
_SECTION = re.compile(rf"(?<![\w.]){_ONE}")
_PAGE = re.compile(rf"\b({'|'.join(re.escape(name) for name in HEADINGS)})((?:,? (?:and |to |sections? )?{_ONE})*)")
_ALONE = re.compile(r"(?:[(,;] ?|\band )([A-G]\d|[1-9]\.\d{1,2})(?= of the \w+ reference|[,;)])")


def _citations(text: str, numbers: str) -> Iterator[tuple[str, str]]:
    """Page and section of each citation; `numbers` is the page of a section that is a number and stands alone."""
    for page, sections in _PAGE.findall(text):
        yield from ((page, section) for section in _SECTION.findall(sections) or [""])
    for inside in re.findall(r"\([^()]*\)", text):
        if ".md" not in inside:
            yield from (("vpc-api.md" if one[0].isalpha() else numbers, one) for one in _ALONE.findall(inside))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("as reference/vpc-api.md B3 has it", ["vpc-api.md B3"]),
        (
            "(catalog-iam-enterprise.md 3.1 to 3.3, 3.7 and 4.1)",
            [f"catalog-iam-enterprise.md {n}" for n in (3.1, 3.3, 3.7, 4.1)],
        ),
        ("(cli.md 7.2, and the uses in 6), (stack.md, sections 2 and 3)", ["cli.md 7.2", "stack.md 2", "stack.md 3"]),
        ("(D3, R5, and 3.6 of the catalog reference), (1.9, U)", ["vpc-api.md D3", "cli.md 3.6", "cli.md 1.9"]),
        ("of the command (cli.md)", ["cli.md "]),
        ("version 1.2, 3.5 seconds (0.5), the plug-in (12.0.0), C1 and (2.0.0)", []),
    ],
)
def test_citations_are_found(text: str, found: list[str]) -> None:
    assert [" ".join(one) for one in _citations(text, "cli.md")] == found


def test_every_citation_leads_to_a_heading() -> None:
    cited = {
        (path.relative_to(ROOT).as_posix(), page, section)
        for path in _modules()
        for page, section in _citations(
            _prose(path), "cli.md" if "ibmcloud" in path.parts else "catalog-iam-enterprise.md"
        )
    }
    assert len(cited) > 200
    assert [one for one in sorted(cited) if one[2] not in HEADINGS[one[1]]] == [], "docs/reference/README.md"
