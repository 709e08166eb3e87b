"""The calls of IBM's Packer plugin in the order of its steps, made with the Python SDK: the plugin itself is not run.

What Packer does between two of them, connecting to the server and running provisioners there, is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from ibm_cloud_sdk_core import ApiException
from ibm_vpc.vpc_v1 import FloatingIP, Image, Instance, Key, SecurityGroup

from fixtures.clients import Account, Product, eventually
from kunsthalle.core.errors import NOT_FOUND
from kunsthalle.testing import Served
from stories.api.test_catalog import refused

_LISTS = ("keys", "instances", "volumes", "security_groups", "floating_ips", "images")


@pytest.fixture(scope="module")
def image(served: Served) -> dict[str, Any]:
    """The publisher's, managed by its catalog."""
    return Account(served, "publisher").import_image("base", b"of the publisher")


@pytest.fixture(scope="module")
def product(served: Served, image: dict[str, Any]) -> Product:
    """Published, and accepted by consumer-a."""
    publisher, consumer = Account(served, "publisher"), Account(served, "consumer-a")
    made = Product(publisher, image, "base")
    made.publish()
    made.share_with(consumer)
    made.accept_as(consumer)
    return made


@pytest.fixture(scope="module")
def own(served: Served) -> dict[str, Any]:
    """The consumer's own image, with the same name as the publisher's."""
    return Account(served, "consumer-a").import_image("base", b"of the consumer")


def inventory(account: Account) -> dict[str, set[str]]:
    """The ids of what is in the account, of every kind that a build makes."""
    found = {}
    for name in _LISTS:
        more = {"visibility": "private"} if name == "images" else {}
        answer = getattr(account.vpc, f"list_{name}")(**more).get_result()
        found[name] = {one["id"] for one in answer[name]}
    return found


class Build:
    """One run of the builder. `source` is what the server is made of."""

    def __init__(self, account: Account, name: str, **source: Any) -> None:
        self.vpc, self.name, self.source = account.vpc, name, source
        self.account = account
        self.subnet = self.vpc.get_subnet(account.network()["primary_network_interface"]["subnet"]["id"]).get_result()
        self._undo: list[Callable[[], None]] = []

    def run(self) -> dict[str, Any]:
        """Every step and then the clean-up, which follows a step that failed, too; the captured image."""
        try:
            self._verify_input()
            self._reach(self._server(self._key()))
            return self._captured()
        finally:
            for undo in reversed(self._undo):
                undo()

    def _verify_input(self) -> None:
        assert self.vpc.get_region("us-south").get_result()["status"] == "available"
        group = self.subnet["resource_group"]["id"]
        assert self.account.groups.get_resource_group(group).get_result()["id"] == group
        assert self.vpc.list_images(name=self.name).get_result()["images"] == [], "the name is free"

    def _key(self) -> dict[str, Any]:
        public = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        group = {"id": self.subnet["resource_group"]["id"]}
        text = public.decode()
        made = self.vpc.create_key(text, name=f"{self.name}-key", type="ed25519", resource_group=group).get_result()
        self._undo.append(lambda: self._delete(self.vpc.delete_key, made["id"]))
        assert Key.from_dict(made).type == "ed25519"
        return dict(made)

    def _server(self, key: dict[str, Any]) -> dict[str, Any]:
        prototype = {
            "keys": [{"id": key["id"]}],
            "name": f"{self.name}-vsi",
            "profile": {"name": "bx2-2x8"},
            "vpc": {"id": self.subnet["vpc"]["id"]},
            "primary_network_interface": {"name": "my-instance-modified", "subnet": {"id": self.subnet["id"]}},
            "zone": {"name": self.subnet["zone"]["name"]},
            "user_data": "#cloud-config",
            **self.source,
        }
        made = self.vpc.create_instance(prototype).get_result()
        self._undo.append(lambda: delete_server(self.account, made["id"]))
        assert Instance.from_dict(made).boot_volume_attachment.volume.id
        self.server = self.account.running(made["id"])
        return self.server

    def _reach(self, server: dict[str, Any]) -> None:
        """A floating IP, and a security group that lets SSH in."""
        nic = server["network_interfaces"][0]["id"]
        prototype = {
            "name": f"{self.name}-ip",
            "target": {"id": nic},
            "resource_group": {"id": server["resource_group"]["id"]},
        }
        address = self.vpc.create_floating_ip(prototype).get_result()
        self._undo.append(lambda: self._delete(self.vpc.delete_floating_ip, address["id"]))
        assert FloatingIP.from_dict(self.vpc.get_floating_ip(address["id"]).get_result()).status == "available"
        group = self.vpc.create_security_group({"id": server["vpc"]["id"]}, name=f"{self.name}-sg").get_result()
        self._undo.insert(1, lambda: self._delete(self.vpc.delete_security_group, group["id"]))
        assert SecurityGroup.from_dict(group).targets == []
        ssh = {"direction": "inbound", "protocol": "tcp", "port_min": 22, "port_max": 22}
        rule = self.vpc.create_security_group_rule(group["id"], {**ssh, "remote": {"cidr_block": "0.0.0.0/0"}})
        rule_id = rule.get_result()["id"]
        self._undo.insert(2, lambda: self._delete(self.vpc.delete_security_group_rule, group["id"], rule_id))
        self.vpc.create_security_group_target_binding(group["id"], nic)
        groups = self.vpc.get_instance_network_interface(server["id"], nic).get_result()["security_groups"]
        assert group["id"] in {one["id"] for one in groups}

    def _captured(self) -> dict[str, Any]:
        """Reboot, stop, and make an image of the boot volume."""
        self.vpc.create_instance_action(self.server["id"], "reboot")
        self.account.running(self.server["id"])
        self.vpc.create_instance_action(self.server["id"], "stop")

        def stopped() -> bool:
            return bool(self.vpc.get_instance(self.server["id"]).get_result()["status"] == "stopped")

        eventually(stopped, "the stop")
        volume = self.server["boot_volume_attachment"]["volume"]["id"]
        prototype = {
            "name": self.name,
            "source_volume": {"id": volume},
            "resource_group": {"id": self.subnet["resource_group"]["id"]},
        }
        made = self.vpc.create_image(prototype).get_result()
        captured = self.account.settled_image(made["id"])
        assert Image.from_dict(captured).source_volume.id == volume
        return captured

    def _delete(self, delete: Callable[..., Any], *ids: str) -> None:
        assert delete(*ids).get_status_code() in {202, 204}


