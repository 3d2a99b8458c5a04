"""Where viewers stopped: what players report while they play, and what is kept of it.

1. A report says where the player was, and when. A clock that is ahead counts as now, one before 1970 as 1970; a
   position beyond the video's end counts as its end.
2. A report is due if nothing was written for WRITE_EVERY, if it is further than NEAR_S from what is kept or was made
   WRITE_EVERY after it, or if with it the video is watched to its end, or no longer is. A report that isn't due is
   accepted without a write: what is kept is never further than NEAR_S from what was reported last.
3. A due report is one statement, an INSERT that becomes an UPDATE where there is a row, and changes nothing where that
   is newer. So an older report of another device never wins, however many arrive at the same time. What two devices
   report within WRITE_EVERY of each other counts as reported in the order in which it arrives.
4. What is kept belongs to the viewer and the video, and goes with either. A replaced video keeps it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from library import listing
from library.errors import NotFound
from library.models import Video
from library.watching.models import WatchProgress

WRITE_EVERY = timedelta(seconds=5)
NEAR_S = 5.0
LONGEST_S = 10_000_000  # of a position or duration that is taken for one
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
END_SHARE = 0.05  # the last part of a video, in which it counts as watched to its end: credits
LONGEST_END_S = 300.0

TABLE = WatchProgress._meta.db_table
WRITE = f"""
INSERT INTO {TABLE} (viewer_id, video_id, position_s, duration_s, reported_at, written_at)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (viewer_id, video_id) DO UPDATE SET
    position_s = excluded.position_s,
    duration_s = COALESCE(excluded.duration_s, {TABLE}.duration_s),
    reported_at = excluded.reported_at,
    written_at = excluded.written_at
WHERE {TABLE}.reported_at <= excluded.reported_at
    AND (
        {TABLE}.written_at <= %s
        OR {TABLE}.reported_at <= %s
        OR ABS({TABLE}.position_s - excluded.position_s) > %s
        OR %s
    )
"""  # noqa: S608 (the table's name is ours)


@dataclass(frozen=True)
class Report:
    """Where a player says that it is. Times are in seconds; `reported_at` is None for now."""

    position_s: float
    duration_s: float | None = None
    reported_at: datetime | None = None


@dataclass(frozen=True)
class StoppedAt:
    """Where a viewer stopped in a video; `duration_s` is None while nobody knows it."""

    video_id: int
    position_s: float
    duration_s: float | None
    reported_at: datetime

    @property
    def is_finished(self) -> bool:
        return is_near_end(self.position_s, self.duration_s)


def is_near_end(position_s: float, duration_s: float | None) -> bool:
    return duration_s is not None and position_s >= duration_s - min(END_SHARE * duration_s, LONGEST_END_S)


def length_s(video: Video) -> float | None:
    """How long the video is, of what is served or else planned; None before anybody has read the file."""
    if video.transcode.served:
        return float(video.transcode.served["duration_s"])
    made_by = video.transcode.plan or video.transcode.opening
    return listing.duration_s(made_by) if made_by else None


def kept(viewer_id: int, video: Video) -> StoppedAt | None:
    """None where the viewer has not reported anything."""
    row = WatchProgress.objects.filter(viewer_id=viewer_id, video=video).first()
    return stopped(row, length_s(video)) if row else None


def stopped(row: WatchProgress, length_s: float | None) -> StoppedAt:
    """A row as it is told: within the video as it is now."""
    duration_s = row.duration_s if length_s is None else length_s
    return StoppedAt(row.video_id, within(row.position_s, duration_s), duration_s, row.reported_at)


def within(position_s: float, duration_s: float | None) -> float:
    return position_s if duration_s is None else min(position_s, duration_s)


def report(viewer_id: int, video: Video, told: Report) -> StoppedAt:
    """Keep a report, unless a newer one is kept or it isn't due. Returns the newer one, or else what was reported.

    Raises NotFound for a video, or a viewer, deleted meanwhile.
    """
    now, known_s = timezone.now(), length_s(video)
    duration_s = told.duration_s if known_s is None else known_s
    reported_at = min(max(told.reported_at or now, EARLIEST), now)
    new = StoppedAt(video.pk, within(told.position_s, duration_s), duration_s, reported_at)
    before = WatchProgress.objects.filter(viewer_id=viewer_id, video=video).first()
    if before and before.reported_at > reported_at:
        return stopped(before, known_s)
    turns = before is not None and stopped(before, known_s).is_finished != new.is_finished
    if before and not (turns or is_due(before, new, now)):
        return new
    if not write(viewer_id, new, told.duration_s, now, turns=turns):
        return kept(viewer_id, video) or new
    return new


def is_due(before: WatchProgress, new: StoppedAt, now: datetime) -> bool:
    """The same as the condition in WRITE, which two reports at the same time need."""
    is_old = before.written_at <= now - WRITE_EVERY or before.reported_at <= new.reported_at - WRITE_EVERY
    return is_old or abs(before.position_s - new.position_s) > NEAR_S


def write(viewer_id: int, new: StoppedAt, told_duration_s: float | None, now: datetime, *, turns: bool) -> bool:
    """Whether the report was written. Raises NotFound."""
    at = connection.ops.adapt_datetimefield_value
    values = [viewer_id, new.video_id, new.position_s, told_duration_s, at(new.reported_at), at(now)]
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(WRITE, [*values, at(now - WRITE_EVERY), at(new.reported_at - WRITE_EVERY), NEAR_S, turns])
            return bool(cursor.rowcount)
    except IntegrityError as error:
        raise NotFound from error


def forget(viewer_id: int, video: Video) -> None:
    WatchProgress.objects.filter(viewer_id=viewer_id, video=video).delete()
