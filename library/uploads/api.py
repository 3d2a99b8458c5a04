"""tus 1.0 (https://tus.io/protocols/resumable-upload): uploads that survive a lost connection, a reload and a restart.

1. OPTIONS tells what the server can do (`discover`).
2. POST announces a file, its length and its metadata; the answer's `Location` is the upload's address (`begin`).
3. PATCH to this address sends a piece, which begins where the upload ends (`append`). After a lost connection, HEAD
   tells where that is (`get_upload`), and PATCH goes on.
4. With the last byte the upload is complete. Where the metadata have a `title`, its video is made at once, and
   `X-Video-ID` in the answer names it (library.uploads.finishing). Otherwise the admin's form takes the file.
5. DELETE ends an upload before that (`end`). One that nobody goes on with expires by itself.

A file may also be sent as several uploads side by side, which a last POST joins (library.uploads.concatenation).
"""

from contextlib import suppress
from typing import Annotated
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import Path, Router

from library.errors import FinalUpload, LibraryError, UploadGone, UploadMalformed, WrongMedia
from library.models import Upload, UploadKind, Video
from library.schemas import Detail
from library.uploads import concatenation, finishing, metadata, resumable
from library.uploads.checksums import ALGORITHMS, Digest
from library.uploads.limits import most_bytes
from library.uploads.openapi import APPEND, BEGIN, DISCOVER, FIND, OVERRIDE, TUS
from library.uploads.request_body import body, content_length
from library.uploads.schemas import UploadOut
from library.uploads.tus_headers import (
    VERSION,
    announced_length,
    check_version,
    expiry,
    location,
    number,
    progress,
    state,
    video_header,
)
from library.viewers import UploaderRequest, owner_of

EXTENSIONS = "creation,creation-defer-length,creation-with-upload,checksum,expiration,termination,concatenation"
ALGORITHM_NAMES = ",".join(ALGORITHMS)
PIECE = "application/offset+octet-stream"
PIECE_REFUSALS = (401, 403, 409, 410, 412, 413, 415, 423, 460, 507)
PIECE_ANSWERS: dict[int, type[Detail] | None] = {204: None, 400: Detail, **dict.fromkeys(PIECE_REFUSALS)}

router = Router(tags=["Uploads"])

UploadId = Annotated[UUID, Path(description="The upload's id.", example="0b5c1ae8-51a4-4a3f-9a4e-5f1fbb6d1b1c")]


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
            "Tus-Checksum-Algorithm": ALGORITHM_NAMES,
        },
    )


@router.get(
    "/",
    response={200: list[UploadOut], 401: None, 403: None},
    operation_id="listUploads",
    summary="List your unfinished uploads",
)
def list_uploads(request: UploaderRequest) -> list[UploadOut]:
    """Uploads that can be continued, or made into a video; newest first."""
    found = []
    for upload in resumable.unfinished(owner_of(request)):
        with suppress(UploadGone):  # ended while the list is made
            found.append(described(upload))
    return found


@router.post(
    "/",
    response={
        201: None,
        400: None,
        401: None,
        403: None,
        410: None,
        412: None,
        413: None,
        415: None,
        423: None,
        460: None,
        507: None,
    },
    operation_id="beginUpload",
    summary="Begin an upload",
    openapi_extra=BEGIN,
)
def begin(request: UploaderRequest) -> HttpResponse:
    """tus creation, and creation-with-upload where the body holds a first piece. Size and kind are checked here.

    With `Upload-Concat: partial` it is a part of a file, without a name; `final;` and the parts' addresses join them.
    """
    check_version(request)
    concat = request.headers.get("Upload-Concat", "")
    if concat.startswith("final;"):
        return begin_whole(request, concat)
    if concat not in ("", UploadKind.PARTIAL):
        raise UploadMalformed("Send partial, or final; and addresses, in the header Upload-Concat.")
    upload = resumable.begin(
        owner_of(request),
        length=announced_length(request),
        header=request.headers.get("Upload-Metadata", ""),
        session=request.auth.session_id,
        is_part=concat == UploadKind.PARTIAL,
    )
    headers = location(upload)
    if request.content_type == PIECE:
        reached = first_piece(request, upload)
        finishing.finish_or_tell(upload)  # a refusal would hide the address of an upload whose bytes are all there
        headers |= progress(upload, reached) | video_header(upload)
    return answer(201, headers | expiry(upload))


def begin_whole(request: UploaderRequest, concat: str) -> HttpResponse:
    """tus concatenation: the parts are joined before the answer, unless something stands in the way for now."""
    if request.content_type == PIECE:
        raise FinalUpload
    header = request.headers.get("Upload-Metadata", "")
    parts = concatenation.named(concat)
    upload = concatenation.begin(owner_of(request), parts, header=header, session=request.auth.session_id)
    finishing.finish_or_tell(upload)
    return answer(201, location(upload) | state(upload) | video_header(upload) | expiry(upload))


