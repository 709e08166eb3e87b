"""Virtual network interfaces: made, bound to a server's attachment, changed and removed.

Servers use `plan` and `make` for the interface that comes with an attachment, `bind` and `unbind` around its life.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Annotated, Any, Literal

from msgspec import UNSET, UnsetType

from kunsthalle.accounts.queries import chosen_group
from kunsthalle.api.body_bounds import at_most
from kunsthalle.api.common_schemas import GroupRequest, Name
from kunsthalle.api.crud import given
from kunsthalle.api.references import Identity, refer
from kunsthalle.api.serialization import RequestBody
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.core.ids import Ids
from kunsthalle.core.records import dataclass
from kunsthalle.db.rows import delete, insert_named, update
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized, may_create, unscoped
from kunsthalle.networks import address_allocation, floating_ips, security_groups
from kunsthalle.networks.models import ReservedIp, SecurityGroup, Subnet, VirtualNetworkInterface
from kunsthalle.networks.queries import default_security_group, locked, named
from kunsthalle.networks.resources import INTERFACE, RESERVED_IP, SECURITY_GROUP, SUBNET, VPC
from kunsthalle.networks.security_group_targets import interface_target
from kunsthalle.networks.security_groups import attach as attach_to_groups

Mode = Literal["auto", "enabled", "disabled"]
CREATE = "is.virtual-network-interface.virtual-network-interface.create"


class IpRequest(Identity):
    """A reserved address by its identity, or what a new one shall be."""

    address: str | UnsetType = UNSET
    auto_delete: bool | UnsetType = UNSET
    name: Name | UnsetType = UNSET

    @property
    def identified(self) -> bool:
        return any(value is not UNSET for value in (self.id, self.crn, self.href))


MOST_ADDRESSES = 32
"""Secondary addresses that one request gives to new interfaces, all of them together."""


class CreateInterfaceRequest(RequestBody):
    """`subnet` unless `primary_ip` is an address that is reserved already."""

    name: Name | UnsetType = UNSET
    resource_group: GroupRequest | UnsetType = UNSET
    subnet: Identity | UnsetType = UNSET
    primary_ip: IpRequest | UnsetType = UNSET
    ips: Annotated[list[IpRequest], at_most(MOST_ADDRESSES)] | UnsetType = UNSET
    security_groups: Annotated[list[Identity], at_most(10)] | UnsetType = UNSET
    allow_ip_spoofing: bool = False
    auto_delete: bool | UnsetType = UNSET
    enable_infrastructure_nat: bool = True
    protocol_state_filtering_mode: Mode = "auto"


class UpdateInterfaceRequest(RequestBody):
    """What may be changed of an interface."""

    name: Name | UnsetType = UNSET
    allow_ip_spoofing: bool | UnsetType = UNSET
    auto_delete: bool | UnsetType = UNSET
    enable_infrastructure_nat: bool | UnsetType = UNSET
    protocol_state_filtering_mode: Mode | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class _Wish:
    """An address to be: one that is kept, or a new one. `place` is where the request asks for it."""

    place: str
    body: IpRequest = field(default_factory=IpRequest)
    kept: ReservedIp | None = None


def _wish(session: Session, body: IpRequest | UnsetType, place: str) -> _Wish:
    if isinstance(body, UnsetType):
        return _Wish(place)
    if not body.identified:
        return _Wish(place, body)
    return _Wish(place, body, refer(session, RESERVED_IP, body, place).resource)


def _subnet(session: Session, body: CreateInterfaceRequest, primary: _Wish, prefix: str) -> Subnet:
    if not isinstance(body.subnet, UnsetType):
        subnet = refer(session, SUBNET, body.subnet, f"{prefix}subnet").resource
        if primary.kept is not None and primary.kept.subnet_id != subnet.id:
            raise invalid("bad_field", "The reserved IP is in another subnet.", primary.place)
        return subnet
    if primary.kept is None:
        raise invalid("validation_required_field", "Missing a required field.", f"{prefix}subnet")
    return named(session, SUBNET, primary.kept.subnet_id)


def _take(session: Session, subnet: Subnet, wish: _Wish, target: Mapping[str, str]) -> ReservedIp:
    if wish.kept is not None:
        if wish.kept.subnet_id != subnet.id:
            raise invalid("bad_field", "The reserved IP is in another subnet.", wish.place)
        return address_allocation.bind(session, wish.kept, target, wish.place)
    body = wish.body
    return address_allocation.reserve(
        session,
        subnet,
        given(body.address, "") or None,
        name=given(body.name, "") or None,
        target=target,
        field=f"{wish.place}.address",
        auto_delete=given(body.auto_delete, True),
    )


def _groups(session: Session, body: CreateInterfaceRequest, subnet: Subnet, place: str) -> list[SecurityGroup]:
    if isinstance(body.security_groups, UnsetType) or not body.security_groups:
        return [default_security_group(session, named(session, VPC, subnet.vpc_id))]
    return [refer(session, SECURITY_GROUP, security_group, place).resource for security_group in body.security_groups]


def _consistent(
    session: Session, values: Mapping[str, Any], interface_id: str | None, *, bound: bool, prefix: str
) -> None:
    """The rules between the switches of an interface, as the SDK's `VirtualNetworkInterfacePatch` has them."""
    if values["auto_delete"] and not bound:
        raise invalid(
            "bad_field", "auto_delete must be false for an interface without a target.", f"{prefix}auto_delete"
        )
    if values["enable_infrastructure_nat"]:
        if interface_id is not None and len(floating_ips.of_target(session, interface_id)) > 1:
            text = "The interface has more than one floating IP."
            raise invalid("bad_field", text, f"{prefix}enable_infrastructure_nat")
    elif values["allow_ip_spoofing"]:
        text = "Without infrastructure NAT, allow_ip_spoofing must be false."
        raise invalid("bad_field", text, f"{prefix}allow_ip_spoofing")


