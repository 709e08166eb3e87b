"""`/_kunsthalle/doctor`: for the operator."""

from __future__ import annotations

from kunsthalle.api import access
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route_without_transaction
from kunsthalle.api.serialization import RequestBody, ResponseBody
from kunsthalle.api.surfaces.iam import OPERATOR
from kunsthalle.authz.context import Context
from kunsthalle.block_storage.disk_specs import DiskDrivers
from kunsthalle.db.engine import Store
from kunsthalle.db.integrity import Watched
from kunsthalle.operator.doctor.findings import CheckContext, Finding, Progress
from kunsthalle.operator.doctor.service import Report, examine


class DoctorRequest(RequestBody):
    """`deep`: read every byte of every blob. `repair`: mend what can be mended."""

    deep: bool = False
    repair: bool = False


class FindingResponse(ResponseBody):
    """One resource that is not as it should be. `repairable`: whether a repair is known; `repaired`: it was made."""

    check: str
    subject: str
    message: str
    repairable: bool
    repaired: bool


class ReportResponse(ResponseBody):
    """`healthy`: nothing is wrong, or nothing any more. `examined`: how many resources of each kind were looked at;
    `unchecked`: what could not be, and why.
    """

    healthy: bool
    findings: list[FindingResponse]
    examined: dict[str, int]
    unchecked: list[str]


class ExaminationResponse(ResponseBody):
    """How far the examination is that was begun last. `phase`: `looking`, `reading`, `mending`; `none` where none is
    under way. Bytes are those that a deep one reads, and has been reading for so many `seconds`.
    """

    phase: str
    percent: int
    done_bytes: int
    total_bytes: int
    seconds: int


def progress_response(progress: Progress | None) -> ExaminationResponse:
    current = progress or Progress("none")
    percent = 100 * current.done // current.total if current.total else 0
    return ExaminationResponse(
        phase=current.phase,
        percent=min(100, percent),
        done_bytes=current.done,
        total_bytes=current.total,
        seconds=current.seconds,
    )


def to_response(report: Report) -> ReportResponse:
    mended = {id(finding) for finding in report.mended}

    def shown(finding: Finding) -> FindingResponse:
        return FindingResponse(
            check=finding.check,
            subject=finding.subject,
            message=finding.message,
            repairable=finding.mend is not None,
            repaired=id(finding) in mended,
        )

    shown_all = [shown(finding) for finding in report.findings]
    unchecked = list(report.unchecked)
    return ReportResponse(healthy=report.healthy, findings=shown_all, examined=report.examined, unchecked=unchecked)


def routes(store: Store, disks: DiskDrivers, watched: Watched) -> tuple[Route, ...]:
    """`disks` are those of the packages: the doctor looks at what they work with. `watched` learns how the database
    is."""
    begun: list[Progress] = []

    def examined(ctx: Context, *, deep: bool, repair: bool) -> ReportResponse:
        ward = CheckContext(store, ctx.as_system(""), disks, soundness=watched.told)
        begun.append(ward.progress)
        try:
            return to_response(examine(ward, deep=deep, repair=repair))
        finally:
            begun.remove(ward.progress)

    def check(ctx: Context, _request: Request) -> ReportResponse:
        """Examine bytes, references, disks and jobs; nothing is changed."""
        return examined(ctx, deep=False, repair=False)

    def treat(ctx: Context, request: Request) -> ReportResponse:
        """Examine, in depth and with repairs where asked."""
        body: DoctorRequest = request.body or DoctorRequest()
        return examined(ctx, deep=body.deep, repair=body.repair)

    def progress(_ctx: Context, _request: Request) -> ExaminationResponse:
        """Say how far the examination is that was begun last."""
        return progress_response(begun[-1] if begun else None)

    path, surface = "/_kunsthalle/doctor", OPERATOR
    read, act = access.operator("kunsthalle.doctor.read"), access.operator("kunsthalle.doctor.update")
    return (
        route_without_transaction("GET", path, check, surface=surface, access=read, body=None, answer=ReportResponse),
        route_without_transaction(
            "POST", path, treat, surface=surface, access=act, body=DoctorRequest, answer=ReportResponse
        ),
        route_without_transaction(
            "GET", f"{path}/progress", progress, surface=surface, access=read, body=None, answer=ExaminationResponse
        ),
    )
