"""The official SDKs, pointed at a served process, and the raw calls that the Python SDK has no method for."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ibm_cloud_sdk_core.authenticators import IAMAuthenticator
from ibm_platform_services import (
    CatalogManagementV1,
    IamIdentityV1,
    IamPolicyManagementV1,
    ResourceControllerV2,
    ResourceManagerV2,
)
from ibm_vpc import VpcV1

from kunsthalle.disk_images.writers import write_qcow2
from kunsthalle.testing import Served

PATIENCE = 60


def eventually(check: Callable[[], Any], what: str) -> Any:
    """The first truthy answer, asked for until a deadline."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = check()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {PATIENCE} s")


class Account:
    """One account's clients."""

    def __init__(self, served: Served, name: str) -> None:
        self.env = served.env(name)
        self.id = self.env["IBMCLOUD_ACCOUNT_ID"]
        self.iam_id = self.env["KUNSTHALLE_IAM_ID"]
        self.url = self.env["KUNSTHALLE_URL"]
        self.bucket = served.bucket(name)
        self.authenticator = IAMAuthenticator(self.env["IBMCLOUD_API_KEY"], url=self.url)
        auth = self.authenticator
        self.vpc = VpcV1(authenticator=auth)
        self.vpc.set_service_url(self.env["IBMCLOUD_IS_NG_API_ENDPOINT"])
        self.catalog = CatalogManagementV1(authenticator=auth)
        self.catalog.set_service_url(self.env["IBMCLOUD_CATALOG_MANAGEMENT_API_ENDPOINT"])
        self.identity = IamIdentityV1(authenticator=auth)
        self.identity.set_service_url(self.url)
        self.policies = IamPolicyManagementV1(authenticator=auth)
        self.policies.set_service_url(self.url)
        self.groups = ResourceManagerV2(authenticator=auth)
        self.groups.set_service_url(self.url)
        self.controller = ResourceControllerV2(authenticator=auth)
        self.controller.set_service_url(self.url)

    @property
    def refresh_token(self) -> str:
        return str(self.authenticator.token_manager.request_token()["refresh_token"])

    def raw(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """A call of the new surface, which the Python SDK has no method for; the decoded answer."""
        request = self.catalog.prepare_request(method=method, url=path, headers=headers, data=_data(body))
        return self.catalog.send(request)

    def put_image(self, name: str, content: bytes = b"golden bytes") -> str:
        """Puts a qcow2 of these bytes into the account's bucket; its cos:// address."""
        write_qcow2(Path(self.bucket) / name, 2**30, content)
        return f"cos://us-south/images/{name}"

    def import_image(self, name: str, content: bytes = b"golden bytes") -> dict[str, Any]:
        """An image of the account, available."""
        prototype = {
            "name": name,
            "file": {"href": self.put_image(f"{name}.qcow2", content)},
            "operating_system": {"name": "debian-12-amd64"},
        }
        made = self.vpc.create_image(prototype).get_result()
        assert made["status"] == "pending"
        return self.settled_image(made["id"])

    def settled_image(self, id_: str) -> dict[str, Any]:
        """The image once its import has ended."""

        def ended() -> Any:
            image = self.vpc.get_image(id_).get_result()
            return None if image["status"] == "pending" else image

        return dict(eventually(ended, "the end of the import"))

    def network(self) -> dict[str, Any]:
        """What a server must name: the scenario's VPC, subnet and key."""
        subnet = self.vpc.list_subnets().get_result()["subnets"][0]
        return {
            "vpc": {"id": subnet["vpc"]["id"]},
            "zone": {"name": subnet["zone"]["name"]},
            "profile": {"name": "bx2-2x8"},
            "keys": [{"id": self.vpc.list_keys().get_result()["keys"][0]["id"]}],
            "primary_network_interface": {"subnet": {"id": subnet["id"]}},
        }

    def running(self, id_: str) -> dict[str, Any]:
        """The server once it runs."""

        def runs() -> Any:
            server = self.vpc.get_instance(id_).get_result()
            assert server["status"] != "failed", server["status_reasons"]
            return server if server["status"] == "running" else None

        return dict(eventually(runs, "the boot"))

    def boot(self, name: str, **source: Any) -> dict[str, Any]:
        """A running server from an image, an offering or a version."""
        made = self.vpc.create_instance({"name": name, **self.network(), **source}).get_result()
        return self.running(made["id"])


def _data(body: Any) -> Any:
    import json

    return None if body is None else json.dumps(body)


def vsi_import(image: dict[str, Any], version: str = "1.0.0", **more: Any) -> dict[str, Any]:
    """The body that imports an image as a version (new surface)."""
    return {
        "name": "golden",
        "label": "Golden",
        "version": version,
        "install_kind": "instance",
        "target_kinds": ["vpc-x86"],
        "format_kind": "vsi-image",
        "sha": image["file"]["checksums"]["sha256"],
        "metadata": {
            "operating_system": image["operating_system"],
            "file": {"size": image["file"]["size"]},
            "minimum_provisioned_size": image["minimum_provisioned_size"],
            "images": [{"id": image["id"], "name": image["name"], "region": "us-south"}],
        },
        **more,
    }


class Product:
    """A catalog with one offering and one version of an image, made through the API."""

    def __init__(self, owner: Account, image: dict[str, Any], name: str = "golden") -> None:
        self.owner = owner
        self.catalog = owner.catalog.create_catalog(label=f"{name} catalog").get_result()
        made = owner.catalog.create_offering(self.catalog["id"], name=name, label=name.title())
        self.offering = made.get_result()
        self.path = f"/catalogs/{self.catalog['id']}/offerings/{self.offering['id']}"
        answer = owner.raw("POST", f"{self.path}/version", vsi_import(image)).get_result()
        self.version = answer["kinds"][0]["versions"][0]
        self.locator = self.version["version_locator"]

    def validate(self) -> None:
        owner = self.owner
        owner.catalog.validate_install(self.locator, x_auth_refresh_token=owner.refresh_token)

        def valid() -> bool:
            status = owner.catalog.get_validation_status(self.locator, x_auth_refresh_token=owner.refresh_token)
            return bool(status.get_result()["state"] == "valid")

        eventually(valid, "the validation")

    def publish(self) -> None:
        self.validate()
        self.owner.raw("POST", f"/versions/{self.locator}/consume-publish")

    def share_with(self, *accounts: Account) -> None:
        self.owner.raw("POST", f"{self.path}/access", [f"-acct-{account.id}" for account in accounts])
        self.owner.raw("POST", f"{self.path}/share", {"ibm": False, "public": False, "enabled": True})

    def accept_as(self, account: Account) -> None:
        account.raw("POST", "/shareapproval/offering/access/source/approved", [f"-acct-{self.owner.id}"])
