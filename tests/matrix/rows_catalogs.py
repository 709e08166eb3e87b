"""The catalogs room's rows, besides those that the matrix began with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matrix.rows import OFFER, ONE, V
from support.realm import FIXED, Realm


def _of(body: Any) -> Callable[[Realm], Any]:
    return lambda _realm: body


BODIES: dict[str, Callable[[Realm], Any]] = {
    f"POST {V}/deprecate/{{setting}}": _of({"days_until_deprecate": 30}),
    f"POST {ONE}{OFFER}/deprecate/{{setting}}": _of({}),
}


FIXED["setting"] = "true"
