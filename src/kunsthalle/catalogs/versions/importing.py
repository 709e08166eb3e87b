"""Importing an image as a version: every check first, then version, exclusivity and holds in the same transaction.

The checks and their order: catalog-iam-enterprise.md 1.6; the rules behind them: R1 and R2.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kunsthalle.api.serialization import RequestBody
from kunsthalle.catalogs.models import Offering, Version, precedence
from kunsthalle.catalogs.resources import OFFERING, VERSION
from kunsthalle.catalogs.tables import version_images, versions
from kunsthalle.core.errors import Problem, conflict, invalid
from kunsthalle.db.rows import IntegrityError, insert, update
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import add_row
from kunsthalle.db.visibility import Authorized, find, require, unscoped
from kunsthalle.images import holds
from kunsthalle.images.models import Image
from kunsthalle.images.operating_systems import OPERATING_SYSTEMS
from kunsthalle.images.resources import IMAGE, USE

FIELD = "metadata.images"


class ImageRequest(RequestBody):
    """An image of a version, by id and region."""

    id: Annotated[str, Meta(min_length=1, max_length=64)]
    region: Annotated[str, Meta(min_length=1, max_length=32)]
    name: str | UnsetType = UNSET


class VersionMetadata(RequestBody):
    """What must be in the `metadata` of a VSI image version; whatever else it holds is kept."""

    images: Annotated[list[ImageRequest], Meta(max_length=64)]


@dataclass(frozen=True, slots=True)
class ImageChoice:
    """One entry of `metadata.images`."""

    id: str
    region: str


Images = list[tuple[ImageChoice, Image]]


@dataclass(frozen=True, slots=True)
class Import:
    """A version to be: what the body said, decoded and checked for form."""

    version: str
    images: tuple[ImageChoice, ...]
    metadata: dict[str, Any]
    document: dict[str, Any]


def import_version(session: Session, offering: Authorized[Offering], wanted: Import) -> Version:
    """A new version in state `new`, managing its images from this transaction on."""
    if precedence(wanted.version)[0] < 0:
        raise invalid("bad_request", "The version must be a semantic version such as 1.0.0.", "version")
    named = _fitting(session, wanted.images, frozenset())
    version = _new_version(session, offering.resource, wanted)
    _unique(session, offering.resource, version)
    for choice, image in named:
        claim(session, version, choice, image)
    update(session, OFFERING, offering.resource.id, updated_at=session.ctx.now())
    return version


def _fitting(session: Session, choices: tuple[ImageChoice, ...], holders: Collection[str]) -> Images:
    """What is named, image by image, if all of it can be in a version together."""
    images = [_fit(session, choice, place, holders) for place, choice in enumerate(choices)]
    _check_together(choices)
    return list(zip(choices, images, strict=True))


def chosen_images(session: Session, metadata: dict[str, Any], holders: Collection[str]) -> Images:
    """The images that `metadata` names; those that one of `holders` (version CRNs) manages need not be free."""
    return _fitting(session, choices_of(metadata), holders)


def choices_of(metadata: dict[str, Any]) -> tuple[ImageChoice, ...]:
    """`metadata.images`, checked for form."""
    try:
        images = msgspec.convert(metadata, VersionMetadata).images
    except msgspec.ValidationError as error:
        raise invalid("bad_request", f"metadata does not describe images: {error}", FIELD) from error
    return tuple(ImageChoice(image.id, image.region) for image in images)


def _fit(session: Session, choice: ImageChoice, place: int, holders: Collection[str]) -> Image:
    """The caller's own image, if it can enter a catalog (R1). Foreign and unknown images get the same answer."""
    field = f"{FIELD}[{place}].id"
    region = session.ctx.region.name
    try:
        image = find(session, IMAGE, choice.id)
    except Problem:
        image = None
    if image is None or choice.region != region:
        raise invalid("bad_request", f"image not found: {choice.id[:64]} in region {choice.region[:32]}", field)
    if image.hold_crn in holders:
        return image
    require(session, IMAGE, image, USE)
    if image.status != "available":
        raise invalid("bad_request", f"The image must be available; it is {image.status}.", field)
    if OPERATING_SYSTEMS[image.operating_system].architecture != "amd64":
        raise invalid("bad_request", "The image must be an x86 image.", field)
    if image.managed:
        raise _managed(image, field)
    return image


def _managed(image: Image, field: str) -> Problem:
    return conflict("conflict", f"The image is managed by another version already: {image.hold_crn}.", field)


def _check_together(choices: tuple[ImageChoice, ...]) -> None:
    if not choices:
        raise invalid("bad_request", "The version needs at least one image.", FIELD)
    if len(choices) > 1:  # each is of the server's one region by now
        message = f"A version has one image for each region, and this server has one region; {len(choices)} are named."
        raise invalid("bad_request", message, FIELD)


def _new_version(session: Session, offering: Offering, wanted: Import) -> Version:
    now = session.ctx.now()
    return Version(
        id=session.ctx.ids.uuid(),
        account_id=offering.account_id,
        catalog_id=offering.catalog_id,
        offering_id=offering.id,
        version=wanted.version,
        state="new",
        previous=None,
        entered_at=now,
        validation={"state": ""},
        deprecate_pending=None,
        metadata=wanted.metadata,
        document=wanted.document,
        copy_of="",
        updated_at=now,
        created_at=now,
    )


def _unique(session: Session, offering: Offering, version: Version) -> None:
    taken = unscoped(
        session,
        VERSION,
        versions.c.offering_id == offering.id,
        versions.c.version == version.version,
        versions.c.copy_of == "",
    )
    message = f"The offering has a version {version.version} already."
    if taken:
        raise conflict("conflict", message, "version")
    try:
        insert(session, VERSION, version)
    except IntegrityError as error:
        raise conflict("conflict", message, "version") from error


def claim(session: Session, version: Version, choice: ImageChoice, image: Image) -> None:
    """The image's hold and the one row that the database allows it: whoever comes second gets 409."""
    field = FIELD
    if not holds.place(session, Authorized(image, "globalcatalog-collection.offering.create"), version.crn):
        raise conflict("conflict", "The image was taken or changed meanwhile.", field)
    try:
        add_row(session, version_images, image_id=image.id, version_id=version.id, region=choice.region)
    except IntegrityError as error:
        raise _managed(image, field) from error
