"""`/v1/images/{image_id}/export_jobs`."""

from __future__ import annotations

from kunsthalle.api import access
from kunsthalle.api.families.vpc import VPC
from kunsthalle.api.regular import Resource, making, reading, updating
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Route, route
from kunsthalle.images.export_wire import CreateExportBody, Exports, ExportWire, export_wire
from kunsthalle.images.exports import ExportService
from kunsthalle.images.kinds import EXPORT, IMAGE
from kunsthalle.store.scope import some
from kunsthalle.store.unit import Unit

PATH = "/v1/images/{image_id}/export_jobs"
EXPORTS = Resource(
    EXPORT,
    "export job of an image",
    PATH,
    to_wire=export_wire,
    answer=ExportWire,
    parent=IMAGE,
    parent_field="image_id",
)


def _list(unit: Unit, request: Request) -> Exports:
    """List the export jobs of an image."""
    columns = EXPORT.table.c
    where = [columns.image_id == request.granted.it.id]
    if "name" in request.query:
        where.append(columns.name == request.query["name"])
    return Exports(export_jobs=[export_wire(one, unit) for one in some(unit, EXPORT, *where)])


def routes(service: ExportService) -> tuple[Route, ...]:
    def delete(unit: Unit, request: Request) -> None:
        """Delete an export job, and cancel it if it has not ended."""
        service.delete(unit, request.granted)

    above = access.item(IMAGE, param="image_id")
    return (
        route("GET", PATH, _list, family=VPC, access=above, answer=Exports),
        reading(EXPORTS),
        making(EXPORTS, service.create, CreateExportBody),
        updating(EXPORTS),
        route("DELETE", f"{PATH}/{{id}}", delete, family=VPC, access=EXPORTS.on_one("delete"), status=202),
    )
