"""Changing a version: its documents, its images, its working copy (1.2, R1, R4).

An image that is taken out of a version is free at once, one that is put in is managed at once, and the version has to
be validated again. A published version keeps serving while it is edited through its working copy.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kunsthalle.catalogs import lifecycle, queries
from kunsthalle.catalogs.importing import FIELD, Images, chosen_images, claim
from kunsthalle.catalogs.kinds import OFFERING, VERSION
from kunsthalle.catalogs.model import Offering, Version, precedence
from kunsthalle.catalogs.publishing import refuse, take, touch
from kunsthalle.catalogs.removal import remove_version
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.images import holds
from kunsthalle.store.rows import insert, update
from kunsthalle.store.schema.catalogs import version_images, versions
from kunsthalle.store.scope import Granted, find, unguarded
from kunsthalle.store.tables import remove_rows, rows_of
from kunsthalle.store.unit import Unit

Doc = dict[str, Any]


def images_of(unit: Unit, version: Version) -> set[str]:
    """The images that a version manages."""
    return {row.image_id for row in rows_of(unit, version_images, version_images.c.version_id == version.id)}


def edit(unit: Unit, version: Granted[Version], metadata: Doc, document: Doc) -> None:
    """Puts new documents in place of the old. 400 while a deprecation runs, 409 for images of others."""
    it = version.it
    if it.deprecate_pending is not None:
        raise refuse(lifecycle.NOT_PENDING.refusal.format(state=it.state))
    if _named(metadata) != _named(it.metadata):
        _change_images(unit, it, metadata)
        it = find(unit, VERSION, it.id)
    same = versions.c.revision == it.revision
    if not update(unit, VERSION, it.id, same, metadata=metadata, document=document, updated_at=unit.ctx.now()):
        raise conflict("conflict", "The version was changed meanwhile; try again.")
    touch(unit, it)


def _named(metadata: Doc) -> list[tuple[Any, Any]]:
    images = metadata.get("images")
    if not isinstance(images, list) or not all(isinstance(one, dict) for one in images):
        raise invalid("bad_request", "metadata.images must be a list of images.", FIELD)
    return [(one.get("id"), one.get("region")) for one in images]


def _change_images(unit: Unit, version: Version, metadata: Doc) -> None:
    """Frees what is no longer named, claims what is new, and has the version validated again."""
    origin = find(unit, VERSION, version.copy_of) if version.copy_of else version
    named: Images = []
    ids = {str(id_) for id_, _region in _named(metadata)}
    gone = images_of(unit, version) - ids
    _release(unit, version, gone)
    if ids:
        named = chosen_images(unit, metadata, {version.crn, origin.crn})
    added = [(choice, image) for choice, image in named if image.hold_crn is None]
    if version.state == "deprecated":
        if added:
            raise refuse(f"An archived version takes no image: current state {version.state}")
        return
    for choice, image in added:
        claim(unit, version, choice, image)
    reset(unit, version)


def _release(unit: Unit, version: Version, gone: set[str]) -> None:
    holds.release(unit, version.crn, gone)
    remove_rows(unit, version_images, version_images.c.version_id == version.id, version_images.c.image_id.in_(gone))


def reset(unit: Unit, version: Version) -> None:
    """The version has to be validated again, and is no longer published (1.7)."""
    if version.state not in {"new", "deprecated"}:
        take(unit, version, "change of images")
    update(unit, VERSION, version.id, validation={"state": ""}, updated_at=unit.ctx.now())


def reload(unit: Unit, offering: Granted[Offering], target: str, tags: list[str] | None) -> None:
    """Looks at a version's source anew: it has to be validated again. 404-like 400 for a version that is not there."""
    named = (versions.c.offering_id == offering.it.id, versions.c.version == target, versions.c.copy_of == "")
    found = unguarded(unit, VERSION, *named)
    if not found:
        raise invalid("bad_request", "The offering has no version of that name.", "targetVersion", type_="parameter")
    version = found[0]
    if version.state == "deprecated" or version.deprecate_pending is not None:
        raise refuse(f"A version on its way out is not reloaded: current state {version.state}")
    reset(unit, version)
    document = version.document if tags is None else {**version.document, "tags": tags}
    update(unit, VERSION, version.id, document=document)
    touch(unit, version)


