"""The database's query plans, with so many rows that an index pays."""

from collections.abc import Callable

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hls.models import Chunk, ChunkState, State, Transcode
from hls.tests.factories import served

CROWD = 2_000
VIDEO_TABLES = ("library_video", "hls_transcode", "hls_chunk")


def crowd() -> list[Transcode]:
    """Enough ready videos for PostgreSQL to choose plans by cost, as it does for a real library."""
    now = timezone.now()
    ready = {"state": State.READY, "queued_at": now, "playable_at": now, "served_at": now, "served": served()}
    videos = Transcode.objects.bulk_create(
        Transcode(source=f"videos/crowd-{number}.mp4", served_version=1, **ready) for number in range(CROWD)
    )
    Chunk.objects.bulk_create(
        Chunk(transcode=clip, index=index, state=ChunkState.DONE, frame_count=300)
        for clip in videos
        for index in range(2)
    )
    analyse("hls_transcode", "hls_chunk")
    return videos


def analyse(*tables: str) -> None:
    """Tell PostgreSQL's planner what is in these tables now."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {', '.join(tables)}")


def plan(work: Callable[[], object], *, tables: tuple[str, ...] = VIDEO_TABLES) -> str:
    """The plan steps, in lower case, of every query that `work` makes on these tables."""
    with CaptureQueriesContext(connection) as captured:
        work()
    asked = [query["sql"] for query in captured.captured_queries if any(table in query["sql"] for table in tables)]
    assert asked
    explain = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
    steps: list[str] = []
    with connection.cursor() as cursor:
        for sql in asked:
            cursor.execute(f"{explain} {sql}")
            steps += (str(row[-1]) for row in cursor.fetchall())
    return "\n".join(steps).lower()
