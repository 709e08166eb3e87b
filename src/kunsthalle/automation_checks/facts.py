"""What files say about images and catalogs, in one form for Terraform, SDK answers and transcripts.

Ids and CRNs are as the file has them; an empty text means that the file does not say. Moments are RFC 3339.
"""

from __future__ import annotations

from dataclasses import field

from kunsthalle.core.crn import Crn, parse
from kunsthalle.core.records import dataclass

Steps = tuple[str | int, ...]
CATALOG_SERVICE = "globalcatalog-collection"

INSTANCE, TEMPLATE, BARE_METAL = "instance", "instance template", "bare metal server"
EXPORT_JOB, VERSION_IMPORT, VOLUME, SNAPSHOT = "image export job", "catalog version", "volume", "snapshot"
BOOTING = (INSTANCE, TEMPLATE)
"""What boots an image, now or when it is used."""

DELETE, DEPRECATE, OBSOLETE, SCHEDULE = "delete", "deprecate", "make obsolete", "set the dates of"
IMAGE, VERSION, CATALOG = "image", "version", "catalog"


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is: the file, the resource address, call or part of an answer, and its line.

    `steps` leads to it in a JSON document, for its line; `line` is set where the reader knows it.
    """

    file: str
    subject: str
    steps: Steps = ()
    line: int = 0


@dataclass(frozen=True, slots=True)
class ImageFact:
    """An image as its own account, or everybody, is shown it.

    `declared`: it is a resource that Terraform manages, or one of those that a data source lists. `listed`: an answer
    has it in a list.
    """

    place: Place
    id: str
    owner: str = ""
    name: str = ""
    status: str = ""
    visibility: str = ""
    managed: bool = False
    version_crn: str = ""
    deprecation_at: str = ""
    obsolescence_at: str = ""
    declared: bool = False
    listed: bool = False


@dataclass(frozen=True, slots=True)
class VersionFact:
    """A version of an offering. `deprecate_date` is set while it is being deprecated; the rest as of `ImageFact`."""

    place: Place
    crn: str
    name: str = ""
    state: str = ""
    deprecate_date: str = ""
    image_ids: tuple[str, ...] = ()
    declared: bool = False
    listed: bool = False


@dataclass(frozen=True, slots=True)
class ImageUse:
    """A resource, or a request for one, that names an image or a version of a catalog.

    `account` is the one that has it. `by` is what it is. `image_id` is given by the user, unless a version or offering
    is: then it is what the API shows of what was booted. `masked_source` is the address of a resource of a Terraform
    configuration that the image is taken from and that runs another account's image. `requested`: it is asked for, and
    not there yet; `status` is that of the answer, 0 where there was none. `shown`: an answer of a transcript shows it.
    What a transcript had shown of image and version before is `seen_image` and `seen_version`.
    """

    place: Place
    by: str
    account: str = ""
    image_id: str = ""
    image_crn: str = ""
    image_name: str = ""
    version_crn: str = ""
    offering_crn: str = ""
    unpinned: bool = False
    hard_coded: bool = False
    masked_source: str = ""
    status: int = 0
    requested: bool = False
    shown: bool = False
    seen_image: ImageFact | None = None
    seen_version: VersionFact | None = None

    @property
    def by_catalog(self) -> bool:
        """Whether it names a version or an offering, and not an image."""
        return bool(self.version_crn or self.offering_crn or self.unpinned)


@dataclass(frozen=True, slots=True)
class NameLookup:
    """A look-up of an image by its name. `visibility_given`: it says whose; `found`: ids of what it came to."""

    place: Place
    name: str
    account: str = ""
    visibility_given: bool | None = None
    found: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageRead:
    """A look-up of an image by its id. `status` is 0 for one that is yet to come; `masked_source` as of `ImageUse`."""

    place: Place
    image_id: str
    account: str = ""
    status: int = 0
    masked_source: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A change that a catalog may refuse. `status` is 0 for a planned one; `answer` is the text of the refusal."""

    place: Place
    verb: str
    kind: str
    id: str
    account: str = ""
    status: int = 0
    answer: str = ""


@dataclass(frozen=True, slots=True)
class VersionDeletion:
    """A planned deletion of a version, with the published versions that its offering would keep; None: not known."""

    place: Place
    crn: str
    published: bool
    others_published: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class TemplateDeletion:
    """A planned deletion of an instance template before the group that uses it lets go of it."""

    place: Place
    group: str


@dataclass(frozen=True, slots=True)
class CatalogDeletion:
    """A deletion of a catalog, planned or done. `keeps`: images of versions that nothing had deleted before.

    `free_at` is when the deletion becomes final, where an answer says so.
    """

    place: Place
    catalog_id: str
    done: bool = False
    free_at: str = ""
    keeps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupCreation:
    """An instance group of a catalog version whose authorization is missing (`refused`), or made at the same time.

    `policy` is the address of the authorization in the configuration.
    """

    place: Place
    policy: str = ""
    refused: bool = False


@dataclass(slots=True)
class Facts:
    """All that one file says. `form` names what kind of file it is, for people."""

    file: str
    form: str
    apart: bool = False
    """Whether ids stand for something in this file alone, as those of transcripts."""
    accounts: set[str] = field(default_factory=set)
    images: list[ImageFact] = field(default_factory=list)
    versions: list[VersionFact] = field(default_factory=list)
    uses: list[ImageUse] = field(default_factory=list)
    lookups: list[NameLookup] = field(default_factory=list)
    reads: list[ImageRead] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    version_deletions: list[VersionDeletion] = field(default_factory=list)
    template_deletions: list[TemplateDeletion] = field(default_factory=list)
    catalog_deletions: list[CatalogDeletion] = field(default_factory=list)
    deleted_offerings: set[str] = field(default_factory=set)
    groups: list[GroupCreation] = field(default_factory=list)

    @property
    def account(self) -> str:
        """The account that everything of the file belongs to, or an empty text for none or several."""
        return next(iter(self.accounts)) if len(self.accounts) == 1 else ""


def crn_of(text: object) -> Crn | None:
    """A CRN, or None for anything else."""
    try:
        return parse(text) if isinstance(text, str) else None
    except ValueError:
        return None


def account_of(text: object) -> str:
    """The account in a CRN, or an empty text."""
    crn = crn_of(text)
    return crn.account if crn else ""


def text_of(document: object, *names: str) -> str:
    """The text at the end of a path of names, or an empty text."""
    for name in names:
        document = document.get(name) if isinstance(document, dict) else None
    return document if isinstance(document, str) else ""
