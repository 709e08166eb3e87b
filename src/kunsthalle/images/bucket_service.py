"""The account's buckets as people use them: what is in them, uploads in parts, and what a file seems to be.

Whoever may read or write objects of a bucket is asked of IAM (`cloud-object-storage.object.*`), by bucket and by the
instance that it belongs to. A bucket that the caller may not read is answered as one that is not there.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from kunsthalle.authz.access_refusals import missing_action
from kunsthalle.core.disk_formats import CONVERTED_SUFFIXES, UPLOADED_SUFFIXES
from kunsthalle.core.disk_space import RETRY_AFTER
from kunsthalle.core.errors import Problem, Reason, conflict, invalid, not_found
from kunsthalle.core.records import dataclass
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import rows_of
from kunsthalle.disk_images import system_hints
from kunsthalle.disk_images.detection import HEAD_BYTES, describe, names_of
from kunsthalle.disk_images.limits import Limits
from kunsthalle.images import conversion_job
from kunsthalle.images.import_sources import AccountBuckets
from kunsthalle.images.object_storage_instances import READING, SERVICE, WRITING
from kunsthalle.images.operating_systems import OPERATING_SYSTEMS
from kunsthalle.images.schemas_buckets import CreateBucketRequest, CreateUploadRequest
from kunsthalle.images.tables import instance_buckets
from kunsthalle.object_storage.protocol import (
    BadBucketName,
    BadObjectName,
    BucketError,
    BucketFull,
    BucketNotFound,
    BucketUnavailable,
    ObjectChanged,
    ObjectNotFound,
    ObjectStorage,
)
from kunsthalle.object_storage.uploads import PartsMissing, StoredObject, Upload, UploadNotFound, part_lengths

DELETING = f"{SERVICE}.object.delete"
MOST_OBJECTS = 1_000
"""Objects of a bucket that are listed at a time."""
LARGEST_PIECE = 8 * 1024 * 1024
"""Bytes of an object that are answered at a time."""
MOST_UPLOADS = 4
"""Uploads of an account that have not ended."""
_SCANNED = 32 * 1024 * 1024
"""So many bytes of an object are searched for the name of its operating system."""
_CHUNK = 1024 * 1024
_SYSTEMS = {
    "debian": "debian-{0}-amd64",
    "ubuntu": "ubuntu-{0}-{1}-amd64",
    "centos": "centos-{stream}{0}-amd64",
    "rhel": "red-{0}-amd64",
    "rocky": "rocky-linux-{0}-amd64",
    "sles": "sles-{0}-amd64",
}
"""The ID of an `os-release` to the name of the operating system."""


class Ticket(msgspec.Struct, frozen=True, array_like=True):
    """What the id of an upload says: the upload, and its bytes. It is of no use without a token of the account."""

    id: str
    bucket: str
    key: str
    size: int

    @property
    def upload(self) -> Upload:
        return Upload(self.id, self.bucket, self.key)

    @property
    def text(self) -> str:
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")


def ticket_of(text: str) -> Ticket:
    """404 for what is no id of an upload."""
    try:
        ticket = msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=Ticket)
    except (ValueError, msgspec.MsgspecError) as error:
        raise not_found() from error
    if ticket.size < 1:
        raise not_found()
    return ticket


@dataclass(frozen=True, slots=True)
class Inspected:
    """What an object seems to be. `format` is what its bytes say, `system` the operating system that they name."""

    format: str
    text: str
    system: str
    size: int


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of an object that has `size` of them; `tag` is another one when the object is another one."""

    content: bytes
    size: int
    tag: str


