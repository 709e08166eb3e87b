"""Trusted profiles: who may sign in as them, by claim rules, by links to compute resources, and by identity."""

from __future__ import annotations

from collections.abc import Sequence

from kunsthalle.console import names
from kunsthalle.console.api_client import segment
from kunsthalle.console.claim_conditions import CONDITION, conditions_of, said
from kunsthalle.console.forms import Form, number
from kunsthalle.console.granted_policies import policies_of
from kunsthalle.console.iam_identities import PROFILES, names_of, paged
from kunsthalle.console.listing import Linked, Row, everything
from kunsthalle.console.page_frame import Visit
from kunsthalle.console.resource_shapes import (
    CREATED,
    CRN,
    ID,
    NAME,
    Action,
    Input,
    Kind,
    Named,
    Option,
    Part,
    Shown,
    changed,
)

_API = "/v1/profiles/{profile_id}"
_DESCRIPTION = Input("description", "Description", default=lambda row: row.get("description", ""))


async def _of(visit: Visit, profile: Row, word: str) -> list[Row]:
    return list((await visit.api.get(f"/v1/profiles/{segment(profile['id'])}/{word}"))[word])


async def _rules(visit: Visit, profile: Row) -> list[Row]:
    return await _of(visit, profile, "rules")


async def _links(visit: Visit, profile: Row) -> list[Row]:
    """The links, with the names of the instances that they name."""
    instances, _ = await everything(visit.api, Linked("/v1/instances", "instances"))
    known = {row["crn"]: row["name"] for row in instances}
    return [{**row, "instance": known.get(row["link"]["crn"], "")} for row in await _of(visit, profile, "links")]


async def _identities(visit: Visit, profile: Row) -> list[Row]:
    known = await names_of(visit)
    rows = await _of(visit, profile, "identities")
    return [{**row, "id": row["identifier"], "name": known.get(row["iam_id"], "")} for row in rows]


async def _new(visit: Visit, form: Form, _row: Row) -> Row:
    return {**form.body("name", "description"), "account_id": visit.active}


async def _new_rule(_visit: Visit, form: Form, _row: Row) -> Row:
    hours = form.get("expiration")
    return {
        **form.body("name", "type", "realm_name", "cr_type"),
        **({"expiration": number(hours)} if hours else {}),
        "conditions": conditions_of(form),
    }


async def _new_link(_visit: Visit, form: Form, _row: Row) -> Row:
    return {**form.body("name", "link.crn"), "cr_type": "VSI"}


async def _instances(visit: Visit, _row: Row) -> Sequence[Option]:
    rows, _ = await everything(visit.api, Linked("/v1/instances", "instances"))
    return [(row["crn"], row["name"]) for row in rows]


async def _users(visit: Visit, _row: Row) -> Sequence[Option]:
    return list((await names.of_users(visit)).items())


async def _new_identity(_visit: Visit, form: Form, _row: Row) -> Row:
    return {"identifier": form.get("identifier"), "type": "user"}


