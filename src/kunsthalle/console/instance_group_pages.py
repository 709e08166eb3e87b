"""Instance groups: members of one template, and the authorization that a catalog's image needs (R9)."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from kunsthalle.console import refusals
from kunsthalle.console.api_client import Refused, segment
from kunsthalle.console.catalog_pages import BASE
from kunsthalle.console.confirmations import Question, Subject, acts, question
from kunsthalle.console.forms import Form, number
from kunsthalle.console.instance_template_pages import catalog_crn
from kunsthalle.console.listing import Column, Linked, Offsets, Row, everything, listing
from kunsthalle.console.new_instance_pages import subnet_options, subnets
from kunsthalle.console.page_frame import Page, Visit, form, page
from kunsthalle.console.resource_shapes import Offer

_API = "/v1/instance_groups/{id}"
GROUP = Subject("/groups/{group_id}", _API, "/groups")
SERVICE = "globalcatalog-collection"
VIEWER = "crn:v1:bluemix:public:iam::::role:Viewer"
_DELETE = Question(
    "delete",
    "Delete",
    "All instances of the group are deleted too.",
    "The group is being deleted.",
    f"DELETE {_API}",
    danger=True,
    gone=True,
)
_COLUMNS = (
    Column("name", "Name"),
    Column("status", "Status"),
    Column("template", "Template", lambda row: row["instance_template"]["name"]),
    Column("membership_count", "Instances", number=True),
    Column("vpc", "VPC", lambda row: row["vpc"]["name"]),
    Column("created_at", "Created"),
)


def catalog_of(template: Row | None) -> str:
    """The id of the catalog that a template's instances boot from; empty without one."""
    crn = catalog_crn(template) if template else ""
    return crn.split(":")[7] if crn.count(":") > 7 else ""


def is_ungranted(text: str) -> bool:
    """Whether a refusal is about the authorization that groups need."""
    return SERVICE in text and "authorization policy" in text


def actions(group: Row) -> list[Offer]:
    at, reason = f"/groups/{segment(group['id'])}", refusals.of_group(group, "size")
    return [Offer("Change size", f"{at}/size", False, reason), *acts(at, group, _DELETE, rule=refusals.of_group)]


async def _groups(visit: Visit) -> Response:
    table = await listing(visit.api, visit.query, Linked("/v1/instance_groups", "instance_groups"), _COLUMNS)
    moving = any(row["status"] in {"scaling", "deleting"} for row in table.rows)
    return visit.page("groups/list.html", list=table, moving=moving, actions=actions)


async def _template(visit: Visit, id_: str) -> Any:
    """A template by its id; None for one that may not be read, or is none."""
    try:
        return await visit.if_allowed("GET", f"/v1/instance/templates/{segment(id_)}") if id_ else None
    except Refused as refused:
        if refused.status == 404:
            return None
        raise


async def _details(visit: Visit) -> Response:
    group = await GROUP.find(visit)
    template = await _template(visit, group["instance_template"]["id"])
    path = f"/v1/instance_groups/{GROUP.id(visit)}/memberships"
    members, _ = await everything(visit.api, Linked(path, "memberships"))
    missing = any(is_ungranted(reason["message"]) for reason in group["lifecycle_reasons"])
    told: dict[str, Any] = {"members": members, "actions": actions(group), "missing": missing}
    moving = group["status"] in {"scaling", "deleting"}
    return visit.page("groups/details.html", group=group, catalog=catalog_of(template), moving=moving, **told)


async def _new_page(visit: Visit, filled: Form) -> Response:
    templates, _ = await everything(visit.api, Linked("/v1/instance/templates", "templates"))
    instance_template_id = filled.get("instance_template.id") or visit.query.get("template", "")
    template = next((template_ for template_ in templates if template_["id"] == instance_template_id), None)
    rows = await subnets(visit) if template else []
    fitting = [row for row in rows if template and row["vpc"]["id"] == template["vpc"]["id"]]
    told: dict[str, Any] = {
        "templates": [(template_["id"], template_["name"]) for template_ in templates],
        "pattern": template,
    }
    told |= {"missing": is_ungranted(filled.summary), "catalog": catalog_of(template)}
    return visit.form_page("groups/new.html", filled, subnets=subnet_options(fitting), **told)


async def _new(visit: Visit, filled: Form) -> Response:
    body = filled.body("name", "instance_template.id")
    body["subnets"] = [{"id": row} for row in filled.all("subnets")]
    body["membership_count"] = number(filled.get("membership_count", "0") or "0")
    made = await visit.api.send("POST", "/v1/instance_groups", body)
    return visit.to(f"/groups/{segment(made['id'])}", "The group is being created.", "info")


async def _size_page(visit: Visit, filled: Form) -> Response:
    group = await GROUP.find(visit)
    template = await _template(visit, group["instance_template"]["id"])
    told: dict[str, Any] = {"missing": is_ungranted(filled.summary), "catalog": catalog_of(template)}
    return visit.form_page("groups/size.html", filled, group=group, **told)


async def _size(visit: Visit, filled: Form) -> Response:
    body = {"membership_count": number(filled.get("membership_count"))}
    await visit.api.send("PATCH", GROUP.at(visit), body)
    return visit.to(GROUP.at(visit, GROUP.here), "The group adds or deletes instances.", "info")


def authorization(account: str, catalog: str) -> Row:
    """The policy that lets the instance groups of an account use a catalog; without a catalog, every one."""
    target = {"serviceName": SERVICE, "accountId": account, **({"serviceInstance": catalog} if catalog else {})}
    return {
        "type": "authorization",
        "subjects": [{"attributes": _attributes({"serviceName": "is", "accountId": account})}],
        "roles": [{"role_id": VIEWER}],
        "resources": [{"attributes": _attributes(target)}],
        "description": "Instance groups use catalog images.",
    }


def _attributes(named: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value, "operator": "stringEquals"} for name, value in named.items()]


async def _authorize_page(visit: Visit, filled: Form) -> Response:
    catalog = filled.get("catalog") or visit.query.get("catalog", "")
    return visit.form_page("groups/authorize.html", filled, catalog=catalog, catalogs=await _catalogs(visit, catalog))


async def _catalogs(visit: Visit, chosen: str) -> list[tuple[str, str]]:
    """The catalogs that the visitor sees something of, by ID and name; the chosen one in any case."""
    told = await visit.if_allowed("GET", f"{BASE}/catalogs") or {"resources": []}
    offerings, _ = await everything(visit.api, Offsets(f"{BASE}/offerings", fixed=(("digest", "true"),)))
    known = {row["catalog_id"]: row.get("catalog_name") or row["catalog_id"] for row in offerings}
    known |= {row["id"]: row["label"] for row in told["resources"]}
    missing = {chosen: chosen} if chosen and chosen not in known else {}
    return list((missing | known).items())


async def _authorize(visit: Visit, filled: Form) -> Response:
    account = visit.session.active if visit.session else ""
    await visit.api.send("POST", "/v1/policies", authorization(account, filled.get("catalog")))
    return visit.to("/groups", "Instance groups may use the catalog now: create the group again, or wait for it.")


PAGES: tuple[Page, ...] = (
    page("/groups", _groups, "GET /v1/instance_groups"),
    *form("/groups/new", _new_page, _new, "POST /v1/instance_groups"),
    *form("/groups/authorize", _authorize_page, _authorize, "POST /v1/policies"),
    page(GROUP.here, _details, f"GET {_API}"),
    *form(f"{GROUP.here}/size", _size_page, _size, f"PATCH {_API}"),
    *question(GROUP, _DELETE),
)
