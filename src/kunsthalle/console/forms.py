"""Forms: inputs are named as the API's fields, dotted, so that a refusal of the API finds its input."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kunsthalle.console.api_client import Refused
from kunsthalle.core.text_values import integer

_PICKED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_PICKED_SECOND = re.compile(rf"{_PICKED.pattern}:\d\d")


class Form:
    """What was filled in, and what the API said to it. What is told at an input is not told above the form again."""

    def __init__(self, values: Mapping[str, list[str]] | None = None, refused: Refused | None = None) -> None:
        self.values = dict(values or {})
        self.refused = refused
        self._placed = False

    def get(self, name: str, default: str = "") -> str:
        """The last value of an input, without the white space around it."""
        value = self.values.get(name)
        return value[-1].strip() if value else default

    def all(self, name: str) -> list[str]:
        """Every value of an input: of lists, and of ticked boxes."""
        return [value.strip() for value in self.values.get(name, []) if value.strip()]

    def shown(self, name: str, default: object = "") -> str:
        """What the input shows: what was filled in, or the default of a form nobody has sent yet."""
        return self.values[name][-1] if name in self.values else str(default or "")

    def error(self, name: str) -> str:
        """What the API said about this input."""
        refused = self.refused
        if refused is None:
            return ""
        texts = [text for field, text in refused.faults if field.split("[")[0] == name]
        self._placed |= bool(texts)
        return " ".join(dict.fromkeys(texts))

    @property
    def summary(self) -> str:
        """What the API said, for the top of the form, where no input before was told of it."""
        return self.refused.message if self.refused is not None and not self._placed else ""

    def body(self, *names: str) -> dict[str, Any]:
        """The named inputs that are not empty as a nested body: `file.href` becomes `{"file": {"href": …}}`."""
        whole: dict[str, Any] = {}
        for name in names:
            value = self.get(name)
            if value:
                *parents, last = name.split(".")
                inner = whole
                for parent in parents:
                    inner = inner.setdefault(parent, {})
                inner[last] = value
        return whole


def instant(text: str) -> str:
    """A moment as a browser's own input writes it (`2027-01-31T00:00`, in UTC) as the API takes it; others as given."""
    return f"{text}:00Z" if _PICKED.fullmatch(text) else f"{text}Z" if _PICKED_SECOND.fullmatch(text) else text


def picked(text: str) -> str:
    """A moment of the API as a browser's own input shows it."""
    return text[:16] if _PICKED.fullmatch(text[:16]) else text


def number(text: str) -> Any:
    """Return a whole number as the API takes it; any other text goes there as it is, to be refused with its field."""
    value = integer(text)
    return text if value is None else value
