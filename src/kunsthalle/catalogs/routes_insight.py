"""`/_kunsthalle/`: what owners ask before they act, and the operator's approvals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from kunsthalle.api import access
from kunsthalle.api.families.iam import OPERATOR
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Route, route
from kunsthalle.api.wire import Body
from kunsthalle.catalogs import insight, kinds, lifecycle, lineage, outside
from kunsthalle.catalogs.model import Offering
from kunsthalle.catalogs.records import PublishApproval
from kunsthalle.catalogs.sharing import bounded, normal
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.errors import invalid, not_found
from kunsthalle.images.kinds import IMAGE
from kunsthalle.store.scope import unguarded
from kunsthalle.store.unit import Unit

Doc = dict[str, Any]


class AudienceBody(Body):
    """A share to try out: identifiers to add and to take off, and whether the access list is in effect."""

    add: list[str] | None = None
    remove: list[str] | None = None
    enabled: bool | None = None


class ApprovalBody(Body):
    """The operator's answer about an offering."""

    offering: str
    state: Literal["granted", "revoked"]


def _hold(unit: Unit, request: Request) -> Doc:
    """Why an image cannot be deleted, who runs it, and when it is free."""
    return insight.hold(unit, request.granted.it)


def _audience(unit: Unit, request: Request) -> Doc:
    """Who could boot an offering under other terms of sharing: nothing is changed."""
    body: AudienceBody = request.body or AudienceBody()
    given = insight.terms(unit, request.granted.it)
    added = {normal(one) for one in bounded(body.add or [])}
    listed = (given.listed | added) - {normal(one) for one in bounded(body.remove or [])}
    enabled = given.enabled if body.enabled is None else body.enabled
    return insight.audience_of(unit, replace(given, listed=frozenset(listed), enabled=enabled), added)


def _lineage(unit: Unit, request: Request) -> Doc:
    """Where an image went: its version, whom that is shared with, and what every account has made of it."""
    return lineage.lineage(unit, request.granted.it)


def _any_lineage(unit: Unit, request: Request) -> Doc:
    """The lineage of any image, as its owner is told it."""
    id_ = request.query.get("image")
    if not id_:
        raise invalid("bad_request", "image is required.", "image", type_="parameter")
    found = unguarded(unit, IMAGE, IMAGE.table.c.id == id_)
    if not found:
        raise not_found("image")
    return lineage.lineage(unit.acting(unit.ctx.as_system(found[0].account_id)), found[0])


def _deletion(unit: Unit, request: Request) -> Doc:
    """What the deletion of a catalog would take along: nothing is changed."""
    return insight.deletion(unit, request.granted.it)


def _approval_wire(one: PublishApproval, offering: Offering) -> Doc:
    return {
        "offering": offering.id,
        "crn": offering.crn,
        "name": offering.name,
        "account": offering.account_id,
        "state": one.state,
        "asked_by": one.asked_by,
        "updated": rfc3339(one.updated_at),
    }


def _approvals(unit: Unit, _request: Request) -> Doc:
    """List what was asked, and answered, about publishing offerings outside their enterprise."""
    return {"approvals": [_approval_wire(one, offering) for one, offering in outside.every(unit)]}


def _decide(unit: Unit, request: Request) -> Doc:
    """Grant or revoke an offering's publication outside its enterprise. An offering is named by id or CRN."""
    body: ApprovalBody = request.body
    id_ = body.offering.rsplit(":", 1)[-1]
    outside.decide(unit, id_, body.state)
    return next(_approval_wire(one, offering) for one, offering in outside.every(unit) if offering.id == id_)


def routes() -> tuple[Route, ...]:
    base, family = "/_kunsthalle", OPERATOR
    owner = access.item(kinds.OFFERING, lifecycle.UPDATE, "offering_id")
    catalog = access.item(kinds.CATALOG, "globalcatalog-collection.instance.delete", "catalog_id")
    operator, decide = access.operator("kunsthalle.approval.read"), access.operator("kunsthalle.approval.update")
    trial: dict[str, Any] = {"body": AudienceBody, "body_required": False, "writes": False}
    remove, change = (access.item(IMAGE, f"is.image.image.{verb}") for verb in ("delete", "update"))
    return (
        route("GET", f"{base}/images/{{id}}/hold", _hold, family=family, access=remove),
        route("GET", f"{base}/images/{{id}}/lineage", _lineage, family=family, access=change),
        route("GET", f"{base}/lineage", _any_lineage, family=family, access=access.operator("kunsthalle.lineage.read")),
        route("POST", f"{base}/offerings/{{offering_id}}/audience", _audience, family=family, access=owner, **trial),
        route("GET", f"{base}/catalogs/{{catalog_id}}/deletion", _deletion, family=family, access=catalog),
        route("GET", f"{base}/approvals", _approvals, family=family, access=operator),
        route("POST", f"{base}/approvals", _decide, family=family, access=decide, body=ApprovalBody),
    )
