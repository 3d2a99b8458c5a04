"""tus 1.0 (https://tus.io/protocols/resumable-upload): uploads that survive a lost connection, a reload and a restart.

For scripts: with a `title` in the metadata the film is made as soon as its last byte is there, and `X-Video-ID` in the
answer names it.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Annotated, Any, BinaryIO, Protocol, cast
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.http import http_date
from ninja import Field, Path, Router, Schema

from library import finishing, metadata, uploads
from library.digests import ALGORITHMS, Digest
from library.errors import TooLarge, UnknownVersion, UploadMalformed, WrongMedia
from library.models import Upload
from library.openapi import FieldErrors
from library.schemas import Detail
from library.uploads_headers import VERSION
from library.uploads_openapi import APPEND, BEGIN, DISCOVER, TUS

EXTENSIONS = "creation,creation-with-upload,checksum,expiration,termination"
PIECE = "application/offset+octet-stream"
BLOCK = 256 << 10
SILENT_S = 30.0  # a connection on which nothing comes for so long counts as lost
LONGEST_NUMBER = 18  # digits

router = Router(tags=["Uploads"])

UploadId = Annotated[UUID, Path(description="The upload's id.", example="0b5c1ae8-51a4-4a3f-9a4e-5f1fbb6d1b1c")]


class Uploader(Protocol):
    user: Any  # a user of the program, whoever authenticates them


class UploaderRequest(HttpRequest):
    """A request of a member of the staff, after authentication."""

    auth: Uploader


class UploadOut(Schema):
    id: UUID = Field(examples=["0b5c1ae8-51a4-4a3f-9a4e-5f1fbb6d1b1c"])
    name: str = Field(examples=["harbour.mp4"])
    title: str | None = Field(description="The film that it becomes; null where a form will take it.", examples=[None])
    length: int = Field(description="Bytes, once complete.", examples=[734003200])
    offset: int = Field(description="Bytes that are there.", examples=[268435456])
    created_at: datetime = Field(examples=["2026-11-22T18:30:00Z"])
    expires_at: datetime = Field(examples=["2026-11-23T18:30:00Z"])


@router.api_operation(
    ["OPTIONS"],
    "/",
    auth=None,
    response={204: None},
    operation_id="discoverUploads",
    summary="Ask what the upload server can do",
    openapi_extra=DISCOVER,
)
def discover(request: HttpRequest) -> HttpResponse:
    """tus discovery: version, extensions, the largest upload."""
    return answer(
        204,
        {
            "Tus-Version": VERSION,
            "Tus-Extension": EXTENSIONS,
            "Tus-Max-Size": settings.UPLOAD_MAX_BYTES,
            "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
        },
    )


@router.get(
    "/",
    response={200: list[UploadOut], 401: Detail, 403: Detail},
    operation_id="listUploads",
    summary="List your unfinished uploads",
)
def list_uploads(request: UploaderRequest) -> list[UploadOut]:
    """What can be continued, or made a film of; newest first."""
    return [described(upload) for upload in uploads.unfinished(request.auth.user)]


@router.post(
    "/",
    response={
        201: None,
        400: FieldErrors,
        401: Detail,
        403: Detail,
        410: Detail,
        412: Detail,
        413: Detail,
        415: Detail,
        507: Detail,
    },
    operation_id="beginUpload",
    summary="Begin an upload",
    openapi_extra=BEGIN,
)
def begin(request: UploaderRequest) -> HttpResponse:
    """tus creation, and creation-with-upload where the body holds a first piece. Size and kind are checked here."""
    check_version(request)
    if "Upload-Defer-Length" in request.headers:
        raise UploadMalformed("The length must be known: send Upload-Length.")
    length = number(request, "Upload-Length")
    if length == 0:
        raise UploadMalformed("The file is empty.")
    upload = uploads.begin(request.auth.user, length=length, header=request.headers.get("Upload-Metadata", ""))
    headers: dict[str, object] = {"Location": f"/api/uploads/{upload.pk}/"}
    if request.content_type == PIECE:
        reached = taken_in(request, upload, offset=0)
        finishing.finish_or_tell(upload)  # a refusal would keep back the address, where all bytes are
        headers |= progress(upload, reached) | film_header(upload)
    return answer(201, headers | expiry(upload))


@router.get(
    "/{upload_id}/",
    response={200: UploadOut, 400: Detail, 401: Detail, 403: Detail, 410: Detail},
    operation_id="getUpload",
    summary="Ask how far an upload is",
)
def get_upload(request: UploaderRequest, response: HttpResponse, upload_id: UploadId) -> UploadOut:
    """tus asks this by HEAD: the offset is in the header `Upload-Offset`."""
    upload = uploads.find(request.auth.user, upload_id)
    finishing.finish(upload)
    for name, value in (progress(upload, uploads.offset_of(upload)) | film_header(upload)).items():
        response[name] = str(value)
    response["Cache-Control"] = "no-store"
    response["Upload-Length"] = str(upload.length)
    if upload.metadata:
        response["Upload-Metadata"] = upload.metadata
    return described(upload)


@router.patch(
    "/{upload_id}/",
    response={
        204: None,
        400: Detail,
        401: Detail,
        403: Detail,
        409: Detail,
        410: Detail,
        412: Detail,
        413: Detail,
        415: Detail,
        423: Detail,
        460: Detail,
        507: Detail,
    },
    operation_id="appendToUpload",
    summary="Send a piece of the file",
    openapi_extra=APPEND,
)
def append(request: UploaderRequest, upload_id: UploadId) -> HttpResponse:
    """The piece must begin where the upload ends. What has arrived is kept, even when the connection is lost."""
    check_version(request)
    if request.content_type != PIECE:
        raise WrongMedia
    upload = uploads.find(request.auth.user, upload_id)
    finishing.finish(upload)
    reached = taken_in(request, upload, offset=number(request, "Upload-Offset"))
    finishing.finish(upload)
    return answer(204, progress(upload, reached) | film_header(upload))


@router.delete(
    "/{upload_id}/",
    response={204: None, 401: Detail, 403: Detail, 410: Detail, 412: Detail},
    operation_id="endUpload",
    summary="End an upload",
    openapi_extra=TUS,
)
def end(request: UploaderRequest, upload_id: UploadId) -> HttpResponse:
    """tus termination: what was received is removed at once."""
    check_version(request)
    uploads.discard(uploads.find(request.auth.user, upload_id))
    return answer(204, {})


@router.post(
    "/{upload_id}/",
    response={204: None, 400: Detail, 401: Detail, 403: Detail, 410: Detail},
    operation_id="overrideUploadMethod",
    summary="PATCH or DELETE for clients that can't send them",
    openapi_extra=TUS,
)
def override(request: UploaderRequest, upload_id: UploadId) -> HttpResponse:
    """tus: the method to use stands in `X-HTTP-Method-Override`."""
    methods: dict[str, Callable[[UploaderRequest, UUID], HttpResponse]] = {"PATCH": append, "DELETE": end}
    method = methods.get(request.headers.get("X-HTTP-Method-Override", "").upper())
    if method is None:
        raise UploadMalformed("Send PATCH or DELETE in the header X-HTTP-Method-Override.")
    return method(request, upload_id)


def taken_in(request: UploaderRequest, upload: Upload, *, offset: int) -> int:
    """Take the body in; the new offset."""
    length = content_length(request)
    if length is not None and offset + length > upload.length:
        raise TooLarge("There are more bytes than Upload-Length announced.")
    checksum = request.headers.get("Upload-Checksum")
    digest = Digest(checksum) if checksum is not None else None
    return uploads.append(upload, offset=offset, blocks=body(request), digest=digest)


def body(request: HttpRequest) -> Iterator[bytes]:
    """The request's body in blocks, never the whole of it in memory. Raises OSError when the connection is lost."""
    connection = request.META.get("gunicorn.socket")
    if connection is not None:
        connection.settimeout(SILENT_S)
    is_chunked = content_length(request) is None
    source = cast(BinaryIO, request.META["wsgi.input"] if is_chunked else request)
    try:
        while block := source.read(BLOCK):
            yield block
    finally:
        if connection is not None:
            connection.settimeout(None)


