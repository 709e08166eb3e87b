"""`kunsthalle status`: whether a server runs, and what it is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kunsthalle.cli import common
from kunsthalle.core.hypervisor_names import HYPERVISORS
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
    status = common.operate(data, "GET", "/_kunsthalle/status")
    clock = common.operate(data, "GET", "/_kunsthalle/clock")
    faults = common.operate(data, "GET", "/_kunsthalle/faults")["faults"]
    quotas = common.operate(data, "GET", "/_kunsthalle/quotas")["quotas"]
    whole = {"url": folder.url(data), **status, "clock": clock, "faults": len(faults), "quotas": quotas}
    if output == "json":
        click.echo(common.as_json(whole))
        return
    shown = {
        "URL": whole["url"],
        "Version": status["version"],
        "Region": status["region"],
        "Servers": _engine(status),
        "Hosts": _hosts(status),
        "Placement groups": _placement(status),
        "Store": status["store"],
        "qemu-img": "yes" if status["qemu_img"] else "no: images pass our own rules only",
        "Unchecked images": _unchecked(status),
        "Clock": f"{clock['now']} ({clock['kind']})",
        "Jobs due": clock["pending_jobs"],
        "Faults": len(faults),
        **{f"Quota {quota['name']}, {quota['account']}": f"{quota['used']} of {quota['limit']}" for quota in quotas},
        **{f"Audit sink {sink['name']}": _sink(sink) for sink in status["audit_sinks"]},
    }
    click.echo(common.details(shown.items()))


def _hosts(status: dict[str, Any]) -> str:
    """How many are up, and how many are not."""
    counts = status.get("hosts")
    if counts is None:
        return "unknown: the engine does not answer"
    return ", ".join(f"{counts[state]} {state}" for state in ("up", "silent", "lost") if counts[state])


def _placement(status: dict[str, Any]) -> str:
    """What placement groups are worth with the hosts that are up."""
    counts = status.get("hosts")
    if counts is None:
        return "unknown: the engine does not answer"
    if sum(counts.values()) == 1:
        return "best effort: there is one host, and instances of a group share it"
    return f"instances of a group run on different hosts, at most {counts['up']} of them now"


def _unchecked(report: dict[str, Any]) -> str:
    """Images that qemu-img has not confirmed, and what becomes of them."""
    count = report["unchecked_images"]
    later = "qemu-img examines them now" if report["qemu_img"] else "install qemu-img and restart the server"
    return f"{count}: {later}" if count else "0"


def _sink(sink: dict[str, Any]) -> str:
    """How many entries wait, and why."""
    if not sink["failures"]:
        return f"{sink['unsent']} entries wait"
    return f"{sink['unsent']} entries wait: {sink['failures']} attempts failed, the last one with: {sink['last_error']}"


def _engine(status: dict[str, Any]) -> str:
    if not HYPERVISORS[status["hypervisor"]].runs_guests:
        return f"{status['hypervisor']}: they have states and disks, and run nothing"
    slow = {"tcg": ", which computes every instruction and is slow"}.get(status["accelerator"], "")
    reason = f" ({status['accelerator_reason']})" if status["accelerator_reason"] else ""
    return f"{status['hypervisor']}, {status['accelerator']}{slow}{reason}"
