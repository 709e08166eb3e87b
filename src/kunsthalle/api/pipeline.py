"""What every request passes, in this order: trace, route, authentication, body, the family's rules, access, handler,
audit, encoding. One request is one transaction; a refusal rolls it back and leaves an audit row of its own.

The caller of a request with a body is recognised twice: before the body is read, so that nobody is made to keep what
strangers send, and inside the transaction, which sees what has changed meanwhile.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Mapping
from functools import lru_cache, partial
from typing import Any, TypeVar

from msgspec import Struct

from kunsthalle.api.access_log import Exchange, Observers
from kunsthalle.api.asgi import Answer, Headers, Query, Receive, Scope, Send, SendWhole
from kunsthalle.api.call_limits import CallLimits
from kunsthalle.api.etag import EntityTags
from kunsthalle.api.kept_answers import KeptAnswers
from kunsthalle.api.known_callers import KnownCallers
from kunsthalle.api.query_params import decode as decode_query
from kunsthalle.api.reading_processes import ReadingProcesses
from kunsthalle.api.request import Reply, Request
from kunsthalle.api.request_bodies import largest_body, read_body
from kunsthalle.api.router import Call, Match, Route, Router, found_row
from kunsthalle.api.serialization import decode, encode
from kunsthalle.api.surfaces import Surface
from kunsthalle.api.trace_context import trace_of, traceparent_of
from kunsthalle.authz.context import Context
from kunsthalle.core.clock import SECOND
from kunsthalle.core.disk_space import disk_full, is_out_of_space
from kunsthalle.core.errors import Problem, Reason, Target, Unaudited, forbidden, unauthenticated
from kunsthalle.core.faults import Faults, Subject
from kunsthalle.core.log import get_logger
from kunsthalle.core.sizes import KIB
from kunsthalle.core.trace_parents import InSpan
from kunsthalle.db import audit
from kunsthalle.db.engine import Store
from kunsthalle.db.overload import refusal_of
from kunsthalle.db.session import Session

T = TypeVar("T")
log = get_logger("http")

_LARGE_BODY = 32 * KIB
"""Bytes of a body that takes a while to decode: in a thread, so that neither the writer nor the event loop waits."""
_JSON = "application/json; charset=utf-8"
_NOTHING = b""
_NO_ACCOUNT = (
    "You are in no account yet. Accept an invitation: POST /v2/users/accept with the account's id, then sign in."
)
_MOST_OUTSIDE = 64
"""Calls in threads of their own that run or wait at a time."""
_UNCOUNTED = frozenset({"/healthz", "/readyz"})
"""Who asks these is a load balancer."""
_NEVER_MATCHED = ("/_kunsthalle/", "/healthz", "/readyz")


class Authenticator(Struct, frozen=True):
    """How callers are recognised. `authenticate` answers with the context of a bearer token or raises 401."""

    authenticate: Callable[[Session, str], Context]
    is_operator: Callable[[str], bool]


class Pipeline:
    """The ASGI application of all API families. `unknown` picks the surface in which an unknown path is answered."""

    def __init__(
        self,
        router: Router,
        store: Store,
        gate: Authenticator,
        base: Context,
        unknown: Callable[[str], Surface],
        origin: str | None,
        faults: Faults | None = None,
        observers: Observers | None = None,
        processes: ReadingProcesses | None = None,
        limits: CallLimits | None = None,
    ) -> None:
        self.router = router
        self._entities = EntityTags(router)
        self._store = store
        self._gate = gate
        self._base = base
        self._unknown = unknown
        self._origin = origin
        self._faults = faults or Faults()
        self._observers = observers or Observers()
        self._processes = processes
        self._callers = KnownCallers()
        self.limits = limits or CallLimits(store.priority)
        self._kept = KeptAnswers(store, base, self._observers, self._faults, self.limits)
        self._outside_calls = 0

    def answered_at_once(self, scope: Scope, send_whole: SendWhole) -> bool:
        """Whether a GET has been answered with what is kept, without a task of its own."""
        return self._kept.answered_at_once(scope, send_whole)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "GET" and await self._kept.answered(scope, send):
            return
        headers = Headers(scope["headers"])
        client = (scope.get("client") or ("",))[0]
        ctx = self._base.asked(trace_of(headers, self._base.ids), self._origin or _origin(scope, headers), client)
        exchange = Exchange(scope["method"], time.perf_counter(), client=client, parent=traceparent_of(headers))
        if self._store.recordings.active:
            await self._recorded(scope, receive, send, headers, ctx, exchange)
        else:
            await self._logged(scope, receive, send, headers, ctx, exchange)

    async def _recorded(
        self, scope: Scope, receive: Receive, send: Send, headers: Headers, ctx: Context, exchange: Exchange
    ) -> None:
        from kunsthalle.api.call_recording import CallWatch, is_recorded

        if not is_recorded(scope):
            await self._logged(scope, receive, send, headers, ctx, exchange)
            return
        watch = CallWatch(self._store.recordings, scope, ctx)
        try:
            await self._logged(scope, watch.receiving(receive), watch.sending(send), headers, ctx, exchange)
        finally:
            known = self._callers.account_of(self._callers.key_of(headers))
            watch.end(exchange, time.perf_counter() - exchange.begun, known)

    async def _logged(
        self, scope: Scope, receive: Receive, send: Send, headers: Headers, ctx: Context, exchange: Exchange
    ) -> None:
        observers = self._observers.all
        if not observers:
            await self._serve(scope, receive, send, headers, ctx, exchange)
            return
        with InSpan(self._store.tracer, ctx.trace):
            try:
                await self._serve(scope, receive, exchange.watching(send), headers, ctx, exchange)
            finally:
                now = time.perf_counter()
                for observer in observers:
                    observer.record(exchange, now, ctx.trace)

    async def _serve(
        self, scope: Scope, receive: Receive, send: Send, headers: Headers, ctx: Context, exchange: Exchange
    ) -> None:
        respond = partial(self._respond, scope, receive, headers, ctx, exchange)
        if self._faults.shared:
            await self._store.follow_async(ctx)
        if self._faults.calls and await self._answered_by_fault(scope, headers, send, ctx, respond):
            return
        answer = await respond()
        if exchange.pause:
            await self.limits.pause(exchange.pause)
        await answer.send(send)

    def _find(self, scope: Scope) -> tuple[str, Match | None]:
        """The path that is meant, and where it leads."""
        path = scope["path"]
        raw = (scope.get("raw_path") or path.encode()).split(b"?", 1)[0]
        match = self.router.match(scope["method"], raw)
        return (path[:-1] if match is not None and match.shortened else path), match

    async def _answered_by_fault(
        self, scope: Scope, headers: Headers, send: Send, ctx: Context, respond: Callable[[], Awaitable[Answer]]
    ) -> bool:
        """Whether the call has been answered here, with a fault if one matches. None matches the operator's calls."""
        path, match = self._find(scope)
        if path.startswith(_NEVER_MATCHED):
            return False
        from kunsthalle.api import fault_injection

        method, caller = scope["method"], await self._caller_of_faults(headers, ctx)
        subject = Subject(f"{method} {path}", ctx.now(), *caller)
        at = ctx.clock.real() / SECOND
        if self._faults.shared:
            fault = await asyncio.to_thread(self._faults.of_call, subject, at)
        else:
            fault = self._faults.of_call(subject, at)
        if self._faults.late and method == "POST":
            respond = partial(fault_injection.noted, self._faults, respond, ctx.clock)
        if fault is None:
            await (await respond()).send(send)
            return True
        surface = match.surface if match is not None else self._unknown(path)
        await fault_injection.answer(fault, respond, lambda problem: refusal(problem, surface, ctx), send)
        return True

    async def _caller_of_faults(self, headers: Headers, ctx: Context) -> tuple[str, str]:
        """The account and the IAM ID of the caller, where a fault asks for it; of a stranger there is none."""
        authorization = headers.get("authorization", "")
        if not self._faults.personal or not authorization:
            return "", ""
        try:
            known = await self._store.read_async(ctx, lambda session: self._gate.authenticate(session, authorization))
        except Problem:
            return "", ""
        return known.account_id, known.actor.iam_id

    async def _respond(
        self, scope: Scope, receive: Receive, headers: Headers, ctx: Context, exchange: Exchange
    ) -> Answer:
        method, (path, match) = scope["method"], self._find(scope)
        if match is None:
            exchange.surface = self._unknown(path).name
            return refusal(_no_route(method, ()), self._unknown(path), ctx)
        exchange.surface = match.surface.name
        if match.route is None:
            return refusal(_no_route(method, match.allowed), match.surface, ctx)
        route = match.route
        exchange.route = route.path
        token = self._callers.key_of(headers)
        payer = self._callers.account_of(token)
        call = partial(self._answered, scope, receive, headers, ctx, exchange, path, match.params, route, token, payer)
        if not self._is_limited(route, headers):
            return await call()
        try:
            self.limits.check(payer, ctx.client)
        except Problem as problem:
            exchange.pause = self.limits.pause_after(problem, payer, ctx.client)
            return refusal(problem, match.surface, ctx)
        try:
            return await call()
        finally:
            self.limits.count(exchange.account_id, ctx.client)

    def _is_limited(self, route: Route, headers: Headers) -> bool:
        """Whether calls are counted: not the operator's own, nor those of load balancers."""
        if route.access.operator:
            return not self._gate.is_operator(headers.get("authorization", ""))
        return route.path not in _UNCOUNTED

    async def _answered(
        self,
        scope: Scope,
        receive: Receive,
        headers: Headers,
        ctx: Context,
        exchange: Exchange,
        path: str,
        params: Mapping[str, str],
        route: Route,
        token: int,
        payer: str,
    ) -> Answer:
        """The answer of a route that exists. `token` is what the token is remembered by, and `payer` whose it was."""
        request: Request | None = None
        account_id = ""
        try:
            body = _NOTHING
            if route.method not in {"GET", "HEAD"}:
                check = self._check_caller(ctx, route, headers, payer)
                account_id = await self._in_turn(route, payer, check, is_whole=False)
                self._callers.learn(token, account_id)
                body = await read_body(receive, headers, largest_body(route))
            query = Query(scope["query_string"])
            if b"%00" in scope["query_string"]:
                raise Problem(Reason.INVALID, "bad_request", "The query must not contain NUL.")
            request = Request(scope["method"], path, params, query, headers, body, account_id=account_id)
            exchange.request = request
            request.basis = self._kept.basis(route)
            self._store.refusals.check(account_id, self._repeated(request))
            if route.without_transaction is not None:
                return await self._outside(ctx, route, request)
            work = (self._write if route.writes else self._read)(ctx, route, request)
            answer = await self._in_turn(route, account_id or payer, work)
        except Problem as problem:
            if request is not None:
                account_id = request.account_id or account_id
            answer = await self._answer_refusal(route, path, problem, ctx, headers, request, account_id or payer)
            exchange.pause = self.limits.pause_after(problem, account_id or payer, ctx.client)
            if request is not None:
                request.raw, request.body = _NOTHING, None  # not kept while the answer waits
                self._keep(scope, route, request, answer, ctx)
            return answer
        except Exception as error:  # noqa: BLE001  logged there
            return _failure(error, route, ctx)
        else:
            self.limits.succeeded(request.account_id, ctx.client)
            self._keep(scope, route, request, answer, ctx)
            return answer
        finally:
            if request is not None:
                account_id = request.account_id or account_id
                self._callers.learn(token, request.account_id)
            exchange.account_id = account_id

    def _keep(self, scope: Scope, route: Route, request: Request, answer: Answer, ctx: Context) -> None:
        if request.basis is not None and request.record is None:
            self._kept.keep(scope, route, request.account_id, request.basis, answer, ctx.trace)

    async def _answer_refusal(
        self,
        route: Route,
        path: str,
        problem: Problem,
        ctx: Context,
        headers: Headers,
        request: Request | None,
        payer: str,
    ) -> Answer:
        """The answer to a call that is refused, once that is audited. `payer` is the account that is charged."""
        if isinstance(problem, Unaudited):
            return refusal(problem, route.surface, ctx)
        if request is not None and route.writes and problem.reason is Reason.TOO_MANY:
            self._store.refusals.add(request.account_id, self._repeated(request), problem)
        try:
            await self._refused(route, path, problem, ctx, headers, request, payer)
        except Exception as error:  # noqa: BLE001  logged there; what cannot go in the audit is not answered either
            return _failure(error, route, ctx)
        return refusal(problem, route.surface, ctx)

    def _repeated(self, request: Request) -> Hashable:
        """What tells a call that repeats another one from one that does not."""
        return self._callers.key_of(request.headers), request.method, request.path

    async def _in_turn(
        self, route: Route, account_id: str, work: Coroutine[Any, Any, T], *, is_whole: bool = True
    ) -> T:
        """A step of a request of an account, when it is its turn (docs/decisions/0024-account-priority.md).

        Nobody rests for a request that is not whole: its body may never come.
        """
        priority = self._store.priority
        if is_whole:
            priority.enter(account_id)
        try:
            if priority.must_queue(account_id):
                await priority.turn(account_id, rests=route.writes or route.long)
            number = priority.begin(account_id)
            try:
                return await work
            finally:
                priority.end(number)
        finally:
            work.close()  # it is closed already, unless its turn did not come
            if is_whole:
                priority.leave(account_id)

    async def _check_caller(self, ctx: Context, route: Route, headers: Headers, payer: str) -> str:
        """Refuse a caller without a valid token, before anything of the body is read. The account of the others.

        `payer` is charged: the account whose token it seems to be.
        """
        authorization = headers.get("authorization", "")
        if route.access.operator:
            self._check_operator(authorization)
        elif route.access.authenticated:
            caller = await self._store.read_async(
                ctx, lambda session: self._caller(session, route, authorization), account_id=lambda: payer
            )
            return caller.account_id
        return ""

    def _check_operator(self, authorization: str) -> None:
        if not self._gate.is_operator(authorization):
            raise unauthenticated("The operator token is missing or wrong.")

    async def _write(self, ctx: Context, route: Route, request: Request) -> Answer:
        if route.prepare is not None:
            await self._prepared(ctx, route, request)
        elif route.body is not None and len(request.raw) > _LARGE_BODY:
            await self._store.beside_async(partial(_decode_early, route, request), request.account_id)
        answer = await self._store.write_async(
            ctx, lambda session: self.answer(session, route, request), route.name, account_id=request.account_id
        )
        self._store.refusals.forget(request.account_id)
        return answer

    async def _prepared(self, ctx: Context, route: Route, request: Request) -> None:
        """What the route prepares, in a thread: among the account's long reads where it says that it is one."""

        def prepare(session: Session) -> bool:
            self.prepare(session, route, request)
            return True

        elsewhere: Callable[[float], bool] | None = None
        if route.separable and self._processes is not None:
            elsewhere = partial(self._processes.prepare, ctx, route, request)
        if route.long:
            known = partial(str, request.account_id)
            await self._store.read_async(ctx, prepare, long=True, account_id=known, elsewhere=elsewhere)
        else:
            await self._store.prepare_async(ctx, prepare, request.account_id, elsewhere)

    async def _read(self, ctx: Context, route: Route, request: Request) -> Answer:
        elsewhere: Callable[[float], Answer | None] | None = None
        if route.separable and self._processes is not None:
            elsewhere = partial(self._processes.answer, ctx, route, request)
        answer = await self._store.read_async(
            ctx,
            lambda session: self.answer(session, route, request),
            long=route.long,
            account_id=lambda: request.account_id,
            elsewhere=elsewhere,
        )
        record = request.record
        if record is not None:
            await self._store.write_async(ctx, lambda session: record(session, answer.status, None))
        return answer

    def _enter(self, session: Session, route: Route, request: Request) -> Session:
        """The session on behalf of the caller, who may call the route; and the request with its body decoded."""
        ctx = self._recognise(session, route, request)
        request.account_id = ctx.account_id
        ctx = route.surface.admit(request, ctx)
        inner = session.as_context(ctx)
        request.authorized = route.access.check(inner, request)
        if request.malformed is not None:
            raise request.malformed
        done = request.body is not None or (route.body_prepared and request.prepared is not None)
        if not done and route.body is not None and (request.raw or route.body_required):
            request.body = decode(request.raw, route.body)  # else it is there since before the transaction
        return inner

    def prepare(self, session: Session, route: Route, request: Request) -> None:
        """Do what a call prepares, within a transaction that reads."""
        if route.prepare is not None:
            request.prepared = _called(route, route.prepare, self._enter(session, route, request), request)

    def answer(self, session: Session, route: Route, request: Request) -> Answer:
        """What a call answers, within its transaction."""
        if request.basis is not None:
            session = session.resting_on(request.basis)
        inner = self._enter(session, route, request)
        ctx = inner.ctx
        if route.call is None:
            raise TypeError(f"{route.name} runs outside transactions")
        self._entities.check(inner, route, request)
        result = _called(route, route.call, inner, request)
        if route.writes and ctx.account_id:
            resource = request.authorized.resource if request.authorized is not None else result
            audit.record(inner, route.access.action, request.path, route.status, subject=resource)
        return _response(route, result, ctx, self._entities.headers(route, request, result, ctx))

    async def _outside(self, ctx: Context, route: Route, request: Request) -> Answer:
        """A call that waits for other transactions, or for a store elsewhere, in a thread of its own."""
        if route.without_transaction is None:
            raise TypeError(f"{route.name} runs inside a transaction")
        if route.access.operator:
            self._check_operator(request.headers.get("authorization", ""))
        if route.body is not None and (request.raw or route.body_required):
            request.body = decode(request.raw, route.body)
        if self._outside_calls >= _MOST_OUTSIDE:
            raise self._store.queue.refusal("number")
        self._outside_calls += 1
        try:
            return _response(route, await asyncio.to_thread(route.without_transaction, ctx, request), ctx)
        finally:
            self._outside_calls -= 1

    def _recognise(self, session: Session, route: Route, request: Request) -> Context:
        ctx = session.ctx
        authorization = request.headers.get("authorization", "")
        if route.access.operator:
            self._check_operator(authorization)
            return ctx
        return self._caller(session, route, authorization) if route.access.authenticated else ctx

    def _caller(self, session: Session, route: Route, authorization: str) -> Context:
        """The context of a token. 403 for somebody in no account, unless the route is for them too."""
        ctx = self._gate.authenticate(session, authorization)
        if not ctx.account_id and not route.access.without_account:
            raise forbidden(_NO_ACCOUNT)
        return ctx

    async def _refused(
        self,
        route: Route,
        path: str,
        problem: Problem,
        ctx: Context,
        headers: Headers,
        request: Request | None,
        payer: str,
    ) -> None:
        """Puts a refusal in the audit, in a transaction of its own, where the caller is somebody or the call concerns
        one.

        Of reading, what was forbidden: what is not there for a caller is looked for all the time, and is no decision.
        """
        if request is not None and request.record is not None:
            concerning = request.record
            await self._store.write_async(
                ctx, lambda session: concerning(session, problem.reason.value, problem.code), account_id=payer
            )
            return
        forbidden = problem.reason is Reason.FORBIDDEN
        if not (route.writes or forbidden) or not route.access.authenticated:
            return
        if problem.reason is Reason.UNAUTHENTICATED:
            return

        resource = request.authorized.resource if request is not None and request.authorized is not None else None

        def record(session: Session) -> None:
            known = self._gate.authenticate(session, headers.get("authorization", ""))
            outcome = (problem.reason.value, problem.code)
            if known.account_id:
                audit.record(session.as_context(known), route.access.action, path, *outcome, subject=resource)

        try:
            await self._store.write_async(ctx, record, account_id=payer)
        except Problem:
            log.info("refused without an actor", route=route.name)


