"""A worker's steps one by one, without an encoder: what each writes, and that without its claim it writes nothing."""

import errno
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pytest
from django.db import OperationalError
from django.db.models import QuerySet
from django.utils import timezone
from pytest_django.fixtures import Settings

from hls import claims, failing, finishing, identity, lifecycle, planning, renewal, steps, stores, upkeep
from hls.core.chunk import ChunkFacts
from hls.core.encoding.encode import Encoder
from hls.core.errors import ADVICE, CannotCopy, Code, EncoderKilled, Stopped, TranscodeError
from hls.core.plan import Plan, make_plan
from hls.core.probe import AudioTrack
from hls.folders import chunk_folder, version_folder
from hls.identity import FILE
from hls.models import Chunk, ChunkState, Extraction, State, Transcode, Worker
from hls.renewal import ChunkRenewal
from hls.sources import awaited, local
from hls.status import status_of
from hls.tests.factories import ChunkFactory, TranscodeFactory, WorkerFactory, plan, served, source
from hls.tracks import extracting

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uploads_folder", "stop_flag")]

FACTS = ChunkFacts(0, (), ())


def begun(**values: object) -> tuple[Chunk, claims.Claim]:
    """The first of three chunks of a video, claimed by a worker."""
    transcode = TranscodeFactory.create(processing=True)
    for index in range(3):
        ChunkFactory.create(transcode=transcode, index=index, **values)
    found = claims.claim_chunk(None)
    assert found is not None
    return found


def made(chunk: Chunk, claim: claims.Claim) -> Path:
    transcode = chunk.transcode
    folder = chunk_folder(transcode.pk, transcode.version, chunk.index, claim.token)
    (folder / "480p").mkdir(parents=True)
    (folder / "480p" / "segment_000.ts").write_bytes(b"segment")
    return folder


def seconds_until(moment: object) -> float:
    assert moment is not None
    return (moment - timezone.now()).total_seconds()  # type: ignore[operator, no-any-return]


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 5), (2, 15), (3, 45), (5, 405), (6, 600), (60, 600)])
def test_pauses_grow_threefold_up_to_ten_minutes(attempts: int, seconds: int) -> None:
    assert failing.backoff(attempts) == timedelta(seconds=seconds)


def test_a_chunk_that_was_made_is_moved_in_and_done() -> None:
    chunk, claim = begun()
    steps.accept_chunk(chunk, claim, made(chunk, claim), FACTS)
    chunk.refresh_from_db()
    assert (chunk.state, chunk.frames_done, chunk.lease_token) == (ChunkState.DONE, chunk.frame_count, "")
    assert ChunkFacts.from_json(chunk.facts or {}) == FACTS
    assert (version_folder(chunk.transcode_id, 1) / "480p" / "segment_000.ts").read_bytes() == b"segment"


@pytest.mark.parametrize(("index", "is_playable"), [(0, True), (1, False)])
def test_a_video_can_be_played_from_its_first_chunk_on(index: int, is_playable: bool) -> None:
    chunk, claim = begun()
    Chunk.objects.exclude(pk=chunk.pk).delete()
    Chunk.objects.update(index=index)
    chunk.index = index
    steps.accept_chunk(chunk, claim, made(chunk, claim), FACTS)
    assert (Transcode.objects.get().playable_at is not None) is is_playable


def lapsed(chunk: Chunk) -> None:
    claims.take_back_chunks(Chunk.objects.filter(pk=chunk.pk))


def cancelled(chunk: Chunk) -> None:
    lifecycle.cancel(Transcode.objects.get(pk=chunk.transcode_id))


def replaced(chunk: Chunk) -> None:
    lifecycle.replace(Transcode.objects.get(pk=chunk.transcode_id), "videos/other.mp4")


def discarded(chunk: Chunk) -> None:
    lifecycle.discard(chunk.transcode_id)


MEANWHILE = pytest.mark.parametrize("meanwhile", [lapsed, cancelled, replaced, discarded])


