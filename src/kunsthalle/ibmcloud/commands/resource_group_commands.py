"""`resource`: groups, service instances, reclamations (cli.md 5)."""

from __future__ import annotations

from functools import partial
from typing import Any

from kunsthalle.ibmcloud.grammar import FORCE, Command, Flag, flag
from kunsthalle.ibmcloud.http_client import path_of
from kunsthalle.ibmcloud.invocation import Run, named
from kunsthalle.ibmcloud.printed_tables import Field
from kunsthalle.ibmcloud.resource_commands import Filter, asked_of, filled, filter_flags, group_id
from kunsthalle.local.list_parameters import narrowed

GROUPS = "/v2/resource_groups"
_COLUMNS: tuple[Field, ...] = (
    ("Name", "name"),
    ("ID", "id"),
    ("Default Group", "default"),
    ("State", "state"),
)
_FIELDS: tuple[Field, ...] = (("Name", "name"), ("ID", "id"), ("Default", "default"), ("State", "state"))
_INSTANCES: tuple[Field, ...] = (
    ("Name", "name"),
    ("Location", "region_id"),
    ("State", "state"),
    ("Type", "type"),
    ("Resource Group ID", "resource_group_id"),
)
INSTANCE_FIELDS: tuple[Field, ...] = (
    ("Name", "name"),
    ("ID", "crn"),
    ("GUID", "guid"),
    ("Location", "region_id"),
    ("Service Name", "resource_id"),
    ("State", "state"),
    ("Type", "type"),
    ("Sub Type", "sub_type"),
    ("Last Operation", "last_operation.description"),
    ("Resource Group ID", "resource_group_id"),
    ("Created at", "created_at"),
    ("Updated at", "updated_at"),
)
_QUOTAS: tuple[Field, ...] = (("Name", "name"), ("ID", "id"), ("Type", "type"))
_QUOTA: tuple[Field, ...] = (
    *_QUOTAS,
    ("Service instances", "number_of_service_instances"),
    ("Virtual servers", "vsi_limit"),
    ("Created at", "created_at"),
)
_RECLAMATIONS: tuple[Field, ...] = (
    ("ID", "id"),
    ("Entity CRN", "entity_crn"),
    ("State", "state"),
    ("Target time", "target_time"),
)
_RECLAMATION: tuple[Field, ...] = (
    ("ID", "id"),
    ("Entity CRN", "entity_crn"),
    ("Resource instance ID", "resource_instance_id"),
    ("Resource Group ID", "resource_group_id"),
    ("State", "state"),
    ("Target time", "target_time"),
    ("Created at", "created_at"),
    ("Updated at", "updated_at"),
)


def _ours(run: Run, **more: Any) -> dict[str, Any]:
    return {"account_id": run.session.account, **more}


def window(nouns: str) -> tuple[Flag, ...]:
    """The flags for a part of a list."""
    return (
        flag("o", "NUMBER", f"How many {nouns} to leave out at the beginning.", also=("offset",), kind="int"),
        flag("l", "NUMBER", f"How many {nouns} to show at most.", also=("limit",), kind="int"),
    )


def part(run: Run, entries: list[Any]) -> list[Any]:
    """The part of a list that `window` asks for."""
    begin, most = max(run.given.get("o", 0), 0), run.given.get("l")
    return entries[begin:] if most is None else entries[begin : begin + max(most, 0)]


def _groups(run: Run) -> None:
    run.core_progress("Retrieving all resource groups")
    entries = list(run.api.listed(GROUPS, "resources", _ours(run, **asked_of(run, _OF_GROUPS))))
    run.terminal.ok()
    run.table(entries, _COLUMNS, "No resource groups were found.")


def _group(run: Run) -> None:
    """`--id` prints the bare id and nothing else."""
    name, bare = run.given["NAME"], run.given.get("id")
    if not bare:
        run.core_progress(f"Retrieving resource group {name}")
    answer = run.api.get(path_of(f"{GROUPS}/{{}}", group_id(run, name)))
    if bare and not run.json:
        run.terminal.lines([answer["id"]])
        return
    run.terminal.ok()
    run.detail(answer, _FIELDS)


def _create(run: Run) -> None:
    name = run.given["NAME"]
    run.core_progress(f"Creating resource group {name}")
    made = run.api.post(GROUPS, _ours(run, name=name))
    if run.json:
        run.print_json(made)
        return
    run.done(f"Resource group {name} was created.")
    run.terminal.say(f"Resource Group ID: {made['id']}")


def _update(run: Run) -> None:
    name, new_name = run.given["NAME"], run.given.get("n")
    path = path_of(f"{GROUPS}/{{}}", group_id(run, name))
    if not run.confirmed(f"Really update resource group {name}?"):
        return
    run.core_progress(f"Updating resource group {name}")
    run.done(f"Resource group {name} was updated.", run.api.call("PATCH", path, {"name": new_name}).body)


def _delete(run: Run) -> None:
    name = run.given["NAME"]
    path = path_of(f"{GROUPS}/{{}}", group_id(run, name))
    if not run.confirmed(f"Really delete resource group {name}?"):
        return
    run.core_progress(f"Deleting resource group {name}")
    run.api.call("DELETE", path)
    run.done(f"Resource group {name} was deleted.")


def instances(run: Run, **query: str) -> list[Any]:
    return list(run.api.listed(_INSTANCES_PATH, "resources", narrowed(_INSTANCES_PATH, **query)))


