"""What answers of the APIs say about images and catalogs: documents as SDKs and `ibmcloud --output json` give them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from kunsthalle.automation_checks.facts import (
    BARE_METAL,
    CATALOG_SERVICE,
    INSTANCE,
    SNAPSHOT,
    TEMPLATE,
    VOLUME,
    CatalogDeletion,
    Facts,
    ImageFact,
    ImageUse,
    Place,
    VersionFact,
    account_of,
    crn_of,
    text_of,
)

Doc = dict[str, Any]
_USES = {
    "instance": (INSTANCE, "image"),
    "instance-template": (TEMPLATE, "image"),
    "bare-metal-server": (BARE_METAL, "image"),
    "volume": (VOLUME, "source_image"),
    "snapshot": (SNAPSHOT, "source_image"),
}
"""By the type in a CRN: what it is, and the field that names its image."""
_LISTS = (
    "images instances templates bare_metal_servers volumes snapshots instance_groups versions resources kinds".split()
)
"""The fields that hold the items of a list."""
_ERRORS = ("errors", "errorCode")


def collect(facts: Facts, document: Any, at: Place) -> bool:
    """Add what an answer says; false if it is none that is known. `at` is the place of the answer."""
    if isinstance(document, list):
        parts = list(enumerate(document))
        known = [collect(facts, part, _within(at, number)) for number, part in parts if isinstance(part, dict | list)]
        return not document or any(known)
    if not isinstance(document, dict):
        return False
    if isinstance(document.get("result"), dict) and "status_code" in document:  # an SDK's response as a whole
        return collect(facts, document["result"], _within(at, "result"))
    return _one(facts, document, at) or _listed(facts, document, at) or any(name in document for name in _ERRORS)


def _within(at: Place, *steps: str | int) -> Place:
    shown = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    subject = (
        (at.subject + shown).removeprefix(".") if not at.subject or at.steps else f"{at.subject} {shown.lstrip('.')}"
    )
    return Place(at.file, subject, (*at.steps, *steps), at.line)


def _listed(facts: Facts, document: Doc, at: Place) -> bool:
    known = [name for name in _LISTS if isinstance(document.get(name), list)]
    for name in known:
        for number, item in enumerate(document[name]):
            if isinstance(item, dict):
                collect(facts, item, _within(at, name, number))
    return bool(known)


def _one(facts: Facts, document: Doc, at: Place) -> bool:
    """Add what one resource says, known by its CRN."""
    if text_of(document, "target_time") and crn_of(document.get("entity_crn")):
        return _reclamation(facts, document, at)
    crn = crn_of(document.get("crn"))
    if crn is None:
        return False
    if crn.service == CATALOG_SERVICE:
        return _of_catalog(facts, document, at, crn.type)
    if crn.service != "is":
        return True
    if crn.type == "image":
        _image(facts, document, at)
    else:
        facts.accounts.add(crn.account)
    if crn.type in _USES and _names_an_image(document):
        facts.uses.append(use_of(document, *_USES[crn.type], crn.account, at))
    return True


def _names_an_image(document: Doc) -> bool:
    return any(document.get(name) for name in ("image", "source_image", "catalog_offering"))


def use_of(document: Doc, by: str, field: str, account: str, at: Place, status: int = 0) -> ImageUse:
    """The image or version that a resource, or a request for one, names in `field` or `catalog_offering`."""
    version = text_of(document, "catalog_offering", "version", "crn")
    offering = text_of(document, "catalog_offering", "offering", "crn")
    name = field if isinstance(document.get(field), dict) else "catalog_offering"
    return ImageUse(
        Place(at.file, at.subject, (*at.steps, name), at.line),
        by,
        account,
        image_id=text_of(document, field, "id") or crn_resource(text_of(document, field, "crn")),
        image_crn=text_of(document, field, "crn"),
        image_name=text_of(document, field, "name"),
        version_crn=version,
        offering_crn=offering,
        unpinned=bool(offering) and not version and by in {INSTANCE, TEMPLATE},
        status=status,
    )


def crn_resource(text: str) -> str:
    """The id at the end of a CRN, or an empty text."""
    crn = crn_of(text)
    return crn.resource if crn else ""


def _image(facts: Facts, document: Doc, at: Place) -> None:
    owner, visibility = account_of(document["crn"]), text_of(document, "visibility")
    if visibility == "private" and not document.get("remote"):
        facts.accounts.add(owner)
    facts.images.append(
        ImageFact(
            at,
            text_of(document, "id"),
            owner,
            text_of(document, "name"),
            text_of(document, "status"),
            visibility,
            managed=_managed(document),
            version_crn=text_of(document, "catalog_offering", "version", "crn"),
            deprecation_at=text_of(document, "deprecation_at"),
            obsolescence_at=text_of(document, "obsolescence_at"),
            listed=_is_listed(at),
        )
    )


def _managed(document: Doc) -> bool:
    catalog = document.get("catalog_offering")
    return isinstance(catalog, dict) and catalog.get("managed") is True


def _of_catalog(facts: Facts, document: Doc, at: Place, type_: str) -> bool:
    readers: dict[str, Callable[[Facts, Doc, Place], None]] = {"version": _version, "offering": _offering}
    if type_ in readers:
        readers[type_](facts, document, at)
    return True


def _version(facts: Facts, document: Doc, at: Place) -> None:
    facts.versions.append(
        VersionFact(
            at,
            text_of(document, "crn"),
            text_of(document, "version"),
            text_of(document, "state", "current"),
            text_of(document, "deprecate_pending", "deprecate_date"),
            tuple(text_of(image, "id") for image in _images_of(document)),
            listed=_is_listed(at),
        )
    )


def _is_listed(at: Place) -> bool:
    """Whether something is one of a list: what is at the end of it was got by itself otherwise."""
    return any(isinstance(step, int) for step in at.steps)


def _images_of(version: Doc) -> Iterator[Doc]:
    metadata = version.get("metadata")
    holders = (metadata, metadata.get("vsi_vpc")) if isinstance(metadata, dict) else ()
    for holder in holders:
        images = holder.get("images") if isinstance(holder, dict) else None
        yield from (image for image in (images if isinstance(images, list) else ()) if isinstance(image, dict))


def _offering(facts: Facts, document: Doc, at: Place) -> None:
    kinds = document.get("kinds")
    for number, kind in enumerate(kinds if isinstance(kinds, list) else ()):
        if isinstance(kind, dict):
            _listed(facts, {"versions": kind.get("versions")}, _within(at, "kinds", number))


def _reclamation(facts: Facts, document: Doc, at: Place) -> bool:
    """A catalog that waits for the end of its deletion. One that is being restored is back."""
    crn = crn_of(document["entity_crn"])
    if crn is not None and crn.service == CATALOG_SERVICE and text_of(document, "state") != "RESTORING":
        free_at = text_of(document, "target_time")
        facts.catalog_deletions.append(CatalogDeletion(at, crn.instance, done=True, free_at=free_at))
    return True
