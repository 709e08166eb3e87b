"""Rules about changes that catalogs refuse, and deletions that do less than they seem to."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kunsthalle.automation_checks.facts import (
    BARE_METAL,
    DELETE,
    IMAGE,
    VERSION,
    VERSION_IMPORT,
    Attempt,
    Facts,
    ImageUse,
    Place,
)
from kunsthalle.automation_checks.knowledge import Known

Hits = Iterator[tuple[Place, str]]
_REFUSED, _CONFLICT = 400, 409
_LAST = "last published"
_BY_CATALOG = "managed"
"""What refusals of Catalog Management and of the VPC API have in their texts."""


def managed_image_delete(facts: Facts, known: Known) -> Hits:
    """Deletions of managed images that are planned, or were refused."""
    yield from _attempts(facts, known, lambda verb: verb == DELETE)


def managed_image_change(facts: Facts, known: Known) -> Hits:
    """Changes of managed images that are planned, or were refused."""
    yield from _attempts(facts, known, lambda verb: verb != DELETE)


def _attempts(facts: Facts, known: Known, is_meant: Callable[[str], bool]) -> Hits:
    for attempt in facts.attempts:
        if attempt.kind != IMAGE or not is_meant(attempt.verb):
            continue
        manager = _manager(facts, known, attempt.id)
        if attempt.status == 0 and manager:
            yield attempt.place, f"The plan is to {attempt.verb} the image {attempt.id}, which {manager} manages."
        elif attempt.status == _CONFLICT and _BY_CATALOG in attempt.answer:
            yield attempt.place, f"To {attempt.verb} the image {attempt.id} was refused: {_told(attempt)}"


def _told(attempt: Attempt) -> str:
    return f"{attempt.status} {attempt.answer}".strip()


def _manager(facts: Facts, known: Known, image_id: str) -> str:
    """The version that manages an image and that the file does not delete; an empty text where that is not known."""
    image = known.image(image_id)
    if not image.managed or _is_deleted(facts, image.version_crn):
        return ""
    return f"the version {image.version_crn}" if image.version_crn else "a version of a catalog"


def _manager_of_used(facts: Facts, known: Known, use: ImageUse) -> str:
    """As `_manager`; of a transcript, what it had shown before the call."""
    if not facts.apart:
        return _manager(facts, known, use.image_id)
    before = [
        version
        for version in facts.versions
        if version.place.line < use.place.line and use.image_id in version.image_ids
    ]
    return f"the version {before[-1].crn}" if before else ""


def _is_deleted(facts: Facts, version_crn: str) -> bool:
    """Whether the file deletes a version, or its offering, which frees its images at once."""
    if version_crn in {version_deletion.crn for version_deletion in facts.version_deletions}:
        return True
    offering = version_crn.rpartition("/")[0].replace(":version:", ":offering:")
    return offering in facts.deleted_offerings


def managed_image_on_bare_metal(facts: Facts, known: Known) -> Hits:
    """Bare metal servers that are to get an image which a catalog manages."""
    for use in facts.uses:
        if use.by == BARE_METAL and _is_refused_or_planned(use) and not use.shown:
            manager = _manager_of_used(facts, known, use)
            if manager:
                yield use.place, f"{manager[0].upper()}{manager[1:]} manages the image {use.image_id}."


def _is_refused_or_planned(use: ImageUse) -> bool:
    return use.requested and (use.status == 0 or use.status >= _REFUSED)


def image_in_two_versions(facts: Facts, known: Known) -> Hits:
    """Versions that are to get an image which another version has, or is to get, too."""
    first: dict[str, Place] = {}
    for use in facts.uses:
        if use.by != VERSION_IMPORT or use.shown or not use.image_id:
            continue
        if _is_refused_or_planned(use):
            manager = _manager_of_used(facts, known, use)
            if manager:
                yield use.place, f"The image {use.image_id} is already in {manager}."
            elif use.image_id in first and not facts.apart:
                yield use.place, f"The image {use.image_id} is to enter {first[use.image_id].subject}, too."
        first.setdefault(use.image_id, use.place)


def last_published_version_delete(facts: Facts, _known: Known) -> Hits:
    """Deletions of last published versions that are planned, or were refused."""
    for deletion in facts.version_deletions:
        if deletion.published and deletion.others_published == ():
            yield deletion.place, f"The version {deletion.crn} is the last published one of its offering."
    for attempt in facts.attempts:
        if attempt.kind == VERSION and attempt.status >= _REFUSED and _LAST in attempt.answer:
            yield attempt.place, f"To {attempt.verb} the version {attempt.id} was refused: {_told(attempt)}"


def catalog_delete_keeps_images(facts: Facts, known: Known) -> Hits:
    """Deletions of catalogs whose versions hold images."""
    for deletion in facts.catalog_deletions:
        inside = (
            known_version
            for known_version in known.versions_in(deletion.catalog_id)
            if not _is_deleted(facts, known_version.crn)
        )
        kept_ids = (
            deletion.keeps if facts.apart else [id_ for known_version in inside for id_ in known_version.image_ids]
        )
        if kept_ids:
            until = f" until {deletion.free_at}" if deletion.free_at else ""
            yield (
                deletion.place,
                f"Images of the catalog {deletion.catalog_id} stay managed{until}: {', '.join(kept_ids)}.",
            )


def template_in_use_delete(facts: Facts, _known: Known) -> Hits:
    """Planned deletions of templates that a group uses."""
    for deletion in facts.template_deletions:
        yield deletion.place, f"The instance group {deletion.group} uses the template until it is changed."
