"""`iam user-policies` and its twins for access groups, service IDs and trusted profiles (cli.md 5)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from kunsthalle.ibmcloud.command_errors import Failed
from kunsthalle.ibmcloud.commands.iam_lookups import (
    POLICIES,
    POLICIES_V2,
    VERSION,
    as_wanted,
    attribute,
    attributes,
    from_json_file,
    group,
    is_second,
    listed,
    one_policy,
    role_ids,
    role_names,
    user_id,
)
from kunsthalle.ibmcloud.commands.service_id_commands import service_ids
from kunsthalle.ibmcloud.commands.trusted_profile_commands import ONE_ONLY, profile
from kunsthalle.ibmcloud.grammar import FORCE, Command, Flag, WrongUsage, flag
from kunsthalle.ibmcloud.http_client import path_of
from kunsthalle.ibmcloud.invocation import Run, named
from kunsthalle.ibmcloud.printed_tables import MISSING, Field, grid, nested, value
from kunsthalle.ibmcloud.resource_commands import group_id


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

TRUSTED = Subject(
    "trusted-profile",
    "PROFILE",
    "iam_id",
    lambda run, ref: str(profile(run, ref)["iam_id"]),
)


def _tag_names(policy: Any) -> str:
    tags = [tag for resource in policy.get("resources") or () for tag in resource.get("tags") or ()]
    return ",".join(f"{tag['name']}:{tag['value']}" for tag in tags)


BLOCK: tuple[Field, ...] = (
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
    ("Tags:", _tag_names),
)


def _lines(policy: Any, fields: tuple[Field, ...]) -> list[str]:
    """A label block; what a policy says nothing of is left away."""
    rows = [(label, value(policy, noun)) for label, noun in fields]
    return grid([row for row in rows if row[1] != MISSING], header=False)


def show_all(
    run: Run, entries: list[Any], fields_of: Callable[[Any], tuple[Field, ...]] = lambda _policy: BLOCK
) -> None:
    """A list of policies: its JSON, or a block for each."""
    if run.json:
        run.print_json(entries)
        return
    run.terminal.ok()
    run.terminal.say()
    lines = [line for policy in entries for line in _lines(policy, fields_of(policy))]
    run.terminal.lines(lines or ["No policies were found."])


def _show(run: Run, policy: Any) -> None:
    """A policy that is given in the first shape."""
    if run.json:
        run.print_json(as_wanted(run, policy))
    else:
        show_all(run, [policy])


def _of(run: Run, subject: Subject) -> str:
    return subject.id_of(run, run.given[subject.takes])


def _list(run: Run, subject: Subject) -> None:
    ref = run.given[subject.takes]
    run.core_progress(f"Getting policies of {ref}", by_id=True)
    show_all(run, listed(run, type="access", **{subject.attribute: _of(run, subject)}))


def _mine(run: Run, subject: Subject) -> Any:
    """The policy, which must be the subject's."""
    resource = one_policy(run, run.given["POLICY_ID"])
    if attribute(resource.get("subjects"), subject.attribute) != _of(run, subject):
        raise Failed(f"Policy '{run.given['POLICY_ID']}' was not found.")
    return resource


def _get(run: Run, subject: Subject) -> None:
    run.core_progress(f"Getting policy {run.given['POLICY_ID']}", by_id=True)
    _show(run, _mine(run, subject))


def _more(text: str | None) -> dict[str, str]:
    """`name=value,name=value`."""
    pairs = [pair.partition("=") for pair in (text or "").split(",") if pair]
    if any(not equals for _, equals, _ in pairs):
        raise WrongUsage("--attributes is a list of name=value")
    return {name.strip(): resource.strip() for name, _, resource in pairs}


def _group(run: Run, ref: str) -> str:
    """The ID of a resource group; `*` is every one."""
    return ref if ref == "*" else group_id(run, ref)


def _tags(run: Run) -> dict[str, Any]:
    """`name:value,name:value`: access tags of the resource."""
    pairs = [tag.partition(":") for tag in run.given.get("tags") or ()]
    if any(not (name and colon and text) for name, colon, text in pairs):
        raise WrongUsage("--tags is a list of name:value")
    return {"tags": attributes({name.strip(): text.strip() for name, _, text in pairs})} if pairs else {}


