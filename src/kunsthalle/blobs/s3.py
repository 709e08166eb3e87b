"""One bucket of an S3 server, as little of it as blobs and buckets need, and its failures in a few plain kinds.

Objects are read in ranges, each bound to the tag that the object had first: an object that is replaced meanwhile is
never mixed with what was read before, and a connection that breaks costs one range. They are written in parts, which
the server checks against the digest that their request is signed with; what fails is aborted.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import Any

import obstore
from obstore import exceptions as raised
from obstore.store import S3Store

from kunsthalle.blobs.protocol import Watch, unwatched
from kunsthalle.blobs.s3_address import S3Address
from kunsthalle.core import trace_parents
from kunsthalle.core.log import get_logger
from kunsthalle.core.records import dataclass
from kunsthalle.core.sizes import MIB

log = get_logger("s3")
FIRST = 64 * 1024
RANGE = 8 * MIB
"""Bytes of the first and of the other ranges that are read."""
PART = 8 * MIB
"""Bytes of the parts that are written, at least: there may be 10,000 of them."""
RETRIES = 3
"""How often a request is made once more, with pauses that double."""
_MOST_PARTS = 9_000
_AHEAD = 3
"""Ranges that are on their way while one is being worked on."""
_CONCURRENT = 3
_SPANS = 8
"""Of so many requests and jobs clients are kept."""
_QUICK_SECONDS = 4.0
"""For what a caller waits for: whether an object is there."""


class S3Error(Exception):
    """What an S3 server answered, or did not. The message is for people, and names no host."""


class S3Unavailable(S3Error):
    """No answer, a broken one, or one that says to come again: trying later may help."""


class S3Denied(S3Error):
    """The server does not let the product do that."""


class S3Missing(S3Error):
    """No such object, or no such bucket."""


class S3Changed(S3Error):
    """The object is another one than it was."""


@dataclass(frozen=True, slots=True)
class S3Head:
    """Length in bytes, and the tag that changes with the content."""

    size: int
    tag: str


class S3Bucket:
    """The objects below a prefix of a bucket; names are relative to it."""

    def __init__(self, address: S3Address) -> None:
        self.address = address
        self._patient = _Clients(partial(_store, address, address.seconds, RETRIES))
        self._hasty = _Clients(partial(_store, address, min(address.seconds, _QUICK_SECONDS), min(RETRIES, 1)))

    @property
    def _store(self) -> S3Store:
        return self._patient.client()

    @property
    def _quick(self) -> S3Store:
        return self._hasty.client()

    def head(self, name: str) -> S3Head:
        """S3Missing if it is not there."""
        with _translated("HEAD", name):
            s3_head = obstore.head(self._quick, name)
            return S3Head(s3_head["size"], s3_head["e_tag"] or "")

    def read(self, name: str, head: S3Head, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The object from an offset on, up to another one, a range at a time, while the next ones are on their way."""
        ranges, store = _ranges(start, head.size if end is None else end), self._store
        coming: deque[Future[bytes]] = deque()
        with ThreadPoolExecutor(_AHEAD, thread_name_prefix="s3") as pool:
            try:
                while True:
                    if not coming:
                        coming.extend(pool.submit(_range, store, name, head, *span) for span in islice(ranges, 1))
                    if not coming:
                        return
                    yield coming.popleft().result()  # nothing is ahead of the first one: it may be refused
                    coming.extend(
                        pool.submit(_range, store, name, head, *span) for span in islice(ranges, _AHEAD - len(coming))
                    )
            finally:
                for late in coming:
                    late.cancel()

    def put(self, name: str, path: Path, watch: Watch = unwatched) -> None:
        """Writes a local file into an object: whole, or not at all."""
        size = path.stat().st_size
        with _translated("PUT", name):
            if size <= PART:
                obstore.put(self._store, name, path.read_bytes(), use_multipart=False)
                watch(size)
            else:
                part = _part(size)
                chunks = _chunks(path, part, watch)
                obstore.put(self._store, name, chunks, chunk_size=part, max_concurrency=_CONCURRENT)
        written = self.head(name).size
        if written != size:
            raise S3Unavailable(f"Of {size} bytes the object storage has kept {written}.")

    def put_bytes(self, name: str, content: bytes) -> None:
        with _translated("PUT", name):
            obstore.put(self._quick, name, content, use_multipart=False)

    def delete(self, name: str) -> None:
        """An absent object is fine."""
        with contextlib.suppress(S3Missing), _translated("DELETE", name):
            obstore.delete(self._store, name)

    def listed(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Name and length in bytes of every object below a prefix, which ends at a slash."""
        with _translated("LIST", prefix):
            for page in obstore.list(self._store, prefix or None):
                for item in page:
                    yield item["path"], item["size"]

    def objects(self, most: int, after: str = "") -> list[tuple[str, int, float]]:
        """Name, length in bytes, and when it was written in seconds since the epoch, of at most so many objects, from
        the first one after a name.
        """
        results: list[tuple[str, int, float]] = []
        with _translated("LIST", ""):
            for page in obstore.list(self._store, offset=after or None):
                results += [(entry["path"], entry["size"], entry["last_modified"].timestamp()) for entry in page]
                if len(results) >= most:
                    break
        return results[:most]

    def folders(self) -> list[str]:
        """The first parts of all names that have more than one."""
        with _translated("LIST", ""):
            return [str(common_prefix) for common_prefix in obstore.list_with_delimiter(self._quick)["common_prefixes"]]

    def answers(self) -> bool:
        """Whether the bucket is there and may be read. S3Unavailable where nobody says."""
        try:
            with _translated("LIST", ""):
                next(iter(obstore.list(self._quick, chunk_size=1)), None)
        except (S3Missing, S3Denied):
            return False
        return True


class _Clients:
    """The client of a bucket, which sends the same headers with every request: for calls of a span it is another one
    (`trace_parents`).
    """

    def __init__(self, made: Callable[[Mapping[str, str]], S3Store]) -> None:
        self._plain = made({})
        self._of_span = lru_cache(_SPANS)(lambda value: made({trace_parents.HEADER: value}))

    def client(self) -> S3Store:
        parent = trace_parents.current()
        return self._plain if parent is None else self._of_span(parent.text)


def _range(store: S3Store, name: str, head: S3Head, offset: int, end: int) -> bytes:
    with _translated("GET", name):
        response = obstore.get(store, name, options={"range": (offset, end), "if_match": head.tag or None})
        if head.tag and response.meta["e_tag"] != head.tag:
            raise S3Changed("The object was replaced while it was read.")
        content = bytes(response.bytes())
    if len(content) != end - offset:
        raise S3Unavailable("The object storage sent fewer bytes than it announced.")
    return content


def _ranges(start: int, size: int) -> Iterator[tuple[int, int]]:
    """A short one first: the kind of a file shows in it."""
    offset, step = start, FIRST
    while offset < size:
        yield offset, min(offset + step, size)
        offset, step = offset + step, RANGE


def _part(size: int) -> int:
    """Bytes of a part: so many that there are few enough."""
    return max(PART, -(-size // _MOST_PARTS // 1_048_576) * 1_048_576)


def _chunks(path: Path, part: int, watch: Watch) -> Iterator[bytes]:
    done = 0
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(part):
            yield chunk
            done += len(chunk)
            watch(done)


def _store(address: S3Address, seconds: float, retries: int, headers: Mapping[str, str]) -> S3Store:
    keys = address.keys
    endpoint = address.endpoint
    if address.virtual:
        scheme, _, host = endpoint.partition("://")
        endpoint = f"{scheme}://{address.bucket}.{host}"
    client: dict[str, Any] = {
        "allow_http": endpoint.startswith("http://"),
        "connect_timeout": timedelta(seconds=min(seconds, 5.0)),
        "read_timeout": timedelta(seconds=seconds),
        "timeout": timedelta(seconds=seconds * 15),
        "default_headers": dict(headers),
    }
    if address.ca_file is not None:
        client["root_certificate"] = address.ca_file.read_bytes()
    pauses: Any = {"init_backoff": timedelta(seconds=seconds / 200), "max_backoff": timedelta(seconds=seconds / 10)}
    # Whatever the environment says of other servers does not count here: everything is given.
    return S3Store(
        address.bucket,
        prefix=address.prefix or None,
        config={
            "aws_endpoint_url_s3": endpoint,
            "endpoint": endpoint,
            "region": address.region,
            "virtual_hosted_style_request": address.virtual,
            "skip_signature": False,
        },
        client_options=client,  # type: ignore[arg-type]  # the stub names a type that only stubs have
        retry_config={"max_retries": retries, "retry_timeout": timedelta(seconds=seconds * 3), "backoff": pauses},
        credential_provider=lambda: {  # type: ignore[arg-type]  # as above
            "access_key_id": keys.id,
            "secret_access_key": keys.secret,
            "token": keys.token,
            "expires_at": None,
        },
    )


@contextlib.contextmanager
def _translated(verb: str, name: str) -> Iterator[None]:
    """What the client raises, in the kinds above; its own words are for the operator's log."""
    try:
        yield
    except (FileNotFoundError, raised.NotFoundError, raised.InvalidPathError) as error:
        raise S3Missing("There is no such object.") from error
    except (raised.PermissionDeniedError, raised.UnauthenticatedError) as error:
        log.warning("s3 refused", verb=verb, object=name, error=str(error)[:300])
        raise S3Denied("The object storage refuses the access.") from error
    except (raised.PreconditionError, raised.NotModifiedError) as error:
        raise S3Changed("The object was replaced while it was read.") from error
    except (raised.BaseError, OSError, ValueError) as error:
        if "<Code>NoSuchBucket</Code>" in str(error):  # the client has no kind for it where it lists
            raise S3Missing("There is no such bucket.") from error
        log.warning("s3 failed", verb=verb, object=name, error=str(error)[:300])
        raise S3Unavailable("The object storage cannot be reached, or broke off.") from error
