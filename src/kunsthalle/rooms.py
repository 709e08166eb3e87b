"""Every room's routes and job handlers, joined from left to right with the drivers they need."""

from __future__ import annotations

from kunsthalle.accounts import routes as account_routes
from kunsthalle.api.routing import Route
from kunsthalle.api.unserved import unserved_routes as unserved_vpc
from kunsthalle.catalogs import credentials
from kunsthalle.catalogs import routes as catalog_routes
from kunsthalle.catalogs.handlers import catalog_handlers
from kunsthalle.catalogs.unserved import unserved_routes as unserved_catalog
from kunsthalle.doctor import routes as doctor_routes
from kunsthalle.drivers import Drivers
from kunsthalle.founding import IamIdentities
from kunsthalle.identity import routes as identity_routes
from kunsthalle.identity import signing
from kunsthalle.identity.tokens import Tokens
from kunsthalle.identity.unserved import unserved_routes as unserved_identity
from kunsthalle.images import dates as image_dates
from kunsthalle.images import export_routes, fitting_routes, progress_routes
from kunsthalle.images import routes as image_routes
from kunsthalle.images.bytes import sweep_job
from kunsthalle.images.exporting import Exporter
from kunsthalle.images.exports import ExportService
from kunsthalle.images.imports import Importer
from kunsthalle.images.service import ImageService
from kunsthalle.instances import machine_routes
from kunsthalle.instances import routes as instance_routes
from kunsthalle.instances.fitting import Fitting
from kunsthalle.instances.groups import actions as group_actions
from kunsthalle.instances.groups import routes as group_routes
from kunsthalle.instances.groups.scaling import Scaler
from kunsthalle.instances.groups.service import GroupService
from kunsthalle.instances.machines import Machines
from kunsthalle.instances.metal import jobs as metal_jobs
from kunsthalle.instances.metal import routes as metal_routes
from kunsthalle.instances.rehearsal import rehearse
from kunsthalle.instances.service import InstanceService
from kunsthalle.instances.templates import TemplateService
from kunsthalle.networks import routes as network_routes
from kunsthalle.search import routes as search_routes
from kunsthalle.search.routes_resources import unserved_routes as unserved_resources
from kunsthalle.storage import checking
from kunsthalle.storage import jobs as storage_jobs
from kunsthalle.storage import more_routes as more_storage_routes
from kunsthalle.storage import routes as storage_routes
from kunsthalle.storage.as_image import VolumesAsImages
from kunsthalle.storage.disks import Disks
from kunsthalle.storage.service import VolumeService
from kunsthalle.storage.snapshots import SnapshotService
from kunsthalle.store import jobs, retention
from kunsthalle.store.encryption import Turn
from kunsthalle.store.engine import Store
from kunsthalle.store.integrity import Watched
from kunsthalle.store.unit import Unit


def join(
    drivers: Drivers, tokens: Tokens, store: Store, watched: Watched
) -> tuple[tuple[Route, ...], tuple[jobs.Handler, ...]]:
    """The routes of all rooms, and the handlers of all jobs."""
    blobs = drivers.blobs
    disks = disks_of(drivers)
    disks.sweep()
    drivers.buckets.sweep()
    volumes = VolumesAsImages(disks)
    importer = Importer(blobs, drivers.buckets, volumes, drivers.tools, drivers.limits)
    scratch = drivers.disks / "scratch"
    exporter = Exporter(
        blobs, drivers.buckets, drivers.tools, drivers.limits, scratch, drivers.space, drivers.bucket_bytes
    )
    snapshots, fitting = SnapshotService(blobs), Fitting()
    instances = InstanceService(blobs)
    scaler = Scaler(instances)
    routes = (
        *account_routes.routes(IamIdentities()),
        *identity_routes.routes(tokens),
        *image_routes.routes(ImageService(drivers.buckets, volumes)),
        *export_routes.routes(ExportService(drivers.buckets, blobs)),
        *fitting_routes.routes(fitting),
        *progress_routes.routes(),
        *catalog_routes.routes(rehearse),
        *network_routes.routes(),
        *storage_routes.routes(VolumeService(blobs), snapshots),
        *more_storage_routes.routes(snapshots, fitting),
        *instance_routes.routes(instances, TemplateService()),
        *machine_routes.routes(drivers.hypervisor),
        *group_routes.routes(GroupService(scaler)),
        *metal_routes.routes(),
        *search_routes.routes(),
        *doctor_routes.routes(store, disks, watched),
    )
    handlers = (
        importer.handler(),
        exporter.handler(),
        image_dates.handler(),
        sweep_job(blobs),
        retention.handler(),
        *catalog_handlers(rehearse),
        *storage_jobs.handlers(disks),
        checking.handler(disks),
        *Machines(disks).handlers(),
        scaler.handler(),
        *group_actions.handlers(),
        metal_jobs.handler(),
    )
    return routes, handlers


def disks_of(drivers: Drivers) -> Disks:
    """The disks that these drivers make."""
    more = (drivers.tools, drivers.limits, drivers.quota, drivers.space)
    return Disks(drivers.disks, drivers.hypervisor, drivers.blobs, *more)


def unserved() -> tuple[Route, ...]:
    """Operations of the SDKs that are known, and answered with 501: each room's own table of them."""
    return (*unserved_vpc(), *unserved_identity(), *unserved_catalog(), *unserved_resources())


def renew_secrets(unit: Unit, turn: Turn) -> None:
    """Puts what the turn makes of it in the place of every value that is kept encrypted."""
    signing.renew(unit, turn)
    credentials.renew(unit, turn)
