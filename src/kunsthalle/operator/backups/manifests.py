"""What a backup says of itself: one JSON document, which names everything else by its SHA-256.

A manifest may be anybody's: nothing of it is believed before it was checked. It holds its own digest, so that a byte
that was flipped is noticed, and names of files only where a restored installation has such files.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from kunsthalle import __version__
from kunsthalle.db.prepare import HEAD

FORMAT = 1
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_DIGEST = "^[0-9a-f]{64}$"
_DISK = re.compile(r"(volumes|snapshots)/[A-Za-z0-9][A-Za-z0-9-]{0,99}\.qcow2")
_LONGEST_PART, _MOST_PARTS = 255, 64

Digest = Annotated[str, Meta(pattern=_DIGEST)]
Size = Annotated[int, Meta(ge=0, le=2**50)]


class BadBackup(Exception):
    """A backup that cannot be used; the message names the file and the reason."""


class Stored(msgspec.Struct, frozen=True):
    """Bytes of a backup: their SHA-256, which is their name, and their length."""

    sha256: Digest
    size: Size


class Manifest(msgspec.Struct, frozen=True):
    """A backup. `made_at` (RFC 3339) is real time before the moment of the records; `schema` the revision of the
    database, which is a SQLite file whichever engine it came from; `master_key` the id of the key that its secrets are
    encrypted with. `disks` are those of volumes and snapshots, below the folder of disks; `buckets` the objects of
    embedded buckets.
    """

    format: int
    release: str
    schema: str
    name: str
    made_at: str
    engine: str
    master_key: str | None
    database: Stored
    blobs: dict[Digest, Size]
    disks: dict[str, Stored]
    buckets: dict[str, Stored]

    @property
    def objects(self) -> dict[str, int]:
        """Everything that the backup needs: digest and length."""
        files = (self.database, *self.disks.values(), *self.buckets.values())
        return {**self.blobs, **{file.sha256: file.size for file in files}}

    @property
    def size_bytes(self) -> int:
        """The length of all of it, each content once."""
        return sum(self.objects.values())


class _Envelope(msgspec.Struct):
    sha256: str
    manifest: msgspec.Raw


def encode(manifest: Manifest) -> bytes:
    """The document, its own digest included."""
    body = msgspec.json.encode(manifest)
    return msgspec.json.encode(_Envelope(hashlib.sha256(body).hexdigest(), msgspec.Raw(body)))


def decode(source: str, content: bytes) -> Manifest:
    """The manifest of a document; `source` names it in messages. BadBackup."""
    try:
        envelope = msgspec.json.decode(content, type=_Envelope)
        body = bytes(envelope.manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadBackup(f"{source}: this is no manifest of a backup, or it is damaged: {error}.") from error
    if hashlib.sha256(body).hexdigest() != envelope.sha256:
        raise BadBackup(f"{source}: the manifest is damaged: its SHA-256 is another one than it says.")
    _refuse_newer(source, body)
    try:
        manifest = msgspec.json.decode(body, type=Manifest)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadBackup(f"{source}: {error}.") from error
    _check(source, manifest)
    return manifest


def _refuse_newer(source: str, body: bytes) -> None:
    """Before anything else is read of it: later releases may write other fields."""
    try:
        document: dict[str, Any] = json.loads(body)
        format_, release, schema = int(document["format"]), str(document["release"]), str(document["schema"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadBackup(f"{source}: the manifest lacks format, release or schema.") from error
    if format_ > FORMAT or schema > HEAD:
        text = f"it was made by the later release {release[:40]!r} (format {format_}, schema {schema[:40]!r})"
        raise BadBackup(f"{source}: {text}; this is {__version__} (format {FORMAT}, schema {HEAD}). Upgrade first.")


def _check(source: str, manifest: Manifest) -> None:
    if not NAME.fullmatch(manifest.name) or source.rpartition("/")[2] != f"{manifest.name}.json":
        raise BadBackup(f"{source}: the manifest says that its name is {manifest.name[:80]!r}.")
    for name in manifest.disks:
        if not _DISK.fullmatch(name):
            raise BadBackup(f"{source}: {name[:200]!r} is no place of a disk.")
    for name in manifest.buckets:
        if not _is_object(name):
            raise BadBackup(f"{source}: {name[:200]!r} is no place of an object in a bucket.")


def _is_object(name: str) -> bool:
    """Whether it is `account/bucket/key` of plain names, which lead nowhere else."""
    parts = name.split("/")
    plain = all(part not in {"", ".", ".."} and len(part.encode()) <= _LONGEST_PART for part in parts)
    return plain and 3 <= len(parts) <= _MOST_PARTS and name.isprintable() and "\\" not in name
