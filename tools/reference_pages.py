"""Writes the pages of the site that are made of the code: commands, error codes, operations of the APIs.

`docs/conf.py` has them written before it reads the folder, so that they are those of the checkout that is built; git
ignores them.
"""

from __future__ import annotations

import ast
import json
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from kunsthalle.cli.main import cli
from kunsthalle.core.errors import Reason
from kunsthalle.ibmcloud.grammar import Command
from kunsthalle.ibmcloud.help import of_command
from kunsthalle.ibmcloud.registry import AREAS, GROUPS, everything
from kunsthalle.scenario_files.schemas import json_schema

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "reference" / "generated"
FAMILIES = {
    "vpc": "VPC: images, instances, storage, networks",
    "catalog": "Catalog Management",
    "iam-identity": "IAM: accounts' identities",
    "iam-policy": "IAM: policies and roles",
    "iam-token": "IAM: tokens",
    "platform": "Enterprise, users, resource controller, search and tags",
    "kms": "Key Protect",
    "operator": "Operations of Kunsthalle's own",
}
"""Each document of `openapi/` and the title of its page."""
_REFUSALS = {
    "invalid": Reason.INVALID,
    "conflict": Reason.CONFLICT,
}
"""Functions of `core/errors.py` whose first argument is a code."""
_CALLED = re.compile(rf"\b({'|'.join(('Problem', *_REFUSALS))})\(")


def cell(text: str) -> str:
    """A text as the cell of a table: in one line, without what Markdown takes for its own."""
    return re.sub(r"([|<>*_\\])", r"\\\1", " ".join(text.split()))


