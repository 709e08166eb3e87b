"""`/_kunsthalle/buckets`, `/_kunsthalle/uploads`, `/_kunsthalle/conversions`: the account's object storage.

The service whose buckets these stand for has an API of its own, which is not spoken here; the console needs no more of
it than to bring files in and to find them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote

from msgspec import Meta

from kunsthalle.api import access
from kunsthalle.api.query_params import Parameters
from kunsthalle.api.request import Reply, Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.iam import OPERATOR
from kunsthalle.core.disk_formats import UPLOADED_SUFFIXES
from kunsthalle.core.errors import invalid, not_found
from kunsthalle.core.sizes import MIB
from kunsthalle.core.text_values import integer
from kunsthalle.db.session import Session
from kunsthalle.images import conversion_job
from kunsthalle.images.bucket_service import (
    DELETING,
    MOST_OBJECTS,
    BucketService,
    Ticket,
    final_name,
    suffix_of,
    ticket_of,
)
from kunsthalle.images.object_storage_instances import READING, WRITING
from kunsthalle.images.schemas_buckets import (
    BucketsResponse,
    ConversionResponse,
    CreateBucketRequest,
    CreateUploadRequest,
    EndedUploadResponse,
    InspectionResponse,
    NamedBucketResponse,
    PendingUploadResponse,
    PendingUploadsResponse,
    StoredObjectResponse,
    StoredObjectsResponse,
    UploadResponse,
)
from kunsthalle.images.transfer_progress import Transfer
from kunsthalle.object_storage.uploads import MOST_PARTS, StoredObject, Upload, part_lengths, part_size

LARGEST_PART = 32 * MIB
_BUCKETS, _UPLOADS, _CONVERSIONS = "/_kunsthalle/buckets", "/_kunsthalle/uploads", "/_kunsthalle/conversions"
_OBJECTS, _UPLOAD = f"{_BUCKETS}/{{bucket}}/objects", f"{_UPLOADS}/{{id}}"
_CONTENT = f"{_BUCKETS}/{{bucket}}/content"


class InspectionParameters(Parameters, frozen=True):
    """Which object is looked into."""

    object: Annotated[str, Meta(min_length=1, max_length=1024, description="The object's name.")]


class PieceParameters(InspectionParameters, frozen=True):
    """Which bytes of an object are read."""

    offset: Annotated[int, Meta(ge=0, le=2**53, description="Of the first byte that is answered.")] = 0
    tag: Annotated[str, Meta(max_length=64, description="That of an earlier piece: 409 if it is another one now.")] = ""


class ObjectsParameters(Parameters, frozen=True):
    """Which objects of a bucket are listed."""

    limit: Annotated[int, Meta(ge=1, le=MOST_OBJECTS, description="How many at most.")] = MOST_OBJECTS
    after: Annotated[str, Meta(max_length=1024, description="The name that those that are listed come after.")] = ""


def href(session: Session, bucket: str, key: str) -> str:
    """What an import is told of an object."""
    return f"cos://{session.ctx.region.name}/{bucket}/{quote(key, safe='/')}"


def _import_href(session: Session, bucket: str, key: str) -> str:
    """The same where the name ends as one of an image does, else ''."""
    return href(session, bucket, key) if suffix_of(key) in UPLOADED_SUFFIXES else ""


def _shown(session: Session, bucket: str, entry: StoredObject) -> StoredObjectResponse:
    modified = datetime.fromtimestamp(entry.modified, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    address = _import_href(session, bucket, entry.key)
    return StoredObjectResponse(name=entry.key, size=entry.size, modified_at=modified, href=address)


def _upload(ticket: Ticket, received: dict[int, int]) -> UploadResponse:
    return UploadResponse(
        id=ticket.text,
        bucket=ticket.bucket,
        object=ticket.key,
        becomes=final_name(ticket.key),
        size=ticket.size,
        part_size=part_size(ticket.size),
        parts=len(part_lengths(ticket.size)),
        received=sorted(received),
        received_bytes=sum(received.values()),
    )


def _pending(upload: Upload) -> PendingUploadResponse:
    """Its size is nobody's business here, and not every storage knows it: the id is good for cancelling."""
    ticket = Ticket(upload.id, upload.bucket, upload.key, 1)
    return PendingUploadResponse(id=ticket.text, bucket=upload.bucket, object=upload.key)


