"""A saved state as one file, which moves between machines and releases: a ZIP archive that nothing in is compressed.

`manifest.json` says which release saved it and lists every file with its length and SHA-256; the rest is what the
folder of the state holds. Of files with holes only what is between the holes is in the archive. An archive may be
anybody's: nothing of it is believed before it was checked, and nothing is left of one that is refused. As no member is
compressed and none shares bytes with another, what is unpacked is never larger than the archive.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import sqlite3
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Annotated, Any

import msgspec
from msgspec import Meta

from kunsthalle import __version__
from kunsthalle.core.sizes import MIB
from kunsthalle.db.prepare import HEAD
from kunsthalle.hypervisor.overlays import data_stretches
from kunsthalle.local import folder
from kunsthalle.operator import saved_blobs
from kunsthalle.operator.saved_states import ABOUT, APART, DATABASE, NAME

FORMAT = 1
_MANIFEST = "manifest.json"
_MOST_MANIFEST = 256 * MIB
_MOST_SIZE = 2**46
"""Bytes that a file with holes may seem to have."""
_DIGEST = re.compile(r"[0-9a-f]{64}")
_EPOCH = (1980, 1, 1, 0, 0, 0)

_Size = Annotated[int, Meta(ge=0, le=_MOST_SIZE)]


class BadArchive(Exception):
    """A file that is no saved state, or not one that can be used here; the message names the file and the reason."""


class _File(msgspec.Struct):
    """A file of a state. `data`: offset and length of each stretch between the holes; absent where there are none."""

    sha256: str
    size: _Size
    data: list[tuple[_Size, _Size]] | None = None

    @property
    def stored(self) -> int:
        return self.size if self.data is None else sum(length for _, length in self.data)


class Manifest(msgspec.Struct):
    """What an archive says of itself. `schema`: the revision of its database."""

    format: int
    release: str
    schema: str
    name: str
    saved_at: str
    now: str
    folders: list[str]
    files: dict[str, _File]


def pack(state: Path, target: Path) -> Manifest:
    """Write the folder of a saved state as one file, readable by its owner only: it holds API keys."""
    about = folder.read(state, ABOUT)
    files: dict[str, _File] = {}
    folders: list[str] = []
    partial = target.with_name(f".{target.name}.{os.getpid()}.new")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as out, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
            for path in sorted(state.rglob("*")):
                name = path.relative_to(state).as_posix()
                if path.is_dir() and not path.is_symlink():
                    folders.append(name)
                elif path.is_file() and not path.is_symlink():
                    files[name] = _store(archive, path, name)
            manifest = Manifest(
                FORMAT,
                __version__,
                _schema(state / DATABASE),
                state.name,
                about["saved_at"],
                about["now"],
                folders,
                files,
            )
            with archive.open(zipfile.ZipInfo(_MANIFEST, _EPOCH), "w", force_zip64=True) as member:
                member.write(msgspec.json.encode(manifest))
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return manifest


def _store(archive: zipfile.ZipFile, path: Path, name: str) -> _File:
    hashed = hashlib.sha256()
    with path.open("rb") as file, archive.open(zipfile.ZipInfo(name, _EPOCH), "w", force_zip64=True) as member:
        size = os.fstat(file.fileno()).st_size
        stretches = [(0, size)]
        if not name.startswith(f"{saved_blobs.FOLDER}/"):  # whose bytes are held against their names
            stretches = [(start, end - start) for start, end in data_stretches(file.fileno(), size)]
        for start, length in stretches:
            file.seek(start)
            for chunk in _chunks(file, length):
                hashed.update(chunk)
                member.write(chunk)
    whole = stretches == [(0, size)] or not size
    return _File(hashed.hexdigest(), size, None if whole else stretches)


def _schema(database: Path) -> str:
    with contextlib.closing(opened(database)) as connection:
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def opened(database: Path) -> sqlite3.Connection:
    """For reading only; what is written in the file is not run."""
    connection = sqlite3.connect(f"file:{database}?mode=ro&immutable=1", uri=True)
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def read_manifest(source: Path) -> Manifest:
    """What an archive says of itself, held against what is in it. BadArchive."""
    with _reading(source) as archive:
        return _manifest(source, archive)


def unpack(source: Path, target: Path) -> Manifest:
    """Make the folder of a saved state from an archive: whole, or not at all. It replaces `target`. BadArchive."""
    partial = target.with_name(f".{target.name}.unpacking")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with _reading(source) as archive:
            manifest = _manifest(source, archive)
            free = shutil.disk_usage(_existing(target.parent)).free
            if sum(file.stored for file in manifest.files.values()) > free:
                raise BadArchive(f"{source}: there are {free} bytes free, which is too few for what is in it.")
            partial.mkdir(mode=0o700, parents=True)
            for name in sorted(manifest.folders):
                (partial / name).mkdir(mode=0o700, parents=True, exist_ok=True)
            for name, file in manifest.files.items():
                _extract(source, archive, name, file, partial / name)
        _check_state(source, partial, manifest)
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    except OSError as error:
        raise BadArchive(f"{source}: cannot be unpacked: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return manifest


def unpack_database(source: Path, target: Path) -> None:
    """Write the database of an archive alone, checked as all of it is. BadArchive."""
    with _reading(source) as archive:
        manifest = _manifest(source, archive)
        _extract(source, archive, DATABASE, manifest.files[DATABASE], target)
    check_database(source, target, manifest.schema)


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())


@contextlib.contextmanager
def _reading(source: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(source) as archive:
            yield archive
    except OSError as error:
        raise BadArchive(f"{source}: {error.strerror or error}.") from error
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise BadArchive(f"{source}: this is no saved state, or it is cut off or damaged: {error}.") from error


def _manifest(source: Path, archive: zipfile.ZipFile) -> Manifest:
    names = [entry.filename for entry in archive.infolist()]
    if names.count(_MANIFEST) != 1:
        raise BadArchive(f"{source}: this is no saved state: it has no {_MANIFEST}.")
    _check_members(source, archive)
    if archive.getinfo(_MANIFEST).file_size > _MOST_MANIFEST:
        raise BadArchive(f"{source}: {_MANIFEST} is larger than {_MOST_MANIFEST} bytes.")
    text = archive.read(_MANIFEST)
    _refuse_newer(source, text)
    try:
        manifest = msgspec.json.decode(text, type=Manifest)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadArchive(f"{source}: {_MANIFEST}: {error}.") from error
    if {*manifest.files, _MANIFEST} != {*names}:
        raise BadArchive(f"{source}: {_MANIFEST} lists other files than are in it.")
    for name in (*manifest.files, *manifest.folders):
        _check_name(source, name)
    for name, file in manifest.files.items():
        _check_file(source, archive, name, file)
    if not {DATABASE, ABOUT} <= manifest.files.keys() or not NAME.fullmatch(manifest.name):
        raise BadArchive(f"{source}: it lacks a database, what is said of it, or a name.")
    return manifest


def _refuse_newer(source: Path, data: bytes) -> None:
    """Before anything else is read of it: later releases may write other fields."""
    try:
        manifest: dict[str, Any] = json.loads(data)
        format_, release, schema = int(manifest["format"]), str(manifest["release"]), str(manifest["schema"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadArchive(f"{source}: {_MANIFEST} lacks format, release or schema.") from error
    if format_ > FORMAT or schema > HEAD:
        text = f"it was saved by the later release {release[:40]!r} (format {format_}, schema {schema[:40]})"
        raise BadArchive(f"{source}: {text}; this is {__version__} (format {FORMAT}, schema {HEAD}). Upgrade first.")


def _check_members(source: Path, archive: zipfile.ZipFile) -> None:
    """Members that are compressed or encrypted, share bytes with others, or are there twice."""
    members = archive.infolist()
    for entry in members:
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1 or entry.compress_size != entry.file_size:
            raise BadArchive(f"{source}: {entry.filename!r} is compressed or encrypted, which nothing of a state is.")
    if len({entry.filename for entry in members}) != len(members):
        raise BadArchive(f"{source}: two of its files have the same name.")
    end = 0
    for entry in sorted(members, key=lambda member: member.header_offset):
        if entry.header_offset < end:
            raise BadArchive(f"{source}: {entry.filename!r} shares bytes with another file.")
        end = entry.header_offset + entry.file_size
    if end > source.stat().st_size:
        raise BadArchive(f"{source}: it is shorter than it says.")


def _check_name(source: Path, name: str) -> None:
    """Names that lead elsewhere, or to what belongs to the server's process."""
    parts = name.split("/")
    known = {part in {"", ".", ".."} or len(part.encode()) > 255 or not part.isprintable() for part in parts} == {False}
    if not known or "\\" in name or not _has_place(parts):
        raise BadArchive(f"{source}: {name[:200]!r} has no place in a saved state.")


