"""The rules: what each finds, why it matters, and the way out. The documentation's table is written from here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum

from kunsthalle.automation_checks import findings_of_deletions as deletions
from kunsthalle.automation_checks import findings_of_references as references
from kunsthalle.automation_checks import findings_of_states as states
from kunsthalle.automation_checks.facts import Facts, Place
from kunsthalle.automation_checks.knowledge import Known
from kunsthalle.core.records import dataclass

Hit = tuple[Place, str]
Find = Callable[[Facts, Known], Iterator[Hit]]


class Level(StrEnum):
    """How much a finding matters. The words are those of SARIF."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule. `id` never changes. `promise` is the rule of docs/rules.md that it follows from, or an empty text."""

    id: str
    level: Level
    title: str
    remedy: str
    promise: str
    find: Find


RULES = (
    Rule(
        "foreign-image",
        Level.ERROR,
        "An image of another account is named by its id or CRN, which is answered with 404",
        "Boot it through the catalog: `catalog_offering` with the CRN of the version; to change or export it, have an"
        " image of your own",
        "R5",
        references.foreign_image,
    ),
    Rule(
        "masked-image",
        Level.NOTE,
        "A resource shows the image of another account that it was booted from; there the image is masked",
        "Nothing is to be done. Do not look the image up, and do not take the 404 for a deletion",
        "R6",
        references.masked_image,
    ),
    Rule(
        "masked-image-read",
        Level.ERROR,
        "The image of another account is looked up by its id, which is answered with 404 whether it exists or not",
        "Take name and operating system from the resource that shows the image, or ask for the version of the catalog;"
        " never take the 404 for a deletion",
        "R6",
        references.masked_image_read,
    ),
    Rule(
        "ambiguous-image-name",
        Level.WARNING,
        "An image is looked up by a name that several images have",
        "Look it up by its id, CRN or href; or boot through the catalog by the CRN of the version",
        "R7",
        references.ambiguous_image_name,
    ),
    Rule(
        "image-name-without-visibility",
        Level.NOTE,
        "An image is looked up by its name without saying whether an own or a public one is meant",
        "Add `visibility` (`private` or `public`), or look it up by its id",
        "R7",
        references.image_name_without_visibility,
    ),
    Rule(
        "hard-coded-image-id",
        Level.NOTE,
        "The id of an image is written into the configuration; it leads nowhere in another account or region",
        "Boot through the catalog by the CRN of the version, or hand the id in as a variable",
        "",
        references.hard_coded_image_id,
    ),
    Rule(
        "unpinned-version",
        Level.WARNING,
        "An offering is named without a version: each creation boots the newest one that is published then",
        "Name the version: `version_crn` in Terraform, `catalog_offering.version.crn` in the API",
        "",
        references.unpinned_version,
    ),
    Rule(
        "unshared-version",
        Level.ERROR,
        "A version of a catalog is named that the account may not use",
        "Have the offering shared with the account, and accept it there",
        "R5",
        references.unshared_version,
    ),
    Rule(
        "deprecated-image",
        Level.WARNING,
        "An image or version is on its way out: it boots until it is archived, and not after",
        "Go to the version that takes its place, or ask its owner for the date",
        "R10",
        states.deprecated_image,
    ),
    Rule(
        "obsolete-image",
        Level.ERROR,
        "An image is obsolete or its version archived: nothing boots from it any more",
        "Go to a published version; instances that run already go on",
        "R10",
        states.obsolete_image,
    ),
    Rule(
        "gone-version",
        Level.ERROR,
        "A version is deleted, or the catalog that it is in: nothing boots from it any more",
        "Go to a version that is published; a deleted catalog can be restored until its reclamation ends",
        "R4",
        states.gone_version,
    ),
    Rule(
        "managed-image-delete",
        Level.ERROR,
        "An image is to be deleted while a version of a catalog manages it, which is refused",
        "First take the image out of the version, or delete the version or the offering; in Terraform let the version"
        " refer to the image, so that it is destroyed before",
        "R2",
        deletions.managed_image_delete,
    ),
    Rule(
        "managed-image-change",
        Level.ERROR,
        "An image is to be deprecated or made obsolete while a version of a catalog manages it, which is refused",
        "Deprecate or archive the version: its image follows",
        "R2",
        deletions.managed_image_change,
    ),
    Rule(
        "managed-image-on-bare-metal",
        Level.ERROR,
        "A managed image is to be put on a bare metal server, which is refused",
        "Use an image that is in no catalog",
        "R3",
        deletions.managed_image_on_bare_metal,
    ),
    Rule(
        "image-in-two-versions",
        Level.ERROR,
        "An image is to enter a version while another version has it, which is refused",
        "Import the file as a second image, or take the image out of the other version first",
        "R1",
        deletions.image_in_two_versions,
    ),
    Rule(
        "last-published-version-delete",
        Level.ERROR,
        "The last published version of an offering is to be deleted, which is refused",
        "Suspend the version first, or delete its offering; in Terraform take the version out of the state"
        " (`terraform state rm`) and destroy the offering",
        "R4",
        deletions.last_published_version_delete,
    ),
    Rule(
        "catalog-delete-keeps-images",
        Level.WARNING,
        "A catalog is deleted with versions in it: their images stay managed until its reclamation ends",
        "Delete the offerings first, or end the reclamation by hand",
        "R4",
        deletions.catalog_delete_keeps_images,
    ),
    Rule(
        "template-in-use-delete",
        Level.ERROR,
        "An instance template is to be deleted or replaced while an instance group uses it, which is refused",
        "Set `create_before_destroy` on the template, so that the group changes to the new one first",
        "",
        deletions.template_in_use_delete,
    ),
    Rule(
        "group-before-authorization",
        Level.ERROR,
        "An instance group of a catalog's version is created without the authorization for it, which is refused",
        "Create an authorization from `is` to `globalcatalog-collection` with Viewer, and have the group wait for it"
        " (`depends_on`)",
        "R9",
        references.group_before_authorization,
    ),
)
"""Every rule, in the order of the documentation."""


def rule(id_: str) -> Rule:
    """The rule of an id. KeyError for an unknown one."""
    return {rule_.id: rule_ for rule_ in RULES}[id_]
