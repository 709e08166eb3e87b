"""Import of versions, everything under `/versions/{version_loc_id}`, and the pages of an offering's versions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from msgspec import Meta, field
from msgspec.structs import replace

from kunsthalle.api import json_patch
from kunsthalle.api.body_bounds import Document
from kunsthalle.api.pagination import CATALOG_VERSIONS
from kunsthalle.api.query_params import Parameters
from kunsthalle.api.request import Reply, Request, path_flag
from kunsthalle.api.router import Call, Route, route
from kunsthalle.api.serialization import decode
from kunsthalle.api.surfaces.catalog import BASE, CATALOG, DEFAULT_LIMIT, Digest, Limit
from kunsthalle.catalogs import queries, resources, states
from kunsthalle.catalogs.models import Catalog, Offering, Version
from kunsthalle.catalogs.offerings import service
from kunsthalle.catalogs.requests import (
    DeprecateRequest,
    ImportRequest,
    Operations,
    ReloadRequest,
    ValidateRequest,
    VersionRequest,
    wanted,
)
from kunsthalle.catalogs.resources import PARAM, VersionItem, catalog_item, version
from kunsthalle.catalogs.resources import offering as offering_rule
from kunsthalle.catalogs.resources import version as version_rule
from kunsthalle.catalogs.routes_catalogs import offering_reply
from kunsthalle.catalogs.schemas import (
    Doc,
    flat_metadata,
    nested_metadata,
    nested_metadata_operation,
    offering_response,
    version_response,
    versions_response,
)
from kunsthalle.catalogs.sharing import access_list
from kunsthalle.catalogs.versions import editing, version_steps
from kunsthalle.catalogs.versions.editing import import_version
from kunsthalle.catalogs.versions.version_steps import Rehearse
from kunsthalle.core.errors import invalid, not_found
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import must
from kunsthalle.db.visibility import Authorized, find, resolve

_CREATE = states.CREATE
_UPDATE = states.UPDATE


Target = Annotated[str | None, Meta(description="The number of the version, if the body has none.")]


class ImportVersionParameters(Parameters, frozen=True):
    """Of the import of a version."""

    target_version: Target = field(name="targetVersion", default=None)


class ImportOfferingParameters(ImportVersionParameters, frozen=True):
    """Of the import of an offering."""

    offering_id: Annotated[
        str | None, Meta(description="The offering that the version is added to; a new one is made otherwise.")
    ] = field(name="offeringID", default=None)


def _import_version(
    session: Session, request: Request, offering: Authorized[Offering], query: ImportVersionParameters
) -> Reply:
    """Import an image as a new version of an offering."""
    import_version(session, offering, wanted(request.body, query.target_version))
    return offering_reply(session, queries.refresh(session, offering.resource))


def _import_offering(
    session: Session, request: Request, catalog: Authorized[Catalog], query: ImportOfferingParameters
) -> Reply:
    """Import an image as the first version of a new offering, or of the one that `offeringID` names."""
    offering = _chosen_offering(session, request, catalog, query.offering_id)
    import_version(session, offering, wanted(request.body, query.target_version))
    return offering_reply(session, queries.refresh(session, offering.resource))


def _chosen_offering(
    session: Session, request: Request, catalog: Authorized[Catalog], known: str | None
) -> Authorized[Offering]:
    body: ImportRequest = request.body
    if known is not None:
        return resolve(session, resources.OFFERING, known, _CREATE, "offeringID")
    if not body.name:
        raise invalid("bad_request", "A new offering needs a name.", "name")
    made = service.create_offering(session, catalog, service.Fields(body.name, body.label or body.name, False, {}))
    return Authorized(made, _CREATE)


def _get_version(session: Session, _request: Request, version: Version) -> Reply:
    """Get a version: its offering with this one version in it."""
    return version_reply(session, version)


def version_reply(session: Session, version: Version) -> Reply:
    """The branch of a version, under its offering's revision."""
    offering = find(session, resources.OFFERING, version.offering_id)
    shown = offering_response(queries.branch(session, offering), session.ctx, version)
    return Reply(shown, headers={"ETag": f'"{offering.rev}"'})


