"""A long video's own CRFs are found beside its first chunks, once, and whatever happens to the worker."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hls import claims, lifecycle, planning, sampling, steps
from hls.core import names
from hls.core.errors import CannotCopy, Code, Stopped, TranscodeError
from hls.core.plan import Plan
from hls.core.quality import CHUNKS_BY_LADDER, Quality, RenditionQuality, Why
from hls.core.sampling.places import LONG_S
from hls.folders import version_folder
from hls.models import Chunk, ChunkState, State, Transcode
from hls.status import status_of
from hls.store.interface import StoreFailed
from hls.tests.clips import in_a_row
from hls.tests.factories import TranscodeFactory
from hls.tests.test_core_sampling import long_source
from hls.tests.videos import small_video

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uploads_folder", "stop_flag")]

TS_PACKET_BYTES, TS_HEADER_BYTES = 188, 4
PLAN = long_source()
OWN = Quality(tuple(RenditionQuality(entry.name, entry.crf + 3, 94.0, str(Why.TARGET)) for entry in PLAN.renditions))


def planned(plan: Plan = PLAN) -> Transcode:
    """A transcode whose plan was just written."""
    transcode: Transcode = TranscodeFactory.create()
    found = claims.claim_transcode(claims.unplanned(), None)
    assert found is not None
    planning.write_plan(*found, plan)
    transcode.refresh_from_db()
    return transcode


def claimed() -> tuple[Transcode, claims.Claim]:
    found = claims.claim_transcode(claims.unsampled(), None)
    assert found is not None
    return found


def waiting() -> list[int]:
    return list(claims.waiting_chunks().values_list("index", flat=True))


def plan_of(transcode: Transcode) -> Plan:
    transcode.refresh_from_db()
    return Plan.from_json(transcode.plan or {})


@pytest.fixture
def samples(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Quality]], None]:
    """Says what encoding the samples leads to."""

    def lead_to(outcome: Callable[[], Quality]) -> None:
        monkeypatch.setattr(sampling, "sampled", lambda *arguments, **options: outcome())

    lead_to(lambda: OWN)
    return lead_to


def test_later_chunks_wait_until_the_samples_have_told() -> None:
    transcode = planned()
    count = len(PLAN.timeline.chunks)
    assert waiting() == list(range(CHUNKS_BY_LADDER))
    assert transcode.chunks.count() == count
    sampling.write_quality(*claimed(), OWN)
    assert plan_of(transcode).quality == OWN
    assert waiting() == list(range(count))
    assert claims.claim_transcode(claims.unsampled(), None) is None


def test_a_short_video_waits_for_nothing() -> None:
    transcode = planned(long_source(seconds=LONG_S - 10))
    assert not transcode.is_sampling_due
    assert len(waiting()) == transcode.chunks.count()
    assert status_of(transcode).quality is None


@pytest.mark.usefixtures("samples")
def test_the_first_chunks_go_before_the_samples_and_later_ones_after(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[int | str] = []

    def do_chunk(chunk: Chunk, claim: claims.Claim) -> None:
        done.append(chunk.index)
        Chunk.objects.filter(pk=chunk.pk).update(state=ChunkState.DONE)

    write = sampling.write_quality

    def write_quality(transcode: Transcode, claim: claims.Claim, quality: Quality) -> None:
        done.append("samples")
        write(transcode, claim, quality)

    monkeypatch.setattr(steps, "do_chunk", do_chunk)
    monkeypatch.setattr(sampling, "write_quality", write_quality)
    planned()
    for _ in range(CHUNKS_BY_LADDER + 2):
        assert steps.do_next()
    assert done == [*range(CHUNKS_BY_LADDER), "samples", CHUNKS_BY_LADDER]


def raising(error: Exception) -> Callable[[], Quality]:
    def fail() -> Quality:
        raise error

    return fail


@pytest.mark.parametrize("error", [TranscodeError(Code.ENCODER_FAILED, "no libvmaf"), PermissionError("denied")])
def test_samples_that_fail_leave_the_ladders_crf(
    error: Exception, samples: Callable[[Callable[[], Quality]], None]
) -> None:
    transcode = planned()
    samples(raising(error))
    sampling.find_quality(*claimed())
    plan = plan_of(transcode)
    assert plan.quality is not None
    assert str(error) in plan.quality.detail
    told = [(entry.crf, entry.estimated_vmaf, entry.reason) for entry in plan.quality.renditions]
    assert told == [(entry.crf, None, Why.UNMEASURED) for entry in plan.renditions]
    assert (transcode.state, transcode.error_code) == (State.PROCESSING, "")
    assert len(waiting()) == transcode.chunks.count()


def test_a_store_that_is_away_puts_the_samples_off(samples: Callable[[Callable[[], Quality]], None]) -> None:
    transcode = planned()
    samples(raising(StoreFailed(5, "The store is away.")))
    sampling.find_quality(*claimed())
    assert plan_of(transcode).quality is None
    assert (transcode.is_sampling_due, transcode.lease_token) == (True, "")
    assert transcode.not_before is not None


@pytest.mark.usefixtures("samples")
def test_a_worker_that_dies_over_the_samples_leaves_them_to_another() -> None:
    transcode = planned()
    stale = claimed()
    claims.take_back_transcodes(Transcode.objects.all())
    sampling.find_quality(*claimed())
    assert plan_of(transcode).quality == OWN
    other = Quality(())
    with pytest.raises(Stopped):
        sampling.write_quality(*stale, other)
    assert plan_of(transcode).quality == OWN
    assert transcode.losses == 0


@pytest.mark.usefixtures("samples")
def test_samples_over_which_workers_keep_dying_are_given_up() -> None:
    transcode = planned()
    for _ in range(sampling.MOST_LOSSES + 1):
        claimed()
        claims.take_back_transcodes(Transcode.objects.all())
    sampling.find_quality(*claimed())
    quality = plan_of(transcode).quality
    assert quality is not None
    assert {entry.reason for entry in quality.renditions} == {Why.UNMEASURED}


def test_stopped_samples_are_given_back(samples: Callable[[Callable[[], Quality]], None]) -> None:
    transcode = planned()
    samples(raising(Stopped()))
    sampling.find_quality(*claimed())
    assert plan_of(transcode).quality is None
    assert (transcode.is_sampling_due, transcode.lease_token, transcode.losses) == (True, "", 0)


@pytest.mark.usefixtures("samples")
def test_a_video_that_was_cancelled_meanwhile_gets_none_and_its_retry_finds_them() -> None:
    transcode = planned()
    found = claimed()
    lifecycle.cancel(transcode)
    sampling.find_quality(*found)
    assert plan_of(transcode).quality is None
    lifecycle.retry(transcode)
    again = claims.claim_transcode(claims.unplanned(), None)
    assert again is not None
    planning.plan_transcode(*again)
    assert waiting() == list(range(CHUNKS_BY_LADDER))
    sampling.find_quality(*claimed())
    assert plan_of(transcode).quality == OWN


def test_a_retry_keeps_what_was_found() -> None:
    transcode = planned()
    sampling.write_quality(*claimed(), OWN)
    lifecycle.cancel(transcode)
    lifecycle.retry(transcode)
    again = claims.claim_transcode(claims.unplanned(), None)
    assert again is not None
    planning.plan_transcode(*again)
    assert plan_of(transcode).quality == OWN
    assert not transcode.is_sampling_due


def test_a_plan_of_before_goes_on_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was made by a program that knew of no samples; some of its chunks may be done."""
    data = PLAN.to_json()
    del data["quality"]
    transcode: Transcode = TranscodeFactory.create(plan=data)
    found = claims.claim_transcode(claims.unplanned(), None)
    assert found is not None
    planning.plan_transcode(*found)
    transcode.refresh_from_db()
    assert not transcode.is_sampling_due
    assert len(waiting()) == len(PLAN.timeline.chunks)


