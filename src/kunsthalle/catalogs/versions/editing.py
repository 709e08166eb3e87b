"""Importing an image as a version, and changing a version: its documents, its images, its working copy (1.2, R1, R4).

An image that is taken out of a version is free at once, one that is put in is managed at once, and the version has to
be validated again. A published version keeps serving while it is edited through its working copy.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kunsthalle.api.body_bounds import at_most
from kunsthalle.api.serialization import RequestBody
from kunsthalle.catalogs import queries, states
from kunsthalle.catalogs.models import Offering, Version, precedence
from kunsthalle.catalogs.resources import OFFERING, VERSION
from kunsthalle.catalogs.tables import version_images, versions
from kunsthalle.catalogs.versions.version_steps import refuse, remove_version, take, touch
from kunsthalle.core.errors import Problem, conflict, invalid
from kunsthalle.core.records import dataclass
from kunsthalle.db.rows import IntegrityError, insert, update
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import add_row, number_of, remove_rows, rows_of
from kunsthalle.db.visibility import Authorized, find, require, unscoped
from kunsthalle.images import holds
from kunsthalle.images.models import Image
from kunsthalle.images.operating_systems import OPERATING_SYSTEMS
from kunsthalle.images.resources import IMAGE, USE

# Importing an image as a version: every check first, then version, exclusivity and holds in the same transaction.
#
# The checks and their order: catalog-iam-enterprise.md 1.6; the rules behind them: R1 and R2.

FIELD = "metadata.images"
MAX_VERSIONS = 500
"""Versions and working copies of an offering: they go with it in one transaction (R4)."""


class ImageRequest(RequestBody):
    """An image of a version, by id and region."""

    id: Annotated[str, Meta(min_length=1, max_length=64)]
    region: Annotated[str, Meta(min_length=1, max_length=32)]
    name: str | UnsetType = UNSET


class VersionMetadata(RequestBody):
    """What must be in the `metadata` of a VSI image version; whatever else it holds is kept."""

    images: Annotated[list[ImageRequest], at_most(64)]


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


def import_version(session: Session, offering: Authorized[Offering], prototype: Import) -> Version:
    """A new version in state `new`, managing its images from this transaction on."""
    if precedence(prototype.version)[0] < 0:
        raise invalid("bad_request", "The version must be a semantic version such as 1.0.0.", "version")
    named = _fitting(session, prototype.images, frozenset())
    version = _new_version(session, offering.resource, prototype)
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
    if image.encrypted:
        raise invalid("bad_request", "The image is encrypted: a private catalog cannot use encrypted images.", field)
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


def _new_version(session: Session, offering: Offering, prototype: Import) -> Version:
    now = session.ctx.now()
    return Version(
        id=session.ctx.ids.uuid(),
        account_id=offering.account_id,
        catalog_id=offering.catalog_id,
        offering_id=offering.id,
        version=prototype.version,
        state="new",
        previous=None,
        entered_at=now,
        validation={"state": ""},
        deprecate_pending=None,
        metadata=prototype.metadata,
        document=prototype.document,
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
    _refuse_excess(session, offering.id)
    try:
        insert(session, VERSION, version)
    except IntegrityError as error:
        raise conflict("conflict", message, "version") from error


def _refuse_excess(session: Session, offering_id: str) -> None:
    """409 where the offering has as many versions and working copies as it may have."""
    if number_of(session, versions, versions.c.offering_id == offering_id) >= MAX_VERSIONS:
        text = f"An offering has at most {MAX_VERSIONS} versions, working copies included: delete one first."
        raise conflict("conflict", text)


def claim(session: Session, version: Version, choice: ImageChoice, image: Image) -> None:
    """The image's hold and the one row that the database allows it: whoever comes second gets 409."""
    field = FIELD
    if not holds.place(session, Authorized(image, "globalcatalog-collection.offering.create"), version.crn):
        raise conflict("conflict", "The image was taken or changed meanwhile.", field)
    try:
        add_row(session, version_images, image_id=image.id, version_id=version.id, region=choice.region)
    except IntegrityError as error:
        raise _managed(image, field) from error


