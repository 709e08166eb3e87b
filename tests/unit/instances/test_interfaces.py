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
from unit.instances.cloud import ZONE, Cloud


@pytest.fixture
def world(both: World) -> World:
    """On each engine."""
    return both


def attachment(cloud: Cloud, **virtual: Any) -> dict[str, Any]:
    return {"virtual_network_interface": virtual or {"subnet": {"id": cloud.home.subnet.id}}}


def attached(cloud: Cloud, **more: Any) -> dict[str, Any]:
    """A server that is made by attachments."""
    primary = {"primary_network_attachment": attachment(cloud), "primary_network_interface": None}
    body = cloud.home.prototype(image={"id": cloud.image().id}, **{**primary, **more})
    return cloud.call("POST", "/v1/instances", body, status=201)


def classic(cloud: Cloud) -> dict[str, Any]:
    return cloud.call("POST", "/v1/instances", cloud.home.prototype(image={"id": cloud.image().id}), status=201)


def virtual(cloud: Cloud, **fields: Any) -> str:
    """A virtual network interface that is there already."""

    def make(session: Session) -> str:
        return create(session, CreateInterfaceRequest(subnet=Identity(id=cloud.home.subnet.id), **fields)).id

    return cloud.world.write(cloud.home.ctx, make)


def found(cloud: Cloud, id_: str) -> VirtualNetworkInterface | None:
    def read(session: Session) -> VirtualNetworkInterface | None:
        return next(iter(unscoped(session, INTERFACE, INTERFACE.table.c.id == id_)), None)

    return cloud.world.read(cloud.home.ctx, read)


def left(cloud: Cloud) -> tuple[int, int]:
    """How many addresses and memberships of groups have a target."""

    def read(session: Session) -> tuple[int, int]:
        ips = unscoped(session, RESERVED_IP, RESERVED_IP.table.c.target_id.is_not(None))
        return len(ips), len(unscoped(session, SECURITY_GROUP_TARGET))

    return cloud.world.read(cloud.world.base, read)


def test_an_interface_comes_changes_and_goes(still: Cloud) -> None:
    path = f"/v1/instances/{classic(still)['id']}/network_interfaces"
    subnet = {"id": still.home.subnet.id}
    made = still.call("POST", path, {"subnet": subnet, "name": "second"}, status=201)
    read = sdk.NetworkInterface.from_dict(made)
    assert (read.name, read.type, read.allow_ip_spoofing) == ("second", "secondary", False)
    assert still.code("POST", path, {"subnet": subnet, "name": "second"}, status=400)[0] == "validation_unique_failed"
    one = f"{path}/{made['id']}"
    changed = still.call("PATCH", one, {"name": "third", "allow_ip_spoofing": True}, status=200)
    assert (changed["name"], changed["allow_ip_spoofing"]) == ("third", True)
    assert still.call("PATCH", one, {}, status=200) == still.call("GET", one, status=200) == changed

    def target(session: Session) -> Any:
        return unscoped(session, RESERVED_IP, RESERVED_IP.table.c.target_id == made["id"])[0].target["name"]

    assert still.world.read(still.home.ctx, target) == "third"
    still.call("DELETE", one, status=204)
    assert still.code("GET", one, status=404) == ("not_found", "id")
    assert left(still) == (1, 1)


def test_a_server_has_five_interfaces_and_keeps_the_first(still: Cloud) -> None:
    server = classic(still)
    path, body = f"/v1/instances/{server['id']}/network_interfaces", {"subnet": {"id": still.home.subnet.id}}
    for _ in range(4):
        still.call("POST", path, body, status=201)
    assert still.code("POST", path, body, status=400) == ("over_quota", None)
    primary = f"{path}/{server['primary_network_interface']['id']}"
    assert still.code("DELETE", primary, status=409) == ("invalid_state", None)
    still.call("DELETE", f"/v1/instances/{server['id']}", status=204)
    assert still.code("POST", path, body, status=409) == ("invalid_state", None)
    assert left(still) == (0, 0)


