"""Changes of versions, their texts, their working copies; and the pages of an offering's versions."""

from __future__ import annotations

from typing import Any

import msgspec

from kunsthalle.api.request import Reply, Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.serialization import decode
from kunsthalle.api.surfaces.catalog import BASE, CATALOG, DEFAULT_LIMIT, MOST, number
from kunsthalle.catalogs import json_patch, queries, resources
from kunsthalle.catalogs.access_rules import PARAM, VersionItem
from kunsthalle.catalogs.access_rules import offering as offering_rule
from kunsthalle.catalogs.access_rules import version as version_rule
from kunsthalle.catalogs.models import Version
from kunsthalle.catalogs.offerings import service
from kunsthalle.catalogs.requests import ReloadRequest, ValidateRequest, VersionRequest
from kunsthalle.catalogs.routes_catalogs import flag, offering_reply
from kunsthalle.catalogs.routes_versions import version_reply
from kunsthalle.catalogs.schemas import Doc, version_response, versions_response
from kunsthalle.catalogs.versions import editing, publish_states, publishing
from kunsthalle.catalogs.versions.validation import Rehearse
from kunsthalle.core.errors import invalid, not_found
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized, find

_PREFIX = "/kinds/0/versions/0/"


def _split(body: VersionRequest) -> tuple[Doc, Doc]:
    """The metadata, and every other document of a version."""
    found = dict(msgspec.to_builtins(body))
    metadata = found.pop("metadata", {})
    return metadata, found


def _put(session: Session, request: Request) -> Reply:
    """Replace a version; what is said of its offering and kind is not looked at."""
    version: Authorized[Version] = request.authorized
    given = _version_in(request.body)
    service.same_rev(request.body.get("_rev"), editing.offering_of(session, version.resource).rev)
    metadata, document = _split(decode(msgspec.json.encode(given), VersionRequest))
    editing.edit(session, version, metadata if "metadata" in given else version.resource.metadata, document)
    return version_reply(session, find(session, resources.VERSION, version.resource.id))


def _version_in(body: Doc) -> Doc:
    try:
        found = body["kinds"][0]["versions"][0]
    except (KeyError, IndexError, TypeError) as error:
        raise invalid("bad_request", "The body must be an offering with one kind and one version.", "kinds") from error
    if not isinstance(found, dict):
        raise invalid("bad_request", "A version must be an object.", "kinds")
    return found


def _patch(session: Session, request: Request) -> Reply:
    """Change a version by JSON Patch under its offering's revision."""
    version: Authorized[Version] = request.authorized
    service.check_match(request.headers.get("if-match"), editing.offering_of(session, version.resource).rev)
    _apply(session, version, request.body)
    return version_reply(session, find(session, resources.VERSION, version.resource.id))


def _apply(session: Session, version: Authorized[Version], operations: list[Doc]) -> None:
    """Carries the operations out on the version as it is shown."""
    shown = version_response(version.resource, session.ctx)
    before = msgspec.json.decode(msgspec.json.encode(shown))
    patched = json_patch.apply({"kinds": [{"versions": [before]}]}, operations, _PREFIX)
    after = _version_in(patched)
    if _only_known(shown, after):
        publishing.take(session, version.resource, "test")
    else:
        metadata, document = _split(decode(msgspec.json.encode(after), VersionRequest))
        editing.edit(session, version, metadata, document)


def _only_known(before: Doc, after: Doc) -> bool:
    """Whether the patch asks for the state `test`; 400 for a change of what is not the caller's to set."""
    ours = set(VersionRequest.__struct_fields__)
    changed = [name for name in {*before, *after} - ours if before.get(name) != after.get(name)]
    if changed == ["state"] and isinstance(after.get("state"), dict) and after["state"].get("current") == "test":
        return True
    if changed:
        raise invalid("bad_request", f"{min(changed)} of a version cannot be changed.", f"{_PREFIX}{min(changed)}")
    return False


def _about(_session: Session, request: Request) -> Reply:
    """Get the text about a version, in Markdown."""
    text = str(request.authorized.resource.document.get("long_description") or "")
    return Reply(text.encode(), media="text/markdown; charset=utf-8")


def _license(_session: Session, request: Request) -> Reply:
    """Get the text of a licence of a version."""
    for one in request.authorized.resource.document.get("licenses") or []:
        if one.get("id") == request.params["license_id"]:
            text = str(one.get("description") or one.get("url") or one.get("name") or "")
            return Reply(text.encode(), media="text/plain; charset=utf-8")
    raise not_found("license_id")


def _container_images(_session: Session, _request: Request) -> Doc:
    """List the container images of a version: a virtual-server image has none."""
    return {"description": "", "images": []}


def _permissions(_session: Session, request: Request) -> list[Doc]:
    """List the permissions that a version asks for, beyond what provisioning needs."""
    return list(request.authorized.resource.document.get("iam_permissions") or [])


def _dependencies(_session: Session, request: Request) -> Doc:
    """List what a version depends on: a virtual-server image depends on nothing."""
    it: Version = request.authorized.resource
    first = {"href": f"{request.path}?limit={DEFAULT_LIMIT}"}
    shown = {"version": it.version, "version_locator": it.locator}
    return {"limit": DEFAULT_LIMIT, "total_count": 0, "resource_count": 0, "first": first, "version": shown}