def _decode_early(route: Route, request: Request) -> None:
    """Decode a body before the transaction that writes. Its errors are answered after the access rules."""
    try:
        request.body = decode(request.raw, route.body)
    except Problem as problem:
        request.malformed = problem


def _called(route: Route, call: Call, session: Session, request: Request) -> Any:
    """What a handler answers. Its query parameters are decoded last: what is hidden is absent, whatever they say."""
    query = () if route.query is None else (decode_query(request, route.query, route.surface.malformed),)
    return call(session, request, *found_row(route, request), *query)


def _failure(error: Exception, route: Route, ctx: Context) -> Answer:
    """The answer to a call that failed: 503 where the disk is full or the database does not answer, 500 otherwise."""
    problem = refusal_of(error)
    if problem is not None:
        log.error("database unavailable", route=route.name, trace=ctx.trace, error=problem.private)
        return refusal(problem, route.surface, ctx)
    if is_out_of_space(error):
        log.error("disk full", route=route.name, trace=ctx.trace)
        return refusal(disk_full(), route.surface, ctx)
    log.error("internal error", route=route.name, trace=ctx.trace, exc_info=error)
    text = "The server failed; its log has the trace."
    return refusal(Problem(Reason.INTERNAL, "internal_error", text, private=str(error)), route.surface, ctx)


