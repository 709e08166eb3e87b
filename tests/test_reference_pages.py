"""The pages of the site that are made of the code: everything that is there stands on one of them."""

from __future__ import annotations

import json
import re
import runpy
from functools import cache

import pytest

from fixtures.tools import ROOT
from kunsthalle.ibmcloud.registry import everything
from kunsthalle.scenario_files.schemas import json_schema

MODULE = runpy.run_path(str(ROOT / "tools" / "reference_pages.py"))


@cache
def made() -> dict[str, str]:
    """The pages by their names; made where a test asks for them, not where tests are collected."""
    return dict(MODULE["pages"]())


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "openapi").glob("*.json")))
def test_every_operation_of_a_document_is_on_its_page(name: str) -> None:
    paths = json.loads((ROOT / "openapi" / f"{name}.json").read_text())["paths"]
    page = made()[f"api-{name}.md"]
    operations = [(method.upper(), path) for path, methods in paths.items() for method in methods]
    shown = [f"### {method} {path}\n" in page or f"- {method} `{path}`\n" in page for method, path in operations]
    assert operations
    assert all(shown), [operation for operation, there in zip(operations, shown, strict=True) if not there]


def test_every_command_is_on_a_page() -> None:
    text = "\n".join(page for name, page in made().items() if name.startswith("ibmcloud-"))
    words = {command.words for command in everything().values()}
    assert [
        command for command in sorted(words) if f"## {command}\n" not in text and f"- `{command}`" not in text
    ] == []


def test_every_verb_is_on_the_page_with_its_help() -> None:
    page = made()["kunsthalle-command.md"]
    for words in ("kunsthalle serve", "kunsthalle clock advance", "kunsthalle account key create"):
        assert f"## {words}\n\n```text\nUsage: {words} " in page


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "bad_field"), (404, "not_found"), (409, "image_managed_by_catalog"), (429, "rate_limit_exceeded")],
)
def test_a_code_is_listed_with_its_status(status: int, code: str) -> None:
    assert f"| {status} | `{code}` |" in made()["error-codes.md"]


@pytest.mark.parametrize(
    ("source", "read"),
    [
        ('invalid("bad_field", "No.")', (400, "bad_field", "No.")),
        ('conflict("in_use", f"{name} is in use.")', (409, "in_use", "… is in use.")),
        ('Problem(Reason.TOO_LARGE, "too_large", "One " + "two.")', (413, "too_large", "One two.")),
        ("invalid(code, text)", None),
        ("other('bad_field', 'No.')", None),
        ("Problem(error.reason, 'x', 'y')", None),
    ],
)
def test_refusals_are_read_from_the_code(source: str, read: tuple[int, str, str] | None) -> None:
    import ast

    call = ast.parse(source, mode="eval").body
    found = MODULE["_literals"](call)
    assert (found and (found[0].value, *found[1:])) == read


def test_text_that_markdown_would_take_for_its_own_stays_text() -> None:
    assert MODULE["cell"]("cos://<region>\n/a_b | *c*") == "cos://\\<region\\> /a\\_b \\| \\*c\\*"


EVENTS = runpy.run_path(str(ROOT / "tools" / "audit_events.py"))


def test_every_file_that_puts_something_into_the_audit_is_on_the_page_of_its_events() -> None:
    assert EVENTS["recording_files"]() == set(EVENTS["OTHERS"]), "tools/audit_events.py::OTHERS"


def test_every_action_of_its_own_stands_in_the_source() -> None:
    for name, rows in EVENTS["OTHERS"].items():
        text = (ROOT / "src" / "kunsthalle" / name).read_text()
        for action, _outcome, _words in rows:
            assert action.rsplit(".", 1)[1] in text, (name, action)


@pytest.mark.parametrize(
    "row",
    [
        "| `is.image.image.delete` | 202 | Delete an image. (`DELETE /v1/images/{id}`) |",
        "| image | `is.image.image.…` | `available`, ",
        "`image.import`",
        "| `kunsthalle.audit.expire` | 200 |",
    ],
)
def test_an_event_is_on_the_page(row: str) -> None:
    assert row in made()["audit-events.md"]


def test_the_page_of_the_tests_has_every_folder_with_its_sum() -> None:
    page = made()["test-times.md"]
    lines = [line.split() for line in (ROOT / "tests" / "durations.txt").read_text().splitlines()]
    here = [line for line in lines if line[2].startswith("tests/matrix/")]
    sums = (sum(int(line[1]) for line in here), sum(float(line[0]) for line in here))
    assert re.search(rf"^\| `tests/matrix/` \| .+ \| {sums[0]} \| {sums[1]:.0f} \|$", page, re.MULTILINE)
    assert f"| `{max(lines, key=lambda line: float(line[0]))[2]}` |" in page.split("## The longest files")[1]


def test_every_field_of_a_scenario_file_is_on_its_page() -> None:
    page = made()["scenario-files.md"]
    for title, schema in json_schema()["$defs"].items():
        part = page.split(f"## {title}\n")[1].split("\n## ")[0]
        assert [field for field in schema["properties"] if f"| `{field}` |" not in part] == []
