"""`/_kunsthalle/`: what owners ask before they act, and the operator's approvals."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

from msgspec import Meta

from kunsthalle.api import access
from kunsthalle.api.query_params import Parameters
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.serialization import RequestBody
from kunsthalle.api.surfaces.iam import OPERATOR
from kunsthalle.catalogs import explain, resources, states
from kunsthalle.catalogs.explain import ImageUsage
from kunsthalle.catalogs.models import Catalog, Offering, PublishApproval
from kunsthalle.catalogs.requests import Identifiers
from kunsthalle.catalogs.sharing import access_list
from kunsthalle.catalogs.sharing.access_list import bounded, normal
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.errors import not_found
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import unscoped
from kunsthalle.images.models import Image
from kunsthalle.images.resources import IMAGE

Doc = dict[str, Any]


class AudienceRequest(RequestBody):
    """A share to try out: identifiers to add and to take off, and whether the access list is in effect."""

    add: Identifiers | None = None
    remove: Identifiers | None = None
    enabled: bool | None = None


class ApprovalRequest(RequestBody):
    """The operator's answer about an offering."""

    offering: str
    state: Literal["granted", "revoked"]


def _audience(session: Session, request: Request, offering: Offering) -> Doc:
    """Who could boot an offering under other terms of sharing: nothing is changed."""
    body: AudienceRequest = request.body or AudienceRequest()
    terms = explain.load_terms(session, offering)
    added = {normal(text) for text in bounded(body.add or [])}
    listed = (terms.listed | added) - {normal(text) for text in bounded(body.remove or [])}
    enabled = terms.enabled if body.enabled is None else body.enabled
    return explain.audience_of(session, offering, replace(terms, listed=frozenset(listed), enabled=enabled), added)


class LineageParameters(Parameters, frozen=True):
    """Of the operator's question where an image went."""

    image: Annotated[str, Meta(description="The ID of the image.")]


class UsageParameters(Parameters, frozen=True):
    """Of the question which versions of an offering still run."""

    version: Annotated[
        str, Meta(max_length=100, description="A version, or the beginning of some: `1.2.0` or `1.2`. Default: all.")
    ] = ""


class _UsageRoutes:
    """Answers that count what accounts have made of images."""

    def __init__(self, usage: ImageUsage, reclamation_period: int) -> None:
        self._usage, self._period = usage, reclamation_period

    def hold(self, session: Session, _request: Request, image: Image) -> Doc:
        """Why an image cannot be deleted, who runs it, and when it is free."""
        return explain.hold(session, self._usage, image)

    def lineage(self, session: Session, _request: Request, image: Image) -> Doc:
        """Where an image went: its version, whom that is shared with, and what every account has made of it."""
        return explain.lineage(session, self._usage, image)

    def any_lineage(self, session: Session, request: Request, query: LineageParameters) -> Doc:  # noqa: ARG002  a handler's shape
        """The lineage of any image, as its owner is told it."""
        images = unscoped(session, IMAGE, IMAGE.table.c.id == query.image)
        if not images:
            raise not_found("image")
        owner = session.as_context(session.ctx.as_system(images[0].account_id))
        return explain.lineage(owner, self._usage, images[0])

    def versions(self, session: Session, _request: Request, offering: Offering, query: UsageParameters) -> Doc:
        """Which versions of an offering still run, and in which accounts: numbers of what was made of each."""
        return explain.usage_of_versions(session, self._usage, offering, query.version)

    def deletion(self, session: Session, _request: Request, catalog: Catalog) -> Doc:
        """What the deletion of a catalog would take along: nothing is changed."""
        return explain.deletion(session, self._usage, catalog, self._period)


def _share_requests(session: Session, _request: Request) -> Doc:
    """List the share requests that the account has received, with who asks and what is offered."""
    return {"requests": access_list.received_requests(session)}


def _approval_response(publish_approval: PublishApproval, offering: Offering) -> Doc:
    return {
        "offering": offering.id,
        "crn": offering.crn,
        "name": offering.name,
        "account": offering.account_id,
        "state": publish_approval.state,
        "asked_by": publish_approval.asked_by,
        "updated": rfc3339(publish_approval.updated_at),
    }


def _approvals(session: Session, _request: Request) -> Doc:
    """List what was asked, and answered, about publishing offerings outside their enterprise."""
    return {"approvals": [_approval_response(asked, offering) for asked, offering in access_list.every(session)]}


def _decide(session: Session, request: Request) -> Doc:
    """Grant or revoke an offering's publication outside its enterprise. An offering is named by id or CRN."""
    body: ApprovalRequest = request.body
    id_ = body.offering.rsplit(":", 1)[-1]
    access_list.decide(session, id_, body.state)
    return next(
        _approval_response(asked, offering) for asked, offering in access_list.every(session) if offering.id == id_
    )


def routes(usage: ImageUsage, reclamation_period: int) -> tuple[Route, ...]:
    """`usage` counts what accounts have made of images."""
    counted = _UsageRoutes(usage, reclamation_period)
    base, surface = "/_kunsthalle", OPERATOR
    owner = access.item(resources.OFFERING, states.UPDATE, "offering_id")
    catalog = access.item(resources.CATALOG, "globalcatalog-collection.instance.delete", "catalog_id")
    operator, decide = access.operator("kunsthalle.approval.read"), access.operator("kunsthalle.approval.update")
    trial: dict[str, Any] = {"body": AudienceRequest, "body_required": False, "writes": False}
    remove, change = (access.item(IMAGE, f"is.image.image.{verb}") for verb in ("delete", "update"))
    return (
        route("GET", f"{base}/images/{{id}}/hold", counted.hold, surface=surface, access=remove),
        route("GET", f"{base}/images/{{id}}/lineage", counted.lineage, surface=surface, access=change),
        route(
            "GET",
            f"{base}/lineage",
            counted.any_lineage,
            query=LineageParameters,
            surface=surface,
            access=access.operator("kunsthalle.lineage.read"),
        ),
        route(
            "GET",
            f"{base}/offerings/{{offering_id}}/usage",
            counted.versions,
            query=UsageParameters,
            surface=surface,
            access=owner,
        ),
        route("POST", f"{base}/offerings/{{offering_id}}/audience", _audience, surface=surface, access=owner, **trial),
        route("GET", f"{base}/catalogs/{{catalog_id}}/deletion", counted.deletion, surface=surface, access=catalog),
        route(
            "GET",
            f"{base}/share-requests",
            _share_requests,
            surface=surface,
            access=access.create(resources.RETRIEVE),
        ),
        route("GET", f"{base}/approvals", _approvals, surface=surface, access=operator),
        route("POST", f"{base}/approvals", _decide, surface=surface, access=decide, body=ApprovalRequest),
    )
