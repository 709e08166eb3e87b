"""How a call that has left the server is worked on in the process that it came to (`api/reading_processes.py`)."""

from __future__ import annotations

from kunsthalle.api.asgi import Answer
from kunsthalle.api.pipeline import Pipeline
from kunsthalle.api.reading_processes import ReadCall, ReadOutcome
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route
from kunsthalle.authz.context import Context
from kunsthalle.core.errors import Problem
from kunsthalle.core.helper_processes import parts_of
from kunsthalle.db.engine import Store
from kunsthalle.db.session import Session


def work_on(call: ReadCall, route: Route, pipeline: Pipeline, store: Store, base: Context) -> ReadOutcome:
    """Answer or prepare one call, in one transaction that reads."""
    request = Request(call.method, call.path, call.params, call.query, call.headers, call.raw)

    def work(session: Session) -> Answer | None:
        if not call.prepares:
            return pipeline.answer(session, route, request)
        pipeline.prepare(session, route, request)
        return None

    try:
        answer = store.read(base.asked(call.trace, call.origin, call.client), work, call.seconds)
    except Problem as problem:
        return ReadOutcome(refusal=parts_of(problem), authorized=request.authorized)
    return ReadOutcome(answer, request.prepared, authorized=request.authorized)
