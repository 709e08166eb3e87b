"""The quota of the bytes of an account's images."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import func

from kunsthalle.core.sizes import GIB
from kunsthalle.db import quotas
from kunsthalle.db.session import Session
from kunsthalle.db.tables import jobs
from kunsthalle.db.unscoped import grouped
from kunsthalle.images.tables import images

IMPORT = "image.import"
_GB = "image_gb"


def used_bytes(session: Session, account_id: str) -> int:
    """Bytes of the files of an account's images, and what its imports that wait or run may write."""
    return bytes_by_account(session, account_id).get(account_id, 0)


def bytes_by_account(session: Session, *account_ids: str) -> dict[str, int]:
    """The same of these accounts, or of all that have any."""
    used = Counter[str]()
    importing = (jobs.c.kind == IMPORT, jobs.c.state.in_(("queued", "running")))
    for table, size, where in ((images, images.c.file_size, ()), (jobs, jobs.c.transfer_bytes, importing)):
        only = (table.c.account_id.in_(account_ids),) if account_ids else ()
        total = func.coalesce(func.sum(size), 0)
        for account_id, number in grouped(session, (table.c.account_id,), (total,), table, *where, *only):
            used[account_id] += int(number)
    return used


def refuse_bytes(session: Session, size: int) -> None:
    """Refuse an image of so many bytes more. 400 `over_quota`. Parts of a GB count as a whole one."""
    account_id = session.ctx.account_id
    more = -(-size // GIB)
    quotas.refuse_more(session, account_id, _GB, more, lambda: -(-used_bytes(session, account_id) // GIB))
