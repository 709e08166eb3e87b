"""Writes the generated pages of docs/ anew: the map of the repository, the settings, the states."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import runpy
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import kunsthalle
from kunsthalle.automation_checks.rules import RULES
from kunsthalle.catalogs import states
from kunsthalle.config_example import example
from kunsthalle.config_sources import DEFAULT_FILE
from kunsthalle.core.state_tables import StateTable
from kunsthalle.settings import PREFIX, Description, described, variable

ROOT = Path(__file__).resolve().parents[1]
NOTE = "<!-- Written by `./dev docs`; a test compares it with the code. -->"

# What has no docstring of its own to tell what it is.
WORDS = {
    "dev": "the verbs of the checkout; alone it lists them",
    "pyproject.toml": "packaging, lint, types, layers",
    "requirements/": "the locked dependencies, with hashes",
    ".ci/": "`run` is what continuous integration runs",
    "docs/": "this map, settings, states, benchmarks",
    "docs/compatibility/": "the last results of clients that other people wrote",
    "docs/decisions/": "why it is built that way, a page each",
    "docs/how-to/": "step by step, each page run by a test",
    "NOTICE": "the licences of what the product is installed with",
    "openapi/": "a document for each API family, written from the routes",
    "src/kunsthalle/": "the product",
    "src/kunsthalle/ibmcloud/": "The `ibmcloud` command.",
    "src/kunsthalle/console/html/": "the templates of pages; `ui.html` has the pieces that they share",
    "src/kunsthalle/console/static/": "style sheets, scripts, fonts and the mark",
    "src/kunsthalle/scenario_files/shipped/": "the scenarios that ship",
    "src/kunsthalle/transcripts/html/": "the page of a transcript, and its stylesheet",
    "src/kunsthalle/py.typed": "the package is typed",
    "tests/attacks/": "a served process attacked over its socket, an attack a file",
    "tests/unit/": "unit tests, a folder a package",
    "tests/stories/": "what a client does from the first call to the last, against a served process",
    "tests/": "unit tests by package, stories, and tests of the whole",
    "tests/unit/api/": "the HTTP frame against bad input",
    "tests/unit/blobs/": "bytes by content, and the buckets",
    "tests/unit/catalogs/": "`catalogs`: stories, and random walks against the rules",
    "tests/unit/cli/": "the command line",
    "tests/stories/console/": "walks through the web console with a real browser",
    "tests/crash/": "the server is killed at random",
    "tests/unit/hypervisor/": "the engine's contract, simulated and with real guests",
    "tests/unit/iam/": "keys, profiles, policies, groups; policies against a naive evaluator; non-interference",
    "tests/hostile_images/": "every hostile image file we know",
    "tests/go/": "what drives the server with the Go SDKs",
    "tests/matrix/": "every route, every persona: hidden compared with absent",
    "tests/unit/networks/": "networks and addresses",
    "tests/node/": "what drives the server with the Node SDK",
    "tools/console_assets/": "what the console takes from npm: the lock, and what builds its files",
    "tests/node_provider/": "a certified identity provider, which sign-ins are tested with",
    "tests/unit/db/": "the store on SQLite and PostgreSQL",
    "tests/fixtures/": "what tests share",
    "tests/stories/api/": "stories through the official SDKs against a served process",
    "examples/": "what clients are configured with, and projects that test their automation; tests run it",
    "tools/": "what the verbs of `dev` run",
    "tools/boot-image-packages.txt": "Debian packages of which the boot image is built",
}


def _docstring(path: Path) -> str:
    """The first sentence of a module's docstring, without its full stop."""
    if not path.exists() or path.suffix != ".py":
        return ""
    text = " ".join((ast.get_docstring(ast.parse(path.read_text())) or "").split("\n\n")[0].split())
    return re.sub(r"\s*\([^()]*\.md[^()]*\)", "", text.split(". ")[0]).rstrip(".")


def _said(path: Path) -> str:
    name = path.relative_to(ROOT).as_posix()
    own = WORDS.get(name + "/" if path.is_dir() else name, "").rstrip(".")
    of_package = f"the package `{path.name}`" if (ROOT / "src" / "kunsthalle" / path.name).is_dir() else ""
    of_package = f"the pages of `{path.name}`" if path.parent.name == "html" else of_package
    return _docstring(path / "__init__.py" if path.is_dir() else path) or own or of_package


