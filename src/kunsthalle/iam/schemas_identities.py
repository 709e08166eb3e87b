"""Tokens, API keys, service IDs and account settings as IAM shows them (catalog-iam-enterprise.md 3.1 and 3.2)."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, UnsetType

from kunsthalle.api.body_bounds import at_most
from kunsthalle.api.serialization import RequestBody, ResponseBody
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.closed_tables import ClosedTable
from kunsthalle.iam.history import ACTIONS, Record
from kunsthalle.iam.models import ApiKey, ServiceId, entity_tag


class TokenResponse(ResponseBody):
    """`expires_in` is in seconds, `expiration` in seconds since the epoch."""

    access_token: str
    refresh_token: str
    token_type: str
    expires_in: int
    expiration: int
    scope: str


class PasscodeResponse(ResponseBody):
    """A passcode, which is good for one token request within five minutes."""

    passcode: str


class HistoryResponse(ResponseBody):
    """An action on an identity: who did what, and when. `params` are the names of the changed fields."""

    timestamp: str
    iam_id: str
    iam_id_account: str
    action: str
    params: list[str]
    message: str


History = list[HistoryResponse] | UnsetType

_MESSAGES = ClosedTable(
    "action on an identity",
    ACTIONS,
    {
        "create": "Created.",
        "update": "",
        "lock": "Locked.",
        "unlock": "Unlocked.",
        "disable": "Disabled.",
        "enable": "Enabled.",
    },
)


def history_response(records: list[Record]) -> list[HistoryResponse]:
    return [
        HistoryResponse(
            timestamp=rfc3339(record.at),
            iam_id=record.iam_id,
            iam_id_account=record.account_id,
            action=record.action,
            params=record.params,
            message=_MESSAGES[record.action] or f"Changed {', '.join(record.params) or 'nothing'}.",
        )
        for record in records
    ]


class ApiKeyResponse(ResponseBody):
    """`apikey` is the secret in the answer to the creation. Later it is empty, unless the key stores it."""

    id: str
    entity_tag: str
    crn: str
    locked: bool
    disabled: bool
    created_at: str
    created_by: str
    modified_at: str
    support_sessions: bool
    action_when_leaked: str
    name: str
    iam_id: str
    account_id: str
    apikey: str
    description: str | UnsetType = UNSET
    expires_at: str | UnsetType = UNSET
    history: History = UNSET


class PageResponse(ResponseBody):
    """What every page of identities says of itself."""

    offset: int
    limit: int
    first: str
    previous: str | UnsetType = UNSET
    next: str | UnsetType = UNSET


class ApiKeysResponse(PageResponse, kw_only=True):
    """A page of keys."""

    apikeys: list[ApiKeyResponse]


class CreateApiKeyRequest(RequestBody):
    """A key for oneself, or for a service ID that the caller may change.

    `store_value`: whether the value can be read later; only for keys of service IDs.
    """

    name: str
    iam_id: str
    account_id: str | None = None
    description: str | None = None
    apikey: str | None = None
    store_value: bool | None = None
    support_sessions: bool | None = None
    action_when_leaked: str | None = None
    expires_at: str | None = None


class UpdateApiKeyRequest(RequestBody):
    """What may be changed; what is left out stays."""

    name: str | None = None
    description: str | None = None
    support_sessions: bool | None = None
    action_when_leaked: str | None = None
    expires_at: str | None = None


def key_response(key: ApiKey, secret: str | None = None, history: History = UNSET) -> ApiKeyResponse:
    return ApiKeyResponse(
        id=key.id,
        entity_tag=entity_tag(key.id, key.revision),
        crn=key.crn,
        locked=key.locked,
        disabled=key.disabled,
        created_at=rfc3339(key.created_at),
        created_by=key.created_by,
        modified_at=rfc3339(key.modified_at),
        support_sessions=key.support_sessions,
        action_when_leaked=key.action_when_leaked,
        name=key.name,
        iam_id=key.iam_id,
        account_id=key.account_id,
        apikey=secret or "",
        description=UNSET if key.description is None else key.description,
        expires_at=UNSET if key.expires_at is None else rfc3339(key.expires_at),
        history=history,
    )


class ServiceIdResponse(ResponseBody):
    """`apikey` is there in the answer to a creation that asked for a key."""

    id: str
    iam_id: str
    entity_tag: str
    crn: str
    locked: bool
    created_at: str
    modified_at: str
    account_id: str
    name: str
    unique_instance_crns: list[str]
    description: str | UnsetType = UNSET
    apikey: ApiKeyResponse | UnsetType = UNSET
    history: History = UNSET


class ServiceIdsResponse(PageResponse, kw_only=True):
    """A page of service IDs."""

    serviceids: list[ServiceIdResponse]


class InnerKeyRequest(RequestBody):
    """The key that a service ID is born with."""

    name: str
    description: str | None = None
    apikey: str | None = None
    store_value: bool | None = None
    action_when_leaked: str | None = None
    expires_at: str | None = None


class CreateServiceIdRequest(RequestBody):
    """A service ID of the caller's account."""

    account_id: str
    name: str
    description: str | None = None
    unique_instance_crns: Annotated[list[str], at_most(100)] | None = None
    apikey: InnerKeyRequest | None = None
    group_id: str | None = None


