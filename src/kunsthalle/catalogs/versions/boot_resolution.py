"""From a version's or an offering's CRN to the image a server boots (D3, R5, and 3.6 of the catalog reference).

No role on the image is needed: being allowed to use the offering is what lets a stranger boot it. What cannot be
seen, is unpublished, or never existed is one and the same 404.
"""

from __future__ import annotations

from kunsthalle.authz.access_refusals import missing_action
from kunsthalle.catalogs.models import SERVICE, Version
from kunsthalle.catalogs.queries import published, versions_of
from kunsthalle.catalogs.resources import CATALOG, OFFERING, PLAN, RETRIEVE, VERSION
from kunsthalle.catalogs.states import PUBLISHED
from kunsthalle.catalogs.tables import catalogs, version_images
from kunsthalle.core.crn import Crn, parse
from kunsthalle.core.errors import Problem, conflict, invalid, not_found
from kunsthalle.core.records import dataclass
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import rows_of
from kunsthalle.db.visibility import find, unscoped
from kunsthalle.iam.authentication import is_authorized
from kunsthalle.images.models import Image
from kunsthalle.images.resources import IMAGE
from kunsthalle.images.states import USABLE

TARGET = "catalog_offering"
_STATES = {
    "new": "a draft (new)",
    "validated": "a draft (validated)",
    "test": "a draft (test)",
    "deprecated": "deprecated",
}
_PUBLISH = "validate a version, then mark it as ready (consume-publish)"


@dataclass(frozen=True, slots=True)
class CatalogSource:
    """What to boot, and the CRN of the version that it stands for."""

    version_crn: str
    image: Image


def bootable(
    session: Session, *, version_crn: str | None, offering_crn: str | None, plan_crn: str | None = None
) -> CatalogSource:
    """Return the image behind exactly one of the first two CRNs; the plan, where given, must be one of its offering.

    400 for a malformed CRN and for a plan of another offering, 403 without Viewer on the catalog service in the
    caller's account, 404 for what the caller cannot use, 409 for an image that cannot be
    booted any more, and for what is the caller's own and not published.
    """
    if (version_crn is None) == (offering_crn is None):
        raise invalid("validation_only_one", "Exactly one of version and offering must be given.", TARGET)
    if session.ctx.grants.scope(RETRIEVE).empty:
        raise missing_action(RETRIEVE)
    if version_crn is not None:
        version = _version(session, version_crn)
    else:
        version = _latest(session, offering_crn or "")
    if plan_crn is not None:
        _check_plan(session, version, plan_crn)
    return CatalogSource(version.crn, _image(session, version))


def _parsed(text: str, type_: str) -> Crn:
    field = f"{TARGET}.{type_}.crn"
    try:
        crn = parse(text)
    except ValueError as error:
        raise invalid("bad_field", f"The CRN is not well-formed: {error}.", field) from error
    if crn.service != SERVICE or crn.type != type_ or not crn.instance or not crn.resource:
        raise invalid("bad_field", f"The CRN is not that of a catalog {type_}.", field)
    return crn


def _version(session: Session, text: str) -> Version:
    id_ = _parsed(text, "version").resource.rsplit("/", 1)[-1]
    version = find(session, VERSION, id_, TARGET, "field")
    if version.crn != text:
        raise not_found(TARGET, "field")
    if version.state not in PUBLISHED:
        raise _unpublished(session, version.account_id, f"The version is {_STATES[version.state]}")
    return version


def _unpublished(session: Session, owner: str, text: str) -> Problem:
    """What the owner is told of what cannot boot yet, or any more; for everybody else it does not exist (R6)."""
    if owner != session.ctx.account_id:
        return not_found(TARGET, "field")
    return conflict("invalid_state", f"{text}. Only published versions boot: {_PUBLISH}.", TARGET)


def _latest(session: Session, text: str) -> Version:
    offering = find(session, OFFERING, _parsed(text, "offering").resource, TARGET, "field")
    if offering.crn != text:
        raise not_found(TARGET, "field")
    best = published(versions_of(session, offering))
    if not best:
        raise _unpublished(session, offering.account_id, "The offering has no published version")
    return best[0]


def _check_plan(session: Session, version: Version, text: str) -> None:
    field = f"{TARGET}.plan.crn"
    id_ = _parsed(text, "plan").resource.rsplit(".", 1)[-1]
    plan = find(session, PLAN, id_, field, "field")
    if plan.crn != text or plan.state != "consumable":
        raise not_found(field, "field")
    if plan.offering_id != version.offering_id:
        message = f"The plan '{plan.name}' is of another offering; name a published plan of the offering that boots."
        raise invalid("bad_field", message, field)


def _image(session: Session, version: Version) -> Image:
    region = session.ctx.region.name
    where = (version_images.c.version_id == version.id, version_images.c.region == region)
    chosen = rows_of(session, version_images, *where)
    images = unscoped(session, IMAGE, IMAGE.table.c.id == chosen[0].image_id) if chosen else []
    if not images:
        raise not_found(TARGET, "field")
    if images[0].status not in USABLE:
        raise conflict("invalid_state", "The image of this version cannot be used any more.", TARGET)
    return images[0]


# Whether an instance group may use the images of a catalog (R9, and 3.5 of the catalog reference).

SOURCE = "is"
REFUSAL = (
    "An instance group needs an authorization policy from is to globalcatalog-collection that grants"
    f" {RETRIEVE} on the catalog."
)


def may_group_use(session: Session, catalog_id: str) -> bool:
    """Whether the caller's account lets its instance groups use a catalog's images.

    The policy is looked for in the caller's own account and in the catalog's; in the latter it must name the
    caller's account as its source. Asked at the creation of a group and at every scale-out: a policy that was
    removed grants nothing any more. An unknown catalog is never granted by the owner's side.
    """
    rows = unscoped(session, CATALOG, catalogs.c.id == catalog_id)
    target = {"serviceName": SERVICE, "serviceInstance": catalog_id}
    owner = rows[0].account_id if rows else None
    return is_authorized(session, SOURCE, target, RETRIEVE, owner=owner, kind="instance-group")
