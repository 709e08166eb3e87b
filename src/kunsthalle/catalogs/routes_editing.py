"""Changes of versions, their texts, their working copies; and the pages of an offering's versions."""

from __future__ import annotations

from typing import Any

import msgspec

from kunsthalle.api.families.catalog import BASE, CATALOG, DEFAULT_LIMIT, MOST, number
from kunsthalle.api.request import Reply, Request
from kunsthalle.api.routing import Route, route
from kunsthalle.api.wire import decode
from kunsthalle.catalogs import editing, kinds, lifecycle, patching, publishing, queries, service
from kunsthalle.catalogs.access import PARAM, VersionItem
from kunsthalle.catalogs.access import offering as offering_rule
from kunsthalle.catalogs.access import version as version_rule
from kunsthalle.catalogs.bodies import ReloadBody, ValidateBody, VersionBody
from kunsthalle.catalogs.model import Version
from kunsthalle.catalogs.routes_catalogs import flag, offering_reply
from kunsthalle.catalogs.routes_versions import version_reply
from kunsthalle.catalogs.validation import Rehearse
from kunsthalle.catalogs.wire import Doc, version_wire, versions_wire
from kunsthalle.core.errors import invalid, not_found
from kunsthalle.store.scope import Granted, find
from kunsthalle.store.unit import Unit

_PREFIX = "/kinds/0/versions/0/"


def _split(body: VersionBody) -> tuple[Doc, Doc]:
    """The metadata, and every other document of a version."""
    found = dict(msgspec.to_builtins(body))
    metadata = found.pop("metadata", {})
    return metadata, found


def _put(unit: Unit, request: Request) -> Reply:
    """Replace a version; what is said of its offering and kind is not looked at."""
    version: Granted[Version] = request.granted
    given = _version_in(request.body)
    service.same_rev(request.body.get("_rev"), editing.offering_of(unit, version.it).rev)
    metadata, document = _split(decode(msgspec.json.encode(given), VersionBody))
    editing.edit(unit, version, metadata if "metadata" in given else version.it.metadata, document)
    return version_reply(unit, find(unit, kinds.VERSION, version.it.id))


def _version_in(body: Doc) -> Doc:
    try:
        found = body["kinds"][0]["versions"][0]
    except (KeyError, IndexError, TypeError) as error:
        raise invalid("bad_request", "The body must be an offering with one kind and one version.", "kinds") from error
    if not isinstance(found, dict):
        raise invalid("bad_request", "A version must be an object.", "kinds")
    return found


def _patch(unit: Unit, request: Request) -> Reply:
    """Change a version by JSON Patch under its offering's revision."""
    version: Granted[Version] = request.granted
    service.check_match(request.headers.get("if-match"), editing.offering_of(unit, version.it).rev)
    _apply(unit, version, request.body)
    return version_reply(unit, find(unit, kinds.VERSION, version.it.id))


def _apply(unit: Unit, version: Granted[Version], operations: list[Doc]) -> None:
    """Carries the operations out on the version as it is shown."""
    shown = version_wire(version.it, unit.ctx)
    before = msgspec.json.decode(msgspec.json.encode(shown))
    patched = patching.apply({"kinds": [{"versions": [before]}]}, operations, _PREFIX)
    after = _version_in(patched)
    if _only_known(shown, after):
        publishing.take(unit, version.it, "test")
    else:
        metadata, document = _split(decode(msgspec.json.encode(after), VersionBody))
        editing.edit(unit, version, metadata, document)


def _only_known(before: Doc, after: Doc) -> bool:
    """Whether the patch asks for the state `test`; 400 for a change of what is not the caller's to set."""
    ours = set(VersionBody.__struct_fields__)
    changed = [name for name in {*before, *after} - ours if before.get(name) != after.get(name)]
    if changed == ["state"] and isinstance(after.get("state"), dict) and after["state"].get("current") == "test":
        return True
    if changed:
        raise invalid("bad_request", f"{min(changed)} of a version cannot be changed.", f"{_PREFIX}{min(changed)}")
    return False


def _about(_unit: Unit, request: Request) -> Reply:
    """Get the text about a version, in Markdown."""
    text = str(request.granted.it.document.get("long_description") or "")
    return Reply(text.encode(), media="text/markdown; charset=utf-8")


def _license(_unit: Unit, request: Request) -> Reply:
    """Get the text of a licence of a version."""
    for one in request.granted.it.document.get("licenses") or []:
        if one.get("id") == request.params["license_id"]:
            text = str(one.get("description") or one.get("url") or one.get("name") or "")
            return Reply(text.encode(), media="text/plain; charset=utf-8")
    raise not_found("license_id")


def _container_images(_unit: Unit, _request: Request) -> Doc:
    """List the container images of a version: a virtual-server image has none."""
    return {"description": "", "images": []}


def _permissions(_unit: Unit, request: Request) -> list[Doc]:
    """List the permissions that a version asks for, beyond what provisioning needs."""
    return list(request.granted.it.document.get("iam_permissions") or [])


def _dependencies(_unit: Unit, request: Request) -> Doc:
    """List what a version depends on: a virtual-server image depends on nothing."""
    it: Version = request.granted.it
    first = {"href": f"{request.path}?limit={DEFAULT_LIMIT}"}
    shown = {"version": it.version, "version_locator": it.locator}
    return {"limit": DEFAULT_LIMIT, "total_count": 0, "resource_count": 0, "first": first, "version": shown}


