"""The console's pages: sessions for the personas, what paths name, and what forms are filled in with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from fixtures.frozen_app import OPERATOR, PERSONAS, FrozenApp
from kunsthalle.authz.roles import VIEWER
from kunsthalle.console.browser_sessions import Sessions, SignIn, form_token

SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ3wfCkXQ4fFp3qVQvWqzjYQ8FvEhU2V4iUOw8sLxLmD matrix"
CONDITION = {"conditions.claim": "email", "conditions.operator": "EQUALS", "conditions.value": "a@b.example"}
BODIES: dict[str, Any] = {}
"""The console has no routes of the API."""

EVERYBODY = (*PERSONAS, "operator")
SIGNED_IN = tuple(one for one in EVERYBODY if one not in {"no token", "bad token"})
"""`operator` is the owner, with the operator's token besides."""
NAMES = {
    "image_id": "images",
    "catalog_id": "catalogs",
    "offering_id": "offerings",
    "version_id": "versions",
    "reclamation_id": "reclamations",
    "instance_id": "instances",
    "user_id": "users",
    "key_id": "apikeys",
    "policy_id": "policies",
    "template_id": "templates",
    "group_id": "instance_groups",
    "volume_id": "volumes",
    "snapshot_id": "snapshots",
    "kms_id": "bluemix-instance",
    "root_id": "api/keys",
    "provider_id": "identity-providers",
    "ssh_key_id": "keys",
    "placement_group_id": "placement_groups",
    "vpc_id": "vpcs",
    "export_id": "export_jobs",
    "bare_metal_id": "bare_metal_servers",
    "access_group_id": "groups",
    "member_id": "members",
    "group_policy_id": "policy of group",
    "group_rule_id": "groups/rules",
    "service_id": "serviceids",
    "service_key_id": "key of service",
    "service_policy_id": "policy of service",
    "profile_id": "profiles",
    "profile_rule_id": "profiles/rules",
    "link_id": "links",
    "identity_id": "user",
    "profile_policy_id": "policy of profile",
    "authorization_id": "authorization",
    "resource_group_id": "resource_groups",
    "subnet_id": "subnets",
    "floating_ip_id": "floating_ips",
    "security_group_id": "security_groups",
    "rule_id": "security_groups/rules",
    "target_id": "virtual_network_interfaces",
    "bucket_name": "buckets",
    "account_id": "accounts",
}
"""What a path of the console names, and the key of the publisher's id."""

_OFFERING = "/catalogs/{catalog_id}/offerings/{offering_id}"
Fields = dict[str, str]


def _server(frozen: FrozenApp) -> Fields:
    """A server from the publisher's image; whoever does not see that can choose nothing."""
    source = f"image {frozen.ids['images']}"
    return {"name": "another", "source": source, "profile.name": "bx2-2x8", "subnet": frozen.ids["subnets"]}