def _bucket_routes(service: BucketService) -> tuple[Route, ...]:
    def buckets(session: Session, _request: Request) -> BucketsResponse:
        """List the buckets of the account."""
        return BucketsResponse(buckets=[NamedBucketResponse(name=name) for name in service.names(session)])

    def create(session: Session, request: Request) -> NamedBucketResponse:
        """Create a bucket."""
        service.create(session, request.body)
        return NamedBucketResponse(name=request.body.name)

    def objects(session: Session, request: Request, query: ObjectsParameters) -> StoredObjectsResponse:
        """List the objects of a bucket."""
        bucket = request.params["bucket"]
        results, complete = service.objects(session, bucket, query.limit, query.after)
        shown = [_shown(session, bucket, entry) for entry in results]
        return StoredObjectsResponse(objects=shown, complete=complete, next="" if complete else results[-1].key)

    def read(session: Session, request: Request, query: PieceParameters) -> Reply:
        """Read a piece of an object."""
        piece = service.piece(session, request.params["bucket"], query.object, query.offset, query.tag)
        headers = {"X-Object-Size": str(piece.size), "X-Object-Tag": piece.tag}
        return Reply(piece.content, headers=headers, media="application/octet-stream")

    def deleted(session: Session, request: Request, query: InspectionParameters) -> None:
        """Delete an object."""
        service.delete(session, request.params["bucket"], query.object)

    def delete(_session: Session, _request: Request, _query: InspectionParameters) -> None:
        """Delete an object."""

    def inspect(session: Session, request: Request, query: InspectionParameters) -> InspectionResponse:
        """Say what an object seems to be, by its first bytes."""
        bucket = request.params["bucket"]
        inspected = service.inspect(session, bucket, query.object)
        return InspectionResponse(
            format=inspected.format,
            description=inspected.text,
            importable=bool(inspected.format) and UPLOADED_SUFFIXES.get(suffix_of(query.object)) == inspected.format,
            operating_system=inspected.system,
            size=inspected.size,
            href=_import_href(session, bucket, query.object),
        )

    surface, reader = OPERATOR, access.create(READING)
    return (
        route("GET", _BUCKETS, buckets, surface=surface, access=reader, answer=BucketsResponse, long=True),
        route(
            "POST",
            _BUCKETS,
            create,
            surface=surface,
            access=access.create(WRITING),
            body=CreateBucketRequest,
            answer=NamedBucketResponse,
            status=201,
        ),
        route(
            "GET",
            _OBJECTS,
            objects,
            surface=surface,
            access=reader,
            query=ObjectsParameters,
            answer=StoredObjectsResponse,
            long=True,
        ),
        route(
            "DELETE",
            _OBJECTS,
            delete,
            prepare=deleted,
            surface=surface,
            access=access.create(DELETING),
            query=InspectionParameters,
            status=204,
        ),
        route("GET", _CONTENT, read, surface=surface, access=reader, query=PieceParameters, long=True),
        route(
            "GET",
            f"{_BUCKETS}/{{bucket}}/inspection",
            inspect,
            surface=surface,
            access=reader,
            query=InspectionParameters,
            answer=InspectionResponse,
            long=True,
        ),
    )


def _upload_routes(service: BucketService) -> tuple[Route, ...]:
    def begun(session: Session, request: Request) -> UploadResponse:
        """Begin an upload in parts."""
        return _upload(service.begin(session, request.body), {})

    def begin(_session: Session, request: Request) -> UploadResponse:
        """Begin an upload in parts."""
        return request.prepared  # type: ignore[no-any-return]  # what `begun` has answered

    def pending(session: Session, _request: Request) -> PendingUploadsResponse:
        """List the uploads that have not ended."""
        return PendingUploadsResponse(uploads=[_pending(entry) for entry in service.pending(session)])

    def look(session: Session, request: Request) -> UploadResponse:
        """Get an upload, and which of its parts are there."""
        ticket = ticket_of(request.params["id"])
        return _upload(ticket, service.received(session, ticket))

    def write(session: Session, request: Request) -> None:
        """Send a part of an upload."""
        number = integer(request.params["number"], 1, MOST_PARTS)
        if number is None:
            text = f"A part has a number from 1 to {MOST_PARTS}; this one is '{request.params['number']}'."
            raise invalid("bad_request", text, "number", type_="parameter")
        service.write(session, ticket_of(request.params["id"]), number, request.raw)

    def ended(session: Session, request: Request) -> None:
        """End an upload."""
        service.end(session, ticket_of(request.params["id"]))

    def end(session: Session, request: Request) -> EndedUploadResponse:
        """End an upload, and have its object converted where it is no image yet."""
        ticket = ticket_of(request.params["id"])
        key, conversion = final_name(ticket.key), service.convert(session, ticket)
        address = href(session, ticket.bucket, key)
        return EndedUploadResponse(bucket=ticket.bucket, object=key, href=address, conversion=conversion)

    def abort(session: Session, request: Request) -> None:
        """Cancel an upload."""
        service.abort(session, ticket_of(request.params["id"]))

    surface, writer = OPERATOR, access.create(WRITING)
    return (
        route(
            "POST",
            _UPLOADS,
            begin,
            prepare=begun,
            surface=surface,
            access=writer,
            body=CreateUploadRequest,
            answer=UploadResponse,
            status=201,
        ),
        route("GET", _UPLOADS, pending, surface=surface, access=writer, answer=PendingUploadsResponse, long=True),
        route("GET", _UPLOAD, look, surface=surface, access=writer, answer=UploadResponse, long=True),
        route(
            "PUT",
            f"{_UPLOAD}/parts/{{number}}",
            write,
            surface=surface,
            access=writer,
            status=204,
            writes=False,
            long=True,
            raw_body=LARGEST_PART,
        ),
        route(
            "POST",
            f"{_UPLOAD}/complete",
            end,
            prepare=ended,
            surface=surface,
            access=writer,
            answer=EndedUploadResponse,
        ),
        route("DELETE", _UPLOAD, abort, surface=surface, access=access.create(DELETING), status=204),
    )


def _conversion(session: Session, request: Request) -> ConversionResponse:
    """Get how far a conversion is."""
    transfer = conversion_job.known(session, request.params["id"])
    if transfer is None:
        raise not_found()
    return _progress(transfer)


def _progress(transfer: Transfer) -> ConversionResponse:
    failed, done = transfer.phase == conversion_job.FAILED, transfer.phase == "done"
    return ConversionResponse(
        id=transfer.subject,
        phase=transfer.phase,
        percent=100 if done else 0 if failed else transfer.percent,
        done_bytes=transfer.done,
        total_bytes=transfer.total,
        reason=transfer.tag if failed else "",
    )


def routes(service: BucketService) -> tuple[Route, ...]:
    """Every route."""
    reader = access.create(READING)
    path, answer = f"{_CONVERSIONS}/{{id}}", ConversionResponse
    return (
        *_bucket_routes(service),
        *_upload_routes(service),
        route("GET", path, _conversion, surface=OPERATOR, access=reader, answer=answer),
    )
