"""Values of profiles, each of which says of which kind it is (reference/vpc-api.md E2)."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

Value = dict[str, Any]


def fixed(value: object) -> Value:
    return {"type": "fixed", "value": value}


def enum(*values: object, default: object = UNSET) -> Value:
    """The default is the first value, unless another is given."""
    return {"type": "enum", "values": list(values), "default": values[0] if default is UNSET else default}
