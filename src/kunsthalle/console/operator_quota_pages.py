"""What the operator sees and sets of quotas: how much accounts have of what is counted, and may have."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from kunsthalle.console.api_client import Api, segment
from kunsthalle.console.forms import Form
from kunsthalle.console.listing import Choice, Column, Made, Row, listing
from kunsthalle.console.page_frame import Page, Visit, form, page
from kunsthalle.core.quota_names import QUOTAS
from kunsthalle.core.text_values import integer

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


def _limit(text: str) -> Any:
    """A number where one is written, nothing where nothing is; the API says what is wrong with anything else."""
    if not text:
        return None
    try:
        number = integer(text)
    except ValueError:
        return text
    return text if number is None else number


async def _set(visit: Visit, filled: Form) -> Response:
    account = filled.get("account")
    body = {"account": account, "limit": _limit(filled.get("limit"))}
    await visit.api.operate("PUT", f"{_QUOTAS}/{segment(filled.get('name'))}", body)
    return visit.to(f"/operator/quotas?account_id={segment(account)}", "The quota is saved.")


PAGES: tuple[Page, ...] = (
    page("/operator/quotas", _quotas, f"GET {_QUOTAS}", operator=True),
    *form("/operator/quotas/set", _limit_page, _set, f"PUT {_QUOTAS}/{{name}}", operator=True),
)