FORMS: dict[str, Callable[[FrozenApp], Fields]] = {
    "/sign-in": lambda _frozen: {"apikey": "none"},
    "/account": lambda _frozen: {"account": "none"},
    "/invitations": lambda frozen: {"account_id": frozen.accounts["owner"]},
    "/sign-out": lambda _frozen: {},
    "/passcode": lambda _frozen: {},
    "/sign-in/{provider_id}/back-channel-logout": lambda _frozen: {"logout_token": "none"},
    "/theme": lambda _frozen: {"theme": "dark"},
    "/images/custom/{image_id}/edit": lambda _frozen: {"name": "renamed"},
    "/images/custom/import": lambda _frozen: {
        "name": "another",
        "file.href": "cos://us-south/images/free.qcow2",
        "operating_system.name": "debian-12-amd64",
    },
    "/images/custom/{image_id}/share": lambda frozen: {
        "place": f"{frozen.ids['catalogs']}/{frozen.ids['offerings']}",
        "version": "3.0.0",
    },
    "/images/buckets/new": lambda _frozen: {"name": "another"},
    "/accounts/{account_id}/move": lambda _frozen: {"parent": "crn:v1:bluemix:public:enterprise::a/1::enterprise:2"},
    "/accounts/{account_id}/delete": lambda _frozen: {"confirm": "publisher"},
    "/buckets/{bucket_name}/delete": lambda _frozen: {"object": "hidden.img", "confirmed": "yes"},
    "/images/upload/cancel": lambda frozen: {"upload": frozen.ids["uploads"]},
    "/catalogs/new": lambda _frozen: {"label": "another"},
    "/catalogs/{catalog_id}/delete": lambda _frozen: {"confirm": "hidden catalog"},
    "/catalogs/{catalog_id}/new-offering": lambda _frozen: {"name": "another"},
    f"{_OFFERING}/share": lambda _frozen: {"enabled": "false"},
    f"{_OFFERING}/allow": lambda frozen: {"identifiers": frozen.accounts["sibling"]},
    f"{_OFFERING}/withhold": lambda frozen: {"identifier": frozen.accounts["consumer"]},
    f"{_OFFERING}/outside": lambda _frozen: {"wanted": "true"},
    "/share-requests": lambda frozen: {"answer": f"rejected {frozen.accounts['owner']}"},
    "/instances/new": _server,
    "/users/invite": lambda _frozen: {"email": "another@publisher.example"},
    "/policies/new": lambda _frozen: {"iam_id": "IBMid-VIEWER0001", "role": VIEWER, "service": "is"},
    "/api-keys/new": lambda _frozen: {"name": "another"},
    "/templates/new": _server,
    "/templates/{template_id}/server": lambda _frozen: {"name": "another"},
    "/groups/new": lambda frozen: {
        "name": "another",
        "instance_template.id": frozen.ids["pattern"],
        "subnets": frozen.ids["subnets"],
    },
    "/groups/authorize": lambda frozen: {"catalog": frozen.ids["catalogs"]},
    "/groups/{group_id}/size": lambda _frozen: {"membership_count": "1"},
    "/volumes/new": lambda frozen: {
        "name": "another",
        "zone.name": frozen.ids["zone"],
        "profile.name": "general-purpose",
        "capacity": "10",
    },
    "/volumes/{volume_id}/snapshot": lambda _frozen: {"name": "another"},
    "/keys/new": lambda frozen: {"instance": frozen.ids["bluemix-instance"], "name": "another", "type": "root"},
    "/keys/new-ring": lambda frozen: {"instance": frozen.ids["bluemix-instance"], "id": "another-ring"},
    "/keys/{kms_id}/{root_id}/alias": lambda _frozen: {"alias": "another-alias"},
    "/keys/{kms_id}/{root_id}/ring": lambda _frozen: {"keyRingID": "hidden-ring"},
    "/placement-groups/new": lambda _frozen: {"name": "another", "strategy": "host_spread"},
    "/placement-groups/{placement_group_id}/edit": lambda _frozen: {"name": "renamed"},
    "/ssh-keys/new": lambda _frozen: {"name": "another", "public_key": SSH_KEY},
    "/ssh-keys/{ssh_key_id}/edit": lambda _frozen: {"name": "renamed"},
    "/vpcs/new": lambda _frozen: {"name": "another"},
    "/vpcs/{vpc_id}/edit": lambda _frozen: {"name": "renamed"},
    "/subnets/new": lambda frozen: {
        "name": "another",
        "vpc.id": frozen.ids["vpcs"],
        "total_ipv4_address_count": "8",
        "zone.name": frozen.ids["zone"],
    },
    "/subnets/{subnet_id}/edit": lambda _frozen: {"name": "renamed"},
    "/subnets/{subnet_id}/gateway": lambda frozen: {"id": frozen.ids["public_gateways"]},
    "/floating-ips/new": lambda frozen: {"name": "another", "zone.name": frozen.ids["zone"]},
    "/floating-ips/{floating_ip_id}/edit": lambda _frozen: {"name": "renamed"},
    "/floating-ips/{floating_ip_id}/attach": lambda frozen: {"target.id": frozen.ids["virtual_network_interfaces"]},
    "/security-groups/new": lambda frozen: {"name": "another", "vpc.id": frozen.ids["vpcs"]},
    "/security-groups/{security_group_id}/edit": lambda _frozen: {"name": "renamed"},
    "/security-groups/{security_group_id}/rules/new": lambda _frozen: {"direction": "inbound", "protocol": "tcp"},
    "/security-groups/{security_group_id}/rules/{rule_id}/edit": lambda _frozen: {"direction": "outbound"},
    "/security-groups/{security_group_id}/targets/new": lambda frozen: {
        "target": frozen.ids["virtual_network_interfaces"]
    },
    "/bare-metal-servers/new": lambda frozen: {
        "name": "another",
        "initialization.image": frozen.ids["free image"],
        "profile.name": "bx2-metal-96x384",
        "primary_network_interface": frozen.ids["subnets"],
        "initialization.keys": frozen.ids["keys"],
    },
    "/bare-metal-servers/{bare_metal_id}/edit": lambda _frozen: {"name": "renamed"},
    "/bare-metal-servers/{bare_metal_id}/stop": lambda _frozen: {"type": "soft"},
    "/access-groups/new": lambda _frozen: {"name": "another"},
    "/access-groups/{access_group_id}/edit": lambda _frozen: {"name": "renamed"},
    "/access-groups/{access_group_id}/members/new": lambda frozen: {"members": f"user {frozen.ids['iam_id']}"},
    "/access-groups/{access_group_id}/policies/new": lambda _frozen: {"roles": VIEWER, "resources": ""},
    "/access-groups/{access_group_id}/rules/new": lambda _frozen: {
        "realm_name": "https://idp.example",
        "expiration": "8",
        **CONDITION,
    },
    "/service-ids/new": lambda _frozen: {"name": "another"},
    "/service-ids/{service_id}/edit": lambda _frozen: {"name": "renamed"},
    "/service-ids/{service_id}/keys/new": lambda _frozen: {"name": "another"},
    "/service-ids/{service_id}/policies/new": lambda _frozen: {"roles": VIEWER, "resources": ""},
    "/trusted-profiles/new": lambda _frozen: {"name": "another"},
    "/trusted-profiles/{profile_id}/edit": lambda _frozen: {"name": "renamed"},
    "/trusted-profiles/{profile_id}/rules/new": lambda _frozen: {
        "type": "Profile-SAML",
        "realm_name": "https://idp.example",
        **CONDITION,
    },
    "/trusted-profiles/{profile_id}/links/new": lambda _frozen: {
        "link.crn": "crn:v1:bluemix:public:is:us-south:a/1::instance:3"
    },
    "/trusted-profiles/{profile_id}/identities/new": lambda frozen: {"identifier": frozen.ids["iam_id"]},
    "/trusted-profiles/{profile_id}/policies/new": lambda _frozen: {"roles": VIEWER, "resources": ""},
    "/authorizations/new": lambda _frozen: {
        "subjects": "is",
        "resources": "globalcatalog-collection",
        "roles": VIEWER,
    },
    "/resource-groups/new": lambda _frozen: {"name": "another"},
    "/resource-groups/{resource_group_id}/edit": lambda _frozen: {"name": "renamed"},
    "/settings/edit": lambda _frozen: {
        "restrict_create_service_id": "NOT_SET",
        "restrict_create_platform_apikey": "NOT_SET",
        "restrict_user_list_visibility": "NOT_RESTRICTED",
        "session_expiration_in_seconds": "3600",
        "session_invalidation_in_seconds": "NOT_SET",
        "max_sessions_per_identity": "NOT_SET",
        "system_access_token_expiration_in_seconds": "NOT_SET",
        "system_refresh_token_expiration_in_seconds": "NOT_SET",
    },
    "/images/custom/{image_id}/exports/new": lambda _frozen: {
        "name": "another",
        "storage_bucket.name": "hidden-bucket",
        "format": "qcow2",
    },
    "/images/custom/{image_id}/exports/{export_id}/edit": lambda _frozen: {"name": "renamed"},
    "/operator": lambda _frozen: {"operator_token": OPERATOR},
    "/bulk": lambda _frozen: {"action": "tag", "crn": "none"},
    "/operator/accounts/new": lambda _frozen: {"name": "another", "owner": "another@another.example"},
    "/operator/signing-keys": lambda _frozen: {},
    "/operator/hosts/lost": lambda _frozen: {"name": "host-9"},
    "/operator/hosts/back": lambda _frozen: {"name": "host-9"},
    "/operator/quotas/set": lambda _frozen: {"account": "nobody", "name": "images", "limit": "7"},
    "/operator/doctor": lambda _frozen: {},
    "/operator/clock": lambda _frozen: {"to": "2000-01-01T00:00:00Z"},
    "/operator/fault": lambda _frozen: {"on": "call", "match": "GET /never", "effect": "refuse"},
    "/operator/save": lambda _frozen: {"name": "not a name of a scenario"},
    "/operator/load": lambda _frozen: {"name": "never", "action": "load"},
    "/operator/approvals": lambda _frozen: {"answer": "granted never"},
}
"""What is sent to the pages whose forms have inputs."""


