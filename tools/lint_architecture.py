"""The rules of the architecture that no ready-made linter knows. One line a finding, `path:line: message`; exit 1
if any."""

from __future__ import annotations

import ast
import re
import sys
import tokenize
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
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


@lru_cache(maxsize=1)
def _nodes(tree: ast.Module) -> list[ast.AST]:
    """All of a file; walked once for all rules."""
    return list(ast.walk(tree))


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
    return asked[:1] in (["Session"], ["Context"]) and asked[1:2] == ["Request"] and len(asked) <= 4


def _body_lines(node: ast.FunctionDef, lines: list[str]) -> int:
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    within = lines[body[0].lineno - 1 : body[-1].end_lineno] if body else []
    return sum(1 for line in within if line.strip())


def short_handlers(path: str, tree: ast.Module, lines: list[str]) -> Iterator[Finding]:
    """A handler decodes, calls, encodes; what takes more lines is a rule and belongs to a service."""
    if not path.startswith("src/") or not any(
        _called(node) in {"route", "route_without_transaction"} for node in _nodes(tree)
    ):
        return
    for node in _nodes(tree):
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
    for node in _nodes(tree):
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
    for node in _nodes(tree):
        if _sets_state(node):
            yield node.lineno, "a state moves by db.transitions.transition only"  # type: ignore[attr-defined]  # a call


def access(path: str, tree: ast.Module, _lines: list[str]) -> Iterator[Finding]:
    """Every route says who may call it."""
    if not path.startswith("src/"):
        return
    for node in _nodes(tree):
        called = _called(node)
        if called == "Route" and path != "src/kunsthalle/api/router.py":
            yield node.lineno, "declare routes with route(…) or route_without_transaction(…)"  # type: ignore[attr-defined]  # a call
        known = [one.arg for one in node.keywords] if isinstance(node, ast.Call) else []
        if called in {"route", "route_without_transaction"} and "access" not in known and None not in known:
            yield node.lineno, "a route without an access rule"  # type: ignore[attr-defined]  # a call


def query(path: str, tree: ast.Module, _lines: list[str]) -> Iterator[Finding]:
    """What is read of a query is declared: the parameters as they came are for the decoder and its neighbours."""
    if not path.startswith("src/") or path.startswith("src/kunsthalle/api/"):
        return
    for node in _nodes(tree):
        if isinstance(node, ast.Attribute) and node.attr in {"raw_query", "query_params"} and not _in_console(path):
            yield node.lineno, "a handler takes the query parameters that its route declares (query=…)"


def row(path: str, tree: ast.Module, _lines: list[str]) -> Iterator[Finding]:
    """The row that an access rule has found stands in the signature of the handler."""
    if not path.startswith("src/") or path.startswith("src/kunsthalle/api/"):
        return
    for node in _nodes(tree):
        if isinstance(node, ast.Attribute) and node.attr == "authorized":
            yield node.lineno, "a handler takes the row that its access rule finds as its third parameter"


def _in_console(path: str) -> bool:
    return path.startswith("src/kunsthalle/console/")


def _comments(lines: list[str]) -> Iterator[Finding]:
    for token in tokenize.generate_tokens(iter([line + "\n" for line in lines]).__next__):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def reasons(_path: str, _tree: ast.Module, lines: list[str]) -> Iterator[Finding]:
    """An exception from a rule names the rule and says why."""
    if not any(_NOQA.search(line) or _IGNORE.search(line) for line in lines):
        return
    for number, comment in _comments(lines):
        for word, pattern in (("noqa", _NOQA), ("type: ignore", _IGNORE)):
            found = pattern.search(comment)
            if found is not None and not found["codes"]:
                yield number, f"{word} names no rule"
            elif found is not None and not re.search(r"\w{2}", found["reason"]):
                yield number, f"{word} gives no reason"


_SHOWN_CLASS_NAMES = {
    "src/kunsthalle/api/handler_signatures.py": "a message for whoever declares a route",
    "src/kunsthalle/api/openapi.py": "the schemas of the documents are named as their structs",
    "src/kunsthalle/api/subresources.py": "the same",
    "src/kunsthalle/core/records.py": "instances show themselves as Python's own do",
    "src/kunsthalle/db/row_models.py": "a message for whoever changes a model",
    "src/kunsthalle/disk_images/detection.py": "the name of a logger is that of its module",
    "src/kunsthalle/ibmcloud/main.py": "a message for people",
    "src/kunsthalle/jobs/queue.py": "a message for the log and the row of a job",
}
"""Files that may show the name of a class or a module to people, and why."""
_ERROR_TEXTS = {"src/kunsthalle/blobs/s3.py": "the client has neither a type nor a code for a bucket that it lists"}
"""Files that may look into the text of an error, and why."""
_TEXT_CALLS = frozenset(
    {".startswith", ".endswith", ".partition", ".split", ".find", ".search", ".match", ".fullmatch"}
)


