"""Changing a version: its documents, its images, its working copy (1.2, R1, R4).

An image that is taken out of a version is free at once, one that is put in is managed at once, and the version has to
be validated again. A published version keeps serving while it is edited through its working copy.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kunsthalle.catalogs import queries
from kunsthalle.catalogs.models import Offering, Version, precedence
from kunsthalle.catalogs.resources import OFFERING, VERSION
from kunsthalle.catalogs.tables import version_images, versions
from kunsthalle.catalogs.versions import publish_states
from kunsthalle.catalogs.versions.importing import FIELD, Images, chosen_images, claim
from kunsthalle.catalogs.versions.publishing import refuse, take, touch
from kunsthalle.catalogs.versions.removal import remove_version
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.db.rows import insert, update
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import remove_rows, rows_of
from kunsthalle.db.visibility import Authorized, find, unscoped
from kunsthalle.images import holds

Doc = dict[str, Any]


def images_of(session: Session, version: Version) -> set[str]:
    """The images that a version manages."""
    return {row.image_id for row in rows_of(session, version_images, version_images.c.version_id == version.id)}


def edit(session: Session, version: Authorized[Version], metadata: Doc, document: Doc) -> None:
    """Puts new documents in place of the old. 400 while a deprecation runs, 409 for images of others."""
    it = version.resource
    if it.deprecate_pending is not None:
        raise refuse(publish_states.NOT_PENDING.refusal.format(state=it.state))
    if _named(metadata) != _named(it.metadata):
        _change_images(session, it, metadata)
        it = find(session, VERSION, it.id)
    same = versions.c.revision == it.revision
    if not update(session, VERSION, it.id, same, metadata=metadata, document=document, updated_at=session.ctx.now()):
        raise conflict("conflict", "The version was changed meanwhile; try again.")
    touch(session, it)


def _named(metadata: Doc) -> list[tuple[Any, Any]]:
    images = metadata.get("images")
    if not isinstance(images, list) or not all(isinstance(one, dict) for one in images):
        raise invalid("bad_request", "metadata.images must be a list of images.", FIELD)
    return [(one.get("id"), one.get("region")) for one in images]


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
    found = unscoped(session, VERSION, *named)
    if not found:
        raise invalid("bad_request", "The offering has no version of that name.", "targetVersion", type_="parameter")
    version = found[0]
    if version.state == "deprecated" or version.deprecate_pending is not None:
        raise refuse(f"A version on its way out is not reloaded: current state {version.state}")
    reset(session, version)
    document = version.document if tags is None else {**version.document, "tags": tags}
    update(session, VERSION, version.id, document=document)
    touch(session, version)


def open_working_copy(session: Session, version: Authorized[Version]) -> Version:
    """The draft of a version, made when there is none. It stands on its version's images and cannot be published."""
    it = version.resource
    if it.copy_of:
        return it
    if it.state == "deprecated" or it.deprecate_pending is not None:
        raise refuse(f"A version on its way out is not edited: current state {it.state}")
    known = queries.working_copy(session, it)
    if known is not None:
        return known
    return insert(session, VERSION, _draft(session, it, it.version, it.metadata, copy_of=it.id))


def _draft(session: Session, it: Version, name: str, metadata: Doc, copy_of: str) -> Version:
    now = session.ctx.now()
    return replace(
        it,
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
    it = version.resource
    draft = it if it.copy_of else queries.working_copy(session, it)
    if draft is None:
        raise refuse(f"The version has no working copy: current state {it.state}")
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
    it = version.resource
    major, minor, patch = precedence(it.version)[:3]
    same = unscoped(session, VERSION, versions.c.offering_id == it.offering_id)
    taken = {one.version for one in same}
    name = next(one for step in range(1, len(taken) + 2) if (one := f"{major}.{minor}.{patch + step}") not in taken)
    draft = _draft(session, it, name, {**it.metadata, "images": []}, copy_of="")
    made = replace(draft, document=draft.document if tags is None else {**draft.document, "tags": tags})
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
