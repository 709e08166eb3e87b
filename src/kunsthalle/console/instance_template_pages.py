"""Templates of instances: what an instance is to be, kept for later and for instance groups."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from kunsthalle.console import refusals
from kunsthalle.console.api_client import segment
from kunsthalle.console.confirmations import Question, Subject, acts, question
from kunsthalle.console.forms import Form
from kunsthalle.console.instance_pages import standing
from kunsthalle.console.listing import Column, Linked, Row, everything, listing
from kunsthalle.console.new_instance_pages import form_values, wanted
from kunsthalle.console.page_frame import Page, Visit, form, page
from kunsthalle.console.resource_shapes import Offer

_API = "/v1/instance/templates/{id}"
TEMPLATE = Subject("/templates/{template_id}", _API, "/templates")
_DELETE = Question(
    "delete",
    "Delete",
    "Instances that were created from it are kept. A template that an instance group uses cannot be deleted.",
    "The template is deleted.",
    f"DELETE {_API}",
    danger=True,
    gone=True,
)


def source_of(template: Row) -> str:
    """What its instances boot from, as far as the template says it."""
    if "catalog_offering" in template:
        return "a catalog"
    return str(template.get("image", {}).get("name", template.get("image", {}).get("id", "a volume or snapshot")))


def catalog_crn(template: Row) -> str:
    """The CRN of the catalog version or offering that its instances boot from; empty without one."""
    catalog_offering = template.get("catalog_offering", {})
    return str((catalog_offering.get("version") or catalog_offering.get("offering") or {}).get("crn", ""))


_COLUMNS = (
    Column("name", "Name"),
    Column("source", "Boots from", source_of),
    Column("profile", "Profile", lambda row: row["profile"]["name"]),
    Column("zone", "Zone", lambda row: row["zone"]["name"]),
    Column("created_at", "Created"),
)


def actions(template: Row) -> list[Offer]:
    at = f"/templates/{segment(template['id'])}"
    return [Offer("Create instance", f"{at}/server", False), *acts(at, template, _DELETE, rule=refusals.of_template)]


async def with_groups(visit: Visit, templates: list[Row]) -> None:
    """The instance groups that use each of the templates."""
    groups, _ = await everything(visit.api, Linked("/v1/instance_groups", "instance_groups"))
    for template in templates:
        template["groups"] = [group for group in groups if group["instance_template"]["id"] == template["id"]]


async def _templates(visit: Visit) -> Response:
    table = await listing(visit.api, visit.query, Linked("/v1/instance/templates", "templates"), _COLUMNS)
    await with_groups(visit, table.rows)
    told: dict[str, Any] = {"actions": actions, "source_of": source_of}
    return visit.page("instances/templates.html", list=table, **told)


async def _details(visit: Visit) -> Response:
    template = await TEMPLATE.find(visit)
    await with_groups(visit, [template])
    image = template.get("image") if "crn" in template.get("image", {}) else None
    told = {"image": image, "standing": await standing(visit, image), "actions": actions(template)}
    return visit.page("instances/template.html", pattern=template, crn=catalog_crn(template), **told)


async def _new_page(visit: Visit, filled: Form) -> Response:
    told = {"title": "Create template", "back": "/templates", "entry": "/templates"}
    return visit.form_page("instances/new.html", filled, **told, **await form_values(visit, filled))


async def _new(visit: Visit, filled: Form) -> Response:
    made = await visit.api.send("POST", "/v1/instance/templates", await wanted(visit, filled))
    return visit.to(f"/templates/{segment(made['id'])}", "The template has been created.")


async def _server_page(visit: Visit, filled: Form) -> Response:
    return visit.form_page("instances/of_template.html", filled, pattern=await TEMPLATE.find(visit))


async def _server(visit: Visit, filled: Form) -> Response:
    """The template is looked up first: who does not see it gets its page, which is none."""
    template = await TEMPLATE.find(visit)
    body = {**filled.body("name"), "source_template": {"id": template["id"]}}
    made = await visit.api.send("POST", "/v1/instances", body)
    return visit.to(f"/instances/{segment(made['id'])}", "The instance is being created.", "info")


PAGES: tuple[Page, ...] = (
    page("/templates", _templates, "GET /v1/instance/templates"),
    *form("/templates/new", _new_page, _new, "POST /v1/instance/templates"),
    page(TEMPLATE.here, _details, f"GET {_API}"),
    *form(f"{TEMPLATE.here}/server", _server_page, _server, "POST /v1/instances"),
    *question(TEMPLATE, _DELETE),
)
