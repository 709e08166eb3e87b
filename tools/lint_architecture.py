"""The rules of the architecture that no ready-made linter knows. One line a finding, `path:line: message`; exit 1
if any."""

from __future__ import annotations

import ast
import re
import sys
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLACES = ("src", "tests", "tools", "dev")
MOST_LINES = 600
MOST_HANDLER_LINES = 10
STATES = frozenset({"state", "status", "lifecycle_state"})

Finding = tuple[int, str]
Rule = Callable[[str, ast.Module, list[str]], Iterator[Finding]]

_NOQA = re.compile(r"#\s*(?:ruff:\s*)?noqa(?P<codes>:\s*[A-Z]+\d+(?:[,\s]+[A-Z]+\d+)*)?(?P<reason>.*)$", re.IGNORECASE)
_IGNORE = re.compile(r"#\s*type:\s*ignore(?P<codes>\[[\w\-, ]+\])?(?P<reason>.*)$")


def _in_database_layer(path: str) -> bool:
    return path.startswith(("src/kunsthalle/db/", "src/kunsthalle/jobs/"))


def _called(node: ast.AST) -> str:
    """The last name of what a call calls, `.values` for `x.values(...)`."""
    if not isinstance(node, ast.Call):
        return ""
    if isinstance(node.func, ast.Attribute):
        return "." + node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def short_files(_path: str, _tree: ast.Module, lines: list[str]) -> Iterator[Finding]:
    if len(lines) > MOST_LINES:
        yield MOST_LINES + 1, f"{len(lines)} lines; a file has at most {MOST_LINES}"


def _is_handler(node: ast.AST) -> bool:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    asked = [ast.unparse(one.annotation) if one.annotation else "" for one in node.args.args]
    return len(asked) == 2 and asked[0] in {"Session", "Context"} and asked[1] == "Request"


def _body_lines(node: ast.FunctionDef, lines: list[str]) -> int:
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    within = lines[body[0].lineno - 1 : body[-1].end_lineno] if body else []
    return sum(1 for line in within if line.strip())


def short_handlers(path: str, tree: ast.Module, lines: list[str]) -> Iterator[Finding]:
    """A handler decodes, calls, encodes; what takes more lines is a rule and belongs to a service."""
    if not path.startswith("src/") or not any(
        _called(node) in {"route", "route_without_transaction"} for node in ast.walk(tree)
    ):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and _is_handler(node):
            count = _body_lines(node, lines)
            if count > MOST_HANDLER_LINES:
                yield node.lineno, f"the handler {node.name} has {count} lines; at most {MOST_HANDLER_LINES}"


def _raw_select(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute) and node.attr == "select":
        return isinstance(node.value, ast.Name) and node.value.id in {"sqlalchemy", "sa", "sql"}
    if not isinstance(node, ast.Call) or _called(node).lstrip(".") not in {"text", "exec_driver_sql"} or not node.args:
        return False
    words = [part.value for part in ast.walk(node.args[0]) if isinstance(part, ast.Constant)]
    return any(isinstance(word, str) and re.match(r"\s*(select|with)\b", word, re.IGNORECASE) for word in words[:1])


def visibility(path: str, tree: ast.Module, _lines: list[str]) -> Iterator[Finding]:
    """Outside the database layer every read goes through db.visibility."""
    if not path.startswith("src/") or _in_database_layer(path):
        return
    for node in ast.walk(tree):
        bare_table = isinstance(node, ast.Call) and _called(node) == ".select" and not node.args and not node.keywords
        imported = isinstance(node, ast.ImportFrom) and node.module in {"sqlalchemy", "sqlalchemy.sql"}
        named = imported and any(one.name == "select" for one in node.names)  # type: ignore[attr-defined]  # an ImportFrom
        if _raw_select(node) or bare_table or named:
            yield node.lineno, "domains read through db.visibility, which applies what the caller may see"  # type: ignore[attr-defined]  # all have one


def _sets_state(node: ast.AST) -> bool:
    if _called(node) != ".values" or not isinstance(node, ast.Call):
        return False
    keys = [one.arg for one in node.keywords]
    for given in node.args:
        if isinstance(given, ast.Dict):
            keys += [ast.unparse(key).strip("'\"").rsplit(".", 1)[-1] for key in given.keys if key is not None]
    return bool(STATES & set(keys))


def transitions(path: str, tree: ast.Module, _lines: list[str]) -> Iterator[Finding]:
    """A state column moves by db.transitions, a compare-and-set on the declared table."""
    if not path.startswith("src/") or _in_database_layer(path):
        return
    for node in ast.walk(tree):
        if _sets_state(node):
            yield node.lineno, "a state moves by db.transitions.transition only"  # type: ignore[attr-defined]  # a call


def access(path: str, tree: ast.Module, _lines: list[str]) -> Iterator[Finding]:
    """Every route says who may call it."""
    if not path.startswith("src/"):
        return
    for node in ast.walk(tree):
        called = _called(node)
        if called == "Route" and path != "src/kunsthalle/api/router.py":
            yield node.lineno, "declare routes with route(…) or route_without_transaction(…)"  # type: ignore[attr-defined]  # a call
        known = [one.arg for one in node.keywords] if isinstance(node, ast.Call) else []
        if called in {"route", "route_without_transaction"} and "access" not in known and None not in known:
            yield node.lineno, "a route without an access rule"  # type: ignore[attr-defined]  # a call


def _comments(lines: list[str]) -> Iterator[Finding]:
    for token in tokenize.generate_tokens(iter([line + "\n" for line in lines]).__next__):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def reasons(_path: str, _tree: ast.Module, lines: list[str]) -> Iterator[Finding]:
    """An exception from a rule names the rule and says why."""
    for number, comment in _comments(lines):
        for word, pattern in (("noqa", _NOQA), ("type: ignore", _IGNORE)):
            found = pattern.search(comment)
            if found is not None and not found["codes"]:
                yield number, f"{word} names no rule"
            elif found is not None and not re.search(r"\w{2}", found["reason"]):
                yield number, f"{word} gives no reason"


RULES: tuple[Rule, ...] = (short_files, short_handlers, visibility, transitions, access, reasons)


def findings(path: str, source: str) -> list[Finding]:
    """What is wrong with a file, by line."""
    tree, lines = ast.parse(source, path), source.splitlines()
    return sorted(found for rule in RULES for found in rule(path, tree, lines))


def files() -> Iterator[Path]:
    for place in PLACES:
        here = ROOT / place
        yield from [here] if here.is_file() else sorted(here.rglob("*.py"))


def main() -> int:
    wrong = 0
    for path in files():
        name = path.relative_to(ROOT).as_posix()
        for line, message in findings(name, path.read_text()):
            print(f"{name}:{line}: {message}")
            wrong = 1
    return wrong


if __name__ == "__main__":
    sys.exit(main())