Doc = dict[str, Any]


def images_of(session: Session, version: Version) -> set[str]:
    """The images that a version manages."""
    return {row.image_id for row in rows_of(session, version_images, version_images.c.version_id == version.id)}


def edit(session: Session, version: Authorized[Version], metadata: Doc, document: Doc) -> None:
    """Puts new documents in place of the old. 400 while a deprecation runs, 409 for images of others."""
    resource = version.resource
    if resource.deprecate_pending is not None:
        raise refuse(states.NOT_PENDING.refusal.format(state=resource.state))
    if _named(metadata) != _named(resource.metadata):
        _change_images(session, resource, metadata)
        resource = find(session, VERSION, resource.id)
    same = versions.c.revision == resource.revision
    if not update(
        session, VERSION, resource.id, same, metadata=metadata, document=document, updated_at=session.ctx.now()
    ):
        raise conflict("conflict", "The version was changed meanwhile; try again.")
    touch(session, resource)


def _named(metadata: Doc) -> list[tuple[Any, Any]]:
    images = metadata.get("images")
    if not isinstance(images, list) or not all(isinstance(image, dict) for image in images):
        raise invalid("bad_request", "metadata.images must be a list of images.", FIELD)
    return [(image.get("id"), image.get("region")) for image in images]


def _change_images(session: Session, version: Version, metadata: Doc) -> None:
    """Frees what is no longer named, claims what is new, and has the version validated again."""
    origin = find(session, VERSION, version.copy_of) if version.copy_of else version
    named: Images = []
    ids = {str(id_) for id_, _region in _named(metadata)}
    gone = images_of(session, version) - ids
    _release(session, version, gone)
    if ids:
        named = chosen_images(session, metadata, {version.crn, origin.crn})
    added = [(choice, image) for choice, image in named if image.hold_crn is None]
    if version.state == "deprecated":
        if added:
            raise refuse(f"An archived version takes no image: current state {version.state}")
        return
    for choice, image in added:
        claim(session, version, choice, image)
    reset(session, version)


def _release(session: Session, version: Version, gone: set[str]) -> None:
    holds.release(session, version.crn, gone)
    remove_rows(session, version_images, version_images.c.version_id == version.id, version_images.c.image_id.in_(gone))


def reset(session: Session, version: Version) -> None:
    """The version has to be validated again, and is no longer published (1.7)."""
    if version.state not in {"new", "deprecated"}:
        take(session, version, "change of images")
    update(session, VERSION, version.id, validation={"state": ""}, updated_at=session.ctx.now())


def reload(session: Session, offering: Authorized[Offering], target: str, tags: list[str] | None) -> None:
    """Looks at a version's source anew: it has to be validated again. 404-like 400 for a version that is not there."""
    named = (versions.c.offering_id == offering.resource.id, versions.c.version == target, versions.c.copy_of == "")
    rows = unscoped(session, VERSION, *named)
    if not rows:
        raise invalid("bad_request", "The offering has no version of that name.", "targetVersion", type_="parameter")
    version = rows[0]
    if version.state == "deprecated" or version.deprecate_pending is not None:
        raise refuse(f"A version on its way out is not reloaded: current state {version.state}")
    reset(session, version)
    document = version.document if tags is None else {**version.document, "tags": tags}
    update(session, VERSION, version.id, document=document)
    touch(session, version)


def open_working_copy(session: Session, version: Authorized[Version]) -> Version:
    """The draft of a version, made when there is none. It stands on its version's images and cannot be published."""
    resource = version.resource
    if resource.copy_of:
        return resource
    if resource.state == "deprecated" or resource.deprecate_pending is not None:
        raise refuse(f"A version on its way out is not edited: current state {resource.state}")
    known = queries.working_copy(session, resource)
    if known is not None:
        return known
    _refuse_excess(session, resource.offering_id)
    return insert(session, VERSION, _draft(session, resource, resource.version, resource.metadata, copy_of=resource.id))


