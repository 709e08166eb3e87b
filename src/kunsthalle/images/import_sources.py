"""Where the bytes of a new image come from: an object in a bucket, or a volume (which a package further right owns)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote

from kunsthalle.api.references import Identity
from kunsthalle.core.disk_formats import FORMATS, IMPORTED
from kunsthalle.core.disk_space import Space
from kunsthalle.core.errors import Problem, Reason, Target, invalid
from kunsthalle.core.records import dataclass
from kunsthalle.db.session import Session
from kunsthalle.disk_images import import_rules
from kunsthalle.object_storage.folder_buckets import INCOMING, Buckets
from kunsthalle.object_storage.protocol import (
    BadBucketName,
    BucketError,
    BucketNotFound,
    BucketUnavailable,
    ObjectReader,
    ObjectStorage,
)
from kunsthalle.object_storage.uploads import seconds

_HREF = re.compile(r"cos://([a-z0-9-]{1,32})/([^/]{1,255})/(.{1,1024})")
_FORMATS = {FORMATS[name].suffix: name for name in IMPORTED}
_SUFFIXES = " or ".join(f".{suffix}" for suffix in _FORMATS)
FIELD = "file.href"
FORSAKEN_SECONDS = 86_400.0
"""A file on its way that nobody has written to for so long is no other node's work."""
_NOT_AUTHORIZED = "The request is not authorized to access the Cloud Object Storage resource."
ANY_CAUSE = (
    "The bucket must be one of this account; if it belongs to an instance of cloud-object-storage, the service is "
    "needs an authorization to that, as Reader to import and as Writer to export."
)


def not_authorized(field: str, cause: str = ANY_CAUSE) -> Problem:
    """403 for a bucket that is closed to the VPC services, one of another account, and none at all.

    Without a `cause` the three read the same.
    """
    return Problem(Reason.FORBIDDEN, "cos_not_authorized", f"{_NOT_AUTHORIZED} {cause}", Target(field))


@dataclass(frozen=True, slots=True)
class CosObject:
    """A parsed `cos://` address; `format` is what the object's suffix claims."""

    region: str
    bucket: str
    key: str
    format: str


def parse_href(href: str) -> CosObject:
    """400 with the codes of vpc-api.md A6 for addresses that cannot be imported from."""
    if not href.startswith("cos://"):
        raise invalid("cos_scheme_uri_invalid", "The address must be cos://<region>/<bucket>/<object>.", FIELD)
    match = _HREF.fullmatch(href)
    if match is None:
        raise invalid("cos_uri_not_supported", "The address must be cos://<region>/<bucket>/<object>.", FIELD)
    key = unquote(match[3])
    suffix = key.rsplit(".", 1)[-1]
    if suffix not in _FORMATS:
        convert = f"Convert a disk of another format first: {import_rules.CONVERT}."
        text = f"The object's name must end in {_SUFFIXES}. {convert}"
        raise invalid("cos_invalid_file_extension", text, FIELD)
    return CosObject(match[1], match[2], key, _FORMATS[suffix])


def refuse_region(source: CosObject, region: str) -> None:
    """400 for an object in another region than the server's."""
    if source.region != region:
        text = f"The region '{source.region}' is not the region of this server, whose buckets are at cos://{region}/."
        raise invalid("cos_uri_not_supported", text, FIELD)


class AccountBuckets:
    """The object storage of each account, so that no account can even name another's bucket: a folder of its own below
    `root`, or what `elsewhere` makes of the account's id.
    """

    def __init__(
        self, root: Path, elsewhere: Callable[[str], ObjectStorage] | None = None, space: Space | None = None
    ) -> None:
        self._root = root
        self._space = space
        self._make = elsewhere or self._folder
        self._opened: dict[str, ObjectStorage] = {}

    def of(self, account_id: str) -> ObjectStorage:
        """One object an account, whichever thread asks: it numbers what is on its way in."""
        buckets = self._opened.get(account_id)
        return buckets or self._opened.setdefault(account_id, self._make(account_id))

    def _folder(self, account_id: str) -> ObjectStorage:
        return Buckets(self._root / account_id, self._space)

    def sweep(self, older_than_seconds: float, now: Callable[[], float] = seconds) -> int:
        """At the start of a process: removes what a killed one left on its way into folders; how many files.

        Where other nodes write there, too, only what has not been written to for so long.
        """
        limit, removed = now() - older_than_seconds, 0
        for path in self._root.glob(f"*/{INCOMING}/*"):
            with suppress(FileNotFoundError):
                if not older_than_seconds or path.stat().st_mtime < limit:
                    path.unlink()
                    removed += 1
        return removed

    def folder(self, account_id: str) -> Path:
        return self._root / account_id

    def open(self, account_id: str, source: CosObject, cause: str = ANY_CAUSE) -> ObjectReader:
        """403 for a bucket that the account does not have, whoever else may; 400 `cos_not_found` for an object that a
        bucket of the account does not have; BucketUnavailable. `cause` is said of a bucket that is not there.
        """
        try:
            return self.of(account_id).open(source.bucket, source.key)
        except BucketUnavailable:
            raise
        except (BadBucketName, BucketNotFound) as error:
            raise not_authorized(FIELD, cause) from error
        except BucketError as error:
            text = f"The object '{source.key}' does not exist in the bucket '{source.bucket}', or cannot be read."
            raise invalid("cos_not_found", text, FIELD) from error


@dataclass(frozen=True, slots=True)
class VolumeSource:
    """A volume as the source of an image, which keeps `reference`, and may be used as the volume may.

    `size` is the capacity in bytes. An encrypted volume has the CRN of a root key and a data key that it wraps, with
    which the bytes that `flatten` gives are encrypted as well.
    """

    volume_id: str
    operating_system: str
    reference: dict[str, Any]
    allowed_use: Mapping[str, str]
    size: int = 0
    encryption_key: str | None = None
    encrypted_data_key: str | None = None


@dataclass(frozen=True, slots=True)
class VolumeBytes:
    """The volume's content as one file without a backing chain. `digest` names a blob that is just that already."""

    path: Path | None
    digest: str | None
    format: str


class Volumes(Protocol):
    """What the images package asks of volumes."""

    def source(self, session: Session, identity: Identity) -> VolumeSource:
        """The volume that is meant, if an image can be made from it now; a Problem otherwise."""

    def content(self, session: Session, volume_id: str) -> Any:
        """What `flatten` needs, read in one transaction."""

    def flatten(self, content: Any) -> VolumeBytes:
        """Its bytes, outside any transaction."""