@dataclass(frozen=True, slots=True)
class Plan:
    """An interface to be: resolved and checked, nothing taken yet. The first wish is for its primary address."""

    body: CreateInterfaceRequest
    resource_group_id: str
    subnet: Subnet
    wishes: list[_Wish]
    groups: list[SecurityGroup]
    switches: dict[str, bool]
    prefix: str


def plan(
    session: Session,
    body: CreateInterfaceRequest,
    *,
    bound: bool = False,
    group_id: str | None = None,
    prefix: str = "",
) -> Plan:
    """What a request asks for.

    `bound` is said by a server that binds it right away: it may then go with the server, and does unless told not to.
    `group_id` is the resource group when the body names none; `prefix` stands before the names of refused fields.
    """
    named_ = None if isinstance(body.resource_group, UnsetType) else body.resource_group.id
    group = chosen_group(session, named_, group_id).id
    may_create(session.ctx, CREATE, {"resourceGroupId": group})
    primary = _wish(session, body.primary_ip, f"{prefix}primary_ip")
    subnet = _subnet(session, body, primary, prefix)
    more = [_wish(session, address, f"{prefix}ips[{at}]") for at, address in enumerate(given(body.ips, []))]
    switches = {
        "allow_ip_spoofing": body.allow_ip_spoofing,
        "auto_delete": given(body.auto_delete, bound),
        "enable_infrastructure_nat": body.enable_infrastructure_nat,
    }
    _consistent(session, switches, None, bound=bound, prefix=prefix)
    joined = _groups(session, body, subnet, f"{prefix}security_groups")
    return Plan(body, group, subnet, [primary, *more], joined, switches, prefix)


def create(session: Session, body: CreateInterfaceRequest) -> VirtualNetworkInterface:
    """A new interface with its addresses and groups."""
    return make(session, plan(session, body))


def make(session: Session, planned: Plan) -> VirtualNetworkInterface:
    """Writes an interface, and takes what it asked for."""
    body, subnet = planned.body, planned.subnet
    made = VirtualNetworkInterface(
        id=session.ctx.ids.resource(session.ctx.region.zones[subnet.zone]),
        account_id=subnet.account_id,
        vpc_id=subnet.vpc_id,
        resource_group_id=planned.resource_group_id,
        name=given(body.name, "") or session.ctx.ids.name(),
        subnet_id=subnet.id,
        primary_ip_id="",
        **planned.switches,
        protocol_state_filtering_mode=body.protocol_state_filtering_mode,
        mac_address=mac_address(session.ctx.ids),
        target_id=None,
        target=None,
        created_at=session.ctx.now(),
    )
    _not_reserved(made.name)
    insert_named(session, INTERFACE, made)
    target = interface_target(made)
    taken = [_take(session, subnet, wish, target) for wish in planned.wishes]
    security_groups.attach(
        session, named(session, VPC, subnet.vpc_id), planned.groups, target, f"{planned.prefix}security_groups"
    )
    update(session, INTERFACE, made.id, primary_ip_id=taken[0].id)
    return named(session, INTERFACE, made.id)


def resolved(planned: Plan, shown: dict[str, Any]) -> dict[str, Any]:
    """What was asked for, to be kept: its references by id, whatever they were given by."""
    prototype = {**shown, "subnet": {"id": planned.subnet.id}}
    primary, *more = planned.wishes
    if primary.kept is not None:
        prototype["primary_ip"] = {"id": primary.kept.id}
    if more:
        pairs = zip(shown["ips"], more, strict=True)
        prototype["ips"] = [entry if wish.kept is None else {"id": wish.kept.id} for entry, wish in pairs]
    if shown.get("security_groups"):
        prototype["security_groups"] = [{"id": group.id} for group in planned.groups]
    return prototype


