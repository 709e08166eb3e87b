"""Network interfaces and network attachments of servers; what older clients see of the latter."""

from __future__ import annotations

from typing import Any

import ibm_vpc.vpc_v1 as sdk
import pytest

from fixtures.worlds import World
from kunsthalle.api.references import Identity
from kunsthalle.core.errors import Problem
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized, unscoped
from kunsthalle.networks import floating_ips
from kunsthalle.networks.models import VirtualNetworkInterface
from kunsthalle.networks.resources import INTERFACE, RESERVED_IP, SECURITY_GROUP_TARGET
from kunsthalle.networks.virtual_network_interfaces import CreateInterfaceRequest, create, ips_of, remove
from unit.instances.api_in_process import ZONE, Api


@pytest.fixture
def world(both: World) -> World:
    """On each engine."""
    return both


def attachment(api: Api, **virtual: Any) -> dict[str, Any]:
    return {"virtual_network_interface": virtual or {"subnet": {"id": api.home.subnet.id}}}


def attached(api: Api, **more: Any) -> dict[str, Any]:
    """A server that is made by attachments."""
    primary = {"primary_network_attachment": attachment(api), "primary_network_interface": None}
    body = api.home.prototype(image={"id": api.image().id}, **{**primary, **more})
    return api.call("POST", "/v1/instances", body, status=201)


def classic(api: Api) -> dict[str, Any]:
    return api.call("POST", "/v1/instances", api.home.prototype(image={"id": api.image().id}), status=201)


def virtual(api: Api, **fields: Any) -> str:
    """A virtual network interface that is there already."""

    def make(session: Session) -> str:
        return create(session, CreateInterfaceRequest(subnet=Identity(id=api.home.subnet.id), **fields)).id

    return api.world.write(api.home.ctx, make)


def found(api: Api, id_: str) -> VirtualNetworkInterface | None:
    def read(session: Session) -> VirtualNetworkInterface | None:
        return next(iter(unscoped(session, INTERFACE, INTERFACE.table.c.id == id_)), None)

    return api.world.read(api.home.ctx, read)


def left(api: Api) -> tuple[int, int]:
    """How many addresses and memberships of groups have a target."""

    def read(session: Session) -> tuple[int, int]:
        ips = unscoped(session, RESERVED_IP, RESERVED_IP.table.c.target_id.is_not(None))
        return len(ips), len(unscoped(session, SECURITY_GROUP_TARGET))

    return api.world.read(api.world.base, read)


def test_an_interface_comes_changes_and_goes(idle: Api) -> None:
    path = f"/v1/instances/{classic(idle)['id']}/network_interfaces"
    subnet = {"id": idle.home.subnet.id}
    made = idle.call("POST", path, {"subnet": subnet, "name": "second"}, status=201)
    read = sdk.NetworkInterface.from_dict(made)
    assert (read.name, read.type, read.allow_ip_spoofing) == ("second", "secondary", False)
    assert idle.code("POST", path, {"subnet": subnet, "name": "second"}, status=400)[0] == "validation_unique_failed"
    one = f"{path}/{made['id']}"
    changed = idle.call("PATCH", one, {"name": "third", "allow_ip_spoofing": True}, status=200)
    assert (changed["name"], changed["allow_ip_spoofing"]) == ("third", True)
    assert idle.call("PATCH", one, {}, status=200) == idle.call("GET", one, status=200) == changed

    def target(session: Session) -> Any:
        return unscoped(session, RESERVED_IP, RESERVED_IP.table.c.target_id == made["id"])[0].target["name"]

    assert idle.world.read(idle.home.ctx, target) == "third"
    idle.call("DELETE", one, status=204)
    assert idle.code("GET", one, status=404) == ("not_found", "id")
    assert left(idle) == (1, 1)


def test_a_server_has_five_interfaces_and_keeps_the_first(idle: Api) -> None:
    server = classic(idle)
    path, body = f"/v1/instances/{server['id']}/network_interfaces", {"subnet": {"id": idle.home.subnet.id}}
    for _ in range(4):
        idle.call("POST", path, body, status=201)
    assert idle.code("POST", path, body, status=400) == ("over_quota", None)
    primary = f"{path}/{server['primary_network_interface']['id']}"
    assert idle.code("DELETE", primary, status=409) == ("invalid_state", None)
    idle.call("DELETE", f"/v1/instances/{server['id']}", status=204)
    assert idle.code("POST", path, body, status=409) == ("invalid_state", None)
    assert left(idle) == (0, 0)