def _delete_version(session: Session, _request: Request, version: Authorized[Version]) -> None:
    """Delete a version, and free its images."""
    version_steps.delete_version(session, version)


def _delete_in_catalog(session: Session, _request: Request, version: Authorized[Version]) -> None:
    """Delete a version by its place in its catalog: what a public client calls."""
    version_steps.delete_version(session, version)


def _validate(session: Session, request: Request, version: Authorized[Version]) -> None:
    """Start the validation of a version."""
    version_steps.check_refresh(request.headers.get("x-auth-refresh-token"))
    values = getattr(request.body, "override_values", None)
    version_steps.validate(session, version, values if isinstance(values, dict) else {})


def _validation(_session: Session, request: Request, version: Version) -> dict[str, Any]:
    """Get the state of a validation."""
    version_steps.check_refresh(request.headers.get("x-auth-refresh-token"))
    return dict(version.validation)


def setting(request: Request) -> bool:
    """The last part of a deprecation's path."""
    return path_flag(request, "setting", "setting")


def terms(request: Request) -> tuple[int | None, str | None]:
    """Length and description of a deprecation; the body may be absent."""
    body: DeprecateRequest = request.body or DeprecateRequest()
    return body.days_until_deprecate, body.description


def _deprecate(session: Session, request: Request, version: Version) -> None:
    """Begin or end the deprecation of a version."""
    if setting(request):
        version_steps.deprecate(session, version, *terms(request))
    else:
        version_steps.restore(session, version)


def _deprecate_offering(session: Session, request: Request, offering: Authorized[Offering]) -> None:
    """Begin or end the deprecation of an offering: of all its published versions."""
    version_steps.deprecate_offering(session, offering, setting(request), *terms(request))


def _step(step: Callable[[Session, Authorized[Version]], None], text: str) -> Call:
    def call(session: Session, _request: Request, version: Authorized[Version]) -> None:
        step(session, version)

    call.__doc__ = text
    return call


def _to(flag: str) -> Callable[[Session, Authorized[Version]], None]:
    return lambda session, granted: access_list.promote(session, granted, flag)


# Both surfaces end in the same states: the old names are those of the Python SDK (1.3).
_STEPS: tuple[tuple[str, Callable[[Session, Authorized[Version]], None], str, str], ...] = (
    ("consume-publish", version_steps.publish, states.PUBLISH, "Publish a version."),
    ("account-publish", version_steps.publish, states.PUBLISH, "Publish a version (old name)."),
    ("prerelease-publish", version_steps.prerelease, states.PUBLISH, "Make a version a pre-release."),
    ("suspend", version_steps.suspend, _UPDATE, "Take a version back from publication."),
    ("archive", version_steps.archive, _UPDATE, "Archive a version."),
    ("deprecate", version_steps.archive, _UPDATE, "Archive a version (old name)."),
    ("ibm-publish", _to("share_with_ibm"), states.PROMOTE, "Publish a version to IBM, once that is approved."),
    (
        "public-publish",
        _to("share_with_all"),
        states.PROMOTE,
        "Publish a version to all, once that is approved.",
    ),
)


def routes() -> tuple[Route, ...]:
    item_path, catalog = f"{BASE}/versions/{{version_loc_id}}", f"{BASE}/catalogs/{{catalog_id}}"
    install = f"{item_path}/validation/install"
    change = version(_UPDATE)
    into = offering_rule(_CREATE)
    new = catalog_item(resources.CATALOG, _CREATE)
    into_delete = catalog_item(resources.VERSION, states.DELETE, "version_id", ("catalog_id", "offering_id"))
    surface, body, remove = CATALOG, ImportRequest, version(states.DELETE)
    offering = f"{catalog}/offerings/{{offering_id}}/version"
    in_catalog = f"{catalog}/offerings/{{offering_id}}/versions/{{version_id}}"
    return (
        route(
            "POST",
            offering,
            _import_version,
            surface=surface,
            access=into,
            body=body,
            status=201,
            query=ImportVersionParameters,
        ),
        route(
            "POST",
            f"{catalog}/import/offerings",
            _import_offering,
            surface=surface,
            access=new,
            body=body,
            status=201,
            query=ImportOfferingParameters,
        ),
        route("GET", item_path, _get_version, surface=surface, access=version()),
        route("DELETE", item_path, _delete_version, surface=surface, access=remove),
        route("DELETE", in_catalog, _delete_in_catalog, surface=surface, access=into_delete),
        route(
            "POST",
            install,
            _validate,
            surface=surface,
            access=change,
            body=ValidateRequest,
            status=202,
            body_required=False,
        ),
        route("GET", install, _validation, surface=surface, access=change),
        *(
            route("POST", f"{item_path}/{name}", _step(step, text), surface=surface, access=version(action), status=202)
            for name, step, action, text in _STEPS
        ),
        *_deprecations(item_path, f"{catalog}/offerings/{{offering_id}}"),
    )


