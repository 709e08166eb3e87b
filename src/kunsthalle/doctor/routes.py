"""`/_kunsthalle/doctor`: for the operator."""

from __future__ import annotations

from kunsthalle.api import access
from kunsthalle.api.families.iam import OPERATOR
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Route, outside
from kunsthalle.api.wire import Body, Wire
from kunsthalle.core.context import Context
from kunsthalle.doctor.findings import Finding, Progress, Ward
from kunsthalle.doctor.service import Report, examine
from kunsthalle.storage.disks import Disks
from kunsthalle.store.engine import Store
from kunsthalle.store.integrity import Watched


class DoctorBody(Body):
    """`deep`: read every byte of every blob. `repair`: mend what can be mended."""

    deep: bool = False
    repair: bool = False


class FindingWire(Wire):
    """One thing that is not as it should be. `repairable`: whether a repair is known; `repaired`: it was made."""

    check: str
    subject: str
    message: str
    repairable: bool
    repaired: bool


class ReportWire(Wire):
    """`healthy`: nothing is wrong, or nothing any more. `examined`: how many things of each kind were looked at;
    `unchecked`: what could not be, and why.
    """

    healthy: bool
    findings: list[FindingWire]
    examined: dict[str, int]
    unchecked: list[str]


class ExaminationWire(Wire):
    """How far the examination is that was begun last. `phase`: `looking`, `reading`, `mending`; `none` where none is
    under way. Bytes are those that a deep one reads.
    """

    phase: str
    percent: int
    done_bytes: int
    total_bytes: int


def progress_wire(progress: Progress | None) -> ExaminationWire:
    it = progress or Progress("none")
    percent = 100 * it.done // it.total if it.total else 0
    return ExaminationWire(phase=it.phase, percent=min(100, percent), done_bytes=it.done, total_bytes=it.total)


def to_wire(report: Report) -> ReportWire:
    mended = {id(one) for one in report.mended}

    def shown(one: Finding) -> FindingWire:
        return FindingWire(
            check=one.check,
            subject=one.subject,
            message=one.message,
            repairable=one.mend is not None,
            repaired=id(one) in mended,
        )

    shown_all = [shown(one) for one in report.findings]
    unchecked = list(report.unchecked)
    return ReportWire(healthy=report.healthy, findings=shown_all, examined=report.examined, unchecked=unchecked)


def routes(store: Store, disks: Disks, watched: Watched) -> tuple[Route, ...]:
    """`disks` are those of the rooms: the doctor looks at what they work with. `watched` learns how the database is."""
    begun: list[Progress] = []

    def examined(ctx: Context, *, deep: bool, repair: bool) -> ReportWire:
        ward = Ward(store, ctx.as_system(""), disks, soundness=watched.told)
        begun.append(ward.progress)
        try:
            return to_wire(examine(ward, deep=deep, repair=repair))
        finally:
            begun.remove(ward.progress)

    def check(ctx: Context, _request: Request) -> ReportWire:
        """Examine bytes, references, disks and jobs; nothing is changed."""
        return examined(ctx, deep=False, repair=False)

    def treat(ctx: Context, request: Request) -> ReportWire:
        """Examine, in depth and with repairs where asked."""
        body: DoctorBody = request.body or DoctorBody()
        return examined(ctx, deep=body.deep, repair=body.repair)

    def progress(_ctx: Context, _request: Request) -> ExaminationWire:
        """Say how far the examination is that was begun last."""
        return progress_wire(begun[-1] if begun else None)

    path, family = "/_kunsthalle/doctor", OPERATOR
    read, act = access.operator("kunsthalle.doctor.read"), access.operator("kunsthalle.doctor.update")
    return (
        outside("GET", path, check, family=family, access=read, body=None, answer=ReportWire),
        outside("POST", path, treat, family=family, access=act, body=DoctorBody, answer=ReportWire),
        outside("GET", f"{path}/progress", progress, family=family, access=read, body=None, answer=ExaminationWire),
    )
