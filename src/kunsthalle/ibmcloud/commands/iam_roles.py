"""`iam roles` and `iam role-create` (reference of `ibmcloud iam`)."""

from __future__ import annotations

from kunsthalle.ibmcloud.commands.iam_lookups import roles
from kunsthalle.ibmcloud.errors import Failed
from kunsthalle.ibmcloud.grammar import Command, WrongUsage, flag
from kunsthalle.ibmcloud.invocation import Run
from kunsthalle.ibmcloud.resource_commands import filled
from kunsthalle.ibmcloud.tables import Field

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


def _roles(run: Run) -> None:
    """With `--roles` the details of those that are named."""
    given = run.given
    if given.has("resource-type") and not given.has("service"):
        raise WrongUsage("--service is required with --resource-type")
    service = given.get("service")
    run.core_progress("Retrieving roles", by_id=True)
    more = filled(source_service_name=given.get("source-service"))
    found = roles(run, None if service == _ACCOUNT_MANAGEMENT else service, **more)
    wanted = {name.lower() for name in given.get("roles") or ()}
    known = {str(one["display_name"]).lower() for one in found}
    if wanted - known:
        raise Failed(f"Role '{min(wanted - known)}' was not found. There is: {', '.join(sorted(known))}.")
    run.terminal.ok()
    if wanted:
        found = [one for one in found if str(one["display_name"]).lower() in wanted]
    run.table(found, _DETAILS if wanted else _COLUMNS, "No roles were found.")


def _create(run: Run) -> None:
    given, name = run.given, run.given["ROLE_NAME"]
    run.core_progress(f"Creating role {name}", by_id=True)
    body = filled(
        name=name,
        display_name=given.get("display-name"),
        service_name=given.get("service-name"),
        actions=given.get("a"),
        description=given.get("d"),
        account_id=run.session.account,
    )
    made = run.api.post("/v2/roles", body)
    run.terminal.ok()
    run.detail(made, _ROLE)


COMMANDS = (
    Command(
        "iam roles",
        "List the roles.",
        _roles,
        flags=(
            flag("service", "NAME", "Name of the service."),
            flag("resource-type", "TYPE", "Ignored: a service has the same roles for all of its resources."),
            flag("source-service", "NAME", "Name of the source service, for authorizations."),
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