def _policy(frozen: FrozenApp, attribute: str, value: str, type_: str = "access") -> str:
    account = {"name": "accountId", "value": frozen.accounts["owner"]}
    body = {
        "type": type_,
        "subjects": [{"attributes": [{"name": attribute, "value": value}]}],
        "roles": [{"role_id": VIEWER}],
        "resources": [{"attributes": [account, {"name": "serviceName", "value": "is"}]}],
    }
    return str(frozen.ok("owner", "POST", "/v1/policies", body)["id"])


def _furnish_access(frozen: FrozenApp) -> None:
    """What pages of access groups, service IDs and trusted profiles have parts of."""
    ids = frozen.ids
    service = frozen.ok("owner", "GET", f"/v1/serviceids/{ids['serviceids']}")["iam_id"]
    profile = frozen.ok("owner", "GET", f"/v1/profiles/{ids['profiles']}")["iam_id"]
    key = {"name": "of a program", "iam_id": service, "account_id": frozen.accounts["owner"]}
    ids["key of service"] = frozen.ok("owner", "POST", "/v1/apikeys", key)["id"]
    ids["policy of group"] = _policy(frozen, "access_group_id", ids["groups"])
    ids["policy of service"] = _policy(frozen, "iam_id", service)
    ids["policy of profile"] = _policy(frozen, "iam_id", profile)
    ids["authorization"] = _policy(frozen, "serviceName", "cloud-object-storage", "authorization")


