"""Leases by name: one owner at a time among all nodes of a store, for as long as it says so again in time."""

from __future__ import annotations

from sqlalchemy import and_, bindparam, delete, or_, text, update

from kunsthalle.db.session import Session
from kunsthalle.db.tables import leases

_insert = text(
    "INSERT INTO leases (name, owner, until) VALUES (:name, :owner, :until) ON CONFLICT (name) DO NOTHING"
).bindparams(bindparam("name"), bindparam("owner"), bindparam("until"))


def take(session: Session, name: str, owner: str, microseconds: int) -> bool:
    """Takes a lease, or has one's own run on, in real time; False while another owner has it."""
    real = session.ctx.clock.real()
    until = real + microseconds
    free = or_(leases.c.owner == owner, leases.c.until < real)
    taken = update(leases).where(and_(leases.c.name == name, free)).values(owner=owner, until=until)
    if session.execute(taken).rowcount == 1:
        return True
    return session.execute(_insert, {"name": name, "owner": owner, "until": until}).rowcount == 1


def release(session: Session, name: str, owner: str) -> None:
    """Gives a lease back; one that another owner has taken meanwhile is left alone."""
    session.execute(delete(leases).where(and_(leases.c.name == name, leases.c.owner == owner)))


def release_all(session: Session) -> None:
    """At the start of the only process of a store: whoever held a lease is dead, and nobody need wait for its end."""
    session.execute(delete(leases))
