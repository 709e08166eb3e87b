"""Keys of Key Protect: the keys of all instances of the account, what they protect, and what is done with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from starlette.responses import Response

from kunsthalle.console import refusals
from kunsthalle.console.api_client import Api, Pairs, Refused, segment
from kunsthalle.console.confirmations import Question, acts
from kunsthalle.console.forms import Form
from kunsthalle.console.listing import Choice, Column, Made, Row, listing
from kunsthalle.console.page_frame import Page, Visit, form, page
from kunsthalle.console.resource_shapes import Offer

_API = "/api/v2/keys/{id}"
HERE = "/keys/{kms_id}/{root_id}"
_STATES = {1: "active", 2: "suspended", 3: "deactivated", 5: "destroyed"}
_ALL_STATES = "1,2,3,5"
_RINGS = "/api/v2/key_rings"
_ROTATE = Question(
    "rotate",
    "Rotate",
    "The key gets new key material. What was wrapped before can still be unwrapped.",
    "The key is rotated.",
    f"POST {_API}/actions/rotate",
)
_DISABLE = Question(
    "disable",
    "Disable",
    "The key cannot be used until it is enabled: images and volumes that it protects cannot be started.",
    "The key is disabled.",
    f"POST {_API}/actions/disable",
    danger=True,
)
_ENABLE = Question(
    "enable", "Enable", "The key can be used again.", "The key is enabled.", f"POST {_API}/actions/enable"
)
_RESTORE = Question(
    "restore",
    "Restore",
    "The key is active again, and what it protects can be used.",
    "The key is restored.",
    f"POST {_API}/restore",
)
_QUESTIONS = (_ROTATE, _DISABLE, _ENABLE, _RESTORE)


async def instances_of(api: Api) -> list[Row]:
    """The active instances of Key Protect that the visitor sees."""
    answer = await api.get("/v2/resource_instances", (("limit", "100"),))
    return [row for row in answer["resources"] if ":kms:" in row["crn"] and row["state"] == "active"]


async def ask(
    api: Api, instance: str, method: str, path: str, body: Any = None, query: Pairs = (), ring: str = ""
) -> Any:
    """A call of Key Protect, within an instance, and within a key ring where one is named."""
    headers = {"Bluemix-Instance": instance, **({"X-Kms-Key-Ring": ring} if ring else {})}
    return await api.send(method, path, body, query, headers)


async def _if_allowed(api: Api, instance: str, path: str, query: Pairs = ()) -> list[Row]:
    """The resources of a list; none for those who may not ask."""
    try:
        return list((await ask(api, instance, "GET", path, query=query))["resources"])
    except Refused as refused:
        if refused.status == 403:
            return []
        raise


def state_of(key: Row) -> str:
    return _STATES[key["state"]]


async def keys_of(api: Api, instances: Sequence[Row], query: Pairs = ()) -> list[Row]:
    """The keys of instances, each with the name and the ID of its own."""
    rows = []
    for instance in instances:
        for key in await _if_allowed(api, instance["guid"], "/api/v2/keys", query):
            told = {"instance": instance["guid"], "instance_name": instance["name"], "word": state_of(key)}
            rows.append({**key, **told, "kind": "standard" if key["extractable"] else "root"})
    return rows


async def choices_of_keys(api: Api) -> list[tuple[str, str]]:
    """The root keys that can encrypt something: CRN and name."""
    query = (("state", "1"), ("extractable", "false"), ("sort", "name"))
    keys = await keys_of(api, await instances_of(api), query)
    return [(key["crn"], f"{key['name']} ({key['instance_name']})") for key in keys]


_COLUMNS = (
    Column("name", "Name"),
    Column("word", "State"),
    Column("kind", "Type"),
    Column("keyRingID", "Key ring"),
    Column("aliases", "Aliases", lambda row: ", ".join(row["aliases"])),
    Column("instance_name", "Instance"),
    Column("creationDate", "Created"),
)
_KINDS = Choice("kind", "Type", (("root", "Root"), ("standard", "Standard")))


_FORMS = (("Add alias", "alias"), ("Move to key ring", "ring"), ("Delete", "delete"))


def key_acts(instance: str, key: Row, now: int) -> list[Offer]:
    """What can be done with a key, and why it would be refused at a moment of the product clock, in microseconds."""
    at, row = f"/keys/{segment(instance)}/{segment(key['id'])}", {**key, "word": state_of(key), "now": now}
    if row["word"] == "destroyed":
        return acts(at, row, _RESTORE, rule=refusals.of_root_key)
    of_root = () if key["extractable"] else (_ROTATE, _ENABLE if row["word"] == "suspended" else _DISABLE)
    more = [Offer(label, f"{at}/{word}", word == "delete", refusals.of_root_key(row, word)) for label, word in _FORMS]
    return [*acts(at, row, *of_root, rule=refusals.of_root_key), *more]


async def _keys(visit: Visit) -> Response:
    instances = await instances_of(visit.api)

    async def every(api: Api) -> list[Row]:
        return await keys_of(api, instances, (("state", _ALL_STATES), ("sort", "name"), ("limit", "5000")))

    chosen = Choice("instance", "Instance", [(row["guid"], row["name"]) for row in instances])
    keys = await listing(visit.api, visit.query, Made(every), _COLUMNS, (_KINDS, chosen))
    told: dict[str, Any] = {"acts": lambda key: key_acts(key["instance"], key, visit.now), "instances": instances}
    return visit.page("keys/list.html", list=keys, **told)


def _at(visit: Visit) -> str:
    return f"/keys/{visit.id('kms_id')}/{visit.id('root_id')}"


async def _on_key(visit: Visit, method: str, template: str, body: Any = None, query: Pairs = ()) -> Any:
    path = template.replace("{id}", visit.id("root_id"))
    return await ask(visit.api, str(visit.request.path_params["kms_id"]), method, path, body, query)


async def _found(visit: Visit) -> Row:
    return dict((await _on_key(visit, "GET", f"{_API}/metadata"))["resources"][0])


async def _registrations(visit: Visit) -> list[Row]:
    instance = str(visit.request.path_params["kms_id"])
    return await _if_allowed(visit.api, instance, f"/api/v2/keys/{visit.id('root_id')}/registrations")


async def _key(visit: Visit) -> Response:
    key, instance = await _found(visit), str(visit.request.path_params["kms_id"])
    versions = (await _on_key(visit, "GET", f"{_API}/versions"))["resources"]
    told = {
        "state": state_of(key),
        "versions": versions,
        "registrations": await _registrations(visit),
        "policies": await _if_allowed(visit.api, instance, f"/api/v2/keys/{visit.id('root_id')}/policies"),
        "acts": key_acts(instance, key, visit.now),
    }
    return visit.page("keys/key.html", key=key, **told)


async def _new_page(visit: Visit, filled: Form) -> Response:
    instances = [(row["guid"], row["name"]) for row in await instances_of(visit.api)]
    return visit.form_page("keys/new.html", filled, instances=instances)


async def _new(visit: Visit, filled: Form) -> Response:
    instance, ring = filled.get("instance"), filled.get("ring")
    alias = filled.get("alias")
    key = {
        **filled.body("name", "description"),
        "extractable": filled.get("type") == "standard",
        **({"aliases": [alias]} if alias else {}),
    }
    made = await ask(visit.api, instance, "POST", "/api/v2/keys", {"resources": [key]}, ring=ring)
    id_ = made["resources"][0]["id"]
    return visit.to(f"/keys/{segment(instance)}/{segment(id_)}", "The key has been created.")


async def _new_ring_page(visit: Visit, filled: Form) -> Response:
    instances = [(row["guid"], row["name"]) for row in await instances_of(visit.api)]
    return visit.form_page("keys/new_ring.html", filled, instances=instances)


async def _new_ring(visit: Visit, filled: Form) -> Response:
    await ask(visit.api, filled.get("instance"), "POST", f"{_RINGS}/{segment(filled.get('id') or '-')}")
    return visit.to("/keys", "The key ring has been created.")


async def _alias_page(visit: Visit, filled: Form) -> Response:
    return visit.form_page("keys/alias.html", filled, key=await _found(visit), back=_at(visit))


async def _alias(visit: Visit, filled: Form) -> Response:
    await _on_key(visit, "POST", f"{_API}/aliases/{segment(filled.get('alias') or '-')}")
    return visit.to(_at(visit), "The alias has been added.")


async def _ring_page(visit: Visit, filled: Form) -> Response:
    key = await _found(visit)
    rings = await _if_allowed(visit.api, str(visit.request.path_params["kms_id"]), _RINGS)
    options = [(ring["id"], ring["id"]) for ring in rings]
    return visit.form_page("keys/ring.html", filled, key=key, rings=options, back=_at(visit))


async def _ring(visit: Visit, filled: Form) -> Response:
    await _on_key(visit, "PATCH", _API, {"keyRingID": filled.get("keyRingID")})
    return visit.to(_at(visit), "The key is in the key ring.")


async def _delete_page(visit: Visit, filled: Form) -> Response:
    told = {"key": await _found(visit), "registrations": await _registrations(visit), "back": _at(visit)}
    return visit.form_page("keys/delete.html", filled, **told)


async def _delete(visit: Visit, filled: Form) -> Response:
    query = (("force", "true"),) if filled.get("force") else ()
    await _on_key(visit, "DELETE", _API, query=query)
    return visit.to(_at(visit), "The key is deleted. It can be restored for 30 days.")


def _question(dialog: Question) -> tuple[Page, Page]:
    """The page that asks, and what the yes does."""
    method, _, path = dialog.operation.partition(" ")
    show, submit = _shows(dialog), _submits(dialog, method, path)
    return form(f"{HERE}/{dialog.key}", show, submit, dialog.operation)


def _shows(dialog: Question) -> Callable[..., Any]:
    async def show(visit: Visit, filled: Form) -> Response:
        told = {"label": (await _found(visit))["name"], "back": _at(visit), "entry": "/keys"}
        return visit.form_page("question.html", filled, question=dialog, **told)

    return show


def _submits(dialog: Question, method: str, path: str) -> Callable[..., Any]:
    async def submit(visit: Visit, _filled: Form) -> Response:
        await _on_key(visit, method, path)
        return visit.to(_at(visit), dialog.done)

    return submit


PAGES: tuple[Page, ...] = (
    page("/keys", _keys, "GET /v2/resource_instances"),
    *form("/keys/new", _new_page, _new, "POST /api/v2/keys"),
    *form("/keys/new-ring", _new_ring_page, _new_ring, f"POST {_RINGS}/{{id}}"),
    page(HERE, _key, f"GET {_API}/metadata"),
    *(dialog for each in _QUESTIONS for dialog in _question(each)),
    *form(f"{HERE}/alias", _alias_page, _alias, f"POST {_API}/aliases/{{alias}}"),
    *form(f"{HERE}/ring", _ring_page, _ring, f"PATCH {_API}"),
    *form(f"{HERE}/delete", _delete_page, _delete, f"DELETE {_API}"),
)
