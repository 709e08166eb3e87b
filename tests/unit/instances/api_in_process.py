"""The API in one process for tests of instances and storage: two accounts of an enterprise and one outside it."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fixtures.direct_calls import called
from fixtures.engines import storage_at
from fixtures.worlds import World, add_image, holding
from kunsthalle.accounts.queries import recipients
from kunsthalle.accounts.service import found_enterprise, open_account
from kunsthalle.api.pipeline import Authenticator, Pipeline
from kunsthalle.api.router import Router
from kunsthalle.api.surfaces.vpc import VPC as FAMILY
from kunsthalle.authz.context import Actor, Context
from kunsthalle.authz.roles import VIEWER
from kunsthalle.blobs.filesystem import FilesystemBlobs
from kunsthalle.block_storage import jobs as storage_jobs
from kunsthalle.block_storage import routes as storage_routes
from kunsthalle.block_storage import routes_subresources as more_storage_routes
from kunsthalle.block_storage.disk_specs import DiskDrivers
from kunsthalle.block_storage.image_source import VolumesAsImages
from kunsthalle.block_storage.service import VolumeService
from kunsthalle.block_storage.snapshots import SnapshotService
from kunsthalle.catalogs import routes as catalog_routes
from kunsthalle.catalogs.explain import ImageUsage
from kunsthalle.catalogs.reclamation import CatalogHolds
from kunsthalle.catalogs.routes import catalog_handlers
from kunsthalle.core.clock import DAY, SECOND
from kunsthalle.core.errors import unauthenticated
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import rows_of
from kunsthalle.disk_images.limits import Limits
from kunsthalle.disk_images.qemu_img import Tools
from kunsthalle.disk_images.writers import write_qcow2
from kunsthalle.hypervisor.qemu.qemu_engine import Qemu
from kunsthalle.hypervisor.simulated.simulated_engine import Simulated
from kunsthalle.images import blob_references as blob_bytes
from kunsthalle.images import routes as image_routes
from kunsthalle.images.import_job import Importer
from kunsthalle.images.import_sources import AccountBuckets
from kunsthalle.images.models import Image
from kunsthalle.images.service import ImageService
from kunsthalle.images.tables import blob_refs
from kunsthalle.instances import routes as instance_routes
from kunsthalle.instances.deployment_overrides import rehearse
from kunsthalle.instances.image_usage_questions import questions
from kunsthalle.instances.machine_jobs import Machines
from kunsthalle.instances.profile_matching import Fitting
from kunsthalle.instances.service import InstanceService
from kunsthalle.instances.templates.service import TemplateService
from kunsthalle.jobs.worker import Worker
from kunsthalle.networks import service as networks
from kunsthalle.networks.models import Key, Subnet, Vpc

VERSION = {"version": "2026-10-06", "generation": "2"}
ZONE = "us-south-1"
GIB = 2**30


@dataclass
class Home:
    """What an account's servers need: its network and keys."""

    ctx: Context
    vpc: Vpc
    subnet: Subnet
    key: Key
    rsa: Key

    def prototype(self, **changes: Any) -> dict[str, Any]:
        """The body of a server but for its source; None takes a field out."""
        body: dict[str, Any] = {
            "zone": {"name": ZONE},
            "vpc": {"id": self.vpc.id},
            "keys": [{"id": self.key.id}],
            "profile": {"name": "bx2-2x8"},
            "primary_network_interface": {"subnet": {"id": self.subnet.id}},
            **changes,
        }
        return {name: value for name, value in body.items() if value is not None}


