"""OpenAPI 3.1 documents, one a family, written from the table of routes: paths, bodies, answers, refusals, access."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import GenericAlias, NoneType
from typing import Any

import msgspec

from kunsthalle.api.access import Access, Create, Item
from kunsthalle.api.query_params import documented
from kunsthalle.api.router import Route
from kunsthalle.api.serialization import ResponseBody
from kunsthalle.api.surfaces import Surface
from kunsthalle.api.surfaces.catalog import CATALOG
from kunsthalle.api.surfaces.iam import IDENTITY, OPERATOR, PLATFORM, POLICY, TOKEN
from kunsthalle.api.surfaces.kms import INSTANCE, KMS
from kunsthalle.api.surfaces.vpc import VPC
from kunsthalle.authz.context import NOBODY, Context
from kunsthalle.authz.permissions import Grants
from kunsthalle.core.clock import ManualClock
from kunsthalle.core.closed_tables import ClosedTable
from kunsthalle.core.errors import Problem, Reason, Target
from kunsthalle.core.ids import Ids
from kunsthalle.core.regions import REGIONS

Schema = dict[str, Any]


class Link(ResponseBody):
    """Where a page is."""

    href: str


_JSON = "application/json"
_REFERENCE = "#/components/schemas/{name}"
_ALWAYS: ClosedTable[Surface, list[Schema]] = ClosedTable(
    "surface",
    (VPC, CATALOG, KMS, TOKEN, IDENTITY, POLICY, PLATFORM, OPERATOR),
    {
        **{surface: [] for surface in (CATALOG, TOKEN, IDENTITY, POLICY, PLATFORM, OPERATOR)},
        VPC: [
            {
                "name": "version",
                "in": "query",
                "required": True,
                "description": "The API version the client was written for.",
                "schema": {"type": "string", "format": "date"},
            },
            {"name": "generation", "in": "query", "required": True, "schema": {"const": 2}},
        ],
        KMS: [
            {
                "name": INSTANCE,
                "in": "header",
                "required": True,
                "description": "The ID of the instance of Key Protect.",
                "schema": {"type": "string"},
            },
        ],
    },
)
_SCHEMES: dict[str, Schema] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An access token of `POST /identity/token`."},
    "operator": {"type": "http", "scheme": "bearer", "description": "The operator's token of the data folder."},
}


def documents(served: Iterable[Route], not_implemented: Iterable[Route], version: str) -> dict[str, dict[str, Any]]:
    """A document by family name. `not_implemented` routes are in it too, with 501 as their one answer."""
    by_family: dict[str, list[Route]] = {}
    for route in (*served, *not_implemented):
        by_family.setdefault(route.surface.name, []).append(route)
    return {name: _document(routes, version) for name, routes in sorted(by_family.items())}


def _document(routes: list[Route], version: str) -> dict[str, Any]:
    surface = routes[0].surface
    answers = {route.name: _answer(route, routes) for route in routes}
    types = [type_ for route in routes for type_ in (route.body, answers[route.name]) if type_ is not None]
    schemas, components = msgspec.json.schema_components(map(_described, types), ref_template=_REFERENCE)
    known = dict(zip(map(id, types), schemas, strict=True))
    paths: dict[str, Any] = {}
    for route in sorted(routes, key=lambda route: (route.path, route.method)):
        operation = _operation(route, known, answers[route.name])
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": f"Kunsthalle: {surface.name}", "version": version},
        "paths": paths,
        "components": {
            "schemas": {**components, "Refusal": _refusal(surface)},
            "securitySchemes": _SCHEMES,
        },
    }


def _operation(route: Route, known: Mapping[int, Schema], answer: Any) -> dict[str, Any]:
    served = route.status != Reason.NOT_IMPLEMENTED.value
    asked = [] if route.query is None else documented(route.query)
    operation: dict[str, Any] = {
        "operationId": _name(route),
        "summary": route.summary if served else "Known, and not offered.",
        "security": _security(route.access),
        "parameters": [*_parameters(route), *asked],
        "responses": _responses(route, known.get(id(answer))) if served else {"501": _error("Not offered.")},
        "x-action": route.access.action,
    }
    if route.body is not None:
        content = {_JSON: {"schema": known[id(route.body)]}}
        operation["requestBody"] = {"required": route.body_required, "content": content}
    if route.raw_body:
        binary = {"schema": {"type": "string", "format": "binary", "maxLength": route.raw_body}}
        operation["requestBody"] = {"required": True, "content": {"application/octet-stream": binary}}
    return operation


def _name(route: Route) -> str:
    """`get_v1_images_by_id`: unique, since it says the whole path; a slash at its end is a word, too."""
    end = ["slash"] if route.path.endswith("/") else []
    words = [re.sub(r"\{(\w+)\}", r"by_\1", part) for part in route.path.split("/") if part]
    return re.sub(r"\W+", "_", "_".join([route.method.lower(), *words, *end]))


def _security(access: Access) -> list[dict[str, list[str]]]:
    if access.operator:
        return [{"operator": []}]
    return [{"bearer": []}] if access.authenticated else []


def _parameters(route: Route) -> list[Schema]:
    names = re.findall(r"\{(\w+)\}", route.path)
    in_path = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
    return [*in_path, *_ALWAYS[route.surface]]


def _answer(route: Route, routes: list[Route]) -> Any:
    """The declared answer; of a VPC collection without one, the envelope around the answer of its items."""
    if route.answer is not None or route.surface is not VPC or route.method != "GET":
        return route.answer
    item = re.compile(re.escape(route.path) + r"/\{\w+\}")
    inner = next((other.answer for other in routes if other.method == "GET" and item.fullmatch(other.path)), None)
    if inner is None:
        return None
    words = [part for part in route.path.split("/")[2:] if not part.startswith("{")]
    items: Any = GenericAlias(list, (inner,))
    fields: list[tuple[str, Any] | tuple[str, Any, Any]]
    fields = [("first", Link), ("limit", int), ("total_count", int), (words[-1], items), ("next", Link | None, None)]
    title = "".join(word.title().replace("_", "") for word in words)
    return msgspec.defstruct(f"{title}Page", fields, namespace={"__doc__": "A page, and where the next one is."})


@lru_cache(maxsize=1_024)
def _described(type_: Any) -> Any:
    """A struct with a raw document as a default, which no schema can show, as the same one without that default."""
    if not (isinstance(type_, type) and issubclass(type_, msgspec.Struct)):
        return type_
    fields = msgspec.structs.fields(type_)
    if not any(isinstance(field.default, msgspec.Raw) for field in fields):
        return type_
    shown = [
        (field.encode_name, field.type, None if isinstance(field.default, msgspec.Raw) else field.default)
        for field in fields
    ]
    declared = [field if field[2] is not msgspec.NODEFAULT else field[:2] for field in shown]
    return msgspec.defstruct(type_.__name__, declared, kw_only=True, namespace={"__doc__": type_.__doc__})


def _responses(route: Route, answer: Schema | None) -> dict[str, Any]:
    done: dict[str, Any] = {"description": "Done."}
    if answer is not None:
        done["content"] = {_JSON: {"schema": answer}}
    elif route.method == "GET":
        done["content"] = {_JSON: {"schema": {"type": "object"}}}
    refused: dict[str, Any] = {}
    for reason, words in _reasons(route):
        refused[str(route.surface.status(Problem(reason, "", "")))] = _error(words)
    return {str(route.status): done, **dict(sorted(refused.items())), "default": _error("Any other refusal.")}


def _reasons(route: Route) -> Iterable[tuple[Reason, str]]:
    access = route.access
    if route.body is not None or route.query is not None or route.surface is VPC:
        yield Reason.INVALID, "The request does not have the form that is asked for."
    if access.authenticated or access.operator:
        yield Reason.UNAUTHENTICATED, "The token is missing, invalid or expired."
    if isinstance(access, Item | Create):
        yield Reason.FORBIDDEN, "What is meant can be seen, and the action is not granted."
    if isinstance(access, Item) and NoneType not in access.finds:
        yield Reason.NOT_FOUND, "It does not exist, or cannot be seen: both are the same answer."


def _error(words: str) -> Schema:
    return {"description": words, "content": {_JSON: {"schema": {"$ref": _REFERENCE.format(name="Refusal")}}}}


def _refusal(surface: Surface) -> Schema:
    """The shape of the family's refusals, read off three of them: whole, with a bare target, without one."""
    ctx = Context(NOBODY, "", Grants("", ()), ManualClock(0), Ids(0), REGIONS["us-south"], "trace", "http://origin")
    targets = (Target("name", "field", "value"), Target("name"), None)
    problems = (Problem(Reason.INVALID, "bad_field", "message", target) for target in targets)
    return _shape([msgspec.to_builtins(surface.problem(problem, ctx)) for problem in problems])


def _shape(samples: list[Any]) -> Schema:
    """Of the first sample; required is what every one of its kind has."""
    whole = samples[0]
    if isinstance(whole, dict):
        alike = [sample for sample in samples if isinstance(sample, dict)]
        properties = {name: _shape([sample[name] for sample in alike if name in sample]) for name in whole}
        return {"type": "object", "properties": properties, "required": sorted(set.intersection(*map(set, alike)))}
    if isinstance(whole, list):
        return {"type": "array", "items": _shape([sample[0] for sample in samples if sample])}
    return {"type": {str: "string", int: "integer", bool: "boolean"}.get(type(whole), "string")}
