"""Every package's routes and job handlers, joined with the drivers they need, lower layers first."""

from __future__ import annotations

from kunsthalle.accounts import routes as account_routes
from kunsthalle.api.router import Route
from kunsthalle.api.vpc_not_implemented import not_implemented_routes as unserved_vpc
from kunsthalle.block_storage import jobs as storage_jobs
from kunsthalle.block_storage import routes as storage_routes
from kunsthalle.block_storage import routes_subresources as more_storage_routes
from kunsthalle.block_storage import unchecked_images
from kunsthalle.block_storage.disk_specs import DiskDrivers
from kunsthalle.block_storage.image_source import VolumesAsImages
from kunsthalle.block_storage.service import VolumeService
from kunsthalle.block_storage.snapshots import SnapshotService
from kunsthalle.catalogs import routes as catalog_routes
from kunsthalle.catalogs.explain import ImageUsage
from kunsthalle.catalogs.reclamation import CatalogHolds
from kunsthalle.catalogs.routes import catalog_handlers
from kunsthalle.catalogs.routes import not_implemented_routes as unserved_catalog
from kunsthalle.chosen_drivers import Drivers
from kunsthalle.db.engine import Store
from kunsthalle.db.integrity import Watched
from kunsthalle.iam import erasure, signing_key_rotation
from kunsthalle.iam import routes as identity_routes
from kunsthalle.iam.account_adapter import IamIdentities
from kunsthalle.iam.iam_not_implemented import not_implemented_routes as unserved_identity
from kunsthalle.iam.tokens import Tokens
from kunsthalle.images import (
    image_encryption,
    routes_buckets,
    routes_compatible_profiles,
    routes_exports,
    routes_progress,
)
from kunsthalle.images import lifecycle_dates as image_dates
from kunsthalle.images import routes as image_routes
from kunsthalle.images.blob_references import sweep_job
from kunsthalle.images.bucket_service import BucketService
from kunsthalle.images.conversion_job import Converter
from kunsthalle.images.export_job import Exporter
from kunsthalle.images.export_service import ExportService
from kunsthalle.images.import_files import ImageProcesses
from kunsthalle.images.import_job import Importer
from kunsthalle.images.import_sources import FORSAKEN_SECONDS
from kunsthalle.images.service import ImageService
from kunsthalle.instances import routes as instance_routes
from kunsthalle.instances import routes_machines
from kunsthalle.instances.bare_metal import jobs as metal_jobs
from kunsthalle.instances.bare_metal import routes as metal_routes
from kunsthalle.instances.deployment_overrides import rehearse
from kunsthalle.instances.groups import routes as group_routes
from kunsthalle.instances.groups import scheduled_actions as group_actions
from kunsthalle.instances.groups.scaling_job import Scaler
from kunsthalle.instances.groups.service import GroupService
from kunsthalle.instances.image_usage_questions import questions
from kunsthalle.instances.machine_jobs import Machines
from kunsthalle.instances.placement_groups import jobs as placement_group_jobs
from kunsthalle.instances.placement_groups import routes as placement_group_routes
from kunsthalle.instances.profile_matching import Fitting
from kunsthalle.instances.service import InstanceService
from kunsthalle.instances.templates.service import TemplateService
from kunsthalle.jobs import audit_retention, queue
from kunsthalle.key_protect import rotation_job as key_rotation
from kunsthalle.key_protect import routes as key_routes
from kunsthalle.key_protect import routes_key_policies as key_policy_routes
from kunsthalle.key_protect import service as key_service
from kunsthalle.key_protect.routes import not_implemented_routes as unserved_keys
from kunsthalle.networks import routes as network_routes
from kunsthalle.operator import master_key_rotation
from kunsthalle.operator.doctor import routes as doctor_routes
from kunsthalle.search import routes as search_routes
from kunsthalle.search.routes_global_catalog import not_implemented_routes as unserved_entries
from kunsthalle.search.routes_resource_controller import not_implemented_routes as unserved_resources


def join(
    drivers: Drivers, tokens: Tokens, store: Store, watched: Watched
) -> tuple[tuple[Route, ...], tuple[queue.Handler, ...]]:
    """The routes of all packages, and the handlers of all jobs."""
    blobs = drivers.blobs
    disks = disks_of(drivers)
    disks.disks.sweep()
    drivers.buckets.sweep(0 if drivers.alone else FORSAKEN_SECONDS)
    volumes = VolumesAsImages(disks)
    processes = ImageProcesses(drivers.image_processes, store.priority)
    importer = Importer(blobs, drivers.buckets, volumes, drivers.tools, drivers.limits, processes)
    scratch = drivers.scratch
    exporter = Exporter(
        blobs, drivers.buckets, drivers.tools, drivers.limits, scratch, drivers.space, drivers.bucket_bytes, processes
    )
    converter = Converter(drivers.buckets, drivers.tools, drivers.limits, scratch, drivers.space)
    snapshots, fitting = SnapshotService(blobs), Fitting()
    instances = InstanceService(blobs)
    scaler = Scaler(instances)
    routes = (
        *account_routes.routes(IamIdentities()),
        *identity_routes.routes(tokens),
        *key_routes.routes(),
        *key_policy_routes.routes(),
        *image_routes.routes(ImageService(drivers.buckets, volumes, CatalogHolds())),
        *routes_exports.routes(ExportService(drivers.buckets, blobs)),
        *routes_buckets.routes(BucketService(drivers.buckets, drivers.limits, drivers.bucket_bytes)),
        *routes_compatible_profiles.routes(fitting),
        *routes_progress.routes(),
        *catalog_routes.routes(rehearse, ImageUsage(questions), drivers.reclamation_period),
        *network_routes.routes(),
        *storage_routes.routes(VolumeService(blobs), snapshots),
        *more_storage_routes.routes(snapshots, fitting),
        *instance_routes.routes(instances, TemplateService()),
        *routes_machines.routes(drivers.hypervisor),
        *group_routes.routes(GroupService(scaler)),
        *metal_routes.routes(),
        *placement_group_routes.routes(),
        *search_routes.routes(drivers.reclamation_period),
        *doctor_routes.routes(store, disks, watched),
    )
    handlers = (
        importer.handler(),
        exporter.handler(),
        converter.handler(),
        image_dates.handler(),
        image_encryption.state_job(),
        key_service.purge_job(),
        key_rotation.rotate_job(),
        sweep_job(blobs, disks.disks.forget_base),
        audit_retention.handler(),
        signing_key_rotation.handler(),
        master_key_rotation.handler(),
        *catalog_handlers(rehearse),
        *erasure.handlers(),
        *storage_jobs.handlers(disks),
        unchecked_images.handler(disks),
        *Machines(disks).handlers(),
        *scaler.handlers(),
        *group_actions.handlers(),
        metal_jobs.handler(),
        placement_group_jobs.handler(drivers.hypervisor),
    )
    return routes, handlers


def disks_of(drivers: Drivers) -> DiskDrivers:
    """What jobs on disks work with."""
    return DiskDrivers(drivers.hypervisor, drivers.blobs, drivers.tools, drivers.limits, drivers.scratch)


def not_implemented() -> tuple[Route, ...]:
    """Operations of the SDKs that are known, and answered with 501: each package's own table of them."""
    tables = (unserved_vpc, unserved_identity, unserved_catalog, unserved_keys, unserved_resources, unserved_entries)
    return tuple(route for table in tables for route in table())
