"""What the API says of tracks."""

import re
from typing import Annotated, Any, Literal

from ninja import Field, Schema
from pydantic import AfterValidator, BeforeValidator, StrictBool, StringConstraints

from hls.core.subtitles.languages import NotALanguage, shortest

type Kind = Literal["subtitles", "captions", "chapters", "audio"]
type TextKind = Literal["subtitles", "captions", "chapters"]

LONGEST_LABEL = 100
ONE_LINE = r"^[^\x00-\x1f\x7f]*$"


def language(tag: str) -> str:
    """Its shortest form. Raises ValueError with a sentence for what is no language."""
    try:
        return shortest(tag)
    except NotALanguage as error:
        raise ValueError(str(error)) from None


def one_line(text: str) -> str:
    if not re.fullmatch(ONE_LINE, text):
        raise ValueError("Line breaks and control characters are not allowed.")
    return text


def told(value: Any) -> Any:
    """A form's empty field says nothing."""
    return None if value == "" else value


Language = Annotated[str, AfterValidator(language)]
Label = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_LABEL),
    AfterValidator(one_line),
    Field(json_schema_extra={"pattern": ONE_LINE}),
]
Flag = Annotated[bool, BeforeValidator(lambda value: False if value == "" else value)]


class TrackOut(Schema):
    id: int = Field(examples=[1])
    kind: Kind = Field(examples=["subtitles"])
    language: str = Field(description="BCP 47 in its shortest form; `und` where it isn't known.", examples=["en"])
    label: str = Field(description="What people choose it by.", examples=["English"])
    is_default: bool = Field(description="Chosen by players unless the viewer says otherwise.", examples=[False])
    is_forced: bool = Field(description="Subtitles that are shown even to those who chose none.", examples=[False])
    url: str | None = Field(
        description="The whole text as WebVTT, for `<track>` and downloads; null for a sound.",
        examples=["https://api.example.com/api/video/1/tracks/1.vtt"],
    )
    hls_url: str | None = Field(
        description="Its media playlist, which the multivariant playlist names; null for chapters.",
        examples=["https://api.example.com/api/video/1/tracks/1/index.m3u8"],
    )


class TrackErrorOut(Schema):
    code: str = Field(description="Stable, for programs.", examples=["unreadable"])
    message: str = Field(examples=["The text could not be taken out of the file."])
    hint: str = Field(examples=["Upload it as a file of its own."])


class StaffTrackOut(TrackOut):
    is_described: bool = Field(description="A sound that tells what is seen.", examples=[False])
    is_commentary: bool = Field(description="A sound on which the video is talked about.", examples=[False])
    origin: Literal["embedded", "uploaded"] = Field(
        description="From the video's file, or apart.", examples=["uploaded"]
    )
    state: Literal["ready", "processing", "failed"] = Field(examples=["ready"])
    revision: int = Field(description="Of the text: each new one has a higher number; 0 without a text.", examples=[1])
    error: TrackErrorOut | None = Field(description="Why there is no text; null unless it failed.", examples=[None])


class ChapterOut(Schema):
    start: float = Field(description="Seconds from the beginning.", examples=[0.0])
    end: float = Field(description="Seconds from the beginning.", examples=[312.5])
    title: str = Field(examples=["At the quay"])


class TrackForm(Schema):
    """What is sent beside the file."""

    kind: TextKind = Field(examples=["subtitles"])
    language: Language = Field(description="BCP 47; `eng` becomes `en`.", examples=["en"])
    label: Annotated[Label | None, BeforeValidator(told)] = Field(
        None, description="The language's name where there is none.", examples=["English"]
    )
    is_default: Flag = Field(False, examples=[False])
    is_forced: Flag = Field(False, examples=[False])


class TrackChanges(Schema):
    """What is left out stays as it is."""

    language: Language | None = Field(None, examples=["en-GB"])
    label: Label | None = Field(None, examples=["English (UK)"])
    is_default: StrictBool | None = Field(None, examples=[True])
    is_forced: StrictBool | None = Field(None, examples=[False])
    is_described: StrictBool | None = Field(None, description="Of a sound.", examples=[False])
    is_commentary: StrictBool | None = Field(None, description="Of a sound.", examples=[False])
