"""One resource and its tag: `ETag`, `If-Match` and `Location` of the families that have them (vpc-api.md A2).

The tag is of what a change may change: the fields of the resource's PATCH body, as an answer shows them. A state that
moves by itself does not make it stale.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

import msgspec

from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, Router, found_row
from kunsthalle.authz.context import Context
from kunsthalle.core.errors import Problem, Reason, Target
from kunsthalle.db.session import Session

_HEADER = Target("If-Match", "header")
_encode = msgspec.json.Encoder().encode

REQUIRES_IF_MATCH = frozenset(
    {
        "/v1/instances/{id}",
        "/v1/snapshots/{id}",
        "/v1/virtual_network_interfaces/{id}",
        "/v1/volumes/{id}",
        "/v1/vpcs/{id}",
        "/v1/vpcs/{vpc_id}/routing_tables/{id}",
    }
)
"""Where a change of a list must say which state it means."""


class EntityTags:
    """Tags for the routes of one application."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._bodies = {route.path: route.body for route in router if route.method == "PATCH"}

    def check(self, session: Session, route: Route, request: Request) -> None:
        """412 when the call means another state than the present one; 400 `missing_if_match` when it must say."""
        if not route.surface.entities or route.method not in {"PATCH", "DELETE"}:
            return
        if_match = request.headers.get("if-match")
        if if_match is None:
            if (
                route.method == "PATCH"
                and route.path in REQUIRES_IF_MATCH
                and _has_list(msgspec.to_builtins(request.body))
            ):
                text = "A change of a list needs the If-Match header."
                raise Problem(Reason.INVALID, "missing_if_match", text, _HEADER)
            return
        reading = self._router.match("GET", request.path.encode())
        if reading is None or reading.route is None or reading.route.call is None:
            return
        # The state as no parameter changes it.
        unasked = () if reading.route.query is None else (reading.route.query(),)
        shown = reading.route.call(session, request, *found_row(reading.route, request), *unasked)
        if not isinstance(getattr(shown, "href", None), str):
            return  # a list has no tag
        present = _opaque(self._tag(shown, session.ctx, reading.route, request))
        if present not in {_opaque(part) for part in if_match.split(",")} and if_match.strip() != "*":
            text = "The resource is not in the state that If-Match names."
            raise Problem(Reason.PRECONDITION, "precondition_failed", text, _HEADER)

    def headers(self, route: Route, request: Request, result: Any, ctx: Context) -> dict[str, str]:
        """Return the headers of an answer that is one resource.

        IAM Identity says the tag of a resource in its field `entity_tag`; the header repeats it.
        """
        tag = getattr(result, "entity_tag", None)
        if isinstance(tag, str):
            return {"ETag": f'"{tag}"'}
        if not route.surface.entities or route.method == "DELETE" or not isinstance(result, msgspec.Struct):
            return {}
        href = getattr(result, "href", None)
        if not isinstance(href, str):
            return {}
        tagged = {"ETag": self._tag(result, ctx, route, request)}
        return {**tagged, "Location": href} if route.status == 201 and route.method == "POST" else tagged

    def _tag(self, shown: Any, ctx: Context, route: Route, request: Request) -> str:
        path = shown.href.removeprefix(ctx.origin)
        # What is shown where it was asked for needs no looking up where it is changed: at the same place of the table.
        body = self._bodies.get(route.path) if path == request.path else self._body(path)
        state = shown
        if isinstance(body, type) and issubclass(body, msgspec.Struct):
            state = {name: getattr(shown, name, None) for name in body.__struct_fields__}
            state = {name: value for name, value in state.items() if value is not msgspec.UNSET}
        # The caller's name for this server is no part of the state.
        content = path.encode() + b"\n" + _encode(state).replace(ctx.origin.encode(), b"")
        return f'W/"{hashlib.blake2b(content, digest_size=8).hexdigest()}"'

    def _body(self, path: str) -> Any:
        match = self._router.match("PATCH", path.encode())
        return match.route.body if match is not None and match.route is not None else None


def _opaque(tag: str) -> str:
    return re.sub(r'^\s*(W/)?"?|"?\s*$', "", tag)


def _has_list(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_list(member) for member in value.values())
    return isinstance(value, list)