def _not_reserved(name: str) -> None:
    if name.startswith("ibm-"):
        raise invalid("validation_invalid_name", "Names that begin with ibm- are the provider's.", "name")


def mac_address(ids: Ids) -> str:
    """Locally administered, unicast."""
    digits = "02" + ids.hex(10)
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


def bind(session: Session, interface: VirtualNetworkInterface, target: Mapping[str, str], field: str = "id") -> None:
    """Gives an interface to an attachment. 409 `virtual_network_interface_in_use` (U) for one that has a target."""
    free = INTERFACE.table.c.target_id.is_(None)
    if not update(session, INTERFACE, interface.id, free, target_id=target["id"], target=dict(target)):
        raise conflict("virtual_network_interface_in_use", "The interface has a target already.", field)


def unbind(session: Session, target_id: str) -> None:
    """Takes the interface from an attachment that goes away; one with `auto_delete` goes with it."""
    for interface in unscoped(session, INTERFACE, INTERFACE.table.c.target_id == target_id, lock=True):
        update(session, INTERFACE, interface.id, target_id=None, target=None)
        if interface.auto_delete:
            _remove(session, interface)


def rename_target(session: Session, target_id: str, name: str) -> None:
    """To be said when an attachment is renamed, so that what its interface shows of it stays true."""
    for interface in unscoped(session, INTERFACE, INTERFACE.table.c.target_id == target_id):
        update(session, INTERFACE, interface.id, target={**(interface.target or {}), "name": name})


def ips_of(session: Session, interface: VirtualNetworkInterface) -> list[ReservedIp]:
    """The addresses of an interface, the primary one first."""
    reserved_ips = unscoped(session, RESERVED_IP, RESERVED_IP.table.c.target_id == interface.id)
    return sorted(reserved_ips, key=lambda ip: (ip.id != interface.primary_ip_id, ip.number))


def change(session: Session, granted: Authorized[VirtualNetworkInterface], body: UpdateInterfaceRequest) -> None:
    """PATCH of the switches; of the name, what is shown of it elsewhere."""
    interface = locked(session, INTERFACE, granted.resource.id)
    name = given(body.name, interface.name)
    if name != interface.name:
        _not_reserved(name)
        address_allocation.rename_target(session, interface.id, name)
    names = ("allow_ip_spoofing", "auto_delete", "enable_infrastructure_nat", "protocol_state_filtering_mode")
    values = {name: given(getattr(body, name), getattr(interface, name)) for name in names}
    if any(values[name] != getattr(interface, name) for name in names):
        _consistent(session, values, interface.id, bound=interface.target_id is not None, prefix="")
        update(session, INTERFACE, interface.id, **values)


def remove(session: Session, granted: Authorized[VirtualNetworkInterface]) -> None:
    """409 `virtual_network_interface_in_use` (U) while an attachment uses it."""
    interface = locked(session, INTERFACE, granted.resource.id)
    if interface.target_id is not None:
        raise conflict("virtual_network_interface_in_use", "The interface has a target.")
    _remove(session, interface)


def _remove(session: Session, interface: VirtualNetworkInterface) -> None:
    address_allocation.release(session, interface.id)
    security_groups.detach(session, interface.id)
    delete(session, INTERFACE, interface.id, interface.account_id)


def settle(
    session: Session,
    subnet: Subnet,
    target: Mapping[str, str],
    primary_ip: IpRequest | UnsetType,
    security_groups: list[Identity] | UnsetType,
    prefix: str,
) -> ReservedIp:
    """Puts something of another package into a subnet: it takes its address, and joins its security groups."""
    asked = CreateInterfaceRequest(security_groups=security_groups)
    joined = _groups(session, asked, subnet, f"{prefix}security_groups")
    taken = _take(session, subnet, _wish(session, primary_ip, f"{prefix}primary_ip"), target)
    attach_to_groups(session, named(session, VPC, subnet.vpc_id), joined, target, f"{prefix}security_groups")
    return taken


def check_addresses(interfaces: Iterable[tuple[str, CreateInterfaceRequest]]) -> None:
    """400 where new interfaces ask for too many addresses together; each comes with its field."""
    total = 0
    for place, interface in interfaces:
        total += 0 if isinstance(interface.ips, UnsetType) else len(interface.ips)
        if total > MOST_ADDRESSES:
            text = f"The interfaces of one request have at most {MOST_ADDRESSES} secondary addresses together."
            raise invalid("over_quota", text, f"{place}ips")
