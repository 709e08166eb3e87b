"""Offerings of private catalogs, as their owner and those they are shared with see them; and the steps of versions."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from kunsthalle.console import names, refusals
from kunsthalle.console.account_user_pages import forest, walked
from kunsthalle.console.api_client import Refused, segment
from kunsthalle.console.catalog_pages import BASE, CATALOG, catalog_path, versions_of
from kunsthalle.console.forms import Form, number
from kunsthalle.console.listing import Column, Offsets, Row, listing
from kunsthalle.console.page_frame import Page, Visit, form, page
from kunsthalle.console.resource_shapes import Offer
from kunsthalle.core.records import dataclass

OFFERING = f"{CATALOG}/offerings/{{offering_id}}"
HERE = "/catalogs/{catalog_id}/offerings/{offering_id}"
VERSION = f"{BASE}/versions/{{version_loc_id}}"


def owner_of(offering: Row) -> str:
    """The account that an offering's CRN names."""
    return str(offering["crn"].split(":")[6]).removeprefix("a/")


_OFFERED = (
    Column("label", "Offering"),
    Column("versions", "Versions", lambda row: " ".join(version["version"] for version in versions_of(row))),
    Column("catalog_name", "Catalog", lambda row: row.get("catalog_name") or ""),
    Column("owner", "Owner account", owner_of),
    Column("updated", "Changed"),
)


def state_of(version: Row) -> str:
    """What a version's state means to whoever would boot it (published, deprecated, obsolete)."""
    state = str(version["state"]["current"])
    if version.get("deprecate_pending"):
        return "deprecated"
    return {"consumable": "published", "deprecated": "obsolete"}.get(state, state)


async def _offered(visit: Visit) -> Response:
    source = Offsets(f"{BASE}/offerings", fixed=(("digest", "true"),))
    table = await listing(visit.api, visit.query, source, _OFFERED)
    told: dict[str, Any] = {"versions_of": versions_of, "state_of": state_of, "owner_of": owner_of}
    known = await names.of_accounts(visit) if table.rows else {}
    return visit.page("images/catalog.html", list=table, names=known, boot_of=boot_of, **told)


def boot_of(offering: Row) -> list[Offer]:
    """The form of an instance for each version that boots now."""
    return [
        Offer(
            f"Create instance from {entry['version']}",
            f"/instances/new?source=version+{segment(entry['crn'])}",
            False,
        )
        for entry in versions_of(offering)
        if state_of(entry) in {"published", "deprecated"}
    ]


def offering_path(visit: Visit) -> str:
    return f"{catalog_path(visit)}/offerings/{visit.id('offering_id')}"


def _at(visit: Visit) -> str:
    return f"/catalogs/{visit.id('catalog_id')}/offerings/{visit.id('offering_id')}"


async def _offering(visit: Visit) -> Any:
    return await visit.api.get(offering_path(visit))


def _is_own(visit: Visit, offering: Row) -> bool:
    return visit.session is not None and owner_of(offering) == visit.session.active


async def _details(visit: Visit) -> Response:
    offering = await _offering(visit)
    own = _is_own(visit, offering)
    access = recipients = None
    if own:
        access = await visit.if_allowed("GET", f"{offering_path(visit)}/access")
        path = f"/_kunsthalle/offerings/{visit.id('offering_id')}/audience"
        recipients = await visit.if_allowed("POST", path, {})
    versions = versions_of(offering)
    known = await names.of_accounts(visit)
    life = life_of(offering, versions, (access or {}).get("resources", []), recipients) if own else ()
    moving = any(entry["validation"].get("state") in {"requested", "in_progress"} for entry in versions)
    told: dict[str, Any] = {
        "versions": versions,
        "state_of": state_of,
        "steps_of": lambda version: steps_of(version, versions),
        "moving": moving,
        "own": own,
        "names": known,
        "life": life,
        "next": next((entry for entry in life if entry.now), None),
        "boot_of": boot_of(offering),
    }
    return visit.page("catalogs/offering.html", offering=offering, access=access, recipients=recipients, **told)


@dataclass(frozen=True, slots=True)
class Stage:
    """A step in the life of an offering. `state`: `done`, `now` or `later`; `action` is what takes it: label, path."""

    label: str
    state: str
    text: str
    action: tuple[str, str] | None = None

    @property
    def now(self) -> bool:
        return self.state == "now"


