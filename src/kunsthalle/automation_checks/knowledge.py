"""What is known about images and versions from all files together, and from a server where one is asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field

from kunsthalle.automation_checks.facts import (
    Facts,
    ImageFact,
    ImageUse,
    VersionFact,
    account_of,
    crn_of,
)
from kunsthalle.core.records import dataclass

ARCHIVED = "deprecated"
"""The state of an archived version: Catalog Management calls it so (R10)."""


@dataclass(slots=True)
class KnownImage:
    """An image. `public` is None where nobody says."""

    id: str
    owner: str = ""
    name: str = ""
    public: bool | None = None
    status: str = ""
    managed: bool = False
    version_crn: str = ""
    deprecation_at: str = ""
    obsolescence_at: str = ""


@dataclass(slots=True)
class KnownVersion:
    """A version. `gone`: its owner does not find it; `unshared`: accounts that may not use it."""

    crn: str
    name: str = ""
    state: str = ""
    deprecate_date: str = ""
    image_ids: tuple[str, ...] = ()
    gone: bool = False
    unshared: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Known:
    """Images by id, versions by CRN, and the ends of deleted catalogs by their ids."""

    images: dict[str, KnownImage] = field(default_factory=dict)
    versions: dict[str, KnownVersion] = field(default_factory=dict)
    deleted_catalogs: dict[str, str] = field(default_factory=dict)

    def image(self, id_: str) -> KnownImage:
        """What is known of an image; nothing, of one that nobody speaks of."""
        return self.images.get(id_) or KnownImage(id_)

    def version(self, crn: str) -> KnownVersion:
        return self.versions.get(crn) or KnownVersion(crn)

    def foreign_owner(self, id_: str, account: str) -> str:
        """The account that an image belongs to if that is certain, is another one, and the image is not public."""
        image = self.images.get(id_)
        if image is None or not account or not image.owner or image.public:
            return ""
        return image.owner if image.owner != account else ""

    def deleted_at(self, crn: str) -> str | None:
        """When the deletion of a version's catalog becomes final; None while it is not deleted, or nobody says so."""
        parsed = crn_of(crn)
        return self.deleted_catalogs.get(parsed.instance) if parsed else None

    def versions_in(self, catalog_id: str) -> list[KnownVersion]:
        """The versions of a catalog."""
        crns = ((crn_of(version.crn), version) for version in self.versions.values())
        return [version for crn, version in crns if crn is not None and crn.instance == catalog_id]


def known_from(files: Iterable[Facts]) -> Known:
    """What files say together."""
    known = Known()
    for facts in files:
        for use in facts.uses:
            _learn_use(known, use)
        for version in facts.versions:
            _learn_version(known, version)
        for image in facts.images:
            _learn_image(known, image)
        for deletion in facts.catalog_deletions:
            if deletion.done:
                known.deleted_catalogs[deletion.catalog_id] = deletion.free_at
    return known


def _image(known: Known, id_: str) -> KnownImage:
    return known.images.setdefault(id_, KnownImage(id_))


def _learn_use(known: Known, use: ImageUse) -> None:
    """What was booted by a version is an image of the account that owns the version (R1)."""
    if use.image_id and use.version_crn:
        image = _image(known, use.image_id)
        image.owner = account_of(use.version_crn) or image.owner
    if use.image_id and use.image_name:
        _image(known, use.image_id).name = use.image_name


def _learn_version(known: Known, fact: VersionFact) -> None:
    version = known.versions.setdefault(fact.crn, KnownVersion(fact.crn))
    version.name = fact.name or version.name
    version.state = fact.state or version.state
    version.deprecate_date = fact.deprecate_date or version.deprecate_date
    version.image_ids = fact.image_ids or version.image_ids
    for id_ in fact.image_ids:
        image = _image(known, id_)
        image.owner = account_of(fact.crn) or image.owner
        image.managed, image.version_crn = True, fact.crn


def _learn_image(known: Known, fact: ImageFact) -> None:
    image = _image(known, fact.id)
    image.owner = fact.owner or image.owner
    image.name = fact.name or image.name
    image.status = fact.status or image.status
    image.public = image.public if not fact.visibility else fact.visibility == "public"
    image.managed = image.managed or fact.managed
    image.version_crn = fact.version_crn or image.version_crn
    image.deprecation_at = fact.deprecation_at or image.deprecation_at
    image.obsolescence_at = fact.obsolescence_at or image.obsolescence_at
