"""The doctor: bytes, references, disks and jobs held against each other, with progress and findings."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from kunsthalle.console.forms import Form
from kunsthalle.console.page_frame import Page, Visit, form
from kunsthalle.console.transfer_pace import at_pace

_DOCTOR = "/_kunsthalle/doctor"


async def _page(visit: Visit, filled: Form) -> Response:
    return await _shown(visit, filled, None)


async def _examine(visit: Visit, filled: Form) -> Response:
    """Answered when the examination has ended; the page that asked shows meanwhile how far it is."""
    asked = {name: filled.get(name) == "true" for name in ("deep", "repair")}
    return await _shown(visit, filled, await visit.api.operate("POST", _DOCTOR, asked))


async def _shown(visit: Visit, filled: Form, report: Any) -> Response:
    far = await visit.api.operate("GET", f"{_DOCTOR}/progress")
    progress = at_pace(far, far["seconds"])
    return visit.form_page("operator/doctor.html", filled, report=report, progress=progress)


PAGES: tuple[Page, ...] = form("/operator/doctor", _page, _examine, f"POST {_DOCTOR}", operator=True)