def _deprecations(version_path: str, offering_path: str) -> tuple[Route, ...]:
    product = offering_rule(_UPDATE)
    calls = ((version_path, _deprecate, version(_UPDATE)), (offering_path, _deprecate_offering, product))
    return tuple(
        route(
            "POST",
            f"{path}/deprecate/{{setting}}",
            call,
            surface=CATALOG,
            access=rule,
            body=DeprecateRequest,
            status=202,
            body_required=False,
        )
        for path, call, rule in calls
    )


# Changes of versions, their texts, their working copies; and the pages of an offering's versions.

_PREFIX = "/kinds/0/versions/0/"


def _split(body: VersionRequest) -> tuple[Doc, Doc]:
    """The metadata, and every other document of a version."""
    fields = dict(msgspec.to_builtins(body))
    return flat_metadata(fields.pop("metadata", {})), fields


def _put(session: Session, request: Request, version: Authorized[Version]) -> Reply:
    """Replace a version; what is said of its offering and kind is not looked at."""
    sent = _version_in(request.body)
    metadata, document = _split(decode(msgspec.json.encode(sent), VersionRequest))
    service.same_rev(request.body.get("_rev"), editing.offering_of(session, version.resource).rev)
    editing.edit(session, version, metadata if "metadata" in sent else version.resource.metadata, document)
    return version_reply(session, find(session, resources.VERSION, version.resource.id))


def _version_in(body: Doc) -> Doc:
    try:
        version = body["kinds"][0]["versions"][0]
    except (KeyError, IndexError, TypeError) as error:
        raise invalid("bad_request", "The body must be an offering with one kind and one version.", "kinds") from error
    if not isinstance(version, dict):
        raise invalid("bad_request", "A version must be an object.", "kinds")
    return version


class _Patched(msgspec.Struct, frozen=True):
    """What a JSON Patch makes of a version at `revision`: its documents, or the state `test` where they are None."""

    revision: int
    documents: tuple[Doc, Doc] | None


def _patch(session: Session, request: Request, version: Authorized[Version]) -> Reply:
    """Change a version by JSON Patch under its offering's revision."""
    _check_offering(session, request, version)
    patched: _Patched = request.prepared
    must(version.resource.revision == patched.revision, "The version was changed meanwhile; try again.", "conflict")
    if patched.documents is None:
        version_steps.take(session, version.resource, "test")
    else:
        editing.edit(session, version, *patched.documents)
    return version_reply(session, find(session, resources.VERSION, version.resource.id))


def _check_offering(session: Session, request: Request, version: Authorized[Version]) -> None:
    service.check_match(request.headers.get("if-match"), editing.offering_of(session, version.resource).rev)


def _patched(session: Session, request: Request, version: Authorized[Version]) -> _Patched:
    """Carry the operations out on the version as it is shown, before the transaction that keeps what they make."""
    _check_offering(session, request, version)
    shown = {**version_response(version.resource, session.ctx), "metadata": nested_metadata(version.resource.metadata)}
    before = msgspec.json.decode(msgspec.json.encode(shown))
    moved = [nested_metadata_operation(operation, _PREFIX) for operation in request.body]
    after = _version_in(json_patch.apply({"kinds": [{"versions": [before]}]}, moved, _PREFIX))
    known = _only_known(shown, after)
    return _Patched(
        version.resource.revision, None if known else _split(decode(msgspec.json.encode(after), VersionRequest))
    )


