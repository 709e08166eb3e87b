"""`iam authorization-policies`: what one service may do with another (cli.md 5)."""

from __future__ import annotations

from typing import Any

from kunsthalle.ibmcloud.commands.iam_lookups import (
    POLICIES,
    VERSION,
    as_wanted,
    attribute,
    attributes,
    from_json_file,
    listed,
    one_policy,
    role_ids,
    role_names,
)
from kunsthalle.ibmcloud.commands.resource_group_commands import instances
from kunsthalle.ibmcloud.grammar import FORCE, Command, Flag, WrongUsage, flag
from kunsthalle.ibmcloud.http_client import path_of
from kunsthalle.ibmcloud.invocation import Run, named
from kunsthalle.ibmcloud.printed_tables import Field, IfAny, grid, value
from kunsthalle.ibmcloud.resource_commands import crn_of, group_id

_ALL = "All instances"


def _of(side: str, name: str, default: str | None = None) -> Any:
    return lambda policy: attribute(policy.get(side), name) or default


BLOCK: tuple[Field, ...] = (
    ("ID:", "id"),
    ("Source service name:", _of("subjects", "serviceName")),
    ("Source service instance:", _of("subjects", "serviceInstance", _ALL)),
    ("Source resource type:", IfAny(_of("subjects", "resourceType"))),
    ("Target service name:", _of("resources", "serviceName")),
    ("Target service instance:", _of("resources", "serviceInstance", _ALL)),
    ("Target resource:", IfAny(_of("resources", "resource"))),
    ("Roles:", role_names),
)


def block(policy: Any) -> list[str]:
    """A label block: what is not said is left away."""
    rows = [(label, value(policy, noun)) for label, noun in BLOCK]
    return [*grid([row for row in rows if row[1] != "-"], header=False), ""]


def _instance(run: Run, side: str) -> str | None:
    """The instance of a service: by its id, by its CRN, or by its name."""
    options = run.given
    ref = options.get(f"{side}-service-instance-id")
    if ref:
        return ref.split(":")[7] if crn_of(ref) is not None and ref.count(":") > 7 else str(ref)
    name = options.get(f"{side}-service-instance-name")
    return str(named(instances(run, name=name), name, "service instance")["guid"]) if name else None


def _side(run: Run, side: str, service: str, account: str) -> list[dict[str, str]]:
    options = run.given
    group = options.get(f"{side}-resource-group-id")
    return attributes(
        {
            "serviceName": service,
            "accountId": account,
            "serviceInstance": _instance(run, side),
            "resourceGroupId": group_id(run, group) if group else None,
            "resourceType": options.get(f"{side}-resource-type"),
            "resource": options.get(f"{side}-resource"),
        }
    )


def _body(run: Run) -> dict[str, Any]:
    options, account = run.given, run.session.account
    if options.has("file"):
        return {"type": "authorization", **from_json_file(options.get("file"))}
    source, target, roles = (options[name] for name in ("SOURCE_SERVICE_NAME", "TARGET_SERVICE_NAME", "ROLES"))
    if not (source and target and roles):
        raise WrongUsage("SOURCE_SERVICE_NAME TARGET_SERVICE_NAME ROLES or --file is required")
    aim = [role.strip() for role in roles.split(",") if role.strip()]
    return {
        "type": "authorization",
        "subjects": [{"attributes": _side(run, "source", source, options.get("source-service-account") or account)}],
        "resources": [{"attributes": _side(run, "target", target, account)}],
        "roles": role_ids(run, aim, target),
    }


def _create(run: Run) -> None:
    run.core_progress("Creating authorization policy", by_id=True)
    made = run.api.post(POLICIES, _body(run))
    if run.json:
        run.print_json(made)
        return
    run.done("Service policy is successfully created\n")
    run.terminal.lines(block(made))


def _list(run: Run) -> None:
    run.core_progress("Getting authorization policies", by_id=True)
    entries = listed(run, type="authorization")
    if run.json:
        run.print_json(entries)
        return
    run.terminal.ok()
    run.terminal.say()
    run.terminal.lines(
        [line for policy in entries for line in block(policy)] or ["No authorization policies were found."]
    )


def _get(run: Run) -> None:
    id_ = run.given["ID"]
    run.core_progress(f"Getting authorization policy {id_}", by_id=True)
    resource = one_policy(run, id_)
    if run.json:
        run.print_json(as_wanted(run, resource))
        return
    run.terminal.ok()
    run.terminal.say()
    run.terminal.lines(block(resource))


def _delete(run: Run) -> None:
    id_ = run.given["ID"]
    if not run.confirmed(f"Really delete authorization policy {id_}?"):
        return
    run.core_progress(f"Deleting authorization policy {id_}", by_id=True)
    run.api.call("DELETE", path_of(f"{POLICIES}/{{}}", id_))
    run.done(f"Authorization policy {id_} is deleted.")


def _flags(side: str) -> tuple[Flag, ...]:
    return (
        flag(f"{side}-service-instance-name", "NAME", f"Name of the {side} instance."),
        flag(f"{side}-service-instance-id", "ID", f"ID of the {side} instance."),
        flag(f"{side}-resource-group-id", "ID", f"ID of the {side} resource group."),
        flag(f"{side}-resource-type", "TYPE", f"Type of the {side} resource."),
        flag(f"{side}-resource", "RESOURCE", f"The {side} resource."),
    )


COMMANDS = (
    Command(
        "iam authorization-policy-create",
        "Let one service use another.",
        _create,
        "[SOURCE_SERVICE_NAME] [TARGET_SERVICE_NAME] [ROLES]",
        (
            *_flags("source"),
            flag("source-service-account", "ID", "Account of the source."),
            *_flags("target"),
            flag("file", "FILE", "File of the policy as JSON."),
        ),
        alone=(
            ("source-service-instance-name", "source-service-instance-id"),
            ("source-service-instance-name", "source-service-account"),
            ("source-service-instance-id", "source-resource-group-id"),
            ("target-service-instance-name", "target-service-instance-id"),
            ("target-service-instance-id", "target-resource-group-id"),
        ),
    ),
    Command("iam authorization-policies", "List the authorization policies.", _list),
    Command("iam authorization-policy", "View an authorization policy.", _get, "ID", (VERSION,)),
    Command("iam authorization-policy-delete", "Delete an authorization policy.", _delete, "ID", (FORCE,)),
)