def _draft(session: Session, version: Version, name: str, metadata: Doc, copy_of: str) -> Version:
    now = session.ctx.now()
    return replace(
        version,
        id=session.ctx.ids.uuid(),
        version=name,
        state="new",
        previous=None,
        entered_at=now,
        validation={"state": ""},
        deprecate_pending=None,
        metadata=metadata,
        copy_of=copy_of,
        updated_at=now,
        created_at=now,
        revision=1,
    )


def commit(session: Session, version: Authorized[Version]) -> None:
    """Puts the working copy in its version's place; a draft with other images must have been validated."""
    resource = version.resource
    draft = resource if resource.copy_of else queries.working_copy(session, resource)
    if draft is None:
        raise refuse(f"The version has no working copy: current state {resource.state}")
    origin = find(session, VERSION, draft.copy_of)
    if origin.state == "deprecated" or origin.deprecate_pending is not None:
        raise refuse(f"A version on its way out is not edited: current state {origin.state}")
    validation = origin.validation
    if _named(draft.metadata) != _named(origin.metadata):
        if not draft.usable:
            raise refuse("The working copy has other images: it must be validated first.")
        _hand_over(session, draft, origin)
        validation = draft.validation
    remove_version(session, draft)
    now, same = session.ctx.now(), versions.c.revision == origin.revision
    changed = {"metadata": draft.metadata, "document": draft.document, "validation": validation}
    if not update(session, VERSION, origin.id, same, updated_at=now, **changed):
        raise conflict("conflict", "The version was changed meanwhile; try again.")
    touch(session, origin)


def _hand_over(session: Session, draft: Version, origin: Version) -> None:
    """The draft's images become its version's; what the version no longer names is free."""
    ids = {str(id_) for id_, _region in _named(draft.metadata)}
    _release(session, origin, images_of(session, origin) - ids)
    moving = images_of(session, draft)
    _release(session, draft, moving)
    for choice, image in chosen_images(session, draft.metadata, {origin.crn}):
        if image.id in moving:
            claim(session, origin, choice, image)


def copy(session: Session, version: Authorized[Version], tags: list[str] | None) -> Version:
    """A new version like this one under the next free patch number, without its images: they are in one place (R1)."""
    resource = version.resource
    major, minor, patch = precedence(resource.version)[:3]
    same = unscoped(session, VERSION, versions.c.offering_id == resource.offering_id)
    taken = {sibling.version for sibling in same}
    name = next(
        candidate for step in range(1, len(taken) + 2) if (candidate := f"{major}.{minor}.{patch + step}") not in taken
    )
    draft = _draft(session, resource, name, {**resource.metadata, "images": []}, copy_of="")
    made = replace(draft, document=draft.document if tags is None else {**draft.document, "tags": tags})
    _refuse_excess(session, resource.offering_id)
    insert(session, VERSION, made)
    touch(session, made)
    return made


_PARTS = {"configuration": ("configuration", "install", "iam_permissions"), "licenses": ("licenses",)}


def copy_part(session: Session, version: Authorized[Version], part: str, other: Version) -> None:
    """Takes the configuration or the licences of another version of the same offering."""
    if part not in _PARTS:
        raise invalid("bad_request", "type must be configuration or licenses.", "type", type_="parameter")
    if other.offering_id != version.resource.offering_id:
        raise invalid("bad_request", "Both versions must be of the same offering.", "version_loc_id_to_copy_from")
    taken = {name: other.document[name] for name in _PARTS[part] if name in other.document}
    edit(session, version, version.resource.metadata, {**version.resource.document, **taken})


def offering_of(session: Session, version: Version) -> Offering:
    """The offering that a version is of."""
    return find(session, OFFERING, version.offering_id)