def _only_known(before: Doc, after: Doc) -> bool:
    """Whether the patch asks for the state `test`; 400 for a change of what is not the caller's to set."""
    ours = set(VersionRequest.__struct_fields__)
    changed = [name for name in {*before, *after} - ours if before.get(name) != after.get(name)]
    if changed == ["state"] and isinstance(after.get("state"), dict) and after["state"].get("current") == "test":
        return True
    if changed:
        raise invalid("bad_request", f"{min(changed)} of a version cannot be changed.", f"{_PREFIX}{min(changed)}")
    return False


def _about(_session: Session, _request: Request, version: Version) -> Reply:
    """Get the text about a version, in Markdown; of one without a text, its number."""
    text = str(version.document.get("long_description") or f"Version {version.version}\n")
    return Reply(text.encode(), media="text/markdown; charset=utf-8")


def _license(_session: Session, request: Request, version: Version) -> Reply:
    """Get the text of a licence of a version."""
    for licence in version.document.get("licenses") or []:
        if licence.get("id") == request.params["license_id"]:
            text = str(licence.get("description") or licence.get("url") or licence.get("name") or "")
            return Reply(text.encode(), media="text/plain; charset=utf-8")
    raise not_found("license_id")


def _container_images(_session: Session, _request: Request, _version: Version) -> Doc:
    """List the container images of a version: a virtual-server image has none."""
    return {"description": "", "images": []}


def _permissions(_session: Session, _request: Request, version: Version) -> list[Doc]:
    """List the permissions that a version asks for, beyond what provisioning needs."""
    return list(version.document.get("iam_permissions") or [])


def _dependencies(_session: Session, request: Request, version: Version) -> Doc:
    """List what a version depends on: a virtual-server image depends on nothing."""
    first = {"href": f"{request.path}?limit={DEFAULT_LIMIT}"}
    place = {"account_id": version.account_id, "catalog_id": version.catalog_id, "offering_id": version.offering_id}
    shown = {**place, "version_id": version.id, "version": version.version}
    return {"limit": DEFAULT_LIMIT, "total_count": 0, "resource_count": 0, "first": first, "version": shown}


def _override_values(_session: Session, _request: Request, version: Version) -> Doc:
    """Get the values that the last validation was started with."""
    return dict(version.validation.get("target") or {})


def _working_copy(session: Session, _request: Request, version: Authorized[Version]) -> Doc:
    """Get the working copy of a version, made when there is none."""
    return version_response(editing.open_working_copy(session, version), session.ctx)


def _commit(session: Session, _request: Request, version: Authorized[Version]) -> Doc:
    """Put a working copy in its version's place."""
    editing.commit(session, version)
    return {}


def _copy(session: Session, request: Request, version: Authorized[Version]) -> Doc:
    """Copy a version under the next free number, without its images."""
    body: ReloadRequest = request.body or ReloadRequest()
    if body.target_kinds not in (None, [], ["vpc-x86"]):
        raise invalid("bad_request", "target_kinds must be [vpc-x86].", "target_kinds")
    editing.copy(session, version, body.tags)
    return {}


def _copy_part(session: Session, request: Request, version: Authorized[Version]) -> Doc:
    """Take the configuration or the licences of another version."""
    locator = {PARAM: request.params["version_loc_id_to_copy_from"]}
    other = replace(request, params=locator)
    source = VersionItem(states.UPDATE).check(session, other)
    editing.copy_part(session, version, request.params["type"], source.resource)
    return {}


class ReloadParameters(Parameters, frozen=True):
    """Of looking at the source anew."""

    target_version: Annotated[str, Meta(description="The number of the version that is loaded again.")] = field(
        name="targetVersion"
    )


def _reload(session: Session, request: Request, offering: Authorized[Offering], query: ReloadParameters) -> Reply:
    """Look at the source of a version anew: it has to be validated again."""
    body: ReloadRequest = request.body or ReloadRequest()
    editing.reload(session, offering, query.target_version, body.tags)
    return offering_reply(session, queries.refresh(session, offering.resource))


