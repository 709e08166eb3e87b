"""Writes openapi/<family>.json anew from the routes of a server that is built for it and never started."""

from __future__ import annotations

import ast
import inspect
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from kunsthalle import __version__
from kunsthalle.api.openapi import documents
from kunsthalle.api.router import Route
from kunsthalle.app import build
from kunsthalle.config import Settings
from kunsthalle.wiring import not_implemented

FOLDER = Path(__file__).resolve().parents[1] / "openapi"


def routes() -> tuple[Route, ...]:
    """Every route that is served."""
    with tempfile.TemporaryDirectory() as data:
        server = build(Settings(data=Path(data), hypervisor="simulated"), "operator")
        server.store.close()
        return tuple(server.pipeline.router)


class _Reader(ast.NodeVisitor):
    """Which keys of `request.query` a function reads, itself and by what it hands the request on to."""

    def __init__(self, function: Callable[..., Any], given: Mapping[str, Any], seen: set[Any]) -> None:
        found = inspect.getclosurevars(function)
        self.names: dict[str, Any] = {**found.builtins, **found.globals, **found.nonlocals, **given}
        self.keys: set[str] = set()
        self.seen = seen

    def _is_query(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Attribute | ast.Name) and ast.unparse(node).split(".")[-1] == "query"

    def _value(self, node: ast.AST) -> Any:
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            return self.names.get(node.id)
        return getattr(self._value(node.value), node.attr, None) if isinstance(node, ast.Attribute) else None

    def _key(self, node: ast.AST) -> None:
        value = self._value(node)
        self.keys |= {value} if isinstance(value, str) else set(value) if isinstance(value, frozenset) else set()

    def visit_Assign(self, node: ast.Assign) -> None:
        if isinstance(node.value, ast.Dict) and isinstance(node.targets[0], ast.Name):
            keys = [one.value for one in node.value.keys if isinstance(one, ast.Constant)]
            self.names[node.targets[0].id] = dict.fromkeys(keys)
        self.generic_visit(node)

    def _bind(self, target: ast.AST, source: ast.AST) -> None:
        """A loop over a mapping whose keys are known: its first variable stands for all of them."""
        called = isinstance(source, ast.Call) and isinstance(source.func, ast.Attribute) and source.func.attr == "items"
        known = self._value(source.func.value if called else source)  # type: ignore[attr-defined]  # a call of items
        name = target.elts[0] if isinstance(target, ast.Tuple) else target
        if isinstance(known, Mapping) and isinstance(name, ast.Name):
            self.names[name.id] = frozenset(key for key in known if isinstance(key, str))

    def visit_For(self, node: ast.For) -> None:
        self._bind(node.target, node.iter)
        self.generic_visit(node)

    def _comprehension(self, node: Any) -> None:
        for one in node.generators:
            self._bind(one.target, one.iter)
        self.generic_visit(node)

    def visit_ListComp(self, node: ast.ListComp) -> None:
        self._comprehension(node)

    def visit_SetComp(self, node: ast.SetComp) -> None:
        self._comprehension(node)

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._comprehension(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self._comprehension(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if self._is_query(node.value):
            self._key(node.slice)
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        if isinstance(node.ops[0], ast.In | ast.NotIn) and self._is_query(node.comparators[0]):
            self._key(node.left)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        function = node.func
        if isinstance(function, ast.Attribute) and self._is_query(function.value) and node.args:
            self._key(node.args[0])
        elif any(isinstance(one, ast.Name) and one.id == "request" for one in node.args):
            self._follow(self._value(function), node)
        self.generic_visit(node)

    def _follow(self, callee: Any, node: ast.Call) -> None:
        if not inspect.isfunction(callee):
            return
        given = dict(zip(inspect.signature(callee).parameters, map(self._value, node.args), strict=False))
        self.keys |= read_by(callee, {name: value for name, value in given.items() if value is not None}, self.seen)


def read_by(function: Callable[..., Any], given: Mapping[str, Any], seen: set[Any]) -> set[str]:
    """The query parameters a function reads, when its arguments are what is given."""
    visit = (function, str(sorted(given)), str([value for value in given.values() if isinstance(value, str)]))
    if visit in seen:
        return set()
    seen.add(visit)
    reader = _Reader(function, given, seen)
    reader.visit(ast.parse(textwrap.dedent(inspect.getsource(function))))
    return reader.keys


def queries(route: Route) -> list[str]:
    """The query parameters of a route, besides those that every route of its family has."""
    call = route.call or route.without_transaction
    return sorted(read_by(call, {}, set()) - {"version", "generation"}) if inspect.isfunction(call) else []


def files() -> Iterator[tuple[str, bytes]]:
    """Names and contents of the documents."""
    for name, document in documents(routes(), not_implemented(), queries, __version__).items():
        encoded = msgspec.json.encode(document, order="deterministic")
        yield f"{name}.json", msgspec.json.format(encoded, indent=1) + b"\n"


def main() -> int:
    made = dict(files())
    for path in FOLDER.glob("*.json"):
        if path.name not in made:
            path.unlink()
    for name, content in made.items():
        (FOLDER / name).write_bytes(content)
        print(f"openapi/{name}: {len(content)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
