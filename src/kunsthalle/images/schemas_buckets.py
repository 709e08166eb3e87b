"""Buckets, their objects, uploads and conversions, as the console and scripts are shown them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from kunsthalle.api.serialization import RequestBody, ResponseBody

BucketName = Annotated[str, Meta(min_length=1, max_length=63)]
ObjectKey = Annotated[str, Meta(min_length=1, max_length=512)]


class CreateBucketRequest(RequestBody):
    """A new bucket."""

    name: BucketName


class CreateUploadRequest(RequestBody):
    """A file that will come in parts: where to, and how many bytes it has."""

    bucket: BucketName
    object: ObjectKey
    size: Annotated[int, Meta(ge=1, le=2**48)]


class NamedBucketResponse(ResponseBody):
    """A bucket."""

    name: str


class BucketsResponse(ResponseBody):
    """The buckets that the caller may read."""

    buckets: list[NamedBucketResponse]


class StoredObjectResponse(ResponseBody):
    """An object. `size` is in bytes; `href` is what an import is told, where its name ends as one of an image does."""

    name: str
    size: int
    modified_at: str
    href: str


class StoredObjectsResponse(ResponseBody):
    """Objects of a bucket, by name. `complete` is false where there are more than are listed: `next` is then what
    `after` has to be for them.
    """

    objects: list[StoredObjectResponse]
    complete: bool
    next: str


class InspectionResponse(ResponseBody):
    """What an object seems to be by its bytes. `format` and `operating_system` are empty where they do not say; `size`
    and `href` are as in a list of objects.
    """

    format: str
    description: str
    importable: bool
    operating_system: str
    size: int
    href: str


class UploadResponse(ResponseBody):
    """An upload in parts. `received` are the numbers of the parts that are there; each but the last has `part_size`
    bytes. `becomes` is the name that the object has in the end.
    """

    id: str
    bucket: str
    object: str
    becomes: str
    size: int
    part_size: int
    parts: int
    received: list[int]
    received_bytes: int


class PendingUploadResponse(ResponseBody):
    """An upload that has not ended. `id` is good for cancelling it, also for whoever has lost its own."""

    id: str
    bucket: str
    object: str


class PendingUploadsResponse(ResponseBody):
    """The uploads that have not ended."""

    uploads: list[PendingUploadResponse]


class EndedUploadResponse(ResponseBody):
    """The object that an upload has become. `conversion` is the id of its conversion, or empty."""

    bucket: str
    object: str
    href: str
    conversion: str


class ConversionResponse(ResponseBody):
    """How far a conversion is. `phase`: `waiting`, `receiving`, `converting`, `writing`, `done` or `failed`, with the
    `reason`.
    """

    id: str
    phase: str
    percent: int
    done_bytes: int
    total_bytes: int
    reason: str
