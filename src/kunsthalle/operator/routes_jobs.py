"""`/_kunsthalle/jobs` and `/_kunsthalle/image_bytes`: what works for all accounts, and how much it has taken in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType
from sqlalchemy import func

from kunsthalle.api import access
from kunsthalle.api.query_params import Parameters
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.serialization import ResponseBody
from kunsthalle.api.surfaces.iam import OPERATOR
from kunsthalle.core.clock import DAY, rfc3339
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import grouped
from kunsthalle.images.tables import images
from kunsthalle.jobs import job_lists

PATH, BYTES_PATH = "/_kunsthalle/jobs", "/_kunsthalle/image_bytes"
MOST = 500
"""Jobs that are listed."""
_State = Literal["queued", "running", "done", "failed", ""]


class JobsParameters(Parameters, frozen=True):
    """Which jobs are listed; all are counted."""

    state: Annotated[_State, Meta(description="Only jobs in this state.")] = ""
    kind: Annotated[str, Meta(max_length=48, description="Only jobs of this kind.")] = ""


class NodeResponse(ResponseBody):
    """A node that is connected to the database. `this`: the one that answers."""

    name: str
    this: bool


class JobCountResponse(ResponseBody):
    """How many jobs of a kind are in a state, and when the first of them came."""

    kind: str
    state: str
    number: int
    oldest_at: str


class JobResponse(ResponseBody):
    """A job. `due_at` is left out where it waits for no moment, `last_error` where no attempt has failed."""

    id: str
    kind: str
    state: str
    account_id: str
    subject: str
    attempts: int
    created_at: str
    due_at: str | UnsetType = UNSET
    last_error: str | UnsetType = UNSET


class JobsResponse(ResponseBody):
    """Nodes, counts of all jobs, and the newest jobs. `complete` is false where there are more than are listed."""

    nodes: list[NodeResponse]
    counts: list[JobCountResponse]
    jobs: list[JobResponse]
    complete: bool


class DayResponse(ResponseBody):
    """A day of the product clock, and the bytes of the images of that day that there still are."""

    day: str
    bytes: int


class ImageBytesResponse(ResponseBody):
    """The bytes of all images, by the day on which each was imported; days without any are left out."""

    days: list[DayResponse]


def _job(job: job_lists.Job) -> JobResponse:
    return JobResponse(
        id=job.id,
        kind=job.kind,
        state=job.state,
        account_id=job.account_id,
        subject=job.subject,
        attempts=job.attempts,
        created_at=rfc3339(job.created_at),
        due_at=rfc3339(job.due_at) if job.due_at else UNSET,
        last_error=job.last_error or UNSET,
    )


def _count(count: job_lists.JobCount) -> JobCountResponse:
    return JobCountResponse(kind=count.kind, state=count.state, number=count.number, oldest_at=rfc3339(count.oldest))


def _image_bytes(session: Session, _request: Request) -> ImageBytesResponse:
    """Say how many bytes of images each day brought."""
    day = (images.c.created_at // DAY).label("day")
    rows = grouped(session, (day,), (func.sum(images.c.file_size),), images, images.c.file_size.is_not(None))
    days = [DayResponse(day=rfc3339(int(number) * DAY)[:10], bytes=int(size)) for number, size in sorted(rows)]
    return ImageBytesResponse(days=days)


def routes(own: str, node_names: Callable[[Session], list[str]]) -> tuple[Route, ...]:
    """`own` is the name of this node, `node_names` are those of all that there are."""

    def listed(session: Session, _request: Request, query: JobsParameters) -> JobsResponse:
        """List nodes and jobs."""
        jobs = job_lists.newest(session, query.state, query.kind, MOST + 1)
        return JobsResponse(
            nodes=[NodeResponse(name=name, this=name == own) for name in node_names(session)],
            counts=[_count(count) for count in job_lists.counted(session)],
            jobs=[_job(job) for job in jobs[:MOST]],
            complete=len(jobs) <= MOST,
        )

    read, usage = access.operator("kunsthalle.job.read"), access.operator("kunsthalle.usage.read")
    surface = OPERATOR
    return (
        route("GET", PATH, listed, surface=surface, access=read, query=JobsParameters, answer=JobsResponse, long=True),
        route("GET", BYTES_PATH, _image_bytes, surface=surface, access=usage, answer=ImageBytesResponse, long=True),
    )
