"""JSON in and out: strict inward with the field named, exact outward.

Wire structs leave out what is UNSET; a field that is present and null says `None`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import msgspec

from kunsthalle.core.errors import Problem, invalid

_encode = msgspec.json.Encoder().encode


class ResponseBody(msgspec.Struct, kw_only=True, omit_defaults=False):
    """Base of everything that goes out: fields in the order and under the names of the contract."""


class RequestBody(msgspec.Struct, kw_only=True):
    """Base of everything that comes in. Unknown fields are ignored: newer clients send more (vpc-api.md A1)."""


def encode(value: Any) -> bytes:
    """The bytes of an answer."""
    return _encode(value)


@lru_cache(maxsize=1_024)
def _decoder(type_: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(type_)


_FORMS: dict[str, str] = {}


def form(pattern: str, words: str) -> str:
    """A pattern of texts in bodies, and how it is said to people: the value consists of `words`."""
    _FORMS[pattern] = words
    return pattern


# msgspec's messages, and the code of the VPC vocabulary that says the same.
_CODES = (
    (re.compile(r"missing required field"), "validation_required_field", "Missing a required field."),
    (
        re.compile(r"Invalid enum value|matching tag"),
        "validation_enum",
        "The value is not one of those allowed.",
    ),
    (re.compile(r"got `null`"), "validation_not_null", "The field must not be null."),
    (re.compile(r"(<=|<) "), "validation_max_value", "The value is too large or too long."),
    (re.compile(r"(>=|>) "), "validation_min_value", "The value is too small or too short."),
    (re.compile(r"matching regex"), "bad_field", "The value does not have the form that is asked for."),
    (re.compile(r"Expected "), "validation_invalid_field_type", "The field has the wrong type."),
)


_TOO_LONG = re.compile(r"Expected `(array|object)` of length <= \d+")


def _items(value: Any, path: list[str]) -> int:
    """How many items the longest list or object at a place has; `[...]` in a path stands for every value."""
    if not path:
        return len(value) if isinstance(value, list | dict) else 0
    name, *rest = path
    if isinstance(value, list):
        return _items(value[int(name)], rest)
    inner = value.values() if name == "[...]" else (value.get(name),)
    return max((_items(member, rest) for member in inner), default=0)


def _given(head: str, place: str, raw: bytes) -> str:
    """For a list or an object with too many items: how many it has."""
    if not _TOO_LONG.search(head):
        return ""
    path = re.findall(r"\[\.\.\.\]|[^.\[\]]+", place.removeprefix("$"))
    return f", got {_items(msgspec.json.decode(raw), path)}"


def _problem(error: msgspec.ValidationError, raw: bytes) -> Problem:
    text = str(error)
    head, _, place = text.partition(" - at `")
    place = place.rstrip("`")
    head += _given(head, place, raw)
    place = place.removeprefix("$").removeprefix(".").replace("[...]", "")
    missing = re.search(r"missing required field `([^`]+)`", head)
    field = ".".join(part for part in (place, missing[1] if missing else "") if part)
    known = ((code, message) for pattern, code, message in _CODES if pattern.search(head))
    code, message = next(known, ("validation_failure", "The body does not have the expected structure."))
    if code == "bad_field":
        named = field.split(".")[-1] == "name"
        words = next((words for pattern, words in _FORMS.items() if repr(pattern) in head), "")
        told = f"{'A name' if named else 'The value'} consists of {words}." if words else f"{message} ({head})"
        return invalid("validation_invalid_name" if named else code, told, field or "body")
    return invalid(code, f"{message} ({head})", field or "body")


def decode(raw: bytes, type_: Any) -> Any:
    """The body as its struct; 400 with the field named when it does not fit."""
    if not raw:
        raise invalid("validation_failure", "The request needs a JSON body.", "body")
    if b"\\u0000" in raw:
        raise invalid("validation_failure", "The body must not contain the character U+0000.", "body")
    try:
        return _decoder(type_).decode(raw)
    except msgspec.ValidationError as error:
        raise _problem(error, raw) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise invalid("validation_failure", f"The body is not valid JSON: {error}", "body") from error
