"""Holds: while one is placed, an image cannot be deleted, moved through its life by its owner, or held by another.

An image carries at most one hold, in its own row, so taking one is a single compare-and-set: two takers racing for
the same image can never both win (R1, R2). Who holds, and why, is the holder's business.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Protocol

from sqlalchemy import Select

from kunsthalle.core.errors import conflict
from kunsthalle.db.rows import update, update_all
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import transition
from kunsthalle.db.visibility import Authorized, unscoped
from kunsthalle.images.models import Image
from kunsthalle.images.resources import IMAGE


def place(session: Session, image: Authorized[Image], holder_crn: str) -> bool:
    """Takes the hold for a holder. False when the image is held already, gone, encrypted, or no longer available."""
    table = IMAGE.table
    return update(
        session,
        IMAGE,
        image.resource.id,
        table.c.account_id == image.resource.account_id,
        table.c.hold_crn.is_(None),
        table.c.status == "available",
        table.c.encryption_key.is_(None),
        hold_crn=holder_crn,
        hold_since=session.ctx.now(),
        deprecation_at=None,
        obsolescence_at=None,
    )


def release(session: Session, holder_crn: str, only: Collection[str] | None = None) -> int:
    """Frees every image that a holder holds, or those of them that are named, at once (R4); how many."""
    named = () if only is None else (IMAGE.table.c.id.in_(only),)
    held = unscoped(session, IMAGE, IMAGE.table.c.hold_crn == holder_crn, *named)
    for image in held:
        update(session, IMAGE, image.id, IMAGE.table.c.hold_crn == holder_crn, hold_crn=None, hold_since=None)
    return len(held)


def release_all(session: Session, images: Select[Any], holders: str) -> int:
    """Frees the images of a statement that are held by any holder whose CRN begins so, at once (R4); how many."""
    table = IMAGE.table
    held = (table.c.id.in_(images), table.c.hold_crn.startswith(holders, autoescape=True))
    return update_all(session, IMAGE, *held, hold_crn=None, hold_since=None)


_FOLLOWS: dict[str, tuple[str, ...]] = {
    "available": (),
    "deprecated": ("deprecation_at",),
    "obsolete": ("obsolescence_at",),
}


def follow(session: Session, holder_crn: str, status: str) -> None:
    """Moves every image of a holder to the status that the holder's own implies (R10)."""
    for image in unscoped(session, IMAGE, IMAGE.table.c.hold_crn == holder_crn, IMAGE.table.c.status != status):
        stamps: dict[str, int | None] = {"deprecation_at": None, "obsolescence_at": None}
        stamps |= dict.fromkeys(_FOLLOWS[status], session.ctx.now())
        transition(session, IMAGE, image.id, status, **stamps)


class Holders(Protocol):
    """What the images package asks of those who hold images."""

    def advice(self, session: Session, image: Image) -> str:
        """How the hold of a managed image ends, in sentences for the image's owner."""


class RefusesHeld:
    """Refuses what the owner may not do while a catalog manages the image."""

    def __init__(self, holders: Holders) -> None:
        self._holders = holders

    def __call__(self, session: Session, image: Image) -> None:
        """409 where the image is managed, with how that ends."""
        if image.managed:
            text = f"The image is managed by a private catalog: {image.hold_crn}."
            raise conflict("image_managed_by_catalog", f"{text} {self._holders.advice(session, image)}")
