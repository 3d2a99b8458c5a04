"""What a video's title may be, wherever it comes from: it is shown in lines, of logs and terminals too."""

import re

from django.core.exceptions import ValidationError

LONGEST = 200
ONE_LINE = r"^[^\x00-\x1f\x7f]*$"  # no control characters
LENGTH = f"A title has 1 to {LONGEST} characters."
BROKEN_TEXT = "Null characters and broken characters are not allowed."
BROKEN = "Line breaks, control characters and broken characters are not allowed."


def fault(title: str) -> str | None:
    """What is wrong with a title, in a sentence; None where it can be used. White space at its ends doesn't count."""
    title = title.strip()
    if not 0 < len(title) <= LONGEST:
        return LENGTH
    return None if re.fullmatch(ONE_LINE, title) and is_storable(title) else BROKEN


def is_storable(text: str) -> bool:
    """Whether a database takes it: no null characters, and no half surrogate pairs, as arguments have for bad bytes."""
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def validate(title: str) -> None:
    """A form field's validator."""
    if said := fault(title):
        raise ValidationError(said)