def delete_server(account: Account, id_: str) -> None:
    """Delete a server, and wait for it to be gone."""
    assert account.vpc.delete_instance(id_).get_status_code() == 204

    def gone() -> bool:
        try:
            account.vpc.get_instance(id_)
        except ApiException as error:
            assert error.status_code == 404
            return True
        return False

    eventually(gone, "the deletion of the server")


def assert_built(consumer: Account, before: dict[str, set[str]], built: dict[str, Any]) -> None:
    """There is the image, and nothing else that was not there before; a server boots from it."""
    assert (built["status"], built["visibility"]) == ("available", "private")
    assert inventory(consumer) == {**before, "images": before["images"] | {built["id"]}}
    server = consumer.boot(f"{built['name']}-check", image={"id": built["id"]})
    assert server["image"]["id"] == built["id"]
    delete_server(consumer, server["id"])


def test_from_an_own_image_found_by_its_name(consumer: Account, product: Product, own: dict[str, Any]) -> None:
    before = inventory(consumer)
    (base,) = consumer.vpc.list_images(name="base").get_result()["images"]
    assert base["id"] == own["id"] != product.owner.vpc.list_images(name="base").get_result()["images"][0]["id"]
    built = Build(consumer, "from-own", image={"id": base["id"]}).run()
    assert built["operating_system"]["name"] == own["operating_system"]["name"]
    assert_built(consumer, before, built)


@pytest.mark.parametrize("by", ["version", "offering"])
def test_from_a_catalog_image_without_its_catalog(
    consumer: Account, product: Product, image: dict[str, Any], by: str
) -> None:
    """R8: the captured image is the account's own, and nothing ties it to the catalog."""
    before = inventory(consumer)
    crn = {"version": product.version, "offering": product.offering}[by]["crn"]
    built = Build(consumer, f"from-{by}", catalog_offering={by: {"crn": crn}}).run()
    assert built["operating_system"]["name"] == image["operating_system"]["name"]
    assert (built["catalog_offering"], built["id"] != image["id"]) == ({"managed": False}, True)
    assert_built(consumer, before, built)


def test_from_a_snapshot(consumer: Account, own: dict[str, Any]) -> None:
    server = consumer.boot("snapshot-source", image={"id": own["id"]})
    volume = server["boot_volume_attachment"]["volume"]["id"]
    made = consumer.vpc.create_snapshot({"name": "packer-base", "source_volume": {"id": volume}}).get_result()

    def stable() -> bool:
        return bool(consumer.vpc.get_snapshot(made["id"]).get_result()["lifecycle_state"] == "stable")

    eventually(stable, "the snapshot")
    before = inventory(consumer)
    volume = {"source_snapshot": {"id": made["id"]}, "profile": {"name": "general-purpose"}}
    built = Build(consumer, "from-snapshot", boot_volume_attachment={"volume": volume}).run()
    assert_built(consumer, before, built)


def test_a_masked_image_is_refused_as_one_that_never_was_and_nothing_is_left(
    consumer: Account, product: Product, image: dict[str, Any]
) -> None:
    before = inventory(consumer)
    for id_ in (image["id"], "r006-00000000-0000-4000-8000-000000000000"):
        error = refused(Build(consumer, "masked", image={"id": id_}).run)
        assert (error.status_code, NOT_FOUND in str(error)) == (404, True)
        assert inventory(consumer) == before
