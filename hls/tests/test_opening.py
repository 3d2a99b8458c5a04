"""A long video can be watched before its whole source is read; what was published then stays, or is given up."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from django.utils import timezone

from hls import claims, lifecycle, opening, planning, steps, upkeep
from hls.core.chunk import ChunkFacts
from hls.core.errors import CannotCopy, Code, EncoderKilled, Stopped, TranscodeError
from hls.core.inspection.opening import LONG_S
from hls.core.plan import Plan, make_plan
from hls.core.probe import Source
from hls.folders import chunk_folder, version_folder
from hls.models import Chunk, ChunkState, Discarded, State, Transcode
from hls.partial import PartialVersion
from hls.sources import local
from hls.status import Phase, status_of
from hls.tests.clips import in_a_row
from hls.tests.factories import TranscodeFactory, served, source
from hls.tests.videos import small_video

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uploads_folder", "stop_flag")]

WHOLE = source(seconds=600)
OPENING = replace(WHOLE, is_opening=True)
OTHER = replace(WHOLE, video=replace(WHOLE.video, is_variable_rate=True))
FACTS = ChunkFacts(0, (), ())


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch) -> dict[str, Source]:
    """The source as it is once all of it is read; the opening shows WHOLE."""
    found = {"source": WHOLE}

    def probe(path: Path, *, is_opening_enough: bool, **options: object) -> Source:
        return OPENING if is_opening_enough else found["source"]

    monkeypatch.setattr(local, "probe", probe)
    return found


def opened() -> Transcode:
    """A transcode whose opening is planned."""
    transcode: Transcode = TranscodeFactory.create()
    assert steps.do_next()
    transcode.refresh_from_db()
    assert (transcode.state, transcode.plan) == (State.PROCESSING, None)
    return transcode


def first_chunk() -> tuple[Chunk, claims.Claim]:
    found = claims.claim_chunk(None)
    assert found is not None
    assert found[0].index == 0
    return found


def accept(chunk: Chunk, claim: claims.Claim) -> None:
    folder = chunk_folder(chunk.transcode_id, chunk.transcode.version, chunk.index, claim.token)
    (folder / "480p").mkdir(parents=True)
    (folder / "480p" / "segment_000.ts").write_bytes(b"segment")
    steps.accept_chunk(chunk, claim, folder, FACTS)


def read_whole() -> None:
    found = claims.claim_transcode(claims.opened(), None)
    assert found is not None
    planning.plan_transcode(*found)


def now(transcode: Transcode) -> Transcode:
    transcode.refresh_from_db()
    return transcode


@pytest.mark.usefixtures("whole")
def test_the_first_chunk_is_all_there_is_at_first() -> None:
    transcode = opened()
    (chunk,) = Chunk.objects.all()
    assert (chunk.index, chunk.frame_count, chunk.state) == (0, 50, ChunkState.WAITING)
    assert Plan.from_json(transcode.opening or {}).timeline.frame_count == 15_000
    assert status_of(transcode).phase == Phase.WAITING


@pytest.mark.usefixtures("whole")
def test_a_first_chunk_that_is_done_stays_when_the_whole_agrees() -> None:
    transcode = opened()
    accept(*first_chunk())
    assert status_of(now(transcode)).phase == Phase.PROBING
    assert transcode.playable_at is not None
    assert transcode.percent == 0, "nobody knows yet of how much this is a part"
    read_whole()
    assert (now(transcode).version, transcode.opening, transcode.state) == (1, None, State.PROCESSING)
    assert transcode.playable_at is not None
    states = list(transcode.chunks.order_by("index").values_list("state", flat=True))
    assert states == [ChunkState.DONE, *[ChunkState.WAITING] * (len(states) - 1)]
    assert len(states) == len(make_plan(WHOLE).timeline.chunks)


@pytest.mark.usefixtures("whole")
def test_a_first_chunk_that_is_being_made_goes_on_when_the_whole_agrees() -> None:
    transcode = opened()
    running = first_chunk()
    read_whole()
    accept(*running)
    assert now(transcode).chunks.filter(state=ChunkState.DONE).count() == 1
    assert transcode.percent > 0


def test_another_whole_begins_anew_as_another_version(whole: dict[str, Source]) -> None:
    transcode = opened()
    accept(*first_chunk())
    whole["source"] = OTHER
    read_whole()
    assert (now(transcode).version, transcode.playable_at) == (2, None)
    assert set(transcode.chunks.values_list("state", flat=True)) == {ChunkState.WAITING}
    assert list(Discarded.objects.values_list("name", flat=True)) == [f"{transcode.pk}/1"]
    assert Plan.from_json(transcode.plan or {}).source == OTHER


def test_a_chunk_of_an_opening_that_was_given_up_meanwhile_is_not_accepted(whole: dict[str, Source]) -> None:
    opened()
    running = first_chunk()
    whole["source"] = OTHER
    read_whole()
    with pytest.raises(Stopped):
        accept(*running)
    assert not Chunk.objects.exclude(state=ChunkState.WAITING).exists()


def test_a_video_that_is_served_stays_playable(whole: dict[str, Source]) -> None:
    transcode = opened()
    Transcode.objects.update(playable_at=timezone.now(), served=served(1), served_version=1)
    whole["source"] = OTHER
    read_whole()
    assert now(transcode).playable_at is not None


@pytest.mark.usefixtures("whole")
@pytest.mark.parametrize(
    "failure", [CannotCopy("damaged"), TranscodeError(Code.ENCODER_FAILED), TranscodeError(Code.DISK_FULL)]
)
def test_a_first_chunk_that_fails_waits_for_the_whole(failure: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    transcode = opened()
    fail_with(failure, monkeypatch)
    steps.do_chunk(*first_chunk())
    assert (now(transcode).state, transcode.opening, transcode.chunks.count()) == (State.PROCESSING, {}, 0)
    assert status_of(transcode).phase == Phase.PROBING
    read_whole()
    assert now(transcode).chunks.count() == len(make_plan(WHOLE).timeline.chunks)
    assert (transcode.version, transcode.opening) == (1, None)


def fail_with(failure: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise failure

    monkeypatch.setattr(local, "encode_chunk", fail)


@pytest.mark.usefixtures("whole")
def test_a_first_chunk_that_fails_after_the_whole_is_read_fails_as_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    transcode = opened()
    running = first_chunk()
    read_whole()
    fail_with(TranscodeError(Code.UNREADABLE), monkeypatch)
    steps.do_chunk(*running)
    assert (now(transcode).state, transcode.error_code) == (State.FAILED, Code.UNREADABLE)


@pytest.mark.usefixtures("whole")
def test_an_encoder_that_was_killed_tries_the_opening_again(monkeypatch: pytest.MonkeyPatch) -> None:
    transcode = opened()
    fail_with(EncoderKilled(), monkeypatch)
    steps.do_chunk(*first_chunk())
    assert now(transcode).opening
    assert Chunk.objects.get().losses == 1


@pytest.mark.usefixtures("whole")
@pytest.mark.parametrize("lose", [claims.take_back_transcodes, lambda rows: rows.update(**claims.FREE)])
def test_a_worker_that_dies_over_the_opening_or_the_whole_leaves_it_to_another(
    lose: Callable[[object], object],
) -> None:
    transcode = TranscodeFactory.create()
    stale = claims.claim_transcode(claims.unplanned(), None)
    lose(Transcode.objects.all())
    again = claims.claim_transcode(claims.unplanned(), None)
    assert stale is not None
    assert again is not None
    planning.plan_transcode(*again)
    planning.plan_transcode(*stale)
    assert now(transcode).chunks.count() == 1
    stale = claims.claim_transcode(claims.opened(), None)
    lose(Transcode.objects.all())
    read_whole()
    row = Transcode.objects.values().get()
    assert stale is not None
    planning.plan_transcode(*stale)
    assert Transcode.objects.values().get() == row


@pytest.mark.usefixtures("whole")
def test_openings_go_before_the_rest_of_other_sources() -> None:
    """Reading a whole source may take minutes."""
    first = opened()
    Chunk.objects.update(state=ChunkState.DONE)
    second = TranscodeFactory.create()
    assert steps.do_next()
    assert now(second).opening is not None
    assert now(first).plan is None


@pytest.mark.usefixtures("whole")
def test_a_video_that_was_cancelled_and_tried_again_needs_no_second_opening() -> None:
    transcode = opened()
    accept(*first_chunk())
    lifecycle.cancel(transcode)
    assert claims.claim_transcode(claims.opened(), None) is None
    lifecycle.retry(transcode)
    assert steps.do_next()
    assert now(transcode).plan is not None
    assert transcode.chunks.filter(state=ChunkState.DONE).count() == 1


@pytest.mark.usefixtures("whole")
def test_another_file_gets_an_opening_of_its_own() -> None:
    transcode = opened()
    lifecycle.replace(transcode, "videos/other.mp4")
    assert (transcode.opening, transcode.version, transcode.chunks.count()) == (None, 2, 0)


@pytest.mark.usefixtures("whole")
@pytest.mark.ffmpeg
def test_what_an_opening_has_made_is_no_orphan(studio: Path) -> None:
    transcode = opened()
    accept(*first_chunk())
    assert version_folder(transcode.pk, 1).exists()
    assert [orphan for orphan in upkeep.orphans() if not orphan.is_private] == []
    small_video(studio / "uploads" / transcode.source, seconds=1)
    assert upkeep.share().named == 1


@pytest.mark.ffmpeg
def test_a_long_video_is_watched_before_it_is_read(studio: Path) -> None:
    part = small_video(studio / "uploads" / "videos" / "part.mp4", seconds=10, rate=5, tone=False)
    in_a_row(part.with_name("video.mp4"), *[part] * (LONG_S // 10 + 1), audio=("-c:a", "aac"))
    transcode = lifecycle.submit("videos/video.mp4")
    assert steps.do_next()
    assert steps.do_next()
    partial = PartialVersion.of(now(transcode))
    assert transcode.plan is None
    assert partial is not None
    before = partial.playlist("index.m3u8", "480p") or ""
    assert before.endswith("#EXTINF:2.000000,\nsegment_000.ts\n")
    assert "#EXT-X-TARGETDURATION:6\n" in before
    segment = version_folder(transcode.pk, 1) / "480p" / "segment_000.ts"
    published = segment.read_bytes()
    assert steps.do_next()
    assert now(transcode).plan is not None
    assert (transcode.version, transcode.opening) == (1, None)
    assert steps.do_next()
    partial = PartialVersion.of(now(transcode))
    assert partial is not None
    assert (partial.playlist("index.m3u8", "480p") or "").startswith(before)
    assert segment.read_bytes() == published


def test_writing_an_opening_takes_the_claim() -> None:
    transcode = TranscodeFactory.create()
    found = claims.claim_transcode(claims.unplanned(), None)
    assert found is not None
    claims.take_back_transcodes(Transcode.objects.all())
    opening.write(*found, make_plan(OPENING))
    assert now(transcode).opening is None
    assert not Chunk.objects.exists()
