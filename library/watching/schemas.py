"""What goes in and out of a viewer's progress and lists."""

from datetime import datetime
from typing import Annotated

from ninja import Field, Schema
from pydantic import AfterValidator

from library.moments import AnyMoment
from library.schemas import VideoOut
from library.watching.progress import LONGEST_S, Report

REPORTED = "When the player was there."


def _positive_zero(seconds: float) -> float:
    return seconds or 0.0


Seconds = Annotated[float, Field(ge=0, le=LONGEST_S, allow_inf_nan=False, strict=True), AfterValidator(_positive_zero)]


class ProgressIn(Schema):
    position: Seconds = Field(
        description="Seconds from the beginning; beyond the end it counts as the end.", examples=[754.2]
    )
    duration: Seconds | None = Field(
        default=None,
        description="The video's length in seconds, as the player knows it. Used only while the API doesn't know it.",
        examples=[5421.84],
    )
    reported_at: AnyMoment | None = Field(
        default=None,
        description=f"{REPORTED} For what was kept while there was no connection; leave it out for now. "
        "A clock that is ahead counts as now.",
        examples=["2026-11-22T18:30:00Z"],
    )

    def told(self) -> Report:
        return Report(self.position, self.duration, self.reported_at)


class ProgressOut(Schema):
    video: int = Field(validation_alias="video_id", description="The video's id.", examples=[1])
    position: float = Field(validation_alias="position_s", description="Seconds from the beginning.", examples=[754.2])
    duration: float | None = Field(
        validation_alias="duration_s", description="Seconds; null while it is unknown.", examples=[5421.84]
    )
    is_finished: bool = Field(description="Whether the video was watched to its end, credits aside.", examples=[False])
    reported_at: datetime = Field(description=f"{REPORTED} UTC.", examples=["2026-11-22T18:30:00Z"])


class ContinueOut(VideoOut):
    position: float = Field(description="Where to go on, in seconds from the beginning.", examples=[754.2])
    reported_at: datetime = Field(description="When the viewer was there. UTC.", examples=["2026-11-22T18:30:00Z"])


class MyListOut(VideoOut):
    added_at: datetime = Field(description="When it was put on the list. UTC.", examples=["2026-11-22T18:30:00Z"])


class MyListEntryOut(Schema):
    video: int = Field(validation_alias="video_id", description="The video's id.", examples=[1])
    added_at: datetime = Field(description="When it was put on the list. UTC.", examples=["2026-11-22T18:30:00Z"])
