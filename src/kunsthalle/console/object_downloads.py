"""Objects of buckets as files: sent piece by piece, each asked of the API when the one before has been taken.

So no more than a piece is in memory, whatever the size; who may not read the bucket any more, or has signed out, gets
no further piece. A browser goes on with what broke off by the range that it names.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from urllib.parse import quote

from starlette.responses import Response

from kunsthalle.api.asgi import Receive, Scope, Send
from kunsthalle.console.api_client import Refused, segment
from kunsthalle.console.page_frame import Page, Visit
from kunsthalle.console.sign_in_pages import renewed
from kunsthalle.core.log import get_logger
from kunsthalle.core.records import dataclass
from kunsthalle.core.text_values import integer

log = get_logger("console")
CONTENT = "/_kunsthalle/buckets/{bucket}/content"
_RANGE = re.compile(r"bytes=(\d{1,16})-(\d{0,16})")
_PAUSES = (1, 2, 4, 8)
"""Seconds to wait before a piece is asked for again that the API had no time for."""
_BUSY = frozenset({429, 503})
_PLAIN = re.compile(r"[^A-Za-z0-9._ -]")


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of an object that has `size` of them; the tag is another one when the object is another one."""

    content: bytes
    size: int
    tag: str


async def _piece(visit: Visit, name: str, offset: int, tag: str = "") -> Piece:
    path = f"/_kunsthalle/buckets/{visit.id('bucket_name')}/content"
    query = [("object", name), ("offset", str(offset)), ("tag", tag)]
    content, headers = await visit.api.read_bytes(path, query)
    return Piece(content, integer(headers["x-object-size"]) or 0, headers["x-object-tag"])


async def _as_signed_in_now(visit: Visit) -> None:
    """Has the visit call with a token that is in time. Refused once the session has ended."""
    session = await visit.sessions.find(visit.secret)
    here = session.here if session is not None else None
    if session is None or here is None or here.account_id != visit.active:
        raise Refused(401, "unauthorized", "The session has ended.")
    session = await renewed(visit, session)
    if session is None or session.here is None:
        raise Refused(401, "unauthorized", "The session has ended.")
    visit.api = visit.api.with_token(session.here.access_token)


async def _next_piece(visit: Visit, name: str, offset: int, tag: str) -> Piece:
    for pause in _PAUSES:
        await _as_signed_in_now(visit)
        try:
            return await _piece(visit, name, offset, tag)
        except Refused as refused:
            if refused.status not in _BUSY:
                raise
        await asyncio.sleep(pause)
    return await _piece(visit, name, offset, tag)


class _Sent(Response):
    """Bytes `start` to `end` of an object, the first piece of which is there already."""

    def __init__(self, visit: Visit, name: str, first: Piece, start: int, end: int) -> None:
        super().__init__(None, 200)
        self._visit, self._name, self._first, self._start, self._end = visit, name, first, start, end

    async def _pieces(self) -> AsyncIterator[bytes]:
        piece, done = self._first, self._start
        while done < self._end:
            if not piece.content:
                piece = await _next_piece(self._visit, self._name, done, self._first.tag)
            content = piece.content[: self._end - done]
            yield content
            done += len(content)
            piece = Piece(b"", piece.size, piece.tag)
            if not content:
                return

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  as ASGI has it
        """What breaks off has sent fewer bytes than its head announced, which tells the browser."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if scope["method"] != "HEAD":
            try:
                async for content in self._pieces():
                    await send({"type": "http.response.body", "body": content, "more_body": True})
            except Refused as refused:
                log.warning("download broke off", status=refused.status, trace=refused.trace)
                return
        await send({"type": "http.response.body", "body": b""})


def disposition(key: str) -> str:
    """The header that has a browser keep an object under the last part of its name (RFC 6266)."""
    name = key.rsplit("/", 1)[-1]
    plain = _PLAIN.sub("_", name).lstrip(". ") or "object"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _span(visit: Visit, size: int, tag: str) -> tuple[int, int] | None:
    """The bytes that are asked for, the second one not among them; None for all. Refused for none that are there."""
    headers = visit.request.headers
    span = _RANGE.fullmatch(headers.get("range", ""))
    if span is None or headers.get("if-range", tag) != tag:
        return None
    start, end = int(span[1]), min(int(span[2]) + 1 if span[2] else size, size)
    if start >= end:
        raise Refused(416, "bad_range", "The object has no such bytes.")
    return start, end


async def _download(visit: Visit) -> Response:
    """Asked for with HEAD, or with a range, its first piece says what size the object has."""
    name = visit.query.get("object", "")
    first = await _piece(visit, name, 0)
    tag = f'"{first.tag}"'
    span = _span(visit, first.size, tag)
    start, end = span or (0, first.size)
    if start:
        first = Piece(b"", first.size, first.tag)
    answer = _Sent(visit, name, first, start, end)
    answer.headers["content-type"] = "application/octet-stream"
    answer.headers["content-length"] = str(end - start)
    answer.headers["content-disposition"] = disposition(name)
    answer.headers["accept-ranges"] = "bytes"
    answer.headers["etag"] = tag
    if span is not None:
        answer.status_code = 206
        answer.headers["content-range"] = f"bytes {start}-{end - 1}/{first.size}"
    return answer


def address(bucket: str, key: str) -> str:
    """Where an object is downloaded."""
    return f"/buckets/{segment(bucket)}/download?object={segment(key)}"


DOWNLOADS: tuple[Page, ...] = (Page("GET", "/buckets/{bucket_name}/download", _download, f"GET {CONTENT}", file=True),)
"""What is no page, and answered with one where it is refused."""
