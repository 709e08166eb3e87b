"""`iam`: who may put a trusted profile on, by links, identities and rules (reference of `ibmcloud iam`)."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from kunsthalle.ibmcloud.command_errors import Failed
from kunsthalle.ibmcloud.commands.trusted_profile_commands import ONE_ONLY, PROFILE, place
from kunsthalle.ibmcloud.grammar import FORCE, Command, Flag, WrongUsage, flag
from kunsthalle.ibmcloud.http_client import path_of
from kunsthalle.ibmcloud.invocation import Run, named
from kunsthalle.ibmcloud.printed_tables import Field
from kunsthalle.ibmcloud.resource_commands import filled


class Part(NamedTuple):
    """What belongs to a trusted profile: `key` is its list's name in the path and in the answer."""

    noun: str
    key: str
    columns: tuple[Field, ...]

    @property
    def label(self) -> str:
        return self.noun.upper()


def _conditions(rule: Any) -> str:
    return "; ".join(
        f"{condition['claim']} {condition['operator']} {condition['value']}"
        for condition in rule.get("conditions") or ()
    )


LINK = Part(
    "link",
    "links",
    (
        ("ID", "id"),
        ("Name", "name"),
        ("CR Type", "cr_type"),
        ("CRN", "link.crn"),
        ("Namespace", "link.namespace"),
        ("CR Name", "link.name"),
        ("Component Type", "link.component_type"),
        ("Component Name", "link.component_name"),
        ("Created At", "created_at"),
    ),
)
RULE = Part(
    "rule",
    "rules",
    (
        ("ID", "id"),
        ("Name", "name"),
        ("Type", "type"),
        ("Issuer", "realm_name"),
        ("CR Type", "cr_type"),
        ("Conditions", _conditions),
        ("Expiration", "expiration"),
    ),
)
_IDENTITIES: tuple[Field, ...] = (
    ("IAM ID", "iam_id"),
    ("Identifier", "identifier"),
    ("Type", "type"),
    ("Description", "description"),
    ("Accounts", "accounts"),
)
_ISSUER = "realm-name"  # words: allow
_TYPES = ("USER", "SERVICEID", "CRN")


def _rows(run: Run, part: Part) -> list[Any]:
    return list(run.api.get(f"{place(run)}/{part.key}")[part.key])


def _list(run: Run, part: Part) -> None:
    run.core_progress(f"Getting {part.key} of trusted profile {run.given[PROFILE]}", by_id=True)
    rows = _rows(run, part)
    run.terminal.ok()
    run.table(rows, (("ID", "id"),) if run.given.get("id") else part.columns, f"No {part.key} were found.")


def _delete(run: Run, part: Part) -> None:
    ref = run.given[part.label]
    resource = named(_rows(run, part), ref, part.noun)
    if not run.confirmed(f"Really delete {part.noun} {ref} of trusted profile {run.given[PROFILE]}?"):
        return
    run.core_progress(f"Deleting {part.noun} {ref}", by_id=True)
    run.api.call("DELETE", path_of(f"{place(run)}/{part.key}/{{}}", resource["id"]))
    run.done(f"The {part.noun} {ref} is deleted.")


def _made(run: Run, part: Part, body: dict[str, Any]) -> None:
    run.core_progress(f"Creating {part.noun} for trusted profile {run.given[PROFILE]}", by_id=True)
    made = run.api.post(f"{place(run)}/{part.key}", body)
    run.terminal.ok()
    run.detail(made, part.columns)


def _link(run: Run) -> None:
    options = run.given
    kind = options.get("cr-type")
    if kind in {"IKS_SA", "ROKS_SA"} and not (options.has("link-namespace") and options.has("link-name")):
        raise WrongUsage(f"--link-namespace and --link-name are required with --cr-type {kind}")
    link = filled(
        crn=options.get("link-crn"),
        namespace=options.get("link-namespace"),
        name=options.get("link-name"),
        component_type=options.get("link-component-type"),
        component_name=options.get("link-component-name"),
    )
    _made(run, LINK, filled(name=options.get("name"), cr_type=kind, link=link))


