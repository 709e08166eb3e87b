"""Whether an instance group may use the images of a catalog (R9, and 3.5 of the catalog reference)."""

from __future__ import annotations

from kunsthalle.catalogs.kinds import CATALOG, RETRIEVE
from kunsthalle.catalogs.model import SERVICE
from kunsthalle.core.access import Attribute
from kunsthalle.core.roles import permits
from kunsthalle.identity.model import Policy
from kunsthalle.identity.queries import authorizations
from kunsthalle.store.schema.catalogs import catalogs
from kunsthalle.store.scope import unguarded
from kunsthalle.store.unit import Unit

SOURCE = "is"
REFUSAL = (
    "An instance group needs an authorization policy from is to globalcatalog-collection that grants"
    f" {RETRIEVE} on the catalog."
)


def may_group_use(unit: Unit, catalog_id: str) -> bool:
    """Whether the caller's account lets its instance groups use a catalog's images.

    The policy is looked for in the caller's own account and in the catalog's; in the latter it must name the
    caller's account as its source. Asked at the creation of a group and at every scale-out: a policy that was
    removed grants nothing any more. An unknown catalog is never granted by the owner's side.
    """
    account = unit.ctx.account_id
    if any(_grants(policy, catalog_id, account, account) for policy in authorizations(unit, account, SOURCE)):
        return True
    owners = unguarded(unit, CATALOG, catalogs.c.id == catalog_id, catalogs.c.account_id != account)
    return any(
        _grants(policy, catalog_id, owner.account_id, account) and _names_source(policy, account)
        for owner in owners
        for policy in authorizations(unit, owner.account_id, SOURCE)
    )


def _grants(policy: Policy, catalog_id: str, holder: str, consumer: str) -> bool:
    target = {
        "serviceName": SERVICE,
        "accountId": holder,
        "serviceInstance": catalog_id,
        "resource": catalog_id,
        "catalogId": catalog_id,
    }
    source = {"serviceName": SOURCE, "accountId": consumer, "resourceType": "instance-group"}
    fits = all(_matches(one, target) for one in policy.resource) and all(
        _matches(one, source) for one in policy.subject
    )
    return fits and any(permits(role, RETRIEVE) for role in policy.roles)


def _matches(one: dict[str, str], actual: dict[str, str]) -> bool:
    if one.get("operator") == "stringExists":
        return one["key"] in actual
    return Attribute(one["key"], one["value"], one.get("operator", "stringEquals")).matches(actual.get(one["key"]))


def _names_source(policy: Policy, consumer: str) -> bool:
    return any(one["key"] == "accountId" and one["value"] == consumer for one in policy.subject)