@router.get(
    "/{upload_id}/",
    response={200: UploadOut, 400: Detail, 401: None, 403: None, 410: None, 507: None},
    operation_id="getUpload",
    summary="Ask how far an upload is",
    openapi_extra=FIND,
)
def get_upload(request: UploaderRequest, response: HttpResponse, upload_id: UploadId) -> UploadOut:
    """tus asks this by HEAD: the offset is in the header `Upload-Offset`."""
    upload = resumable.find(owner_of(request), upload_id)
    finishing.finish(upload)
    tell(upload, response)
    return described(upload)


@router.patch(
    "/{upload_id}/",
    response=PIECE_ANSWERS,
    operation_id="appendToUpload",
    summary="Send a piece of the file",
    openapi_extra=APPEND,
)
def append(request: UploaderRequest, upload_id: UploadId) -> HttpResponse:
    """The piece must begin where the upload ends. What has arrived is kept, even when the connection is lost."""
    check_version(request)
    if request.content_type != PIECE:
        raise WrongMedia
    upload = resumable.find(owner_of(request), upload_id)
    finishing.finish(upload)
    if "Upload-Length" in request.headers and upload.kind != UploadKind.FINAL:
        resumable.tell_length(upload, number(request, "Upload-Length"))
    reached = taken_in(request, upload, offset=number(request, "Upload-Offset"))
    finishing.finish(upload)
    return answer(204, progress(upload, reached) | video_header(upload))


@router.delete(
    "/{upload_id}/",
    response={204: None, 401: None, 403: None, 410: None, 412: None},
    operation_id="endUpload",
    summary="End an upload",
    openapi_extra=TUS,
)
def end(request: UploaderRequest, upload_id: UploadId) -> HttpResponse:
    """tus termination: what was received is removed at once."""
    check_version(request)
    upload = resumable.find(owner_of(request), upload_id)
    if upload.whole is None:  # the bytes of a part that is bound belong to the whole
        resumable.discard(upload)
    return answer(204, {})


@router.post(
    "/{upload_id}/",
    response=PIECE_ANSWERS,
    operation_id="overrideUploadMethod",
    summary="PATCH or DELETE for clients that can't send them",
    openapi_extra=OVERRIDE,
)
def override(request: UploaderRequest, upload_id: UploadId) -> HttpResponse:
    """tus: the method to use stands in `X-HTTP-Method-Override`."""
    return overriding(request, {"PATCH": append, "DELETE": end})(request, upload_id)


def overriding[View](request: HttpRequest, views: dict[str, View]) -> View:
    """The view of the method that `X-HTTP-Method-Override` names. Raises UploadMalformed."""
    view = views.get(request.headers.get("X-HTTP-Method-Override", "").upper())
    if view is None:
        raise UploadMalformed("Send PATCH or DELETE in the header X-HTTP-Method-Override.")
    return view


def tell(upload: Upload, response: HttpResponse) -> None:
    """What HEAD asks for (tus)."""
    for name, value in (state(upload) | expiry(upload) | video_header(upload)).items():
        response[name] = str(value)
    response["Cache-Control"] = "no-store"
    if upload.metadata:
        response["Upload-Metadata"] = upload.metadata


def first_piece(request: HttpRequest, upload: Upload) -> int:
    """Take in the piece that came with the creation. Where it is refused the upload ends: nobody knows its address."""
    try:
        return taken_in(request, upload, offset=0)
    except LibraryError:
        resumable.discard(upload)
        raise


def taken_in(request: HttpRequest, upload: Upload, *, offset: int) -> int:
    """Append the request's body to the upload. Returns the new offset."""
    length = content_length(request)
    if length is not None and offset + length > most_bytes(upload) and upload.kind != UploadKind.FINAL:
        raise resumable.too_large(upload)
    checksum = request.headers.get("Upload-Checksum")
    digest = Digest(checksum) if checksum is not None else None
    return resumable.append(upload, offset=offset, blocks=body(request, offset=offset), digest=digest)


def described(upload: Upload) -> UploadOut:
    return UploadOut(
        id=upload.pk,
        name=upload.name,
        title=metadata.title_of(upload.metadata),
        replaces=replaced_video(upload),
        length=upload.length,
        offset=resumable.offset_of(upload),
        created_at=upload.created_at,
        expires_at=upload.expires_at,
    )


def replaced_video(upload: Upload) -> int | None:
    """The video that the upload was begun for, while there is one: its file may become another video's after that."""
    video_id = metadata.replaced_by(upload.metadata)
    return video_id if video_id is not None and Video.objects.filter(pk=video_id).exists() else None


def session_of(request: HttpRequest) -> UUID | None:
    """The sign-in that began the upload at this address, or all the parts to be joined; else None.

    Until this sign-in ends, it may go on with the upload even when its access token has run out.
    """
    concat = request.headers.get("Upload-Concat", "")
    named = request.resolver_match.kwargs.get("upload_id") if request.resolver_match else None
    try:
        if named is None and request.method == "POST" and concat.startswith("final;"):
            wanted = concatenation.named(concat)
        else:
            wanted = [UUID(str(named))]
    except (ValueError, UploadMalformed):
        return None
    found = Upload.objects.filter(pk__in=wanted).values_list("session", flat=True)
    return found[0] if len(found) == len(wanted) and len(set(found)) == 1 else None


def answer(status: int, headers: dict[str, object]) -> HttpResponse:
    return HttpResponse(status=status, headers={name: str(value) for name, value in headers.items()})
