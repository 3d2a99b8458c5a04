"""The admin's form for a video."""

from pathlib import PurePath
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

import video_paths
from library import disk
from library.errors import LibraryError, PictureRefused
from library.kinds import ACCEPTED, REFUSAL, is_video
from library.models import Category, Upload, UploadKind, Video
from library.thumbnails import redrawn
from library.uploads import finishing, resumable

CHUNK_BYTES = 8 << 20  # of a resumable upload's pieces: what is sent again at most
PICTURES = "image/jpeg,image/png,image/webp,image/avif,image/gif"


class VideoInput(forms.FileInput):
    """The file field, which works by itself; a script makes a drop zone of it."""

    template_name = "library/video_input.html"
    upload: str = ""  # the id of a resumable upload that stands for the file

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, None, attrs)
        context["accepted"] = ACCEPTED
        context["is_replacing"] = bool(value)
        context["upload"] = self.upload
        context["csrf_cookie"] = settings.CSRF_COOKIE_NAME
        context["chunk_bytes"] = CHUNK_BYTES
        context["largest"] = disk.size_text(settings.UPLOAD_MAX_BYTES)
        return context


class PictureInput(forms.ClearableFileInput):
    """A picture with its preview, which has an address of its own (uploads have none)."""

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
        widget=PictureInput(attrs={"accept": PICTURES}),
        help_text="JPEG, PNG, WebP, AVIF, GIF or BMP. Made from the video where there is none.",
    )

    upload = forms.UUIDField(required=False, widget=forms.HiddenInput())

    class Meta:
        model = Video
        fields = ("title", "description", "category", "video_file", "thumbnail")

    refused_files: dict[str, str] = {}  # what the receiver dropped while it arrived
    uploader: Any = None
    finished_upload: Upload | None = None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if self.instance.pk and self.instance.thumbnail and "thumbnail" in self.fields:
            name = PurePath(self.instance.thumbnail.name or "").stem[:8]
            self.fields["thumbnail"].widget.preview_url = video_paths.thumbnail(self.instance.pk, name)

        if "video_file" in self.fields and (upload := self.data.get("upload")):
            self.fields["video_file"].required = False
            self.fields["video_file"].widget.upload = upload

    def add_error(self, field: str | None, error: Any) -> None:
        """A file that was dropped is told as what it is, not as a missing one."""
        refused = self.refused_files.get(field or "")
        super().add_error(field, refused or error)

    def clean_upload(self) -> None:
        """A resumable upload in the place of the file: complete, the editor's own, and not yet another video's."""
        pk = self.cleaned_data.get("upload")
        if pk is None:
            return
        try:
            upload = resumable.find(self.uploader, pk)
            finishing.finish(upload)
        except LibraryError:  # gone, or no video can come of it
            upload = None
        if upload is None or upload.taken_at is not None or upload.kind == UploadKind.PARTIAL:
            self.fields["video_file"].widget.upload = ""
            self.add_error("video_file", "The upload has expired or was used already; choose the file again.")
        elif upload.finished_at is None:
            self.add_error("video_file", "The upload is not complete; choose the file again to go on.")
        else:
            self.finished_upload = upload

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
        return super().clean()

    def clean_thumbnail(self) -> Any:
        upload = self.cleaned_data.get("thumbnail")
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
