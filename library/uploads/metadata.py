"""What an uploader says of a file: the tus header `Upload-Metadata`, pairs of a key and a base64 value."""

from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from library.errors import FieldsRefused, UploadMalformed
from library.kinds import REFUSAL, is_video
from library.models import FirstCategory

LONGEST = 16_000  # characters of the header
MOST_NAME = 255
LONGEST_ID = 18  # digits


@dataclass(frozen=True)
class Metadata:
    """`title` is None where the uploader wants a finished file, and no video yet."""

    name: str
    title: str | None
    category: str
    description: str
    is_published: bool = True


def read(header: str, known: Sequence[str] | None = FirstCategory.values) -> Metadata:
    """Raises UploadMalformed for what is no metadata, FieldsRefused for what can't be used.

    `known` are the slugs of the categories, the usual one first; None where the category was accepted before.
    """
    pairs = decoded(header)
    name = PurePath(pairs.get("filename") or pairs.get("name") or "").name
    title = pairs.get("title")
    category = pairs.get("category") or (known[0] if known else "")
    wrong: dict[str, list[str]] = {}
    if not is_video(name):
        wrong["filename"] = [REFUSAL]
    if title is not None and not 0 < len(title.strip()) <= 200:
        wrong["title"] = ["A title has 1 to 200 characters."]
    if known is not None and category not in known:
        wrong["category"] = [f"One of {', '.join(known)}."]
    published = pairs.get("is_published", "true").lower()
    if published not in ("true", "false"):
        wrong["is_published"] = ["Either true or false."]
    if wrong:
        raise FieldsRefused(wrong)
    return Metadata(
        name=shortened(name),
        title=None if title is None else title.strip(),
        category=category,
        description=pairs.get("description", ""),
        is_published=published == "true",
    )


def title_of(header: str) -> str | None:
    """The title in metadata that were accepted once."""
    title = decoded(header).get("title")
    return None if title is None else title.strip()


def replaced_by(header: str) -> int | None:
    """The id of the video that the uploader means to replace, as the admin's page tells it with `replaces`."""
    told = decoded(header).get("replaces", "")
    return int(told) if told.isascii() and told.isdigit() and len(told) <= LONGEST_ID else None


def decoded(header: str) -> dict[str, str]:
    if len(header) > LONGEST:
        raise UploadMalformed("The header Upload-Metadata is too long.")
    pairs: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in header.split(","))):
        key, _, value = pair.partition(" ")
        try:
            pairs[key] = b64decode(value.strip(), validate=True).decode().replace("\0", "")
        except ValueError:  # no ASCII, no base64, or no UTF-8
            raise UploadMalformed("The header Upload-Metadata has a value that is no base64 of UTF-8.") from None
    return pairs


def shortened(name: str) -> str:
    """The name in at most 255 characters, with its extension."""
    path = PurePath(name)
    return f"{path.stem[: MOST_NAME - len(path.suffix)]}{path.suffix}"
