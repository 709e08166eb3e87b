"""`kunsthalle host`: the hosts of the engine, and the operator's word that one is lost, or back."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from kunsthalle.cli import common

_PATH = "/_kunsthalle/hosts"
_NAME = click.argument("name")


@click.group()
def host() -> None:
    """Show the hosts that instances run on, and say that one is lost, or back.

    Instances of a silent host are left alone until you say that it is lost: they may be running.

    \b
    kunsthalle host list
    kunsthalle host lost compute-7
    kunsthalle host back compute-7
    """


@host.command(name="list")
@common.DATA
@common.OUTPUT
def list_(data: Path, output: str) -> None:
    """List the hosts: state, load, and how many instances each has."""
    _show(common.operate(data, "GET", _PATH)["hosts"], output)


@host.command()
@_NAME
@click.option("--powered-off", is_flag=True, help="You have made sure that nothing runs there; otherwise you are asked")
@common.DATA
@common.OUTPUT
def lost(name: str, powered_off: bool, data: Path, output: str) -> None:
    """Say that nothing runs on a silent host any more. Its instances with the policy `restart` run elsewhere, with
    their disks; others fail.
    """
    if not powered_off:
        text = f"Is the power of {name} off? An instance that still runs there would be run twice, on one disk"
        click.confirm(text, abort=True, err=True)
    _say(data, name, "lost", None, output)


@host.command()
@_NAME
@common.DATA
@common.OUTPUT
def back(name: str, data: Path, output: str) -> None:
    """Say that a host that was lost may have instances again."""
    _say(data, name, "back", None, output)


@host.command()
@_NAME
@click.argument("switch", type=click.Choice(["off", "on"]))
@common.DATA
@common.OUTPUT
def power(name: str, switch: str, data: Path, output: str) -> None:
    """Switch a simulated host off or on, to rehearse its loss (serve --hypervisor simulated --simulated-hosts 3)."""
    _say(data, name, "power", {"on": switch == "on"}, output)


def _say(data: Path, name: str, word: str, body: dict[str, Any] | None, output: str) -> None:
    _show([common.operate(data, "POST", f"{_PATH}/{quote(name, safe='')}/{word}", body)], output)


def _show(hosts: list[dict[str, Any]], output: str) -> None:
    if output == "json":
        click.echo(common.as_json(hosts))
        return
    cells = [
        (
            each["name"],
            each["zone"] or "all",
            each["state"],
            f"{each['used_vcpus']} of {each['vcpus']}",
            f"{each['used_memory']} of {each['memory']}",
            each["instances"],
        )
        for each in hosts
    ]
    click.echo(common.table(("NAME", "ZONE", "STATE", "VCPU", "MEMORY (MIB)", "INSTANCES"), cells))
