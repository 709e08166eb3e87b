"""Zones of the API as availability zones of Nova and Cinder: what is said of them, what they get, what is not there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from keystoneauth1.identity.v3 import Password

from fixtures.app import App, open_app
from fixtures.frozen_app import OPERATOR
from fixtures.hand_made_cloud import HandMade, hand_made_cloud
from kunsthalle.blobs.filesystem import FilesystemBlobs
from kunsthalle.cli.main import cli
from kunsthalle.core.openstack_zones import AvailabilityZones, BadZone, parse
from kunsthalle.hypervisor.disk_protocol import DiskKind, DiskSpec, ImageBytes
from kunsthalle.hypervisor.openstack.openstack_engine import OpenStack
from kunsthalle.hypervisor.protocol import HypervisorError, NoRoom, NotApart

from .conftest import CloudBench

ZONES = ("us-south-1", "us-south-2", "us-south-3")
NAMED = "us-south-1=az1:volumes-1,us-south-2=nova"
HOST_ZONES = {"compute-1": "az1", "compute-2": "nova"}


@pytest.mark.parametrize(("text", "expected"), [
    ("", {}),
    ("us-south-1=az1", {"us-south-1": ("az1", "az1")}),
    (" us-south-1=az1 , us-south-3=Rack 3:nova ,", {"us-south-1": ("az1", "az1"), "us-south-3": ("Rack 3", "nova")}),
    ("us-south-1=one,us-south-2=one", {"us-south-1": ("one", "one"), "us-south-2": ("one", "one")}),
])  # fmt: skip
def test_a_zone_is_one_of_nova_and_one_of_cinder(text: str, expected: dict[str, tuple[str, str]]) -> None:
    assert parse(text, ZONES) == {zone: AvailabilityZones(*names) for zone, names in expected.items()}


@pytest.mark.parametrize(("text", "words"), [
    ("us-south-1", "'us-south-1' names no availability zone; give ZONE=NAME"),
    ("=az1", "'' is no zone of the region; give one of us-south-1, us-south-2, us-south-3"),
    ("us-south-1=", "names no availability zone"),
    ("us-south-1=a:b:c", "names no availability zone"),
    ("us-south-1=a=b", "names no availability zone"),
    (f"us-south-1={'z' * 256}", "names no availability zone"),
    ("us-east-1=az1", "'us-east-1' is no zone of the region"),
    ("us-south-1=az1,us-south-2=az2,us-south-1=az1", "us-south-1 is there twice"),
])  # fmt: skip
def test_what_cannot_be_a_zone_is_said(text: str, words: str) -> None:
    with pytest.raises(BadZone, match=words):
        parse(text, ZONES)


@pytest.fixture
def zoned(openstack: CloudBench) -> Iterator[CloudBench]:
    """A cloud with a host in each of two zones, and a third one that the operator has not named."""
    for name, zone in HOST_ZONES.items():
        openstack.cloud.hosts[name]["zone"] = zone
    with hand_made_cloud() as (cloud, client):
        cloud.hosts = openstack.cloud.hosts
        blobs = FilesystemBlobs(openstack.root.parent / "blobs")
        engine = OpenStack(client, blobs, openstack.root / "consoles", None, parse(NAMED, ZONES))
        yield replace(openstack, engine=engine, cloud=cloud)


@pytest.mark.parametrize(("zone", "compute", "volumes", "host"), [
    ("us-south-1", "az1", "volumes-1", "compute-1"),
    ("us-south-2", "nova", "nova", "compute-2"),
    ("us-south-3", None, None, "compute-1"),
    (None, None, None, "compute-1"),
])  # fmt: skip
def test_nova_and_cinder_are_told_the_zone_that_is_named(
    zoned: CloudBench, zone: str | None, compute: str | None, volumes: str | None, host: str
) -> None:
    disks = zoned.engine.disks
    disks.make(zoned.volume("boot", zone=zone), None)
    disks.ensure(zoned.volume("data", base=None, zone=zone))
    taken = zoned.volume("boot", zone=zone)
    disks.snapshot(taken, "snapshot")
    of_snapshot = DiskSpec(DiskKind.SNAPSHOT, "snapshot", taken.size_bytes, ImageBytes(zoned.digest, "qcow2"))
    disks.make(zoned.volume("restored", zone=zone), of_snapshot)
    disks.read_in(zoned.volume("moved", zone=zone), None)
    told = {one["name"]: one.get("availability_zone") for one in zoned.cloud.volumes.values()}
    assert told == dict.fromkeys(("boot", "data", "restored", "moved"), volumes)
    zoned.engine.start(zoned.server(zone=zone))
    (server,) = zoned.cloud.servers.values()
    assert (server.get("availability_zone"), server["host"]) == (compute, host)


def test_a_placement_group_is_full_where_its_zone_has_no_host_left(zoned: CloudBench) -> None:
    first, second, third = (
        zoned.server(name, mac=f"02:00:0a:00:01:0{at}", apart="group", zone=zone)
        for at, (name, zone) in enumerate([("a", "us-south-1"), ("b", "us-south-1"), ("c", "us-south-2")])
    )
    zoned.engine.start(first)
    with pytest.raises(NotApart):
        zoned.engine.start(second)
    zoned.engine.start(third)
    zoned.engine.delete("a")
    zoned.cloud.hosts["compute-1"]["status"] = "disabled"
    with pytest.raises(NoRoom) as refused:
        zoned.engine.start(second)
    assert not isinstance(refused.value, NotApart), "the host of the zone has none of the group"


def test_an_availability_zone_that_is_gone_is_the_clouds_refusal(zoned: CloudBench) -> None:
    server = zoned.server(zone="us-south-1")
    zoned.cloud.hosts["compute-1"]["zone"] = "nova"
    with pytest.raises(HypervisorError, match="The requested availability zone is not available"):
        zoned.engine.start(server)
    assert [
        (one.zone, "Nova has no availability zone 'az1'" in one.message) for one in zoned.engine.absent_zones()
    ] == [("us-south-1", True)]


@dataclass
class ZonedApp:
    """An application on a cloud with two zones."""

    app: App
    cloud: HandMade


@pytest.fixture
def on_cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ZonedApp]:
    with hand_made_cloud() as (cloud, client):
        for name, zone in HOST_ZONES.items():
            cloud.hosts[name]["zone"] = zone
        for name, value in _variables(client.session.auth).items():
            monkeypatch.setenv(name, value)
        app = open_app(tmp_path / "data", hypervisor="openstack", openstack_zones=NAMED)
        yield ZonedApp(app, cloud)
        app.close()


def _variables(auth: Any) -> dict[str, str]:
    assert isinstance(auth, Password)
    return {"OS_AUTH_URL": auth.auth_url, "OS_USERNAME": "u", "OS_PASSWORD": "p", "OS_PROJECT_NAME": "p"}


@pytest.mark.needs_qemu_img
def test_an_instance_and_its_volumes_are_in_the_zone_of_its_subnet(on_cloud: ZonedApp) -> None:
    app, cloud = on_cloud.app, on_cloud.cloud
    made = app.server_of(app.image("golden")["id"])
    assert (made["status"], made["zone"]["name"]) == ("running", "us-south-1")
    (server,) = cloud.servers.values()
    assert (server["availability_zone"], server["host"]) == ("az1", "compute-1")
    boot = next(one for one in cloud.volumes.values() if one["name"])
    assert boot["availability_zone"] == "volumes-1"


def test_the_doctor_finds_an_availability_zone_that_is_gone(on_cloud: ZonedApp) -> None:
    healthy = on_cloud.app.call(OPERATOR, "GET", "/_kunsthalle/doctor").json
    assert [one for one in healthy["findings"] if one["check"] == "absent_availability_zone"] == []
    on_cloud.cloud.hosts["compute-1"]["zone"] = "nova"
    report = on_cloud.app.call(OPERATOR, "GET", "/_kunsthalle/doctor").json
    (finding,) = [one for one in report["findings"] if one["check"] == "absent_availability_zone"]
    told = "--openstack-zones: Nova has no availability zone 'az1' for us-south-1; give one of 'nova'."
    assert (finding["subject"], finding["message"], finding["repairable"]) == ("us-south-1", told, False)


@pytest.mark.parametrize(("zones", "words"), [
    ("us-south-1=az9:nova", "Nova has no availability zone 'az9' for us-south-1; give one of 'nova'."),
    ("us-south-1=nova:az9", "Cinder has no availability zone 'az9' for us-south-1; give one of 'nova', 'volumes-1'."),
])  # fmt: skip
def test_a_start_and_the_check_of_settings_refuse_a_zone_that_is_not_there(
    zones: str, words: str, tmp_path: Path
) -> None:
    with hand_made_cloud() as (_, client):
        variables = _variables(client.session.auth)
        chosen = {**variables, "KUNSTHALLE_HYPERVISOR": "openstack", "KUNSTHALLE_OPENSTACK_ZONES": zones}
        checked = CliRunner().invoke(cli, ["config", "check"], env=chosen)
        assert (checked.exit_code, checked.output) == (1, f"Error: KUNSTHALLE_OPENSTACK_ZONES '{zones}': {words}\n")
        start = ["serve", "--data", str(tmp_path / "data"), "--port", "0", "--hypervisor", "openstack"]
        refused = CliRunner().invoke(cli, [*start, "--openstack-zones", zones], env=variables)
        assert (refused.exit_code, refused.output) == (2, f"Error: --openstack-zones '{zones}': {words}\n")
        assert not (tmp_path / "data").exists(), "nothing is made"
        passed = CliRunner().invoke(
            cli, ["config", "check"], env={**chosen, "KUNSTHALLE_OPENSTACK_ZONES": "us-south-1=nova"}
        )
        assert passed.exit_code == 0, passed.output


def test_a_cloud_that_is_away_keeps_no_server_from_starting() -> None:
    with hand_made_cloud() as (cloud, client):
        chosen = {**_variables(client.session.auth), "KUNSTHALLE_HYPERVISOR": "openstack"}
        cloud.away = True
        checked = CliRunner().invoke(
            cli, ["config", "check"], env={**chosen, "KUNSTHALLE_OPENSTACK_ZONES": "us-south-1=az9"}
        )
    assert checked.exit_code == 0, checked.output
    assert "whether the cloud has the zones of --openstack-zones is not known" in checked.stderr
