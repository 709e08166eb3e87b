"""The walks: a configuration each, what it needs, what is to come of it, and what is changed behind its back."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tools.clients.terraform.workspace import CommandFailed, Workspace
from tools.clients.walk_server import GIB, IMAGE, World

from kunsthalle.core.errors import NOT_FOUND
from kunsthalle.disk_images.encrypted_disks import write_disk

_HERE = Path(__file__).resolve().parent / "configurations"
EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "terraform"
Outputs = Mapping[str, Any]


def _nothing(_world: World) -> dict[str, str]:
    return {}


def _any_outputs(_world: World, outputs: Outputs) -> None:
    expect(bool(outputs), f"no outputs: {outputs}")


def _applied_again(_world: World, space: Workspace) -> None:
    space.apply()


def _destroyed(_world: World, space: Workspace) -> None:
    space.destroy()


@dataclass(frozen=True)
class Plot:
    """A walk. `behind` changes something behind Terraform's back, `prepare` returns the variables; `more` are steps of
    its own, before the import.
    """

    folder: Path
    behind: Callable[[World, Outputs], None]
    account: str = "publisher"
    prepare: Callable[[World], dict[str, str]] = _nothing
    check: Callable[[World, Outputs], None] = _any_outputs
    undo: tuple[str, Callable[[World, Workspace], None]] = ("apply undoes the change", _applied_again)
    more: tuple[tuple[str, Callable[[World, Workspace], None]], ...] = ()
    destroy: Callable[[World, Workspace], None] = _destroyed

    @property
    def name(self) -> str:
        return self.folder.name


def expect(holds: bool, text: str) -> None:
    """Raise CommandFailed with the text unless something holds."""
    if not holds:
        raise CommandFailed(text)


def same(before: set[str], after: set[str]) -> None:
    """Raise CommandFailed unless an account has just what it had."""
    expect(before == after, f"left: {sorted(after - before)}; missing: {sorted(before - after)}")


def _publisher(world: World) -> dict[str, str]:
    return {"consumer_account_id": world.id_of("consumer-a")}


def _managed(world: World, outputs: Outputs) -> None:
    image = world.vpc("publisher", "GET", f"images/{outputs['image_id']}")
    expect(image["catalog_offering"]["version"]["crn"] == outputs["version_crn"], f"not managed: {image}")


def _relabel(world: World, outputs: Outputs) -> None:
    path = f"/api/v1-beta/catalogs/{outputs['catalog_id']}"
    catalog = world.call("publisher", "GET", path)
    world.call("publisher", "PUT", path, {**catalog, "label": "Other images"})


def unpublish(world: World, space: Workspace) -> None:
    """The last published version is not deleted; suspended it is."""
    locator = space.outputs()["version_locator"]
    text = space.destroy(expect=1)
    expect("Cannot delete the last published version" in text, text[-3_000:])
    world.call("publisher", "POST", f"/api/v1-beta/versions/{locator}/suspend")
    space.destroy()


def _public_key(_world: World) -> dict[str, str]:
    private = Ed25519PrivateKey.generate()
    return {"public_key": private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()}


def _in_the_vpc(_world: World, outputs: Outputs) -> None:
    expect(outputs["subnets_of_vpc"] == ["one"], f"subnets: {outputs['subnets_of_vpc']}")
    expect(outputs["rules"] == 3, f"rules: {outputs['rules']}")
    expect(outputs["zones"] == ["us-south-1", "us-south-2", "us-south-3"], f"zones: {outputs['zones']}")


def _renamed_subnet(world: World, outputs: Outputs) -> None:
    world.vpc("publisher", "PATCH", f"subnets/{outputs['subnet_id']}", {"name": "other"})


def _image(_world: World) -> dict[str, str]:
    return {"image_href": IMAGE}


def _stored(_world: World, outputs: Outputs) -> None:
    expect(outputs["private_images"] == ["file", "volume"], f"images: {outputs['private_images']}")
    expect(outputs["instances"] == ["by-image", "by-snapshot"], f"instances: {outputs['instances']}")


def _renamed_instance(world: World, outputs: Outputs) -> None:
    world.vpc("publisher", "PATCH", f"instances/{outputs['instance_id']}", {"name": "other"})


def _member(world: World) -> dict[str, str]:
    """The e-mail address of the owner: the provider looks users up by it."""
    users = world.call("publisher", "GET", f"/v2/accounts/{world.id_of('publisher')}/users")
    return {"member": users["resources"][0]["email"]}


def _access(world: World, outputs: Outputs) -> None:
    expect(len(outputs["members"]) == 2, f"members: {outputs['members']}")
    expect("Importer" in outputs["roles"], f"roles: {outputs['roles']}")
    expect(outputs["profile"] == "machines", f"profile: {outputs['profile']}")
    expect(outputs["links"] == ["instance"], f"links: {outputs['links']}")
    key = world.call("publisher", "GET", f"/v1/apikeys/{outputs['key_id']}")
    expect(bool(key["apikey"]), "the stored value of the key is not shown")


def _renamed_access_group(world: World, outputs: Outputs) -> None:
    path = f"/v2/groups/{outputs['group_id']}"
    world.call("publisher", "PATCH", path, {"name": "others"}, etag_of=path)


def _owner(world: World) -> dict[str, str]:
    return {"owner_iam_id": world.served.env("enterprise")["KUNSTHALLE_IAM_ID"]}


def _in_the_enterprise(_world: World, outputs: Outputs) -> None:
    expect(outputs["accounts"] == ["shop"], f"accounts: {outputs['accounts']}")


def _renamed_account_group(world: World, outputs: Outputs) -> None:
    world.call("enterprise", "PATCH", f"/v1/account-groups/{outputs['group_id']}", {"name": "others"})


def _tagged(_world: World, outputs: Outputs) -> None:
    expect(outputs["tags"] == ["env:test", "walk"], f"tags: {outputs['tags']}")


def _untagged(world: World, outputs: Outputs) -> None:
    body = {"resources": [{"resource_id": outputs["vpc_crn"]}], "tag_names": ["walk"]}
    world.call("publisher", "POST", "/v3/tags/detach", body)


def _kept(_world: World, outputs: Outputs) -> None:
    expect(outputs["names"] == ["root", "standard"], f"names: {outputs['names']}")
    expect(outputs["golden_crn"].endswith(f":{outputs['instance_id']}:key:{outputs['root_id']}"), str(outputs))


def _renamed_keys(world: World, outputs: Outputs) -> None:
    world.call("publisher", "PATCH", f"/v2/resource_instances/{outputs['instance_id']}", {"name": "other"})


def _members(_world: World, outputs: Outputs) -> None:
    expect(outputs["members"] == 1, f"members: {outputs['members']}")
    expect(outputs["actions"] == ["bounds", "members"], f"actions: {outputs['actions']}")


def _renamed_instance_group(account: str, world: World, outputs: Outputs) -> None:
    world.vpc(account, "PATCH", f"instance_groups/{outputs['group_id']}", {"name": "other"})


def _placed(world: World, outputs: Outputs) -> None:
    expect(outputs["by_name"] == outputs["group_id"], f"by name: {outputs['by_name']}")
    expect(outputs["groups"] == ["apart"], f"placement groups: {outputs['groups']}")
    expect(outputs["instances"] == ["apart"], f"instances: {outputs['instances']}")
    instance = world.vpc("publisher", "GET", f"instances/{outputs['instance_id']}")
    expect(instance["placement_target"]["id"] == outputs["group_id"], f"placement: {instance['placement_target']}")


def _renamed_placement_group(world: World, outputs: Outputs) -> None:
    world.vpc("publisher", "PATCH", f"placement_groups/{outputs['group_id']}", {"name": "other"})


def _renamed_metal(world: World, outputs: Outputs) -> None:
    world.vpc("publisher", "PATCH", f"bare_metal_servers/{outputs['server_id']}", {"name": "other"})


def _catalogued(_world: World, outputs: Outputs) -> None:
    expect(outputs["image_of_version"] == outputs["image_id"], f"image: {outputs}")
    expect(outputs["managed"] == [outputs["image_id"]], f"managed: {outputs['managed']}")
    expect(outputs["manager"] == outputs["version_crn"], f"managed by another version: {outputs['manager']}")


def _relabelled(world: World, outputs: Outputs) -> None:
    path = f"/api/v1-beta/catalogs/{outputs['catalog_id']}/offerings/{outputs['offering_id']}"
    offering = world.call("publisher", "GET", path)
    world.call("publisher", "PUT", path, {**offering, "label": "Other"})


def _version(world: World) -> dict[str, str]:
    return {"version_crn": world.shared_version()["crn"]}


def _foreign(world: World, outputs: Outputs) -> None:
    """The instance names an image that its account does not have."""
    mine = world.vpc("consumer-a", "GET", "images?visibility=private")["images"]
    expect(outputs["image_id"] not in [image["id"] for image in mine], f"the image is the consumer's: {outputs}")
    instance = world.vpc("consumer-a", "GET", f"instances/{outputs['instance_id']}")
    expect(instance["image"]["id"] == outputs["image_id"], f"another image: {instance['image']}")


def _renamed_server(world: World, outputs: Outputs) -> None:
    world.vpc("consumer-a", "PATCH", f"instances/{outputs['instance_id']}", {"name": "other"})


def _running(world: World, outputs: Outputs) -> None:
    path = f"instance_groups/{outputs['group_id']}/memberships"
    members = world.vpc("consumer-a", "GET", path)["memberships"]
    expect([member["status"] for member in members] == ["healthy"], f"members: {members}")


def _booted(world: World) -> dict[str, str]:
    """An instance of the shared version, for the masked look-up to look at."""
    crn = world.shared_version()["crn"]
    subnet = world.vpc("consumer-a", "GET", "subnets")["subnets"][0]
    key = world.vpc("consumer-a", "GET", "keys")["keys"][0]
    body = {
        "name": "web",
        "profile": {"name": "bx2-2x8"},
        "zone": {"name": "us-south-1"},
        "vpc": {"id": subnet["vpc"]["id"]},
        "keys": [{"id": key["id"]}],
        "catalog_offering": {"version": {"crn": crn}},
        "primary_network_interface": {"subnet": {"id": subnet["id"]}},
    }
    instance = world.vpc("consumer-a", "POST", "instances", body)
    world.until("consumer-a", f"instances/{instance['id']}", "status", "running")
    return {"image_href": IMAGE}


def _own_by_name(_world: World, outputs: Outputs) -> None:
    expect(outputs["image_id_by_name"] == outputs["own_image_id"], f"by name: {outputs}")
    expect(outputs["foreign_image_id"] != outputs["own_image_id"], f"foreign: {outputs}")


def _by_id(_world: World, space: Workspace) -> None:
    """The look-up by id fails with the text of what does not exist."""
    text = space.run("plan", "-input=false", "-no-color", "-var=look_up_by_id=true", expect=1)
    expect(NOT_FOUND in " ".join(text.split()), text[-3_000:])


def _filtered(_world: World, outputs: Outputs) -> None:
    every = ["gone", "new", "old"]
    wanted = dict.fromkeys(("by_group", "by_format", "own", "unmanaged"), every)
    wanted |= {"by_name": ["new"], "by_status": ["new"], "obsolete": ["gone"]}
    expect(outputs["found"] == wanted, f"images: {outputs['found']}")
    expect(outputs["jobs"] == ["exported"], f"exports: {outputs['jobs']}")


def _renamed_own_image(world: World, outputs: Outputs) -> None:
    world.vpc("consumer-a", "PATCH", f"images/{outputs['own_image_id']}", {"name": "other"})


def _renamed_image(world: World, outputs: Outputs) -> None:
    world.vpc("publisher", "PATCH", f"images/{outputs['image_id']}", {"name": "other"})


def _offering(world: World) -> dict[str, str]:
    return {"offering_crn": world.shared_version()["offering"]}


def _outsider(world: World) -> dict[str, str]:
    return {"account_id": world.id_of("outsider"), "owner_iam_id": world.served.env("outsider")["KUNSTHALLE_IAM_ID"]}


def _founded(_world: World, outputs: Outputs) -> None:
    expect(outputs["names"] == ["new"], f"enterprises: {outputs['names']}")


def _rename_enterprise(name: str, world: World, outputs: Outputs) -> None:
    """As its owner in the account of the enterprise, which alone changes it."""
    path = f"/v1/enterprises/{outputs['enterprise_id']}"
    home = world.call("outsider", "GET", path)["enterprise_account_id"]
    world.call("outsider", "PATCH", path, {"name": name}, within=home)


def _renamed_back(world: World, space: Workspace) -> None:
    """The account that made the enterprise may not change it; its owner may."""
    text = " ".join(space.run("apply", "-input=false", "-no-color", "-auto-approve", expect=1).split())
    expect("belongs to another account" in text, text[-3_000:])
    _rename_enterprise("new", world, space.outputs())


def _encrypted(world: World) -> dict[str, str]:
    """An encrypted file in the bucket, and its passphrase wrapped with a root key that the account may use."""
    passphrase, href = secrets.token_urlsafe(24).encode(), "cos://us-south/images/encrypted.qcow2"
    write_disk(world.served.bucket("publisher") / "encrypted.qcow2", 10 * GIB, passphrase)
    key = world.root_key("publisher")
    plaintext = {"plaintext": base64.b64encode(passphrase).decode()}
    wrapped = world.call("publisher", "POST", f"/api/v2/keys/{key['id']}/actions/wrap", plaintext, vault=key["vault"])
    return {
        "image_href": IMAGE,
        "encrypted_href": href,
        "image_key": key["crn"],
        "data_key": wrapped["ciphertext"],
    }


def _encrypted_with(world: World, outputs: Outputs) -> None:
    expect(outputs["image_encryption"] == "user_managed", f"encryption: {outputs['image_encryption']}")
    expect(outputs["volume_key"] == outputs["volumes_key"], f"key of the volume: {outputs['volume_key']}")
    boot = {volume["name"]: volume for volume in world.vpc("publisher", "GET", "volumes")["volumes"]}["own-key-boot"]
    expect(boot["encryption_key"]["crn"] == outputs["volumes_key"], f"boot volume: {boot}")
    for instance in world.vpc("publisher", "GET", "instances")["instances"]:
        expect(instance["status"] == "running", f"instance: {instance['status']}")


def _renamed_encrypted(world: World, outputs: Outputs) -> None:
    world.vpc("publisher", "PATCH", f"images/{outputs['image_id']}", {"name": "other"})


WALKS: tuple[Plot, ...] = (
    Plot(_HERE / "encryption", prepare=_encrypted, check=_encrypted_with, behind=_renamed_encrypted),
    Plot(
        EXAMPLES / "instance-group",
        account="consumer-a",
        prepare=_version,
        check=_running,
        behind=partial(_renamed_instance_group, "consumer-a"),
    ),
    Plot(_HERE / "groups", prepare=_image, check=_members, behind=partial(_renamed_instance_group, "publisher")),
    Plot(_HERE / "placement", prepare=_image, check=_placed, behind=_renamed_placement_group),
    Plot(_HERE / "storage", prepare=_image, check=_stored, behind=_renamed_instance),
    Plot(_HERE / "networks", prepare=_public_key, check=_in_the_vpc, behind=_renamed_subnet),
    Plot(_HERE / "metal", prepare=_image, behind=_renamed_metal),
    Plot(_HERE / "iam", prepare=_member, check=_access, behind=_renamed_access_group),
    Plot(_HERE / "objects", prepare=_image, check=_catalogued, behind=_relabelled),
    Plot(_HERE / "images", prepare=_image, check=_filtered, behind=_renamed_image),
    Plot(_HERE / "by-offering", account="consumer-a", prepare=_offering, check=_foreign, behind=_renamed_server),
    Plot(
        _HERE / "new-enterprise",
        account="outsider",
        prepare=_outsider,
        check=_founded,
        behind=partial(_rename_enterprise, "other"),
        undo=("apply is refused, and the owner undoes the change", _renamed_back),
    ),
    Plot(_HERE / "controller", check=_tagged, behind=_untagged),
    Plot(_HERE / "keys", check=_kept, behind=_renamed_keys),
    Plot(
        _HERE / "enterprise",
        account="enterprise",
        prepare=_owner,
        check=_in_the_enterprise,
        behind=_renamed_account_group,
    ),
    Plot(
        EXAMPLES / "masked-lookup",
        account="consumer-a",
        prepare=_booted,
        check=_own_by_name,
        behind=_renamed_own_image,
        more=(("look-up by the foreign id fails", _by_id),),
    ),
    Plot(EXAMPLES / "consumer", account="consumer-a", prepare=_version, check=_foreign, behind=_renamed_server),
    Plot(EXAMPLES / "publisher", prepare=_publisher, check=_managed, behind=_relabel, destroy=unpublish),
)
"""In the order in which they are begun: the long ones first."""