class BucketService:
    """`buckets` are those of every account; `most` is how many bytes of the server's disk an account's may take, or
    0.
    """

    def __init__(self, buckets: AccountBuckets, limits: Limits, most: int = 0) -> None:
        self._buckets, self._limits, self._most = buckets, limits, most

    def names(self, session: Session) -> list[str]:
        """The buckets that the caller may read."""
        with _in_words():
            names = self._of(session).list_buckets()
        return [name for name in names if covers(session, name, READING)]

    def create(self, session: Session, body: CreateBucketRequest) -> None:
        """A bucket of the account's, belonging to no instance. 409 for one that is there."""
        require(session, body.name, WRITING)
        with _in_words():
            if self._of(session).has_bucket(body.name):
                raise conflict("conflict", f"The bucket '{body.name}' exists already.", "name")
            self._of(session).create_bucket(body.name)

    def objects(self, session: Session, bucket: str, most: int, after: str) -> tuple[list[StoredObject], bool]:
        """At most so many from the first one after a name, and whether these are the last. 404 for a bucket that the
        caller may not read.
        """
        _may_read(session, bucket)
        with _in_words():
            results = self._of(session).objects(bucket, most + 1, after)
        return results[:most], len(results) <= most

    def piece(self, session: Session, bucket: str, key: str, start: int, tag: str) -> Piece:
        """At most LARGEST_PIECE bytes of an object from an offset on. 409 where it has another tag than the given one,
        if one is: it was replaced since.
        """
        _may_read(session, bucket)
        with _in_words(), self._of(session).open(bucket, key) as reader:
            shown = hashlib.sha256(reader.tag.encode()).hexdigest()[:32]
            if tag not in {"", shown}:
                raise ObjectChanged("the object was replaced", bucket, key)
            reader.narrow(start, LARGEST_PIECE)
            content = b"".join(iter(lambda: reader.read(_CHUNK), b"")) if start < reader.size else b""
        return Piece(content, reader.size, shown)

    def delete(self, session: Session, bucket: str, key: str) -> None:
        """Removes an object. 404 for one that is not there; an import that reads it goes on where buckets are folders,
        and fails where they are on an S3 server.
        """
        _may_read(session, bucket)
        require(session, bucket, DELETING)
        with _in_words():
            self._of(session).open(bucket, key).close()
            self._of(session).delete(bucket, key)

    def inspect(self, session: Session, bucket: str, key: str) -> Inspected:
        """What the bytes of an object say."""
        _may_read(session, bucket)
        with _in_words(), self._of(session).open(bucket, key) as reader:
            head = reader.read(HEAD_BYTES)
            names = names_of(head)
            rest = iter(lambda: reader.read(_CHUNK), b"")
            systems = {_system(*entry) for entry in system_hints.releases(_bounded([head], rest))} - {""}
        kind = next(iter(names)) if len(names) == 1 else ""
        format_ = "raw" if kind == "gpt" else kind
        return Inspected(format_, describe(head, names), systems.pop() if len(systems) == 1 else "", reader.size)

    def begin(self, session: Session, body: CreateUploadRequest) -> Ticket:
        """An upload in parts. 400 `over_quota` where the account has too many, or its buckets no room; 409 where there
        is an object of the name, or of the name that it will have.
        """
        require(session, body.bucket, WRITING)
        storage = self._of(session)
        target = final_name(body.object)
        if body.size > self._limits.max_file_bytes:
            most = self._limits.max_file_bytes
            raise invalid("validation_max_value", f"A file may have {most} bytes; this one has {body.size}.", "size")
        with _in_words():
            self._check_bounds(storage, body)
            for key in {body.object, target}:
                if _is_there(storage, body.bucket, key):
                    text = f"The bucket has an object '{key}' already. Delete it, or give the file another name."
                    raise conflict("conflict", text, "object")
            upload = storage.uploads.begin(body.bucket, body.object, body.size, session.ctx.ids.hex(32))
        return Ticket(upload.id, body.bucket, body.object, body.size)

    def _check_bounds(self, storage: ObjectStorage, body: CreateUploadRequest) -> None:
        if not storage.has_bucket(body.bucket):
            raise not_found("bucket", "field")
        if len(storage.uploads.pending()) >= MOST_UPLOADS:
            text = f"An account may have {MOST_UPLOADS} uploads that have not ended. Cancel one, or end it."
            raise invalid("over_quota", text, "bucket")
        if self._most and storage.used() + body.size > self._most:
            text = f"The buckets of the account may take {self._most} bytes; with this file they would take more."
            raise invalid("over_quota", text, "size")

    def pending(self, session: Session) -> list[Upload]:
        """The account's uploads that have not ended, in buckets that the caller may write."""
        with _in_words():
            uploads = self._of(session).uploads.pending()
        return [entry for entry in uploads if covers(session, entry.bucket, WRITING)]

    def received(self, session: Session, ticket: Ticket) -> dict[int, int]:
        """The parts that are there."""
        self._may_write(session, ticket)
        with _in_words():
            return self._of(session).uploads.received(ticket.upload)

    def write(self, session: Session, ticket: Ticket, number: int, content: bytes) -> None:
        """Keeps a part. 400 for one of another length than it has to have."""
        self._may_write(session, ticket)
        length = part_lengths(ticket.size).get(number)
        if length is None or len(content) != length:
            self.received(session, ticket)
            text = f"Part {number} has {len(content)} bytes" + (f"; it must have {length}." if length else ".")
            raise invalid("bad_request", text, "number", type_="parameter")
        with _in_words():
            self._of(session).uploads.write(ticket.upload, number, ticket.size, content)

    def end(self, session: Session, ticket: Ticket) -> None:
        """Makes the object. 409 while parts are missing."""
        self._may_write(session, ticket)
        with _in_words():
            self._of(session).uploads.end(ticket.upload, ticket.size)

    def convert(self, session: Session, ticket: Ticket) -> str:
        """Has an object that was uploaded converted; the id of that, or '' where there is nothing to convert."""
        format_ = CONVERTED_SUFFIXES.get(suffix_of(ticket.key))
        if format_ is None:
            return ""
        work = conversion_job.Work(ticket.bucket, ticket.key, final_name(ticket.key), format_, ticket.size)
        return conversion_job.enqueue(session, work)

    def abort(self, session: Session, ticket: Ticket) -> None:
        """Forgets the upload; one that is not there is fine."""
        require(session, ticket.bucket, DELETING)
        with _in_words():
            self._of(session).uploads.abort(ticket.upload)

    def _may_write(self, session: Session, ticket: Ticket) -> None:
        """404 also for a size that no upload can have begun with: what a ticket says, anybody can write."""
        if not covers(session, ticket.bucket, WRITING) or ticket.size > self._limits.max_file_bytes:
            raise not_found()

    def _of(self, session: Session) -> ObjectStorage:
        return self._buckets.of(session.ctx.account_id)