def _instances(run: Run) -> None:
    """Those of the group that is named, else of the one that is targeted."""
    run.core_progress("Retrieving service instances")
    asked = {"resource_group_id": run.session.group, **asked_of(run, _OF_INSTANCES)}
    if run.given.get("all-resource-groups"):
        asked.pop("resource_group_id", None)
    resource = part(run, instances(run, **asked))
    run.terminal.ok()
    run.table(resource, _INSTANCES, "No service instance found.")


def _instance(run: Run) -> None:
    ref = run.given["INSTANCE"]
    run.core_progress(f"Retrieving service instance {ref}")
    resource = named(instances(run), ref, "service instance", "name", "guid", "crn")
    if run.given.get("id") and not run.json:
        run.terminal.lines([f"{resource['crn']} {resource['guid']}"])
        return
    run.terminal.ok()
    run.detail(resource, INSTANCE_FIELDS)


def _listed(run: Run, **more: str) -> list[Any]:
    return list(run.api.listed(_RECLAIMED, "resources", _ours(run, **more)))


def _reclamations(run: Run) -> None:
    run.core_progress("Listing reclamations")
    entries = _listed(run, **asked_of(run, _OF_RECLAMATIONS))
    run.terminal.ok()
    run.table(entries, _RECLAMATIONS, "No reclamation found.")


def _reclamation(run: Run) -> None:
    ref = run.given["ID"]
    run.core_progress(f"Getting reclamation {ref}")
    entries = named(_listed(run), ref, "reclamation", "resource_instance_id")
    run.terminal.ok()
    run.detail(entries, _RECLAMATION)


def _act(run: Run, action: str, done: str, question: str) -> None:
    ref = run.given["ID"]
    entries = named(_listed(run), ref, "reclamation", "resource_instance_id")
    if question and not run.confirmed(question.format(ref)):
        return
    run.core_progress(f"{'Restoring' if action == 'restore' else 'Reclaiming'} {ref}")
    body = filled(comment=run.given.get("comment"), request_by=run.session.iam_id)
    path = path_of("/v1/reclamations/{}/actions/{}", entries["id"], action)
    run.done(f"Reclamation {ref} is {done}.", run.api.post(path, body))


def _quotas(run: Run) -> None:
    run.core_progress("Retrieving all quota definitions")
    resources = run.api.get("/v2/quota_definitions")["resources"]
    run.terminal.ok()
    run.table(resources, _QUOTAS, "No quota definitions were found.")


def _quota(run: Run) -> None:
    ref = run.given["NAME"]
    run.core_progress(f"Retrieving quota definition {ref}")
    answer = named(run.api.get("/v2/quota_definitions")["resources"], ref, "quota definition")
    run.terminal.ok()
    run.detail(answer, _QUOTA)


_INSTANCES_PATH = "/v2/resource_instances"
_RECLAIMED = "/v1/reclamations"
_OF_GROUPS = (Filter("default", "default", text="Only the default group.", switch=True),)
_OF_INSTANCES = (
    Filter("service-name", "resource_id", "NAME", "Name of the service."),
    Filter("g", "resource_group_id", "GROUP", "Name or ID of the resource group.", by=group_id),
    Filter("type", "type", "TYPE", "Type of the instances, or 'all'.", or_all=True),
)
_OF_RECLAMATIONS = (Filter("resource-instance-id", "resource_instance_id", "ID", "ID of the service instance."),)
_COMMENT = flag("comment", "TEXT", "Why.")
_LOCATION = flag("location", "LOCATION", "Ignored: instances are global.")

COMMANDS = (
    Command(
        "resource groups",
        "List all resource groups.",
        _groups,
        flags=filter_flags(GROUPS, _OF_GROUPS),
    ),
    Command(
        "resource group",
        "View a resource group.",
        _group,
        "NAME",
        (flag("id", text="Print the ID only."),),
    ),
    Command("resource group-create", "Create a resource group.", _create, "NAME"),
    Command(
        "resource group-update",
        "Rename a resource group.",
        _update,
        "NAME",
        (flag("n", "NAME", "New name.", also=("name",), required=True), FORCE),
    ),
    Command("resource group-delete", "Delete a resource group.", _delete, "NAME", (FORCE,)),
    Command("resource quotas", "List all quota definitions.", _quotas),
    Command("resource quota", "View a quota definition.", _quota, "NAME"),
    Command(
        "resource service-instances",
        "List service instances: private catalogs and object storage.",
        _instances,
        flags=(
            *filter_flags(_INSTANCES_PATH, _OF_INSTANCES),
            flag("all-resource-groups", text="Query all resource groups."),
            _LOCATION,
            *window("instances"),
            flag("long", text="Ignored: all columns are shown."),
        ),
        alone=(("g", "all-resource-groups"),),
    ),
    Command(
        "resource service-instance",
        "View a service instance.",
        _instance,
        "INSTANCE",
        (flag("id", text="Print the CRN and the GUID only."), _LOCATION),
    ),
    Command(
        "resource reclamations",
        "List what is deleted and can be restored.",
        _reclamations,
        flags=filter_flags(_RECLAIMED, _OF_RECLAMATIONS),
    ),
    Command("resource reclamation", "View a reclamation.", _reclamation, "ID"),
    Command(
        "resource reclamation-restore",
        "Restore what was deleted.",
        partial(_act, action="restore", done="restored", question=""),
        "ID",
        (_COMMENT, FORCE),
    ),
    Command(
        "resource reclamation-delete",
        "Delete for good what was deleted.",
        partial(
            _act,
            action="reclaim",
            done="reclaimed",
            question="Really delete reclamation {} and all of its data for good?",
        ),
        "ID",
        (_COMMENT, FORCE),
    ),
)