def class_names(path: str, tree: ast.Module, _lines: list[str]) -> Iterator[Finding]:
    """What goes over the wire, and what is compared, is declared: a class may be renamed."""
    if not path.startswith("src/") or path in _SHOWN_CLASS_NAMES:
        return
    for node in _nodes(tree):
        if isinstance(node, ast.Attribute) and node.attr in {"__name__", "__qualname__"}:
            yield node.lineno, "declare a constant; the name of a class is no value"


def _text_of(node: ast.AST, error: str) -> bool:
    """Whether an expression takes the text, the class name or the arguments of the error."""
    for inner in ast.walk(node):
        if _called(inner) in {"str", "repr"} and any(isinstance(a, ast.Name) and a.id == error for a in inner.args):  # type: ignore[attr-defined]  # a call
            return True
        if isinstance(inner, ast.Attribute) and inner.attr in {"args", "message"}:
            return isinstance(inner.value, ast.Name) and inner.value.id == error
    return False


def error_texts(path: str, tree: ast.Module, _lines: list[str]) -> Iterator[Finding]:
    """An exception is told by its type or its code, never by its words."""
    if not path.startswith("src/") or path in _ERROR_TEXTS:
        return
    handlers = [node for node in _nodes(tree) if isinstance(node, ast.ExceptHandler) and node.name]
    for handler in handlers:
        for node in ast.walk(handler):
            judged = isinstance(node, ast.Compare) or _called(node) in _TEXT_CALLS
            if judged and _text_of(node, str(handler.name)):
                yield node.lineno, "tell exceptions by type or code, not by their text"  # type: ignore[attr-defined]  # both have one


def module_magic(path: str, tree: ast.Module, _lines: list[str]) -> Iterator[Finding]:
    """What a module holds stands in it: no name is made up when it is asked for."""
    if not path.startswith("src/"):
        return
    imports = (node for node in _nodes(tree) if isinstance(node, ast.Import))
    modules = {(one.asname or one.name).partition(".")[0] for node in imports for one in node.names}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == "__getattr__":
            yield node.lineno, "a module has no __getattr__; import what is needed from where it is"
    for node in _nodes(tree):
        called = _called(node)
        if called in {"globals", "locals"}:
            yield node.lineno, f"no {called}(); a dictionary says what it holds"  # type: ignore[attr-defined]  # a call
        if called == "getattr" and isinstance(node, ast.Call) and not isinstance(node.args[1], ast.Constant):
            owner = node.args[0]
            if isinstance(owner, ast.Name) and owner.id in modules:
                yield node.lineno, "look names up in a table, not in a module"


def models_by_name(path: str, tree: ast.Module, _lines: list[str]) -> Iterator[Finding]:
    """A row becomes a model by the names of its columns."""
    if not path.startswith("src/") or path == "src/kunsthalle/db/row_models.py":
        return
    for node in _nodes(tree):
        starred = [one.value for one in node.args if isinstance(one, ast.Starred)] if isinstance(node, ast.Call) else []
        if any(isinstance(value, ast.Name) and value.id == "row" for value in starred):
            yield node.lineno, "models of rows are made by db.row_models.reader, which matches names"  # type: ignore[attr-defined]  # a call


_CLOSED = frozenset({*STATES, "effect", "format", "surface", "reason"})


def closed_tables(path: str, tree: ast.Module, _lines: list[str]) -> Iterator[Finding]:
    """A state, a format, an effect that is unknown raises: no look-up has a value for it."""
    if not path.startswith("src/"):
        return
    for node in _nodes(tree):
        key = node.args[0] if isinstance(node, ast.Call) and _called(node) == ".get" and node.args else None
        if isinstance(key, ast.Attribute) and key.attr in _CLOSED:
            yield key.lineno, f"look {key.attr} up in a core.closed_tables.ClosedTable, by [], not by get"


_NO_NOUNS = frozenset({"one", "it", "found", "given", "wanted", "kept", "said", "mine", "what"})
"""Words that say of a value where it came from or whose it is, and not what it is."""
_SCOPES = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.Lambda,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
)


