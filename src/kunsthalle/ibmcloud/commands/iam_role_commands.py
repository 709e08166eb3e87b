"""`iam roles` and `iam role-create` (reference of `ibmcloud iam`)."""

from __future__ import annotations

from kunsthalle.ibmcloud.command_errors import Failed
from kunsthalle.ibmcloud.commands.iam_lookups import ROLES, roles
from kunsthalle.ibmcloud.grammar import Command, WrongUsage, flag
from kunsthalle.ibmcloud.invocation import Run
from kunsthalle.ibmcloud.printed_tables import Field
from kunsthalle.ibmcloud.resource_commands import Filter, asked_of, filled, filter_flags

_COLUMNS: tuple[Field, ...] = (("Name", "display_name"), ("CRN", "crn"), ("Description", "description"))
_DETAILS: tuple[Field, ...] = (*_COLUMNS, ("Actions", "actions"))
_ROLE: tuple[Field, ...] = (
    ("ID", "id"),
    ("Name", "name"),
    ("Display Name", "display_name"),
    ("Service Name", "service_name"),
    ("Description", "description"),
    ("CRN", "crn"),
    ("Actions", "actions"),
)
_ACCOUNT_MANAGEMENT = "allacctmgmtroles"
"""The word of `--service` for all account management services, which have the roles of the platform."""
_FILTERS = (
    Filter("service", "service_name", "NAME", "Name of the service.", words={_ACCOUNT_MANAGEMENT: ""}),
    Filter("source-service", "source_service_name", "NAME", "Name of the source service, for authorizations."),
)


def _roles(run: Run) -> None:
    """With `--roles` the details of those that are named."""
    options = run.given
    if options.has("resource-type") and not options.has("service"):
        raise WrongUsage("--service is required with --resource-type")
    run.core_progress("Retrieving roles", by_id=True)
    resource = roles(run, **asked_of(run, _FILTERS))
    target = {name.lower() for name in options.get("roles") or ()}
    known = {str(role["display_name"]).lower() for role in resource}
    if target - known:
        raise Failed(f"Role '{min(target - known)}' was not found. There is: {', '.join(sorted(known))}.")
    run.terminal.ok()
    if target:
        resource = [role for role in resource if str(role["display_name"]).lower() in target]
    run.table(resource, _DETAILS if target else _COLUMNS, "No roles were found.")


def _create(run: Run) -> None:
    options, name = run.given, run.given["ROLE_NAME"]
    run.core_progress(f"Creating role {name}", by_id=True)
    body = filled(
        name=name,
        display_name=options.get("display-name"),
        service_name=options.get("service-name"),
        actions=options.get("a"),
        description=options.get("d"),
        account_id=run.session.account,
    )
    made = run.api.post(ROLES, body)
    run.terminal.ok()
    run.detail(made, _ROLE)


COMMANDS = (
    Command(
        "iam roles",
        "List the roles.",
        _roles,
        flags=(
            *filter_flags(ROLES, _FILTERS),
            flag("resource-type", "TYPE", "Ignored: a service has the same roles for all of its resources."),
            flag("roles", "LIST", "Comma separated names of roles, whose actions are shown.", kind="list"),
        ),
    ),
    Command(
        "iam role-create",
        "Create a role.",
        _create,
        "ROLE_NAME",
        (
            flag("display-name", "NAME", "Name that is shown.", required=True),
            flag("service-name", "NAME", "Name of the service.", required=True),
            flag("a", "LIST", "Comma separated actions.", also=("actions",), kind="list", required=True),
            flag("d", "TEXT", "Description.", also=("description",)),
        ),
    ),
)
