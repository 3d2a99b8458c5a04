"""The headers of tus 1.0: those that are read from requests, and those that answers have.

Every answer below /api/uploads/ names the version ("Tus-Resumable"), errors too. `Upload-Metadata` is read in
library.uploads.metadata, `Upload-Checksum` in library.uploads.checksums, `Upload-Concat` in
library.uploads.concatenation.
"""

from collections.abc import Callable
from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.http import http_date

from library.errors import UnknownVersion, UploadMalformed
from library.models import Upload, UploadKind
from library.uploads import resumable

VERSION = "1.0.0"
LONGEST_NUMBER = 18  # digits

type Handler = Callable[[HttpRequest], HttpResponseBase]


def tus_version(get_response: Handler) -> Handler:
    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if f"{request.path_info}/".startswith("/api/uploads/"):
            response["Tus-Resumable"] = VERSION
            if response.status_code == 412:
                response["Tus-Version"] = VERSION
        return response

    return middleware


def check_version(request: HttpRequest) -> None:
    if request.headers.get("Tus-Resumable") != VERSION:
        raise UnknownVersion


def number(request: HttpRequest, header: str) -> int:
    text = request.headers.get(header, "")
    if not (text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER):
        raise UploadMalformed(f"Send a number in the header {header}.")
    return int(text)


def announced_length(request: HttpRequest) -> int | None:
    """tus creation; None where it is told later (creation-defer-length). Raises UploadMalformed."""
    if "Upload-Defer-Length" in request.headers:
        if request.headers["Upload-Defer-Length"] != "1" or "Upload-Length" in request.headers:
            raise UploadMalformed("Send either Upload-Length, or Upload-Defer-Length: 1.")
        return None
    length = number(request, "Upload-Length")
    if length == 0:
        raise UploadMalformed("The file is empty.")
    return length


def location(upload: Upload) -> dict[str, object]:
    return {"Location": address(upload.pk)}


def address(pk: UUID) -> str:
    return f"/api/uploads/{pk}/"


def state(upload: Upload) -> dict[str, object]:
    """Its offset, length and kind. An upload of parts has an offset once they are joined (tus "HEAD")."""
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
