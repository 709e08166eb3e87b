"""Every operation of the VPC SDK: those of vpc_operations.txt conform, by minimal and full prototypes; the others say
501. Counted. The SDK's own models are the judge.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from ibm_cloud_sdk_core import ApiException

from fixtures.clients import Account
from fixtures.sdk import Judge, operations
from kunsthalle.testing import Served
from stories.api import vpc_calls_bare_metal as metal
from stories.api import vpc_calls_groups as groups
from stories.api import vpc_calls_images as images
from stories.api import vpc_calls_servers as servers
from unit.networks import test_operations as networks
from unit.networks.conftest import openssh

Walk = Callable[[Judge, Account, Served], None]
SCOPE = [line.split()[0] for line in (Path(__file__).parent / "vpc_operations.txt").read_text().splitlines()]
LEAST = 170


def _networks(judge: Judge, _account: Account, _served: Served) -> None:
    networks.geography(judge)
    here = networks.vpcs(judge)
    networks.prefixes(judge, here["id"])
    networks.names(judge, here["id"])
    networks.routing(judge, here["id"])
    networks.groups(judge, here["id"])
    networks.acls(judge, here["id"])
    subnet = networks.subnets(judge, here)
    networks.addresses(judge, subnet["id"])
    networks.gateways(judge, here["id"])
    networks.interfaces(judge, here, subnet["id"])


def _nothing_attached(judge: Judge, account: Account, _served: Served) -> None:
    server = account.vpc.list_instances(limit=1).get_result()["instances"][0]["id"]
    images.absent(judge, "get_instance_software_attachment", server, server)


def _keys(judge: Judge, _account: Account, _served: Served) -> None:
    rsa_key, ed25519_key = rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.generate()
    networks.keys(judge, openssh(rsa_key.public_key()), openssh(ed25519_key.public_key()))


WALKS: tuple[tuple[Walk, str], ...] = (
    (_networks, "publisher"),
    (_keys, "publisher"),
    (images.images, "consumer-a"),
    (images.storage, "consumer-a"),
    (images.profiles, "consumer-a"),
    (servers.servers, "consumer-b"),
    (_nothing_attached, "consumer-a"),
    (groups.groups, "outsider"),
    (metal.bare_metal, "outsider"),
)
"""Each walk, and the account that has nothing its lists could stumble over."""


def _argument(parameter: inspect.Parameter) -> Any:
    kind = str(parameter.annotation)
    return [{"id": "x"}] if "List" in kind else {"id": "x"} if "Prototype" in kind or "dict" in kind.lower() else "x"


def status_of_unserved(vpc: Any, name: str) -> int:
    """What an operation answers that nobody walks; its refusal must be in the envelope of the API."""
    method = getattr(vpc, name)
    needed = [one for one in inspect.signature(method).parameters.values() if one.default is one.empty]
    arguments = [_argument(one) for one in needed if one.kind is one.POSITIONAL_OR_KEYWORD]
    try:
        return int(method(*arguments).get_status_code())
    except ApiException as error:
        (said,) = error.http_response.json()["errors"]
        assert said["code"] == "not_implemented", (name, said)
        assert said["message"]
        return int(error.status_code)


def test_every_operation_in_scope_conforms(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    conforming: set[str] = set()
    for walk, name in WALKS:
        account = Account(served, name)
        judge = Judge(account.vpc)
        walk(judge, account, served)
        assert judge.wrong == {}
        conforming |= judge.conforming
    with capsys.disabled():
        sys.stdout.write(f"\n{len(conforming & set(SCOPE))} of {len(SCOPE)} operations conform\n")
    assert sorted(set(SCOPE) - conforming) == []
    assert len(SCOPE) >= LEAST


def test_every_other_operation_says_501(served: Served) -> None:
    vpc = Account(served, "consumer-b").vpc
    others = sorted(set(operations()) - set(SCOPE))
    assert len(others) + len(SCOPE) == len(operations())
    assert {name: status_of_unserved(vpc, name) for name in others} == dict.fromkeys(others, 501)
