"""The blobs of a saved state: links beside blobs that are files, copies of those on an S3 server.

Blobs never change, so that what is there under a digest is what is meant, wherever it comes from.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

from kunsthalle.blobs.filesystem import FilesystemBlobs
from kunsthalle.blobs.protocol import BlobDamaged, BlobNotFound, Blobs
from kunsthalle.core.sizes import MIB
from kunsthalle.hypervisor.overlays import copy_sparse

FOLDER = "sha256"


def save(blobs: Blobs, state: Path) -> None:
    """Put every blob into the folder of a state. BlobDamaged for one that is not what its name says."""
    for digest in list(blobs.digests()):
        target = state / FOLDER / digest[:2] / digest
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if isinstance(blobs, FilesystemBlobs):
            _link(blobs.place(digest), target)
        else:
            with contextlib.suppress(BlobNotFound):  # deleted meanwhile
                _fetch(blobs, digest, target)


def add(blobs: Blobs, state: Path) -> None:
    """Have the store hold every blob of a state; what else it holds stays."""
    for source in (state / FOLDER).glob("*/*"):
        if isinstance(blobs, FilesystemBlobs):
            _link(source, blobs.place(source.name))
        elif not blobs.exists(source.name):
            _send(blobs, source)


def drop_others(blobs: Blobs, state: Path) -> None:
    """Delete the blobs that a state does not have."""
    for digest in list(blobs.digests()):
        if not (state / FOLDER / digest[:2] / digest).exists():
            blobs.delete(digest)


def _fetch(blobs: Blobs, digest: str, target: Path) -> None:
    hashed = hashlib.sha256()
    partial = target.with_name(f".{digest}")
    with partial.open("wb") as file:
        for chunk in blobs.read(digest):
            hashed.update(chunk)
            file.write(chunk)
    if hashed.hexdigest() != digest:
        raise BlobDamaged(digest)
    partial.rename(target)


def _send(blobs: Blobs, source: Path) -> None:
    with source.open("rb") as file, blobs.begin(source.stat().st_size) as upload:
        while chunk := file.read(MIB):
            upload.write(chunk)
        upload.commit(source.name)


def _link(source: Path, target: Path) -> None:
    """The same file under another name; a copy where the file system cannot link."""
    if target.exists() and source.samefile(target):
        return
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}")
    partial.unlink(missing_ok=True)
    try:
        os.link(source, partial)
    except OSError:
        copy_sparse(source, partial)
    partial.replace(target)
