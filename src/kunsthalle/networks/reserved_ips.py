"""Reserved IPs below their subnet: the provider's, those that interfaces have, and those that are kept."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from kunsthalle.api.common_schemas import Name
from kunsthalle.api.crud import Resource, equals, given, listing, making, reading, removing, updating
from kunsthalle.api.references import Identity, refer
from kunsthalle.api.router import Route
from kunsthalle.api.serialization import RequestBody
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.db.rows import delete, update
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized, unscoped
from kunsthalle.networks import address_allocation
from kunsthalle.networks.models import ReservedIp, Subnet
from kunsthalle.networks.network_references import INTERFACE_TYPE
from kunsthalle.networks.queries import locked
from kunsthalle.networks.resources import INTERFACE, RESERVED_IP, SUBNET
from kunsthalle.networks.schemas import ReservedIpResponse, ip_response
from kunsthalle.networks.security_group_targets import BoundParameters, bound_filters, interface_target

_BIND = "is.virtual-network-interface.virtual-network-interface.update"


class CreateReservedIpRequest(RequestBody):
    """Everything is optional; without a target the address is kept."""

    address: str | UnsetType = UNSET
    auto_delete: bool | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    target: Identity | UnsetType = UNSET


class UpdateReservedIpRequest(RequestBody):
    """What may be changed of an address."""

    name: Name | UnsetType = UNSET
    auto_delete: bool | UnsetType = UNSET


def _checked(name: str, *, auto_delete: bool, bound: bool) -> None:
    if name.startswith("ibm-"):
        raise invalid("validation_invalid_name", "Names that begin with ibm- are the provider's.", "name")
    if auto_delete and not bound:
        raise invalid("bad_field", "auto_delete must be false for an address without a target.", "auto_delete")


def _create(session: Session, subnet: Subnet, body: CreateReservedIpRequest) -> ReservedIp:
    """Of the targets of the API, virtual network interfaces are offered: in the subnet, as their further address."""
    name = given(body.name, "")
    bound = not isinstance(body.target, UnsetType)
    auto_delete = given(body.auto_delete, False)
    _checked(name, auto_delete=auto_delete, bound=bound)
    target = None
    if not isinstance(body.target, UnsetType):
        interface = refer(session, INTERFACE, body.target, "target", _BIND).resource
        if locked(session, INTERFACE, interface.id, "target", "field").subnet_id != subnet.id:
            raise invalid("bad_field", "The target is in another subnet.", "target")
        target = interface_target(interface)
    address = given(body.address, "") or None
    return address_allocation.reserve(
        session, subnet, address, name=name or None, target=target, auto_delete=auto_delete
    )


def _own(ip: ReservedIp) -> None:
    if ip.owner != "user":
        raise conflict("reserved_ip_in_use", "The address is the provider's.")


def _update(session: Session, granted: Authorized[ReservedIp], body: UpdateReservedIpRequest) -> None:
    ip = locked(session, RESERVED_IP, granted.resource.id)
    if body.name is UNSET and body.auto_delete is UNSET:
        return
    _own(ip)
    auto_delete = given(body.auto_delete, ip.auto_delete)
    _checked(given(body.name, ip.name), auto_delete=auto_delete, bound=ip.target_id is not None)
    if auto_delete != ip.auto_delete:
        update(session, RESERVED_IP, ip.id, auto_delete=auto_delete)


def _delete(session: Session, granted: Authorized[ReservedIp]) -> None:
    """409 `reserved_ip_in_use` for the provider's and for the primary address of an interface."""
    ip = locked(session, RESERVED_IP, granted.resource.id)
    _own(ip)
    if ip.target is not None:
        further = ip.target["resource_type"] == INTERFACE_TYPE and not unscoped(
            session, INTERFACE, INTERFACE.table.c.primary_ip_id == ip.id, lock=True
        )
        if not further:
            raise conflict("reserved_ip_in_use", "The address is the primary one of an interface.")
    delete(session, RESERVED_IP, ip.id, ip.account_id)


RESERVED_IPS = Resource(
    RESERVED_IP,
    "/v1/subnets/{subnet_id}/reserved_ips",
    ip_response,
    ReservedIpResponse,
    {"name": equals(RESERVED_IP.table.c.name), **bound_filters(RESERVED_IP)},
    parent=SUBNET,
    parent_field="subnet_id",
    query=BoundParameters,
    fresh="lifecycle_state",
)


def routes() -> tuple[Route, ...]:
    return (
        listing(RESERVED_IPS, "List the reserved IPs."),
        reading(RESERVED_IPS, "Get a reserved IP."),
        making(RESERVED_IPS, "Create a reserved IP.", _create, CreateReservedIpRequest),
        updating(RESERVED_IPS, "Change a reserved IP.", UpdateReservedIpRequest, _update),
        removing(RESERVED_IPS, "Delete a reserved IP.", _delete),
    )
