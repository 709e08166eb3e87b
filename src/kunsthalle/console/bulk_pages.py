"""Actions on several resources that were chosen in a list: one confirmation, which says what will be refused."""

from __future__ import annotations

from starlette.responses import Response

from kunsthalle.console import refusals
from kunsthalle.console.api_client import Refused
from kunsthalle.console.forms import Form
from kunsthalle.console.instance_template_pages import with_groups
from kunsthalle.console.page_frame import Page, Visit, form
from kunsthalle.console.resource_addresses import Address, address_of
from kunsthalle.core.records import dataclass

MOST = 100
"""Resources of one action, as many as a page of a list has."""
ACTIONS = {"delete": "Delete", "tag": "Add tags", "untag": "Remove tags"}
_ATTACH, _DETACH = "POST /v3/tags/attach", "POST /v3/tags/detach"
_TAGGING = {"tag": _ATTACH, "untag": _DETACH}
_GONE = "It does not exist any more, or you may not see it."


@dataclass(frozen=True, slots=True)
class Chosen:
    """A resource that was chosen: `reason` is why the action will be refused, '' where nothing speaks against it."""

    address: Address
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a resource: `error` is what the API refused it with, '' where it did not."""

    name: str
    label: str
    error: str


_RULES: dict[str, refusals.Rule] = {
    "Image": refusals.of_image,
    "Instance": refusals.of_instance,
    "Instance template": refusals.of_template,
    "Instance group": refusals.of_group,
    "Volume": refusals.of_volume,
    "Snapshot": refusals.of_snapshot,
}
"""What is known beforehand of a deletion, by type: of those whose lists offer it for several at once."""


async def _deletion(visit: Visit, address: Address) -> Chosen:
    """A resource to be deleted, and what speaks against it."""
    if not address.api:
        return Chosen(address, address.crn, f"{address.label or 'This type'}: delete it on its own page.")
    try:
        row = dict(await visit.api.get(address.api))
    except Refused as refused:
        return Chosen(address, address.crn, _GONE if refused.status == 404 else refused.message)
    if address.label == "Instance template":
        await with_groups(visit, [row])
    return Chosen(address, row["name"], _RULES.get(address.label, refusals.none)(row, "delete"))


async def chosen(visit: Visit, filled: Form) -> list[Chosen]:
    """What was chosen, each once; Refused where that is nothing, or too much."""
    crns = list(dict.fromkeys(filled.all("crn")))
    if not crns:
        raise Refused(400, "bad_request", "Choose at least one resource in the list.", "crn")
    if len(crns) > MOST:
        raise Refused(400, "bad_request", f"{len(crns)} resources are chosen; at most {MOST} are allowed.", "crn")
    addresses = [address_of(crn, visit.shapes) for crn in crns]
    if filled.get("action") == "delete":
        return [await _deletion(visit, address) for address in addresses]
    return [Chosen(address, address.crn.rsplit("/", 1)[-1].rsplit(":", 1)[-1], "") for address in addresses]


async def _ask(visit: Visit, filled: Form) -> Response:
    """The confirmation; without a choice, how one is made."""
    action, resources = filled.get("action"), list[Chosen]()
    if filled.refused is None or filled.refused.field == "tags":
        try:
            resources = await chosen(visit, filled) if action in ACTIONS else []
        except Refused as refused:
            filled.refused = refused
    told = {"action": action, "label": ACTIONS.get(action, ""), "resources": resources, "back": _back(filled)}
    return visit.form_page("bulk.html", filled, **told)


def _back(filled: Form) -> str:
    """The list that the choice was made in: a path of the console, or the home page."""
    back = filled.get("back")
    return back if back.startswith("/") and not back.startswith("//") and "\\" not in back else "/"


async def _delete(visit: Visit, entry: Chosen) -> Outcome:
    error = entry.reason
    if not error:
        try:
            await visit.api.send("DELETE", entry.address.api)
        except Refused as refused:
            error = _GONE if refused.status == 404 else refused.message
    return Outcome(entry.name, entry.address.label, error)


async def _tag(visit: Visit, filled: Form, entries: list[Chosen]) -> list[Outcome]:
    names = [name.strip() for name in filled.get("tags").split(",") if name.strip()]
    if not names:
        raise Refused(400, "bad_request", "Give at least one tag; commas separate several.", "tags")
    method, _, path = _TAGGING[filled.get("action")].partition(" ")
    body = {"tag_names": names, "resources": [{"resource_id": entry.address.crn} for entry in entries]}
    results = {result["resource_id"]: result for result in (await visit.api.send(method, path, body))["results"]}
    outcomes = [(entry, results.get(entry.address.crn, {"is_error": True})) for entry in entries]
    return [
        Outcome(entry.name, entry.address.label, str(result.get("message") or _GONE) if result["is_error"] else "")
        for entry, result in outcomes
    ]


async def _act(visit: Visit, filled: Form) -> Response:
    """Do what was confirmed; before that, ask."""
    if filled.get("action") not in ACTIONS:
        raise Refused(400, "bad_request", "Choose an action: delete, add tags or remove tags.", "action")
    if filled.get("confirmed") != "yes":
        return await _ask(visit, filled)
    entries = await chosen(visit, filled)
    if filled.get("action") == "delete":
        outcomes = [await _delete(visit, entry) for entry in entries]
    else:
        outcomes = await _tag(visit, filled, entries)
    return visit.page("bulk_done.html", label=ACTIONS[filled.get("action")], outcomes=outcomes, back=_back(filled))


PAGES: tuple[Page, ...] = form("/bulk", _ask, _act, _ATTACH)