def open_working_copy(unit: Unit, version: Granted[Version]) -> Version:
    """The draft of a version, made when there is none. It stands on its version's images and cannot be published."""
    it = version.it
    if it.copy_of:
        return it
    if it.state == "deprecated" or it.deprecate_pending is not None:
        raise refuse(f"A version on its way out is not edited: current state {it.state}")
    known = queries.working_copy(unit, it)
    if known is not None:
        return known
    return insert(unit, VERSION, _draft(unit, it, it.version, it.metadata, copy_of=it.id))


def _draft(unit: Unit, it: Version, name: str, metadata: Doc, copy_of: str) -> Version:
    now = unit.ctx.now()
    return replace(
        it,
        id=unit.ctx.ids.uuid(),
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


def commit(unit: Unit, version: Granted[Version]) -> None:
    """Puts the working copy in its version's place; a draft with other images must have been validated."""
    it = version.it
    draft = it if it.copy_of else queries.working_copy(unit, it)
    if draft is None:
        raise refuse(f"The version has no working copy: current state {it.state}")
    origin = find(unit, VERSION, draft.copy_of)
    if origin.state == "deprecated" or origin.deprecate_pending is not None:
        raise refuse(f"A version on its way out is not edited: current state {origin.state}")
    validation = origin.validation
    if _named(draft.metadata) != _named(origin.metadata):
        if not draft.usable:
            raise refuse("The working copy has other images: it must be validated first.")
        _hand_over(unit, draft, origin)
        validation = draft.validation
    remove_version(unit, draft)
    now, same = unit.ctx.now(), versions.c.revision == origin.revision
    changed = {"metadata": draft.metadata, "document": draft.document, "validation": validation}
    if not update(unit, VERSION, origin.id, same, updated_at=now, **changed):
        raise conflict("conflict", "The version was changed meanwhile; try again.")
    touch(unit, origin)


def _hand_over(unit: Unit, draft: Version, origin: Version) -> None:
    """The draft's images become its version's; what the version no longer names is free."""
    ids = {str(id_) for id_, _region in _named(draft.metadata)}
    _release(unit, origin, images_of(unit, origin) - ids)
    moving = images_of(unit, draft)
    _release(unit, draft, moving)
    for choice, image in chosen_images(unit, draft.metadata, {origin.crn}):
        if image.id in moving:
            claim(unit, origin, choice, image)


def copy(unit: Unit, version: Granted[Version], tags: list[str] | None) -> Version:
    """A new version like this one under the next free patch number, without its images: they are in one place (R1)."""
    it = version.it
    major, minor, patch = precedence(it.version)[:3]
    same = unguarded(unit, VERSION, versions.c.offering_id == it.offering_id)
    taken = {one.version for one in same}
    name = next(one for step in range(1, len(taken) + 2) if (one := f"{major}.{minor}.{patch + step}") not in taken)
    draft = _draft(unit, it, name, {**it.metadata, "images": []}, copy_of="")
    made = replace(draft, document=draft.document if tags is None else {**draft.document, "tags": tags})
    insert(unit, VERSION, made)
    touch(unit, made)
    return made


_PARTS = {"configuration": ("configuration", "install", "iam_permissions"), "licenses": ("licenses",)}


def copy_part(unit: Unit, version: Granted[Version], part: str, other: Version) -> None:
    """Takes the configuration or the licences of another version of the same offering."""
    if part not in _PARTS:
        raise invalid("bad_request", "type must be configuration or licenses.", "type", type_="parameter")
    if other.offering_id != version.it.offering_id:
        raise invalid("bad_request", "Both versions must be of the same offering.", "version_loc_id_to_copy_from")
    taken = {name: other.document[name] for name in _PARTS[part] if name in other.document}
    edit(unit, version, version.it.metadata, {**version.it.document, **taken})


def offering_of(unit: Unit, version: Version) -> Offering:
    """The offering that a version is of."""
    return find(unit, OFFERING, version.offering_id)