def furnish(frozen: FrozenApp) -> None:
    """A session for everybody who has a token."""
    _furnish_access(frozen)
    sessions = Sessions(frozen.server.store, frozen.server.base)
    for persona in SIGNED_IN:
        secret, session = sessions.begin()
        later = sessions.now() + 3_000
        account = frozen.accounts.get(persona, frozen.accounts["owner"])
        token = frozen.tokens["owner" if persona == "operator" else persona]
        iam_id = frozen.ids["iam_id"] if persona in {"owner", "operator"} else ""
        session.add(SignIn(account, persona, persona, iam_id, token, "none", later))
        session.operator = OPERATOR if persona == "operator" else ""
        asyncio.run(sessions.keep(secret, session))
        frozen.sessions[persona] = secret


def cookies(frozen: FrozenApp, persona: str) -> dict[str, str]:
    """The header of a persona's browser; a bad token is a session that never was."""
    secret = frozen.sessions.get(persona, "K-never-h" if persona == "bad token" else "")
    return {"cookie": f"kunsthalle_session={secret}"} if secret else {}


def token(frozen: FrozenApp, persona: str) -> str:
    return form_token(frozen.sessions.get(persona, ""))


def form_of(frozen: FrozenApp, path: str) -> Fields:
    """What is sent to a page; many forms are but a button."""
    return FORMS[path](frozen) if path in FORMS else {}