@MEANWHILE
def test_a_worker_that_lost_the_chunk_moves_nothing_in(meanwhile: Callable[[Chunk], None]) -> None:
    chunk, claim = begun()
    folder = made(chunk, claim)
    meanwhile(chunk)
    rows = list(Chunk.objects.values())
    with pytest.raises(Stopped):
        steps.accept_chunk(chunk, claim, folder, FACTS)
    assert list(Chunk.objects.values()) == rows
    assert not (version_folder(chunk.transcode_id, 1) / "480p").exists()


@MEANWHILE
@pytest.mark.parametrize("code", [Code.UNREADABLE, Code.TIMEOUT, Code.DISK_FULL])
def test_a_worker_that_lost_the_chunk_fails_nothing(meanwhile: Callable[[Chunk], None], code: Code) -> None:
    chunk, claim = begun()
    meanwhile(chunk)
    rows = list(Chunk.objects.values()), list(Transcode.objects.values())
    failing.fail_chunk(chunk, claim, TranscodeError(code))
    failing.lose_chunk(chunk, claim, EncoderKilled())
    steps.encode_instead(chunk, claim, CannotCopy("damaged"))
    assert (list(Chunk.objects.values()), list(Transcode.objects.values())) == rows


@MEANWHILE
def test_a_beat_notices_that_the_chunk_was_lost(meanwhile: Callable[[Chunk], None]) -> None:
    chunk, claim = begun()
    lease = ChunkRenewal(chunk, claim)
    lease.tell(10)
    assert not lease.is_over()
    meanwhile(chunk)
    lease.next_beat = 0
    lease.tell(20)
    assert lease.is_over()


def test_a_beat_renews_the_lease_and_writes_the_frames(settings: Settings) -> None:
    chunk, claim = begun()
    Chunk.objects.filter(pk=chunk.pk).update(lease_until=timezone.now())
    ChunkRenewal(chunk, claim).tell(375)
    chunk.refresh_from_db()
    assert chunk.frames_done == 375
    assert settings.HLS_LEASE_S - 5 < seconds_until(chunk.lease_until) <= settings.HLS_LEASE_S
    assert Transcode.objects.get().percent == pytest.approx(100 * 375 / 2250)


def test_a_beat_that_follows_too_soon_writes_nothing() -> None:
    chunk, claim = begun()
    lease = ChunkRenewal(chunk, claim)
    lease.tell(10)
    lease.tell(20)
    chunk.refresh_from_db()
    assert chunk.frames_done == 10


def test_a_worker_that_is_told_to_stop_ends_its_encoder_and_begins_nothing(stop_flag: threading.Event) -> None:
    chunk, claim = begun()
    stop_flag.set()
    assert ChunkRenewal(chunk, claim).is_over()
    assert not steps.do_next()
    assert Chunk.objects.filter(state=ChunkState.WAITING).count() == 2


@pytest.mark.parametrize("code", [code for code in Code if ADVICE[code].is_temporary and code != Code.DISK_FULL])
def test_a_cause_that_may_pass_is_tried_three_times(code: Code) -> None:
    chunk, claim = begun()
    for attempt, pause_s in ((1, 5), (2, 15)):
        failing.fail_chunk(chunk, claim, TranscodeError(code))
        chunk.refresh_from_db()
        assert (chunk.state, chunk.attempts, chunk.lease_token) == (ChunkState.WAITING, attempt, "")
        assert pause_s - 3 < seconds_until(chunk.not_before) <= pause_s
        Chunk.objects.update(not_before=None)
        found = claims.claim_chunk(None)
        assert found is not None
        chunk, claim = found
    failing.fail_chunk(chunk, claim, TranscodeError(code))
    transcode = Transcode.objects.get()
    assert (transcode.state, transcode.error_code, transcode.retry_at) == (State.FAILED, code, None)