def _has_place(parts: list[str]) -> bool:
    first, *rest = parts
    if first == saved_blobs.FOLDER:
        blob = len(rest) == 2 and bool(_DIGEST.fullmatch(rest[1])) and rest[1][:2] == rest[0]
        return blob or not rest or (len(rest) == 1 and bool(re.fullmatch("[0-9a-f]{2}", rest[0])))
    if first in {DATABASE, ABOUT, folder.CREDENTIALS}:
        return not rest
    return first not in APART and not first.startswith(DATABASE)


def _check_file(source: Path, archive: zipfile.ZipFile, name: str, file: _File) -> None:
    end = 0
    for start, length in file.data or ():
        if start < end or start + length > file.size:
            raise BadArchive(f"{source}: {name!r} has data outside of itself.")
        end = start + length
    if archive.getinfo(name).file_size != file.stored:
        raise BadArchive(f"{source}: {name!r} is not as long as {_MANIFEST} says.")


def _extract(source: Path, archive: zipfile.ZipFile, name: str, file: _File, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    hashed = hashlib.sha256()
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as out, archive.open(name) as member:
        for start, length in file.data if file.data is not None else [(0, file.size)]:
            out.seek(start)
            for chunk in _chunks(member, length):
                hashed.update(chunk)
                out.write(chunk)
        out.truncate(file.size)
    if hashed.hexdigest() != file.sha256:
        raise BadArchive(f"{source}: {name!r} is damaged: its SHA-256 is another one than {_MANIFEST} says.")


def _chunks(file: IO[bytes], length: int) -> Iterator[bytes]:
    while length:
        chunk = file.read(min(MIB, length))
        if not chunk:
            raise EOFError("a file ends too early")
        length -= len(chunk)
        yield chunk


def _check_state(source: Path, state: Path, manifest: Manifest) -> None:
    """What only the files themselves tell: blobs that are not what their names say, a database that is none."""
    for name, file in manifest.files.items():
        if name.startswith(f"{saved_blobs.FOLDER}/") and (file.data is not None or file.sha256 != name.split("/")[2]):
            raise BadArchive(f"{source}: the blob {name!r} is not what its name says.")
    try:
        about = folder.read(state, ABOUT)
        if not (
            isinstance(about["moment"], int) and isinstance(about["saved_at"], str) and isinstance(about["now"], str)
        ):
            raise TypeError
        folder.read(state, folder.CREDENTIALS)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadArchive(f"{source}: {ABOUT} or {folder.CREDENTIALS} is not what a saved state has.") from error
    check_database(source, state / DATABASE, manifest.schema)


def check_database(source: object, database: Path, expected_schema: str) -> None:
    """Refuse a database that is not sound, not of the schema that was said, or has what runs by itself. BadArchive,
    whose message begins with the source.
    """
    try:
        with contextlib.closing(opened(database)) as connection:
            kinds = {row[0] for row in connection.execute("SELECT DISTINCT type FROM sqlite_master")}
            sound = [row[0] for row in connection.execute("PRAGMA quick_check(1)")]
            schema = str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])
    except (sqlite3.Error, TypeError) as error:
        raise BadArchive(f"{source}: its database cannot be read: {error}.") from error
    if kinds - {"table", "index"}:
        raise BadArchive(f"{source}: its database has triggers or views, which none of ours has.")
    if sound != ["ok"] or schema != expected_schema:
        raise BadArchive(f"{source}: its database is damaged, or of another schema than its manifest says.")