def _entries(folder: Path) -> list[Path]:
    """The packages in a folder, and the modules that belong to none."""
    hidden = {"__init__.py", "__pycache__", "site"}  # the last is built, and git ignores it
    found = [one for one in folder.iterdir() if one.name not in hidden and not one.name.startswith(".")]
    alone = folder == ROOT / "src" / "kunsthalle"
    found = [one for one in found if (one.is_dir() and any(one.rglob("*.*"))) or (alone and one.suffix == ".py")]
    return sorted(found, key=lambda one: (one.is_dir(), one.name))


def _tree(folder: Path, depth: int, deepest: int) -> Iterator[tuple[int, Path]]:
    for entry in _entries(folder):
        yield depth, entry
        if entry.is_dir() and depth < deepest:
            yield from _tree(entry, depth + 1, deepest)


def tree() -> list[tuple[int, Path]]:
    """The lines of the map: depth and path."""
    top = [ROOT / name for name in ("dev", "pyproject.toml", "requirements", ".ci", "docs", "examples", "openapi")]
    found = [(0, path) for path in top] + [(1, ROOT / "docs" / name) for name in ("compatibility", "decisions")]
    found.sort(key=lambda one: top.index(one[1]) if one[1] in top else top.index(ROOT / "docs"))
    for name, deepest in (("src/kunsthalle", 4), ("tests", 1), ("tools", 0)):
        found.append((0, ROOT / name))
        found += _tree(ROOT / name, 1, deepest)
    return found


def _line(depth: int, path: Path) -> str:
    name = path.relative_to(ROOT).as_posix() if depth == 0 else path.name
    shown = "    " * depth + name + ("/" if path.is_dir() else "")
    return f"{shown:<36} {_said(path)}".rstrip()


def _layers() -> str:
    """The layers of pyproject.toml, the lowest first."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    names = [layer.replace("kunsthalle.", "") for layer in reversed(layers)]
    return textwrap.fill(" < ".join(names), 112, break_long_words=False, break_on_hyphens=False)


def map_page() -> str:
    lines = "\n".join(_line(depth, path) for depth, path in tree())
    return f"""# The map

{NOTE}

You will find the folders and what is in each.

