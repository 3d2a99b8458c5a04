"""Texts for tracks, and how staff send them."""

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from library.models import Video

SUBRIP = "1\n00:00:01,000 --> 00:00:03,500\nThe boats come in.\n\n2\n00:00:05,000 --> 00:00:07,000\nOver the border.\n"


def put(client: Client, video: Video, text: str | bytes = SUBRIP, *, name: str = "en.srt", **fields: Any) -> Any:
    """Send a text as a browser's form would, with PUT."""
    data = text.encode() if isinstance(text, str) else text
    form = {"file": SimpleUploadedFile(name, data), "kind": "subtitles", "language": "en", **fields}
    told = {key: value for key, value in form.items() if value is not None}
    body = encode_multipart(BOUNDARY, told)
    return client.put(f"/api/video/{video.pk}/tracks/", body, content_type=MULTIPART_CONTENT)
