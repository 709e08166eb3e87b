"""The names a server answers to. Addresses in answers and the issuer of tokens follow the `Host` header, so that a name
which a stranger chose must not get that far; nor may a page of another site whose name was made to point here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from kunsthalle.api.asgi import Scope
from kunsthalle.core.addresses import is_loopback
from kunsthalle.core.errors import Problem, Reason, Target

_HOST = re.compile(r"(?P<name>[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")
_HEALTH = frozenset({"/healthz", "/readyz"})
"""Asked by load balancers, which call an address of their own choice; their answers hold no address."""


class Hosts:
    """Which `Host` headers are accepted: loopback names, the address that was called, and the names that are allowed.

    A name that begins with `*.` allows everything below it; `*` allows every name. Ports make no difference.
    """

    def __init__(self, allowed: Iterable[str]) -> None:
        self.change(allowed)

    def change(self, allowed: Iterable[str]) -> None:
        """Allow these names from now on, and no others."""
        self._allowed = frozenset(name.lower().rstrip(".") for name in allowed if name)
        self._below = tuple(name[1:] for name in self._allowed if name.startswith("*."))
        self.allows = lru_cache(maxsize=256)(self._allows)

    def check(self, scope: Scope) -> None:
        """Refuse a request for a host that this server does not answer for."""
        called = (scope.get("server") or ("",))[0]
        for name, value in scope["headers"]:
            if name == b"host" and not self.allows(value, called) and scope["path"] not in _HEALTH:
                raise _unknown(value.decode("latin-1"))

    def _allows(self, host: bytes, called: str) -> bool:
        match = _HOST.fullmatch(host.decode("latin-1"))
        if match is None:
            return False
        name = match["name"].lower().strip("[]").rstrip(".")
        known = name in self._allowed or name.endswith(self._below) or "*" in self._allowed
        return known or name == called.lower() or name.endswith(".localhost") or is_loopback(name)


def _unknown(host: str) -> Problem:
    shown = host if len(host) <= 100 and host.isprintable() else f"{host[:100]!a}…"
    text = (
        f"This server does not answer for the host {shown!r}. Call it by localhost, by its address or by its public"
        " URL, or have the operator add the name to --allowed-hosts."
    )
    return Problem(Reason.INVALID, "invalid_host", text, Target("Host", "header"))
