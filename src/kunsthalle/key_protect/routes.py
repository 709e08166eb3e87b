"""Key Protect: `/api/v2`."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from msgspec import Meta, field
from sqlalchemy import ColumnElement, false

from kunsthalle.api.query_params import Parameters
from kunsthalle.api.request import Reply, Request
from kunsthalle.api.router import Call, Route, not_implemented, route
from kunsthalle.api.surfaces.kms import BASE, KMS
from kunsthalle.core.clock import rfc3339
from kunsthalle.db.pages import window
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import ids_where, rows_of
from kunsthalle.db.visibility import Authorized, count, some, visible
from kunsthalle.db.wildcards import wildcards
from kunsthalle.key_protect import actions, registrations, service
from kunsthalle.key_protect.key_access import RING, InInstance, OnKey, OnRing
from kunsthalle.key_protect.key_lists import KeyFilters, KeysParameters, PageParameters, order_of, wanted
from kunsthalle.key_protect.models import Key, KeyRing
from kunsthalle.key_protect.resources import KEY_RING, PROTECTED_KEY
from kunsthalle.key_protect.schemas import (
    AliasesResponse,
    AliasResponse,
    KeysResponse,
    MoveRequest,
    NewKeysRequest,
    RegistrationsResponse,
    RingsResponse,
    RotateRequest,
    UnwrapRequest,
    UnwrapResponse,
    VersionResponse,
    VersionsResponse,
    WrapRequest,
    WrapResponse,
    collection,
    given_material,
    keys_response,
    moved_to,
    new_key,
    page,
    rings_response,
    wrap_response,
)
from kunsthalle.key_protect.tables import key_registrations, key_versions, protected_keys
from kunsthalle.service_instances.models import ServiceInstance

_DEFAULT_LIMIT, _MOST, _FURTHEST = 200, 5_000, 10**8
NOT_SERVED = (
    "POST /api/v2/keys/{id}",
    "GET /api/v2/kmip_adapters",
    "POST /api/v2/kmip_adapters",
    "GET /api/v2/kmip_adapters/{id}",
    "DELETE /api/v2/kmip_adapters/{id}",
    "GET /api/v2/kmip_adapters/{id}/kmip_objects",
    "GET /api/v2/kmip_adapters/{id}/kmip_objects/{object_id}",
    "DELETE /api/v2/kmip_adapters/{id}/kmip_objects/{object_id}",
    "GET /api/v2/kmip_adapters/{id}/certificates",
    "POST /api/v2/kmip_adapters/{id}/certificates",
    "GET /api/v2/kmip_adapters/{id}/certificates/{certificate_id}",
    "DELETE /api/v2/kmip_adapters/{id}/certificates/{certificate_id}",
)
"""An action as a query parameter is the way of before `actions/`; KMIP is a protocol of its own, for other products."""


def not_implemented_routes() -> tuple[Route, ...]:
    return not_implemented(NOT_SERVED, KMS, InInstance("kms.secrets.list"))


class DeleteParameters(Parameters, frozen=True):
    """Of deletions."""

    force: Annotated[bool, Meta(description="Whether to delete what is still in use.")] = False


class VersionsParameters(PageParameters, frozen=True):
    """Of lists of versions. Keys in any state show theirs, whether the parameter `allKeyStates` is there or not."""


class RingsParameters(PageParameters, frozen=True):
    """Of lists of key rings."""


class RegistrationsParameters(PageParameters, frozen=True):
    """Of lists of registrations."""

    crn: Annotated[
        str | None, Meta(description="Only of resources whose CRN is this one; `*` stands for any characters.")
    ] = field(name="urlEncodedResourceCRNQuery", default=None)
    retained: Annotated[
        bool | None,
        Meta(description="Only of resources that keep their key from being deleted by force: there are none."),
    ] = field(name="preventKeyDeletion", default=None)


def _list(session: Session, request: Request, instance: ServiceInstance, query: KeysParameters) -> KeysResponse:
    """List keys."""
    where, order = wanted(session, request, instance, query), order_of(query.sort)
    protected_keys = window(session, PROTECTED_KEY, *where, order=order, offset=query.offset, limit=query.limit)
    return keys_response(session, protected_keys.items)


def _total(session: Session, request: Request, instance: ServiceInstance, query: KeyFilters) -> Reply:
    """Count keys: the header `Key-Total` says how many a list without pages would hold."""
    number = count(session, PROTECTED_KEY, *wanted(session, request, instance, query))
    return Reply(None, 200, {"Key-Total": str(number)})


def _create(session: Session, request: Request, instance: ServiceInstance) -> Reply:
    """Create a key, or import one."""
    body = request.body.resources[0]
    key = service.create(session, instance, new_key(body, request.headers.get(RING)))
    made = keys_response(session, [key], payload=service.payload_of(session, key))
    return Reply(made, 201, {"Location": f"{session.ctx.origin}{BASE}/keys/{key.id}"})


def _get(session: Session, _request: Request, key: Key) -> KeysResponse:
    """Get a key, with the payload of a standard key."""
    return keys_response(session, [key], payload=service.payload_of(session, key))


def _metadata(session: Session, _request: Request, key: Key) -> KeysResponse:
    """Get a key without its payload."""
    return keys_response(session, [key])


def _patch(session: Session, request: Request, key: Authorized[Key]) -> KeysResponse:
    """Move a key to another key ring."""
    return keys_response(session, [service.move(session, key, moved_to(request.body))])


def _represented(session: Session, request: Request, key: Key) -> Reply:
    """Nothing, or the key as it is now, as the header `Prefer` says."""
    if request.headers.get("prefer", "") == "return=representation":
        return Reply(keys_response(session, [key]), 200)
    return Reply(None, 204)


def _delete(session: Session, request: Request, key: Authorized[Key], query: DeleteParameters) -> Reply:
    """Delete a key; it can be restored for thirty days."""
    return _represented(session, request, service.remove(session, key, force=query.force))


def _purge(session: Session, request: Request, key: Authorized[Key]) -> Reply:
    """Purge a deleted key, with all that is known of it."""
    return _represented(session, request, service.purge(session, key))


def _restore(session: Session, _request: Request, key: Authorized[Key]) -> KeysResponse:
    """Restore a deleted key."""
    return keys_response(session, [service.restore(session, key)])


def _versions(session: Session, _request: Request, key: Key, query: VersionsParameters) -> VersionsResponse:
    """List the versions of a key."""
    rows = rows_of(session, key_versions, key_versions.c.key_id == key.id, order=key_versions.c.created_at.desc())
    shown = [VersionResponse(id=row.id, created=rfc3339(row.created_at)) for row in rows]
    return VersionsResponse(*page("key_version", shown, query))


def _wrap(session: Session, request: Request, key: Key) -> WrapResponse:
    """Wrap a data key with a root key."""
    body: WrapRequest = request.body or WrapRequest()
    return wrap_response(actions.wrap(session, key, body.plaintext, body.aad))


def _unwrap(session: Session, request: Request, key: Key) -> UnwrapResponse:
    """Unwrap a data key."""
    plain = actions.unwrap(session, key, request.body.ciphertext, request.body.aad)
    answer = UnwrapResponse(plaintext=plain.plaintext, version=VersionResponse(id=plain.version_id))
    if plain.rewrapped is not None:
        answer.ciphertext = plain.rewrapped.ciphertext
        answer.rewrapped_version = VersionResponse(id=plain.rewrapped.version_id)
    return answer


def _rewrap(session: Session, request: Request, key: Key) -> WrapResponse:
    """Wrap a data key anew with the version of the root key that is in force."""
    wrapped, before = actions.rewrap(session, key, request.body.ciphertext, request.body.aad)
    answer = WrapResponse(ciphertext=wrapped.ciphertext, version=VersionResponse(id=before))
    answer.rewrapped_version = VersionResponse(id=wrapped.version_id)
    return answer


def _rotate(session: Session, request: Request, key: Authorized[Key]) -> None:
    """Rotate a root key."""
    service.rotate(session, key, *given_material(request.body or RotateRequest()))


def _enable(value: bool) -> Call:
    def call(session: Session, _request: Request, key: Authorized[Key]) -> None:
        service.set_enabled(session, key, enabled=value)

    call.__doc__ = "Enable a root key." if value else "Disable a root key."
    return call


def _sync(_session: Session, _request: Request, _key: Key) -> None:
    """Bring the registrations of a key up to date, which they always are."""


def _add_alias(session: Session, request: Request, key: Authorized[Key]) -> AliasesResponse:
    """Add an alias to a key."""
    alias = request.params["alias"]
    service.add_alias(session, key.resource, alias)
    made = AliasResponse(
        key_id=key.resource.id, alias=alias, created_by=session.ctx.actor.iam_id, created=rfc3339(session.ctx.now())
    )
    return AliasesResponse(metadata=collection("alias", 1), resources=[made])


def _remove_alias(session: Session, request: Request, key: Authorized[Key]) -> None:
    """Remove an alias of a key."""
    service.remove_alias(session, key, request.params["alias"])


def _rings(session: Session, _request: Request, instance: ServiceInstance, query: RingsParameters) -> RingsResponse:
    """List key rings."""
    return rings_response(query, some(session, KEY_RING, KEY_RING.table.c.instance_id == instance.id))


def _create_ring(session: Session, request: Request, instance: ServiceInstance) -> None:
    """Create a key ring."""
    service.create_ring(session, instance, request.params["id"])


def _delete_ring(session: Session, _request: Request, ring: Authorized[KeyRing], query: DeleteParameters) -> None:
    """Delete a key ring."""
    service.remove_ring(session, ring, force=query.force)


def _named(query: RegistrationsParameters) -> list[ColumnElement[bool]]:
    named = [wildcards(key_registrations.c.resource_crn, query.crn)] if query.crn else []
    return [*named, false()] if query.retained else named


def _registrations(
    session: Session, _request: Request, key: Key, query: RegistrationsParameters
) -> RegistrationsResponse:
    """List what a key protects."""
    return registrations.listed(session, query, key_registrations.c.key_id == key.id, *_named(query))


def _all_registrations(
    session: Session, request: Request, instance: ServiceInstance, query: RegistrationsParameters
) -> RegistrationsResponse:
    """List what all keys of an instance protect."""
    in_instance = key_registrations.c.instance_id == instance.id
    in_ring = [protected_keys.c.key_ring_id == ring] if (ring := request.headers.get(RING, "")) else []
    keys = ids_where(protected_keys.c.id, visible(session, PROTECTED_KEY), *in_ring)
    return registrations.listed(session, query, in_instance, key_registrations.c.key_id.in_(keys), *_named(query))


def routes() -> tuple[Route, ...]:
    all_, item_path, rings = f"{BASE}/keys", f"{BASE}/keys/{{id}}", f"{BASE}/key_rings"
    do, alias, make = f"{item_path}/actions", f"{item_path}/aliases/{{alias}}", partial(route, surface=KMS)

    def using(action: str, body: Any, answer: Any, **more: Any) -> dict[str, Any]:
        return {"access": OnKey(f"kms.secrets.{action}"), "body": body, "answer": answer, "writes": False, **more}

    see, list_ = OnKey(PROTECTED_KEY.read), InInstance("kms.secrets.list")
    return (
        make("GET", all_, _list, access=list_, query=KeysParameters, answer=KeysResponse),
        make("HEAD", all_, _total, access=list_, query=KeyFilters, writes=False),
        make("POST", all_, _create, access=InInstance(service.CREATE), body=NewKeysRequest, answer=KeysResponse),
        make("GET", item_path, _get, access=OnKey(service.READ), answer=KeysResponse),
        make("PATCH", item_path, _patch, access=OnKey("kms.secrets.patch"), body=MoveRequest, answer=KeysResponse),
        make("DELETE", item_path, _delete, access=OnKey("kms.secrets.delete"), query=DeleteParameters, status=204),
        make("GET", f"{item_path}/metadata", _metadata, access=see, answer=KeysResponse),
        make("GET", f"{item_path}/versions", _versions, access=see, query=VersionsParameters, answer=VersionsResponse),
        make("DELETE", f"{item_path}/purge", _purge, access=OnKey("kms.secrets.purge"), status=204),
        make(
            "POST",
            f"{item_path}/restore",
            _restore,
            access=OnKey("kms.secrets.restore"),
            answer=KeysResponse,
            status=201,
        ),
        make("POST", f"{do}/wrap", _wrap, **using("wrap", WrapRequest, WrapResponse, body_required=False)),
        make("POST", f"{do}/unwrap", _unwrap, **using("unwrap", UnwrapRequest, UnwrapResponse)),
        make("POST", f"{do}/rewrap", _rewrap, **using("rewrap", UnwrapRequest, WrapResponse)),
        make(
            "POST",
            f"{do}/rotate",
            _rotate,
            access=OnKey("kms.secrets.rotate"),
            body=RotateRequest,
            body_required=False,
            status=204,
        ),
        make("POST", f"{do}/enable", _enable(True), access=OnKey("kms.secrets.enable"), status=204),
        make("POST", f"{do}/disable", _enable(False), access=OnKey("kms.secrets.disable"), status=204),
        make("POST", f"{do}/sync", _sync, access=OnKey("kms.secrets.sync"), status=204),
        make("POST", alias, _add_alias, access=OnKey("kms.secrets.createalias"), answer=AliasesResponse, status=201),
        make("DELETE", alias, _remove_alias, access=OnKey("kms.secrets.deletealias"), status=204),
        make("GET", rings, _rings, access=InInstance(KEY_RING.read), query=RingsParameters, answer=RingsResponse),
        make("POST", f"{rings}/{{id}}", _create_ring, access=InInstance("kms.keyrings.create"), status=201),
        make(
            "DELETE",
            f"{rings}/{{id}}",
            _delete_ring,
            access=OnRing("kms.keyrings.delete"),
            query=DeleteParameters,
            status=204,
        ),
        make(
            "GET",
            f"{item_path}/registrations",
            _registrations,
            access=OnKey("kms.registrations.list"),
            query=RegistrationsParameters,
            answer=RegistrationsResponse,
        ),
        make(
            "GET",
            f"{all_}/registrations",
            _all_registrations,
            access=InInstance("kms.registrations.list"),
            query=RegistrationsParameters,
            answer=RegistrationsResponse,
        ),
    )