def _override_values(_session: Session, request: Request) -> Doc:
    """Get the values that the last validation was started with."""
    return dict(request.authorized.resource.validation.get("target") or {})


def _working_copy(session: Session, request: Request) -> Doc:
    """Get the working copy of a version, made when there is none."""
    return version_response(editing.open_working_copy(session, request.authorized), session.ctx)


def _commit(session: Session, request: Request) -> Doc:
    """Put a working copy in its version's place."""
    editing.commit(session, request.authorized)
    return {}


def _copy(session: Session, request: Request) -> Doc:
    """Copy a version under the next free number, without its images."""
    body: ReloadRequest = request.body or ReloadRequest()
    if body.target_kinds not in (None, [], ["vpc-x86"]):
        raise invalid("bad_request", "target_kinds must be [vpc-x86].", "target_kinds")
    editing.copy(session, request.authorized, body.tags)
    return {}


def _copy_part(session: Session, request: Request) -> Doc:
    """Take the configuration or the licences of another version."""
    version = request.authorized
    locator = {PARAM: request.params["version_loc_id_to_copy_from"]}
    other = Request(request.method, request.path, locator, request.query, request.headers)
    VersionItem(publish_states.UPDATE).check(session, other)
    editing.copy_part(session, version, request.params["type"], other.authorized.resource)
    return {}


def _reload(session: Session, request: Request) -> Reply:
    """Look at the source of a version anew: it has to be validated again."""
    target = request.query.get("targetVersion")
    if not target:
        raise invalid("bad_request", "targetVersion is required.", "targetVersion", type_="parameter")
    body: ReloadRequest = request.body or ReloadRequest()
    editing.reload(session, request.authorized, target, body.tags)
    return offering_reply(session, queries.refresh(session, request.authorized.resource))


def _versions(session: Session, request: Request) -> Doc:
    """List the versions of a kind, newest first, in pages."""
    offering = request.authorized.resource
    if request.params["kind_id"] != offering.kind_id:
        raise not_found("kind_id")
    start, limit = number(request, "start", 0, 0, 10**8), number(request, "limit", DEFAULT_LIMIT, 1, MOST)
    every = queries.versions_of(session, offering)
    newest = queries.fitting_versions(session, every[::-1][start : start + limit])
    shown = versions_response(newest, every, session.ctx, digest=flag(request, "digest"))
    return _version_page(request.path, start, limit, shown, len(every))


def _version_page(path: str, start: int, limit: int, shown: list[Doc], total: int) -> Doc:
    first = f"{path}?limit={limit}"
    page: Doc = {"start": str(start), "limit": limit, "total_count": total, "first": {"href": first}}
    following = start + len(shown)
    if shown and following < total:
        page["next"] = {"href": f"{first}&start={following}", "start": str(following)}
    return {**page, "resource_count": len(shown), "versions": shown}


def _validate_inputs(rehearse: Rehearse) -> Any:
    def call(session: Session, request: Request) -> Doc:
        """Check the values of a test deployment without starting one."""
        given = request.body.override_values if request.body is not None else msgspec.UNSET
        wrong = rehearse(session, given if isinstance(given, dict) else {})
        found = [{"message": wrong, "entity": "override_values", "error_code": "bad_request"}] if wrong else []
        code = "invalid" if wrong else "valid"
        return {"message": wrong or "valid", "code": code, "global_transaction_id": session.ctx.trace, "errors": found}

    return call


def routes(rehearse: Rehearse) -> tuple[Route, ...]:
    one = f"{BASE}/versions/{{version_loc_id}}"
    product = f"{BASE}/catalogs/{{catalog_id}}/offerings/{{offering_id}}"
    see, change = version_rule(), version_rule(publish_states.UPDATE)
    surface, patch = CATALOG, list[dict[str, Any]]
    optional: dict[str, Any] = {"body_required": False}
    texts = (
        ("about", _about),
        ("licenses/{license_id}", _license),
        ("containerImages", _container_images),
        ("iamPermissions", _permissions),
        ("dependencies", _dependencies),
    )
    part = f"{one}/copy/{{type}}/{{version_loc_id_to_copy_from}}"
    update = offering_rule(publish_states.UPDATE)
    check = _validate_inputs(rehearse)
    return (
        route("PUT", one, _put, surface=surface, access=change, body=dict[str, Any]),
        route("PATCH", one, _patch, surface=surface, access=change, body=patch),
        *(route("GET", f"{one}/{path}", call, surface=surface, access=see) for path, call in texts),
        route("GET", f"{one}/validation/overridevalues", _override_values, surface=surface, access=change),
        route("POST", f"{one}/validateInputs", check, surface=surface, access=change, body=ValidateRequest, **optional),
        route("POST", f"{one}/workingcopy", _working_copy, surface=surface, access=change),
        route("POST", f"{one}/commit", _commit, surface=surface, access=change),
        route("POST", f"{one}/copy", _copy, surface=surface, access=change, body=ReloadRequest, **optional),
        route("POST", part, _copy_part, surface=surface, access=change),
        route(
            "PUT",
            f"{product}/reload",
            _reload,
            surface=surface,
            access=update,
            body=ReloadRequest,
            status=201,
            **optional,
        ),
        route("GET", f"{product}/kinds/{{kind_id}}/versions", _versions, surface=surface, access=offering_rule()),
    )
