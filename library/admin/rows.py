"""Several videos from one form: each file is a row with a title, a category and a finished upload.

1. The page sends the rows as three lists of one length: `row_upload`, `row_title` and `row_category`.
2. The form is valid only where each row is. Otherwise nothing is saved, and the page shows the rows with their errors.
3. `save_rows` saves them in the transaction of the admin's request: each becomes a video, or none does.
"""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any
from uuid import UUID

from django import forms
from django.http import QueryDict

from library.errors import LibraryError
from library.models import Upload, UploadKind, Video
from library.uploads import finishing, resumable
from library.uploads.kinds import arriving
from library.viewers import Owner

MOST_ROWS = 200
OF_ALL = ("description", "is_published", "publish_at")  # the form's fields that hold for each row, where it has them


class RowForm(forms.Form):
    """One of several files. `category` is a copy of the whole form's field."""

    upload = forms.UUIDField(error_messages={"required": "The file is not uploaded yet."})
    title = forms.CharField(max_length=200, error_messages={"required": "Enter a title."})

    def __init__(self, values: dict[str, str], *, category: forms.Field, uploader: Any) -> None:
        super().__init__(values)
        self.uploader = uploader
        self.fields["category"] = deepcopy(category)

    def clean_upload(self) -> Upload:
        return finished_upload(self.uploader, self.cleaned_data["upload"])

    def sentences(self) -> list[str]:
        return [str(sentence) for found in self.errors.values() for sentence in found]

    def as_sent(self) -> dict[str, Any]:
        """What the page needs to show the row again."""
        row = {"title": self.data["title"], "category": self.data["category"], "errors": self.sentences()}
        return {"id": self.data["upload"], "row": row}


def row_forms(data: Any, *, category: forms.Field, uploader: Any) -> list[RowForm]:
    """The rows that were sent; none where the lists don't belong together."""
    if not isinstance(data, QueryDict):
        return []
    uploads, titles, categories = (data.getlist(f"row_{name}") for name in ("upload", "title", "category"))
    if not len(uploads) == len(titles) == len(categories) <= MOST_ROWS:
        return []
    sent = zip(uploads, titles, categories, strict=True)
    return [
        RowForm({"upload": upload, "title": title, "category": chosen}, category=category, uploader=uploader)
        for upload, title, chosen in sent
    ]


def are_valid(rows: Sequence[RowForm]) -> bool:
    """Whether each row is valid, and has an upload of its own."""
    seen: set[UUID] = set()
    for row in rows:
        upload = row.cleaned_data.get("upload") if row.is_valid() else None
        if upload and upload.pk in seen:
            row.add_error("upload", "This upload is in another row already.")
        elif upload:
            seen.add(upload.pk)
    return not any(row.errors for row in rows)


def finished_upload(uploader: Any, pk: UUID) -> Upload:
    """The uploader's own upload, which is complete and no video's yet. Raises ValidationError."""
    try:
        upload = resumable.find(Owner(uploader.pk), pk)
        finishing.finish(upload)
    except LibraryError:  # gone, or no video can come of it
        upload = None
    if upload is None or upload.taken_at is not None or upload.kind == UploadKind.PARTIAL or is_lost(upload):
        raise forms.ValidationError("The upload has expired or was used already; choose the file again.", code="gone")
    if upload.finished_at is None:
        raise forms.ValidationError("The upload is not complete; choose the file again to go on.")
    return upload


def is_lost(upload: Upload) -> bool:
    """Whether it was complete once, and its file is not there any more."""
    return upload.finished_at is not None and not arriving().are_there(upload)


def save_rows(rows: Sequence[RowForm], first: Video, told: dict[str, Any]) -> list[Video]:
    """Make a video of each valid row. `first` becomes the first row's; `told` is what was told of all of them."""
    of_all = {name: told[name] for name in OF_ALL if name in told}
    made = [first, *(Video(added_by=first.added_by) for _ in rows[1:])]
    for row, video in zip(rows, made, strict=True):
        given = of_all | {name: row.cleaned_data[name] for name in ("title", "category")}
        for name, value in given.items():
            setattr(video, name, value)
        finishing.save_video(row.cleaned_data["upload"], video)
    return made