def table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A table in Markdown, or nothing where there is no row; cells are in Markdown already."""
    if not rows:
        return ""
    lines = [columns, tuple("---" for _ in columns), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def code(text: str) -> str:
    return f"`{text.replace('|', chr(0x2502))}`" if text else ""


# The command `kunsthalle`


def _walked(command: click.Command, words: str) -> Iterator[tuple[str, click.Command]]:
    yield words, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=words)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None and not inner.hidden:
                yield from _walked(inner, f"{words} {name}")


def kunsthalle_page() -> str:
    """The help of each verb, as `--help` prints it."""
    parts = []
    for words, command in _walked(cli, "kunsthalle"):
        context = click.Context(command, info_name=words, terminal_width=110, max_content_width=110)
        parts.append(f"## {words}\n\n```text\n{command.get_help(context)}\n```\n")
    return (
        "# The command `kunsthalle`\n\nYou will find each verb with its options, as `--help` prints it.\n\n"
        + "\n".join(parts)
    )


# The command `ibmcloud`

_NOT_SERVED = "Not supported by Kunsthalle."
CORE_AREA = "login"
"""The page of commands that belong to no area."""


def _by_area() -> dict[str, list[Command]]:
    """Each command once, by the first of its words; those of one word belong to `login and plug-ins`."""
    areas: dict[str, dict[str, Command]] = {}
    for command in everything().values():
        area = command.words.split()[0] if command.words.split()[0] in AREAS else CORE_AREA
        areas.setdefault(area, {})[command.words] = command
    return {area: sorted(found.values(), key=lambda command: command.words) for area, found in sorted(areas.items())}


def ibmcloud_page(area: str, commands: list[Command]) -> str:
    """The help of each command of an area, as `--help` prints it; what is not served is a list at the end."""
    served = [command for command in commands if command.summary != _NOT_SERVED]
    parts = [
        f"## {command.words}\n\n{cell(command.summary)}\n\n```text\n" + "\n".join(of_command(command)[3:]) + "\n```\n"
        for command in served
    ]
    absent = [f"- `{command.words}`" for command in commands if command.summary == _NOT_SERVED]
    last = "## Not served\n\nThese say so, and end with status 1.\n\n" + "\n".join(absent) + "\n" if absent else ""
    about = GROUPS.get(area, "Sign in, choose an account, a region and a resource group")
    title = f"ibmcloud {area}" if area in GROUPS else "ibmcloud: sign-in and settings"
    return f"# {title}\n\nYou will find the commands with their options. {about}.\n\n" + "\n".join(parts) + last


# Error codes


def _literals(call: ast.Call) -> tuple[Reason, str, str] | None:
    """Reason, code and text of a call that makes a refusal, where they stand there in words."""
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    arguments = call.args
    if name == "Problem" and len(arguments) > 2 and ast.unparse(arguments[0]).startswith("Reason."):
        reason, arguments = Reason[ast.unparse(arguments[0]).removeprefix("Reason.")], arguments[1:]
    elif name in _REFUSALS and len(arguments) > 1:
        reason = _REFUSALS[name]
    else:
        return None
    said, text = arguments[0], arguments[1]
    if not isinstance(said, ast.Constant) or not isinstance(said.value, str):
        return None
    return reason, said.value, _text(text)


def _text(node: ast.expr) -> str:
    """The text of a message; what is put into it at run time is `…`."""
    match node:
        case ast.Constant(value=str(value)):
            return value
        case ast.JoinedStr(values=values):
            return "".join(value.value if isinstance(value, ast.Constant) else "…" for value in values)  # type: ignore[misc]  # a str
        case ast.BinOp(left=left, right=right):
            return _text(left) + _text(right)
    return "…"


def error_codes() -> dict[tuple[int, str], list[str]]:
    """By status and code, the messages that stand in the code, without those that are made at run time alone."""
    found: dict[tuple[int, str], set[str]] = {}
    for path in sorted((ROOT / "src" / "kunsthalle").rglob("*.py")):
        text = path.read_text()
        if not _CALLED.search(text):  # to parse all of the product takes seconds
            continue
        for node in ast.walk(ast.parse(text)):
            refusal = _literals(node) if isinstance(node, ast.Call) else None
            if refusal is not None:
                reason, name, message = refusal
                found.setdefault((reason.value, name), set()).update({message} - {"…"})
    return {key: sorted(texts) for key, texts in sorted(found.items())}


def error_codes_page() -> str:
    rows = [
        (str(status), code(name), cell(texts[0]) if texts else "") for (status, name), texts in error_codes().items()
    ]
    return (
        "# Error codes\n\nYou will find what a code in an answer means. The envelope is that of each API;"
        " the code is in `errors[].code`, or in `errorCode` for `/identity/token`. Each code stands here with one of"
        " its messages; `…` is what the request had.\n\n"
        "404 `not_found` has one message for all that is absent or hidden. A fault of the server is 500"
        " `internal_error`, with the trace to ask the operator for.\n\n"
        + table(("Status", "Code", "One of its messages"), rows)
    )


# The APIs


def _shape(schema: dict[str, Any]) -> str:
    """A schema in a few words: its type, what it is one of, its bounds."""
    if "$ref" in schema:
        return f"`{schema['$ref'].rsplit('/', 1)[1]}`"
    if "anyOf" in schema or "oneOf" in schema:
        return " or ".join(dict.fromkeys(_shape(part) for part in schema.get("anyOf", schema.get("oneOf", ()))))
    if "enum" in schema:
        return "one of " + ", ".join(code(str(value)) for value in schema["enum"])
    if "const" in schema:
        return code(str(schema["const"]))
    if schema.get("type") == "array":
        return "list of " + _shape(schema.get("items", {}))
    bounds = [f"{word} {schema[key]}" for word, key in _BOUNDS if key in schema]
    return ", ".join([cell(str(schema.get("format", schema.get("type", "anything")))), *bounds])


_BOUNDS = (
    ("at least", "minimum"),
    ("at most", "maximum"),
    ("length from", "minLength"),
    ("length to", "maxLength"),
)


_OF_EVERY_CALL = {"version", "generation"}
"""Query parameters that each operation of the VPC API has."""
_NOT_OFFERED = "Known, and not offered."


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    rows = [
        (
            code(part["name"]),
            part["in"],
            "yes" if part.get("required") else "",
            _shape(part["schema"]),
            cell(part.get("description", "")),
        )
        for part in operation.get("parameters", ())
        if part["in"] != "path" and part["name"] not in _OF_EVERY_CALL
    ]
    action = operation.get("x-action")
    sentences = [
        *(f"Body: {form}." for form in _forms(operation.get("requestBody", {}))),
        *(f"Answer: {status}{', '.join(['', *_forms(answer)])}." for status, answer in _successes(operation)),
        f"Action: {code(action)}." if action else "",
    ]
    lines = [
        f"### {method.upper()} {path}",
        cell(operation.get("summary", "")),
        table(("Parameter", "In", "Required", "Form", "What it is"), rows).strip(),
        " ".join(filter(None, sentences)),
    ]
    return "\n\n".join(filter(None, lines)) + "\n"


def _forms(message: dict[str, Any]) -> list[str]:
    """What the body of a request or an answer holds, for each type of content."""
    return [_shape(content["schema"]) for content in message.get("content", {}).values() if "schema" in content]


def _successes(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            yield status, answer


def operations_page(name: str, document: dict[str, Any]) -> str:
    """Every operation of a document; those that answer 501 are a list at the end."""
    operations = [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if "responses" in operation
    ]
    parts = [_operation(*each) for each in operations if each[2].get("summary") != _NOT_OFFERED]
    absent = [
        f"- {method.upper()} {code(path)}"
        for method, path, operation in operations
        if operation.get("summary") == _NOT_OFFERED
    ]
    last = "\n## Not offered\n\nThese are known, and answer 501.\n\n" + "\n".join(absent) + "\n" if absent else ""
    every = " Each operation also takes `version`, a date, and `generation=2`." if name == "vpc" else ""
    return (
        f"# {FAMILIES[name]}\n\nYou will find every operation with its parameters, its body and the action that it"
        f" asks for. {{download}}`The document of OpenAPI <../../../openapi/{name}.json>` has the same for tools;"
        f" [what the bodies hold](schemas-{name}.md).{every}\n\n## Operations\n\n" + "\n".join(parts) + last
    )


def _bodies(schemas: list[tuple[str, dict[str, Any]]]) -> str:
    """The fields of each schema, with a heading for each."""
    parts = []
    for title, schema in schemas:
        required = set(schema.get("required", ()))
        rows = [
            (code(field), "yes" if field in required else "", _shape(form), cell(form.get("description", "")))
            for field, form in schema.get("properties", {}).items()
        ]
        shown = table(("Field", "Required", "Form", "What it is"), rows) or f"{_shape(schema)}\n"
        parts.append(f"## {title}\n\n{cell(schema.get('description', ''))}\n\n{shown}")
    return "\n".join(parts)


def schemas_page(name: str, document: dict[str, Any]) -> str:
    return (
        f"# {FAMILIES[name]}: bodies\n\nYou will find the fields of every body of requests and answers.\n\n"
        + _bodies(sorted(document["components"]["schemas"].items()))
    )


def scenario_files_page() -> str:
    """The parts of a scenario file with their fields, from its JSON Schema."""
    return (
        "# Scenario files\n\nYou will find every field of a scenario file. `Scenario` is the whole file; the others are"
        " its parts. `kunsthalle scenario schema` prints the same as JSON Schema, for editors, and `kunsthalle scenario"
        " validate FILE` tells what is wrong with file and line. [Scenarios](../../how-to/scenarios.md) shows files and"
        " what they make.\n\n" + _bodies(list(json_schema()["$defs"].items()))
    )


# The tests

_LONGEST = 10
"""Files of tests that the page names."""


def _durations() -> list[tuple[float, int, str]]:
    """Seconds, number of tests and path of each file, as `tests/durations.txt` has them."""
    lines = (line.split() for line in (ROOT / "tests" / "durations.txt").read_text().splitlines())
    return [(float(seconds), int(count), path) for seconds, count, path in lines]


def _folder(path: str) -> str:
    """The folder that a file of tests is shown under: two levels below `tests/` for the large ones."""
    parts = path.split("/")[:-1]
    return "/".join(parts[: 3 if parts[1:2] in (["unit"], ["stories"]) else 2]) + "/"


def test_times_page() -> str:
    """How long the tests of each folder take, and which files take longest."""
    files = _durations()
    folders = sorted({_folder(path) for _, _, path in files})
    said = runpy.run_path(str(ROOT / "tools" / "docs.py"))["_said"]
    rows = []
    for folder in folders:
        here = [(seconds, count) for seconds, count, path in files if _folder(path) == folder]
        sums = (str(sum(count for _, count in here)), f"{sum(seconds for seconds, _ in here):.0f}")
        rows.append((code(folder), cell(said(ROOT / folder)) if folder != "tests/" else "tests of the whole", *sums))
    longest = [
        (code(path), str(count), f"{seconds:.0f}") for seconds, count, path in sorted(files)[: -_LONGEST - 1 : -1]
    ]
    total = (
        f"{sum(count for _, count, _ in files)} tests take {sum(seconds for seconds, _, _ in files) / 60:.0f} minutes"
    )
    return (
        "# How long the tests take\n\nYou will find how the tests are arranged, and how long each part takes. The"
        f" figures are those of `tests/durations.txt`: {total} of one core. `./dev test` spreads them over the cores,"
        " and says at the start how long that takes; `./dev test --quick` runs some of each part."
        " [Contributing](../../../CONTRIBUTING.md#tests) says what is tested where.\n\n## By folder\n\n"
        + table(("Folder", "What it tests", "Tests", "Seconds"), rows)
        + "\n## The longest files\n\n"
        + table(("File", "Tests", "Seconds"), longest)
    )


def pages() -> Iterator[tuple[str, str]]:
    """Names of files in `FOLDER` and their content."""
    yield "kunsthalle-command.md", kunsthalle_page()
    for area, commands in _by_area().items():
        yield f"ibmcloud-{area}.md", ibmcloud_page(area, commands)
    yield "error-codes.md", error_codes_page()
    yield "scenario-files.md", scenario_files_page()
    yield "test-times.md", test_times_page()
    yield "audit-events.md", runpy.run_path(str(ROOT / "tools" / "audit_events.py"))["page"]()
    for name in FAMILIES:
        document = json.loads((ROOT / "openapi" / f"{name}.json").read_text())
        yield f"api-{name}.md", operations_page(name, document)
        yield f"schemas-{name}.md", schemas_page(name, document)


def write() -> None:
    """Writes the pages that changed, and deletes those that are no more."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    made = dict(pages())
    for path in FOLDER.glob("*.md"):
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        path = FOLDER / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


if __name__ == "__main__":
    write()
