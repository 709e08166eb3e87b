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
from kunsthalle.key_protect.models import DEFAULT_RING, Key, KeyRing
from kunsthalle.key_protect.refusals import bad_request
from kunsthalle.key_protect.states import NUMBERS

_TYPE = "application/vnd.ibm.kms.{}+json"
KEY_TYPE = _TYPE.format("key")
_Alias = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9_-]{1,89}\Z")]
Text = Annotated[str, Meta(max_length=12_000)]
"""Base64 of at most 7,500 octets, and what wraps as many."""


class NewKeyRequest(RequestBody):
    """A key to be made."""

    name: Annotated[str, Meta(min_length=2, max_length=90)]
    extractable: bool = True
    payload: Text | None = None
    description: Annotated[str, Meta(max_length=240)] = ""
    expiration: str | None = field(name="expirationDate", default=None)
    aliases: Annotated[list[_Alias], at_most(service.MOST_ALIASES)] = field(default_factory=list)
    encrypted_nonce: str | None = field(name="encryptedNonce", default=None)
    iv: str | None = None


class NewKeysRequest(RequestBody):
    """A collection of exactly one key."""

    resources: Annotated[list[NewKeyRequest], at_most(1, at_least=1)]


class MoveRequest(RequestBody):
    """The key ring that a key is to be in."""

    ring: Annotated[str, Meta(min_length=1, max_length=100)] = field(name="keyRingID")


class RotateRequest(RequestBody):
    """New material for an imported key, base64."""

    payload: Text | None = None


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


class VersionResponse(ResponseBody):
    """A version of a key."""

    id: str
    created: str | UnsetType = field(name="creationDate", default=UNSET)


class AlgorithmResponse(ResponseBody):
    """Of what a key is."""

    bits: str = field(name="bitLength")
    mode: str


class DualAuthResponse(ResponseBody):
    """Whether two people have to agree on a deletion: never, here."""

    enabled: bool = False


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
    """A resource that a key protects."""

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


class PoliciesResponse(ResponseBody):
    """Policies of a key or of an instance: there are none here."""

    metadata: CollectionResponse
    resources: list[dict[str, Any]]


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


Kind = Literal["key", "key_version", "alias", "key_ring", "registration", "policy"]


def collection(kind: Kind, total: int) -> CollectionResponse:
    return CollectionResponse(type=_TYPE.format(kind), total=total)


def new_key(body: NewKeyRequest, ring: str | None) -> service.NewKey:
    """What a request asks for; `ring` is that of its header."""
    if body.encrypted_nonce or body.iv:
        text = "Payloads that an import token encrypts are not taken here: send the payload as it is, over TLS."
        raise bad_request("NOT_SUPPORTED_ERR", text, "encryptedNonce")
    return service.NewKey(
        name=body.name,
        extractable=body.extractable,
        payload=body.payload,
        description=body.description,
        expires_at=None if body.expiration is None else _date(body.expiration),
        aliases=body.aliases,
        ring=ring or DEFAULT_RING,
    )


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
    aliases = service.aliases_of(session, keys)
    shown = [_key(session, key, aliases[key.id], payload) for key in keys]
    return KeysResponse(metadata=collection("key", len(keys)), resources=shown)


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
        dual_auth=DualAuthResponse(),
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


def rings_response(rings: list[KeyRing]) -> RingsResponse:
    """The default one first, which was never made."""
    shown = [RingResponse(id=DEFAULT_RING)]
    shown += [RingResponse(id=one.name, created=rfc3339(one.created_at), created_by=one.created_by) for one in rings]
    return RingsResponse(metadata=collection("key_ring", len(shown)), resources=shown)


def wrap_response(wrapped: Wrapped) -> WrapResponse:
    version = VersionResponse(id=wrapped.version_id)
    return WrapResponse(ciphertext=wrapped.ciphertext, version=version, plaintext=wrapped.plaintext or UNSET)
