"""Policies: who may do what (access), and what one service may do with another (authorizations)."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from kunsthalle.console import names
from kunsthalle.console.api_client import segment
from kunsthalle.console.confirmations import Question, Subject, question
from kunsthalle.console.forms import Form
from kunsthalle.console.iam_identities import names_of
from kunsthalle.console.listing import Column, Linked, Row, everything, listing
from kunsthalle.console.page_frame import Page, Visit, form, page

_API = "/v1/policies/{id}"
_GROUPS = "resource-group"
"""Resource groups are no service: a policy means them by the type of the resource."""
SERVICES = (
    ("", "Every service that holds resources"),
    ("is", "is: images, instances, volumes, networks"),
    ("globalcatalog-collection", "globalcatalog-collection: private catalogs"),
    ("iam-access-management", "iam-access-management: policies"),
    ("iam-identity", "iam-identity: API keys, service IDs, profiles"),
    ("user-management", "user-management: users"),
    ("enterprise", "enterprise: accounts and account groups"),
    (_GROUPS, "Resource groups: Viewer to create resources in them"),
)


_WORDS = {"accountId": "account", "serviceName": "service", "serviceInstance": "service instance", "iam_id": "identity"}
_WORDS |= {"access_group_id": "access group", "serviceType": "service type", "resourceType": "resource type"}
"""What people call what an attribute names, where that is not its own name."""


def said(attributes: list[Row]) -> str:
    """Conditions in one line: `service is, account publisher`. What has a name is shown by it (`with_names`)."""
    texts = [
        f"{_WORDS.get(attribute['name'], attribute['name'])} {attribute.get('known_as') or attribute['value']}"
        for attribute in attributes
    ]
    return ", ".join(texts) or "everything"


async def _group_names(visit: Visit) -> dict[str, str]:
    """The access groups of the account by ID; none for whoever may not list them."""
    told = await visit.if_allowed("GET", "/v2/groups?limit=100")
    return {group["id"]: f"{group['name']} (access group)" for group in told["groups"]} if told else {}


async def with_names(visit: Visit, policies: list[Row]) -> list[Row]:
    """The policies with `known_as` in their attributes: the names of accounts, identities and access groups."""
    attributes = [
        attribute
        for policy in policies
        for part in (*policy["subjects"], *policy["resources"])
        for attribute in part["attributes"]
    ]
    sources = {"accountId": names.of_accounts, "iam_id": names_of, "access_group_id": _group_names}
    for name, known in sources.items():
        meant = [attribute for attribute in attributes if attribute["name"] == name]
        by_id = await known(visit) if meant else {}
        for attribute in meant:
            attribute["known_as"] = by_id.get(attribute["value"], "")
    return policies


def subject_of(policy: Row) -> str:
    """Who it is for; a user by the name alone."""
    attributes = [attribute for part in policy["subjects"] for attribute in part["attributes"]]
    people = [attribute["known_as"] for attribute in attributes if attribute.get("known_as")]
    return ", ".join(people) if len(people) == len(attributes) else said(attributes)


def target_of(policy: Row) -> str:
    return said([attribute for part in policy["resources"] for attribute in part["attributes"]])


def roles_of(policy: Row) -> str:
    return ", ".join(role["role_id"].rsplit(":", 1)[-1] for role in policy["roles"])


POLICY = Subject(
    "/policies/{policy_id}", _API, "/policies", lambda row: f"the policy for {subject_of(row)}", with_names
)
_DELETE = Question(
    "delete",
    "Delete",
    "The access ends with the next request.",
    "The policy is deleted.",
    f"DELETE {_API}",
    danger=True,
    gone=True,
)
_COLUMNS = (
    Column("subject", "Who", subject_of),
    Column("roles", "Roles", roles_of),
    Column("target", "On", target_of),
    Column("created_at", "Created"),
)
_TOLD: dict[str, Any] = {"subject_of": subject_of, "target_of": target_of, "roles_of": roles_of}


async def _policies(visit: Visit) -> Response:
    source = Linked("/v1/policies", "policies", fixed=(("type", "access"),))
    table = await listing(visit.api, visit.query, source, _COLUMNS)
    await with_names(visit, table.rows)
    return visit.page("access/policies.html", list=table, **_TOLD)


async def _details(visit: Visit) -> Response:
    policy: Any = await POLICY.find(visit)
    told = {**_TOLD, "names": await names_of(visit)}
    return visit.page("access/policy.html", policy=policy, place=f"/policies/{segment(policy['id'])}", **told)


async def _new_page(visit: Visit, filled: Form) -> Response:
    account = segment(visit.session.active if visit.session else "")
    users, _ = await everything(visit.api, Linked(f"/v2/accounts/{account}/users", "resources", "_start"))
    roles = await visit.api.get("/v2/roles")
    offered = [(role["crn"], role["display_name"]) for role in (*roles["system_roles"], *roles["custom_roles"])]
    people = [(user["iam_id"], f"{user['email']} ({user['state'].lower()})") for user in users]
    return visit.form_page("access/new_policy.html", filled, people=people, roles=offered, services=SERVICES)


def target_of_service(service: str) -> Row:
    if service == _GROUPS:
        return {"name": "resourceType", "value": service}
    return {"name": "serviceName", "value": service} if service else {"name": "serviceType", "value": "service"}


async def _new(visit: Visit, filled: Form) -> Response:
    account = {"name": "accountId", "value": visit.session.active if visit.session else ""}
    body = {
        "type": "access",
        "subjects": [{"attributes": [{"name": "iam_id", "value": filled.get("iam_id")}]}],
        "roles": [{"role_id": filled.get("role")}],
        "resources": [{"attributes": [account, target_of_service(filled.get("service"))]}],
        **filled.body("description"),
    }
    made = await visit.api.send("POST", "/v1/policies", body)
    return visit.to(f"/policies/{segment(made['id'])}", "The policy is in effect.")


PAGES: tuple[Page, ...] = (
    page("/policies", _policies, "GET /v1/policies"),
    *form("/policies/new", _new_page, _new, "POST /v1/policies"),
    page(POLICY.here, _details, f"GET {_API}"),
    *question(POLICY, _DELETE),
)
