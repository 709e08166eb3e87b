"""Query parameters: declared as structs by the routes that have them, decoded before the handler runs.

The fields of a struct are the parameters, their wire names the field's `name`. Type and `Meta` of a field say what it
may hold: a text, a boolean, a bounded integer, one of some words, several of these (repeated, or between commas), or
what the function `extra={"parse": …}` makes of the text. The OpenAPI documents are written from the same fields.
Parameters that are not declared are ignored: newer clients send more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    NamedTuple,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec
from msgspec import Meta, Struct

from kunsthalle.core.errors import Problem, invalid
from kunsthalle.core.text_values import boolean, integer

if TYPE_CHECKING:
    from kunsthalle.api.request import Request

Parse = Callable[[str], Any]
"""From the text of a parameter to its value; raises a Fault, or a Problem of its own."""
Malformed = Callable[[str, str, str], Problem]
"""How a surface refuses a parameter: from the kind of the fault, the message and the parameter's name."""

_LONGEST_SHOWN = 64


class Parameters(Struct, frozen=True, kw_only=True):
    """Base of the structs that routes declare. A field whose default is None is absent unless it was sent."""


Q = TypeVar("Q", bound=Parameters)


class Fault(Exception):
    """A value that a parameter does not take. `kind` is `type`, `min`, `max`, `choice`, `form` or `required`."""

    def __init__(self, kind: str, allowed: str) -> None:
        super().__init__(allowed)
        self.kind = kind
        self.allowed = allowed


class Field(NamedTuple):
    """A parameter: its wire name, the struct's attribute, how one value is read, and whether it takes several.

    `shown` is the schema of what has a parser of its own, which the type of the value does not tell.
    """

    name: str
    attribute: str
    parse: Parse
    several: bool
    required: bool
    type: Any
    shown: dict[str, Any]


def as_sent(code: str, message: str, name: str) -> Problem:
    """A refusal with a code of the vocabulary of a surface."""
    return invalid(code, message, name, type_="parameter")


def _bad_request(_kind: str, message: str, name: str) -> Problem:
    return as_sent("bad_request", message, name)


BAD_REQUEST: Malformed = _bad_request
"""How most surfaces refuse a parameter: one code for everything."""


def _flag(text: str) -> bool:
    value = boolean(text.lower())
    if value is None:
        raise Fault("type", "true or false")
    return value


def _integer(least: int | None, most: int | None) -> Parse:
    bounds = {
        (True, True): f"from {least} to {most}",
        (True, False): f"of at least {least}",
        (False, True): f"of at most {most}",
        (False, False): "",
    }[least is not None, most is not None]
    allowed = f"an integer {bounds}".rstrip()

    def parse(text: str) -> int:
        value = integer(text)
        if value is None:
            raise Fault("type", allowed)
        if least is not None and value < least:
            raise Fault("min", allowed)
        if most is not None and value > most:
            raise Fault("max", allowed)
        return value

    return parse


def _choice(words: tuple[str, ...]) -> Parse:
    known = frozenset(words)
    allowed = words[0] if len(words) == 1 else f"one of {', '.join(words)}"

    def parse(text: str) -> str:
        if text not in known:
            raise Fault("choice", allowed)
        return text

    return parse


def _unwrapped(type_: Any, metas: list[Meta]) -> Any:
    """A type without `Annotated` and without None; what was annotated is added to `metas`."""
    if get_origin(type_) is Annotated:
        inner, *annotations = get_args(type_)
        metas += [annotation for annotation in annotations if isinstance(annotation, Meta)]
        return _unwrapped(inner, metas)
    if get_origin(type_) in {Union, UnionType}:
        rest = [member for member in get_args(type_) if member is not type(None)]
        if len(rest) != 1:
            raise TypeError(f"a parameter has one type: {type_}")
        return _unwrapped(rest[0], metas)
    return type_


