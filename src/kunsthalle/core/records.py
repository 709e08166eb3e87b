"""`dataclass` as Python's own, for classes that a start makes by the hundred.

Python's compiles half a dozen functions for each class when it is defined, and that was a fifth of the time until a
server had loaded everything. Here the functions are shared by all classes, but for `__init__`, which is compiled when
the first instance is made. The fields, `replace`, `fields` and `asdict` are Python's. What it does beyond that
(ordering, keyword-only and init-only fields) is not done: such a class is Python's own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError
from operator import attrgetter
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any

_FACTORY = object()
"""The default of an argument whose value a factory makes."""
_set = object.__setattr__


def _initializer(cls: type, fields: tuple[Field[Any], ...], *, frozen: bool) -> Callable[..., None]:
    """`__init__` of a class, compiled: it sets each field, then calls `__post_init__` where there is one."""
    names: dict[str, Any] = {"_set": _set, "_FACTORY": _FACTORY}
    arguments, lines = ["self"], []
    for field in fields:
        name, value = field.name, field.name
        if field.default_factory is not MISSING:
            names[f"_make_{name}"] = field.default_factory
            value = f"_make_{name}() if {name} is _FACTORY else {name}" if field.init else f"_make_{name}()"
        elif field.default is not MISSING:
            names[f"_default_{name}"] = field.default
            value = name if field.init else f"_default_{name}"
        elif not field.init:
            continue  # whoever makes an instance sets it
        if field.init:
            arguments.append(_argument(field))
        slot = _slot(cls, name) if frozen else None
        if slot is not None:
            names[f"_put_{name}"] = slot.__set__
            lines.append(f" _put_{name}(self, {value})")
        else:
            lines.append(f" _set(self, {name!r}, {value})" if frozen else f" self.{name} = {value}")
    if hasattr(cls, "__post_init__"):
        lines.append(" self.__post_init__()")
    exec(f"def __init__({', '.join(arguments)}):\n" + ("\n".join(lines) or " pass"), names)  # noqa: S102  as dataclasses
    made: Callable[..., None] = names["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made


def _slot(cls: type, name: str) -> MemberDescriptorType | None:
    """Where instances keep a field that has a slot: written to directly, a frozen one is set in a third of the time."""
    attribute = next((base.__dict__[name] for base in cls.__mro__ if name in base.__dict__), None)
    return attribute if isinstance(attribute, MemberDescriptorType) else None


def _argument(field: Field[Any]) -> str:
    if field.default_factory is not MISSING:
        return f"{field.name}=_FACTORY"
    return field.name if field.default is MISSING else f"{field.name}=_default_{field.name}"


def _first_init(cls: type, fields: tuple[Field[Any], ...], *, frozen: bool) -> Callable[..., None]:
    """`__init__` until it is called: then the class has its own, which does what is left to do."""

    def __init__(self: Any, /, *arguments: Any, **named: Any) -> None:  # noqa: N807  it is one
        made = _initializer(cls, fields, frozen=frozen)
        type.__setattr__(cls, "__init__", made)
        made(self, *arguments, **named)

    return __init__


def _values(fields: tuple[Field[Any], ...]) -> Callable[[Any], tuple[Any, ...]]:
    """What reads the values that instances are compared by."""
    names = [field.name for field in fields if field.compare]
    if len(names) > 1:
        return attrgetter(*names)
    return lambda instance: tuple(getattr(instance, name) for name in names)


def _comparison(values: Callable[[Any], tuple[Any, ...]]) -> tuple[Callable[..., Any], Callable[[Any], int]]:
    """`__eq__` and `__hash__`."""

    def equal(self: Any, other: object) -> Any:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    def hashed(self: Any) -> int:
        return hash(values(self))

    return equal, hashed


def _representation(self: Any) -> str:
    shown = (field.name for field in dataclasses.fields(self) if field.repr)
    return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"


def _refuse_setting(_self: Any, name: str, _value: Any) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_deleting(_self: Any, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    """What is pickled and copied: a frozen class with slots cannot be set by the way of others."""
    return [getattr(self, field.name) for field in dataclasses.fields(self)]


def _restore(self: Any, state: list[Any]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        _set(self, field.name, value)


def _methods(cls: type, *, frozen: bool, eq: bool, shows: bool) -> dict[str, Any]:
    """The methods that every class of its kind has."""
    fields = dataclasses.fields(cls)
    methods: dict[str, Any] = {"__init__": _first_init(cls, fields, frozen=frozen)}
    if shows:
        methods["__repr__"] = _representation
    if eq:
        methods["__eq__"], hashed = _comparison(_values(fields))
        methods["__hash__"] = hashed if frozen else None
    if frozen:
        methods |= {"__setattr__": _refuse_setting, "__delattr__": _refuse_deleting}
        methods |= {"__getstate__": _state, "__setstate__": _restore}
    return methods


def _is_own(namespace: dict[str, Any], name: str) -> bool:
    """Whether the class itself has the method; Python sets `__hash__` to None beside an `__eq__`."""
    return name in namespace and not (name == "__hash__" and namespace[name] is None and "__eq__" in namespace)


def _record(cls: type, *, frozen: bool = False, slots: bool = False, eq: bool = True, repr: bool = True) -> type:  # noqa: A002  as Python's
    own = dict(vars(cls))
    cls.__doc__ = cls.__doc__ or cls.__name__  # else Python would work out the signature to have one
    cls = dataclasses.dataclass(init=False, repr=False, eq=False, slots=slots)(cls)
    for name, method in _methods(cls, frozen=frozen, eq=eq, shows=repr).items():
        if not _is_own(own, name):
            setattr(cls, name, method)
    return cls


if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(cls: type | None = None, /, **options: bool) -> Any:
        """A class of fields. Options as of `dataclasses.dataclass`: frozen, slots, eq, repr."""
        return _record(cls, **options) if cls is not None else lambda cls: _record(cls, **options)


__all__ = ["dataclass"]
