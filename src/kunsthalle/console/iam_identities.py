"""Who can be given access: the users, service IDs and trusted profiles of the account, by name."""

from __future__ import annotations

from typing import NamedTuple

from kunsthalle.console import names
from kunsthalle.console.api_client import Refused
from kunsthalle.console.listing import Linked, Row, everything
from kunsthalle.console.page_frame import Visit

SERVICE_IDS = ("/v1/serviceids", "serviceids")
PROFILES = ("/v1/profiles", "profiles")


class Grantee(NamedTuple):
    """An identity: what access groups call its type, its IAM ID, and how people know it."""

    type: str
    iam_id: str
    label: str


def paged(visit: Visit, path: str, key: str) -> Linked:
    """A list of the identity service, whose pages have other parameters than those of other families."""
    return Linked(path, key, "pagetoken", (("account_id", visit.active),), size="pagesize")


async def _listed(visit: Visit, path: str, key: str) -> list[Row]:
    """The identities of a list; none for whoever may not list them."""
    try:
        return (await everything(visit.api, paged(visit, path, key)))[0]
    except Refused as refused:
        if refused.status != 403:
            raise
        return []


async def grantees(visit: Visit) -> list[Grantee]:
    """Everybody of the account whom a policy or a membership can name."""
    users = await names.of_users(visit)
    return [
        *(Grantee("user", iam_id, name) for iam_id, name in users.items()),
        *(
            Grantee("service", row["iam_id"], f"{row['name']} (service ID)")
            for row in await _listed(visit, *SERVICE_IDS)
        ),
        *(
            Grantee("profile", row["iam_id"], f"{row['name']} (trusted profile)")
            for row in await _listed(visit, *PROFILES)
        ),
    ]


async def names_of(visit: Visit) -> dict[str, str]:
    """The names of identities by IAM ID."""
    return {grantee.iam_id: grantee.label for grantee in await grantees(visit)}
