"""What can be searched and tagged: each kind with its type, its family, and the fields of its model that matter.

A kind that is looked up by CRN and is not here is left out on purpose; a test holds this table against all kinds.
"""

from __future__ import annotations

from typing import Any

from kunsthalle.accounts.resources import RESOURCE_GROUP
from kunsthalle.block_storage.resources import SNAPSHOT, VOLUME
from kunsthalle.catalogs.resources import CATALOG, OFFERING, VERSION
from kunsthalle.core.crn import Crn, parse
from kunsthalle.core.errors import Problem
from kunsthalle.core.records import dataclass
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import ResourceType, find
from kunsthalle.images.resources import IMAGE
from kunsthalle.instances.bare_metal.resources import BARE_METAL
from kunsthalle.instances.groups.resources import GROUP
from kunsthalle.instances.placement_groups.resources import PLACEMENT_GROUP
from kunsthalle.instances.resources import INSTANCE, TEMPLATE
from kunsthalle.key_protect.resources import PROTECTED_KEY
from kunsthalle.networks.resources import (
    FLOATING_IP,
    INTERFACE,
    KEY,
    NETWORK_ACL,
    PUBLIC_GATEWAY,
    ROUTING_TABLE,
    SECURITY_GROUP,
    SUBNET,
    VPC,
)
from kunsthalle.service_instances.resources import INSTANCES


@dataclass(frozen=True, eq=False)
class Searched:
    """A kind as search shows it.

    `service` and `type` are those of its CRNs; `name` is the column and field that a search calls its name. Of kinds
    that keep user tags themselves `own_tags` is that field; elsewhere they are links to the CRN.

    What its CRNs are made of besides account and id: `location` where that is the same for all, the column `instance`,
    and the columns `above` whose values stand before the id.
    """

    kind: ResourceType[Any]
    type: str
    service: str = "is"
    family: str = "is"
    name: str = "name"
    own_tags: str = ""
    location: str | None = None
    instance: str = ""
    above: tuple[str, ...] = ()

    def action(self, verb: str) -> str:
        """The kind's action of another verb: `update` to tag, `administer` to tag for access."""
        return f"{self.kind.read.rsplit('.', 1)[0]}.{verb}"

    def id_in(self, crn: Crn) -> str | None:
        """The id that a CRN would mean if it is of this kind."""
        if (crn.service, crn.type) != (self.service, self.crn_type):
            return None
        return crn.instance if self.whole else crn.resource.rsplit("/", 1)[-1]

    @property
    def whole(self) -> bool:
        """Whether it is an instance of a service, whose CRN ends there: no type, no resource."""
        return self.kind is CATALOG or self.kind in INSTANCES.values()

    @property
    def crn_type(self) -> str:
        return "" if self.whole else self.type


_CATALOG: dict[str, Any] = {
    "service": "globalcatalog-collection",
    "family": "globalcatalog-collection",
    "location": "global",
}

SEARCHED = (
    Searched(IMAGE, "image"),
    Searched(INSTANCE, "instance"),
    Searched(TEMPLATE, "instance-template"),
    Searched(GROUP, "instance-group"),
    Searched(BARE_METAL, "bare-metal-server"),
    Searched(PLACEMENT_GROUP, "placement-group"),
    Searched(VOLUME, "volume", own_tags="user_tags"),
    Searched(SNAPSHOT, "snapshot", own_tags="user_tags"),
    Searched(VPC, "vpc"),
    Searched(SUBNET, "subnet"),
    Searched(SECURITY_GROUP, "security-group"),
    Searched(NETWORK_ACL, "network-acl"),
    Searched(ROUTING_TABLE, "vpc-routing-table"),
    Searched(FLOATING_IP, "floating-ip"),
    Searched(PUBLIC_GATEWAY, "public-gateway"),
    Searched(INTERFACE, "virtual-network-interface"),
    Searched(KEY, "key"),
    Searched(CATALOG, "catalog", **_CATALOG, name="label", instance="id"),
    Searched(OFFERING, "offering", **_CATALOG, instance="catalog_id"),
    Searched(VERSION, "version", **_CATALOG, name="version", instance="catalog_id", above=("offering_id",)),
    *(
        Searched(kind, "resource-instance", service=service, family="resource_controller", instance="id")
        for service, kind in INSTANCES.items()
    ),
    Searched(PROTECTED_KEY, "key", service="kms", family="kms", instance="instance_id"),
    Searched(
        RESOURCE_GROUP, "resource-group", service="resource-controller", family="resource_controller", location=""
    ),
)


def located(session: Session, text: str) -> tuple[Searched, Any] | None:
    """The caller's own resource of a CRN, to the letter; None for what is hidden, foreign or absent, without a hint."""
    try:
        crn = parse(text)
    except ValueError:
        return None
    for searched in SEARCHED:
        id_ = searched.id_in(crn)
        if id_ is None:
            continue
        try:
            resource = find(session, searched.kind, id_)
        except Problem:
            return None
        return (searched, resource) if (resource.crn, resource.account_id) == (text, session.ctx.account_id) else None
    return None
