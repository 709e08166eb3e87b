"""`iam user-policies` and its twins for access groups and service IDs, and `iam roles` (cli.md 5)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from kunsthalle.ibmcloud.commands.access_groups import group
from kunsthalle.ibmcloud.commands.iam_lookups import (
    POLICIES,
    attribute,
    attributes,
    from_json_file,
    listed,
    one_policy,
    role_ids,
    role_names,
    roles,
)
from kunsthalle.ibmcloud.commands.service_ids import service_ids
from kunsthalle.ibmcloud.errors import Failed
from kunsthalle.ibmcloud.grammar import FORCE, Command, WrongUsage, flag
from kunsthalle.ibmcloud.http import path_of
from kunsthalle.ibmcloud.invocation import Run, named
from kunsthalle.ibmcloud.resource_commands import group_id
from kunsthalle.ibmcloud.tables import Field, grid, nested, value


def user_id(run: Run, ref: str) -> str:
    """The IAM ID of a user, by what they sign in as or by itself; the e-mail address is theirs to change."""
    if "@" not in ref:
        return ref
    users = run.api.listed(path_of("/v2/accounts/{}/users", run.session.account), "resources")
    return str(named(users, ref.lower(), "user", "user_id")["iam_id"])


class Subject(NamedTuple):
    """Whom a policy is for: its name in commands, its attribute, and the id of one that is named."""

    words: str
    takes: str
    attribute: str
    id_of: Callable[[Run, str], str]


USER = Subject("user", "USER", "iam_id", user_id)
GROUP = Subject("access-group", "GROUP", "access_group_id", lambda run, ref: str(group(run, ref)["id"]))
SERVICE = Subject(
    "service",
    "SERVICE_ID",
    "iam_id",
    lambda run, ref: str(named(service_ids(run), ref, "service ID")["iam_id"]),
)

_BLOCK: tuple[Field, ...] = (
    ("Policy ID:", "id"),
    ("Roles:", role_names),
    (
        "Resources:",
        nested(
            lambda policy: policy["resources"][0]["attributes"] if policy.get("resources") else [],
            ("Attribute", "name"),
            ("Value", "value"),
        ),
    ),
)


def _block(policy: Any) -> list[str]:
    return grid([(label, value(policy, what)) for label, what in _BLOCK], header=False)


def _show(run: Run, policies: list[Any], found: Any) -> None:
    if run.json:
        run.print_json(found)
        return
    run.terminal.ok()
    run.terminal.say()
    run.terminal.lines([line for policy in policies for line in _block(policy)] or ["No policies were found."])


def _of(run: Run, subject: Subject) -> str:
    return subject.id_of(run, run.given[subject.takes])


def _list(run: Run, subject: Subject) -> None:
    ref = run.given[subject.takes]
    run.core_progress(f"Getting policies of {ref}", by_id=True)
    found = listed(run, type="access", **{subject.attribute: _of(run, subject)})
    _show(run, found, found)


def _mine(run: Run, subject: Subject) -> Any:
    """The policy, which must be the subject's."""
    found = one_policy(run, run.given["POLICY_ID"])
    if attribute(found.get("subjects"), subject.attribute) != _of(run, subject):
        raise Failed(f"Policy '{run.given['POLICY_ID']}' was not found.")
    return found


def _get(run: Run, subject: Subject) -> None:
    run.core_progress(f"Getting policy {run.given['POLICY_ID']}", by_id=True)
    found = _mine(run, subject)
    _show(run, [found], found)


def _more(text: str | None) -> dict[str, str]:
    """`name=value,name=value`."""
    pairs = [pair.partition("=") for pair in (text or "").split(",") if pair]
    if any(not equals for _, equals, _ in pairs):
        raise WrongUsage("--attributes is a list of name=value")
    return {name.strip(): found.strip() for name, _, found in pairs}


def _resource(run: Run) -> list[dict[str, str]]:
    """On what: everything of the account's services unless something is named."""
    given = run.given
    named_group = given.get("resource-group-id") or given.get("resource-group-name")
    found: dict[str, str | None] = {
        "serviceName": given.get("service-name"),
        "serviceInstance": given.get("service-instance"),
        "region": given.get("region"),
        "resourceType": given.get("resource-type"),
        "resource": given.get("resource"),
        "resourceGroupId": group_id(run, named_group) if named_group else None,
        **_more(given.get("attributes")),
    }
    if given.get("account-management"):
        found["serviceType"] = "platform_service"
    elif not any(found.values()):
        found["serviceType"] = "service"
    return attributes({"accountId": run.session.account, **found})


