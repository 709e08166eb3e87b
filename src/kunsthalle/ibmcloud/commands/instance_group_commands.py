"""`is instance-groups` and their memberships (cli.md 3.3)."""

from __future__ import annotations

from typing import Any

from kunsthalle.ibmcloud.command_errors import Failed, Refused
from kunsthalle.ibmcloud.commands.instance_views import TEMPLATE
from kunsthalle.ibmcloud.commands.vpc_resources import CRN, GROUP_TABLE, ID, NAMED, STATUS, SUBNET
from kunsthalle.ibmcloud.grammar import FORCE, Command, Flag, flag
from kunsthalle.ibmcloud.invocation import Run
from kunsthalle.ibmcloud.printed_tables import ID_NAME, IfAny, names, nested
from kunsthalle.ibmcloud.resource_commands import (
    CREATED,
    GROUP,
    NAME,
    OF_VPC,
    RESOURCE_GROUP,
    Resource,
    changes,
    deletes,
    filled,
    group_of,
    lists,
    place,
    reference,
    references,
    renames,
    shows,
)

INSTANCE_GROUP = Resource(
    "instance group",
    "instance groups",
    "/v1/instance_groups",
    "instance_groups",
    (
        ID,
        NAMED,
        STATUS,
        ("Instance template", "instance_template.name"),
        ("Membership count", "membership_count"),
        ("VPC", "vpc.name"),
        ("Subnets", names("subnets")),
        CREATED,
        RESOURCE_GROUP,
    ),
    (
        ID,
        NAMED,
        CRN,
        STATUS,
        ("Instance template", nested("instance_template", *ID_NAME)),
        ("Membership count", "membership_count"),
        ("VPC", nested("vpc", *ID_NAME)),
        ("Subnets", nested("subnets", *ID_NAME)),
        ("Managers", nested("managers", *ID_NAME)),
        ("Application port", IfAny("application_port")),
        ("Load balancer pool", IfAny("load_balancer_pool.name")),
        ("Lifecycle State", "lifecycle_state"),
        GROUP_TABLE,
        CREATED,
    ),
    grouped=True,
)

MEMBERSHIP = Resource(
    "instance group membership",
    "instance group memberships",
    "/v1/instance_groups/{}/memberships",
    "memberships",
    (
        ID,
        NAMED,
        STATUS,
        ("Instance", "instance.name"),
        ("Template", "instance_template.name"),
        ("Pool member", "pool_member.id"),
    ),
    (
        ID,
        NAMED,
        STATUS,
        ("Instance", nested("instance", *ID_NAME)),
        ("Template", nested("instance_template", *ID_NAME)),
        ("Delete instance on membership delete", "delete_instance_on_membership_delete"),
        ("Pool member", "pool_member.id"),
        CREATED,
    ),
    parents=(INSTANCE_GROUP,),
)

NO_POLICY = (
    "The template names a version of a private catalog: an authorization policy must let instance groups use that "
    "catalog. Create it with 'ibmcloud iam authorization-policy-create is globalcatalog-collection Viewer "
    "--target-resource CATALOG_ID', and try again."
)
"""What is missing when the API refuses a group whose template is of a catalog (source page)."""


def _parts(run: Run) -> dict[str, Any]:
    options = run.given
    template, subnets = options.get("instance-template"), references(run, SUBNET, options.get("subnets") or ())
    return filled(
        instance_template=reference(run, TEMPLATE, template) if template else None,
        subnets=subnets or None,
        membership_count=options.get("membership-count"),
        load_balancer={"id": options.get("lb")} if options.has("lb") else None,
        load_balancer_pool={"id": options.get("lb-pool")} if options.has("lb-pool") else None,
        application_port=options.get("application-port"),
    )


def _create(run: Run) -> None:
    name = run.given["NAME"]
    run.progress("Creating", f"instance group {name}")
    body = {"name": name, **_parts(run), **filled(resource_group=group_of(run))}
    try:
        made = run.api.post("/v1/instance_groups", body)
    except Refused as refused:
        if refused.status == 403 and _of_catalog(run, body):
            raise Failed(f"{refused}\n{NO_POLICY}") from refused
        raise
    run.detail(made, INSTANCE_GROUP.fields)


def _of_catalog(run: Run, body: dict[str, Any]) -> bool:
    """Whether the group's template boots from a catalog."""
    value = body.get("instance_template", {}).get("id", "")
    try:
        return bool(run.api.get(f"{TEMPLATE.path}/{value}").get("catalog_offering"))
    except Refused:
        return False


def _all_memberships(run: Run) -> None:
    ref = run.given[INSTANCE_GROUP.label()]
    if not run.confirmed(f"This will delete all memberships of instance group {ref} and cannot be undone. Continue"):
        return
    run.progress("Deleting", f"memberships of instance group {ref}")
    run.api.call("DELETE", f"{place(run, INSTANCE_GROUP, ref)}/memberships")
    run.done(f"All memberships of instance group {ref} are deleted.")


def _no_load_balancer(run: Run) -> None:
    ref = run.given[INSTANCE_GROUP.label()]
    if not run.confirmed(f"This will delete the load balancer of instance group {ref} and cannot be undone. Continue"):
        return
    run.progress("Deleting", f"load balancer of instance group {ref}")
    run.api.call("DELETE", f"{place(run, INSTANCE_GROUP, ref)}/load_balancer")
    run.done(f"The load balancer of instance group {ref} is deleted.")


def _options(*, required: bool) -> tuple[Flag, ...]:
    return (
        flag("instance-template", "TEMPLATE", "ID or name of the template.", required=required),
        flag(
            "subnets", "LIST", "IDs or names of subnets.", kind="list", required=required, also=("subnet", "subnet-ids")
        ),
        flag("membership-count", "N", "Number of instances.", kind="int"),
        flag("lb", "ID", "ID of the load balancer."),
        flag("lb-pool", "ID", "ID of the load balancer's pool."),
        flag("application-port", "PORT", "Port of the application.", kind="int"),
        OF_VPC,
    )


COMMANDS = (
    lists(INSTANCE_GROUP, "instance-groups", also=("is igs",)),
    shows(INSTANCE_GROUP, "instance-group", also=("is ig",)),
    Command(
        "is instance-group-create",
        "Create an instance group.",
        _create,
        "NAME",
        (*_options(required=True), *GROUP),
        also=("is igc",),
        alone=(("resource-group-id", "resource-group-name"),),
    ),
    changes(
        INSTANCE_GROUP,
        "instance-group-update",
        NAME,
        *_options(required=False),
        body=lambda run: {**renames(run), **_parts(run)},
        also=("is igu",),
    ),
    deletes(INSTANCE_GROUP, "instance-group-delete", also=("is igd",)),
    Command(
        "is instance-group-load-balancer-delete",
        "Delete the load balancer of an instance group.",
        _no_load_balancer,
        INSTANCE_GROUP.label(),
        (FORCE,),
    ),
    lists(MEMBERSHIP, "instance-group-memberships"),
    shows(MEMBERSHIP, "instance-group-membership"),
    changes(MEMBERSHIP, "instance-group-membership-update", NAME, body=renames),
    deletes(MEMBERSHIP, "instance-group-membership-delete"),
    Command(
        "is instance-group-memberships-delete",
        "Delete all memberships of an instance group.",
        _all_memberships,
        INSTANCE_GROUP.label(),
        (FORCE,),
    ),
)