def life_of(offering: Row, versions: list[Row], entries: list[Row], recipients: Row | None) -> tuple[Stage, ...]:
    """Import, validate, publish, share, accepted: what is done, what is next, and what is missing for it.

    The version that has come furthest counts.
    """
    at = f"/catalogs/{segment(offering['catalog_id'])}/offerings/{segment(offering['id'])}"
    order = {"consumable": 3, "prerelease": 3, "validated": 2, "test": 1, "new": 1}
    best = max(versions, key=lambda entry: order.get(entry["state"]["current"], 0), default=None)
    reached = order.get(best["state"]["current"], 0) if best else 0
    step = f"/versions/{segment(best['version_locator'])}" if best else ""
    busy = best is not None and best["validation"].get("state") in {"requested", "in_progress"}
    others = [
        entry
        for entry in (recipients or {}).get("by_reason", [])
        if entry["may_boot"] and "owner" not in entry["reason"]
    ]
    listed, on = len(entries), offering["share_enabled"]
    share = (at + "/allow", "Add accounts") if not listed else (at + "/share", "Switch sharing on")
    missing = "No account is on the access list." if not listed else "The access list is not in effect."
    stages = (
        (reached >= 1, "Import", "Share a custom image to this offering.", ("Choose an image", "/images/custom")),
        (
            reached >= 2,
            "Validate",
            "The validation is running." if busy else "The version has not been validated.",
            None if busy else ("Validate", f"{step}/validate"),
        ),
        (
            reached >= 3,
            "Publish",
            "No version is published: no account can use it.",
            ("Publish", f"{step}/publish"),
        ),
        (bool(listed) and on, "Share", missing, (share[1], share[0])),
        (bool(others), "Accepted", "No account has accepted the share request yet.", None),
    )
    results, open_ = [], True
    for done, label, text, action in stages:
        state = "done" if done else "now" if open_ else "later"
        results.append(Stage(label, state, "" if done else text, action if state == "now" else None))
        open_ = open_ and done
    return tuple(results)


async def _share_page(visit: Visit, filled: Form) -> Response:
    return visit.form_page("catalogs/share.html", filled, offering=await _offering(visit), at=_at(visit))


async def _share(visit: Visit, filled: Form) -> Response:
    offering = await _offering(visit)
    flags = {"ibm": offering["share_with_ibm"], "public": offering["share_with_all"]}
    target = filled.get("enabled") == "true"
    await visit.api.send("POST", f"{offering_path(visit)}/share", {**flags, "enabled": target})
    return visit.to(_at(visit), "Sharing is on." if target else "Sharing is off.")


async def _allow_page(visit: Visit, filled: Form) -> Response:
    """What the visitor may see of the tree is offered; anything else is typed."""
    nodes = [entry for entry in walked(await forest(visit)) if entry.row["id"] != visit.active]
    offered = [(names.identifier_of(entry), str(entry.row["name"]), entry.kind) for entry in nodes]
    return visit.form_page(
        "catalogs/allow.html", filled, offering=await _offering(visit), at=_at(visit), offered=offered
    )


async def _allow(visit: Visit, filled: Form) -> Response:
    identifiers = [*filled.all("chosen"), *filled.get("identifiers").split()]
    if not identifiers:
        raise Refused(400, "bad_request", "Choose an account, or type an ID.", "identifiers")
    told = await visit.api.send("POST", f"{offering_path(visit)}/access", identifiers)
    errors = [f"{identifier}: {reason}" for identifier, reason in (told.get("errors") or {}).items()]
    if errors:
        raise Refused(400, "bad_request", " ".join(errors), "identifiers")
    return visit.to(_at(visit), "The access list has been changed.")


async def _withhold_page(visit: Visit, filled: Form) -> Response:
    entries = (await visit.api.get(f"{offering_path(visit)}/access"))["resources"]
    told = {"offering": await _offering(visit), "names": await names.of_accounts(visit)}
    return visit.form_page("catalogs/withhold.html", filled, entries=entries, at=_at(visit), **told)


async def _withhold(visit: Visit, filled: Form) -> Response:
    chosen = filled.all("identifier")
    if not chosen:
        raise Refused(400, "bad_request", "Choose at least one account to remove.", "identifier")
    await visit.api.send("DELETE", f"{offering_path(visit)}/access", chosen)
    return visit.to(_at(visit), "The access list has been changed.")


async def _outside_page(visit: Visit, filled: Form) -> Response:
    return visit.form_page("catalogs/outside.html", filled, offering=await _offering(visit), at=_at(visit))


async def _outside(visit: Visit, filled: Form) -> Response:
    target = "true" if filled.get("wanted") == "true" else "false"
    await visit.api.send("POST", f"{offering_path(visit)}/publish/allow_request/{target}")
    done = "The approval is requested." if target == "true" else "The request is withdrawn."
    return visit.to(_at(visit), done, "info")


async def _delete_page(visit: Visit, filled: Form) -> Response:
    return visit.form_page("catalogs/delete_offering.html", filled, offering=await _offering(visit), at=_at(visit))


