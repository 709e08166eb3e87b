"""Where backups are kept: a folder, or a place on an S3 server. Both hold the same names.

`backups/<name>.json` is the manifest of a backup, written last, so that what has one is whole; `sha256/ab/<digest>` are
the bytes of all backups, each content once; `working/<id>.json` says until when somebody is at work.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from kunsthalle.blobs import s3_address
from kunsthalle.blobs.filesystem import FilesystemBlobs
from kunsthalle.blobs.protocol import BlobNotFound
from kunsthalle.blobs.s3 import S3Bucket, S3Error, S3Missing
from kunsthalle.core.ids import entropy
from kunsthalle.operator.backups.manifests import NAME, BadBackup, Manifest, Stored, decode, encode

ENVIRONMENT = "KUNSTHALLE_BACKUPS"
"""What the variables with the keys of an S3 server begin with."""
_MANIFESTS, _WORKING = "backups", "working"
_MOST_MANIFEST = 1 << 30


class Damaged(Exception):
    """Bytes that are not what their name says, or not there; the message names the file."""


class Place(Protocol):
    """The names of a repository, whatever it is made of. What fails raises BlobError, S3Error or OSError."""

    shown: str

    def sizes(self) -> dict[str, int]:
        """Digest and length of all bytes."""
        ...

    def put(self, chunks: Iterable[bytes], expected: str | None) -> Stored:
        """Keep bytes under their digest. Damaged where they have another one than is expected."""
        ...

    def read(self, digest: str) -> Iterator[bytes]:
        """The bytes, as they are kept. BlobNotFound or S3Missing."""
        ...

    def remove(self, digest: str) -> None:
        """Forget bytes; absent ones are fine."""
        ...

    def notes(self, kind: str) -> dict[str, int]:
        """Names and lengths of the documents of a kind."""
        ...

    def read_note(self, kind: str, name: str) -> bytes | None: ...

    def write_note(self, kind: str, name: str, content: bytes) -> None:
        """Replace a document, whole or not at all."""
        ...

    def remove_note(self, kind: str, name: str) -> None: ...


class FolderPlace(Place):
    """A repository in a folder of this host."""

    def __init__(self, root: Path, *, create: bool) -> None:
        """FileNotFoundError for a folder that is not there, unless it is to be made."""
        self.shown = str(root)
        self._root = root.absolute()
        if create:
            (self._root / _MANIFESTS).mkdir(mode=0o700, parents=True, exist_ok=True)
        elif not (self._root / _MANIFESTS).is_dir():
            raise BadBackup(f"{root}: there is no folder with backups.")
        self._blobs = FilesystemBlobs(self._root)
        if create:
            self._blobs.sweep(0)  # what a killed backup left

    def sizes(self) -> dict[str, int]:
        """See Place.sizes."""
        return dict(self._blobs.inventory())

    def put(self, chunks: Iterable[bytes], expected: str | None) -> Stored:
        """See Place.put."""
        hashed = hashlib.sha256()
        with self._blobs.begin(None) as upload:
            for chunk in chunks:
                hashed.update(chunk)
                upload.write(chunk)
            stored = Stored(_as_expected(hashed.hexdigest(), expected), upload.written)
            upload.sync()
            upload.commit(stored.sha256)
        return stored

    def read(self, digest: str) -> Iterator[bytes]:
        """See Place.read."""
        return self._blobs.read(digest)

    def remove(self, digest: str) -> None:
        """See Place.remove."""
        self._blobs.delete(digest)

    def notes(self, kind: str) -> dict[str, int]:
        """See Place.notes."""
        folder = self._root / kind
        paths = sorted(folder.glob("*.json")) if folder.is_dir() else []
        return {path.stem: path.stat().st_size for path in paths if NAME.fullmatch(path.stem) and path.is_file()}

    def read_note(self, kind: str, name: str) -> bytes | None:
        """See Place.read_note."""
        with contextlib.suppress(FileNotFoundError):
            return self._note(kind, name).read_bytes()
        return None

    def write_note(self, kind: str, name: str, content: bytes) -> None:
        """See Place.write_note."""
        path = self._note(kind, name)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        partial = path.with_name(f".{path.name}.{os.getpid()}.new")
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def remove_note(self, kind: str, name: str) -> None:
        """See Place.remove_note."""
        self._note(kind, name).unlink(missing_ok=True)

    def _note(self, kind: str, name: str) -> Path:
        return self._root / kind / f"{name}.json"


class S3Place(Place):
    """A repository below a prefix of a bucket. Bytes are a file of this host until they are whole."""

    def __init__(self, bucket: S3Bucket, staging: Path | None) -> None:
        self.shown = bucket.address.shown
        self._bucket, self._staging = bucket, staging

    def sizes(self) -> dict[str, int]:
        """See Place.sizes."""
        return {name.rpartition("/")[2]: size for name, size in self._bucket.listed("sha256/")}

    def put(self, chunks: Iterable[bytes], expected: str | None) -> Stored:
        """See Place.put."""
        hashed = hashlib.sha256()
        with tempfile.NamedTemporaryFile(prefix="kunsthalle-backup-", dir=self._staging) as staged:
            for chunk in chunks:
                hashed.update(chunk)
                staged.write(chunk)
            staged.flush()
            stored = Stored(_as_expected(hashed.hexdigest(), expected), staged.tell())
            self._bucket.put(_key(stored.sha256), Path(staged.name))
        return stored

    def read(self, digest: str) -> Iterator[bytes]:
        """See Place.read."""
        yield from self._bucket.read(_key(digest), self._bucket.head(_key(digest)))

    def remove(self, digest: str) -> None:
        """See Place.remove."""
        self._bucket.delete(_key(digest))

    def notes(self, kind: str) -> dict[str, int]:
        """See Place.notes."""
        listed = {name.removeprefix(f"{kind}/"): size for name, size in self._bucket.listed(f"{kind}/")}
        names = {name.removesuffix(".json"): size for name, size in listed.items() if name.endswith(".json")}
        return {name: size for name, size in sorted(names.items()) if NAME.fullmatch(name)}

    def read_note(self, kind: str, name: str) -> bytes | None:
        """See Place.read_note."""
        with contextlib.suppress(S3Missing):
            head = self._bucket.head(f"{kind}/{name}.json")
            return b"".join(self._bucket.read(f"{kind}/{name}.json", head))
        return None

    def write_note(self, kind: str, name: str, content: bytes) -> None:
        """See Place.write_note."""
        self._bucket.put_bytes(f"{kind}/{name}.json", content)

    def remove_note(self, kind: str, name: str) -> None:
        """See Place.remove_note."""
        self._bucket.delete(f"{kind}/{name}.json")


def _key(digest: str) -> str:
    return f"sha256/{digest[:2]}/{digest}"


def _as_expected(digest: str, expected: str | None) -> str:
    if expected not in {None, digest}:
        raise Damaged(f"The content of the blob {expected} is another one than its name says: its SHA-256 is {digest}.")
    return digest


class Repository:
    """The backups of a place."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def names(self) -> list[str]:
        """The names of all backups."""
        return list(self.place.notes(_MANIFESTS))

    def manifest(self, name: str) -> Manifest:
        """What a backup says of itself. BadBackup where there is none of the name, or it cannot be used."""
        source = f"{self.place.shown}/{_MANIFESTS}/{name}.json"
        sizes = self.place.notes(_MANIFESTS)
        content = self.place.read_note(_MANIFESTS, name) if sizes.get(name, _MOST_MANIFEST) < _MOST_MANIFEST else None
        if content is None:
            there = ", ".join(sizes) or "none"
            raise BadBackup(f"{self.place.shown} has no backup {name!r}; there are: {there}.")
        return decode(source, content)

    def keep(self, manifest: Manifest) -> None:
        """Write a manifest: from now on there is such a backup."""
        self.place.write_note(_MANIFESTS, manifest.name, encode(manifest))

    def forget(self, name: str) -> None:
        """Remove a manifest; its bytes stay until they are pruned."""
        self.place.remove_note(_MANIFESTS, name)

    def checked(self, digest: str, size: int) -> Iterator[bytes]:
        """The bytes of a digest; Damaged at their end, or where they end too early, are too many, or not there."""
        hashed, done = hashlib.sha256(), 0
        file = f"{self.place.shown}/{_key(digest)}"
        try:
            for chunk in self.place.read(digest):
                hashed.update(chunk)
                done += len(chunk)
                if done > size:
                    break
                yield chunk
        except (BlobNotFound, S3Missing) as error:
            raise Damaged(f"{file} is missing.") from error
        if done != size:
            raise Damaged(f"{file} has another length than {size} bytes.")
        if hashed.hexdigest() != digest:
            raise Damaged(f"{file} is damaged: its SHA-256 is {hashed.hexdigest()}.")

    def workers(self) -> dict[str, bytes]:
        """What those say of themselves who are at work here, or were when they died."""
        notes = {name: self.place.read_note(_WORKING, name) for name in self.place.notes(_WORKING)}
        return {name: content for name, content in notes.items() if content is not None}

    def announce(self, worker: str, content: bytes) -> None:
        self.place.write_note(_WORKING, worker, content)

    def withdraw(self, worker: str) -> None:
        self.place.remove_note(_WORKING, worker)


def open_repository(
    address: str, environment: Mapping[str, str], *, create: bool = False, staging: Path | None = None
) -> Repository:
    """The repository at a folder, `file:///folder` or `s3://bucket/prefix?endpoint=…`. BadAddress, BadBackup, OSError.

    The keys of an S3 server are `KUNSTHALLE_BACKUPS_ACCESS_KEY_ID`, … of the environment. What goes there is a file in
    the folder `staging` first; by default in that of temporary files.
    """
    scheme = urlsplit(address).scheme
    if scheme == "s3":
        return Repository(S3Place(S3Bucket(s3_address.parse(address, environment, ENVIRONMENT).at()), staging))
    if scheme not in {"", "file"}:
        raise s3_address.BadAddress("Backups are in a folder, at file:///folder or s3://bucket/prefix?endpoint=….")
    root = Path(unquote(urlsplit(address).path)) if scheme else Path(address)
    return Repository(FolderPlace(root, create=create))


def new_worker() -> str:
    """A name for somebody who works in a repository."""
    return entropy(8).hex()


__all__ = ["Damaged", "Repository", "S3Error", "new_worker", "open_repository"]
