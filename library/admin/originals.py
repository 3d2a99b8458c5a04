"""The file that a video was made of, for staff: streamed from the disk, with the name it was uploaded with."""

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.http import content_disposition_header
from unfold.admin import ModelAdmin

from hls.store.interface import Place
from hls.stores import uploads
from library.delivery import files, responses
from library.errors import NotFound
from library.models import Video
from library.videos import file_name

TYPE = "application/octet-stream"  # it is kept, never shown: nothing in it may run as a page of ours


def download(request: HttpRequest, video_id: int, admin: ModelAdmin) -> HttpResponseBase:
    """GET and HEAD, also of a single range."""
    video = get_object_or_404(Video, pk=video_id)
    if request.method not in ("GET", "HEAD") or not admin.has_view_permission(request, video):
        raise PermissionDenied
    try:
        found = files.answer(
            request.META, Place(uploads(), str(video.video_file.name)), content_type=TYPE, cache=files.NEVER
        )
    except NotFound:
        raise Http404 from None
    response = responses.respond(found)
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=file_name(video))
    return response
