"""Uploads in parts: those that somebody sends over days, and those that a killed process has left on an S3 server.

The client that moves whole files has no word for these requests, so they are signed here (Signature Version 4, as every
S3 server knows it) and sent with the standard library.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ssl
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from kunsthalle.blobs.s3 import S3Denied, S3Error, S3Missing, S3Unavailable
from kunsthalle.blobs.s3_address import S3Address
from kunsthalle.core import trace_parents
from kunsthalle.core.clock import SECOND, SystemClock
from kunsthalle.core.records import dataclass
from kunsthalle.core.sizes import MIB

_MOST_BYTES = 8 * MIB
_MOST_PAGES = 100


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An upload in parts. `key` is the object's whole name in its bucket; `since` is in seconds since the epoch."""

    key: str
    id: str
    since: float


def unfinished(address: S3Address) -> list[Unfinished]:
    """Every such upload below the address's prefix. S3Error."""
    uploads: list[Unfinished] = []
    query = {"uploads": "", "prefix": f"{address.prefix}/" if address.prefix else ""}
    for _ in range(_MOST_PAGES):
        page = _tree(_ask(address, "GET", "", query))
        uploads += [
            Unfinished(_text(upload, "Key"), _text(upload, "UploadId"), _moment(_text(upload, "Initiated")))
            for upload in page.iter()
            if _name(upload) == "Upload"
        ]
        if _text(page, "IsTruncated") != "true":
            break
        query |= {
            "key-marker": _text(page, "NextKeyMarker"),
            "upload-id-marker": _text(page, "NextUploadIdMarker"),
        }
    return [upload for upload in uploads if upload.key.startswith(query["prefix"])]


@dataclass(frozen=True, slots=True)
class Part:
    """A part that the server has: `size` in bytes, and its entity tag."""

    number: int
    size: int
    etag: str


def begin(address: S3Address, key: str) -> str:
    """The id of a new upload of an object, whose whole name is given. S3Error."""
    return _text(_tree(_ask(address, "POST", key, {"uploads": ""})), "UploadId")


def put_part(address: S3Address, key: str, upload: str, number: int, content: bytes) -> None:
    """Sends a part; S3Missing where there is no such upload, S3Error."""
    _ask(address, "PUT", key, {"partNumber": str(number), "uploadId": upload}, content)


def parts(address: S3Address, key: str, upload: str) -> list[Part]:
    """What the server has of an upload, by number. S3Missing, S3Error."""
    results: list[Part] = []
    query = {"uploadId": upload}
    for _ in range(_MOST_PAGES):
        page = _tree(_ask(address, "GET", key, query))
        results += [
            Part(int(_text(entry, "PartNumber")), int(_text(entry, "Size")), _text(entry, "ETag"))
            for entry in page.iter()
            if _name(entry) == "Part"
        ]
        if _text(page, "IsTruncated") != "true":
            break
        query |= {"part-number-marker": _text(page, "NextPartNumberMarker")}
    return sorted(results, key=lambda part: part.number)


def complete(address: S3Address, key: str, upload: str, having: Sequence[Part]) -> None:
    """Makes an object of the parts. A server may say 200 first and fail then. S3Missing, S3Error."""
    root = ET.Element("CompleteMultipartUpload")
    for part in having:
        entry = ET.SubElement(root, "Part")
        ET.SubElement(entry, "PartNumber").text = str(part.number)
        ET.SubElement(entry, "ETag").text = part.etag
    answer = _ask(address, "POST", key, {"uploadId": upload}, ET.tostring(root))
    if answer.strip() and _name(_tree(answer)) == "Error":
        raise S3Unavailable("The object storage could not put the parts together.")


def abort(address: S3Address, upload: Unfinished) -> None:
    """Frees its parts; one that is gone is fine. S3Error."""
    try:
        _ask(address, "DELETE", upload.key, {"uploadId": upload.id})
    except S3Missing:
        return


def _ask(address: S3Address, method: str, key: str, query: Mapping[str, str], body: bytes = b"") -> bytes:
    parts = urlsplit(address.endpoint)
    host = f"{address.bucket}.{parts.netloc}" if address.virtual else parts.netloc
    path = f"/{quote(key, safe='/~')}" if address.virtual else f"/{address.bucket}/{quote(key, safe='/~')}".rstrip("/")
    asked = "&".join(f"{quote(name, safe='~')}={quote(query[name], safe='~')}" for name in sorted(query))
    headers = _signed(address, method, host, path or "/", asked, hashlib.sha256(body).hexdigest())
    try:
        connection = _connection(address, parts.scheme, host)
        try:
            connection.request(method, f"{path or '/'}?{asked}", body or None, {**headers, **trace_parents.headers()})
            answer = connection.getresponse()
            told = answer.read(_MOST_BYTES)
        finally:
            connection.close()
    except (OSError, http.client.HTTPException) as error:
        raise S3Unavailable("The object storage cannot be reached, or broke off.") from error
    if answer.status >= http.client.BAD_REQUEST:
        raise _refusal(answer.status)
    return told


def _connection(address: S3Address, scheme: str, host: str) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(host, timeout=address.seconds)
    trusted = ssl.create_default_context(cafile=str(address.ca_file) if address.ca_file else None)
    return http.client.HTTPSConnection(host, timeout=address.seconds, context=trusted)


def _refusal(status: int) -> S3Error:
    if status == http.client.NOT_FOUND:
        return S3Missing("There is no such upload.")
    if status in {http.client.UNAUTHORIZED, http.client.FORBIDDEN}:
        return S3Denied("The object storage refuses the access.")
    return S3Unavailable(f"The object storage answered {status}.")


def _signed(address: S3Address, method: str, host: str, path: str, query: str, payload: str) -> dict[str, str]:
    """The headers of a request; `payload` is the hexadecimal sha256 of its body."""
    keys, now = address.keys, datetime.fromtimestamp(SystemClock().real() / SECOND, UTC)
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    headers = {"host": host, "x-amz-content-sha256": payload, "x-amz-date": stamp}
    if keys.token:
        headers["x-amz-security-token"] = keys.token
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = f"{method}\n{path}\n{query}\n{lines}\n{names}\n{payload}"
    scope = f"{day}/{address.region}/s3/aws4_request"
    text = "\n".join(("AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    secret = f"AWS4{keys.secret}".encode()
    for part in (day, address.region, "s3", "aws4_request"):
        secret = hmac.digest(secret, part.encode(), "sha256")
    signature = hmac.digest(secret, text.encode(), "sha256").hex()
    credential = f"Credential={keys.id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "authorization": f"AWS4-HMAC-SHA256 {credential}"}


def _tree(body: bytes) -> ET.Element:
    try:
        if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
            raise S3Unavailable("The object storage answered with what is no list.")
        return ET.fromstring(body)  # noqa: S314  no document type is let through
    except ET.ParseError as error:
        raise S3Unavailable("The object storage answered with what is no list.") from error


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _text(element: ET.Element, name: str) -> str:
    return next((child.text or "" for child in element if _name(child) == name), "")


def _moment(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0
