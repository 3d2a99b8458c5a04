"""What goes in and out of the write API."""

import json
import re
from datetime import datetime
from typing import Annotated, get_args
from uuid import UUID

from ninja import Field, Schema
from pydantic import AfterValidator, JsonValue, StringConstraints

from library.moments import Moment
from library.schemas import FailureOut, Metadata, VideoOut, VideoState

MOST_METADATA = 4_096  # bytes of JSON
NULL_CHARACTER = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")  # as JSON has it: not the text of a backslash and "u0000"
STATES: tuple[str, ...] = get_args(VideoState.__value__)


def _storable(text: str) -> str:
    """JSON can spell null characters and half surrogate pairs, which no database takes."""
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("Null characters and broken characters are not allowed.")
    return text


def _small(metadata: dict[str, JsonValue]) -> dict[str, JsonValue]:
    try:
        text = json.dumps(metadata, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except RecursionError:
        raise ValueError("It is nested too deeply.") from None
    _storable("\0" if NULL_CHARACTER.search(text) else text)
    if len(text.encode()) > MOST_METADATA:
        raise ValueError(f"At most {MOST_METADATA} bytes of JSON.")
    return metadata


type Title = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    Field(examples=["Harbour at Dawn"]),
    AfterValidator(_storable),
]
type Description = Annotated[
    str,
    Field(max_length=20_000, examples=["A quiet morning among the fishing boats."]),
    AfterValidator(_storable),
]
type Slug = Annotated[
    str,
    Field(max_length=50, description="The slug of a category.", examples=["documentary"]),
    AfterValidator(_storable),
]
type ExternalId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        description="Your own id of it: no two videos have the same.",
        examples=["cms-4711"],
    ),
    AfterValidator(_storable),
]
SmallMetadata = Annotated[Metadata, AfterValidator(_small)]
type UploadOf = Annotated[
    UUID,
    Field(
        description="A finished upload of your own that was begun without a title.",
        examples=["0b5c1ae8-51a4-4a3f-9a4e-5f1fbb6d1b1c"],
    ),
]
type SourceUrl = Annotated[
    str,
    Field(
        max_length=2_000,
        description="An https address that a worker fetches the file from.",
        examples=["https://media.example.com/harbour.mp4"],
    ),
]


class FileIn(Schema):
    """Where a video's file comes from: exactly one of the two."""

    upload_id: UploadOf | None = None
    source_url: SourceUrl | None = None


class VideoIn(FileIn):
    model_config = {
        "json_schema_extra": {
            "example": {
                "title": "Harbour at Dawn",
                "source_url": "https://media.example.com/harbour.mp4",
                "external_id": "cms-4711",
            }
        }
    }

    title: Title
    description: Description = ""
    category: Slug | None = Field(None, description="The usual one where none is named.")
    is_published: bool = Field(
        True, strict=True, description="False makes a draft, which staff and keys alone see.", examples=[True]
    )
    publish_at: Moment | None = Field(
        None, description="From this moment on viewers see it.", examples=["2027-01-31T12:00:00Z"]
    )
    external_id: ExternalId | None = None
    metadata: SmallMetadata = Field(default_factory=dict)


class ReplacementIn(FileIn):
    model_config = {"json_schema_extra": {"example": {"source_url": "https://media.example.com/harbour-2.mp4"}}}


class VideoChanges(Schema):
    """What is left out stays as it is."""

    model_config = {"json_schema_extra": {"example": {"title": "Harbour at Dusk", "metadata": {"season": 3}}}}

    title: Title | None = None
    description: Description | None = None
    category: Slug | None = None
    is_published: bool | None = Field(None, strict=True, examples=[True])
    publish_at: Moment | None = Field(None, description="Null: at once.", examples=["2027-01-31T12:00:00Z"])
    external_id: ExternalId | None = Field(None, description="Null takes it away.")
    metadata: SmallMetadata | None = Field(None, description="Replaces the whole object.")


class StaffVideoOut(VideoOut):
    """A video as staff and API keys see it."""

    status: VideoState = Field(
        description="Of the newest file. A video that is being replaced still plays.", examples=["processing"]
    )
    percent: float = Field(ge=0, le=100, examples=[42.5])
    playable: bool = Field(examples=[True])
    error: FailureOut | None
    is_published: bool = Field(examples=[True])
    publish_at: datetime | None = Field(description="UTC.", examples=[None])
    external_id: str | None = Field(examples=["cms-4711"])
    metadata: Metadata
    updated_at: datetime = Field(description="UTC.", examples=["2026-11-22T18:30:00Z"])