async def _delete(visit: Visit, _filled: Form) -> Response:
    """Deleting what is not there is no error of the API, but there is no page for it."""
    await _offering(visit)
    await visit.api.send("DELETE", offering_path(visit))
    return visit.to(f"/catalogs/{visit.id('catalog_id')}", "The offering is deleted; its images are free.")


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a version: its word in addresses, what it is called, and what it means."""

    key: str
    label: str
    about: str
    done: str
    call: tuple[str, str]
    danger: bool = False


STEPS = (
    Step(
        "validate",
        "Validate",
        "Checks that the version's image can be used, and where its test deployment would go.",
        "The validation has begun.",
        ("POST", "/validation/install"),
    ),
    Step(
        "publish",
        "Publish",
        "Accounts that the offering is shared with can boot it.",
        "The version is published.",
        ("POST", "/consume-publish"),
    ),
    Step(
        "suspend",
        "Suspend",
        "Withdraws the version from publication. It can be published again.",
        "The version is suspended.",
        ("POST", "/suspend"),
    ),
    Step(
        "deprecate",
        "Deprecate",
        "It still boots until the period is over; its image is shown as deprecated.",
        "The version is being deprecated.",
        ("POST", "/deprecate/true"),
    ),
    Step(
        "restore",
        "Restore",
        "Ends the deprecation; the image is available again.",
        "The version is no longer being deprecated.",
        ("POST", "/deprecate/false"),
    ),
    Step(
        "archive",
        "Archive",
        "The version no longer boots, and its image becomes obsolete. Running instances do not change.",
        "The version is archived.",
        ("POST", "/archive"),
        danger=True,
    ),
    Step(
        "delete",
        "Delete",
        "The version is deleted for all accounts, and its image is free at once. Running instances do not change.",
        "The version is deleted; its image is free.",
        ("DELETE", ""),
        danger=True,
    ),
)


_PUBLISHED = frozenset({"consumable", "prerelease"})


def steps_of(version: Row, versions: list[Row]) -> list[Offer]:
    """The steps of a version, and why the API would refuse them; of the two that undo each other, one."""
    published = [entry for entry in versions if entry["state"]["current"] in _PUBLISHED]
    row = {**version, "last": published == [version]}
    hidden = "deprecate" if version.get("deprecate_pending") else "restore"
    at = f"/versions/{segment(version['version_locator'])}"
    return [
        Offer(step.label, f"{at}/{step.key}", step.danger, refusals.of_version(row, step.key))
        for step in STEPS
        if step.key != hidden
    ]


async def _version(visit: Visit) -> tuple[Any, Any]:
    """The offering of a version, and the version in it."""
    branch = await visit.api.get(f"{BASE}/versions/{visit.id('version_id')}")
    return branch, branch["kinds"][0]["versions"][0]


def _step_form(step: Step) -> tuple[Page, Page]:
    method, tail = step.call

    async def show(visit: Visit, filled: Form) -> Response:
        offering, version = await _version(visit)
        at = f"/catalogs/{segment(offering['catalog_id'])}/offerings/{segment(offering['id'])}"
        return visit.form_page("catalogs/step.html", filled, offering=offering, version=version, step=step, at=at)

    async def submit(visit: Visit, filled: Form) -> Response:
        offering, _ = await _version(visit)
        body: dict[str, Any] | None = {} if step.key in {"validate", "deprecate"} else None
        days = filled.get("days_until_deprecate")
        if body is not None and days:
            body["days_until_deprecate"] = number(days)
            body |= filled.body("description")
        here = visit.session.here if visit.session else None
        renewal = {"x-auth-refresh-token": here.refresh_token} if here is not None else {}
        await visit.api.send(method, f"{BASE}/versions/{visit.id('version_id')}{tail}", body, headers=renewal)
        at = f"/catalogs/{segment(offering['catalog_id'])}/offerings/{segment(offering['id'])}"
        return visit.to(at, step.done)

    operation = tail.replace("/true", "/{setting}").replace("/false", "/{setting}")
    return form(f"/versions/{{version_id}}/{step.key}", show, submit, f"{method} {VERSION}{operation}")


PAGES: tuple[Page, ...] = (
    page("/images/catalog", _offered, f"GET {BASE}/offerings"),
    page(HERE, _details, f"GET {OFFERING}"),
    *form(f"{HERE}/share", _share_page, _share, f"POST {OFFERING}/share"),
    *form(f"{HERE}/allow", _allow_page, _allow, f"POST {OFFERING}/access"),
    *form(f"{HERE}/withhold", _withhold_page, _withhold, f"DELETE {OFFERING}/access"),
    *form(f"{HERE}/outside", _outside_page, _outside, f"POST {OFFERING}/publish/{{approval_type}}/{{approved}}"),
    *form(f"{HERE}/delete", _delete_page, _delete, f"DELETE {OFFERING}"),
    *(batch for step in STEPS for batch in _step_form(step)),
)