def _locals(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The names that functions and comprehensions bind, parameters included. Fields of classes are none."""
    for scope in (node for node in ast.walk(tree) if isinstance(node, _SCOPES)):
        for node in ast.walk(scope):
            if isinstance(node, ast.arg):
                yield node.lineno, node.arg
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.lineno, node.id


def nouns(path: str, tree: ast.Module, _lines: list[str]) -> Iterator[Finding]:
    """A local says what it holds: `image`, `row`, `condition`."""
    if path.startswith("src/"):
        for line, name in sorted({local for local in _locals(tree) if local[1] in _NO_NOUNS}):
            yield line, f"{name} is no noun; name what the value is: image, row, condition"


RULES: tuple[Rule, ...] = (
    short_files,
    short_handlers,
    visibility,
    transitions,
    access,
    query,
    row,
    reasons,
    class_names,
    error_texts,
    module_magic,
    models_by_name,
    closed_tables,
    nouns,
)


def findings(path: str, source: str) -> list[Finding]:
    """What is wrong with a file, by line."""
    tree, lines = ast.parse(source, path), source.splitlines()
    return sorted(found for rule in RULES for found in rule(path, tree, lines))


ROLES = {
    "src/kunsthalle": "main models protocol queries requests resources routes schemas service states tables jobs",
    "tools": "differences run story",
}
"""Files that each package may have, and each client below tools: their names say what part of it they are."""


def repeated_names(paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each file that bears the name of another below the same top folder, with what is wrong with it.

    The name of a file says what is in it without its folder. Names with underscores at both ends are Python's.
    """
    first: dict[tuple[str, str], str] = {}
    for path in sorted(paths, key=lambda path: (path.count("/"), path)):
        top = next((folder for folder in ROLES if path.startswith(f"{folder}/")), None)
        stem = path.rpartition("/")[2].removesuffix(".py")
        if top is None or stem.startswith("__") or stem in ROLES[top].split():
            continue
        other = first.setdefault((top, stem), path)
        if other != path:
            yield path, f"{other} has this name, too; name the file by its content"


_CALLED_BY_OTHERS = {
    "should_sample": "OpenTelemetry",
    "get_description": "OpenTelemetry",
    "log_message": "the server of the standard library, of each request",
    "_sections": "settings that are tables of a file, once there is one",
    "at_hand": "the test of a walk of Terraform",
    "get_metavar": "click",
    "handle_exit": "uvicorn",
    "process_bind_param": "SQLAlchemy",
    "process_result_value": "SQLAlchemy",
    "send_400_response": "uvicorn",
    "use_set": "whoever tests automation against a world",
}
"""Functions that no code of the product and its tools calls, and who does."""


def _uses(tree: ast.Module) -> Iterator[str]:
    """The names that a file uses: reads, looks up on something, imports."""
    for node in _nodes(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names)


def uncalled(sources: Mapping[str, str]) -> Iterator[tuple[str, int, str]]:
    """Yield each function that nothing calls, with path and line. Decorators, pytest and Python call what bears their
    names; of templates each word counts. What only tests call is called by nothing.
    """
    defined, used = list[tuple[str, int, str]](), set[str]()
    for path, source in sources.items():
        if path.startswith("tests/"):
            continue
        if path.endswith(".html"):
            used.update(re.findall(r"\w+", source))
            continue
        tree = ast.parse(source, path)
        used.update(_uses(tree))
        functions = (node for node in _nodes(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
        defined += ((path, node.lineno, node.name) for node in functions if not node.decorator_list)
    for path, line, name in defined:
        if name not in used | _CALLED_BY_OTHERS.keys() and not name.startswith(("__", "pytest_", "test_", "visit_")):
            yield path, line, f"nothing calls {name}"


def files() -> Iterator[Path]:
    for place in PLACES:
        here = ROOT / place
        yield from [here] if here.is_file() else sorted(here.rglob("*.py"))


def main() -> int:
    wrong = 0
    for name, message in repeated_names(path.relative_to(ROOT).as_posix() for path in files()):
        print(f"{name}:1: {message}")
        wrong = 1
    sources = {path.relative_to(ROOT).as_posix(): path.read_text() for path in (*files(), *ROOT.glob("src/**/*.html"))}
    for name, line, message in uncalled(sources):
        print(f"{name}:{line}: {message}")
        wrong = 1
    for path in files():
        name = path.relative_to(ROOT).as_posix()
        for line, message in findings(name, path.read_text()):
            print(f"{name}:{line}: {message}")
            wrong = 1
    return wrong


if __name__ == "__main__":
    sys.exit(main())