def suffix_of(key: str) -> str:
    return key.rsplit(".", 1)[-1].lower() if "." in key else ""


def final_name(key: str) -> str:
    """The name of the object that an upload becomes. 400 for a file that is neither imported nor converted."""
    suffix = suffix_of(key)
    if suffix not in UPLOADED_SUFFIXES:
        allowed = ", ".join(f".{entry}" for entry in UPLOADED_SUFFIXES)
        raise invalid("bad_field", f"The name of the file must end in one of {allowed}; it is '{key}'.", "object")
    return key if suffix not in CONVERTED_SUFFIXES else f"{key.rsplit('.', 1)[0]}.qcow2"


def covers(session: Session, bucket: str, action: str) -> bool:
    """Whether the caller may do the action on objects of the bucket."""
    columns = instance_buckets.c
    where = (columns.account_id == session.ctx.account_id, columns.bucket == bucket)
    instance = next((str(row.instance_id) for row in rows_of(session, instance_buckets, *where)), None)
    return session.ctx.grants.scope(action).covers({"resource": bucket, "serviceInstance": instance})


def _may_read(session: Session, bucket: str) -> None:
    """404 unless the caller may read objects of the bucket."""
    if not covers(session, bucket, READING):
        raise not_found("bucket")


def require(session: Session, bucket: str, action: str) -> None:
    """403 unless the caller may do the action on objects of the bucket."""
    if not covers(session, bucket, action):
        raise missing_action(action)


def _is_there(storage: ObjectStorage, bucket: str, key: str) -> bool:
    try:
        storage.open(bucket, key).close()
    except ObjectNotFound:
        return False
    return True


def _bounded(first: list[bytes], rest: Iterator[bytes]) -> Iterator[bytes]:
    yield from first
    done = 0
    for chunk in rest:
        yield chunk
        done += len(chunk)
        if done >= _SCANNED:
            return


def _system(id_: str, version: str) -> str:
    """The name of the operating system that an `os-release` means, or '' where there is none for it."""
    major, _, minor = version.partition(".")
    name = _SYSTEMS.get(id_, "").format(major, minor, stream="stream-" if int(major) > 8 else "")
    return name if name in OPERATING_SYSTEMS else ""


@contextmanager
def _in_words() -> Iterator[None]:
    """The failures of the object storage as refusals of the API."""
    try:
        yield
    except UploadNotFound as error:
        raise not_found() from error
    except PartsMissing as error:
        raise conflict("conflict", f"The upload is not complete: {error}.") from error
    except ObjectChanged as error:
        raise conflict("conflict", "The object was replaced since it was begun to be read.", "tag") from error
    except BucketFull as error:
        text = "The disk of the server has no room for the file."
        more = None if error.never else RETRY_AFTER
        raise Problem(Reason.UNAVAILABLE, "disk_full", text, retry_after=more) from error
    except BucketUnavailable as error:
        text = "The object storage cannot be reached, or broke off. Try again later."
        raise Problem(Reason.UNAVAILABLE, "service_unavailable", text, retry_after=RETRY_AFTER) from error
    except BadBucketName as error:
        raise invalid("bad_field", f"Invalid name of a bucket: {error}.", "name") from error
    except BadObjectName as error:
        raise invalid("bad_field", f"Invalid name of an object: {error}.", "object") from error
    except (BucketNotFound, ObjectNotFound) as error:
        raise not_found("bucket") from error
    except BucketError as error:
        raise invalid("bad_request", f"The object storage refuses this: {error}.") from error