@pytest.mark.parametrize("code", [code for code in Code if not ADVICE[code].is_temporary])
def test_a_cause_that_stays_fails_the_video_at_once(code: Code) -> None:
    chunk, claim = begun()
    ChunkFactory.create(transcode=chunk.transcode, index=9, running=True)
    failing.fail_chunk(chunk, claim, TranscodeError(code))
    transcode = Transcode.objects.get()
    assert (transcode.state, transcode.error_code, transcode.retry_at) == (State.FAILED, code, None)
    assert (transcode.finished_at is not None, transcode.error_reason) == (True, "")
    states = list(transcode.chunks.order_by("index").values_list("state", "lease_token"))
    assert states == [("failed", ""), ("waiting", ""), ("waiting", ""), ("waiting", "")], "nobody works on it any more"


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 15), (2, 45), (9, 600)])
def test_a_full_disk_is_tried_again_by_itself_ever_later(attempts: int, seconds: int) -> None:
    chunk, claim = begun()
    chunk.transcode.attempts = attempts
    failing.fail_chunk(chunk, claim, TranscodeError(Code.DISK_FULL))
    transcode = Transcode.objects.get()
    assert transcode.error_code == Code.DISK_FULL
    assert seconds - 3 < seconds_until(transcode.retry_at) <= seconds


@pytest.mark.parametrize(("losses", "seconds"), [(0, 0), (7, 7), (200, 60)])
def test_an_encoder_that_was_killed_waits_a_little_longer_each_time(losses: int, seconds: int) -> None:
    chunk, claim = begun(losses=losses)
    failing.lose_chunk(chunk, claim, EncoderKilled())
    chunk.refresh_from_db()
    assert (chunk.state, chunk.losses, chunk.attempts) == (ChunkState.WAITING, losses + 1, 0)
    assert seconds - 3 < seconds_until(chunk.not_before) <= seconds


@pytest.mark.parametrize(("losses", "is_given_up"), [(30, False), (31, True)])
def test_a_transcode_whose_workers_keep_vanishing_is_given_up(losses: int, is_given_up: bool) -> None:
    transcode = TranscodeFactory.create(losses=losses)
    assert steps.do_next()
    transcode.refresh_from_db()
    assert transcode.error_code == (Code.UNREADABLE if is_given_up else Code.SOURCE_MISSING)


def test_a_chunk_whose_workers_keep_vanishing_fails_its_video() -> None:
    transcode = TranscodeFactory.create(processing=True)
    ChunkFactory.create(transcode=transcode, index=0, losses=31, attempts=2)
    assert steps.do_next()
    transcode.refresh_from_db()
    assert (transcode.state, transcode.error_code) == (State.FAILED, Code.ENCODER_FAILED)


def test_a_last_step_whose_workers_keep_vanishing_fails_its_video() -> None:
    transcode = TranscodeFactory.create(processing=True, losses=31)
    ChunkFactory.create(transcode=transcode, index=0, done=True)
    assert steps.do_next()
    transcode.refresh_from_db()
    assert (transcode.state, transcode.error_code, transcode.lease_token) == (State.FAILED, Code.ENCODER_FAILED, "")


def test_a_video_that_turns_out_unfit_for_copying_begins_as_another_version() -> None:
    chunk, claim = begun()
    transcode = chunk.transcode
    Chunk.objects.filter(index=1).update(state=ChunkState.DONE)
    Transcode.objects.update(playable_at=timezone.now())
    steps.encode_instead(chunk, claim, CannotCopy("damaged"))
    transcode.refresh_from_db()
    assert (transcode.version, transcode.state, transcode.playable_at) == (2, State.PROCESSING, None)
    assert not Plan.from_json(transcode.plan or {}).is_copying
    assert set(transcode.chunks.values_list("state", flat=True)) == {ChunkState.WAITING}
    assert transcode.chunks.count() == len(Plan.from_json(transcode.plan or {}).timeline.chunks) == 8


def test_a_video_that_is_served_stays_playable_while_it_begins_anew() -> None:
    chunk, claim = begun()
    Transcode.objects.update(playable_at=timezone.now(), served=served(1), served_version=1)
    steps.encode_instead(chunk, claim, CannotCopy("damaged"))
    assert Transcode.objects.get().playable_at is not None


