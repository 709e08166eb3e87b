"""Key Protect: policies of keys and instances, deletion by two users, import tokens."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any
from urllib.parse import urlsplit

from msgspec import Meta

from kunsthalle.api.query_params import Parameters
from kunsthalle.api.request import Reply, Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.kms import BASE, KMS
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized, may_create
from kunsthalle.key_protect import import_tokens, key_policies, service
from kunsthalle.key_protect.key_access import RING, InInstance, OnKey
from kunsthalle.key_protect.models import Key
from kunsthalle.key_protect.policy_schemas import (
    ImportTokenRequest,
    ImportTokenResponse,
    InstancePoliciesRequest,
    InstancePoliciesResponse,
    InstancePolicyName,
    KeyPoliciesRequest,
    KeyPoliciesResponse,
    KeyPolicyName,
    PortResponse,
    PortsResponse,
    import_token_response,
    instance_policies_response,
    key_policies_response,
    wanted_instance_policies,
    wanted_key_policies,
)
from kunsthalle.key_protect.schemas import KeysResponse, NewKeysWithPoliciesRequest, collection, keys_response, new_key
from kunsthalle.service_instances.models import ServiceInstance

_SEE_POLICIES, _SET_POLICIES = "kms.policies.read", "kms.policies.write"
_SEE_INSTANCE, _SET_INSTANCE = "kms.instancepolicies.read", "kms.instancepolicies.write"
_PORTS = {"http": 80, "https": 443}


class KeyPolicyParameters(Parameters, frozen=True):
    """Of policies of a key."""

    policy: Annotated[KeyPolicyName | None, Meta(description="Only the policy of this type.")] = None


class InstancePolicyParameters(Parameters, frozen=True):
    """Of policies of an instance."""

    policy: Annotated[InstancePolicyName | None, Meta(description="Only the policy of this type.")] = None


def _create(session: Session, request: Request, instance: ServiceInstance) -> Reply:
    """Create a key with policies of its own, in the place of those that the instance has for new keys."""
    body, ring = request.body.resources[0], request.headers.get(RING)
    target = new_key(body, ring)
    may_create(session.ctx, _SET_POLICIES, {"serviceInstance": instance.id, "keyRing": target.ring})
    key = service.create(session, instance, target)
    made = keys_response(session, [key], payload=service.payload_of(session, key))
    return Reply(made, 201, {"Location": f"{session.ctx.origin}{BASE}/keys/{key.id}"})


def _policies(session: Session, _request: Request, key: Key, query: KeyPolicyParameters) -> KeyPoliciesResponse:
    """List the policies of a key."""
    return key_policies_response(key, key_policies.of_key(session, key, query.policy))


def _set_policies(
    session: Session, request: Request, key: Authorized[Key], query: KeyPolicyParameters
) -> KeyPoliciesResponse:
    """Set policies of a key."""
    new_key_policies = wanted_key_policies(request.body, query.policy)
    made = [key_policies.set_on_key(session, key.resource, policy) for policy in new_key_policies]
    return key_policies_response(key.resource, made)


def _authorize(session: Session, _request: Request, key: Authorized[Key]) -> None:
    """Authorize another user to delete a key."""
    key_policies.authorize_deletion(session, key.resource)


def _withdraw(session: Session, _request: Request, key: Authorized[Key]) -> None:
    """Withdraw the authorization to delete a key."""
    key_policies.withdraw_authorization(session, key.resource)


def _instance_policies(
    session: Session, _request: Request, instance: ServiceInstance, query: InstancePolicyParameters
) -> InstancePoliciesResponse:
    """List the policies of an instance."""
    may_create(session.ctx, _SEE_INSTANCE, {"serviceInstance": instance.id})
    return instance_policies_response(key_policies.of_instance(session, instance.id, query.policy))


def _set_instance_policies(
    session: Session, request: Request, instance: ServiceInstance, query: InstancePolicyParameters
) -> None:
    """Set policies of an instance."""
    may_create(session.ctx, _SET_INSTANCE, {"serviceInstance": instance.id})
    for policy_type, enabled, attributes in wanted_instance_policies(request.body, query.policy):
        key_policies.set_on_instance(session, instance.id, policy_type, attributes, enabled=enabled)


def _port(session: Session, _request: Request, instance: ServiceInstance) -> PortsResponse:
    """Get the port of an instance that is for some subnets alone: that of the server."""
    shown = []
    if key_policies.in_force_for_addresses(session, instance.id):
        origin = urlsplit(session.ctx.origin)
        shown.append(PortResponse(private_endpoint_port=origin.port or _PORTS[origin.scheme]))
    return PortsResponse(metadata=collection("allowed_ip_metadata", len(shown)), resources=shown)


def _prepare_token(_session: Session, _request: Request, _instance: ServiceInstance) -> str:
    return import_tokens.new_private_key()


def _create_token(session: Session, request: Request, instance: ServiceInstance) -> ImportTokenResponse:
    """Create an import token, in the place of the one before."""
    may_create(session.ctx, "kms.importtoken.create", {"serviceInstance": instance.id})
    body: ImportTokenRequest = request.body or ImportTokenRequest()
    made = import_tokens.create(session, instance.id, request.prepared, body.expiration, body.retrievals)
    return import_token_response(made)


def _token(session: Session, _request: Request, instance: ServiceInstance) -> ImportTokenResponse:
    """Retrieve the import token, with the public key and the nonce."""
    may_create(session.ctx, "kms.importtoken.read", {"serviceInstance": instance.id})
    return import_token_response(import_tokens.retrieve(session, instance.id))


def routes() -> tuple[Route, ...]:
    item_path, of_instance, token = f"{BASE}/keys/{{id}}", f"{BASE}/instance/policies", f"{BASE}/import_token"
    make, in_instance = partial(route, surface=KMS), InInstance("kms.secrets.list")
    seen: dict[str, Any] = {"query": KeyPolicyParameters, "answer": KeyPoliciesResponse}
    set_key, unset = f"{item_path}/actions/setKeyForDeletion", f"{item_path}/actions/unsetKeyForDeletion"
    make_with: dict[str, Any] = {
        "access": InInstance(service.CREATE),
        "body": NewKeysWithPoliciesRequest,
        "answer": KeysResponse,
    }
    on_instance: dict[str, Any] = {"body": InstancePoliciesRequest, "query": InstancePolicyParameters, "status": 204}
    new_token: dict[str, Any] = {"body": ImportTokenRequest, "body_required": False, "answer": ImportTokenResponse}
    new_token["access"] = InInstance("kms.importtoken.create")
    # To retrieve a token counts how often it was: the GET writes.
    retrieved: dict[str, Any] = {"answer": ImportTokenResponse, "writes": True}
    return (
        make("POST", f"{BASE}/keys_with_policy_overrides", _create, **make_with),
        make("GET", f"{item_path}/policies", _policies, access=OnKey(_SEE_POLICIES), **seen),
        make(
            "PUT", f"{item_path}/policies", _set_policies, access=OnKey(_SET_POLICIES), body=KeyPoliciesRequest, **seen
        ),
        make("POST", set_key, _authorize, access=OnKey("kms.secrets.setkeyfordeletion"), status=204),
        make("POST", unset, _withdraw, access=OnKey("kms.secrets.unsetkeyfordeletion"), status=204),
        make(
            "GET",
            of_instance,
            _instance_policies,
            access=InInstance(_SEE_INSTANCE),
            query=InstancePolicyParameters,
            answer=InstancePoliciesResponse,
        ),
        make("PUT", of_instance, _set_instance_policies, access=InInstance(_SET_INSTANCE), **on_instance),
        make("GET", f"{BASE}/instance/allowed_ip_port", _port, access=in_instance, answer=PortsResponse),
        make("POST", token, _create_token, prepare=_prepare_token, **new_token),
        make("GET", token, _token, access=InInstance("kms.importtoken.read"), **retrieved),
    )
