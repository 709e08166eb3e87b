"""Servers and templates by the SDK."""

from __future__ import annotations

from pathlib import Path

from kunsthalle.testing import Served
from support.sdk import Judge
from wire import vpc_calls_servers
from wire.clients import Account

LISTED = Path(__file__).parent / "vpc_operations.txt"


def operations() -> set[str]:
    """Those of servers, templates and instance profiles in the list."""
    rows = (line.split() for line in LISTED.read_text().splitlines())
    return {name for name, _method, path in rows if path.startswith(("/instances", "/instance/"))}


def test_every_operation_of_servers_conforms(served: Served, sibling: Account) -> None:
    judge = Judge(sibling.vpc)
    vpc_calls_servers.servers(judge, sibling, served)
    assert judge.wrong == {}
    never = {"get_instance_software_attachment"}  # there is none to get
    assert operations() - judge.conforming == never
