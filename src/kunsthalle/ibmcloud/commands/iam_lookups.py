"""Roles, attributes and policies, in the first of the two shapes that the API has (cli.md 5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kunsthalle.ibmcloud.command_errors import Failed, reason
from kunsthalle.ibmcloud.grammar import WrongUsage, flag, from_file
from kunsthalle.ibmcloud.http_client import path_of
from kunsthalle.ibmcloud.invocation import Run, named
from kunsthalle.local.list_parameters import narrowed

GROUPS = "/v2/groups"
POLICIES = "/v1/policies"
ROLES = "/v2/roles"
POLICIES_V2 = "/v2/policies"
VERSION = flag("api-version", text="Version of the policies in JSON, and in the file.", choices=("v1", "v2"))


def user_id(run: Run, ref: str) -> str:
    """The IAM ID of a user, by what they sign in as or by itself; the e-mail address is theirs to change."""
    if "@" not in ref:
        return ref
    users = run.api.listed(path_of("/v2/accounts/{}/users", run.session.account), "resources")
    return str(named(users, ref.lower(), "user", "user_id")["iam_id"])


def groups(run: Run) -> list[Any]:
    """The access groups of the account."""
    return list(run.api.listed(GROUPS, "groups", {"account_id": run.session.account}))


def group(run: Run, ref: str) -> Any:
    """The access group of a name or an ID; Failed where there is none."""
    return named(groups(run), ref, "access group")


def is_second(run: Run) -> bool:
    """Whether policies are wanted in their second shape."""
    return bool(run.given.get("api-version") == "v2")


def roles(run: Run, service_name: str | None = None, **more: str) -> list[dict[str, Any]]:
    """Every role that is known for a service."""
    asked = {"account_id": run.session.account, "service_name": service_name, **more}
    v2_roles = run.api.get(ROLES, asked)
    groups = ("system_roles", "service_roles", "custom_roles")
    return [role for group in groups for role in v2_roles.get(group) or ()]


def role_ids(run: Run, names: Sequence[str], service: str | None) -> list[dict[str, str]]:
    """Roles by their names; Failed for one that is not known, with those that are."""
    known = {str(role["display_name"]): str(role["crn"]) for role in roles(run, service)}
    lower = {name.lower(): crn for name, crn in known.items()}
    target = []
    for name in names:
        crn = name if name.startswith("crn:") else lower.get(name.lower())
        if crn is None:
            raise Failed(f"Role '{name}' was not found. There is: {', '.join(sorted(known))}.")
        target.append({"role_id": crn})
    return target


def attributes(pairs: dict[str, str | None]) -> list[dict[str, str]]:
    """Attributes of a policy; `*` and `?` in a value stand for any letters and for one."""
    return [{"name": name, "value": value, **_matched(value)} for name, value in pairs.items() if value]


def _matched(value: str) -> dict[str, str]:
    return {"operator": "stringMatch"} if {"*", "?"} & set(value) else {}


def attribute(parts: Any, name: str) -> str | None:
    """What a policy says of its subject or its resource."""
    for part in parts or ():
        for entry in part.get("attributes") or ():
            if entry.get("name") == name:
                return str(entry.get("value"))
    return None


def role_names(policy: Any) -> str:
    return ", ".join(str(role.get("display_name") or role.get("role_id")) for role in policy.get("roles") or ())


def from_json_file(path: str) -> dict[str, Any]:
    """A policy in a file, with or without `@` before its name."""
    import json

    try:
        document = json.loads(from_file(f"@{path.removeprefix('@')}"))
    except (ValueError, RecursionError) as error:
        raise WrongUsage(f"the file '{path}' is not valid JSON: {reason(error)}") from error
    if not isinstance(document, dict):
        raise WrongUsage(f"the file '{path}' is not a JSON object")
    return document


def one_policy(run: Run, id_: str) -> Any:
    return run.api.get(path_of(f"{POLICIES}/{{}}", id_))


def listed(run: Run, **query: str) -> list[Any]:
    """Policies of the account: in the first shape, and as JSON in the one that is asked for."""
    path = POLICIES_V2 if run.json and is_second(run) else POLICIES
    return list(run.api.listed(path, "policies", narrowed(path, account_id=run.session.account, **query)))


def as_wanted(run: Run, policy: Any) -> Any:
    """A policy of the first shape, as it is shown in JSON: in the shape that is asked for."""
    return run.api.get(path_of(f"{POLICIES_V2}/{{}}", policy["id"])) if is_second(run) else policy
