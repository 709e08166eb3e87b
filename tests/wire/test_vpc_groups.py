"""Instance groups and bare metal servers by the SDK."""

from __future__ import annotations

from kunsthalle.testing import Served
from support.sdk import Judge
from wire import vpc_calls_bare_metal, vpc_calls_groups
from wire.clients import Account


def test_every_operation_of_instance_groups_conforms(served: Served, outsider: Account) -> None:
    judge = Judge(outsider.vpc)
    vpc_calls_groups.groups(judge, outsider, served)
    assert judge.wrong == {}
    assert len([name for name in judge.conforming if "instance_group" in name]) == 26


def test_every_operation_of_bare_metal_servers_conforms(served: Served, outsider: Account) -> None:
    judge = Judge(outsider.vpc)
    vpc_calls_bare_metal.bare_metal(judge, outsider, served)
    assert judge.wrong == {}
    assert len([name for name in judge.conforming if "bare_metal_server" in name]) == 31
