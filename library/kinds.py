"""Which files are accepted as videos, by their names. The engine finds out what is really in them."""

from pathlib import PurePath

from django.core.exceptions import ValidationError

EXTENSIONS = (
    *("mp4", "mov", "avi", "mkv", "flv", "wmv", "webm", "m4v", "mpg", "mpeg", "ts", "mts", "m2ts"),
    *("3gp", "3g2", "vob", "ogv", "asf", "divx", "f4v"),
)
ACCEPTED = ", ".join(f".{extension}" for extension in EXTENSIONS)
REFUSAL = f"Files of this kind can't be used; accepted are {ACCEPTED}."


def is_video(name: str) -> bool:
    return PurePath(name).suffix.lower().removeprefix(".") in EXTENSIONS


def check_name(file: object) -> None:
    """For a model's file field. Raises ValidationError."""
    if not is_video(getattr(file, "name", None) or ""):
        raise ValidationError(REFUSAL)
