"""Whether an instance group may use the images of a catalog (R9, and 3.5 of the catalog reference)."""

from __future__ import annotations

from kunsthalle.catalogs.models import SERVICE
from kunsthalle.catalogs.resources import CATALOG, RETRIEVE
from kunsthalle.catalogs.tables import catalogs
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import unscoped
from kunsthalle.iam.authentication import is_authorized

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
    found = unscoped(session, CATALOG, catalogs.c.id == catalog_id)
    target = {"serviceName": SERVICE, "serviceInstance": catalog_id}
    owner = found[0].account_id if found else None
    return is_authorized(session, SOURCE, target, RETRIEVE, owner=owner, kind="instance-group")