class Api:
    """Routes and jobs of the packages on a store. `hypervisor` and `tools` may be real ones."""

    def __init__(
        self, world: World, root: Path, hypervisor: Simulated | Qemu | None = None, tools: Tools | None = None
    ) -> None:
        self.world, self.root = world, root
        self.hypervisor = hypervisor or Simulated(root / "machines", storage_at(root, tools))
        self.blobs = FilesystemBlobs(root / "blobs")
        self.disks = self.hypervisor.disks
        self.drivers = DiskDrivers(self.hypervisor, self.blobs, tools, Limits(), root / "disks" / "scratch")
        buckets = AccountBuckets(root / "buckets")
        volumes, snapshots = VolumesAsImages(self.drivers), SnapshotService(self.blobs)
        self.machines = Machines(self.drivers, patience=5)
        routes = (
            *image_routes.routes(ImageService(buckets, volumes, CatalogHolds())),
            *catalog_routes.routes(rehearse, ImageUsage(questions), 7 * DAY),
            *storage_routes.routes(VolumeService(self.blobs), snapshots),
            *more_storage_routes.routes(snapshots, Fitting()),
            *instance_routes.routes(InstanceService(self.blobs), TemplateService()),
        )
        self.handlers = (
            Importer(self.blobs, buckets, volumes, tools, Limits()).handler(),
            blob_bytes.sweep_job(self.blobs),
            *catalog_handlers(rehearse),
            *storage_jobs.handlers(self.drivers),
            *self.machines.handlers(),
        )
        self.worker = Worker(world.store, world.base, self.handlers)
        self.callers: dict[str, Context] = {}
        self.homes: dict[str, Home] = {}
        self._open()
        gate = Authenticator(self._authenticate, lambda _given: False)
        self._app = Pipeline(Router(routes), world.store, gate, world.base, lambda _path: FAMILY, None)

    def _open(self) -> None:
        def accounts(session: Session) -> dict[str, Any]:
            root, _ = found_enterprise(session, "enterprise")
            inside = {name: open_account(session, name, root) for name in ("me", "consumer")}
            return {**inside, "stranger": open_account(session, "stranger", None)}

        for name, account in self.world.write(self.world.base, accounts).items():
            system = self.world.base.as_system(account.id)
            known = self.world.read(system, recipients, account.id)
            ctx = dataclasses.replace(system, actor=Actor(account.owner_iam_id, f"{name} owner"), recipients=known)
            self.callers[name] = ctx
            self.homes[name] = self.world.write(ctx, _furnish)
        self.callers["viewer"] = holding(self.callers["me"], VIEWER, [])

    def _authenticate(self, session: Session, authorization: str) -> Context:
        caller = self.callers.get(authorization.removeprefix("Bearer "))
        if caller is None:
            raise unauthenticated()
        return dataclasses.replace(caller, trace=session.ctx.trace, origin=session.ctx.origin)

    @property
    def home(self) -> Home:
        return self.homes["me"]

    def image(self, name: str = "mine", *, caller: str = "me", content: bytes = b"boot", **fields: Any) -> Image:
        """A real image of 1 GiB, its bytes in the blobs."""
        path = self.root / f"{name}.qcow2"
        path.unlink(missing_ok=True)
        write_qcow2(path, GIB, content + name.encode())
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        size = path.stat().st_size
        self.blobs.adopt(path, digest)
        known = {"digest": digest, "format": "qcow2", "file_size": size, "virtual_size": GIB, "checked": 1}
        known |= {
            "allowed_use": {"api_version": "2026-01-01", "instance": "true", "bare_metal_server": "true"},
            **fields,
        }

        def make(session: Session) -> Image:
            image = add_image(session, name, **known)
            blob_bytes.retain(session, self.blobs, digest, f"image:{image.id}")
            return image

        return self.world.write(self.callers[caller], make)

    def holders(self, digest: str) -> set[str]:
        """Who refers to some bytes."""

        def read(session: Session) -> set[str]:
            return {row.holder for row in rows_of(session, blob_refs, blob_refs.c.digest == digest)}

        return self.world.read(self.world.base, read)

    def call(
        self, method: str, path: str, body: Any = None, *, status: int, caller: str = "me", **query: str
    ) -> dict[str, Any]:
        """The JSON of the answer; fails unless it has the status."""
        answer = self.answer(method, path, body, caller=caller, **query)
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found

    def answer(
        self, method: str, path: str, body: Any = None, *, caller: str = "me", if_match: str | None = None, **query: str
    ) -> httpx.Response:
        headers = {"host": "here", "authorization": f"Bearer {caller}", "x-auth-refresh-token": "any"}
        headers |= {} if if_match is None else {"if-match": if_match}
        asked: Mapping[str, str] = {**VERSION, **query} if path.startswith("/v1/") else query
        return called(self._app, method, path, headers, body, asked)

    def code(self, method: str, path: str, body: Any = None, *, status: int, **more: Any) -> tuple[str, str | None]:
        """Code and target of the one error of a refusal."""
        (error,) = self.call(method, path, body, status=status, **more)["errors"]
        return error["code"], error.get("target", {}).get("name")

    def settle(self) -> None:
        """Works off everything that is due."""
        assert self.worker.settle(), "jobs are left"

    def later(self, seconds: int) -> None:
        """Moves the clock, and works off what became due."""
        self.worker.travel(self.world.clock, self.world.clock.now() + seconds * SECOND)

    def server(self, *, caller: str = "me", **source: Any) -> dict[str, Any]:
        """A server that runs."""
        made = self.call("POST", "/v1/instances", self.homes[caller].prototype(**source), status=201, caller=caller)
        self.settle()
        return self.call("GET", f"/v1/instances/{made['id']}", status=200, caller=caller)

    def act(self, id_: str, type_: str, status: int = 201, **more: Any) -> dict[str, Any]:
        """An action on a server, done."""
        answer = self.call("POST", f"/v1/instances/{id_}/actions", {"type": type_, **more}, status=status)
        self.settle()
        return answer

    def state(self, id_: str) -> str:
        return str(self.call("GET", f"/v1/instances/{id_}", status=200)["status"])


def _furnish(session: Session) -> Home:
    vpc = networks.create_vpc(session, "default")
    subnet = networks.create_subnet(session, vpc, "default", ZONE, count=256)
    key = networks.create_key(session, "default", _public(ed25519.Ed25519PrivateKey.generate()))
    second = networks.create_key(session, "rsa", rsa_line())
    return Home(session.ctx, vpc, subnet, key, second)


@cache
def rsa_line() -> str:
    """A public key of 2048 bits, one for the process: to make it takes longer than all else that an account has."""
    return _public(rsa.generate_private_key(65537, 2048))


def _public(private: Any) -> str:
    return str(private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode())
