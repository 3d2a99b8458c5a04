"""tus 1.0 (https://tus.io/protocols/resumable-upload): uploads that survive a lost connection, a reload and a restart.

For scripts: with a `title` in the metadata the video is made as soon as its last byte is there, and `X-Video-ID` in the
answer names it.
"""

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.http import http_date
from ninja import Path, Router

from library.errors import FinalUpload, LibraryError, UploadMalformed, WrongMedia
from library.models import Upload, UploadKind
from library.openapi import FieldErrors
from library.schemas import Detail
from library.uploads import finishing, joining, metadata, resumable
from library.uploads.digests import ALGORITHMS, Digest
from library.uploads.headers import VERSION, announced_length, body, check_version, content_length, number
from library.uploads.openapi import APPEND, BEGIN, DISCOVER, TUS
from library.uploads.schemas import UploadOut
from library.viewers import UploaderRequest, owner_of

EXTENSIONS = "creation,creation-defer-length,creation-with-upload,checksum,expiration,termination,concatenation"
PIECE = "application/offset+octet-stream"
PIECE_REFUSALS = (400, 401, 403, 409, 410, 412, 413, 415, 423, 460, 507)
PIECE_ANSWERS: dict[int, type[Detail] | None] = {204: None, **dict.fromkeys(PIECE_REFUSALS, Detail)}

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
    """What can be continued, or made a video of; newest first."""
    return [described(upload) for upload in resumable.unfinished(request.auth.user_id)]


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
        423: Detail,
        460: Detail,
        507: Detail,
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
        finishing.finish_or_tell(upload)  # a refusal would keep back the address, where all bytes are
        headers |= progress(upload, reached) | video_header(upload)
    return answer(201, headers | expiry(upload))


def begin_whole(request: UploaderRequest, concat: str) -> HttpResponse:
    """tus concatenation: the parts are joined before the answer, unless something stands in the way for now."""
    if request.content_type == PIECE:
        raise FinalUpload
    header = request.headers.get("Upload-Metadata", "")
    parts = joining.named(concat)
    upload = joining.begin(owner_of(request), parts, header=header, session=request.auth.session_id)
    finishing.finish_or_tell(upload)
    return answer(201, location(upload) | state(upload) | video_header(upload) | expiry(upload))


@router.get(
    "/{upload_id}/",
    response={200: UploadOut, 400: Detail, 401: Detail, 403: Detail, 410: Detail, 507: Detail},
    operation_id="getUpload",
    summary="Ask how far an upload is",
)
def get_upload(request: UploaderRequest, response: HttpResponse, upload_id: UploadId) -> UploadOut:
    """tus asks this by HEAD: the offset is in the header `Upload-Offset`."""
    upload = resumable.find(request.auth.user_id, upload_id)
    finishing.finish(upload)
    for name, value in (state(upload) | expiry(upload) | video_header(upload)).items():
        response[name] = str(value)
    response["Cache-Control"] = "no-store"
    if upload.metadata:
        response["Upload-Metadata"] = upload.metadata
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
    upload = resumable.find(request.auth.user_id, upload_id)
    finishing.finish(upload)
    if "Upload-Length" in request.headers and upload.kind != UploadKind.FINAL:
        resumable.tell_length(upload, number(request, "Upload-Length"))
    reached = taken_in(request, upload, offset=number(request, "Upload-Offset"))
    finishing.finish(upload)
    return answer(204, progress(upload, reached) | video_header(upload))


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
    upload = resumable.find(request.auth.user_id, upload_id)
    if upload.whole is None:  # else its bytes are the whole's
        resumable.discard(upload)
    return answer(204, {})


@router.post(
    "/{upload_id}/",
    response=PIECE_ANSWERS,
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


def first_piece(request: UploaderRequest, upload: Upload) -> int:
    """Take in what came with the creation. An upload whose address is not told would hold its room for nobody."""
    try:
        return taken_in(request, upload, offset=0)
    except LibraryError:
        resumable.discard(upload)
        raise


def taken_in(request: UploaderRequest, upload: Upload, *, offset: int) -> int:
    """Take the body in; the new offset."""
    length = content_length(request)
    if length is not None and offset + length > resumable.most_bytes(upload) and upload.kind != UploadKind.FINAL:
        raise resumable.too_large(upload)
    checksum = request.headers.get("Upload-Checksum")
    digest = Digest(checksum) if checksum is not None else None
    return resumable.append(upload, offset=offset, blocks=body(request), digest=digest)


def described(upload: Upload) -> UploadOut:
    return UploadOut(
        id=upload.pk,
        name=upload.name,
        title=metadata.title_of(upload.metadata),
        length=upload.length,
        offset=resumable.offset_of(upload),
        created_at=upload.created_at,
        expires_at=upload.expires_at,
    )


def session_of(request: HttpRequest) -> UUID | None:
    """Whose sign-in began the upload at this address, or the parts to be joined: it may go on until it ends."""
    concat = request.headers.get("Upload-Concat", "")
    named = request.resolver_match.kwargs.get("upload_id") if request.resolver_match else None
    try:
        if named is None and request.method == "POST" and concat.startswith("final;"):
            wanted = joining.named(concat)
        else:
            wanted = [UUID(str(named))]
    except (ValueError, UploadMalformed):
        return None
    found = Upload.objects.filter(pk__in=wanted).values_list("session", flat=True)
    return found[0] if len(found) == len(wanted) and len(set(found)) == 1 else None


def location(upload: Upload) -> dict[str, object]:
    return {"Location": address(upload.pk)}


def address(pk: UUID) -> str:
    return f"/api/uploads/{pk}/"


def state(upload: Upload) -> dict[str, object]:
    """How far it is, and what of; the offset of an upload of parts is told once they are joined (tus "HEAD")."""
    told: dict[str, object] = {}
    if upload.kind != UploadKind.FINAL or upload.finished_at is not None:
        told["Upload-Offset"] = resumable.offset_of(upload)
    if upload.length is None:
        told["Upload-Defer-Length"] = 1
    else:
        told["Upload-Length"] = upload.length
    if upload.kind == UploadKind.PARTIAL:
        told["Upload-Concat"] = "partial"
    elif upload.kind == UploadKind.FINAL:
        parts = upload.parts.order_by("part_number").values_list("pk", flat=True)
        told["Upload-Concat"] = f"final;{' '.join(map(address, parts))}"
    return told


def progress(upload: Upload, offset: int) -> dict[str, object]:
    return {"Upload-Offset": offset} | expiry(upload)


def expiry(upload: Upload) -> dict[str, object]:
    return {"Upload-Expires": http_date(upload.expires_at.timestamp())} if upload.taken_at is None else {}


def video_header(upload: Upload) -> dict[str, object]:
    video = Upload.objects.filter(pk=upload.pk).values_list("video_id", flat=True).first()
    return {"X-Video-ID": video} if video else {}


def answer(status: int, headers: dict[str, object]) -> HttpResponse:
    return HttpResponse(status=status, headers={name: str(value) for name, value in headers.items()})
