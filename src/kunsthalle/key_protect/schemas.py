"""What Key Protect is sent and answers: collections of resources, each with the type of what is in them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType, field

from kunsthalle.api.body_bounds import at_most
from kunsthalle.api.serialization import RequestBody, ResponseBody
from kunsthalle.core.clock import moment, rfc3339
from kunsthalle.db.session import Session
from kunsthalle.key_protect import service
from kunsthalle.key_protect.actions import Wrapped
from kunsthalle.key_protect.import_tokens import Sealed
from kunsthalle.key_protect.key_lists import PageParameters
from kunsthalle.key_protect.key_policies import DUAL_AUTH, ROTATION, NewKeyPolicy, authorizations, dual_auth_keys
from kunsthalle.key_protect.key_refusals import bad_request
from kunsthalle.key_protect.models import DEFAULT_RING, Key, KeyRing
from kunsthalle.key_protect.states import NUMBERS

_TYPE = "application/vnd.ibm.kms.{}+json"
KEY_TYPE = _TYPE.format("key")
_Alias = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9_-]{1,89}\Z")]
Text = Annotated[str, Meta(max_length=12_000)]
"""Base64 of at most 7,500 octets, and what wraps as many."""
_RingId = Annotated[str, Meta(min_length=1, max_length=100)]
Nonce = Annotated[str, Meta(max_length=100)]
Algorithm = Literal["RSAES_OAEP_SHA_256"]
"""How a client encrypts key material with the public key of an import token."""


class NewKeyRequest(RequestBody):
    """A key to be made."""

    name: Annotated[str, Meta(min_length=2, max_length=90)]
    extractable: bool = True
    payload: Text | None = None
    description: Annotated[str, Meta(max_length=240)] = ""
    expiration: str | None = field(name="expirationDate", default=None)
    aliases: Annotated[list[_Alias], at_most(service.MOST_ALIASES)] = field(default_factory=list)
    encrypted_nonce: Nonce | None = field(name="encryptedNonce", default=None)
    iv: Nonce | None = None
    algorithm: Algorithm = field(name="encryptionAlgorithm", default="RSAES_OAEP_SHA_256")


class RotationRequest(RequestBody):
    """How often a key is rotated, in months of 30 days: 1 to 12. Without the interval that of before is meant."""

    enabled: bool | None = None
    months: int | None = field(name="interval_month", default=None)


class DualAuthRequest(RequestBody):
    """Whether two users have to delete a key."""

    enabled: bool


class NewKeysRequest(RequestBody):
    """A collection of exactly one key."""

    resources: Annotated[list[NewKeyRequest], at_most(1, at_least=1)]


class NewKeyWithPoliciesRequest(NewKeyRequest):
    """A key to be made, and policies in the place of those that its instance has for new keys."""

    rotation: RotationRequest | None = None
    dual_auth: DualAuthRequest | None = field(name="dualAuthDelete", default=None)


class NewKeysWithPoliciesRequest(RequestBody):
    """A collection of exactly one key, with policies."""

    resources: Annotated[list[NewKeyWithPoliciesRequest], at_most(1, at_least=1)]


class MoveRequest(RequestBody):
    """The key ring that a key is to be in; the Go client writes the name of the field with a capital letter."""

    ring: _RingId | None = field(name="keyRingID", default=None)
    go_ring: _RingId | None = field(name="KeyRingID", default=None)


class RotateRequest(RequestBody):
    """New material for an imported key, base64; or as an import token asks for it, with nonce and iv."""

    payload: Text | None = None
    encrypted_nonce: Nonce | None = field(name="encryptedNonce", default=None)
    iv: Nonce | None = None
    algorithm: Algorithm = field(name="encryptionAlgorithm", default="RSAES_OAEP_SHA_256")


class WrapRequest(RequestBody):
    """A data key to wrap, base64; without one a new one is made."""

    plaintext: Text | None = None
    aad: Annotated[list[str], at_most(126)] = field(default_factory=list)


class UnwrapRequest(RequestBody):
    """A ciphertext that the key wrapped."""

    ciphertext: Annotated[str, Meta(max_length=20_000)]
    aad: Annotated[list[str], at_most(126)] = field(default_factory=list)


class CollectionResponse(ResponseBody):
    """What a collection holds, and of how many."""

    type: str = field(name="collectionType")
    total: int = field(name="collectionTotal")
    counted: int | UnsetType = field(name="totalCount", default=UNSET)


class VersionResponse(ResponseBody):
    """A version of a key."""

    id: str
    created: str | UnsetType = field(name="creationDate", default=UNSET)


class AlgorithmResponse(ResponseBody):
    """Of what a key is."""

    bits: str = field(name="bitLength")
    mode: str


class DualAuthResponse(ResponseBody):
    """Whether two users have to delete a key; and whether the first one has authorized the other, and until when."""

    enabled: bool
    set_for_deletion: bool | UnsetType = field(name="keySetForDeletion", default=UNSET)
    until: str | UnsetType = field(name="authExpiration", default=UNSET)


class KeyResponse(ResponseBody):
    """A key; `payload` only where it is a standard key and asked for."""

    id: str
    type: str
    name: str
    aliases: list[str]
    state: int
    extractable: bool
    crn: str
    imported: bool
    ring: str = field(name="keyRingID")
    created: str = field(name="creationDate")
    created_by: str = field(name="createdBy")
    algorithm: str = field(name="algorithmType")
    algorithm_metadata: AlgorithmResponse = field(name="algorithmMetadata")
    bits: int = field(name="algorithmBitSize")
    mode: str = field(name="algorithmMode")
    updated: str = field(name="lastUpdateDate")
    version: VersionResponse = field(name="keyVersion")
    dual_auth: DualAuthResponse = field(name="dualAuthDelete")
    deleted: bool
    description: str | UnsetType = UNSET
    expiration: str | UnsetType = field(name="expirationDate", default=UNSET)
    rotated: str | UnsetType = field(name="lastRotateDate", default=UNSET)
    deleted_at: str | UnsetType = field(name="deletionDate", default=UNSET)
    deleted_by: str | UnsetType = field(name="deletedBy", default=UNSET)
    restore_until: str | UnsetType = field(name="restoreExpirationDate", default=UNSET)
    restorable: bool | UnsetType = field(name="restoreAllowed", default=UNSET)
    purgeable: bool | UnsetType = field(name="purgeAllowed", default=UNSET)
    purgeable_from: str | UnsetType = field(name="purgeAllowedFrom", default=UNSET)
    purged_at: str | UnsetType = field(name="purgeScheduledOn", default=UNSET)
    payload: str | UnsetType = UNSET


class KeysResponse(ResponseBody):
    """Keys."""

    metadata: CollectionResponse
    resources: list[KeyResponse]


class VersionsResponse(ResponseBody):
    """The versions of a key, newest first."""

    metadata: CollectionResponse
    resources: list[VersionResponse]


class AliasResponse(ResponseBody):
    """A further name of a key."""

    key_id: str = field(name="keyId")
    alias: str
    created_by: str = field(name="createdBy")
    created: str = field(name="creationDate")


class AliasesResponse(ResponseBody):
    """Aliases."""

    metadata: CollectionResponse
    resources: list[AliasResponse]


class RingResponse(ResponseBody):
    """A key ring."""

    id: str
    created: str | UnsetType = field(name="creationDate", default=UNSET)
    created_by: str | UnsetType = field(name="createdBy", default=UNSET)


class RingsResponse(ResponseBody):
    """The key rings of an instance."""

    metadata: CollectionResponse
    resources: list[RingResponse]


class RegistrationResponse(ResponseBody):
    """A resource that a key protects. None has a retention policy, which would prevent deletion by force."""

    key_id: str = field(name="keyId")
    crn: str = field(name="resourceCrn")
    created_by: str = field(name="createdBy")
    created: str = field(name="creationDate")
    updated: str = field(name="lastUpdated")
    description: str
    prevents_deletion: bool = field(name="preventKeyDeletion")
    version: VersionResponse = field(name="keyVersion")


class RegistrationsResponse(ResponseBody):
    """What keys protect."""

    metadata: CollectionResponse
    resources: list[RegistrationResponse]


class WrapResponse(ResponseBody):
    """A wrapped data key; `plaintext` where it was made for the caller."""

    ciphertext: str
    version: VersionResponse = field(name="keyVersion")
    plaintext: str | UnsetType = UNSET
    rewrapped_version: VersionResponse | UnsetType = field(name="rewrappedKeyVersion", default=UNSET)


class UnwrapResponse(ResponseBody):
    """A data key; and, where its root key was rotated since, the same wrapped anew."""

    plaintext: str
    version: VersionResponse = field(name="keyVersion")
    ciphertext: str | UnsetType = UNSET
    rewrapped_version: VersionResponse | UnsetType = field(name="rewrappedKeyVersion", default=UNSET)


Kind = Literal["key", "key_version", "alias", "key_ring", "registration", "policy", "allowed_ip_metadata"]


def collection(kind: Kind, total: int) -> CollectionResponse:
    return CollectionResponse(type=_TYPE.format(kind), total=total)


def new_key(body: NewKeyRequest, ring: str | None) -> service.NewKey:
    """What a request asks for; `ring` is that of its header."""
    payload, sealed = given_material(body)
    return service.NewKey(
        name=body.name,
        extractable=body.extractable,
        payload=payload,
        sealed=sealed,
        overrides=policies_of(body),
        description=body.description,
        expires_at=None if body.expiration is None else _date(body.expiration),
        aliases=body.aliases,
        ring=ring or DEFAULT_RING,
    )


def page(kind: Kind, shown: list[Any], query: PageParameters) -> tuple[CollectionResponse, list[Any]]:
    """The metadata of a page, and what is on it."""
    here = shown[query.offset : query.offset + query.limit]
    metadata = collection(kind, len(here))
    metadata.counted = len(shown) if query.counted else UNSET
    return metadata, here


def moved_to(body: MoveRequest) -> str:
    """The key ring that a request names."""
    ring = body.ring or body.go_ring
    if ring is None:
        raise bad_request("BAD_BODY_ERR", "keyRingID is missing: the key ring that the key is to be in.", "keyRingID")
    return ring


def given_material(body: NewKeyRequest | RotateRequest) -> tuple[str | None, Sealed | None]:
    """The payload of a request; or, with a nonce, what a client encrypted as an import token asks for."""
    if body.encrypted_nonce is None and body.iv is None:
        return body.payload, None
    for name, value in (("payload", body.payload), ("encryptedNonce", body.encrypted_nonce), ("iv", body.iv)):
        if not value:
            text = f"Key material for an import token is payload, encryptedNonce and iv: {name} is missing."
            raise bad_request("BAD_BODY_ERR", text, name)
    return None, Sealed(body.payload or "", body.encrypted_nonce or "", body.iv or "")


def policies_of(value: Any) -> list[NewKeyPolicy]:
    """The policies that a request for a key, or one for its policies, asks for."""
    entries = []
    if (rotation := getattr(value, "rotation", None)) is not None:
        entries.append(NewKeyPolicy(ROTATION, rotation.enabled, rotation.months))
    if (dual_auth := getattr(value, "dual_auth", None)) is not None:
        entries.append(NewKeyPolicy(DUAL_AUTH, dual_auth.enabled))
    return entries


def _date(text: str) -> int:
    try:
        return moment(text)
    except (ValueError, OverflowError) as error:
        message = f"{text[:40]} is no moment of the form 2030-01-31T00:00:00Z."
        raise bad_request("KEY_EXP_DATE_INVALID_ERR", message, "expirationDate") from error


def _optional(at: int | None) -> str | UnsetType:
    return UNSET if at is None else rfc3339(at)


def keys_response(session: Session, keys: list[Key], payload: str | None = None) -> KeysResponse:
    """Keys as answers show them; `payload` is that of the only one."""
    aliases, dual = service.aliases_of(session, keys), dual_auth_keys(session, [key.id for key in keys])
    authorizations_by_key = authorizations(session, sorted(dual))
    shown = [_key(session, key, aliases[key.id], payload) for key in keys]
    for key, entry in zip(keys, shown, strict=True):
        entry.dual_auth = (
            _dual_auth(authorizations_by_key.get(key.id)) if key.id in dual else DualAuthResponse(enabled=False)
        )
    return KeysResponse(metadata=collection("key", len(keys)), resources=shown)


def _dual_auth(value: tuple[str, int] | None) -> DualAuthResponse:
    until = UNSET if value is None else rfc3339(value[1])
    return DualAuthResponse(enabled=True, set_for_deletion=value is not None, until=until)


def _key(session: Session, key: Key, aliases: list[str], payload: str | None) -> KeyResponse:
    mode = "Deprecated" if key.extractable else "CBC_PAD"
    return KeyResponse(
        id=key.id,
        type=KEY_TYPE,
        name=key.name,
        aliases=aliases,
        state=NUMBERS[service.state_of(session, key)],
        extractable=key.extractable,
        crn=key.crn,
        imported=key.imported,
        ring=key.key_ring_id,
        created=rfc3339(key.created_at),
        created_by=key.created_by,
        algorithm="Deprecated" if key.extractable else "AES",
        algorithm_metadata=AlgorithmResponse(bits="256", mode=mode),
        bits=256,
        mode=mode,
        updated=rfc3339(key.updated_at),
        version=VersionResponse(id=key.version_id, created=rfc3339(key.rotated_at or key.created_at)),
        dual_auth=DualAuthResponse(enabled=False),
        deleted=key.state == "destroyed",
        description=key.description or UNSET,
        expiration=_optional(key.expires_at),
        rotated=_optional(key.rotated_at),
        payload=UNSET if payload is None else payload,
        **_deletion(session.ctx.now(), key),
    )


def _deletion(now: int, key: Key) -> dict[str, Any]:
    at = key.deleted_at
    if at is None:
        return {}
    return {
        "deleted_at": rfc3339(at),
        "deleted_by": key.deleted_by or "",
        "restore_until": rfc3339(at + service.RESTORABLE),
        "restorable": now <= at + service.RESTORABLE,
        "purgeable": now >= at + service.PURGEABLE,
        "purgeable_from": rfc3339(at + service.PURGEABLE),
        "purged_at": rfc3339(at + service.PURGED),
    }


def rings_response(query: PageParameters, rings: list[KeyRing]) -> RingsResponse:
    """The default one first, which was never made."""
    shown = [RingResponse(id=DEFAULT_RING)]
    shown += [
        RingResponse(id=ring.name, created=rfc3339(ring.created_at), created_by=ring.created_by) for ring in rings
    ]
    return RingsResponse(*page("key_ring", shown, query))


def wrap_response(wrapped: Wrapped) -> WrapResponse:
    version = VersionResponse(id=wrapped.version_id)
    return WrapResponse(ciphertext=wrapped.ciphertext, version=version, plaintext=wrapped.plaintext or UNSET)
