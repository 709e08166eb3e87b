"""Import of versions, and everything under `/versions/{version_loc_id}`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kunsthalle.api import access
from kunsthalle.api.request import Reply, Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.catalog import BASE, CATALOG
from kunsthalle.catalogs import queries, resources
from kunsthalle.catalogs.access_rules import offering as offering_rule
from kunsthalle.catalogs.access_rules import version
from kunsthalle.catalogs.models import Offering, Version
from kunsthalle.catalogs.offerings import service
from kunsthalle.catalogs.requests import DeprecateRequest, ImportRequest, ValidateRequest, wanted
from kunsthalle.catalogs.routes_catalogs import offering_reply
from kunsthalle.catalogs.schemas import offering_response
from kunsthalle.catalogs.sharing import access_list
from kunsthalle.catalogs.versions import publish_states, publishing, validation
from kunsthalle.catalogs.versions.importing import import_version
from kunsthalle.core.errors import invalid
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized, find, resolve

_CREATE = publish_states.CREATE
_UPDATE = publish_states.UPDATE


def _import_version(session: Session, request: Request) -> Reply:
    """Import an image as a new version of an offering."""
    body = wanted(request.body, request.query.get("targetVersion"))
    import_version(session, request.authorized, body)
    return offering_reply(session, queries.refresh(session, request.authorized.resource))


def _import_offering(session: Session, request: Request) -> Reply:
    """Import an image as the first version of a new offering, or of the one that `offeringID` names."""
    offering = _chosen_offering(session, request)
    import_version(session, offering, wanted(request.body, request.query.get("targetVersion")))
    return offering_reply(session, queries.refresh(session, offering.resource))


def _chosen_offering(session: Session, request: Request) -> Authorized[Offering]:
    body: ImportRequest = request.body
    known = request.query.get("offeringID")
    if known is not None:
        return resolve(session, resources.OFFERING, known, _CREATE, "offeringID")
    if not body.name:
        raise invalid("bad_request", "A new offering needs a name.", "name")
    made = service.create_offering(
        session, request.authorized, service.Fields(body.name, body.label or body.name, False, {})
    )
    return Authorized(made, _CREATE)


def _get_version(session: Session, request: Request) -> Reply:
    """Get a version: its offering with this one version in it."""
    return version_reply(session, request.authorized.resource)


def version_reply(session: Session, found: Version) -> Reply:
    """The branch of a version, under its offering's revision."""
    offering = find(session, resources.OFFERING, found.offering_id)
    shown = offering_response(queries.branch(session, offering), session.ctx, found)
    return Reply(shown, headers={"ETag": f'"{offering.rev}"'})


def _delete_version(session: Session, request: Request) -> None:
    """Delete a version, and free its images."""
    publishing.delete_version(session, request.authorized)


def _delete_in_catalog(session: Session, request: Request) -> None:
    """Delete a version by its place in its catalog: what a public client calls."""
    publishing.delete_version(session, request.authorized)


def _validate(session: Session, request: Request) -> None:
    """Start the validation of a version."""
    validation.check_refresh(request.headers.get("x-auth-refresh-token"))
    values = getattr(request.body, "override_values", None)
    validation.validate(session, request.authorized, values if isinstance(values, dict) else {})


def _validation(_session: Session, request: Request) -> dict[str, Any]:
    """Get the state of a validation."""
    validation.check_refresh(request.headers.get("x-auth-refresh-token"))
    return dict(request.authorized.resource.validation)


def setting(request: Request) -> bool:
    """The last part of a deprecation's path."""
    given = request.params["setting"]
    if given not in {"true", "false"}:
        raise invalid("bad_request", "setting must be true or false.", "setting", type_="parameter")
    return given == "true"


def terms(request: Request) -> tuple[int | None, str | None]:
    """Length and description of a deprecation; the body may be absent."""
    body: DeprecateRequest = request.body or DeprecateRequest()
    return body.days_until_deprecate, body.description


def _deprecate(session: Session, request: Request) -> None:
    """Begin or end the deprecation of a version."""
    if setting(request):
        publishing.deprecate(session, request.authorized.resource, *terms(request))
    else:
        publishing.restore(session, request.authorized.resource)


def _deprecate_offering(session: Session, request: Request) -> None:
    """Begin or end the deprecation of an offering: of all its published versions."""
    publishing.deprecate_offering(session, request.authorized, setting(request), *terms(request))


def _step(step: Callable[[Session, Authorized[Version]], None], text: str) -> Callable[[Session, Request], None]:
    def call(session: Session, request: Request) -> None:
        step(session, request.authorized)

    call.__doc__ = text
    return call


def _to(flag: str) -> Callable[[Session, Authorized[Version]], None]:
    return lambda session, granted: access_list.promote(session, granted, flag)


# Both surfaces end in the same states: the old names are those of the Python SDK (1.3).
_STEPS: tuple[tuple[str, Callable[[Session, Authorized[Version]], None], str, str], ...] = (
    ("consume-publish", publishing.publish, publish_states.PUBLISH, "Publish a version."),
    ("account-publish", publishing.publish, publish_states.PUBLISH, "Publish a version (old name)."),
    ("prerelease-publish", publishing.prerelease, publish_states.PUBLISH, "Make a version a pre-release."),
    ("suspend", publishing.suspend, _UPDATE, "Take a version back from publication."),
    ("archive", publishing.archive, _UPDATE, "Archive a version."),
    ("deprecate", publishing.archive, _UPDATE, "Archive a version (old name)."),
    ("ibm-publish", _to("share_with_ibm"), publish_states.PROMOTE, "Publish a version to IBM, once that is approved."),
    (
        "public-publish",
        _to("share_with_all"),
        publish_states.PROMOTE,
        "Publish a version to all, once that is approved.",
    ),
)


def routes() -> tuple[Route, ...]:
    one, catalog = f"{BASE}/versions/{{version_loc_id}}", f"{BASE}/catalogs/{{catalog_id}}"
    install = f"{one}/validation/install"
    change = version(_UPDATE)
    into = offering_rule(_CREATE)
    new = access.item(resources.CATALOG, _CREATE, "catalog_id")
    into_delete = access.item(resources.VERSION, publish_states.DELETE, "version_id", ("catalog_id", "offering_id"))
    surface, body, remove = CATALOG, ImportRequest, version(publish_states.DELETE)
    offering = f"{catalog}/offerings/{{offering_id}}/version"
    in_catalog = f"{catalog}/offerings/{{offering_id}}/versions/{{version_id}}"
    return (
        route("POST", offering, _import_version, surface=surface, access=into, body=body, status=201),
        route(
            "POST", f"{catalog}/import/offerings", _import_offering, surface=surface, access=new, body=body, status=201
        ),
        route("GET", one, _get_version, surface=surface, access=version()),
        route("DELETE", one, _delete_version, surface=surface, access=remove),
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
            route("POST", f"{one}/{name}", _step(step, text), surface=surface, access=version(action), status=202)
            for name, step, action, text in _STEPS
        ),
        *_deprecations(one, f"{catalog}/offerings/{{offering_id}}"),
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