def test_a_first_chunk_goes_before_everything_else_and_other_chunks_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody may wait for it; a long source's probing and a long video's last step may take minutes."""
    done: list[str] = []
    monkeypatch.setattr(steps, "finish_transcode", lambda transcode, claim: done.append("finish"))
    monkeypatch.setattr(planning, "plan_transcode", lambda transcode, claim: done.append("plan"))
    monkeypatch.setattr(extracting, "extract", lambda extraction, claim: done.append("texts"))
    monkeypatch.setattr(steps, "do_chunk", lambda chunk, claim: done.append(f"chunk {chunk.index}"))
    made, begun = (TranscodeFactory.create(processing=True) for _ in range(2))
    ChunkFactory.create(transcode=made, index=0, done=True)
    for index in (0, 1):
        ChunkFactory.create(transcode=begun, index=index)
    TranscodeFactory.create()
    Extraction.objects.create(transcode=made)
    while steps.do_next():
        pass
    assert done == ["chunk 0", "finish", "plan", "texts", "chunk 1"]


def test_a_new_video_begins_though_all_slots_are_taken_by_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is urgent: first chunks and planning, and the first seconds of videos that nobody works on."""
    done: list[str] = []
    worker = WorkerFactory.create()
    monkeypatch.setattr(planning, "plan_transcode", lambda transcode, claim: done.append(f"plan {transcode.pk}"))
    monkeypatch.setattr(
        steps, "do_chunk", lambda chunk, claim: done.append(f"{chunk.transcode.pk} chunk {chunk.index}")
    )
    left, being_made = TranscodeFactory.create(processing=True), TranscodeFactory.create(processing=True)
    opened, opened_and_made = (TranscodeFactory.create(processing=True, plan=None) for _ in range(2))
    new = TranscodeFactory.create()
    for index in range(1, 5):
        ChunkFactory.create(transcode=left, index=index)
        ChunkFactory.create(transcode=being_made, index=index)
    ChunkFactory.create(transcode=being_made, index=5, running=True, worker=worker)
    ChunkFactory.create(transcode=opened, index=0)
    ChunkFactory.create(transcode=opened_and_made, index=0, running=True)
    assert claims.is_urgent_work_waiting()
    assert steps.do_urgent(worker)
    assert done == [f"{opened.pk} chunk 0"]
    Chunk.objects.filter(transcode=opened).update(state=ChunkState.DONE)
    assert steps.do_urgent(worker)
    assert steps.do_urgent(worker)
    assert steps.do_urgent(worker)
    Chunk.objects.filter(transcode=left, index=1).update(state=ChunkState.DONE)
    assert steps.do_urgent(worker)
    Chunk.objects.filter(transcode=left, index=2).update(state=ChunkState.DONE)
    assert done[1:] == [f"plan {new.pk}", f"plan {opened.pk}", f"{left.pk} chunk 1", f"{left.pk} chunk 2"]
    assert not steps.do_urgent(worker)
    assert not claims.is_urgent_work_waiting()
    assert claims.is_work_waiting()


def test_a_slot_that_is_free_in_a_few_seconds_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two first chunks at once would both be late, and a killed worker would lose both."""
    done: list[int] = []
    monkeypatch.setattr(steps, "do_chunk", lambda chunk, claim: done.append(chunk.index))
    worker = WorkerFactory.create()
    running = ChunkFactory.create(index=2, running=True, worker=worker)
    ChunkFactory.create(index=0)
    assert not steps.do_urgent(worker)
    Chunk.objects.filter(pk=running.pk).update(index=3)
    assert steps.do_urgent(worker)
    assert done == [0]


def test_a_slot_between_two_chunks_of_a_video_takes_the_next_one_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a moment nobody makes the video. With two of its chunks at once, a killed worker would lose both."""
    monkeypatch.setattr(steps, "do_chunk", lambda chunk, claim: pytest.fail("the slot was about to look"))
    video, worker = TranscodeFactory.create(processing=True), WorkerFactory.create()
    ChunkFactory.create(transcode=video, index=0, done=True)
    for index in (1, 2):
        ChunkFactory.create(transcode=video, index=index)
    brought = TranscodeFactory.create(awaits_source=True)  # which takes no slot
    assert claims.claim_transcode(claims.awaiting_source().filter(pk=brought.pk), worker)
    assert not steps.do_urgent(worker)
    assert not Chunk.objects.filter(state=ChunkState.RUNNING).exists()


