"""Two editors of one video: whoever saves second overwrites nothing that the other has changed.

1. The form carries what each field was when the page was made (`LoadedField`), as the page shows it.
2. When it is sent, each field is compared: what was loaded, what is sent, and what is stored by now.
3. What only the other has changed is kept, and told. What only this editor has changed is written.
4. What both have changed differently is refused once, with both values. The form then carries the stored value as
   loaded, so sending it again writes the editor's own.

A form that carries nothing, as one that a script sends, is written as it is; only what it lacks is left as it was.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from django import forms

FIELDS = ("title", "description", "category", "is_published", "publish_at")
FILES = ("video_file", "thumbnail")
NAME = "loaded"
REPLACED = "Somebody else has replaced it meanwhile. To replace theirs, save again, with the file chosen again."
LONGEST_SHOWN = 120  # characters of a text in a sentence


class LoadedField(forms.CharField):
    """What the form's fields were when its page was made, as JSON; anything else is as if it weren't there."""

    widget = forms.HiddenInput

    def __init__(self) -> None:
        super().__init__(required=False, label="")

    def clean(self, value: Any) -> dict[str, str]:
        try:
            found = json.loads(value or "{}")
        except ValueError:
            return {}
        return {name: str(text) for name, text in found.items()} if isinstance(found, dict) else {}


@dataclass(frozen=True)
class Edit:
    """One field: as it was loaded, as it is sent, and as it is stored now. Each as the form shows it."""

    loaded: str
    sent: str
    stored: str

    @property
    def is_ours(self) -> bool:
        return self.sent != self.loaded

    @property
    def is_theirs(self) -> bool:
        return self.stored != self.loaded

    @property
    def is_contested(self) -> bool:
        return self.is_ours and self.is_theirs and self.sent != self.stored


def plain(value: Any) -> str:
    """A field's value as text, the same whether it was sent by a browser or stands in a row."""
    return "" if value is None else str(value).replace("\r\n", "\n").strip()


def mark(name: str | None) -> str:
    """Stands for a file: no page tells where one lies."""
    return sha256((name or "").encode()).hexdigest()[:16]


def quoted(text: str) -> str:
    shown = text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
    return f"“{shown}”" if shown else "empty"


def contested(edit: Edit, label: str) -> str:
    """The question to an editor whose value is not the only new one."""
    return (
        f"Somebody else has saved this meanwhile: {label} is {quoted(edit.stored)} now. "
        f"Yours is {quoted(edit.sent)}. Save again to keep yours, or enter the other."
    )


def kept(edits: Mapping[str, Edit], labels: Mapping[str, str]) -> list[str]:
    """What others have changed and this editor has not, a sentence each."""
    return [
        f"{labels[name]} is {quoted(edit.stored)} now, it was {quoted(edit.loaded)}."
        if name in FIELDS
        else f"{labels[name]} is another one now."
        for name, edit in edits.items()
        if edit.is_theirs and not edit.is_ours
    ]