def _resource(run: Run) -> list[dict[str, str]]:
    """On what: everything of the account's services unless something is named."""
    options = run.given
    named_group = options.get("resource-group-id") or options.get("resource-group-name")
    document: dict[str, str | None] = {
        "serviceName": options.get("service-name"),
        "serviceInstance": options.get("service-instance"),
        "region": options.get("region"),
        "resourceType": options.get("resource-type"),
        "resource": options.get("resource"),
        "resourceGroupId": _group(run, named_group) if named_group else None,
        **_more(options.get("attributes")),
    }
    if options.get("account-management"):
        document["serviceType"] = "platform_service"
    elif not any(document.values()):
        document["serviceType"] = "service"
    return attributes({"accountId": run.session.account, **document})


def _from_file(run: Run, subject: Subject) -> tuple[str, dict[str, Any]]:
    """The path that takes the policy of a file, and its body: the subject is the one that is named."""
    stored = from_json_file(run.given.get("file"))
    (whom,) = attributes({subject.attribute: _of(run, subject)})
    if is_second(run):
        keyed = {"key": whom["name"], "operator": "stringEquals", "value": whom["value"]}
        return POLICIES_V2, {**stored, "type": "access", "subject": {"attributes": [keyed]}}
    return POLICIES, {**stored, "type": "access", "subjects": [{"attributes": [whom]}]}


def _wanted(run: Run, subject: Subject) -> tuple[str, dict[str, Any]]:
    """The path that takes the policy of the command line, and its body."""
    options = run.given
    if options.has("file"):
        return _from_file(run, subject)
    return POLICIES, {
        "type": "access",
        "subjects": [{"attributes": attributes({subject.attribute: _of(run, subject)})}],
        "resources": [{"attributes": _resource(run), **_tags(run)}],
        "roles": role_ids(run, options.get("roles"), options.get("service-name")),
    }


def _shown(run: Run, path: str, made: Any) -> None:
    _show(run, made if path == POLICIES else one_policy(run, made["id"]))


def _create(run: Run, subject: Subject) -> None:
    run.core_progress(f"Creating policy for {run.given[subject.takes]}", by_id=True)
    path, body = _wanted(run, subject)
    _shown(run, path, run.api.post(path, body))


def _update(run: Run, subject: Subject) -> None:
    _mine(run, subject)
    id_ = run.given["POLICY_ID"]
    run.core_progress(f"Updating policy {id_}", by_id=True)
    path, body = _wanted(run, subject)
    entry = path_of(f"{path}/{{}}", id_)
    headers = {"If-Match": run.api.call("GET", entry).etag}
    _shown(run, path, run.api.call("PUT", entry, body, headers=headers).body)


def _delete(run: Run, subject: Subject) -> None:
    id_ = run.given["POLICY_ID"]
    _mine(run, subject)
    if not run.confirmed(f"Really delete policy {id_} of {run.given[subject.takes]}?"):
        return
    run.core_progress(f"Deleting policy {id_}", by_id=True)
    run.api.call("DELETE", path_of(f"{POLICIES}/{{}}", id_))
    run.done(f"Policy {id_} is deleted.")


_FILE = flag("file", "FILE", "File of the policy as JSON.")
_WHAT = (
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
    flag("tags", "LIST", "Access tags of the resource: name:value,name:value.", kind="list"),
)
_MORE = (ONE_ONLY, VERSION)
_FILE_OR_ROLES = (("file", "roles"),)


def _changes(subject: Subject) -> tuple[Flag, ...]:
    """The flags of a new or changed policy. Of access groups `-f` is the file, as the examples have it."""
    if subject is GROUP:
        return (_FILE._replace(also=("f",)), *_WHAT, VERSION)
    return (_FILE, *_WHAT, *_MORE)


def _commands(subject: Subject, label: str) -> tuple[Command, ...]:
    entry, words = f"{subject.takes} POLICY_ID", f"iam {subject.words}-polic"

    def run(function: Callable[[Run, Subject], None]) -> Callable[[Run], None]:
        return lambda work: function(work, subject)

    change = partial(Command, flags=_changes(subject), alone=_FILE_OR_ROLES, any_of=_FILE_OR_ROLES)
    return (
        Command(f"{words}ies", f"List the policies of {label}.", run(_list), subject.takes, _MORE),
        Command(f"{words}y", f"View a policy of {label}.", run(_get), entry, _MORE),
        change(f"{words}y-create", f"Create a policy for {label}.", run(_create), subject.takes),
        change(f"{words}y-update", f"Replace a policy of {label}.", run(_update), entry),
        Command(f"{words}y-delete", f"Delete a policy of {label}.", run(_delete), entry, (FORCE, VERSION)),
    )


COMMANDS = (
    *_commands(USER, "a user"),
    *_commands(GROUP, "an access group"),
    *_commands(SERVICE, "a service ID"),
    *_commands(TRUSTED, "a trusted profile"),
)
