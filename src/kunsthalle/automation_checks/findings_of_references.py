"""Rules about how images and versions are named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from kunsthalle.automation_checks.facts import (
    BARE_METAL,
    BOOTING,
    EXPORT_JOB,
    INSTANCE,
    SNAPSHOT,
    TEMPLATE,
    VERSION_IMPORT,
    VOLUME,
    Facts,
    ImageUse,
    NameLookup,
    Place,
)
from kunsthalle.automation_checks.knowledge import Known

Hits = Iterator[tuple[Place, str]]
_REFUSED = 400
_NAMING = (INSTANCE, TEMPLATE, BARE_METAL, EXPORT_JOB, VERSION_IMPORT)
_SHOWING = (VOLUME, SNAPSHOT)


def _went_well(use: ImageUse) -> bool:
    return 0 < use.status < _REFUSED


def foreign_image(facts: Facts, known: Known) -> Hits:
    """What names an image of another account by id, and is still to be made; templates also when they are there."""
    for use in facts.uses:
        if use.by_catalog or use.shown or use.by not in _NAMING or _went_well(use):
            continue
        if not use.requested and use.by != TEMPLATE:
            continue  # it was made, so the image was its account's then
        owner = known.foreign_owner(use.image_id, use.account)
        if use.masked_source:
            yield (
                use.place,
                f"The {use.by} takes its image from {use.masked_source}, which runs another account's image.",
            )
        elif owner:
            yield use.place, f"The {use.by} names the image {use.image_id}, which belongs to the account {owner}."


def masked_image(facts: Facts, known: Known) -> Hits:
    """The first resource of a file that shows each image of another account."""
    told = set()
    for use in facts.uses:
        owner = known.foreign_owner(use.image_id, use.account)
        if owner and (use.by_catalog or use.by in _SHOWING) and use.image_id not in told:
            told.add(use.image_id)
            yield use.place, f"The {use.by} shows the image {use.image_id} of the account {owner}."


def masked_image_read(facts: Facts, known: Known) -> Hits:
    """Look-ups by id of images that are known to be another account's; of a run, the first of each."""
    again = Counter((read.account, read.image_id) for read in facts.reads)
    told = set()
    for read in facts.reads:
        name = (read.account, read.image_id)
        if facts.apart and name in told:
            continue
        told.add(name)
        owner = known.foreign_owner(read.image_id, read.account)
        if read.masked_source:
            yield read.place, f"The id comes from {read.masked_source}, which runs another account's image."
        elif owner:
            times = f" to {again[name]} look-ups" if again[name] > 1 else ""
            answered = f" The answer{times} was {read.status}." if read.status else ""
            yield read.place, f"The image {read.image_id} belongs to the account {owner}.{answered}"


def ambiguous_image_name(facts: Facts, known: Known) -> Hits:
    """Look-ups by a name that an image of another account has too, or that led to several images."""
    told = set()
    for lookup in facts.lookups:
        others = _namesakes(lookup, known)
        if facts.apart and (lookup.account, lookup.name) in told:
            continue
        if others or len(lookup.found) > 1:
            told.add((lookup.account, lookup.name))
        if others:
            came = f"leads to {', '.join(lookup.found)}" if lookup.found else "leads to an own image, or to none"
            yield lookup.place, f"The name {lookup.name!r} {came}; it is also that of {' and '.join(others)}."
        elif len(lookup.found) > 1:
            yield (
                lookup.place,
                f"The name {lookup.name!r} led to {len(lookup.found)} images: {', '.join(lookup.found)}.",
            )


def _namesakes(lookup: NameLookup, known: Known) -> list[str]:
    """The images of other accounts with the name, with their accounts."""
    named = (image for image in known.images.values() if image.name == lookup.name and image.id not in lookup.found)
    owners = ((image.id, known.foreign_owner(image.id, lookup.account)) for image in named)
    return [f"{id_} of the account {owner}" for id_, owner in owners if owner]


def image_name_without_visibility(facts: Facts, _known: Known) -> Hits:
    """Look-ups by name that do not say whose image is meant, where the file shows how it was asked."""
    told = set()
    for lookup in facts.lookups:
        if lookup.visibility_given is False and (not facts.apart or lookup.name not in told):
            told.add(lookup.name)
            yield lookup.place, f"The name {lookup.name!r} may be that of an own or of a public image."


def hard_coded_image_id(facts: Facts, _known: Known) -> Hits:
    """Ids of images that a configuration has as constants."""
    for use in facts.uses:
        if use.hard_coded:
            yield use.place, f"The {use.by} has the id {use.image_id} as a constant."


def unpinned_version(facts: Facts, _known: Known) -> Hits:
    """Resources that name an offering alone."""
    for use in facts.uses:
        if use.unpinned and not use.shown:
            offering = f" {use.offering_crn}" if use.offering_crn else ""
            yield use.place, f"The {use.by} names the offering{offering} and no version."


def unshared_version(facts: Facts, known: Known) -> Hits:
    """Versions that the server does not let the account use."""
    for use in facts.uses:
        if use.by in BOOTING and use.version_crn and use.account in known.version(use.version_crn).unshared:
            yield use.place, f"The account {use.account} may not use the version {use.version_crn}."


def group_before_authorization(facts: Facts, _known: Known) -> Hits:
    """Groups that were refused for want of the authorization, or that are created in no order with it."""
    for group in facts.groups:
        if group.refused:
            yield group.place, "The group was refused with 403: its template names a version of a catalog."
        else:
            yield group.place, f"The group is created without waiting for {group.policy}."
