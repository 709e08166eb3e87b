"""`/_kunsthalle/…/progress`: how far an import or an export is, for whoever may see the resource itself.

The contract has a status for both, and no place for a number.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from kunsthalle.api import access
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.serialization import ResponseBody
from kunsthalle.api.surfaces.iam import OPERATOR
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.closed_tables import ClosedTable
from kunsthalle.db.session import Session
from kunsthalle.images import transfer_progress
from kunsthalle.images.models import Image, ImageExport
from kunsthalle.images.resources import IMAGE
from kunsthalle.images.routes_exports import EXPORTS
from kunsthalle.images.states import EXPORT_STATES, IMAGE_STATES

_PHASES = ClosedTable(
    "state of an image or an export",
    {*IMAGE_STATES.states, *EXPORT_STATES.states},
    {
        "pending": "waiting",
        "queued": "waiting",
        "running": "writing",
        "available": "done",
        "deprecated": "done",
        "obsolete": "done",
        "unusable": "done",
        "succeeded": "done",
        "failed": "failed",
        "deleting": "failed",
    },
)
"""The phase where nobody has counted."""


class ProgressResponse(ResponseBody):
    """`phase`: `waiting`; `receiving`, `checking`, `storing` of an import; `converting`, `writing` of an export; then
    `done` or `failed`. Bytes are those of the phase, and absent where nobody has counted: what is over within seconds
    is never noted. `sha256` is that of what an export has written. `checked`, of an image that has its bytes: whether
    qemu-img has confirmed them; where the server has none, only its own rules for the format have.
    """

    id: str
    status: str
    phase: str
    percent: int
    status_reasons: list[dict[str, str]]
    done_bytes: int | UnsetType = UNSET
    total_bytes: int | UnsetType = UNSET
    sha256: str | UnsetType = UNSET
    updated_at: str | UnsetType = UNSET
    checked: bool | UnsetType = UNSET


def _checked(image: Image | ImageExport) -> bool | UnsetType:
    return bool(image.checked) if isinstance(image, Image) and image.digest is not None else UNSET


def _wire(session: Session, image: Image | ImageExport) -> ProgressResponse:
    return replace(_progress_response(session, image), checked=_checked(image))


def _progress_response(session: Session, image: Image | ImageExport) -> ProgressResponse:
    known = transfer_progress.known(session, image.id)
    phase = _PHASES[image.status]
    if known is None or phase == "failed":
        percent = 100 if phase == "done" else 0
        return ProgressResponse(
            id=image.id, status=image.status, phase=phase, percent=percent, status_reasons=image.status_reasons
        )
    return ProgressResponse(
        id=image.id,
        status=image.status,
        phase=known.phase,
        percent=known.percent,
        status_reasons=image.status_reasons,
        done_bytes=known.done,
        total_bytes=known.total,
        sha256=known.sha256 if known.sha256 and known.phase == "done" else UNSET,
        updated_at=rfc3339(known.updated_at),
    )


def _progress(session: Session, _request: Request, transfer: Image | ImageExport) -> ProgressResponse:
    """Say how far an import or an export is."""
    return _wire(session, transfer)


def routes() -> tuple[Route, ...]:
    """Of imports and of exports."""
    transfers = (
        ("/_kunsthalle/images/{id}", access.item(IMAGE), "an import"),
        ("/_kunsthalle/images/{image_id}/export_jobs/{id}", EXPORTS.on_one(), "an export"),
    )
    answer: dict[str, Any] = {"surface": OPERATOR, "answer": ProgressResponse}
    return tuple(
        route("GET", f"{path}/progress", _progress, access=rule, summary=f"Get how far {transfer} is.", **answer)
        for path, rule, transfer in transfers
    )