def _no_route(method: str, allowed: tuple[str, ...]) -> Problem:
    if allowed:
        known = ", ".join(allowed)
        return Problem(Reason.METHOD, "method_not_allowed", f"{method} is not offered here; offered: {known}.")
    return Problem(
        Reason.NOT_FOUND, "invalid_route", "The requested route does not exist.", Target("path", "parameter")
    )


def _origin(scope: Scope, headers: Headers) -> str:
    host = headers.get("host", "")
    if not _is_host(host):
        server = scope.get("server") or ("127.0.0.1", 8100)
        host = f"{server[0]}:{server[1]}"
    return f"{scope['scheme']}://{host}"


@lru_cache(maxsize=64)
def _is_host(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9.\-_\[\]:]{1,255}", text) is not None


def _response(route: Route, result: Any, ctx: Context, more: Mapping[str, str] | None = None) -> Answer:
    headers: Mapping[str, str] = {**route.surface.headers(ctx), **(more or {})}
    status, media = route.status, _JSON
    if isinstance(result, Reply):
        status = result.status or status
        headers = {**headers, **result.headers}
        media = result.media or media
        result = result.body
    if result is None:
        return Answer(status, headers)
    content = result if isinstance(result, bytes) else encode(result)
    return Answer(status, {**headers, "content-type": media}, content)


def refusal(problem: Problem, surface: Surface, ctx: Context) -> Answer:
    """How an API family says that it refuses."""
    headers = dict(surface.headers(ctx))
    if problem.reason is Reason.UNAUTHENTICATED and surface.status(problem) == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="IAM"'  # RFC 9110 names it so; words: allow
    if problem.retry_after is not None:
        headers["Retry-After"] = str(problem.retry_after)
    body = encode(surface.problem(problem, ctx))
    return Answer(surface.status(problem), {**headers, "content-type": _JSON}, body)
