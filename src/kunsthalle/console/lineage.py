"""Where an image went, drawn and as a table: for its owner, who is told names and numbers of other accounts alone."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from kunsthalle.console.graph_drawing import Drawing, arranged
from kunsthalle.console.listing import Row
from kunsthalle.console.page_frame import Page, Visit, page

KINDS = (
    ("servers", "instance", "instances"),
    ("running_servers", "of them running", "of them running"),
    ("bare_metal_servers", "bare metal server", "bare metal servers"),
    ("templates", "template", "templates"),
    ("instance_groups", "group", "groups"),
    ("volumes", "volume", "volumes"),
    ("snapshots", "snapshot", "snapshots"),
)
"""What an account can have made of an image: the API's word, one, and many."""
DRAWN = 12
"""So many accounts are drawn; the table has them all."""


def counted(uses: Row) -> list[str]:
    """`2 instances`, `1 snapshot`: what there is of each kind, if anything."""
    return [f"{uses[key]} {one if uses[key] == 1 else many}" for key, one, many in KINDS if uses[key]]


def drawn(found: Row) -> Drawing:
    """The graph: the image, its version, the accounts, and what each has made."""
    image, version, offering = found["image"], found["version"], found["offering"]
    columns = [[[image["name"], f"image, {image['status']}"]]]
    if version is not None:
        label = offering["label"] or offering["name"] if offering else ""
        state = version.get("state", "")
        columns.append(
            [[f"{label} {version.get('version', '')}".strip() or "Version", f"version, {state}".strip(", ")]]
        )
    accounts = (found["accounts"] or [])[:DRAWN]
    more = len(found["accounts"] or []) - len(accounts)
    rows = [[one["name"], _standing(one)] for one in accounts]
    made = [counted(one["uses"]) or ["nothing yet"] for one in accounts]
    if more > 0:
        rows, made = [*rows, [f"{more} more accounts", "see the table"]], [*made, []]
    return arranged(columns, rows, made)


def _standing(account: Row) -> str:
    return "owner" if account["owner"] else "may boot" if account["may_boot"] else "may not boot"


async def _lineage(visit: Visit) -> Response:
    found = await visit.api.get(f"/_kunsthalle/images/{visit.id('image_id')}/lineage")
    told: dict[str, Any] = {"drawing": drawn(found), "kinds": KINDS}
    return visit.page("images/lineage.html", found=found, image=found["image"], **told)


PAGES: tuple[Page, ...] = (page("/images/custom/{image_id}/lineage", _lineage, "GET /_kunsthalle/images/{id}/lineage"),)