class VersionsParameters(Parameters, frozen=True):
    """Of the versions of a kind."""

    start: Annotated[int, Meta(ge=0, le=10**8, description="How many versions come before the page.")] = 0
    limit: Limit = DEFAULT_LIMIT
    digest: Digest = False


def _versions(session: Session, request: Request, offering: Offering, query: VersionsParameters) -> Doc:
    """List the versions of a kind, newest first, in pages."""
    if request.params["kind_id"] != offering.kind_id:
        raise not_found("kind_id")
    start, limit = query.start, query.limit
    every = queries.versions_of(session, offering)
    newest = queries.fitting_versions(session, every[::-1][start : start + limit])
    shown = versions_response(newest, every, session.ctx, digest=query.digest)
    return _version_page(request, start, limit, shown, len(every))


def _version_page(request: Request, start: int, limit: int, shown: list[Doc], total: int) -> Doc:
    first = CATALOG_VERSIONS.link("", request, limit=limit)
    page: Doc = {"start": str(start), "limit": limit, "total_count": total, "first": first}
    following = start + len(shown)
    if shown and following < total:
        page["next"] = CATALOG_VERSIONS.link("", request, str(following), limit)
    return {**page, "resource_count": len(shown), "versions": shown}


def _validate_inputs(rehearse: Rehearse) -> Any:
    def call(session: Session, request: Request, _version: Version) -> Doc:
        """Check the values of a test deployment without starting one."""
        override_values = request.body.override_values if request.body is not None else msgspec.UNSET
        wrong = rehearse(session, override_values if isinstance(override_values, dict) else {})
        errors = [{"message": wrong, "entity": "override_values", "error_code": "bad_request"}] if wrong else []
        code = "invalid" if wrong else "valid"
        return {"message": wrong or "valid", "code": code, "global_transaction_id": session.ctx.trace, "errors": errors}

    return call


def editing_routes(rehearse: Rehearse) -> tuple[Route, ...]:
    item_path = f"{BASE}/versions/{{version_loc_id}}"
    product = f"{BASE}/catalogs/{{catalog_id}}/offerings/{{offering_id}}"
    see, change = version_rule(), version_rule(states.UPDATE)
    surface, patch = CATALOG, Operations
    optional: dict[str, Any] = {"body_required": False}
    texts = (
        ("about", _about),
        ("licenses/{license_id}", _license),
        ("containerImages", _container_images),
        ("iamPermissions", _permissions),
        ("dependencies", _dependencies),
    )
    part = f"{item_path}/copy/{{type}}/{{version_loc_id_to_copy_from}}"
    update = offering_rule(states.UPDATE)
    check = _validate_inputs(rehearse)
    return (
        route("PUT", item_path, _put, surface=surface, access=change, body=Document),
        route(
            "PATCH",
            item_path,
            _patch,
            surface=surface,
            access=change,
            body=patch,
            prepare=_patched,
            separable=True,
            body_prepared=True,
        ),
        *(route("GET", f"{item_path}/{path}", call, surface=surface, access=see) for path, call in texts),
        route("GET", f"{item_path}/validation/overridevalues", _override_values, surface=surface, access=change),
        route(
            "POST",
            f"{item_path}/validateInputs",
            check,
            surface=surface,
            access=change,
            body=ValidateRequest,
            **optional,
        ),
        route("POST", f"{item_path}/workingcopy", _working_copy, surface=surface, access=change),
        route("POST", f"{item_path}/commit", _commit, surface=surface, access=change),
        route("POST", f"{item_path}/copy", _copy, surface=surface, access=change, body=ReloadRequest, **optional),
        route("POST", part, _copy_part, surface=surface, access=change),
        route(
            "PUT",
            f"{product}/reload",
            _reload,
            surface=surface,
            access=update,
            body=ReloadRequest,
            status=201,
            query=ReloadParameters,
            **optional,
        ),
        route(
            "GET",
            f"{product}/kinds/{{kind_id}}/versions",
            _versions,
            surface=surface,
            access=offering_rule(),
            query=VersionsParameters,
        ),
    )