def content_length(request: HttpRequest) -> int | None:
    """Bytes of the body; None where it comes in chunks (RFC 9112 7.1)."""
    if request.headers.get("Transfer-Encoding", "").lower() == "chunked":
        return None
    return int(request.META.get("CONTENT_LENGTH") or 0)


def check_version(request: HttpRequest) -> None:
    if request.headers.get("Tus-Resumable") != VERSION:
        raise UnknownVersion


def number(request: HttpRequest, header: str) -> int:
    text = request.headers.get(header, "")
    if not (text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER):
        raise UploadMalformed(f"Send a number in the header {header}.")
    return int(text)


def described(upload: Upload) -> UploadOut:
    return UploadOut(
        id=upload.pk,
        name=upload.name,
        title=metadata.title_of(upload.metadata),
        length=upload.length,
        offset=uploads.offset_of(upload),
        created_at=upload.created_at,
        expires_at=upload.expires_at,
    )


def progress(upload: Upload, offset: int) -> dict[str, object]:
    return {"Upload-Offset": offset} | expiry(upload)


def expiry(upload: Upload) -> dict[str, object]:
    return {"Upload-Expires": http_date(upload.expires_at.timestamp())} if upload.taken_at is None else {}


def film_header(upload: Upload) -> dict[str, object]:
    video = Upload.objects.filter(pk=upload.pk).values_list("video_id", flat=True).first()
    return {"X-Video-ID": video} if video else {}


def answer(status: int, headers: dict[str, object]) -> HttpResponse:
    return HttpResponse(status=status, headers={name: str(value) for name, value in headers.items()})
