"""`kunsthalle status`: whether a server runs, and what it is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kunsthalle.cli import common
from kunsthalle.core.hypervisors import HYPERVISORS
from kunsthalle.local import folder


@click.command()
@common.DATA
@common.OUTPUT
def status(data: Path, output: str) -> None:
    """Show the address of the server, its configuration, and waiting jobs.

    \b
    kunsthalle status
    kunsthalle status --output json
    """
    found = common.operate(data, "GET", "/_kunsthalle/status")
    clock = common.operate(data, "GET", "/_kunsthalle/clock")
    faults = common.operate(data, "GET", "/_kunsthalle/faults")["faults"]
    whole = {"url": folder.url(data), **found, "clock": clock, "faults": len(faults)}
    if output == "json":
        click.echo(common.as_json(whole))
        return
    shown = {
        "URL": whole["url"],
        "Version": found["version"],
        "Region": found["region"],
        "Servers": _engine(found),
        "Store": found["store"],
        "qemu-img": "yes" if found["qemu_img"] else "no: images pass our own rules only",
        "Unchecked images": _unchecked(found),
        "Clock": f"{clock['now']} ({clock['kind']})",
        "Jobs due": clock["pending_jobs"],
        "Faults": len(faults),
    }
    click.echo(common.details(shown.items()))


def _unchecked(found: dict[str, Any]) -> str:
    """Images that qemu-img has not confirmed, and what becomes of them."""
    count = found["unchecked_images"]
    later = "qemu-img examines them now" if found["qemu_img"] else "install qemu-img and restart the server"
    return f"{count}: {later}" if count else "0"


def _engine(found: dict[str, Any]) -> str:
    if not HYPERVISORS[found["hypervisor"]].runs_guests:
        return f"{found['hypervisor']}: they have states and disks, and run nothing"
    slow = {"tcg": ", which computes every instruction and is slow"}.get(found["accelerator"], "")
    reason = f" ({found['accelerator_reason']})" if found["accelerator_reason"] else ""
    return f"{found['hypervisor']}, {found['accelerator']}{slow}{reason}"
