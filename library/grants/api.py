"""Upload grants: made by staff and programs, used by whoever has the address."""

from datetime import timedelta
from typing import Annotated, Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import Path, Router, Status

from library.disk import size_text
from library.errors import FieldsRefused, NotPermitted, UploadMalformed, WrongMedia
from library.grants import granting
from library.grants.models import UploadGrant
from library.grants.schemas import UploadGrantIn, UploadGrantOut
from library.parameters import site
from library.schemas import Detail
from library.uploads import finishing
from library.uploads.api import (
    ALGORITHM_NAMES,
    PIECE,
    PIECE_ANSWERS,
    answer,
    described,
    first_piece,
    overriding,
    taken_in,
    tell,
)
from library.uploads.openapi import APPEND, BEGIN_OR_OVERRIDE, DISCOVER, FIND, TUS
from library.uploads.schemas import UploadOut
from library.uploads.tus_headers import VERSION, announced_length, check_version, expiry, number, progress, video_header
from library.viewers import UploaderRequest, owner_of

PATH = "/api/uploads/granted/"
EXTENSIONS = "creation,creation-with-upload,checksum,expiration,termination"

makers = Router(tags=["Uploads"])
router = Router(tags=["Uploads"])

Token = Annotated[
    str,
    Path(
        max_length=200, description="From the grant's address.", example="pK3v0nXqk1uV0mB2Zt5yQw8rJd6cLfHsTgE4aNiOxYM"
    ),
]
REFUSALS: dict[int, Any] = dict.fromkeys((401, 403, 404, 410, 412))


class GranteeRequest(HttpRequest):
    """A request to a grant's address, after the grant was found good."""

    auth: UploadGrant


@makers.post(
    "/",
    response={201: UploadGrantOut, 400: None, 401: None, 403: None},
    operation_id="createUploadGrant",
    summary="Let somebody without an account upload one file",
)
def create_upload_grant(
    request: UploaderRequest, response: HttpResponse, payload: UploadGrantIn
) -> Status[UploadGrantOut]:
    """The address works once: with the last byte the video is made, as of an upload of your own."""
    owner = owner_of(request)
    if not owner.may("library.add_video"):
        raise NotPermitted
    if payload.max_bytes > settings.UPLOAD_MAX_BYTES:
        raise FieldsRefused({"max_bytes": [f"At most {size_text(settings.UPLOAD_MAX_BYTES)}: UPLOAD_MAX_MB."]})
    granted = granting.make(
        owner,
        title=payload.title or "",
        category=payload.category or "",
        is_published=payload.is_published,
        max_bytes=payload.max_bytes,
        expires_in=timedelta(seconds=payload.expires_in),
    )
    response["Cache-Control"] = "no-store"
    return Status(
        201, UploadGrantOut(url=f"{site(request)}{PATH}{granted.token}/", expires_at=granted.grant.expires_at)
    )


@router.api_operation(
    ["OPTIONS"],
    "/{token}/",
    response={204: None, **REFUSALS},
    operation_id="discoverGrantedUpload",
    summary="Ask what may be uploaded here",
    openapi_extra=DISCOVER,
)
def discover(request: GranteeRequest, token: Token) -> HttpResponse:
    """tus discovery: version, extensions, the largest file."""
    told = {"Tus-Version": VERSION, "Tus-Extension": EXTENSIONS, "Tus-Max-Size": request.auth.max_bytes}
    return answer(204, {**told, "Tus-Checksum-Algorithm": ALGORITHM_NAMES})


@router.post(
    "/{token}/",
    response={201: None, **PIECE_ANSWERS, 400: None, 404: None},
    operation_id="beginGrantedUpload",
    summary="Begin the upload that was granted",
    openapi_extra=BEGIN_OR_OVERRIDE,
)
def begin(request: GranteeRequest, token: Token) -> HttpResponse:
    """tus creation. The pieces go to this same address. What was begun here before is given up.

    Of the metadata only `filename` is read. 410 once a file was uploaded, or where it is too late.

    For clients that can't send PATCH or DELETE the method to use stands in `X-HTTP-Method-Override`.
    """
    if request.headers.get("X-HTTP-Method-Override", "POST").upper() != "POST":
        return overriding(request, {"PATCH": append, "DELETE": end})(request, token)
    check_version(request)
    length = announced_length(request)
    if length is None or "Upload-Concat" in request.headers:
        raise UploadMalformed("Send the file's length in the header Upload-Length; parts can't be sent here.")
    upload = granting.begin(request.auth, length=length, header=request.headers.get("Upload-Metadata", ""))
    headers: dict[str, object] = {"Location": f"{PATH}{token}/"}
    if request.content_type == PIECE:
        reached = first_piece(request, upload)
        finishing.finish_or_tell(upload)
        headers |= progress(upload, reached) | video_header(upload)
    return answer(201, headers | expiry(upload))


@router.get(
    "/{token}/",
    response={200: UploadOut, 400: Detail, 507: None, **REFUSALS},
    operation_id="getGrantedUpload",
    summary="Ask how far the granted upload is",
    openapi_extra=FIND,
)
def get_upload(request: GranteeRequest, response: HttpResponse, token: Token) -> UploadOut:
    """tus asks this by HEAD. 404 before it was begun."""
    upload = granting.upload_of(request.auth)
    tell(upload, response)
    return described(upload)


@router.patch(
    "/{token}/",
    response={**PIECE_ANSWERS, 404: None},
    operation_id="appendToGrantedUpload",
    summary="Send a piece of the granted file",
    openapi_extra=APPEND,
)
def append(request: GranteeRequest, token: Token) -> HttpResponse:
    """With the last piece the video is made."""
    check_version(request)
    if request.content_type != PIECE:
        raise WrongMedia
    upload = granting.upload_of(request.auth)
    reached = taken_in(request, upload, offset=number(request, "Upload-Offset"))
    finishing.finish(upload)
    return answer(204, progress(upload, reached) | video_header(upload))


@router.delete(
    "/{token}/",
    response={204: None, **REFUSALS},
    operation_id="endGrantedUpload",
    summary="Give up the granted upload",
    openapi_extra=TUS,
)
def end(request: GranteeRequest, token: Token) -> HttpResponse:
    """What was received is removed; until the grant's time is over another upload may begin here."""
    check_version(request)
    granting.end(request.auth)
    return answer(204, {})