def _override_values(_unit: Unit, request: Request) -> Doc:
    """Get the values that the last validation was started with."""
    return dict(request.granted.it.validation.get("target") or {})


def _working_copy(unit: Unit, request: Request) -> Doc:
    """Get the working copy of a version, made when there is none."""
    return version_wire(editing.open_working_copy(unit, request.granted), unit.ctx)


def _commit(unit: Unit, request: Request) -> Doc:
    """Put a working copy in its version's place."""
    editing.commit(unit, request.granted)
    return {}


def _copy(unit: Unit, request: Request) -> Doc:
    """Copy a version under the next free number, without its images."""
    body: ReloadBody = request.body or ReloadBody()
    if body.target_kinds not in (None, [], ["vpc-x86"]):
        raise invalid("bad_request", "target_kinds must be [vpc-x86].", "target_kinds")
    editing.copy(unit, request.granted, body.tags)
    return {}


def _copy_part(unit: Unit, request: Request) -> Doc:
    """Take the configuration or the licences of another version."""
    version = request.granted
    locator = {PARAM: request.params["version_loc_id_to_copy_from"]}
    other = Request(request.method, request.path, locator, request.query, request.headers)
    VersionItem(lifecycle.UPDATE).check(unit, other)
    editing.copy_part(unit, version, request.params["type"], other.granted.it)
    return {}


def _reload(unit: Unit, request: Request) -> Reply:
    """Look at the source of a version anew: it has to be validated again."""
    target = request.query.get("targetVersion")
    if not target:
        raise invalid("bad_request", "targetVersion is required.", "targetVersion", type_="parameter")
    body: ReloadBody = request.body or ReloadBody()
    editing.reload(unit, request.granted, target, body.tags)
    return offering_reply(unit, queries.refresh(unit, request.granted.it))


def _versions(unit: Unit, request: Request) -> Doc:
    """List the versions of a kind, newest first, in pages."""
    offering = request.granted.it
    if request.params["kind_id"] != offering.kind_id:
        raise not_found("kind_id")
    start, limit = number(request, "start", 0, 0, 10**8), number(request, "limit", DEFAULT_LIMIT, 1, MOST)
    every = queries.versions_of(unit, offering)
    newest = every[::-1][start : start + limit]
    shown = versions_wire(newest, every, unit.ctx, digest=flag(request, "digest"))
    return {**_window(request.path, start, limit, len(every)), "resource_count": len(shown), "versions": shown}


def _window(path: str, start: int, limit: int, total: int) -> Doc:
    first = f"{path}?limit={limit}"
    page: Doc = {"start": str(start), "limit": limit, "total_count": total, "first": {"href": first}}
    if start + limit < total:
        page["next"] = {"href": f"{first}&start={start + limit}", "start": str(start + limit)}
    return page


def _validate_inputs(rehearse: Rehearse) -> Any:
    def call(unit: Unit, request: Request) -> Doc:
        """Check the values of a test deployment without starting one."""
        given = request.body.override_values if request.body is not None else msgspec.UNSET
        wrong = rehearse(unit, given if isinstance(given, dict) else {})
        found = [{"message": wrong, "entity": "override_values", "error_code": "bad_request"}] if wrong else []
        code = "invalid" if wrong else "valid"
        return {"message": wrong or "valid", "code": code, "global_transaction_id": unit.ctx.trace, "errors": found}

    return call


def routes(rehearse: Rehearse) -> tuple[Route, ...]:
    one = f"{BASE}/versions/{{version_loc_id}}"
    product = f"{BASE}/catalogs/{{catalog_id}}/offerings/{{offering_id}}"
    see, change = version_rule(), version_rule(lifecycle.UPDATE)
    family, patch, optional = CATALOG, list[dict[str, Any]], {"body_required": False}
    texts = (
        ("about", _about),
        ("licenses/{license_id}", _license),
        ("containerImages", _container_images),
        ("iamPermissions", _permissions),
        ("dependencies", _dependencies),
    )
    part = f"{one}/copy/{{type}}/{{version_loc_id_to_copy_from}}"
    update = offering_rule(lifecycle.UPDATE)
    check = _validate_inputs(rehearse)
    return (
        route("PUT", one, _put, family=family, access=change, body=dict[str, Any]),
        route("PATCH", one, _patch, family=family, access=change, body=patch),
        *(route("GET", f"{one}/{path}", call, family=family, access=see) for path, call in texts),
        route("GET", f"{one}/validation/overridevalues", _override_values, family=family, access=change),
        route("POST", f"{one}/validateInputs", check, family=family, access=change, body=ValidateBody, **optional),
        route("POST", f"{one}/workingcopy", _working_copy, family=family, access=change),
        route("POST", f"{one}/commit", _commit, family=family, access=change),
        route("POST", f"{one}/copy", _copy, family=family, access=change, body=ReloadBody, **optional),
        route("POST", part, _copy_part, family=family, access=change),
        route(
            "PUT", f"{product}/reload", _reload, family=family, access=update, body=ReloadBody, status=201, **optional
        ),
        route("GET", f"{product}/kinds/{{kind_id}}/versions", _versions, family=family, access=offering_rule()),
    )
