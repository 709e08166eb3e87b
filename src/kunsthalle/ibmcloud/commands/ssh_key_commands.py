"""`is keys` (cli.md 3.4)."""

from __future__ import annotations

from typing import Any

from kunsthalle.ibmcloud.commands.vpc_resources import KEY
from kunsthalle.ibmcloud.grammar import flag, from_file
from kunsthalle.ibmcloud.invocation import Run
from kunsthalle.ibmcloud.resource_commands import NAME, changes, deletes, filled, group_of, lists, makes, renames, shows


def _key(run: Run) -> dict[str, Any]:
    """The kind that the flag says, or that the key itself begins with."""
    text = from_file(run.given["KEY"]).strip()
    kind = run.given.get("key-type") or ("ed25519" if text.startswith("ssh-ed25519") else "rsa")
    return filled(name=run.given["NAME"], public_key=text, type=kind, resource_group=group_of(run))


COMMANDS = (
    lists(KEY, "keys"),
    shows(KEY, "key"),
    makes(
        KEY,
        "key-create",
        "NAME KEY",
        flag("key-type", text="Type of the key.", choices=("rsa", "ed25519")),
        body=_key,
        also=("is keyc",),
    ),
    changes(KEY, "key-update", NAME, body=renames),
    deletes(KEY, "key-delete", also=("is keyd",)),
)