def test_floating_ips_of_an_interface(idle: Api) -> None:
    server = classic(idle)
    above = f"/v1/instances/{server['id']}/network_interfaces/{server['primary_network_interface']['id']}"
    path = f"{above}/floating_ips"

    def reserve(session: Session) -> tuple[str, str]:
        return floating_ips.reserve(session, ZONE, "one").id, floating_ips.reserve(session, "us-south-2", "two").id

    one, elsewhere = idle.world.write(idle.home.ctx, reserve)
    assert idle.call("GET", path, status=200) == {"floating_ips": []}
    bound = idle.call("PUT", f"{path}/{one}", status=201)
    assert sdk.FloatingIP.from_dict(bound).target["id"] == server["primary_network_interface"]["id"]
    assert idle.call("PUT", f"{path}/{one}", status=201) == bound == idle.call("GET", f"{path}/{one}", status=200)
    assert idle.call("GET", path, status=200) == {"floating_ips": [bound]}
    assert idle.code("PUT", f"{path}/{elsewhere}", status=400) == ("zone_inconsistency", "id")
    other = classic_named(idle, "other")
    moved = f"/v1/instances/{other['id']}/network_interfaces/{other['primary_network_interface']['id']}/floating_ips"
    assert idle.call("PUT", f"{moved}/{one}", status=201)["target"]["id"] == other["primary_network_interface"]["id"]
    assert idle.call("GET", path, status=200) == {"floating_ips": []}
    idle.call("DELETE", f"{moved}/{one}", status=204)
    assert idle.code("DELETE", f"{moved}/{one}", status=404) == ("not_found", "id")
    assert idle.code("GET", f"{above[:-3]}abc/floating_ips", status=404) == ("not_found", "network_interface_id")


def classic_named(api: Api, name: str) -> dict[str, Any]:
    body = api.home.prototype(image={"id": api.image(name).id}, name=name)
    return api.call("POST", "/v1/instances", body, status=201)


def test_the_address_of_an_interface(idle: Api) -> None:
    primary = classic(idle)["primary_network_interface"]
    path = f"{primary['href'].removeprefix('http://here')}/ips"
    listed = sdk.ReservedIPCollectionInstanceNetworkInterfaceContext.from_dict(idle.call("GET", path, status=200))
    (only,) = listed.ips
    assert (only.id, only.address, listed.total_count) == (
        *(primary["primary_ip"][key] for key in ("id", "address")),
        1,
    )
    assert idle.call("GET", f"{path}/{only.id}", status=200)["target"]["id"] == primary["id"]


def test_a_server_by_attachments_is_seen_by_older_clients(idle: Api) -> None:
    server = attached(idle, network_attachments=[{**attachment(idle), "name": "second"}])
    read = sdk.Instance.from_dict(server)
    first, second = read.network_attachments
    assert read.primary_network_attachment.id == first.id == read.primary_network_interface.id
    assert [one.id for one in read.network_interfaces] == [first.id, second.id]
    assert second.name == read.network_interfaces[1].name == "second"
    shown = idle.call("GET", f"/v1/instances/{server['id']}/network_attachments/{second.id}", status=200)
    whole = sdk.InstanceNetworkAttachment.from_dict(shown)
    assert (whole.type, whole.lifecycle_state) == ("secondary", "stable")
    it = found(idle, whole.virtual_network_interface.id)
    assert it is not None
    assert (it.auto_delete, it.target_id, it.resource_group_id) == (True, second.id, server["resource_group"]["id"])
    assert whole.primary_ip.id == it.primary_ip_id
    path = f"/v1/instances/{server['id']}/network_interfaces"
    mirror = idle.call("GET", f"{path}/{second.id}", status=200)
    assert mirror["security_groups"][0]["id"] == idle.home.vpc.default_security_group_id
    body = {"subnet": {"id": idle.home.subnet.id}}
    for method, at, given in (("POST", path, body), ("PATCH", f"{path}/{second.id}", {"name": "x"})):
        assert idle.code(method, at, given, status=409) == ("invalid_state", None)
    assert idle.code("DELETE", f"{path}/{second.id}", status=409) == ("invalid_state", None)
    assert idle.call("GET", "/v1/instances", status=200)["instances"] == [server]


def test_an_attachment_comes_changes_and_goes(idle: Api) -> None:
    server = attached(idle)
    path = f"/v1/instances/{server['id']}/network_attachments"
    mine = virtual(idle, name="mine")
    made = idle.call("POST", path, {**attachment(idle, id=mine), "name": "second"}, status=201)
    assert made["virtual_network_interface"]["name"] == "mine"
    in_use = ("virtual_network_interface_in_use", "virtual_network_interface")
    assert idle.code("POST", path, attachment(idle, id=mine), status=409) == in_use
    assert idle.call("PATCH", f"{path}/{made['id']}", {"name": "third"}, status=200)["name"] == "third"
    it = found(idle, mine)
    assert it is not None
    assert it.target is not None
    assert it.target["name"] == "third"
    idle.call("DELETE", f"{path}/{made['id']}", status=202)
    freed = found(idle, mine)
    assert freed is not None
    assert (freed.target_id, freed.auto_delete) == (None, False)
    new = idle.call("POST", path, attachment(idle), status=201)
    idle.call("DELETE", f"{path}/{new['id']}", status=202)
    assert found(idle, new["virtual_network_interface"]["id"]) is None
    primary = f"{path}/{server['primary_network_attachment']['id']}"
    assert idle.code("DELETE", primary, status=409) == ("invalid_state", None)


