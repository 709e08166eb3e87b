"""`/v1/images/{image_id}/export_jobs`."""

from __future__ import annotations

from kunsthalle.api import access
from kunsthalle.api.crud import Resource, making, reading, updating
from kunsthalle.api.query_params import Parameters
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.vpc import VPC
from kunsthalle.api.vpc_parameters import Name
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized, some
from kunsthalle.images.export_service import ExportService
from kunsthalle.images.models import Image, ImageExport
from kunsthalle.images.resources import EXPORT, IMAGE
from kunsthalle.images.schemas_exports import CreateExportRequest, ExportResponse, Exports, export_response

PATH = "/v1/images/{image_id}/export_jobs"
EXPORTS = Resource(
    EXPORT,
    PATH,
    to_response=export_response,
    answer=ExportResponse,
    parent=IMAGE,
    parent_field="image_id",
)


class ExportParameters(Parameters, frozen=True):
    """Of the list of export jobs, which has no pages."""

    name: Name = None


def _list(session: Session, _request: Request, image: Image, query: ExportParameters) -> Exports:
    """List the export jobs of an image."""
    columns = EXPORT.table.c
    where = [columns.image_id == image.id]
    if query.name is not None:
        where.append(columns.name == query.name)
    return Exports(export_jobs=[export_response(export, session) for export in some(session, EXPORT, *where)])


def routes(service: ExportService) -> tuple[Route, ...]:
    def delete(session: Session, _request: Request, export: Authorized[ImageExport]) -> None:
        """Delete an export job, and cancel it if it has not ended."""
        service.delete(session, export)

    above = access.item(IMAGE, param="image_id")
    return (
        route("GET", PATH, _list, surface=VPC, access=above, answer=Exports, query=ExportParameters),
        reading(EXPORTS, "Get an export job of an image."),
        making(EXPORTS, "Create an export job of an image.", service.create, CreateExportRequest),
        updating(EXPORTS, "Change an export job of an image."),
        route("DELETE", f"{PATH}/{{id}}", delete, surface=VPC, access=EXPORTS.on_one("delete"), status=202),
    )
