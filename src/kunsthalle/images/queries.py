"""Lists of images."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, field
from sqlalchemy import ColumnElement, false

from kunsthalle.api.vpc_parameters import UsualParameters
from kunsthalle.db.pages import Page, page
from kunsthalle.db.session import Session
from kunsthalle.images.models import Image
from kunsthalle.images.operating_systems import OPERATING_SYSTEMS
from kunsthalle.images.resources import IMAGE

Status = Literal[
    "available", "deleting", "deprecated", "failed", "obsolete", "partially_available", "pending", "unusable"
]


class ImageParameters(UsualParameters, frozen=True):
    """Of the list of images. Only the caller's own are in it: of what is asked of other owners, there is none."""

    status: Annotated[tuple[Status, ...], Meta(description="Only images in one of these states.")] = ()
    visibility: Annotated[
        tuple[Literal["private", "public"], ...],
        Meta(description="Only images of this visibility; those of the list are all `private`."),
    ] = ()
    user_data_format: Annotated[
        tuple[Literal["cloud_init", "esxi_kickstart", "ipxe"], ...],
        Meta(description="Only images whose operating system reads user data in one of these formats."),
    ] = ()
    remote_account_id: Annotated[
        str | None,
        Meta(description="Only images of this other account; `null` for the caller's own. The list has no others."),
    ] = field(name="remote.account.id", default=None)
    owner_type: Annotated[
        Literal["user", "provider"] | None,
        Meta(description="Only images that a user, or the provider, owns; those of the list are a user's."),
    ] = None


def _conditions(query: ImageParameters) -> list[ColumnElement[bool]]:
    columns = IMAGE.table.c
    conditions: list[Any] = []
    if query.name is not None:
        conditions.append(columns.name == query.name)
    if query.resource_group_id is not None:
        conditions.append(columns.resource_group_id == query.resource_group_id)
    if query.status:
        conditions.append(columns.status.in_(query.status))
    if query.user_data_format:
        value = query.user_data_format
        names = [name for name, system in OPERATING_SYSTEMS.items() if system.user_data_format in value]
        conditions.append(columns.operating_system.in_(names))
    if _only_foreign(query):
        conditions.append(false())
    return conditions


def _only_foreign(query: ImageParameters) -> bool:
    """Whether only images of other accounts are asked for: shared ones are never in this list (D4)."""
    return (
        (bool(query.visibility) and "private" not in query.visibility)
        or query.remote_account_id not in {None, "null"}
        or query.owner_type == "provider"
    )


def list_images(session: Session, query: ImageParameters) -> Page[Image]:
    """A page of the caller's own images, newest first."""
    return page(session, IMAGE, *_conditions(query), after=query.start, limit=query.limit)
