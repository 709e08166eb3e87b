"""Networks over HTTP without a served process, and the resources that most tests begin with."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fixtures.direct_calls import called
from fixtures.worlds import World, holding, make_world
from kunsthalle.api.pipeline import Authenticator, Pipeline
from kunsthalle.api.router import Router
from kunsthalle.api.surfaces.vpc import VPC as FAMILY
from kunsthalle.api.vpc_not_implemented import not_implemented_routes
from kunsthalle.authz.context import Context
from kunsthalle.authz.roles import VIEWER
from kunsthalle.core.errors import Problem, unauthenticated
from kunsthalle.core.ids import Ids
from kunsthalle.db.session import Session
from kunsthalle.networks import routes, service
from kunsthalle.networks.models import Subnet, Vpc

VERSION = {"version": "2026-10-06", "generation": "2"}


class Http:
    """Calls as an account, by the name it was given with."""

    def __init__(self, world: World, callers: Mapping[str, Context]) -> None:
        def authenticate(session: Session, authorization: str) -> Context:
            caller = callers.get(authorization.removeprefix("Bearer "))
            if caller is None:
                raise unauthenticated()
            return replace(caller, trace=session.ctx.trace, origin=session.ctx.origin)

        gate = Authenticator(authenticate, lambda _given: False)
        router = Router(routes.routes(), not_implemented_routes())
        self.app = Pipeline(router, world.store, gate, world.base, lambda _path: FAMILY, None)

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
        headers = {"host": "here", "authorization": f"Bearer {caller}"}
        answer = called(self.app, method, path, headers, body, {**VERSION, "version": version, **query})
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def headers(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Headers:
        """The headers of an answer that is no refusal."""
        answer = self._with(method, path, body, headers)
        assert answer.is_success, answer.text
        return answer.headers

    def refusal(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str, str]:
        """Status, code and target of a refusal."""
        answer = self._with(method, path, body, headers)
        (error,) = answer.json()["errors"]
        return answer.status_code, error["code"], error["target"]["name"]

    def _with(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> httpx.Response:
        sent = {"host": "here", "authorization": "Bearer me", **headers}
        return called(self.app, method, path, sent, body, VERSION)

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


@pytest.fixture
def nodes(both: World, database_url: str) -> Iterator[list[World]]:
    """The same database as several processes have it, each with its own connections and ids."""
    made = [make_world(database_url) for _ in range(4)]
    for n, node in enumerate(made):
        node.base = replace(node.base, ids=Ids(100 + n))
    yield made
    for node in made:
        node.store.close()


def at_once(works: Sequence[Callable[[], Any]]) -> list[Any]:
    """What each work returns, or the code it was refused with; all begin together."""
    barrier = threading.Barrier(len(works))
    results: list[Any] = [None] * len(works)

    def run(n: int) -> None:
        barrier.wait(10)
        try:
            results[n] = works[n]()
        except Problem as problem:
            results[n] = problem.code
        except Exception as error:  # noqa: BLE001  shown by the assertion that follows
            results[n] = repr(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def acting(node: World, ctx: Context) -> Context:
    """The account on a node, with the node's ids."""
    return replace(ctx, ids=node.base.ids)
