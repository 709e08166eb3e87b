"""`is instance-templates` (cli.md 3.3)."""

from __future__ import annotations

from typing import Any

from kunsthalle.ibmcloud.commands.instance_views import TEMPLATE
from kunsthalle.ibmcloud.commands.prototypes import ALONE, ONE_SOURCE, OPTIONS, PLACE, prototype
from kunsthalle.ibmcloud.grammar import flag
from kunsthalle.ibmcloud.invocation import Run
from kunsthalle.ibmcloud.resource_commands import NAME, changes, deletes, lists, makes, reference, renames, shows


def _override(run: Run) -> dict[str, Any]:
    return {**prototype(run), "source_template": reference(run, TEMPLATE, run.given.get("source-template"))}


COMMANDS = (
    lists(TEMPLATE, "instance-templates", also=("is itps",)),
    shows(TEMPLATE, "instance-template", also=("is itp",)),
    makes(
        TEMPLATE,
        "instance-template-create",
        "NAME VPC ZONE PROFILE SUBNET",
        *OPTIONS,
        body=prototype,
        alone=ALONE,
        any_of=(ONE_SOURCE,),
        also=("is itpc",),
    ),
    makes(
        TEMPLATE,
        "instance-template-create-override-source-template",
        "",
        flag("source-template", "TEMPLATE", "ID or name of the template.", required=True),
        *PLACE,
        *OPTIONS,
        body=_override,
        alone=ALONE,
    ),
    changes(TEMPLATE, "instance-template-update", NAME, body=renames, also=("is itpu",)),
    deletes(TEMPLATE, "instance-template-delete", also=("is itpd",)),
)
