"""The quota of the bytes of an account's images."""

from __future__ import annotations

from sqlalchemy import func

from kunsthalle.core.sizes import GIB
from kunsthalle.db import quotas
from kunsthalle.db.session import Session
from kunsthalle.db.tables import jobs
from kunsthalle.db.unscoped import columns_of
from kunsthalle.images.tables import images

IMPORT = "image.import"
_GB = "image_gb"


def used_bytes(session: Session, account_id: str) -> int:
    """Bytes of the files of an account's images, and what its imports that wait or run may write."""
    c = images.c
    ((stored,),) = columns_of(session, func.coalesce(func.sum(c.file_size), 0), where=[c.account_id == account_id])
    importing = (jobs.c.account_id == account_id, jobs.c.kind == IMPORT, jobs.c.state.in_(("queued", "running")))
    ((coming,),) = columns_of(session, func.coalesce(func.sum(jobs.c.transfer_bytes), 0), where=importing)
    return int(stored) + int(coming)


def refuse_bytes(session: Session, size: int) -> None:
    """Refuse an image of so many bytes more. 400 `over_quota`. Parts of a GB count as a whole one."""
    account_id = session.ctx.account_id
    more = -(-size // GIB)
    quotas.refuse_more(session, account_id, _GB, more, lambda: -(-used_bytes(session, account_id) // GIB))
