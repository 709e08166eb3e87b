"""The master key is replaced while the server serves: a new one is added to the file, and a job encrypts with it.

The database says first which key comes next, so that no node starts without it. A node that meets a value under a key
that it does not know reads the file again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from kunsthalle.catalogs import credentials
from kunsthalle.core.errors import conflict
from kunsthalle.core.log import get_logger
from kunsthalle.db import audit
from kunsthalle.db.reencryption import SecretPlace, begin, reencrypt
from kunsthalle.db.session import Session
from kunsthalle.iam import api_keys, signing_keys
from kunsthalle.jobs import queue
from kunsthalle.key_protect import import_tokens
from kunsthalle.key_protect import service as key_service
from kunsthalle.local import master_keys
from kunsthalle.local.master_keys import MasterKeyError

log = get_logger("identity")
JOB = "master-key.reencrypt"
ROTATE = "kunsthalle.master-key.rotate"
ELSEWHERE = (
    "The master key stays: it comes from the environment or a command. Add a new key there, behind the others, and"
    " restart the server, which encrypts everything with it. With several nodes add it before the others first,"
    " restart every node, then move it behind the others and restart every node again."
)
OTHER_NODES = (
    "The master key stays: other nodes serve this database, and must have the new key first. Run 'kunsthalle master-key"
    " rotate', give every node the file, and run 'kunsthalle keys rotate' again."
)


class Rotation(NamedTuple):
    """What became of the master key: the id of the one that encrypts from now on, and in words what is to be done."""

    id: str
    text: str


def secret_places() -> tuple[SecretPlace, ...]:
    """Every place that holds something encrypted. The keys that sign come first: other nodes look at those, and so
    learn within a second that there is a new master key.
    """
    return (
        signing_keys.SECRETS,
        *credentials.SECRETS,
        api_keys.SECRETS,
        key_service.SECRETS,
        import_tokens.SECRETS,
    )


def rotate(session: Session, other_nodes: Callable[[Session], int]) -> Rotation:
    """Have everything encrypted with a new key of the file, or with one that was added to it and is not used yet.

    The key stays where it does not come from a file, and where other nodes may not have the new one. 409 for a file
    that cannot be used; then nothing is changed.
    """
    try:
        newest = _newest(session, other_nodes)
        if newest is None:
            return Rotation(session.cipher.keys.newest, OTHER_NODES if session.cipher.path else ELSEWHERE)
        begin(session, newest)
    except MasterKeyError as error:
        raise conflict("conflict", str(error)) from error
    queue.enqueue(session, JOB, newest)
    audit.record(session, ROTATE, newest, 200)
    session.after_commit(session.cipher.take_newest)
    return Rotation(
        newest, f"Everything is encrypted with the master key {newest} now; 'kunsthalle doctor' counts what is left."
    )


def _newest(session: Session, other_nodes: Callable[[Session], int]) -> str | None:
    """The id of the key to use; None where the key that is used must stay."""
    cipher = session.cipher
    if cipher.path is None:
        return None
    there = master_keys.read(cipher.path)
    if there is None:
        raise MasterKeyError(f"The master key file {cipher.path} is gone. Put it back.")
    lost = next((id_ for id_ in cipher.keys.by_id if id_ not in there.by_id), None)
    if lost is not None:
        raise MasterKeyError(f"The master key {lost}, which is in use, is not in {cipher.path} any more. Put it back.")
    if there.newest not in cipher.keys.by_id:
        return there.newest
    return None if other_nodes(session) else master_keys.add(cipher.path).newest


def _run(run: queue.Run) -> None:
    cipher = run.read(lambda session: session.cipher)
    cipher.take_newest()

    def write(function: Callable[[Session], Any]) -> Any:
        run.give_way()
        return run.write(function)

    reencrypt(run.read, write, cipher, secret_places())
    run.finish()
    log.info("secrets encrypted with a new master key", key=cipher.keys.newest)


def _left(_session: Session, job: queue.Claimed, error: Exception) -> None:
    log.error("secrets not encrypted with the new master key", key=job.subject, error=queue.text_of(error))


def handler() -> queue.Handler:
    """The job. What is left after its last failure is readable as before; the next start, or the doctor, does it."""
    return queue.Handler(JOB, _run, _left)