def test_an_urgent_chunk_is_given_back_where_a_slot_has_taken_one_of_the_same_video_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(steps, "do_chunk", lambda chunk, claim: pytest.fail("two chunks at once"))
    video, worker = TranscodeFactory.create(processing=True), WorkerFactory.create()
    busy = ChunkFactory.create(index=5, running=True, worker=worker)
    for index in (1, 2):
        ChunkFactory.create(transcode=video, index=index)
    claim = claims.claim_chunk

    def late(worker: Worker | None, chunks: QuerySet[Chunk]) -> tuple[Chunk, claims.Claim] | None:
        """Between the look and the claim, the slot ends its chunk and takes the first that was seen."""
        seen = [chunk.pk for chunk in chunks]
        if seen:
            Chunk.objects.filter(pk=busy.pk).update(state=ChunkState.DONE, lease_token="", worker=None)
            assert claim(worker, waiting.filter(pk=seen[0]))
        return claim(worker, waiting.filter(pk__in=seen))

    waiting = claims.waiting_chunks()
    monkeypatch.setattr(claims, "claim_chunk", late)
    assert not steps.do_urgent(worker)
    assert list(Chunk.objects.filter(transcode=video).order_by("index").values_list("index", "state", "losses")) == [
        (1, ChunkState.RUNNING, 0),
        (2, ChunkState.WAITING, 0),
    ]


def test_a_new_video_begins_while_a_slot_finishes_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """To finish a long video takes a while. The slot holds it meanwhile, and is no slot between two steps."""
    begun: list[Chunk] = []
    worker = WorkerFactory.create()
    last, first = ChunkFactory.create(index=3), ChunkFactory.create(index=0)

    def accept(chunk: Chunk, claim: claims.Claim, *made: object) -> None:
        claims.owned_chunk(chunk, claim).update(**claims.FREE, state=ChunkState.DONE)

    monkeypatch.setattr(steps, "make_chunk", lambda chunk, claim, folder: None)
    monkeypatch.setattr(steps, "accept_patiently", accept)
    monkeypatch.setattr(steps, "finish_transcode", lambda transcode, claim: steps.do_urgent(worker))
    monkeypatch.setattr(steps, "hurry_chunk", lambda chunk, claim: begun.append(chunk))
    found = claims.claim_chunk(worker, claims.waiting_chunks().filter(pk=last.pk))
    assert found is not None
    steps.do_chunk(*found)
    assert begun == [first]


def test_a_worker_that_is_told_to_stop_begins_nothing_urgent(stop_flag: threading.Event) -> None:
    TranscodeFactory.create()
    steps.stop_working()
    assert not steps.do_urgent()


@pytest.mark.parametrize("change", [{"version": 2}, {"lease_token": "f" * 32}])
def test_a_plan_that_comes_too_late_is_not_written(change: dict[str, object]) -> None:
    transcode = TranscodeFactory.create()
    found = claims.claim_transcode(claims.unplanned(), None)
    assert found is not None
    Transcode.objects.update(**change)
    planning.write_plan(*found, plan())
    transcode.refresh_from_db()
    assert (transcode.state, transcode.plan, transcode.chunks.count()) == (State.QUEUED, None, 0)


def test_chunks_that_are_done_stay_done_when_a_plan_is_written_again() -> None:
    transcode = TranscodeFactory.create(plan=plan().to_json())
    ChunkFactory.create(transcode=transcode, index=1, done=True)
    assert steps.do_next()
    transcode.refresh_from_db()
    assert transcode.state == State.PROCESSING
    assert list(transcode.chunks.values_list("state", flat=True)) == ["waiting", "done", "waiting", "waiting"]


def test_a_video_the_disk_has_no_room_for_is_not_begun(settings: Settings) -> None:
    settings.DISK_RESERVE_BYTES = 1 << 62
    transcode = TranscodeFactory.create(plan=plan().to_json())
    assert steps.do_next()
    transcode.refresh_from_db()
    assert (transcode.state, transcode.error_code, transcode.chunks.count()) == (State.FAILED, Code.DISK_FULL, 0)
    assert transcode.retry_at is not None


