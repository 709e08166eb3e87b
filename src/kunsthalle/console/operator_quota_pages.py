"""What the operator sees and sets of quotas: how much accounts have of what is counted, and may have."""

from __future__ import annotations

from starlette.responses import Response

from kunsthalle.console.api_client import Api, segment
from kunsthalle.console.forms import Form
from kunsthalle.console.listing import Choice, Column, Made, Row, listing
from kunsthalle.console.operator_pages import number
from kunsthalle.console.page_frame import Page, Visit, form, page
from kunsthalle.core.quota_names import QUOTAS

_ACCOUNTS, _QUOTAS = "/_kunsthalle/accounts", "/_kunsthalle/quotas"
_COLUMNS = (
    Column("account", "Account"),
    Column("counts", "Quota"),
    Column("used", "Used"),
    Column("limit", "Limit"),
    Column("set_for", "Set for"),
)


async def _accounts(visit: Visit) -> list[tuple[str, str]]:
    """The id and the name of each account."""
    every: list[Row] = (await visit.api.operate("GET", _ACCOUNTS))["accounts"]
    return [(str(account["id"]), str(account["name"])) for account in every]


async def _quotas(visit: Visit) -> Response:
    accounts = await _accounts(visit)
    choice = Choice("account_id", "Account", accounts)
    chosen = visit.query.get(choice.key, "")

    async def rows(_api: Api) -> list[Row]:
        query = [("account", chosen)] if choice.takes(chosen) else []
        return list((await visit.api.operate("GET", _QUOTAS, query=query))["quotas"])

    table = await listing(visit.api, visit.query, Made(rows), _COLUMNS, (choice,))
    return visit.page("operator/quotas.html", list=table)


async def _limit_page(visit: Visit, filled: Form) -> Response:
    return visit.form_page("operator/quota.html", filled, accounts=await _accounts(visit), quotas=QUOTAS)


async def _set(visit: Visit, filled: Form) -> Response:
    account, limit = filled.get("account"), filled.get("limit")
    body = {"account": account, "limit": number(limit) if limit else None}
    await visit.api.operate("PUT", f"{_QUOTAS}/{segment(filled.get('name'))}", body)
    return visit.to(f"/operator/quotas?account_id={segment(account)}", "The quota is saved.")


PAGES: tuple[Page, ...] = (
    page("/operator/quotas", _quotas, f"GET {_QUOTAS}", operator=True),
    *form("/operator/quotas/set", _limit_page, _set, f"PUT {_QUOTAS}/{{name}}", operator=True),
)