def test_the_end_of_a_server_by_attachments(idle: Api) -> None:
    mine = virtual(idle)
    server = attached(idle, network_attachments=[attachment(idle, id=mine)])
    idle.call("DELETE", f"/v1/instances/{server['id']}", status=204)
    leaving = idle.call("GET", f"/v1/instances/{server['id']}", status=200)
    assert leaving["primary_network_attachment"] == server["primary_network_attachment"]
    idle.worker.start()
    idle.settle()
    idle.worker.stop()
    assert found(idle, server["primary_network_attachment"]["virtual_network_interface"]["id"]) is None
    kept = found(idle, mine)
    assert kept is not None
    assert kept.target_id is None

    def addresses(session: Session) -> int:
        return len(ips_of(session, kept))

    assert idle.world.read(idle.home.ctx, addresses) == 1
    assert left(idle) == (1, 1)


REFUSED: dict[str, tuple[Any, int, str, str]] = {
    "both families": (
        lambda c: {"primary_network_interface": {"subnet": {"id": c.home.subnet.id}}},
        400,
        "validation_only_one",
        "primary_network_attachment",
    ),
    "attachments beside an interface": (
        lambda c: {
            "primary_network_attachment": None,
            "primary_network_interface": {"subnet": {"id": c.home.subnet.id}},
            "network_attachments": [attachment(c)],
        },
        400,
        "validation_only_one",
        "primary_network_attachment",
    ),
    "no subnet": (
        lambda _c: {"primary_network_attachment": {"virtual_network_interface": {}}},
        400,
        "validation_required_field",
        "primary_network_attachment.virtual_network_interface.subnet",
    ),
    "an unknown interface": (
        lambda _c: {"primary_network_attachment": {"virtual_network_interface": {"id": "0717-none"}}},
        404,
        "not_found",
        "primary_network_attachment.virtual_network_interface",
    ),
    "an interface without translation": (
        lambda c: {"primary_network_attachment": attachment(c, id=virtual(c, enable_infrastructure_nat=False))},
        400,
        "bad_field",
        "primary_network_attachment.virtual_network_interface",
    ),
    "two names alike": (
        lambda c: {
            "primary_network_attachment": {**attachment(c), "name": "same"},
            "network_attachments": [{**attachment(c), "name": "same"}],
        },
        400,
        "validation_unique_failed",
        "name",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(idle: Api, case: str) -> None:
    change, status, code, field = REFUSED[case]
    given = {"primary_network_attachment": attachment(idle), "primary_network_interface": None}
    body = idle.home.prototype(image={"id": idle.image().id}, **{**given, **change(idle)})
    assert idle.code("POST", "/v1/instances", body, status=status) == (code, field)
    assert idle.call("GET", "/v1/instances", status=200)["instances"] == []
    assert left(idle)[1] in {0, 1}


def test_neither_family_takes_what_is_the_others(idle: Api) -> None:
    path = f"/v1/instances/{classic(idle)['id']}/network_attachments"
    assert idle.call("GET", path, status=200) == {"network_attachments": []}
    assert idle.code("POST", path, attachment(idle), status=409) == ("invalid_state", None)


@pytest.mark.parametrize("caller", ["stranger", "consumer"])
def test_another_accounts_interface_is_none(idle: Api, caller: str) -> None:
    mine = virtual(idle)
    home = idle.homes[caller]
    body = home.prototype(
        image={"id": idle.image("theirs", caller=caller).id},
        primary_network_interface=None,
        primary_network_attachment=attachment(idle, id=mine),
    )
    refused = ("not_found", "primary_network_attachment.virtual_network_interface")
    assert idle.code("POST", "/v1/instances", body, status=404, caller=caller) == refused


def test_an_interface_that_a_server_uses_stays(idle: Api) -> None:
    server = attached(idle)
    id_ = server["primary_network_attachment"]["virtual_network_interface"]["id"]

    it = found(idle, id_)
    assert it is not None
    with pytest.raises(Problem) as refused:
        idle.world.write(idle.home.ctx, remove, Authorized(it, "is.virtual-network-interface.any.delete"))
    assert refused.value.code == "virtual_network_interface_in_use"
