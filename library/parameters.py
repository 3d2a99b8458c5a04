"""Parameters that several routers take."""

from typing import Annotated

from django.http import HttpRequest
from ninja import Path, Query
from pydantic import BeforeValidator


def one_spelling(number: str) -> str:
    """An id in its one spelling, which the edge and the cookies' paths know. Pydantic also reads 1.0, +1 and 01."""
    if not number.isascii() or not number.isdecimal() or number.startswith("0"):
        raise ValueError
    return number


VideoId = Annotated[
    int, BeforeValidator(one_spelling), Path(ge=1, le=2**63 - 1, description="The video's id.", example=1)
]
ResolutionName = Annotated[str, Path(description="480p, 720p or 1080p.", example="720p")]
ResolutionOrSound = Annotated[
    str, Path(description="480p, 720p or 1080p; audio_0, audio_1, … where a video has several sounds.", example="720p")
]
SheetName = Annotated[str, Path(description="As the WebVTT names it.", example="storyboard_00")]
Picture = Annotated[
    str, Query(alias="v", description="As `thumbnail_url` has it: with it the picture is kept for ever.")
]
SegmentName = Annotated[str, Path(description="As the playlist beside it names it.", example="segment_000")]
Version = Annotated[int | None, Query(ge=1, le=2**31 - 1, alias="v", description="Set by playlists; leave it out.")]
VersionNamed = Annotated[
    int | None,
    Query(
        ge=1,
        le=2**31 - 1,
        alias="v",
        description="As the playlist or WebVTT has it. Without it the first is meant, gone after a replacement.",
    ),
]


def site(request: HttpRequest) -> str:
    """The address under which the caller reached us: "https://api.example.com"."""
    return request.build_absolute_uri("/")[:-1]