_RULES = Part(
    "rules",
    "Claim rules",
    "Who signs in through an identity provider and meets a rule may use the profile.",
    "The trusted profile has no claim rule.",
    _rules,
    (
        Shown("name", "Name"),
        Shown("type", "Type"),
        Shown("realm_name", "Identity provider"),
        Shown("conditions", "Conditions", said),
        Shown("expiration", "Seconds", number=True),
    ),
    id="profile_rule_id",
    create=(
        Action(
            "new",
            "Add claim rule",
            f"POST {_API}/rules",
            "The claim rule has been added.",
            "",
            (
                Input("name", "Name"),
                Input(
                    "type",
                    "Type",
                    "select",
                    options=(
                        ("Profile-SAML", "People who sign in through an identity provider"),
                        ("Profile-CR", "Compute resources"),
                    ),
                ),
                Input("realm_name", "Identity provider", hint="The realm, for people: https://idp.example.org."),
                Input("cr_type", "Kind of compute resource", hint="For compute resources: VSI."),
                *CONDITION,
                Input("expiration", "Seconds", hint="How long a session lasts."),
            ),
            _new_rule,
        ),
    ),
    actions=(
        Action(
            "delete",
            "Remove",
            f"DELETE {_API}/rules/{{rule_id}}",
            "The claim rule is removed.",
            "Nobody can use the profile by it any more.",
            danger=True,
        ),
    ),
    label=lambda row: str(row.get("name") or "the claim rule"),
)
_LINKS = Part(
    "links",
    "Links",
    "Instances that may use the profile.",
    "The trusted profile is linked to no instance.",
    _links,
    (
        Shown("instance", "Instance", lambda row: [Named(row["instance"], row["link"]["crn"])], "named"),
        Shown("name", "Name of the link"),
        Shown("cr_type", "Type"),
        CREATED,
    ),
    id="link_id",
    create=(
        Action(
            "new",
            "Add link",
            f"POST {_API}/links",
            "The link has been added.",
            "",
            (
                Input("link.crn", "Instance", "select", options=_instances, required=True),
                Input("name", "Name of the link"),
            ),
            _new_link,
        ),
    ),
    actions=(
        Action(
            "delete",
            "Remove",
            f"DELETE {_API}/links/{{link_id}}",
            "The link is removed.",
            "The instance can use the profile no longer.",
            danger=True,
        ),
    ),
    label=lambda row: str(row["instance"] or row.get("name") or "the link"),
)
_IDENTITIES = Part(
    "identities",
    "Users",
    "Users and service IDs that may use the profile.",
    "No user may use the trusted profile.",
    _identities,
    (
        Shown("who", "User", lambda row: [Named(row["name"], row["iam_id"])], "named"),
        Shown("type", "Type"),
    ),
    id="identity_id",
    create=(
        Action(
            "new",
            "Add user",
            f"POST {_API}/identities/{{identity_type}}",
            "The user may use the trusted profile.",
            "",
            (Input("identifier", "User", "select", options=_users, required=True),),
            _new_identity,
            names=lambda _form, _row: {"identity_type": "user"},
        ),
    ),
    actions=(
        Action(
            "delete",
            "Remove",
            f"DELETE {_API}/identities/{{identity_type}}/{{identifier_id}}",
            "The user may no longer use the trusted profile.",
            "Sessions that they began with it end.",
            danger=True,
            names=lambda _form, row: {"identity_type": row["type"]},
        ),
    ),
    label=lambda row: str(row["name"] or row["iam_id"]),
)
TRUSTED_PROFILE = Kind(
    word="trusted profile",
    plural="trusted profiles",
    trail=("Account", "Access (IAM)"),
    here="/trusted-profiles/{profile_id}",
    many="GET /v1/profiles",
    one=f"GET {_API}",
    source=lambda visit: paged(visit, *PROFILES),
    about="A trusted profile is an identity that others use for a while: people by claims, instances by links.",
    empty="Create one, say who may use it, and assign access.",
    docs="how-to/single-sign-on.html",
    columns=(NAME, Shown("description", "Description"), CREATED),
    facts=(
        ID,
        CRN,
        Shown("iam_id", "IAM ID", shape="copy"),
        Shown("description", "Description"),
        CREATED,
        Shown("modified_at", "Changed", shape="moment"),
    ),
    create=(
        Action(
            "new",
            "Create trusted profile",
            "POST /v1/profiles",
            "The trusted profile has been created. Say who may use it, and assign access.",
            "",
            (Input("name", "Name", required=True), _DESCRIPTION),
            _new,
        ),
    ),
    actions=(
        Action(
            "edit",
            "Edit",
            f"PUT {_API}",
            "The trusted profile is changed.",
            "",
            (Input("name", "Name", required=True, default=lambda row: row["name"]), _DESCRIPTION),
            changed("name", "description"),
            headers=lambda row: {"If-Match": row["entity_tag"]},
        ),
        Action(
            "delete",
            "Delete",
            f"DELETE {_API}",
            "The trusted profile is deleted.",
            "Its rules, links and policies are deleted too.",
            danger=True,
            gone=True,
        ),
    ),
    parts=(_RULES, _LINKS, _IDENTITIES, policies_of("iam_id", lambda row: str(row["iam_id"]), "profile_policy_id")),
)
KINDS = (TRUSTED_PROFILE,)
