"""The admin's form for a video, or for several (library/admin/rows.py)."""

import json
from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from library import disk
from library.admin.rows import RowForm, are_valid, finished_upload, row_forms
from library.errors import PictureRefused
from library.kinds import ACCEPTED, REFUSAL, is_video
from library.models import Category, Upload, Video
from library.posters import poster_url
from library.thumbnails import FORMATS_TEXT, MEDIA_TYPES, redrawn
from library.videos import file_name

CHUNK_BYTES = 8 << 20  # of a resumable upload's pieces: after a lost connection at most one is sent again
ROWS_INVALID = "Nothing was saved yet: see what is said at each file below."


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


class VideoForm(forms.ModelForm):  # type: ignore[type-arg]  # generic only for the type checker
    title = forms.CharField(max_length=200, widget=UnfoldAdminTextInputWidget())
    description = forms.CharField(required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}))
    category = forms.ChoiceField(
        choices=Category.choices, initial=Category.DRAMA, widget=UnfoldAdminSelectWidget(choices=Category.choices)
    )
    video_file = forms.FileField(label="Video file", widget=VideoInput(attrs={"accept": ACCEPTED.replace(" ", "")}))
    thumbnail = forms.FileField(
        required=False,
        widget=PictureInput(attrs={"accept": MEDIA_TYPES}),
        help_text=f"{FORMATS_TEXT}. Made from the video where there is none.",
    )

    upload = forms.UUIDField(required=False, widget=forms.HiddenInput())

    class Meta:
        model = Video
        fields = ("title", "description", "category", "video_file", "thumbnail")

    refused_files: dict[str, str] = {}  # fields whose file was dropped while it arrived, each with a sentence
    uploader: Any = None
    finished_upload: Upload | None = None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.rows: list[RowForm] = []
        self.file_before = str(self.instance.video_file.name or "")
        self.name_before = file_name(self.instance) if self.instance.pk else ""
        if self.instance.pk and self.instance.thumbnail and "thumbnail" in self.fields:
            self.fields["thumbnail"].widget.preview_url = poster_url(self.instance)
        if "video_file" in self.fields:  # not for somebody who may only look
            self.prepare_file(self.fields["video_file"])

    def prepare_file(self, field: forms.Field) -> None:
        """Tell the field what stands for the file already: the video's own, an upload, or several as rows."""
        upload = self.data.get("upload") or self.initial.get("upload") or ""
        if self.instance.pk:
            field.widget.video = self.instance
        else:
            self.rows = row_forms(self.data, category=self.fields["category"], uploader=self.uploader)
            self.fields["title"].required = not self.rows
        field.required = not (self.instance.pk or self.data.get("upload") or self.rows)
        field.widget.upload, field.widget.rows = upload, self.rows
        field.widget.is_offered = bool(self.initial.get("is_offered"))
        field.widget.is_answer = self.is_bound

    def add_error(self, field: str | None, error: Any) -> None:
        """For a file that was dropped, tell why it was dropped instead of that it is missing."""
        refused = self.refused_files.get(field or "")
        super().add_error(field, refused or error)

    def clean_upload(self) -> None:
        """Accept a finished upload instead of a file."""
        pk = self.cleaned_data.get("upload")
        if pk is None or self.rows:
            return
        try:
            self.finished_upload = finished_upload(self.uploader, pk)
        except forms.ValidationError as error:
            if error.code == "gone":
                self.fields["video_file"].widget.upload = ""
            self.add_error("video_file", error)

    def clean_video_file(self) -> Any:
        upload = self.cleaned_data.get("video_file")
        if not isinstance(upload, UploadedFile):
            return upload
        if not is_video(upload.name or ""):
            raise forms.ValidationError(REFUSAL)
        if sentence := disk.refusal(0):
            raise forms.ValidationError(sentence)
        return upload

    def clean(self) -> dict[str, Any] | None:
        for field, sentence in self.refused_files.items():
            if field in self.fields and field not in self.errors:
                self.add_error(field, sentence)
        if not are_valid(self.rows):
            self.add_error(None, ROWS_INVALID)
        return super().clean()

    def clean_thumbnail(self) -> Any:
        upload = self.cleaned_data.get("thumbnail")
        if self.rows:
            return None  # a picture is one video's
        if not isinstance(upload, UploadedFile):
            return upload
        try:
            return redrawn(upload, upload.size or 0)
        except PictureRefused as error:
            raise forms.ValidationError(str(error)) from None

    @property
    def new_video(self) -> "UploadedFile[bytes] | None":
        """The file that was sent, if one was."""
        upload = self.cleaned_data.get("video_file")
        return upload if isinstance(upload, UploadedFile) else None