A package imports only from lower layers, as `pyproject.toml` states them, here from the lowest; those between bars
are in one layer, and do not import each other. [The architecture](architecture.md#layers) says what each is for.
Packages have files of the same names, which [CONTRIBUTING.md](../CONTRIBUTING.md) explains.

{_layers()}.

```text
{lines}
```
"""


_PIPE = "&#124;"


def settings_page() -> str:
    rows = "\n".join(_setting_row(one) for one in described() if one.section is None)
    sections = "\n".join(_section_part(one) for one in described() if one.section is not None)
    return f"""# Settings

{NOTE}

You will find every setting with its default.

A setting is a key of the file, an environment variable and an option of `kunsthalle serve`, and a field of
`kunsthalle.settings.Settings`. An option wins over the variable, and the variable over the file; a variable that is
empty counts as not set. Its variable is its key in capitals behind `KUNSTHALLE_`, unless the table names another;
its option is `--` and the key with hyphens.

The file is that of `--config`, else that of `KUNSTHALLE_CONFIG`, else `{DEFAULT_FILE}` if it exists; `/dev/null` stands
for none. It is TOML. `kunsthalle config example` prints one with every key, `kunsthalle config check` checks it, and
`kunsthalle config show` tells each value and where it comes from.

*Secret*: the value is shown nowhere, and may be in a file that the key with `_file` behind it names (`database_file`,
`KUNSTHALLE_DATABASE_FILE`, `--database-file`). *SIGHUP*: a running server applies a new value when it gets that signal;
of all other settings its log says that they need a restart. Where one setting is wrong, the signal changes none.

| Key | Default | What it is |
|---|---|---|
{rows}
{sections}"""


def _setting_row(one: Description) -> str:
    own = variable(one.name) if variable(one.name) != f"{PREFIX}{one.name.upper()}" else ""
    notes = [f"Variable: `{own}`."] if own else []
    notes += [] if one.option else ["No option."]
    notes += ["*Secret.*"] if one.secret else []
    notes += ["*SIGHUP.*"] if one.reload else []
    text = " ".join([f"{one.help.rstrip('.')}.", *notes]).replace("|", _PIPE)
    return f"| `{one.name}` | {f'`{one.default}`' if str(one.default) else ''} | {text} |"


def _section_part(one: Description) -> str:
    rows = "\n".join(_setting_row(replace(key, option=True)) for key in described(one.section))
    applied = " SIGHUP applies it." if one.reload else ""
    return f"""
## `[[{one.name}]]`

{one.help}. Each is a table of the file; `{variable(one.name)}` holds a JSON list of objects instead.{applied}

| Key | Default | What it is |
|---|---|---|
{rows}
"""


def state_tables() -> list[tuple[str, StateTable]]:
    """Every declared table of states with its package, by layer."""
    found: dict[int, tuple[str, StateTable]] = {}
    for module in pkgutil.walk_packages(kunsthalle.__path__, "kunsthalle."):
        if module.name.rsplit(".", 1)[1] not in {"states", "resources"} or module.name.startswith("kunsthalle.core"):
            continue
        for one in vars(importlib.import_module(module.name)).values():
            if isinstance(one, StateTable):
                found.setdefault(id(one), (module.name.split(".")[1], one))
    return sorted(found.values(), key=lambda one: (one[0], one[1].kind))


def _diagram(table: StateTable) -> str:
    alias = {state: state.replace("-", "_").replace(" ", "_") for state in table.states}
    lines = [f'    state "{state}" as {name}' for state, name in alias.items() if state != name]
    lines += [f"    [*] --> {alias[state]}" for state in table.first]
    lines += [f"    {alias[old]} --> {alias[new]}" for old, targets in table.moves.items() for new in targets]
    return "```mermaid\nstateDiagram-v2\n" + "\n".join(lines) + "\n```"


def states_page() -> str:
    parts = "\n".join(f"## {table.kind} ({package})\n\n{_diagram(table)}\n" for package, table in state_tables())
    return f"""# States

{NOTE}

You will find the states of each resource.

A state moves along these tables only, each move a compare-and-set (`db/transitions.py`).

{parts}
## The steps of a version

What moves a version, who may, and what becomes of its images.

{states.table()}"""


def check_rules_page() -> str:
    rows = "\n".join(
        f"| `{one.id}` | {one.level} | {_promise(one.promise)} | {one.title}. | {one.remedy}. |" for one in RULES
    )
    return f"""# The rules of `kunsthalle check`

{NOTE}

You will find what [`kunsthalle check`](how-to/check-automation.md) looks for.

Ids do not change. A finding is reported only where the
files, or the server that was asked, leave no doubt; what they do not say is not guessed. "Rule" is the one of
[rules.md](rules.md) that a finding follows from.

| Id | Level | Rule | What it finds | The way out |
|---|---|---|---|---|
{rows}
"""


def _promise(promise: str) -> str:
    heading = re.search(rf"^## ({promise}: .*)$", (ROOT / "docs" / "rules.md").read_text(), re.MULTILINE)
    if not promise or heading is None:
        return ""
    anchor = re.sub(r"[^\w\- ]", "", heading[1].lower()).replace(" ", "-")
    return f"[{promise}](rules.md#{anchor})"


def roles_page() -> str:
    return str(runpy.run_path(str(ROOT / "tools" / "roles.py"))["page"]())


def notice() -> str:
    return str(runpy.run_path(str(ROOT / "tools" / "notice.py"))["notice"]())


def compatibility_page() -> str:
    return str(runpy.run_path(str(ROOT / "tools" / "clients" / "compatibility.py"))["page"](NOTE))


PAGES = {
    "NOTICE": notice,
    "deploy/kunsthalle.toml": example,
    "docs/check-rules.md": check_rules_page,
    "docs/compatibility.md": compatibility_page,
    "docs/map.md": map_page,
    "docs/roles.md": roles_page,
    "docs/settings.md": settings_page,
    "docs/states.md": states_page,
}


def main() -> int:
    for name, page in PAGES.items():
        (ROOT / name).write_text(page())
        print(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
