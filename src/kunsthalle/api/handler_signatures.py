"""What a handler takes: the session, the request, the row that the route's access rule finds, the query parameters.

The signature says which row that is, so that nobody has to read the access rule to know. `arguments_of` compares it
with what the rule finds when the route is declared: a handler that takes another row, or none, keeps the program from
starting.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from types import FunctionType, GenericAlias, MethodType, NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from msgspec import Struct

from kunsthalle.db.visibility import Authorized

_PROOF = re.compile(r"Authorized\[(\w+)\]")


class Arguments(Struct, frozen=True):
    """What a handler takes after the session and the request.

    `row` is what the access rule finds: the proof (`Authorized[Image]`), or, `unwrapped`, the model alone (`Image`).
    """

    row: bool = False
    unwrapped: bool = False
    query: bool = False


def arguments_of(
    operation: str, handler: Callable[..., Any], types: tuple[type, ...], query: type | None = None
) -> Arguments:
    """Return what the handler of an operation takes.

    `types` are the models of which the access rule finds one; `NoneType` is among them where it may find nothing, and
    none are there where the rule looks up no row. TypeError where the handler takes anything else.
    """
    function, annotations = _declared(handler)
    known = (function.__module__, annotations, types, query)
    if known not in _KNOWN:
        declared = [_evaluated(annotation, function.__globals__) for annotation in annotations]
        _KNOWN[known] = _compared(operation, declared, types, query)
    return _KNOWN[known]


_KNOWN: dict[tuple[str, tuple[Any, ...], tuple[type, ...], type | None], Arguments] = {}
"""What handlers take by the module and the annotations that say it: a process that serves many stores declares the same
routes for each.
"""


def _compared(operation: str, declared: list[Any], types: tuple[type, ...], query: type | None) -> Arguments:
    if len(declared) != bool(types) + (query is not None):
        parameters = ["the session", "the request", *_row(types), *(["the query parameters"] if query else [])]
        raise TypeError(f"{operation}: the handler must take {', '.join(parameters)}.")
    if query is not None and not _allows(declared[-1], query):
        raise TypeError(f"{operation}: the handler takes {declared[-1]}, and the route declares {query.__name__}.")
    if not types:
        return Arguments(query=query is not None)
    if not all(_allows(declared[0], model) for model in types):
        raise TypeError(f"{operation}: the handler takes {declared[0]}, but must take {_row(types)[0]}.")
    return Arguments(True, not any(get_origin(part) is Authorized for part in _parts(declared[0])), query is not None)


def _row(types: tuple[type, ...]) -> list[str]:
    return [" or ".join(model.__name__ for model in types) + ", which its access rule finds"] if types else []


def _declared(handler: Callable[..., Any]) -> tuple[FunctionType, tuple[Any, ...]]:
    """The function of a handler, and the annotations of its parameters after the session and the request."""
    bound = 2
    while not isinstance(handler, FunctionType):
        if isinstance(handler, partial):
            bound, handler = bound + len(handler.args), handler.func
        elif isinstance(handler, MethodType):
            bound, handler = bound + 1, handler.__func__
        else:
            raise TypeError(f"A handler must be a function: {handler!r}.")
    code = handler.__code__
    names = code.co_varnames[bound : code.co_argcount]
    return handler, tuple(handler.__annotations__.get(name, "object") for name in names)


def _evaluated(annotation: Any, names: dict[str, Any]) -> Any:
    """The type that the text of an annotation means. Most are one name, which is looked up: ten times as fast."""
    if not isinstance(annotation, str):
        return annotation
    if annotation in names:
        return names[annotation]
    proof = _PROOF.fullmatch(annotation)
    if proof and proof[1] in names:
        return GenericAlias(Authorized, (names[proof[1]],))
    return eval(annotation, names)  # noqa: S307  an annotation of this program


def _parts(declared: Any) -> tuple[Any, ...]:
    return get_args(declared) if get_origin(declared) in {Union, UnionType} else (declared,)


def _allows(declared: Any, expected: type) -> bool:
    """Whether a type, or the model in its proof, is what is wanted. A type variable is bound by the declaration of a
    resource, which makes the access rule as well.
    """
    for part in _parts(declared):
        if get_origin(part) is Authorized:
            if expected is not NoneType and _allows(get_args(part)[0], expected):
                return True
        elif isinstance(part, TypeVar):
            return expected is not NoneType
        elif part is not object and isinstance(part, type) and issubclass(expected, part):
            return True
    return False
