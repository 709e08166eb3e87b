"""Policies and import tokens as Key Protect is sent and answers them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType, field

from kunsthalle.api.body_bounds import at_most
from kunsthalle.api.serialization import RequestBody, ResponseBody
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.crn import Crn
from kunsthalle.key_protect.import_tokens import ImportToken
from kunsthalle.key_protect.key_policies import ROTATION, InstancePolicy, KeyPolicy, NewKeyPolicy
from kunsthalle.key_protect.key_refusals import bad_request
from kunsthalle.key_protect.models import Key
from kunsthalle.key_protect.schemas import CollectionResponse, DualAuthRequest, RotationRequest, collection, policies_of

_TYPE = "application/vnd.ibm.kms.policy+json"
KeyPolicyName = Literal["rotation", "dualAuthDelete"]
InstancePolicyName = Literal[
    "dualAuthDelete", "rotation", "allowedNetwork", "allowedIP", "metrics", "keyCreateImportAccess"
]


class CollectionRequest(RequestBody):
    """What a collection holds, and of how many."""

    type: str = field(name="collectionType", default=_TYPE)
    total: int | None = field(name="collectionTotal", default=None)


class KeyPolicyRequest(RequestBody):
    """One policy of a key, or both."""

    type: str = _TYPE
    rotation: RotationRequest | None = None
    dual_auth: DualAuthRequest | None = field(name="dualAuthDelete", default=None)


class KeyPoliciesRequest(RequestBody):
    """Policies of a key."""

    resources: Annotated[list[KeyPolicyRequest], at_most(2, at_least=1)]
    metadata: CollectionRequest = field(default_factory=CollectionRequest)


class AttributesRequest(RequestBody):
    """What an instance policy says beside that it is enabled; each is of one policy."""

    allowed_network: Literal["public-and-private", "private-only"] | UnsetType = UNSET
    allowed_ip: Annotated[list[str], at_most(1_000)] | UnsetType = UNSET
    create_root_key: bool | UnsetType = UNSET
    create_standard_key: bool | UnsetType = UNSET
    import_root_key: bool | UnsetType = UNSET
    import_standard_key: bool | UnsetType = UNSET
    enforce_token: bool | UnsetType = UNSET
    interval_month: int | UnsetType = UNSET


class PolicyDataRequest(RequestBody):
    """Whether an instance policy is in force, and its attributes."""

    enabled: bool
    attributes: AttributesRequest | None = None


class InstancePolicyRequest(RequestBody):
    """A policy of an instance."""

    policy_type: InstancePolicyName
    policy_data: PolicyDataRequest


class InstancePoliciesRequest(RequestBody):
    """Policies of an instance."""

    resources: Annotated[list[InstancePolicyRequest], at_most(100, at_least=1)]
    metadata: CollectionRequest = field(default_factory=CollectionRequest)


class ImportTokenRequest(RequestBody):
    """For how many seconds an import token is valid, and how many times it can be retrieved."""

    expiration: Annotated[int, Meta(ge=300, le=86_400)] = 600
    retrievals: Annotated[int, Meta(ge=1, le=500)] = field(name="maxAllowedRetrievals", default=1)


class RotationResponse(ResponseBody):
    """How often a key is rotated, in months of 30 days."""

    enabled: bool
    interval_month: int


class EnabledResponse(ResponseBody):
    """Whether a policy is in force."""

    enabled: bool


class KeyPolicyResponse(ResponseBody):
    """A policy of a key."""

    id: str
    crn: str
    type: str
    created_by: str = field(name="createdBy")
    created: str = field(name="creationDate")
    updated_by: str = field(name="updatedBy")
    updated: str = field(name="lastUpdateDate")
    rotation: RotationResponse | UnsetType = UNSET
    dual_auth: EnabledResponse | UnsetType = field(name="dualAuthDelete", default=UNSET)


class KeyPoliciesResponse(ResponseBody):
    """Policies of a key."""

    metadata: CollectionResponse
    resources: list[KeyPolicyResponse]


class PolicyDataResponse(ResponseBody):
    """Whether an instance policy is in force, and its attributes."""

    enabled: bool
    attributes: dict[str, Any] | UnsetType = UNSET


class InstancePolicyResponse(ResponseBody):
    """A policy of an instance."""

    policy_type: str
    policy_data: PolicyDataResponse
    created_by: str = field(name="createdBy")
    created: str = field(name="creationDate")
    updated_by: str = field(name="updatedBy")
    updated: str = field(name="lastUpdated")


class InstancePoliciesResponse(ResponseBody):
    """Policies of an instance."""

    metadata: CollectionResponse
    resources: list[InstancePolicyResponse]


class PortResponse(ResponseBody):
    """A port of the service."""

    private_endpoint_port: int


class PortsResponse(ResponseBody):
    """The port of an instance that the policy `allowedIP` is in force for; none for others."""

    metadata: CollectionResponse
    resources: list[PortResponse]


class ImportTokenResponse(ResponseBody):
    """An import token; the public key and the nonce only where it is retrieved."""

    created: str = field(name="creationDate")
    expires: str = field(name="expirationDate")
    retrievals: int = field(name="maxAllowedRetrievals")
    left: int = field(name="remainingRetrievals")
    payload: str | UnsetType = UNSET
    nonce: str | UnsetType = UNSET


def _complete(total: int | None, resources: int) -> None:
    if total is not None and total != resources:
        text = f"Collection total does not match number of resources: {total} and {resources}."
        raise bad_request("COLLECTION_TOTAL_MISMATCH_ERR", text, "metadata.collectionTotal")


def _one_of_each(names: list[str], asked: str | None) -> None:
    """Each policy once; and only the one that the query names, where it names one."""
    if len(set(names)) != len(names) or (asked and len(names) != 1):
        text = "Only a single policy of a type can be set: pass each once, and one alone where the query names it."
        raise bad_request("NUM_COLLECTION_RESOURCE_ERR", text, "resources")
    if asked and names != [asked]:
        text = f"Data in body does not match data required by query parameter: {names[0]} is not {asked}."
        raise bad_request("BODY_QUERY_PARAM_MISMATCH_ERR", text, "resources")


def wanted_key_policies(body: KeyPoliciesRequest, asked: str | None) -> list[NewKeyPolicy]:
    """What a request asks for; `asked` is the policy that its query names."""
    _complete(body.metadata.total, len(body.resources))
    policies = [policy for resource in body.resources for policy in policies_of(resource)]
    if not policies:
        raise bad_request("BAD_BODY_ERR", "A policy of a key is rotation or dualAuthDelete.", "resources")
    _one_of_each([policy.policy_type for policy in policies], asked)
    return policies


def wanted_instance_policies(
    body: InstancePoliciesRequest, asked: str | None
) -> list[tuple[str, bool, dict[str, Any]]]:
    """Type, whether it is enabled, and attributes of the policies that a request asks for."""
    _complete(body.metadata.total, len(body.resources))
    _one_of_each([resource.policy_type for resource in body.resources], asked)
    return [(entry.policy_type, entry.policy_data.enabled, _attributes(entry.policy_data)) for entry in body.resources]


def _attributes(data: PolicyDataRequest) -> dict[str, Any]:
    attributes = data.attributes
    values = {} if attributes is None else {name: getattr(attributes, name) for name in attributes.__struct_fields__}
    return {name: value for name, value in values.items() if value is not UNSET}


def key_policies_response(key: Key, policies: list[KeyPolicy]) -> KeyPoliciesResponse:
    shown = [_key_policy(key, policy) for policy in policies]
    return KeyPoliciesResponse(metadata=collection("policy", len(shown)), resources=shown)


def _key_policy(key: Key, policy: KeyPolicy) -> KeyPolicyResponse:
    shown = KeyPolicyResponse(
        id=policy.id,
        crn=str(Crn("kms", key.location, key.account_id, key.instance_id, "policy", policy.id)),
        type=_TYPE,
        created_by=policy.created_by,
        created=rfc3339(policy.created_at),
        updated_by=policy.updated_by,
        updated=rfc3339(policy.updated_at),
    )
    if policy.policy_type == ROTATION:
        shown.rotation = RotationResponse(enabled=policy.enabled, interval_month=policy.interval_months or 1)
    else:
        shown.dual_auth = EnabledResponse(enabled=policy.enabled)
    return shown


def instance_policies_response(policies: list[InstancePolicy]) -> InstancePoliciesResponse:
    shown = [
        InstancePolicyResponse(
            policy_type=policy.policy_type,
            policy_data=PolicyDataResponse(enabled=policy.enabled, attributes=dict(policy.attributes) or UNSET),
            created_by=policy.created_by,
            created=rfc3339(policy.created_at),
            updated_by=policy.updated_by,
            updated=rfc3339(policy.updated_at),
        )
        for policy in policies
    ]
    return InstancePoliciesResponse(metadata=collection("policy", len(shown)), resources=shown)


def import_token_response(token: ImportToken) -> ImportTokenResponse:
    return ImportTokenResponse(
        created=rfc3339(token.created_at),
        expires=rfc3339(token.expires_at),
        retrievals=token.most_retrievals,
        left=token.retrievals_left,
        payload=token.public_key or UNSET,
        nonce=token.nonce or UNSET,
    )