def _body(run: Run, subject: Subject) -> dict[str, Any]:
    given = run.given
    subjects = [{"attributes": attributes({subject.attribute: _of(run, subject)})}]
    if given.has("file"):
        return {**from_json_file(given.get("file")), "type": "access", "subjects": subjects}
    return {
        "type": "access",
        "subjects": subjects,
        "resources": [{"attributes": _resource(run)}],
        "roles": role_ids(run, given.get("roles"), given.get("service-name")),
    }


def _create(run: Run, subject: Subject) -> None:
    run.core_progress(f"Creating policy for {run.given[subject.takes]}", by_id=True)
    made = run.api.post(POLICIES, _body(run, subject))
    _show(run, [made], made)


def _update(run: Run, subject: Subject) -> None:
    _mine(run, subject)
    path = path_of(f"{POLICIES}/{{}}", run.given["POLICY_ID"])
    run.core_progress(f"Updating policy {run.given['POLICY_ID']}", by_id=True)
    headers = {"If-Match": run.api.call("GET", path).etag}
    made = run.api.call("PUT", path, _body(run, subject), headers=headers).body
    _show(run, [made], made)


def _delete(run: Run, subject: Subject) -> None:
    id_ = run.given["POLICY_ID"]
    _mine(run, subject)
    if not run.confirmed(f"Really delete policy {id_} of {run.given[subject.takes]}?"):
        return
    run.core_progress(f"Deleting policy {id_}", by_id=True)
    run.api.call("DELETE", path_of(f"{POLICIES}/{{}}", id_))
    run.done(f"Policy {id_} is deleted.")


_ROLES: tuple[Field, ...] = (("Name", "display_name"), ("CRN", "crn"), ("Description", "description"))


def _roles(run: Run) -> None:
    given = run.given
    more = {"source_service_name": given.get("source-service")} if given.has("source-service") else {}
    run.core_progress("Retrieving roles", by_id=True)
    found = roles(run, given.get("service"), **more)
    run.terminal.ok()
    run.table(found, _ROLES, "No roles were found.")


_WHAT = (
    flag("file", "FILE", "File of the policy as JSON."),
    flag("roles", "LIST", "Comma separated names of roles.", also=("r",), kind="list"),
    flag("service-name", "NAME", "Name of the service."),
    flag("service-instance", "ID", "ID of the service instance."),
    flag("region", "REGION", "Region."),
    flag("resource-type", "TYPE", "Type of the resource."),
    flag("resource", "RESOURCE", "The resource."),
    flag("resource-group-name", "NAME", "Name of the resource group."),
    flag("resource-group-id", "ID", "ID of the resource group."),
    flag("account-management", text="All account management services."),
    flag("attributes", "LIST", "Further attributes: name=value,name=value."),
)
_VERSION = flag("api-version", "v1|v2", "Ignored: policies are shown as version 1 has them.")
_FORCE = flag("force", text="Ignored: nothing is asked.", also=("f",))
_MORE = (_FORCE, _VERSION)
_FILE_OR_ROLES = (("file", "roles"),)


def _commands(subject: Subject, label: str) -> tuple[Command, ...]:
    one, words = f"{subject.takes} POLICY_ID", f"iam {subject.words}-polic"

    def run(function: Callable[[Run, Subject], None]) -> Callable[[Run], None]:
        return lambda work: function(work, subject)

    change = partial(Command, flags=(*_WHAT, *_MORE), alone=_FILE_OR_ROLES, any_of=_FILE_OR_ROLES)
    return (
        Command(f"{words}ies", f"List the policies of {label}.", run(_list), subject.takes, _MORE),
        Command(f"{words}y", f"View a policy of {label}.", run(_get), one, _MORE),
        change(f"{words}y-create", f"Create a policy for {label}.", run(_create), subject.takes),
        change(f"{words}y-update", f"Replace a policy of {label}.", run(_update), one),
        Command(f"{words}y-delete", f"Delete a policy of {label}.", run(_delete), one, (FORCE, _VERSION)),
    )


COMMANDS = (
    *_commands(USER, "a user"),
    *_commands(GROUP, "an access group"),
    *_commands(SERVICE, "a service ID"),
    Command(
        "iam roles",
        "List the roles.",
        _roles,
        flags=(
            flag("service", "NAME", "Name of the service."),
            flag("resource-type", "TYPE", "Ignored: a policy names a service."),
            flag("source-service", "NAME", "Name of the source service, for authorizations."),
        ),
    ),
)
