"""What the API says of videos."""

from datetime import datetime
from typing import Annotated, Literal

from ninja import Field, Schema
from pydantic import JsonValue

from library.tracks.schemas import ChapterOut, TrackOut

# Each `type` is one named type in generated clients, however often it is used
type Resolution = Literal["480p", "720p", "1080p"]
type VideoState = Literal["queued", "processing", "ready", "failed", "cancelled"]
type Metadata = Annotated[
    dict[str, JsonValue],
    Field(
        description="A JSON object of your own, at most 4 kB; viewers never see it.",
        examples=[{"season": 2, "tags": ["sea", "dawn"]}],
    ),
]


class Detail(Schema):
    """An error that concerns the request as a whole."""

    detail: str = Field(examples=["Not found."])


class CategoryOut(Schema):
    slug: str = Field(description="What videos say of themselves; it never changes.", examples=["documentary"])
    name: str = Field(description="For people.", examples=["Documentary"])


class VideoOut(Schema):
    id: int = Field(examples=[1])
    created_at: datetime = Field(description="UTC.", examples=["2026-11-22T18:30:00Z"])
    title: str = Field(examples=["Harbour at Dawn"])
    description: str = Field(examples=["A quiet morning among the fishing boats."])
    thumbnail_url: str | None = Field(
        description="An absolute URL of a JPEG; null only while there is none yet.",
        examples=["https://api.example.com/api/video/1/thumbnail.jpg?v=1"],
    )
    category: str = Field(description="The slug of its category.", examples=["documentary"])
    duration: float | None = Field(description="Seconds; null while the video has not been read.", examples=[5421.84])
    hls_url: str = Field(
        description="The multivariant playlist, for any HLS player.",
        examples=["https://api.example.com/api/video/1/master.m3u8"],
    )


class FailureOut(Schema):
    code: Literal[
        "no_video",
        "unreadable",
        "unsupported",
        "too_long",
        "too_large",
        "disk_full",
        "source_missing",
        "timeout",
        "encoder_failed",
        "fetch_failed",
    ] = Field(description="Stable, for programs.", examples=["no_video"])
    message: str = Field(examples=["The file has no picture track that can be shown."])
    hint: str = Field(examples=["Upload a file with a video track; sound alone can't be streamed here."])


class ListedVideoOut(VideoOut):
    """An item of the list. What is behind `hls_url` is told to staff and API keys alone, who ask by `status`."""

    status: VideoState | None = Field(None, description="Of the newest file.", examples=["ready"])
    percent: float | None = Field(None, ge=0, le=100, examples=[100.0])
    playable: bool | None = Field(None, examples=[True])
    error: FailureOut | None = None
    is_published: bool | None = Field(None, examples=[True])
    publish_at: datetime | None = Field(None, description="UTC.", examples=["2027-01-31T12:00:00Z"])
    external_id: str | None = Field(None, examples=["cms-4711"])
    metadata: Metadata | None = None
    updated_at: datetime | None = Field(None, description="UTC.", examples=["2026-11-22T18:30:00Z"])


class VideoDetailOut(VideoOut):
    status: VideoState = Field(
        description="Of the newest upload. A video that is being replaced still plays.", examples=["ready"]
    )
    resolutions: list[Resolution] = Field(
        description="The renditions that really exist, smallest first; all three names play all the same.",
        examples=[["480p", "720p", "1080p"]],
    )
    storyboard_url: str | None = Field(
        description="WebVTT with a small picture for each moment; null while there is none.",
        examples=["https://api.example.com/api/video/1/storyboard.vtt"],
    )
    tracks: list[TrackOut] = Field(
        description="Subtitles, captions, chapters, and the sounds where there are several; oldest first."
    )
    chapters: list[ChapterOut] = Field(description="In the order of their times; empty where there are none.")


class PlaybackAddressOut(Schema):
    url: str = Field(
        description="The multivariant playlist. Whoever has the address plays the video: treat it as a password.",
        examples=["https://api.example.com/api/play/WzE3NjQy.q7Jx0c/video/1/master.m3u8"],
    )
    expires_at: datetime = Field(description="UTC.", examples=["2026-11-23T02:01:00Z"])


class RenditionOut(Schema):
    name: Resolution = Field(examples=["720p"])
    width: int = Field(examples=[1280])
    height: int = Field(examples=[720])
    percent: float = Field(ge=0, le=100, examples=[42.5])


class WarningOut(Schema):
    code: Literal["undecodable"] = Field(description="Stable, for programs.", examples=["undecodable"])
    message: str = Field(examples=["The picture from 0:14.0 to 0:17.0 could not be decoded as it was."])


class QualityOut(Schema):
    name: Resolution = Field(examples=["720p"])
    crf: float = Field(description="x264's, from about half a minute on; before that the ladder's.", examples=[24.6])
    estimated_vmaf: float | None = Field(
        description="By samples, in the largest size that it plays for (VMAF v1); null where it was not measured.",
        examples=[94.0],
    )
    reason: Literal["target", "limit", "dark", "ladder", "left_out", "copied", "unmeasured"] = Field(
        description="Raised until the target is just reached, or as far as is allowed (dark pictures: less); or the "
        "ladder's, because the pictures need it, are copied, or could not be measured. A rendition that is left out is "
        "none of the video's: its name goes on with the next smaller one, which looks the same.",
        examples=["target"],
    )


class TranscodeOut(Schema):
    state: VideoState = Field(examples=["processing"])
    playable: bool = Field(description="Whether there is something to play already.", examples=[True])
    percent: float = Field(ge=0, le=100, description="Never falls while a version is made.", examples=[42.5])
    phase: Literal["waiting", "fetching", "probing", "encoding", "finishing", "done", "stopped"] = Field(
        examples=["encoding"]
    )
    eta_s: float | None = Field(description="Seconds until ready, as far as can be told.", examples=[81.0])
    queue_position: int | None = Field(description="Counted from 1, while queued.", examples=[None])
    speed: float | None = Field(description="Seconds of video made each second.", examples=[2.4])
    renditions: list[RenditionOut]
    attempts: int = Field(examples=[1])
    error: FailureOut | None
    warnings: list[WarningOut] = Field(description="About what is served; empty for a video without a fault.")
    omissions: list[str] = Field(
        description="What of the source is not in the result, a sentence each; known once the file was read.",
        examples=[
            [
                "Subtitles that are pictures can't be converted: eng (Blu-ray pictures).",
                "Surround sound: it is mixed from 5.1 to stereo.",
            ]
        ],
    )
    quality: list[QualityOut] | None = Field(
        description="The video's own CRFs, smallest rendition first. Null until they are found, and where they were "
        "not looked for: short videos use the ladder's."
    )
