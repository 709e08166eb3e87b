"""Somebody to act as in a world: an account with its owner's key, SDK clients, buckets and command line."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kunsthalle.local import environment
from kunsthalle.local.client import access_token

if TYPE_CHECKING:
    from ibm_cloud_sdk_core.authenticators import IAMAuthenticator
    from ibm_platform_services import (
        CatalogManagementV1,
        EnterpriseManagementV1,
        GlobalSearchV2,
        GlobalTaggingV1,
        IamAccessGroupsV2,
        IamIdentityV1,
        IamPolicyManagementV1,
        ResourceControllerV2,
        ResourceManagerV2,
        UserManagementV1,
    )
    from ibm_vpc import VpcV1

    from kunsthalle.testing.world import World

GIB = 2**30
BUCKET = "images"
_REGION = "us-south"
_PACKAGES = {"ibm_vpc": "ibm-vpc", "ibm_platform_services": "ibm-platform-services"}


class MissingSdk(ImportError):
    """An SDK that a test asked for is not installed."""


class CommandFailed(AssertionError):
    """`ibmcloud` ended with another status than 0; the message holds what it wrote."""


class Persona:
    """The owner of an account. Clients are made when they are asked for, from the SDKs that the test has installed."""

    def __init__(self, world: World, name: str, known: dict[str, Any]) -> None:
        self._world = world
        self.name = name
        self.account_id: str = known["account_id"]
        self.iam_id: str = known["iam_id"]
        self.api_key: str = known["api_key"]

    @cached_property
    def variables(self) -> dict[str, str]:
        """What `kunsthalle env` prints for the account, and the SDKs' external configuration."""
        values = environment.variables(self._world.data, self.name)
        sdk = environment.render(values, "sdk").splitlines()
        return {**values, **dict(line.split("=", 1) for line in sdk), "KUNSTHALLE_DATA": str(self._world.data)}

    @property
    def environment(self) -> dict[str, str]:
        """For a subprocess that acts as the account: the variables of this process, and those of the account."""
        return {**os.environ, **self.variables, "IBMCLOUD_HOME": str(self._home)}

    @property
    def terraform_environment(self) -> dict[str, str]:
        """For Terraform, whose provider stops where the id of the account is in the environment."""
        return {name: text for name, text in self.environment.items() if name not in environment.NOT_FOR_TERRAFORM}

    @property
    def _home(self) -> Path:
        path = self._world.scratch / self.name
        path.mkdir(exist_ok=True)
        return path

    @property
    def token(self) -> str:
        """A new access token, for callers that speak HTTP themselves."""
        return access_token(self._world.url, self.api_key)

    @property
    def bucket(self) -> Bucket:
        """The account's bucket, from which images are imported."""
        return Bucket(Path(self.variables["KUNSTHALLE_BUCKETS"]) / BUCKET)

    def ibmcloud(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `ibmcloud` as the account, signed in. CommandFailed where it does not end with 0, unless `check` is off.

        The session is the persona's own: nothing of the user's is read or written.
        """
        if not any(self._home.iterdir()):
            self._run("login", "-a", self._world.url, "-r", _REGION, check=True)
        return self._run(*words, check=check)

    def _run(self, *words: str, check: bool) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "kunsthalle.ibmcloud.main", *words]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)  # noqa: S603  our own program
        if check and done.returncode:
            raise CommandFailed(f"ibmcloud {' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    @cached_property
    def authenticator(self) -> IAMAuthenticator:
        """Signs the account in with its API key, as programs do."""
        made: IAMAuthenticator = _load("ibm_cloud_sdk_core.authenticators", "IAMAuthenticator", "ibm-cloud-sdk-core")(
            self.api_key, url=self._world.url
        )
        return made

    def client(self, module: str, name: str, path: str = "") -> Any:
        """A client of an SDK whose address is the world's, with `path` behind it. MissingSdk where it is not there."""
        client = _load(module, name, _PACKAGES.get(module, module))(authenticator=self.authenticator)
        client.set_service_url(self._world.url + path)
        return client

    @cached_property
    def vpc(self) -> VpcV1:
        client: VpcV1 = self.client("ibm_vpc", "VpcV1", "/v1")
        return client

    @cached_property
    def catalog_management(self) -> CatalogManagementV1:
        client: CatalogManagementV1 = self.client("ibm_platform_services", "CatalogManagementV1", "/api/v1-beta")
        return client

    @cached_property
    def iam_identity(self) -> IamIdentityV1:
        client: IamIdentityV1 = self.client("ibm_platform_services", "IamIdentityV1")
        return client

    @cached_property
    def iam_policy_management(self) -> IamPolicyManagementV1:
        client: IamPolicyManagementV1 = self.client("ibm_platform_services", "IamPolicyManagementV1")
        return client

    @cached_property
    def iam_access_groups(self) -> IamAccessGroupsV2:
        client: IamAccessGroupsV2 = self.client("ibm_platform_services", "IamAccessGroupsV2")
        return client

    @cached_property
    def enterprise_management(self) -> EnterpriseManagementV1:
        client: EnterpriseManagementV1 = self.client("ibm_platform_services", "EnterpriseManagementV1", "/v1")
        return client

    @cached_property
    def resource_manager(self) -> ResourceManagerV2:
        client: ResourceManagerV2 = self.client("ibm_platform_services", "ResourceManagerV2")
        return client

    @cached_property
    def resource_controller(self) -> ResourceControllerV2:
        client: ResourceControllerV2 = self.client("ibm_platform_services", "ResourceControllerV2")
        return client

    @cached_property
    def user_management(self) -> UserManagementV1:
        client: UserManagementV1 = self.client("ibm_platform_services", "UserManagementV1")
        return client

    @cached_property
    def global_search(self) -> GlobalSearchV2:
        client: GlobalSearchV2 = self.client("ibm_platform_services", "GlobalSearchV2")
        return client

    @cached_property
    def global_tagging(self) -> GlobalTaggingV1:
        client: GlobalTaggingV1 = self.client("ibm_platform_services", "GlobalTaggingV1")
        return client


class Bucket:
    """A bucket of an account: a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def put(self, key: str, content: bytes) -> str:
        """Put an object there; its `cos://` address."""
        place = self.path / key
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        return self.address(key)

    def put_image(self, key: str = "image.qcow2", content: bytes = b"made by a test", size: int = GIB) -> str:
        """Put a real qcow2 image there; its `cos://` address. `content` is what its disk of `size` bytes begins with:
        images of other content have other checksums. Some 300 KB are written, whatever the size.
        """
        from kunsthalle.disk_images.writers import write_qcow2

        write_qcow2(self.path / key, size, content)
        return self.address(key)

    def address(self, key: str) -> str:
        """The address of an object, as `file.href` of an image takes it."""
        return f"cos://{_REGION}/{self.path.name}/{key}"


def _load(module: str, name: str, package: str) -> Any:
    try:
        return getattr(import_module(module), name)
    except ImportError as error:
        text = f"{name} needs the package {package}, which is not installed: pip install {package}, or kunsthalle[sdk]."
        raise MissingSdk(text) from error
