"""What the operator sees of all accounts: accounts, their instances, and the keys that sign tokens."""

from __future__ import annotations

from starlette.responses import Response

from kunsthalle.console.api_client import Api
from kunsthalle.console.forms import Form
from kunsthalle.console.listing import Choice, Column, Made, Row, listing
from kunsthalle.console.page_frame import Page, Visit, form, page

_ACCOUNTS, _MACHINES, _KEYS = "/_kunsthalle/accounts", "/_kunsthalle/machines", "/_kunsthalle/signing_keys"
_ACCOUNT_COLUMNS = (
    Column("name", "Account"),
    Column("owner", "Owner"),
    Column("enterprise", "Enterprise"),
    Column("parent", "Account group"),
    Column("created_at", "Created"),
)
_MACHINE_COLUMNS = (
    Column("name", "Instance"),
    Column("account", "Account"),
    Column("status", "Status"),
    Column("engine", "Engine"),
    Column("profile", "Profile"),
    Column("size", "Given"),
)
_STATES = ("pending", "starting", "running", "stopping", "stopped", "restarting", "deleting", "failed")
_STATUS = Choice("status", "Status", tuple((state, state.capitalize()) for state in _STATES))


async def every_account(visit: Visit) -> list[Row]:
    """All accounts of the server, for whoever operates it."""
    return list((await visit.api.operate("GET", _ACCOUNTS))["accounts"])


async def _accounts(visit: Visit) -> Response:
    async def rows(_api: Api) -> list[Row]:
        return await every_account(visit)

    return visit.page(
        "operator/accounts.html", list=await listing(visit.api, visit.query, Made(rows), _ACCOUNT_COLUMNS)
    )


async def _account_page(visit: Visit, filled: Form) -> Response:
    return visit.form_page("operator/new_account.html", filled)


async def _account(visit: Visit, filled: Form) -> Response:
    """The key is shown in the answer itself: nothing keeps it."""
    body = {name: filled.get(name) for name in ("name", "owner", "enterprise", "parent")}
    made = await visit.api.operate("POST", _ACCOUNTS, body)
    return visit.page("operator/made_account.html", made=made)


async def _machines(visit: Visit) -> Response:
    names = {row["id"]: row["name"] for row in await every_account(visit)}

    async def rows(_api: Api) -> list[Row]:
        every = (await visit.api.operate("GET", _MACHINES))["machines"]
        return [
            {**row, "account": names.get(row["account_id"], row["account_id"]), "size": _size(row)} for row in every
        ]

    table = await listing(visit.api, visit.query, Made(rows), _MACHINE_COLUMNS, (_STATUS,))
    return visit.page("operator/machines.html", list=table)


def _size(row: Row) -> str:
    """What an instance got at its last start; '' for one that never ran."""
    if "vcpus" not in row:
        return ""
    return f"{row['vcpus']} vCPU, {row['memory']} MiB ({row.get('accelerator', 'none')})"


async def _keys_page(visit: Visit, filled: Form) -> Response:
    keys = (await visit.api.operate("GET", _KEYS))["signing_keys"]
    return visit.form_page("operator/signing_keys.html", filled, keys=keys)


async def _rotate(visit: Visit, _filled: Form) -> Response:
    await visit.api.operate("POST", f"{_KEYS}/rotate")
    return visit.to(
        "/operator/signing-keys", "A new key has been added. It signs in a moment; older ones still verify."
    )


PAGES: tuple[Page, ...] = (
    page("/operator/accounts", _accounts, f"GET {_ACCOUNTS}", operator=True),
    *form("/operator/accounts/new", _account_page, _account, f"POST {_ACCOUNTS}", operator=True),
    page("/operator/instances", _machines, f"GET {_MACHINES}", operator=True),
    *form("/operator/signing-keys", _keys_page, _rotate, f"POST {_KEYS}/rotate", operator=True),
)
