"""The admin's form for a video, or for several (library/admin/rows.py)."""

import json
from datetime import datetime
from functools import cached_property
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Q
from django.http import QueryDict
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from library import categories, disk
from library.admin import edits
from library.admin.rows import RowForm, are_valid, finished_upload, row_forms
from library.admin.widgets import MomentInput, PictureInput, VideoInput
from library.errors import PictureRefused
from library.kinds import ACCEPTED, REFUSAL, is_video
from library.models import Category, Upload, Video
from library.moments import OUT_OF_BOUNDS, is_storable
from library.posters import poster_url
from library.thumbnails import FORMATS_TEXT, MEDIA_TYPES, redrawn
from library.videos import file_name

ROWS_INVALID = "Nothing was saved yet: see what is said at each file below."


class MomentField(forms.DateTimeField):
    """A time that any zone's calendar has."""

    def to_python(self, value: Any) -> datetime | None:
        found = super().to_python(value)
        if found is not None and not is_storable(found):
            raise forms.ValidationError(OUT_OF_BOUNDS)
        return found


class VideoForm(forms.ModelForm):  # type: ignore[type-arg]  # generic only for the type checker
    title = forms.CharField(max_length=200, widget=UnfoldAdminTextInputWidget())
    description = forms.CharField(required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}))
    category = forms.ChoiceField(widget=UnfoldAdminSelectWidget())
    is_published = forms.BooleanField(
        required=False,
        initial=True,
        label="Published",
        widget=UnfoldBooleanSwitchWidget(),
        help_text="Viewers see it. Without it the video is a draft, for staff alone.",
    )
    publish_at = MomentField(required=False, label="Publish at", widget=MomentInput())
    video_file = forms.FileField(label="Video file", widget=VideoInput(attrs={"accept": ACCEPTED.replace(" ", "")}))
    thumbnail = forms.FileField(
        label="Poster",
        required=False,
        widget=PictureInput(attrs={"accept": MEDIA_TYPES}),
        help_text=f"{FORMATS_TEXT}. Made from the video where there is none.",
    )

    upload = forms.UUIDField(required=False, widget=forms.HiddenInput())
    loaded = edits.LoadedField()

    class Meta:
        model = Video
        fields = ("title", "description", "category", "is_published", "publish_at", "video_file", "thumbnail")

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
        if "category" in self.fields:
            self.offer_categories(self.fields["category"])
        if "publish_at" in self.fields:
            zone = timezone.get_current_timezone_name()
            self.fields["publish_at"].help_text = f"{zone}. Viewers see it from then on; empty: at once."
        self.initial[edits.NAME] = json.dumps(self.stored)
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

    def offer_categories(self, field: forms.Field) -> None:
        """Those for new videos, and the video's own where it is a hidden one."""
        offered = Q(is_hidden=False) | Q(pk=self.instance.category if self.instance.pk else "")
        field.choices = [*Category.objects.filter(offered).values_list("slug", "name")]  # type: ignore[attr-defined]
        if not self.instance.pk:
            self.initial.setdefault("category", categories.usual())

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
        self.leave_what_was_not_sent()
        self.refuse_a_moment_for_a_draft()
        self.merge()
        if not are_valid(self.rows):
            self.add_error(None, ROWS_INVALID)
        return super().clean()

    def leave_what_was_not_sent(self) -> None:
        """A script's form may lack fields that a page always has: a box without a tick is not sent by a browser."""
        for name in self.not_sent:
            self.cleaned_data[name] = getattr(self.instance, name)

    @property
    def not_sent(self) -> set[str]:
        """Fields that a script's form has left out."""
        if not self.is_bound or self.loaded_values:
            return set()
        return {name for name in ("is_published", "publish_at") if name in self.fields and name not in self.data}

    def refuse_a_moment_for_a_draft(self) -> None:
        at = self.cleaned_data.get("publish_at")
        if at is not None and at > timezone.now() and not self.cleaned_data.get("is_published"):
            self.add_error("publish_at", "A draft is not published at any time: tick Published too, or leave it empty.")

    @cached_property
    def stored(self) -> dict[str, str]:
        """What the row has now, as the page shows it."""
        shown = {}
        for name in edits.FIELDS:
            if name in self.fields:
                shown[name] = self.shown(name, self.get_initial_for_field(self.fields[name], name))
        files = {name: getattr(self.instance, name).name for name in edits.FILES}
        return shown | {name: edits.mark(value) for name, value in files.items()}

    def shown(self, name: str, value: Any) -> str:
        field = self.fields[name]
        is_moment = isinstance(field.widget, MomentInput)
        return edits.plain(field.widget.format_value(field.prepare_value(value)) if is_moment else value)

    def sent(self, name: str) -> str:
        """A field as it came; of a file whether there is a new one."""
        if name in edits.FILES:
            is_new = name in self.files or (name == "video_file" and self.finished_upload is not None)
            return "a new file" if is_new or f"{name}-clear" in self.data else self.loaded_values.get(name, "")
        value = self.fields[name].widget.value_from_datadict(self.data, self.files, self.add_prefix(name))
        return edits.plain(value)

    @property
    def loaded_values(self) -> dict[str, str]:
        found: dict[str, str] = self.cleaned_data.get(edits.NAME) or {}
        return found

    @cached_property
    def compared(self) -> dict[str, edits.Edit]:
        """What was done to each field, where the form says what was loaded."""
        loaded = self.loaded_values if self.instance.pk else {}
        names = [name for name in (*edits.FIELDS, *edits.FILES) if name in loaded and name in self.fields]
        return {name: edits.Edit(loaded[name], self.sent(name), self.stored[name]) for name in names}

    def merge(self) -> None:
        """Keep what only others have changed, and ask about what both have changed."""
        for name, edit in self.compared.items():
            if edit.is_contested:
                label = str(self[name].label)
                self.add_error(name, edits.contested(edit, label) if name in edits.FIELDS else edits.REPLACED)
            elif edit.is_theirs and not edit.is_ours and name in edits.FIELDS:
                self.cleaned_data[name] = getattr(self.instance, name)
        if self.compared:
            self.show_as_stored()

    def show_as_stored(self) -> None:
        """What the page shows, should it be shown again: as loaded what is stored, and what only others changed."""
        if not isinstance(self.data, QueryDict):
            return
        data = self.data.copy()
        data[edits.NAME] = json.dumps(self.stored)
        for name, edit in self.compared.items():
            if edit.is_theirs and not edit.is_ours and name in edits.FIELDS:
                if edit.stored == "False":
                    data.pop(name, None)
                else:
                    data[name] = edit.stored
        self.data = data

    @property
    def kept(self) -> list[str]:
        """What others have changed meanwhile and stays as it is, in sentences."""
        return edits.kept(self.compared, {name: str(self[name].label) for name in self.compared})

    @cached_property
    def changed_data(self) -> list[str]:
        """The fields that this editor has changed."""
        ours = {name for name, edit in self.compared.items() if not edit.is_ours} if self.is_bound else set()
        return [name for name in super().changed_data if name not in ours | self.not_sent | {edits.NAME}]

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