def test_pictures_that_are_not_copied_after_all_are_sampled_anew() -> None:
    transcode = planned()
    chunk = claims.claim_chunk(None)
    found = claimed()
    assert chunk is not None
    steps.encode_instead(*chunk, CannotCopy("damaged"))
    with pytest.raises(Stopped):
        sampling.write_quality(*found, OWN)
    assert claimed()[0].version == transcode.version + 1


def test_another_file_is_sampled_by_itself() -> None:
    transcode = planned()
    lifecycle.replace(transcode, "videos/other.mp4")
    assert not transcode.is_sampling_due


def crf_in(segment: Path) -> str:
    """What x264 says of itself where it begins."""
    data = segment.read_bytes()
    packets = (data[at + TS_HEADER_BYTES : at + TS_PACKET_BYTES] for at in range(0, len(data), TS_PACKET_BYTES))
    found = re.search(rb"rc=crf .*? crf=([\d.]+)", b"".join(packets), re.DOTALL)
    assert found is not None
    return found[1].decode()


@pytest.mark.ffmpeg
def test_a_long_video_is_encoded_with_crfs_of_its_own(studio: Path) -> None:
    part = small_video(studio / "uploads/videos/part.mp4", seconds=10, rate=5, size="480x270", tone=False)
    in_a_row(part.with_name("video.mp4"), *[part] * (LONG_S // 10 + 1))
    transcode = lifecycle.submit("videos/video.mp4")
    while not Chunk.objects.filter(index=CHUNKS_BY_LADDER, state=ChunkState.DONE).exists():
        assert steps.do_next()
    plan = plan_of(transcode)
    assert plan.quality is not None
    [ladder], [own] = plan.renditions, plan.quality.renditions
    assert (plan.quality.detail, own.reason in {Why.TARGET, Why.LIMIT}) == ("", True)
    assert own.crf > ladder.crf
    folder = version_folder(transcode.pk, 1) / "480p"
    chunks = plan.timeline.chunks[: CHUNKS_BY_LADDER + 1]
    found = [float(crf_in(folder / names.segment_name(chunk.segments[0].number))) for chunk in chunks]
    assert found == [ladder.crf] * CHUNKS_BY_LADDER + [own.crf]
    assert [path.name for path in (studio / "hls").rglob("finish-*")] == []


@pytest.mark.ffmpeg
def test_samples_of_a_video_that_is_not_here_fail(studio: Path) -> None:
    transcode = planned(replace(PLAN, quality=None))
    sampling.find_quality(*claimed())
    quality = plan_of(transcode).quality
    assert quality is not None
    assert quality.detail