def test_floating_ips_of_an_interface(still: Cloud) -> None:
    server = classic(still)
    above = f"/v1/instances/{server['id']}/network_interfaces/{server['primary_network_interface']['id']}"
    path = f"{above}/floating_ips"

    def reserve(session: Session) -> tuple[str, str]:
        return floating_ips.reserve(session, ZONE, "one").id, floating_ips.reserve(session, "us-south-2", "two").id

    one, elsewhere = still.world.write(still.home.ctx, reserve)
    assert still.call("GET", path, status=200) == {"floating_ips": []}
    bound = still.call("PUT", f"{path}/{one}", status=201)
    assert sdk.FloatingIP.from_dict(bound).target["id"] == server["primary_network_interface"]["id"]
    assert still.call("PUT", f"{path}/{one}", status=201) == bound == still.call("GET", f"{path}/{one}", status=200)
    assert still.call("GET", path, status=200) == {"floating_ips": [bound]}
    assert still.code("PUT", f"{path}/{elsewhere}", status=400) == ("zone_inconsistency", "id")
    other = classic_named(still, "other")
    moved = f"/v1/instances/{other['id']}/network_interfaces/{other['primary_network_interface']['id']}/floating_ips"
    assert still.call("PUT", f"{moved}/{one}", status=201)["target"]["id"] == other["primary_network_interface"]["id"]
    assert still.call("GET", path, status=200) == {"floating_ips": []}
    still.call("DELETE", f"{moved}/{one}", status=204)
    assert still.code("DELETE", f"{moved}/{one}", status=404) == ("not_found", "id")
    assert still.code("GET", f"{above[:-3]}abc/floating_ips", status=404) == ("not_found", "network_interface_id")


def classic_named(cloud: Cloud, name: str) -> dict[str, Any]:
    body = cloud.home.prototype(image={"id": cloud.image(name).id}, name=name)
    return cloud.call("POST", "/v1/instances", body, status=201)


def test_the_address_of_an_interface(still: Cloud) -> None:
    primary = classic(still)["primary_network_interface"]
    path = f"{primary['href'].removeprefix('http://here')}/ips"
    listed = sdk.ReservedIPCollectionInstanceNetworkInterfaceContext.from_dict(still.call("GET", path, status=200))
    (only,) = listed.ips
    assert (only.id, only.address, listed.total_count) == (
        *(primary["primary_ip"][key] for key in ("id", "address")),
        1,
    )
    assert still.call("GET", f"{path}/{only.id}", status=200)["target"]["id"] == primary["id"]


def test_a_server_by_attachments_is_seen_by_older_clients(still: Cloud) -> None:
    server = attached(still, network_attachments=[{**attachment(still), "name": "second"}])
    read = sdk.Instance.from_dict(server)
    first, second = read.network_attachments
    assert read.primary_network_attachment.id == first.id == read.primary_network_interface.id
    assert [one.id for one in read.network_interfaces] == [first.id, second.id]
    assert second.name == read.network_interfaces[1].name == "second"
    shown = still.call("GET", f"/v1/instances/{server['id']}/network_attachments/{second.id}", status=200)
    whole = sdk.InstanceNetworkAttachment.from_dict(shown)
    assert (whole.type, whole.lifecycle_state) == ("secondary", "stable")
    it = found(still, whole.virtual_network_interface.id)
    assert it is not None
    assert (it.auto_delete, it.target_id, it.resource_group_id) == (True, second.id, server["resource_group"]["id"])
    assert whole.primary_ip.id == it.primary_ip_id
    path = f"/v1/instances/{server['id']}/network_interfaces"
    mirror = still.call("GET", f"{path}/{second.id}", status=200)
    assert mirror["security_groups"][0]["id"] == still.home.vpc.default_security_group_id
    body = {"subnet": {"id": still.home.subnet.id}}
    for method, at, given in (("POST", path, body), ("PATCH", f"{path}/{second.id}", {"name": "x"})):
        assert still.code(method, at, given, status=409) == ("invalid_state", None)
    assert still.code("DELETE", f"{path}/{second.id}", status=409) == ("invalid_state", None)
    assert still.call("GET", "/v1/instances", status=200)["instances"] == [server]


