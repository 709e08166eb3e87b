"""What it costs to know who calls and what they may do: a GET as it is, against the same GET without the question."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tools.bench.measured_data import VERSION, make, token
from tools.bench.report import Figure, Section

from kunsthalle.accounts.queries import recipients
from kunsthalle.accounts.service import add_user
from kunsthalle.api.pipeline import Authenticator
from kunsthalle.app import Server, build
from kunsthalle.authz.context import Actor, Context
from kunsthalle.authz.permissions import AllGrants
from kunsthalle.authz.roles import VIEWER
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import find
from kunsthalle.iam.access_groups import add_member, create_group
from kunsthalle.iam.authentication import create_api_key, create_policy
from kunsthalle.iam.resources import GROUP
from kunsthalle.images.resources import IMAGE
from kunsthalle.local import environment
from kunsthalle.search import tagging
from kunsthalle.settings import Settings

MOST = 0.25
_CALLS = 2_000
_GROUPS, _POLICIES = 5, 50
_METHOD = (
    "Requests go straight into the application, in one process, without a socket; medians of {rounds} interleaved "
    "rounds of {calls:,} calls, in processor time. *Without* is the same GET for a caller who is known beforehand and "
    "may do everything: no token is looked at, no policy asked. The share is what is left of the difference."
)


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody who may read the image, and by what."""

    what: str
    token: str


def run(folder: Path, rounds: int) -> Section:
    """Owner, a member of groups with many policies, one policy on one image, one on an access tag."""
    data = folder / "deciding"
    image = make(data, {"publisher": 100})["publisher"][50]
    who = environment.variables(data, "publisher")
    server = build(Settings(data=data, hypervisor="simulated"), "operator-token-of-the-bench")
    server.start()
    loop = asyncio.new_event_loop()
    try:
        ctx = server.base.as_system(who["IBMCLOUD_ACCOUNT_ID"])
        secrets = {"the owner": who["IBMCLOUD_API_KEY"], **server.store.write(ctx, partial(_hire, image=image))}
        holders = [Holder(what, token(partial(_call, server, loop), secret)) for what, secret in secrets.items()]
        figures = _figures(partial(_get, server, loop, f"/v1/images/{image}"), server, ctx, holders, rounds)
    finally:
        server.stop()
        loop.close()
    return Section("deciding", "Token and policies", _METHOD.format(rounds=rounds, calls=_CALLS), figures)


def _conditions(**given: str) -> list[dict[str, str]]:
    return [{"key": key, "operator": "stringEquals", "value": value} for key, value in given.items()]


def _person(session: Session, name: str) -> tuple[str, str]:
    iam_id, account = f"IBMid-{name.upper()}", session.ctx.account_id
    add_user(session, account, iam_id, f"{name}@publisher.example", name)
    return iam_id, create_api_key(session, account, iam_id, name)[1]


def _hire(session: Session, image: str) -> dict[str, str]:
    """Three more users; the secrets of their keys."""
    member, of_groups = _person(session, "member")
    for number in range(_GROUPS):
        group = create_group(session, f"group {number}")
        add_member(session, find(session, GROUP, group.id), member, "user")
        for one in range(_POLICIES // _GROUPS):
            resource = _conditions(serviceName="is", resourceType="image", imageId=f"r006-{number}-{one}")
            create_policy(session, "access", _conditions(access_group_id=group.id), [VIEWER], resource)
    resource = _conditions(serviceName="is", resourceGroupId=find(session, IMAGE, image).resource_group_id)
    create_policy(session, "access", _conditions(iam_id=member), [VIEWER], resource)

    single, of_one = _person(session, "single")
    resource = _conditions(serviceName="is", resourceType="image", imageId=image)
    create_policy(session, "access", _conditions(iam_id=single), [VIEWER], resource)
    return {
        f"a member of {_GROUPS} groups, {_POLICIES + 1} policies in all": of_groups,
        "one policy on the one image": of_one,
        "one policy on an access tag of it": _by_tag(session, image),
    }


def _by_tag(session: Session, image: str) -> str:
    from kunsthalle.iam.policies import Wanted, make_policy

    tagged, secret = _person(session, "tagged")
    tagging.create(session, ["project:bench"])
    change = tagging.attaching(session, "access", ["project:bench"], replace=False, renew=False)
    tagging.apply(session, change, [find(session, IMAGE, image).crn])
    resource, tags = _conditions(serviceName="is"), _conditions(project="bench")
    make_policy(session, Wanted("access", _conditions(iam_id=tagged), [VIEWER], resource, tags))
    return secret


def _figures(
    get: Callable[[str, int], float], server: Server, ctx: Context, holders: list[Holder], rounds: int
) -> list[Figure]:
    asking: Authenticator = server.pipeline._gate  # noqa: SLF001  what is taken out to be measured
    account = ctx.account_id
    known = server.store.read(ctx, lambda session: recipients(session, account))
    actor, grants = Actor("IBMid-KNOWN", "known"), AllGrants(account)

    def certain(session: Session, _authorization: str) -> Context:
        return session.ctx.acting_as(actor, account, grants, known)

    without = Authenticator(certain, asking.is_operator)
    found: dict[str, list[tuple[float, float]]] = {one.what: [] for one in holders}
    for one in holders:
        get(one.token, _CALLS // 10)  # statements are built, what is remembered is there
    for number in range(rounds):
        for one in [*holders[number % len(holders) :], *holders[: number % len(holders)]]:
            server.pipeline._gate = without  # noqa: SLF001  the gate is what is measured
            bare = get(one.token, _CALLS)
            server.pipeline._gate = asking  # noqa: SLF001  the gate is what is measured
            found[one.what].append((get(one.token, _CALLS), bare))
    return [_figure(what, each) for what, each in found.items()]


def _figure(what: str, each: list[tuple[float, float]]) -> Figure:
    whole, bare = (statistics.median(one[at] for one in each) * 1e6 for at in (0, 1))
    share = statistics.median(1 - one[1] / one[0] for one in each)
    return Figure(
        f"Share of a GET: {what}", f"{whole:.1f} µs", f"{bare:.1f} µs without", share, f"≤ {MOST}", share <= MOST
    )


def _get(server: Server, loop: asyncio.AbstractEventLoop, path: str, bearer: str, count: int) -> float:
    """Seconds of processor time for one call, from many."""

    async def many() -> float:
        begun = time.process_time()
        for _ in range(count):
            if await call_once(server, "GET", f"{path}?{VERSION}", {"authorization": f"Bearer {bearer}"}) != 200:
                raise RuntimeError(f"GET {path} was refused")
        return (time.process_time() - begun) / count

    return loop.run_until_complete(many())


def _call(server: Server, loop: asyncio.AbstractEventLoop, method: str, path: str, form: bytes) -> bytes:
    """The bytes that a form is answered with."""
    told: list[bytes] = []
    status = loop.run_until_complete(call_once(server, method, path, {}, form, told))
    if status != 200:
        raise RuntimeError(f"{method} {path}: {status}")
    return b"".join(told)


async def call_once(
    server: Server,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes = b"",
    told: list[bytes] | None = None,
) -> int:
    plain, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "path": plain,
        "raw_path": plain.encode(),
        "query_string": query.encode(),
        "scheme": "http",
        "server": ("127.0.0.1", 80),
        "headers": [(b"host", b"127.0.0.1"), *((name.encode(), value.encode()) for name, value in headers.items())],
    }
    status = 0

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)
        if told is not None:
            told.append(message.get("body", b""))

    await server(scope, receive, send)
    return status
