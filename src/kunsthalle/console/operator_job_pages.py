"""Nodes and jobs, for the operator: what works, what waits and since when, and what has failed."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from kunsthalle.console.api_client import Api
from kunsthalle.console.job_ends import ENDS
from kunsthalle.console.listing import FREE, Choice, Column, Made, Row, listing
from kunsthalle.console.operator_account_pages import every_account
from kunsthalle.console.page_frame import Page, Visit, page
from kunsthalle.console.transfer_pace import since

_JOBS = "/_kunsthalle/jobs"
_STATES = ("queued", "running", "done", "failed")
_CHOICES = (
    Choice("state", "State", tuple((state, state.capitalize()) for state in _STATES)),
    Choice("kind", "Kind", (), FREE),
)
_COLUMNS = (
    Column("kind", "Kind"),
    Column("state", "State"),
    Column("account", "Account"),
    Column("subject", "Subject"),
    Column("attempts", "Attempts", number=True),
    Column("created_at", "Created"),
    Column("last_error", "Last error"),
)


async def _page(visit: Visit) -> Response:
    query = [(name, visit.query.get(name, "")) for name in ("kind",)]
    state = visit.query.get("state", "")
    told = await visit.api.operate("GET", _JOBS, query=[*query, ("state", state if state in _STATES else "")])
    names = {row["id"]: row["name"] for row in await every_account(visit)}

    async def rows(_api: Api) -> list[Row]:
        return [{**job, "account": names.get(job["account_id"], job["account_id"])} for job in told["jobs"]]

    table = await listing(visit.api, visit.query, Made(rows), _COLUMNS, _CHOICES)
    moving = any(job["state"] == "running" for job in told["jobs"])
    values: dict[str, Any] = {
        "nodes": told["nodes"],
        "counts": told["counts"],
        "complete": told["complete"],
        "ends": ENDS,
    }
    ages = {count["oldest_at"]: since(count["oldest_at"], visit.now) for count in told["counts"]}
    return visit.page("operator/jobs.html", list=table, moving=moving, ages=ages, **values)


PAGES: tuple[Page, ...] = (page("/operator/jobs", _page, f"GET {_JOBS}", operator=True),)
