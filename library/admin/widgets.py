"""The fields of the admin's form for a video that Unfold has no widget for."""

import json
from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from unfold.widgets import UnfoldAdminTextInputWidget

from library import disk
from library.admin.rows import RowForm
from library.kinds import ACCEPTED
from library.models import Video
from library.videos import file_name

CHUNK_BYTES = 8 << 20  # of a resumable upload's pieces: after a lost connection at most one is sent again


class VideoInput(forms.FileInput):
    """The file field. It works without a script; a script makes a drop zone of it."""

    template_name = "library/video_input.html"
    upload: str = ""  # the id of a resumable upload that stands for the file
    rows: Sequence[RowForm] = ()
    video: Video | None = None  # whose file a new one replaces
    is_offered = False  # whether the page offers what a video had that somebody deleted
    is_answer = False  # whether the page shows again what was sent

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, None, attrs)
        chosen: list[dict[str, Any]] = [{"id": self.upload}] if self.upload else []
        context["accepted"] = ACCEPTED
        context["video"] = self.video
        context["video_name"] = file_name(self.video) if self.video else ""
        context["trash_days"] = settings.TRASH_DAYS
        context["uploads"] = json.dumps([row.as_sent() for row in self.rows] or chosen)
        context["is_offered"] = self.is_offered
        context["is_answer"] = self.is_answer
        context["upload"] = self.upload
        context["csrf_cookie"] = settings.CSRF_COOKIE_NAME
        context["chunk_bytes"] = CHUNK_BYTES
        context["largest"] = disk.size_text(settings.UPLOAD_MAX_BYTES)
        return context


class PictureInput(forms.ClearableFileInput):
    """A picture with a preview from the video's poster address, since uploaded files have no address."""

    template_name = "library/picture_input.html"
    preview_url: str | None = None

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        context["preview_url"] = self.preview_url
        return context

    def is_initial(self, value: Any) -> bool:
        return bool(value)


class MomentInput(forms.DateTimeInput):
    """A date and a time of day, in the zone that the field's help names."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        classes = UnfoldAdminTextInputWidget().attrs["class"]
        super().__init__(attrs={"class": classes}, format="%Y-%m-%dT%H:%M")