def test_an_attachment_comes_changes_and_goes(still: Cloud) -> None:
    server = attached(still)
    path = f"/v1/instances/{server['id']}/network_attachments"
    mine = virtual(still, name="mine")
    made = still.call("POST", path, {**attachment(still, id=mine), "name": "second"}, status=201)
    assert made["virtual_network_interface"]["name"] == "mine"
    in_use = ("virtual_network_interface_in_use", "virtual_network_interface")
    assert still.code("POST", path, attachment(still, id=mine), status=409) == in_use
    assert still.call("PATCH", f"{path}/{made['id']}", {"name": "third"}, status=200)["name"] == "third"
    it = found(still, mine)
    assert it is not None
    assert it.target is not None
    assert it.target["name"] == "third"
    still.call("DELETE", f"{path}/{made['id']}", status=202)
    freed = found(still, mine)
    assert freed is not None
    assert (freed.target_id, freed.auto_delete) == (None, False)
    new = still.call("POST", path, attachment(still), status=201)
    still.call("DELETE", f"{path}/{new['id']}", status=202)
    assert found(still, new["virtual_network_interface"]["id"]) is None
    primary = f"{path}/{server['primary_network_attachment']['id']}"
    assert still.code("DELETE", primary, status=409) == ("invalid_state", None)


def test_the_end_of_a_server_by_attachments(still: Cloud) -> None:
    mine = virtual(still)
    server = attached(still, network_attachments=[attachment(still, id=mine)])
    still.call("DELETE", f"/v1/instances/{server['id']}", status=204)
    leaving = still.call("GET", f"/v1/instances/{server['id']}", status=200)
    assert leaving["primary_network_attachment"] == server["primary_network_attachment"]
    still.worker.start()
    still.settle()
    still.worker.stop()
    assert found(still, server["primary_network_attachment"]["virtual_network_interface"]["id"]) is None
    kept = found(still, mine)
    assert kept is not None
    assert kept.target_id is None

    def addresses(session: Session) -> int:
        return len(ips_of(session, kept))

    assert still.world.read(still.home.ctx, addresses) == 1
    assert left(still) == (1, 1)


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
def test_refused(still: Cloud, case: str) -> None:
    change, status, code, field = REFUSED[case]
    given = {"primary_network_attachment": attachment(still), "primary_network_interface": None}
    body = still.home.prototype(image={"id": still.image().id}, **{**given, **change(still)})
    assert still.code("POST", "/v1/instances", body, status=status) == (code, field)
    assert still.call("GET", "/v1/instances", status=200)["instances"] == []
    assert left(still)[1] in {0, 1}


def test_neither_family_takes_what_is_the_others(still: Cloud) -> None:
    path = f"/v1/instances/{classic(still)['id']}/network_attachments"
    assert still.call("GET", path, status=200) == {"network_attachments": []}
    assert still.code("POST", path, attachment(still), status=409) == ("invalid_state", None)


@pytest.mark.parametrize("caller", ["stranger", "consumer"])
def test_another_accounts_interface_is_none(still: Cloud, caller: str) -> None:
    mine = virtual(still)
    home = still.homes[caller]
    body = home.prototype(
        image={"id": still.image("theirs", caller=caller).id},
        primary_network_interface=None,
        primary_network_attachment=attachment(still, id=mine),
    )
    refused = ("not_found", "primary_network_attachment.virtual_network_interface")
    assert still.code("POST", "/v1/instances", body, status=404, caller=caller) == refused


def test_an_interface_that_a_server_uses_stays(still: Cloud) -> None:
    server = attached(still)
    id_ = server["primary_network_attachment"]["virtual_network_interface"]["id"]

    it = found(still, id_)
    assert it is not None
    with pytest.raises(Problem) as refused:
        still.world.write(still.home.ctx, remove, Authorized(it, "is.virtual-network-interface.any.delete"))
    assert refused.value.code == "virtual_network_interface_in_use"