def _condition(text: str) -> dict[str, str]:
    """`claim:CLAIM,operator:OPERATOR,value:VALUE`; the value is JSON in the API, and may contain commas and colons."""
    head, comma, value = text.partition(",value:")
    pairs = [part.partition(":") for part in head.split(",")]
    words = {name.strip(): message.strip() for name, _, message in pairs}
    if not comma or set(words) != {"claim", "operator"} or not all((*words.values(), value)):
        raise WrongUsage(f"'{text}' is no condition: claim:CLAIM,operator:OPERATOR,value:VALUE is expected")
    return {**words, "value": value if value.startswith('"') else json.dumps(value)}


def _rule(run: Run) -> dict[str, Any]:
    """What the command line says of a rule."""
    options = run.given
    conditions = [_condition(condition) for condition in options.get("conditions") or ()]
    return filled(
        name=options.get("name"),
        type=options.get("type"),
        realm_name=options.get(_ISSUER),
        cr_type=options.get("cr-type"),
        expiration=options.get("expiration"),
        conditions=conditions or None,
    )


def _rule_update(run: Run) -> None:
    """What is not said stays as it is: the API replaces the whole rule."""
    ref = run.given[RULE.label]
    resource = named(_rows(run, RULE), ref, RULE.noun)
    fields = {
        name: resource[name] for name in ("name", "type", "realm_name", "cr_type", "expiration") if name in resource
    }
    run.core_progress(f"Updating rule {ref}", by_id=True)
    body = {**fields, "conditions": resource["conditions"], **_rule(run)}
    path = path_of(f"{place(run)}/rules/{{}}", resource["id"])
    made = run.api.call("PUT", path, body, headers={"If-Match": resource["entity_tag"]}).body
    run.terminal.ok()
    run.detail(made, RULE.columns)


def _identities(run: Run) -> list[Any]:
    id_type = run.given.get("id-type")
    listed = run.api.get(f"{place(run)}/identities")["identities"]
    return [identity for identity in listed if id_type is None or identity["type"] == id_type.lower()]


def _identity_list(run: Run) -> None:
    run.core_progress(f"Getting identities of trusted profile {run.given[PROFILE]}", by_id=True)
    identities = _identities(run)
    run.terminal.ok()
    run.table(identities, (("IAM ID", "iam_id"),) if run.given.get("id") else _IDENTITIES, "No identities were found.")


def _identity(run: Run) -> Any:
    """The identity of an identifier or an IAM ID, in the type that is asked for."""
    ref = run.given["IDENTITY"]
    identity = next(
        (identity for identity in _identities(run) if ref in {identity["identifier"], identity["iam_id"]}), None
    )
    if identity is None:
        raise Failed(f"Identity '{ref}' was not found.")
    return identity


def _identity_show(run: Run) -> None:
    identity = _identity(run)
    if run.given.get("id") and not run.json:
        run.terminal.lines([identity["iam_id"]])
        return
    run.detail(identity, _IDENTITIES)


def _identifier(run: Run) -> str:
    """A user by e-mail address is told to the API as its IAM ID, a service ID by name as its ID."""
    from kunsthalle.ibmcloud.commands.iam_lookups import user_id
    from kunsthalle.ibmcloud.commands.service_id_commands import service_ids

    ref = str(run.given.get("id"))
    match run.given.get("id-type"):
        case "USER":
            return user_id(run, ref)
        case "SERVICEID":
            return str(named(service_ids(run), ref, "service ID", "name", "iam_id")["id"])
    return ref


def _identity_create(run: Run) -> None:
    kind = str(run.given.get("id-type")).lower()
    run.core_progress(f"Connecting an identity to trusted profile {run.given[PROFILE]}", by_id=True)
    body = filled(identifier=_identifier(run), type=kind, description=run.given.get("description"))
    made = run.api.post(f"{place(run)}/identities/{kind}", body)
    run.terminal.ok()
    run.detail(made, _IDENTITIES)


def _identity_delete(run: Run) -> None:
    identity, name = _identity(run), run.given[PROFILE]
    if not run.confirmed(f"Really disconnect identity {identity['identifier']} from trusted profile {name}?"):
        return
    run.core_progress(f"Disconnecting identity {identity['identifier']} from trusted profile {name}", by_id=True)
    run.api.call("DELETE", path_of(f"{place(run)}/identities/{{}}/{{}}", identity["type"], identity["identifier"]))
    run.done(f"Identity {identity['identifier']} is disconnected from trusted profile {name}.")


