"""Rules about images and versions that are on their way out, or gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from kunsthalle.automation_checks.facts import BOOTING, Facts, ImageFact, ImageUse, Place, VersionFact
from kunsthalle.automation_checks.knowledge import ARCHIVED, Known, KnownImage, KnownVersion

Hits = Iterator[tuple[Place, str]]
Image = ImageFact | KnownImage
Version = VersionFact | KnownVersion
Told = tuple[str, str] | None
"""What is on its way out or gone, and a clause that says so."""
SayOfImage = Callable[[Image], Told]
SayOfVersion = Callable[[Version], Told]
F = TypeVar("F", ImageFact, VersionFact)
_ABSENT = 404


def deprecated_image(facts: Facts, known: Known) -> Hits:
    """Uses of what is on its way out; and where nothing uses it, answers that say so."""
    images = [image for image in facts.images if not image.listed or image.visibility != "public"]
    yield from _used(facts, known, _leaving_image, _leaving_version)
    yield from _unused(facts, _told(images, _leaving_image) + _told(facts.versions, _leaving_version))


def obsolete_image(facts: Facts, known: Known) -> Hits:
    """Uses of what boots no more; and where nothing uses it, answers that say so. Lists also have what was once."""
    images, versions = (
        [image for image in facts.images if not image.listed],
        [version for version in facts.versions if not version.listed],
    )
    yield from _used(facts, known, _obsolete_image, _archived_version)
    yield from _unused(facts, _told(images, _obsolete_image) + _told(versions, _archived_version))


def _leaving_image(image: Image) -> Told:
    if image.status == "obsolete":
        return None
    if image.status == "deprecated":
        until = f" and becomes obsolete at {image.obsolescence_at}" if image.obsolescence_at else ""
        return f"the image {image.id}", f"is deprecated{until}"
    dates = {"deprecated": image.deprecation_at, "obsolete": image.obsolescence_at}
    told = " and ".join(f"{state} at {date}" for state, date in dates.items() if date)
    return (f"the image {image.id}", f"becomes {told}") if told else None


def _leaving_version(version: Version) -> Told:
    if not version.deprecate_date or version.state == ARCHIVED:
        return None
    return f"the version {version.name or version.crn}", f"is archived at {version.deprecate_date}"


def _obsolete_image(image: Image) -> Told:
    return (f"the image {image.id}", "is obsolete") if image.status == "obsolete" else None


def _archived_version(version: Version) -> Told:
    return (f"the version {version.name or version.crn}", "is archived") if version.state == ARCHIVED else None


def _used(facts: Facts, known: Known, of_image: SayOfImage, of_version: SayOfVersion) -> Hits:
    for use in facts.uses:
        if use.by not in BOOTING or use.shown:
            continue
        image, version = _of_use(facts, known, use)
        told = (version and of_version(version)) or (image and of_image(image))
        if told:
            yield use.place, f"The {use.by} uses {told[0]}, which {told[1]}."


Fact = ImageFact | VersionFact


def _told(shown: Sequence[F], say: Callable[[F], Told]) -> list[tuple[Fact, Told]]:
    return [(fact, say(fact)) for fact in shown]


def _unused(facts: Facts, shown: list[tuple[Fact, Told]]) -> Hits:
    """What answers say of what nothing of the file boots from. What a run is shown, it does on purpose."""
    used = {name for use in facts.uses if use.by in BOOTING for name in (use.image_id, use.version_crn)}
    for fact, told in shown:
        name = fact.id if isinstance(fact, ImageFact) else fact.crn
        if told and not facts.apart and not fact.declared and name not in used:
            yield fact.place, f"{told[0][0].upper()}{told[0][1:]} {told[1]}."


def _of_use(facts: Facts, known: Known, use: ImageUse) -> tuple[Image | None, Version | None]:
    """What is known of what is used: of a transcript, what it had shown before."""
    if facts.apart:
        return use.seen_image, use.seen_version
    image = known.images.get(use.image_id)
    return image, known.versions.get(use.version_crn)


def gone_version(facts: Facts, known: Known) -> Hits:
    """Uses of versions that are deleted, alone or with their catalog."""
    for use in facts.uses:
        if use.by not in BOOTING or use.shown or not use.version_crn:
            continue
        at = known.deleted_at(use.version_crn)
        if facts.apart and (use.status != _ABSENT or not _deleted_before(facts, use)):
            continue
        if at is not None:
            final = f" The deletion becomes final at {at}." if at else ""
            yield use.place, f"The {use.by} uses the version {use.version_crn}, whose catalog is deleted.{final}"
        elif known.version(use.version_crn).gone:
            yield use.place, f"The {use.by} uses the version {use.version_crn}, which its owner does not have any more."


def _deleted_before(facts: Facts, use: ImageUse) -> bool:
    return any(
        catalog_deletion.place.line < use.place.line and f":{catalog_deletion.catalog_id}:" in use.version_crn
        for catalog_deletion in facts.catalog_deletions
    )
