"""Networks over HTTP without a served process, and the things that most tests begin with."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kunsthalle.api.families.vpc import VPC as FAMILY
from kunsthalle.api.pipeline import Gate, Pipeline
from kunsthalle.api.routing import Router
from kunsthalle.core.context import Context
from kunsthalle.core.errors import unauthenticated
from kunsthalle.core.roles import VIEWER
from kunsthalle.networks import routes, service
from kunsthalle.networks.model import Subnet, Vpc
from kunsthalle.store.unit import Unit
from support.worlds import World, holding

VERSION = {"version": "2026-10-06", "generation": "2"}


class Http:
    """Calls as an account, by the name it was given with."""

    def __init__(self, world: World, callers: Mapping[str, Context]) -> None:
        def authenticate(unit: Unit, authorization: str) -> Context:
            caller = callers.get(authorization.removeprefix("Bearer "))
            if caller is None:
                raise unauthenticated()
            return replace(caller, trace=unit.ctx.trace, origin=unit.ctx.origin)

        gate = Gate(authenticate, lambda _given: False)
        self.app = Pipeline(Router(routes.routes()), world.store, gate, world.base, lambda _path: FAMILY, None)
        self._transport = httpx.ASGITransport(self.app)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        status: int,
        caller: str = "me",
        version: str = VERSION["version"],
        **query: str,
    ) -> Any:
        """The JSON of the answer, or None without a body; fails unless it has the status."""
        headers = {"Authorization": f"Bearer {caller}"}
        asked = {**VERSION, "version": version, **query}
        answer = asyncio.run(self._send(method, path, json=body, headers=headers, params=asked))
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def _send(self, method: str, path: str, **more: Any) -> httpx.Response:
        async with httpx.AsyncClient(transport=self._transport, base_url="http://here") as client:
            return await client.request(method, path, **more)

    def code(self, method: str, path: str, body: Any = None, *, status: int, **more: Any) -> tuple[str, str | None]:
        """Code and target of the one error of a refusal."""
        (error,) = self.call(method, path, body, status=status, **more)["errors"]
        return error["code"], error.get("target", {}).get("name")


@pytest.fixture
def me(world: World) -> Context:
    return world.account("me")


@pytest.fixture
def http(world: World, me: Context) -> Http:
    viewer = holding(me, VIEWER, [])
    return Http(world, {"me": me, "viewer": viewer, "other": world.account("other")})


@pytest.fixture
def ctx(both: World) -> Context:
    """An account on each engine."""
    return both.account("me")


@pytest.fixture
def vpc(both: World, ctx: Context) -> Vpc:
    return both.write(ctx, service.create_vpc, "here")


@pytest.fixture
def tiny(both: World, ctx: Context, vpc: Vpc) -> Subnet:
    """A subnet with three addresses to give out."""
    return both.write(ctx, service.create_subnet, vpc, "tiny", "us-south-1", count=8)


@pytest.fixture(scope="session")
def rsa_line() -> str:
    return openssh(rsa.generate_private_key(65537, 2048).public_key())


@pytest.fixture
def ed25519_line() -> str:
    return openssh(ed25519.Ed25519PrivateKey.generate().public_key())


def openssh(key: Any) -> str:
    text: bytes = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return text.decode()


def nic(n: int) -> dict[str, str]:
    """A target, as the owner of interfaces describes one."""
    id_ = f"0717-nic{n}"
    return {
        "id": id_,
        "name": f"nic-{n}",
        "href_path": f"/instances/i/network_interfaces/{id_}",
        "resource_type": "network_interface",
    }
