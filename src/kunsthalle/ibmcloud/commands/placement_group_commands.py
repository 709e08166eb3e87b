"""`is placement-groups` (cli.md 3.4)."""

from __future__ import annotations

from typing import Any

from kunsthalle.ibmcloud.commands.vpc_resources import PLACEMENT_GROUP
from kunsthalle.ibmcloud.grammar import flag
from kunsthalle.ibmcloud.invocation import Run
from kunsthalle.ibmcloud.resource_commands import NAME, changes, deletes, filled, group_of, lists, makes, renames, shows


def _placement_group(run: Run) -> dict[str, Any]:
    return filled(strategy=run.given.get("strategy"), name=run.given.get("name"), resource_group=group_of(run))


_STRATEGY = flag(
    "strategy",
    text="How instances are spread.",
    choices=("host_spread", "power_spread"),
    required=True,
)

COMMANDS = (
    lists(PLACEMENT_GROUP, "placement-groups", also=("is pgs",)),
    shows(PLACEMENT_GROUP, "placement-group", also=("is pg",)),
    makes(
        PLACEMENT_GROUP,
        "placement-group-create",
        "",
        _STRATEGY,
        flag("name", "NAME", "Name of the placement group."),
        body=_placement_group,
        also=("is pgc",),
    ),
    changes(PLACEMENT_GROUP, "placement-group-update", NAME, body=renames, also=("is pgu",)),
    deletes(PLACEMENT_GROUP, "placement-group-delete", also=("is pgd",)),
)
