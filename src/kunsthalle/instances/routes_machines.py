"""`/_kunsthalle/`: what really runs. A server's serial console and machine for its account; all machines for the
operator.

The VPC API hands out a token for a web socket, by which one talks to the guest (`console_access`); here the console is
text that any client reads, and reads on from where it was.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType
from sqlalchemy import ColumnElement

from kunsthalle.api import access
from kunsthalle.api.query_params import Parameters
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.serialization import ResponseBody
from kunsthalle.api.surfaces.iam import OPERATOR
from kunsthalle.api.surfaces.vpc import VPC
from kunsthalle.core.errors import not_found
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import unscoped
from kunsthalle.hypervisor.protocol import Excerpt, Hypervisor
from kunsthalle.instances.consoles import grants
from kunsthalle.instances.consoles.grants import ConsoleAccessTokenRequest, ConsoleAccessTokenResponse
from kunsthalle.instances.instance_profiles import INSTANCE_PROFILES
from kunsthalle.instances.models import Instance
from kunsthalle.instances.queries import instance_of
from kunsthalle.instances.resources import INSTANCE

MOST = 65_536
"""Bytes of a console in one answer."""


MOST_MACHINES = 1_000


class ConsoleResponse(ResponseBody):
    """Serial output. `end` is where to read on: give it as `start`. A `start` beyond what was asked for: text in
    between was cut off, as a console is kept to its last megabytes. What is no UTF-8 is replaced.
    """

    id: str
    name: str
    status: str
    start: int
    end: int
    text: str


class MachineResponse(ResponseBody):
    """What a server runs on. `vcpus` and `memory` (MiB) are what it got at its last start, `profile` says what for.

    `accelerator` is `kvm`; `tcg` where the host has no usable KVM, so that the guest runs correctly and slowly; `none`
    where servers are simulated. Absent while it was never started.
    """

    id: str
    name: str
    account_id: str
    status: str
    status_reasons: list[dict[str, str]]
    engine: str
    profile: str
    profile_vcpus: int
    profile_memory: int
    accelerator: str | UnsetType = UNSET
    vcpus: int | UnsetType = UNSET
    memory: int | UnsetType = UNSET


class Machines(ResponseBody):
    """Servers of all accounts, the newest first, at most a thousand of them."""

    machines: list[MachineResponse]


class ConsoleParameters(Parameters, frozen=True):
    """Which part of a console is read."""

    start: (
        Annotated[int, Meta(ge=0, le=2**53, description="The place to read on from: `end` of the last answer.")] | None
    ) = None
    limit: Annotated[int, Meta(ge=0, le=MOST, description="How many bytes are read at most.")] = MOST


class MachinesParameters(Parameters, frozen=True):
    """Of the list of the servers of all accounts."""

    name: Annotated[str | None, Meta(description="Only servers of exactly this name.")] = None


def _whole(excerpt: Excerpt) -> tuple[int, str]:
    """Up to the end of the last whole character: one that is still being written is read the next time."""
    for short in range(min(4, len(excerpt.text))):
        text = excerpt.text[: len(excerpt.text) - short]
        try:
            return excerpt.end - short, text.decode()
        except UnicodeDecodeError as error:
            if error.end < len(text):
                break
    return excerpt.end, excerpt.text.decode(errors="replace")


def console_response(hypervisor: Hypervisor, instance: Instance, query: ConsoleParameters) -> ConsoleResponse:
    """The part of the console that is asked for."""
    excerpt = hypervisor.read_console(instance.id, query.start, query.limit)
    end, text = _whole(excerpt)
    return ConsoleResponse(
        id=instance.id, name=instance.name, status=instance.status, start=excerpt.start, end=end, text=text
    )


def machine_response(hypervisor: Hypervisor, instance: Instance) -> MachineResponse:
    facts, profile = hypervisor.facts(instance.id), INSTANCE_PROFILES[instance.profile]
    return MachineResponse(
        id=instance.id,
        name=instance.name,
        account_id=instance.account_id,
        status=instance.status,
        status_reasons=instance.status_reasons,
        engine=hypervisor.name,
        profile=profile.name,
        profile_vcpus=profile.vcpus,
        profile_memory=profile.memory * 1024,
        accelerator=facts.accelerator if facts else UNSET,
        vcpus=facts.vcpus if facts else UNSET,
        memory=facts.memory_mib if facts else UNSET,
    )


def _newest(session: Session, *where: ColumnElement[bool]) -> list[Instance]:
    instances = unscoped(session, INSTANCE, *where)
    return sorted(instances, key=lambda instance: instance.created_at, reverse=True)[:MOST_MACHINES]


def _any(session: Session, request: Request) -> Instance:
    """For the operator: a server of any account, by id."""
    instance = instance_of(session, request.params["instance_id"])
    if instance is None:
        raise not_found("instance_id")
    return instance


def routes(hypervisor: Hypervisor) -> tuple[Route, ...]:
    def console(session: Session, _request: Request, instance: Instance, query: ConsoleParameters) -> ConsoleResponse:  # noqa: ARG001  a handler's shape
        """Read a server's serial console."""
        return console_response(hypervisor, instance, query)

    def machine(session: Session, _request: Request, instance: Instance) -> MachineResponse:  # noqa: ARG001  as above
        """Get what a server really runs on."""
        return machine_response(hypervisor, instance)

    def machines(session: Session, request: Request, query: MachinesParameters) -> Machines:  # noqa: ARG001  as above
        """List the servers of all accounts, or those of one name, with what they really run on."""
        where = [] if query.name is None else [INSTANCE.table.c.name == query.name]
        return Machines(machines=[machine_response(hypervisor, instance) for instance in _newest(session, *where)])

    def any_console(session: Session, request: Request, query: ConsoleParameters) -> ConsoleResponse:
        """Read the serial console of a server of any account."""
        return console_response(hypervisor, _any(session, request), query)

    def token(session: Session, request: Request, instance: Instance) -> ConsoleAccessTokenResponse:
        """Make the token that opens a server's console, once."""
        return grants.issue(session, hypervisor, instance, request.body)

    item_path = "{instance_id}"
    operate = access.item(INSTANCE, "is.instance.instance.operate", param="instance_id")
    read, operator = access.item(INSTANCE, param="instance_id"), access.operator("kunsthalle.machine.read")
    own, every = "/_kunsthalle/servers", "/_kunsthalle/machines"
    admit = access.item(INSTANCE, "is.instance.instance.console", param="instance_id")
    asked, answer = ConsoleAccessTokenRequest, ConsoleAccessTokenResponse
    reads = partial(route, "GET", surface=OPERATOR, answer=ConsoleResponse, query=ConsoleParameters)
    tokens = f"/v1/instances/{item_path}/console_access_token"
    return (
        route("POST", tokens, token, surface=VPC, access=admit, body=asked, answer=answer),
        reads(f"{own}/{item_path}/console", console, access=operate),
        route("GET", f"{own}/{item_path}", machine, surface=OPERATOR, access=read, answer=MachineResponse),
        route("GET", every, machines, surface=OPERATOR, access=operator, answer=Machines, query=MachinesParameters),
        reads(f"{every}/{item_path}/console", any_console, access=operator),
    )