def _kind(*, required: bool) -> Flag:
    return flag("id-type", text="Type of the identity.", choices=_TYPES, required=required)


def _rule_flags(*, required: bool) -> tuple[Flag, ...]:
    return (
        flag("name", "NAME", "Name of the rule."),
        flag("type", text="Type of the rule.", choices=("Profile-SAML", "Profile-CR"), required=required),
        flag(
            "conditions",
            "claim:CLAIM,operator:OPERATOR,value:VALUE",
            "Condition on a claim; once for each.",
            repeated=True,
            required=required,
        ),
        flag(_ISSUER, "URL", "Issuer, for Profile-SAML."),
        flag("expiration", "SECONDS", "How long a session lasts, for Profile-SAML.", kind="int"),
        flag("cr-type", "TYPE", "Type of compute resource, for Profile-CR: VSI, IKS_SA, ROKS_SA, CE."),
    )


_ID = flag("id", text="Show the ID only.")
_ONE_RULE = f"{PROFILE} {RULE.label}"
_ONE_IDENTITY = f"{PROFILE} IDENTITY"

COMMANDS = (
    Command(
        "iam trusted-profile-link-create",
        "Link a trusted profile to a compute resource.",
        _link,
        PROFILE,
        (
            flag("name", "NAME", "Name of the link."),
            flag("cr-type", "TYPE", "Type of compute resource: VSI, IKS_SA, ROKS_SA, CE.", required=True),
            flag("link-crn", "CRN", "CRN of the compute resource.", required=True),
            flag("link-namespace", "NAMESPACE", "Namespace of the service account, for IKS_SA and ROKS_SA."),
            flag("link-name", "NAME", "Name of the service account, for IKS_SA and ROKS_SA."),
            flag("link-component-type", "TYPE", "Type of the component, for CE."),
            flag("link-component-name", "NAME", "Name of the component, for CE."),
            ONE_ONLY,
        ),
    ),
    Command(
        "iam trusted-profile-links",
        "List the links of a trusted profile.",
        lambda run: _list(run, LINK),
        PROFILE,
        (_ID, ONE_ONLY),
    ),
    Command(
        "iam trusted-profile-link-delete",
        "Delete a link of a trusted profile.",
        lambda run: _delete(run, LINK),
        f"{PROFILE} {LINK.label}",
        (FORCE,),
    ),
    Command(
        "iam trusted-profile-identity",
        "View an identity that may put a trusted profile on.",
        _identity_show,
        _ONE_IDENTITY,
        (_kind(required=True), _ID),
    ),
    Command(
        "iam trusted-profile-identities",
        "List the identities that may put a trusted profile on.",
        _identity_list,
        PROFILE,
        (_kind(required=False), _ID, ONE_ONLY),
    ),
    Command(
        "iam trusted-profile-identity-create",
        "Let an identity put a trusted profile on.",
        _identity_create,
        PROFILE,
        (
            flag("id", "ID", "IAM ID or e-mail address of a user, ID or name of a service ID, or CRN.", required=True),
            _kind(required=True),
            flag("description", "TEXT", "Description."),
        ),
    ),
    Command(
        "iam trusted-profile-identity-delete",
        "Let an identity put a trusted profile on no more.",
        _identity_delete,
        _ONE_IDENTITY,
        (_kind(required=True), FORCE),
    ),
    Command(
        "iam trusted-profile-rule-create",
        "Create a rule for a trusted profile.",
        lambda run: _made(run, RULE, _rule(run)),
        PROFILE,
        (*_rule_flags(required=True), ONE_ONLY),
    ),
    Command(
        "iam trusted-profile-rules",
        "List the rules of a trusted profile.",
        lambda run: _list(run, RULE),
        PROFILE,
        (ONE_ONLY,),
    ),
    Command(
        "iam trusted-profile-rule-update",
        "Change a rule of a trusted profile.",
        _rule_update,
        _ONE_RULE,
        (*_rule_flags(required=False), ONE_ONLY),
    ),
    Command(
        "iam trusted-profile-rule-delete",
        "Delete a rule of a trusted profile.",
        lambda run: _delete(run, RULE),
        _ONE_RULE,
        (FORCE,),
    ),
)