class UpdateServiceIdRequest(RequestBody):
    """What may be changed; what is left out stays."""

    name: str | None = None
    description: str | None = None
    unique_instance_crns: Annotated[list[str], at_most(100)] | None = None


def service_id_response(
    service_id: ServiceId, key: ApiKeyResponse | None = None, history: History = UNSET
) -> ServiceIdResponse:
    return ServiceIdResponse(
        id=service_id.id,
        iam_id=service_id.iam_id,
        entity_tag=entity_tag(service_id.id, service_id.revision),
        crn=service_id.crn,
        locked=service_id.locked,
        created_at=rfc3339(service_id.created_at),
        modified_at=rfc3339(service_id.modified_at),
        account_id=service_id.account_id,
        name=service_id.name,
        unique_instance_crns=service_id.unique_instance_crns,
        description=UNSET if service_id.description is None else service_id.description,
        apikey=UNSET if key is None else key,
        history=history,
    )


class SettingsResponse(ResponseBody):
    """The settings that hold for an account."""

    account_id: str
    entity_tag: str
    restrict_create_service_id: str
    restrict_create_platform_apikey: str
    restrict_user_list_visibility: str
    allowed_ip_addresses: str
    mfa: str
    user_mfa: list[Any]
    session_expiration_in_seconds: str
    session_invalidation_in_seconds: str
    max_sessions_per_identity: str
    system_access_token_expiration_in_seconds: str
    system_refresh_token_expiration_in_seconds: str
    restrict_user_domains: list[Any]
    history: History = UNSET


class EffectiveSettingsResponse(ResponseBody):
    """What holds, and what the account itself has set: the same, without templates."""

    account_id: str
    effective: dict[str, Any]
    account: SettingsResponse


class UpdateSettingsRequest(RequestBody):
    """What is to be set; what is left out stays. Numbers come as text, `NOT_SET` takes a setting back."""

    restrict_create_service_id: str | None = None
    restrict_create_platform_apikey: str | None = None
    restrict_user_list_visibility: str | None = None
    allowed_ip_addresses: str | None = None
    mfa: str | None = None
    user_mfa: Annotated[list[Any], at_most(1_000)] | None = None
    session_expiration_in_seconds: str | None = None
    session_invalidation_in_seconds: str | None = None
    max_sessions_per_identity: str | None = None
    system_access_token_expiration_in_seconds: str | None = None
    system_refresh_token_expiration_in_seconds: str | None = None
    restrict_user_domains: Annotated[list[Any], at_most(1_000)] | None = None


def settings_response(
    account_id: str, settings: dict[str, Any], revision: int, history: History = UNSET
) -> SettingsResponse:
    tag = entity_tag(account_id, revision)
    return SettingsResponse(account_id=account_id, entity_tag=tag, history=history, **settings)