def test_room_is_asked_for_each_of_several_sounds(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(planning, "check_room", lambda *, needed_bytes: asked.append(needed_bytes))
    one = source(seconds=200)
    sounds = tuple(AudioTrack(index, "aac", 2, 48_000) for index in range(1, 17))
    for several in ((), sounds):
        planning.check_room_for(make_plan(replace(one, sounds=several)))
    assert asked[1] - asked[0] == (16 - 3) * 128_000 // 8 * 120, "not one for each rendition, but one for each sound"


def test_a_source_that_is_gone_fails_the_video() -> None:
    transcode = TranscodeFactory.create(source="videos/gone.mp4")
    assert steps.do_next()
    transcode.refresh_from_db()
    assert (transcode.state, transcode.error_code) == (State.FAILED, Code.SOURCE_MISSING)
    assert not steps.do_next()


def test_a_database_that_is_away_for_a_beat_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    chunk, claim = begun()
    lease = ChunkRenewal(chunk, claim)

    def away(lease: ChunkRenewal) -> bool:
        raise OperationalError("the server closed the connection")

    with monkeypatch.context() as patched:
        patched.setattr(ChunkRenewal, "renew", away)
        patched.setattr(renewal, "close_old_connections", lambda: None)  # the test's transaction lives on it
        lease.tell(10)
    assert not lease.is_over()
    lease.next_beat = 0
    lease.tell(20)
    chunk.refresh_from_db()
    assert chunk.frames_done == 20


@pytest.mark.parametrize(("index", "nice"), [(0, 5), (2, 5), (3, 10)])
def test_the_first_chunks_get_more_of_the_processor(index: int, nice: int, monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[int] = []

    def encode(*arguments: object, encoder: Encoder, **options: object) -> ChunkFacts:
        used.append(encoder.nice)
        raise Stopped

    monkeypatch.setattr(local, "encode_chunk", encode)
    chunk = ChunkFactory.create(index=index)
    found = claims.claim_chunk(None)
    assert found is not None
    steps.do_chunk(*found)
    assert used == [nice]
    chunk.refresh_from_db()
    assert chunk.state == ChunkState.WAITING


def claimed_transcode(transcodes: QuerySet[Transcode]) -> tuple[Transcode, claims.Claim]:
    found = claims.claim_transcode(transcodes, None)
    assert found is not None
    return found


def test_a_prober_that_was_thought_dead_does_not_fail_what_another_has_planned() -> None:
    """Its lease lapsed while the file was away; another worker found it and has planned the video since."""
    TranscodeFactory.create(source="videos/gone.mp4")
    stale = claimed_transcode(claims.unplanned())
    claims.take_back_transcodes(Transcode.objects.all())
    planning.write_plan(*claimed_transcode(claims.unplanned()), plan())
    row = Transcode.objects.values().get()
    planning.plan_transcode(*stale)
    assert Transcode.objects.values().get() == row
    assert set(Chunk.objects.values_list("state", flat=True)) == {ChunkState.WAITING}


def test_a_finisher_that_was_thought_dead_does_not_fail_what_another_finishes() -> None:
    transcode = TranscodeFactory.create(processing=True, losses=30)
    ChunkFactory.create(transcode=transcode, index=0, done=True)
    claimed_transcode(claims.unfinished())
    claims.take_back_transcodes(Transcode.objects.all())
    stale = claimed_transcode(claims.unfinished())
    claims.take_back_transcodes(Transcode.objects.all())
    row = Transcode.objects.values().get()
    steps.finish_transcode(*stale)
    assert Transcode.objects.values().get() == row


def passing(*args: object, **options: object) -> None:
    raise TranscodeError(Code.TIMEOUT, "not ready after 120 s")


def retried(transcode: Transcode) -> None:
    """As if its pause were over."""
    Transcode.objects.update(retry_at=timezone.now() - timedelta(seconds=1))
    upkeep.retry_due()
    transcode.refresh_from_db()


def unplanned_transcode() -> Transcode:
    transcode: Transcode = TranscodeFactory.create()
    return transcode


def made_transcode() -> Transcode:
    transcode: Transcode = TranscodeFactory.create(processing=True, plan=plan(seconds=12).to_json())
    ChunkFactory.create(transcode=transcode, index=0, done=True, facts=FACTS.to_json())
    return transcode


@pytest.mark.parametrize(
    ("make", "module", "step"), [(unplanned_transcode, local, "probe"), (made_transcode, finishing, "write_files")]
)
def test_probing_and_finishing_that_fail_for_a_passing_cause_are_tried_three_times_as_their_hint_says(
    make: Callable[[], Transcode], module: ModuleType, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    transcode = make()
    monkeypatch.setattr(module, step, passing)
    for attempt, pause_s in ((1, 15), (2, 45)):
        while steps.do_next():
            pass
        transcode.refresh_from_db()
        assert (transcode.state, transcode.error_code, transcode.attempts) == (State.FAILED, Code.TIMEOUT, attempt)
        assert pause_s - 3 < seconds_until(transcode.retry_at) <= pause_s
        assert "tried again by itself" in hint(transcode)
        retried(transcode)
        assert transcode.state == State.QUEUED
    while steps.do_next():
        pass
    transcode.refresh_from_db()
    assert (transcode.state, transcode.attempts, transcode.retry_at) == (State.FAILED, 3, None)
    assert "tried several times" in hint(transcode)


def hint(transcode: Transcode) -> str:
    error = status_of(transcode).error
    assert error is not None
    return error.hint


def test_a_person_who_tries_a_video_again_gives_it_three_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    transcode = TranscodeFactory.create(failed=True, error_code=Code.TIMEOUT, attempts=3)
    monkeypatch.setattr(local, "probe", passing)
    lifecycle.retry(transcode)
    assert steps.do_next()
    transcode.refresh_from_db()
    assert (transcode.attempts, transcode.retry_at is None) == (4, False)


def test_a_disk_that_is_full_while_finishing_is_told_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    transcode = made_transcode()

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(finishing, "write_files", full)
    assert steps.do_next()
    transcode.refresh_from_db()
    assert (transcode.state, transcode.error_code, transcode.lease_token) == (State.FAILED, Code.DISK_FULL, "")
    assert transcode.retry_at is not None


def test_a_chunk_and_its_video_fail_together_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker killed between the two would leave a video that is never made: no chunk waits, and none runs."""
    chunk, claim = begun()

    def killed(*args: object, **options: object) -> None:
        raise SystemExit

    monkeypatch.setattr(failing, "fail_transcode", killed)
    with pytest.raises(SystemExit):
        failing.fail_chunk(chunk, claim, TranscodeError(Code.UNREADABLE))
    chunk.refresh_from_db()
    assert chunk.state == ChunkState.RUNNING, "its lease lapses, and another worker tries it"


def test_videos_are_not_made_into_another_installations_folder(studio: Path) -> None:
    """Transcodes of both have the same ids, so they would overwrite its files."""
    transcode = TranscodeFactory.create()
    (studio / "hls").mkdir()
    (studio / "hls" / FILE).write_text("another")
    assert not steps.do_next()
    transcode.refresh_from_db()
    assert (transcode.state, transcode.lease_token) == (State.QUEUED, "")
    identity.adopt(stores.versions())
    assert steps.do_next()


def test_worker_whose_folder_is_an_empty_one_by_mistake_leaves_videos_to_others(settled: Path) -> None:
    """As with another DATA_DIR, or where a share isn't mounted. They failed at once: their uploaded file is gone."""
    transcode = TranscodeFactory.create()
    awaited_transcode = TranscodeFactory.create(awaits_source=True)
    shutil.rmtree(settled / "uploads")
    assert not steps.do_next()
    assert not awaited.do_next()
    for left in (transcode, awaited_transcode):
        left.refresh_from_db()
        assert (left.state, left.lease_token) == (State.QUEUED, "")
    identity.adopt(stores.uploads())
    assert steps.do_next()


def test_videos_are_not_made_over_those_from_before_there_were_identities(studio: Path) -> None:
    """As with an empty database over the folders of an older version: their first sweep is yet to come."""
    (studio / "uploads/videos").mkdir()
    (studio / "uploads/videos/new.mp4").touch()
    transcode = TranscodeFactory.create(source="videos/new.mp4")
    version_folder(transcode.pk, 1).mkdir(parents=True)
    assert not steps.do_next()
    transcode.refresh_from_db()
    assert (transcode.state, transcode.lease_token) == (State.QUEUED, "")
    identity.adopt(stores.versions())
    assert steps.do_next()
