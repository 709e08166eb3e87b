"""`/_kunsthalle/hosts`: the hosts of the engine, and the operator's word that one is lost, or back.

The engine keeps the word, and every node looks at the engine: so a word that was given is followed, whoever dies
meanwhile (`instances/vm_monitor.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from kunsthalle.api import access
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route_without_transaction
from kunsthalle.api.serialization import RequestBody, ResponseBody
from kunsthalle.api.surfaces.iam import OPERATOR
from kunsthalle.authz.context import OPERATOR as ACTOR
from kunsthalle.authz.context import Context
from kunsthalle.core.errors import Problem, Reason, conflict, not_found
from kunsthalle.db import audit
from kunsthalle.db.engine import Store
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import unscoped
from kunsthalle.hypervisor.host_protocol import EngineHost, HostAnswers, HostNotBack, NoSuchHost, NotOffered
from kunsthalle.hypervisor.protocol import Hypervisor, HypervisorError
from kunsthalle.instances.models import Instance
from kunsthalle.instances.resources import INSTANCE

PATH = "/_kunsthalle/hosts"
_RETRY_SECONDS = 10


class PowerRequest(RequestBody):
    """Whether a simulated host has power."""

    on: bool


class HostResponse(ResponseBody):
    """A host. `state`: `up`; `silent`, when the engine does not hear from it; `lost`, on the operator's word. `zone` is
    empty for a host that is in every zone. `memory` in MiB; what the engine does not say of its load is 0.
    `instances`: how many it has, whether they run or not.
    """

    name: str
    zone: str
    state: str
    used_vcpus: int
    vcpus: int
    used_memory: int
    memory: int
    instances: int


class HostsResponse(ResponseBody):
    """All hosts, by name."""

    hosts: list[HostResponse]


class HostedInstance(ResponseBody):
    """An instance of any account that is on a host."""

    id: str
    name: str
    account_id: str
    status: str


class HostDetailsResponse(ResponseBody):
    """A host with its instances, by name."""

    host: HostResponse
    instances: list[HostedInstance]


def _response(host: EngineHost) -> HostResponse:
    return HostResponse(
        name=host.name,
        zone=host.zone,
        state=host.state.value,
        used_vcpus=host.used_vcpus,
        vcpus=host.vcpus,
        used_memory=host.used_memory_mib,
        memory=host.memory_mib,
        instances=len(host.servers),
    )


@contextmanager
def asking(hypervisor: Hypervisor) -> Iterator[None]:
    """What the engine refuses, in the words of the API: 404, 409; 503 where it does not answer."""
    try:
        yield
    except NoSuchHost as error:
        raise not_found("name") from error
    except HostAnswers as error:
        text = "The engine hears from this host. Only one that is silent can be lost: cut its power first."
        raise conflict("host_answers", text) from error
    except HostNotBack as error:
        text = "This host has not started since it was lost. Start its agent, and say so again when that is up."
        raise conflict("host_not_back", text) from error
    except NotOffered as error:
        raise conflict("not_offered", f"This engine does not do that: {error}.") from error
    except HypervisorError as error:
        text = f"The engine {hypervisor.name} does not answer as it should: {error}."
        raise Problem(Reason.UNAVAILABLE, "engine_unavailable", text, retry_after=_RETRY_SECONDS) from error


def _known(hypervisor: Hypervisor, name: str) -> EngineHost:
    with asking(hypervisor):
        host = next((host for host in hypervisor.hosts.inventory() if host.name == name), None)
    if host is None:
        raise not_found("name")
    return host


def _hear(hypervisor: Hypervisor, word: Callable[[str], None], name: str) -> Problem | None:
    try:
        with asking(hypervisor):
            word(name)
    except Problem as problem:
        return problem
    return None


def _hosted(session: Session, ids: tuple[str, ...]) -> list[HostedInstance]:
    instances: list[Instance] = unscoped(session, INSTANCE, INSTANCE.table.c.id.in_(ids))
    return [
        HostedInstance(id=instance.id, name=instance.name, account_id=instance.account_id, status=instance.status)
        for instance in sorted(instances, key=lambda instance: instance.name)
    ]


def host_routes(engine: Callable[[], Hypervisor], store: Store) -> tuple[Route, ...]:
    """Hosts: list, get; the words `lost` and `back`; and the power of simulated ones."""

    def every(_ctx: Context, _request: Request) -> HostsResponse:
        """List the hosts of the engine, with their states and loads."""
        with asking(engine()):
            return HostsResponse(hosts=[_response(host) for host in engine().hosts.inventory()])

    def get(ctx: Context, request: Request) -> HostDetailsResponse:
        """Get a host, with the instances on it."""
        host = _known(engine(), request.params["name"])
        instances = store.read(ctx.as_system(""), lambda session: _hosted(session, host.servers))
        return HostDetailsResponse(host=_response(host), instances=instances)

    def said(ctx: Context, request: Request, action: str, word: Callable[[str], None]) -> HostResponse:
        """Has the engine hear a word, and writes down what came of it; what the host is afterwards."""
        problem = _hear(engine(), word, request.params["name"])
        outcome = (200, None) if problem is None else (problem.reason.value, problem.code)
        operator = replace(ctx, actor=ACTOR)
        store.write(operator, lambda session: audit.record(session, action, request.path, *outcome))
        if problem is not None:
            raise problem
        return _response(_known(engine(), request.params["name"]))

    def lost(ctx: Context, request: Request) -> HostResponse:
        """Say that nothing runs on a silent host any more: its instances run elsewhere, or fail, by their policies."""
        return said(ctx, request, "kunsthalle.host.lost", engine().hosts.lose)

    def back(ctx: Context, request: Request) -> HostResponse:
        """Say that a host that was lost may have instances again."""
        return said(ctx, request, "kunsthalle.host.back", engine().hosts.take_back)

    def power(ctx: Context, request: Request) -> HostResponse:
        """Switch a simulated host off or on, to rehearse its loss."""
        on: bool = request.body.on
        return said(ctx, request, "kunsthalle.host.power", lambda name: engine().hosts.power(name, on=on))

    read = access.operator("kunsthalle.host.read")
    at = f"{PATH}/{{name}}"
    words = (("lost", lost, None), ("back", back, None), ("power", power, PowerRequest))
    return (
        route_without_transaction("GET", PATH, every, surface=OPERATOR, access=read, body=None, answer=HostsResponse),
        route_without_transaction("GET", at, get, surface=OPERATOR, access=read, body=None, answer=HostDetailsResponse),
        *(
            route_without_transaction(
                "POST",
                f"{at}/{word}",
                call,
                surface=OPERATOR,
                access=access.operator(f"kunsthalle.host.{word}"),
                body=body,
                answer=HostResponse,
            )
            for word, call, body in words
        ),
    )