def _first(metas: list[Meta], name: str) -> Any:
    return next((value for meta in metas if (value := getattr(meta, name)) is not None), None)


def _parser(type_: Any, metas: list[Meta]) -> Parse:
    own = [meta.extra["parse"] for meta in metas if meta.extra and "parse" in meta.extra]
    if own:
        return own[0]  # type: ignore[no-any-return]  # a Meta's extra holds anything
    if type_ is int:
        return _integer(_first(metas, "ge"), _first(metas, "le"))
    if get_origin(type_) is Literal:
        return _choice(get_args(type_))
    known: dict[Any, Parse] = {str: lambda text: text, bool: _flag}
    if type_ not in known:
        raise TypeError(f"no parameter has the type {type_}")
    return known[type_]


def _field(field: msgspec.structs.FieldInfo, hint: Any) -> Field:
    metas: list[Meta] = []
    type_ = _unwrapped(hint, metas)
    own = any(meta.extra and "parse" in meta.extra for meta in metas)
    several = get_origin(type_) is tuple and not own
    if several:
        type_ = _unwrapped(get_args(type_)[0], metas)
    shown: dict[str, Any] = {}
    if own:
        shown = {"type": "string", "description": _first(metas, "description")}
        shown |= _first(metas, "extra_json_schema") or {}
    return Field(field.encode_name, field.name, _parser(type_, metas), several, field.required, hint, shown)


@lru_cache(maxsize=512)
def fields_of(struct: type[Parameters]) -> Mapping[str, Field]:
    """The parameters of a struct by their wire names, in the order in which they are declared."""
    hints = get_type_hints(struct, include_extras=True)
    fields = [_field(field, hints[field.name]) for field in msgspec.structs.fields(struct)]
    return {field.name: field for field in fields}


def _read(field: Field, text: str, malformed: Malformed) -> Any:
    try:
        return field.parse(text)
    except Fault as fault:
        shown = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
        message = f"{field.name} must be {fault.allowed}; given was '{shown}'."
        raise malformed(fault.kind, message, field.name) from fault


def decode(request: Request, struct: type[Q], malformed: Malformed) -> Q:
    """The parameters of a request as their struct: the last value of a repeated one, all values of a list."""
    query = request.raw_query
    document: dict[str, Any] = {}
    for name, field in fields_of(struct).items():
        if name not in query:
            if field.required:
                raise malformed("required", f"The parameter {name} is required.", name)
        elif field.several:
            texts = [part for text in query.getlist(name) for part in text.split(",")]
            document[field.attribute] = tuple(_read(field, text, malformed) for text in texts)
        else:
            document[field.attribute] = _read(field, query[name], malformed)
    return struct(**document)


def sent(request: Request, *without: str) -> list[tuple[str, str]]:
    """What was sent, for the addresses of other pages: every parameter, unknown ones too, but those that move."""
    return [(name, value) for name, value in request.raw_query.multi_items() if name not in without]


def documented(struct: type[Parameters]) -> list[dict[str, Any]]:
    """The parameters as OpenAPI shows them."""
    infos = {info.encode_name: info for info in msgspec.structs.fields(struct)}
    return [_parameter(field, infos[name]) for name, field in fields_of(struct).items()]


def _parameter(field: Field, info: msgspec.structs.FieldInfo) -> dict[str, Any]:
    schema = dict(field.shown or msgspec.json.schema(field.type))
    if "anyOf" in schema:  # with None, which stands for a parameter that was not sent
        members = [member for member in schema.pop("anyOf") if member != {"type": "null"}]
        schema = {**members[0], **schema}
    shown: dict[str, Any] = {"name": field.name, "in": "query", "required": field.required}
    if (text := schema.pop("description", None)) is not None:
        shown["description"] = text
    if field.several:
        shown |= {"style": "form", "explode": False}
    if info.default not in (msgspec.NODEFAULT, None, ()):
        schema["default"] = info.default
    return {**shown, "schema": schema}
