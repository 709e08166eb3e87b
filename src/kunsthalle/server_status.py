"""What a server says of itself: its status, for the operator, and whether it is ready for calls."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec import UNSET

from kunsthalle import __version__
from kunsthalle.authz.context import Context
from kunsthalle.blobs.protocol import BlobError
from kunsthalle.chosen_drivers import Drivers
from kunsthalle.core.disk_space import disk_room
from kunsthalle.core.errors import Problem, Reason
from kunsthalle.core.sizes import MIB
from kunsthalle.db import kv
from kunsthalle.db.audit_cursors import states
from kunsthalle.db.engine import Store
from kunsthalle.db.integrity import Watched
from kunsthalle.db.overload import RETRY_AFTER
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import number_of
from kunsthalle.images.tables import UNCHECKED, images
from kunsthalle.operator import routes_control
from kunsthalle.settings import Settings

_ROOM_TO_PROBE = 16 * MIB
"""Free bytes below which `/readyz` tries whether the database can still be written to."""


def server_status(settings: Settings, store: Store, base: Context, drivers: Drivers) -> routes_control.StatusResponse:
    """What `/_kunsthalle/status` answers."""
    accelerator, reason = drivers.hypervisor.accelerator()
    return routes_control.StatusResponse(
        accelerator=accelerator,
        accelerator_reason=reason,
        version=__version__,
        region=settings.region,
        hypervisor=drivers.hypervisor.name,
        store=store.engine.dialect.name,
        qemu_img=drivers.tools is not None,
        unchecked_images=store.read(base, lambda session: number_of(session, images, *UNCHECKED)),
        audit_sinks=store.read(base, lambda session: sink_statuses(session, settings)),
        hosts=routes_control.host_counts(drivers.hypervisor),
    )


def sink_statuses(session: Session, settings: Settings) -> list[routes_control.AuditSinkStatus]:
    """How the sinks of the audit are doing; one that nothing was sent to yet has no cursor."""
    known = {state.name: state for state in states(session, tuple(sink.name for sink in settings.audit_sinks))}
    return [
        routes_control.AuditSinkStatus(
            name=sink.name,
            unsent=known[sink.name].unsent if sink.name in known else 0,
            failures=known[sink.name].failures if sink.name in known else 0,
            last_error=(known[sink.name].last_error if sink.name in known else None) or UNSET,
        )
        for sink in settings.audit_sinks
    ]


def _refuse_damaged(watched: Watched) -> None:
    damage = watched.soundness().damage
    if damage:
        text = f"The database is damaged: {damage[0]}. Ask `kunsthalle doctor`, and restore a backup."
        raise Problem(Reason.UNAVAILABLE, "damaged_database", text)


def ask_stores(watched: Watched, store: Store, drivers: Drivers, data: Path) -> Callable[[Context], None]:
    """Asks the database and the blob store something that only they can answer. 503 where the latter does not, or the
    database is damaged, or the disk is full.
    """

    def ask(ctx: Context) -> None:
        _refuse_damaged(watched)
        if store.queue.is_overloaded:
            text = "Requests were refused a moment ago because too many wait for the database."
            raise Problem(Reason.UNAVAILABLE, "overloaded", text, retry_after=RETRY_AFTER)
        store.read(ctx, lambda session: kv.get(session, "clock"))
        if store.full or disk_room(data)[1] < _ROOM_TO_PROBE:
            store.check_room(ctx)
        try:
            drivers.blobs.exists("0" * 64)
        except BlobError as error:
            raise Problem(Reason.UNAVAILABLE, "unavailable", f"The blob store does not answer: {error}") from error

    return ask
