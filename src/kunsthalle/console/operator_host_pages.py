"""What the operator sees of the engine's hosts, and says of them: that one is lost, or back."""

from __future__ import annotations

from starlette.responses import Response

from kunsthalle.console.api_client import Api, segment
from kunsthalle.console.forms import Form
from kunsthalle.console.listing import Column, Made, Row, listing
from kunsthalle.console.page_frame import Page, Visit, form, page

_HOSTS = "/_kunsthalle/hosts"
_COLUMNS = (
    Column("name", "Host"),
    Column("zone", "Zone"),
    Column("state", "State"),
    Column("used_vcpus", "vCPU used"),
    Column("used_memory", "Memory used (MiB)"),
    Column("instances", "Instances"),
)


async def _known(visit: Visit) -> list[Row]:
    return list((await visit.api.operate("GET", _HOSTS))["hosts"])


async def _hosts(visit: Visit) -> Response:
    hosts = await _known(visit)

    async def rows(_api: Api) -> list[Row]:
        return hosts

    table = await listing(visit.api, visit.query, Made(rows), _COLUMNS, ())
    return visit.page("operator/hosts.html", list=table, states={host["state"] for host in hosts})


async def _in_state(visit: Visit, state: str) -> list[tuple[str, str]]:
    return [(str(host["name"]), str(host["name"])) for host in await _known(visit) if host["state"] == state]


async def _lost_page(visit: Visit, filled: Form) -> Response:
    return visit.form_page("operator/host_lost.html", filled, hosts=await _in_state(visit, "silent"))


async def _lost(visit: Visit, filled: Form) -> Response:
    await visit.api.operate("POST", f"{_HOSTS}/{segment(filled.get('name'))}/lost")
    return visit.to("/operator/hosts", "The host is lost. Its instances follow their policies.")


async def _back_page(visit: Visit, filled: Form) -> Response:
    return visit.form_page("operator/host_back.html", filled, hosts=await _in_state(visit, "lost"))


async def _back(visit: Visit, filled: Form) -> Response:
    await visit.api.operate("POST", f"{_HOSTS}/{segment(filled.get('name'))}/back")
    return visit.to("/operator/hosts", "The host may have instances again.")


PAGES: tuple[Page, ...] = (
    page("/operator/hosts", _hosts, f"GET {_HOSTS}", operator=True),
    *form("/operator/hosts/lost", _lost_page, _lost, f"POST {_HOSTS}/{{name}}/lost", operator=True),
    *form("/operator/hosts/back", _back_page, _back, f"POST {_HOSTS}/{{name}}/back", operator=True),
)
