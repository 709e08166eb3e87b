"""Where an image went, drawn and as a table: for its owner, who is told names and numbers of other accounts alone."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from kunsthalle.console.page_frame import Page, Visit, page
from kunsthalle.local.lineage_graph import KINDS, drawn


async def _lineage(visit: Visit) -> Response:
    answer = await visit.api.get(f"/_kunsthalle/images/{visit.id('image_id')}/lineage")
    told: dict[str, Any] = {"drawing": drawn(answer), "kinds": KINDS}
    return visit.page("images/lineage.html", found=answer, image=answer["image"], **told)


PAGES: tuple[Page, ...] = (page("/images/custom/{image_id}/lineage", _lineage, "GET /_kunsthalle/images/{id}/lineage"),)
