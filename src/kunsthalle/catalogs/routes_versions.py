"""Import of versions, and everything under `/versions/{version_loc_id}`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kunsthalle.api import access
from kunsthalle.api.families.catalog import BASE, CATALOG
from kunsthalle.api.request import Reply, Request
from kunsthalle.api.routing import Route, route
from kunsthalle.catalogs import kinds, lifecycle, publishing, queries, service, sharing, validation
from kunsthalle.catalogs.access import offering as offering_rule
from kunsthalle.catalogs.access import version
from kunsthalle.catalogs.bodies import DeprecateBody, ImportBody, ValidateBody, wanted
from kunsthalle.catalogs.importing import import_version
from kunsthalle.catalogs.model import Offering, Version
from kunsthalle.catalogs.routes_catalogs import offering_reply
from kunsthalle.catalogs.wire import offering_wire
from kunsthalle.core.errors import invalid
from kunsthalle.store.scope import Granted, find, resolve
from kunsthalle.store.unit import Unit

_CREATE = lifecycle.CREATE
_UPDATE = lifecycle.UPDATE


def _import_version(unit: Unit, request: Request) -> Reply:
    """Import an image as a new version of an offering."""
    body = wanted(request.body, request.query.get("targetVersion"))
    import_version(unit, request.granted, body)
    return offering_reply(unit, queries.refresh(unit, request.granted.it))


def _import_offering(unit: Unit, request: Request) -> Reply:
    """Import an image as the first version of a new offering, or of the one that `offeringID` names."""
    offering = _chosen_offering(unit, request)
    import_version(unit, offering, wanted(request.body, request.query.get("targetVersion")))
    return offering_reply(unit, queries.refresh(unit, offering.it))


def _chosen_offering(unit: Unit, request: Request) -> Granted[Offering]:
    body: ImportBody = request.body
    known = request.query.get("offeringID")
    if known is not None:
        return resolve(unit, kinds.OFFERING, known, _CREATE, "offeringID")
    if not body.name:
        raise invalid("bad_request", "A new offering needs a name.", "name")
    made = service.create_offering(unit, request.granted, service.Fields(body.name, body.label or body.name, False, {}))
    return Granted(made, _CREATE)


def _get_version(unit: Unit, request: Request) -> Reply:
    """Get a version: its offering with this one version in it."""
    return version_reply(unit, request.granted.it)


def version_reply(unit: Unit, found: Version) -> Reply:
    """The branch of a version, under its offering's revision."""
    offering = find(unit, kinds.OFFERING, found.offering_id)
    shown = offering_wire(queries.branch(unit, offering), unit.ctx, found)
    return Reply(shown, headers={"ETag": f'"{offering.rev}"'})


def _delete_version(unit: Unit, request: Request) -> None:
    """Delete a version, and free its images."""
    publishing.delete_version(unit, request.granted)


def _delete_in_catalog(unit: Unit, request: Request) -> None:
    """Delete a version by its place in its catalog: what a public client calls."""
    publishing.delete_version(unit, request.granted)


def _validate(unit: Unit, request: Request) -> None:
    """Start the validation of a version."""
    validation.check_refresh(request.headers.get("x-auth-refresh-token"))
    values = getattr(request.body, "override_values", None)
    validation.validate(unit, request.granted, values if isinstance(values, dict) else {})


def _validation(_unit: Unit, request: Request) -> dict[str, Any]:
    """Get the state of a validation."""
    validation.check_refresh(request.headers.get("x-auth-refresh-token"))
    return dict(request.granted.it.validation)


def setting(request: Request) -> bool:
    """The last part of a deprecation's path."""
    given = request.params["setting"]
    if given not in {"true", "false"}:
        raise invalid("bad_request", "setting must be true or false.", "setting", type_="parameter")
    return given == "true"


def terms(request: Request) -> tuple[int | None, str | None]:
    """Length and description of a deprecation; the body may be absent."""
    body: DeprecateBody = request.body or DeprecateBody()
    return body.days_until_deprecate, body.description


def _deprecate(unit: Unit, request: Request) -> None:
    """Begin or end the deprecation of a version."""
    if setting(request):
        publishing.deprecate(unit, request.granted.it, *terms(request))
    else:
        publishing.restore(unit, request.granted.it)


def _deprecate_offering(unit: Unit, request: Request) -> None:
    """Begin or end the deprecation of an offering: of all its published versions."""
    publishing.deprecate_offering(unit, request.granted, setting(request), *terms(request))


def _step(step: Callable[[Unit, Granted[Version]], None], text: str) -> Callable[[Unit, Request], None]:
    def call(unit: Unit, request: Request) -> None:
        step(unit, request.granted)

    call.__doc__ = text
    return call


def _to(flag: str) -> Callable[[Unit, Granted[Version]], None]:
    return lambda unit, granted: sharing.promote(unit, granted, flag)


# Both dialects end in the same states: the old names are those of the Python SDK (1.3).
_STEPS: tuple[tuple[str, Callable[[Unit, Granted[Version]], None], str, str], ...] = (
    ("consume-publish", publishing.publish, lifecycle.PUBLISH, "Publish a version."),
    ("account-publish", publishing.publish, lifecycle.PUBLISH, "Publish a version (old name)."),
    ("prerelease-publish", publishing.prerelease, lifecycle.PUBLISH, "Make a version a pre-release."),
    ("suspend", publishing.suspend, _UPDATE, "Take a version back from publication."),
    ("archive", publishing.archive, _UPDATE, "Archive a version."),
    ("deprecate", publishing.archive, _UPDATE, "Archive a version (old name)."),
    ("ibm-publish", _to("share_with_ibm"), lifecycle.PROMOTE, "Publish a version to IBM, once that is approved."),
    ("public-publish", _to("share_with_all"), lifecycle.PROMOTE, "Publish a version to all, once that is approved."),
)


def routes() -> tuple[Route, ...]:
    one, catalog = f"{BASE}/versions/{{version_loc_id}}", f"{BASE}/catalogs/{{catalog_id}}"
    install = f"{one}/validation/install"
    change = version(_UPDATE)
    into = offering_rule(_CREATE)
    new = access.item(kinds.CATALOG, _CREATE, "catalog_id")
    into_delete = access.item(kinds.VERSION, lifecycle.DELETE, "version_id", ("catalog_id", "offering_id"))
    family, body, remove = CATALOG, ImportBody, version(lifecycle.DELETE)
    offering = f"{catalog}/offerings/{{offering_id}}/version"
    in_catalog = f"{catalog}/offerings/{{offering_id}}/versions/{{version_id}}"
    return (
        route("POST", offering, _import_version, family=family, access=into, body=body, status=201),
        route(
            "POST", f"{catalog}/import/offerings", _import_offering, family=family, access=new, body=body, status=201
        ),
        route("GET", one, _get_version, family=family, access=version()),
        route("DELETE", one, _delete_version, family=family, access=remove),
        route("DELETE", in_catalog, _delete_in_catalog, family=family, access=into_delete),
        route(
            "POST",
            install,
            _validate,
            family=family,
            access=change,
            body=ValidateBody,
            status=202,
            body_required=False,
        ),
        route("GET", install, _validation, family=family, access=change),
        *(
            route("POST", f"{one}/{name}", _step(step, text), family=family, access=version(action), status=202)
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
            family=CATALOG,
            access=rule,
            body=DeprecateBody,
            status=202,
            body_required=False,
        )
        for path, call, rule in calls
    )
