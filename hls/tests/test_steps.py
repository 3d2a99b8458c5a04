"""A worker's steps one by one, without an encoder: what each leaves in the rows, and what a late one can't do."""

import errno
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pytest
from django.db import OperationalError
from django.db.models import QuerySet
from django.utils import timezone
from pytest_django.fixtures import Settings

from hls import claims, failing, finishing, identity, lifecycle, renewal, steps, upkeep
from hls.core.chunk import ChunkFacts
from hls.core.errors import ADVICE, CannotCopy, Code, EncoderKilled, Stopped, TranscodeError
from hls.core.plan import Plan
from hls.folders import chunk_folder, version_folder
from hls.identity import FILE
from hls.models import Chunk, ChunkState, State, Transcode
from hls.renewal import ChunkHeartbeat
from hls.status import status_of
from hls.tests.factories import ChunkFactory, TranscodeFactory, plan, served

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("studio", "stop_flag")]

FACTS = ChunkFacts(0, (), ())


def begun(**values: object) -> tuple[Chunk, claims.Claim]:
    """The first of three chunks of a film, in a worker's hands."""
    film = TranscodeFactory.create(processing=True)
    for index in range(3):
        ChunkFactory.create(transcode=film, index=index, **values)
    found = claims.claim_chunk(None)
    assert found is not None
    return found


def made(chunk: Chunk, claim: claims.Claim) -> Path:
    film = chunk.transcode
    folder = chunk_folder(film.pk, film.version, chunk.index, claim.token)
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
def test_a_film_can_be_played_from_its_first_chunk_on(index: int, is_playable: bool) -> None:
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
def test_who_lost_the_chunk_moves_nothing_in(meanwhile: Callable[[Chunk], None]) -> None:
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
def test_who_lost_the_chunk_fails_nothing(meanwhile: Callable[[Chunk], None], code: Code) -> None:
    chunk, claim = begun()
    meanwhile(chunk)
    rows = list(Chunk.objects.values()), list(Transcode.objects.values())
    failing.fail_chunk(chunk, claim, TranscodeError(code))
    failing.lose_chunk(chunk, claim, EncoderKilled())
    steps.encode_instead(chunk, claim, CannotCopy("damaged"))
    assert (list(Chunk.objects.values()), list(Transcode.objects.values())) == rows


@MEANWHILE
def test_the_heart_notices_that_the_chunk_was_lost(meanwhile: Callable[[Chunk], None]) -> None:
    chunk, claim = begun()
    heart = ChunkHeartbeat(chunk, claim)
    heart.tell(10)
    assert not heart.is_over()
    meanwhile(chunk)
    heart.next_beat = 0
    heart.tell(20)
    assert heart.is_over()


def test_a_beat_renews_the_lease_and_tells_the_frames(settings: Settings) -> None:
    chunk, claim = begun()
    Chunk.objects.filter(pk=chunk.pk).update(lease_until=timezone.now())
    ChunkHeartbeat(chunk, claim).tell(375)
    chunk.refresh_from_db()
    assert chunk.frames_done == 375
    assert settings.HLS_LEASE_S - 5 < seconds_until(chunk.lease_until) <= settings.HLS_LEASE_S
    assert Transcode.objects.get().percent == pytest.approx(100 * 375 / 2250)


def test_beats_that_follow_too_soon_leave_the_database_alone() -> None:
    chunk, claim = begun()
    heart = ChunkHeartbeat(chunk, claim)
    heart.tell(10)
    heart.tell(20)
    chunk.refresh_from_db()
    assert chunk.frames_done == 10


def test_a_worker_that_is_told_to_stop_ends_its_encoder_and_begins_nothing(stop_flag: threading.Event) -> None:
    chunk, claim = begun()
    stop_flag.set()
    assert ChunkHeartbeat(chunk, claim).is_over()
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
    film = Transcode.objects.get()
    assert (film.state, film.error_code, film.retry_at) == (State.FAILED, code, None)


@pytest.mark.parametrize("code", [code for code in Code if not ADVICE[code].is_temporary])
def test_a_cause_that_stays_fails_the_film_at_once(code: Code) -> None:
    chunk, claim = begun()
    ChunkFactory.create(transcode=chunk.transcode, index=9, running=True)
    failing.fail_chunk(chunk, claim, TranscodeError(code))
    film = Transcode.objects.get()
    assert (film.state, film.error_code, film.retry_at) == (State.FAILED, code, None)
    assert (film.finished_at is not None, film.error_reason) == (True, "")
    states = list(film.chunks.order_by("index").values_list("state", "lease_token"))
    assert states == [("failed", ""), ("waiting", ""), ("waiting", ""), ("waiting", "")], "nobody works on it any more"


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 15), (2, 45), (9, 600)])
def test_a_full_disk_is_tried_again_by_itself_ever_later(attempts: int, seconds: int) -> None:
    chunk, claim = begun()
    chunk.transcode.attempts = attempts
    failing.fail_chunk(chunk, claim, TranscodeError(Code.DISK_FULL))
    film = Transcode.objects.get()
    assert film.error_code == Code.DISK_FULL
    assert seconds - 3 < seconds_until(film.retry_at) <= seconds


@pytest.mark.parametrize(("losses", "seconds"), [(0, 0), (7, 7), (200, 60)])
def test_an_encoder_that_was_killed_waits_a_little_longer_each_time(losses: int, seconds: int) -> None:
    chunk, claim = begun(losses=losses)
    failing.lose_chunk(chunk, claim, EncoderKilled())
    chunk.refresh_from_db()
    assert (chunk.state, chunk.losses, chunk.attempts) == (ChunkState.WAITING, losses + 1, 0)
    assert seconds - 3 < seconds_until(chunk.not_before) <= seconds


@pytest.mark.parametrize(("losses", "is_given_up"), [(30, False), (31, True)])
def test_what_kills_its_workers_is_given_up_at_last(losses: int, is_given_up: bool) -> None:
    film = TranscodeFactory.create(losses=losses)
    assert steps.do_next()
    film.refresh_from_db()
    assert film.error_code == (Code.UNREADABLE if is_given_up else Code.SOURCE_MISSING)


def test_a_chunk_that_kills_its_workers_fails_its_film() -> None:
    film = TranscodeFactory.create(processing=True)
    ChunkFactory.create(transcode=film, index=0, losses=31, attempts=2)
    assert steps.do_next()
    film.refresh_from_db()
    assert (film.state, film.error_code) == (State.FAILED, Code.ENCODER_FAILED)


def test_a_last_step_that_kills_its_workers_fails_its_film() -> None:
    film = TranscodeFactory.create(processing=True, losses=31)
    ChunkFactory.create(transcode=film, index=0, done=True)
    assert steps.do_next()
    film.refresh_from_db()
    assert (film.state, film.error_code, film.lease_token) == (State.FAILED, Code.ENCODER_FAILED, "")


def test_a_film_that_turns_out_unfit_for_copying_begins_as_another_version() -> None:
    chunk, claim = begun()
    film = chunk.transcode
    Chunk.objects.filter(index=1).update(state=ChunkState.DONE)
    Transcode.objects.update(playable_at=timezone.now())
    steps.encode_instead(chunk, claim, CannotCopy("damaged"))
    film.refresh_from_db()
    assert (film.version, film.state, film.playable_at) == (2, State.PROCESSING, None)
    assert not Plan.from_json(film.plan or {}).is_copying
    assert set(film.chunks.values_list("state", flat=True)) == {ChunkState.WAITING}
    assert film.chunks.count() == len(plan().timeline.chunks)


def test_a_film_that_is_served_stays_playable_while_it_begins_anew() -> None:
    chunk, claim = begun()
    Transcode.objects.update(playable_at=timezone.now(), served=served(1), served_version=1)
    steps.encode_instead(chunk, claim, CannotCopy("damaged"))
    assert Transcode.objects.get().playable_at is not None


@pytest.mark.parametrize("change", [{"version": 2}, {"lease_token": "f" * 32}])
def test_a_plan_that_comes_too_late_is_not_written(change: dict[str, object]) -> None:
    film = TranscodeFactory.create()
    found = claims.claim_film(claims.unplanned(), None)
    assert found is not None
    Transcode.objects.update(**change)
    steps.write_plan(*found, plan())
    film.refresh_from_db()
    assert (film.state, film.plan, film.chunks.count()) == (State.QUEUED, None, 0)


def test_chunks_that_are_done_stay_done_when_a_plan_is_written_again() -> None:
    film = TranscodeFactory.create(plan=plan().to_json())
    ChunkFactory.create(transcode=film, index=1, done=True)
    assert steps.do_next()
    film.refresh_from_db()
    assert film.state == State.PROCESSING
    assert list(film.chunks.values_list("state", flat=True)) == ["waiting", "done", "waiting", "waiting"]


def test_a_film_the_disk_has_no_room_for_is_not_begun(settings: Settings) -> None:
    settings.DISK_RESERVE_BYTES = 1 << 62
    film = TranscodeFactory.create(plan=plan().to_json())
    assert steps.do_next()
    film.refresh_from_db()
    assert (film.state, film.error_code, film.chunks.count()) == (State.FAILED, Code.DISK_FULL, 0)
    assert film.retry_at is not None


def test_a_source_that_is_gone_fails_the_film() -> None:
    film = TranscodeFactory.create(source="videos/gone.mp4")
    assert steps.do_next()
    film.refresh_from_db()
    assert (film.state, film.error_code) == (State.FAILED, Code.SOURCE_MISSING)
    assert not steps.do_next()


def test_a_database_that_is_away_for_a_beat_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    chunk, claim = begun()
    heart = ChunkHeartbeat(chunk, claim)

    def away(beating: ChunkHeartbeat) -> bool:
        raise OperationalError("the server closed the connection")

    with monkeypatch.context() as patched:
        patched.setattr(ChunkHeartbeat, "renew", away)
        patched.setattr(renewal, "close_old_connections", lambda: None)  # the test's transaction lives on it
        heart.tell(10)
    assert not heart.is_over()
    heart.next_beat = 0
    heart.tell(20)
    chunk.refresh_from_db()
    assert chunk.frames_done == 20


def claimed_film(films: QuerySet[Transcode]) -> tuple[Transcode, claims.Claim]:
    found = claims.claim_film(films, None)
    assert found is not None
    return found


def test_a_prober_that_was_thought_dead_does_not_fail_what_another_has_planned() -> None:
    """Its lease lapsed while the file was away; another worker found it and has planned the film since."""
    TranscodeFactory.create(source="videos/gone.mp4")
    stale = claimed_film(claims.unplanned())
    claims.take_back_films(Transcode.objects.all())
    steps.write_plan(*claimed_film(claims.unplanned()), plan())
    row = Transcode.objects.values().get()
    steps.plan_film(*stale)
    assert Transcode.objects.values().get() == row
    assert set(Chunk.objects.values_list("state", flat=True)) == {ChunkState.WAITING}


def test_a_finisher_that_was_thought_dead_does_not_fail_what_another_finishes() -> None:
    film = TranscodeFactory.create(processing=True, losses=30)
    ChunkFactory.create(transcode=film, index=0, done=True)
    claimed_film(claims.unfinished())
    claims.take_back_films(Transcode.objects.all())
    stale = claimed_film(claims.unfinished())
    claims.take_back_films(Transcode.objects.all())
    row = Transcode.objects.values().get()
    steps.finish_film(*stale)
    assert Transcode.objects.values().get() == row


def passing(*args: object, **options: object) -> None:
    raise TranscodeError(Code.TIMEOUT, "not ready after 120 s")


def retried(film: Transcode) -> None:
    """As if its pause were over."""
    Transcode.objects.update(retry_at=timezone.now() - timedelta(seconds=1))
    upkeep.retry_due()
    film.refresh_from_db()


def unplanned_film() -> Transcode:
    film: Transcode = TranscodeFactory.create()
    return film


def made_film() -> Transcode:
    film: Transcode = TranscodeFactory.create(processing=True, plan=plan(seconds=12).to_json())
    ChunkFactory.create(transcode=film, index=0, done=True)
    return film


@pytest.mark.parametrize(
    ("make", "module", "step"), [(unplanned_film, steps, "probe"), (made_film, finishing, "write_files")]
)
def test_probing_and_finishing_that_fail_for_a_passing_cause_are_tried_three_times_as_their_hint_says(
    make: Callable[[], Transcode], module: ModuleType, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = make()
    monkeypatch.setattr(module, step, passing)
    for attempt, pause_s in ((1, 15), (2, 45)):
        while steps.do_next():
            pass
        film.refresh_from_db()
        assert (film.state, film.error_code, film.attempts) == (State.FAILED, Code.TIMEOUT, attempt)
        assert pause_s - 3 < seconds_until(film.retry_at) <= pause_s
        assert "tried again by itself" in hint(film)
        retried(film)
        assert film.state == State.QUEUED
    while steps.do_next():
        pass
    film.refresh_from_db()
    assert (film.state, film.attempts, film.retry_at) == (State.FAILED, 3, None)
    assert "tried several times" in hint(film)


def hint(film: Transcode) -> str:
    error = status_of(film).error
    assert error is not None
    return error.hint


def test_a_person_who_tries_a_film_again_gives_it_three_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    film = TranscodeFactory.create(failed=True, error_code=Code.TIMEOUT, attempts=3)
    monkeypatch.setattr(steps, "probe", passing)
    lifecycle.retry(film)
    assert steps.do_next()
    film.refresh_from_db()
    assert (film.attempts, film.retry_at is None) == (4, False)


def test_a_disk_that_is_full_while_finishing_is_told_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    film = made_film()

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(finishing, "write_files", full)
    assert steps.do_next()
    film.refresh_from_db()
    assert (film.state, film.error_code, film.lease_token) == (State.FAILED, Code.DISK_FULL, "")
    assert film.retry_at is not None


def test_a_chunk_and_its_film_fail_together_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the two a kill left a film that runs for ever: no chunk to make, and none to wait for."""
    chunk, claim = begun()

    def killed(*args: object, **options: object) -> None:
        raise SystemExit

    monkeypatch.setattr(failing, "fail_film", killed)
    with pytest.raises(SystemExit):
        failing.fail_chunk(chunk, claim, TranscodeError(Code.UNREADABLE))
    chunk.refresh_from_db()
    assert chunk.state == ChunkState.RUNNING, "its lease lapses, and another worker tries it"


def test_films_are_not_made_into_another_installations_folder(studio: Path) -> None:
    """Numbered alike, they would write over its own."""
    film = TranscodeFactory.create()
    (studio / "hls").mkdir()
    (studio / "hls" / FILE).write_text("another")
    assert not steps.do_next()
    film.refresh_from_db()
    assert (film.state, film.lease_token) == (State.QUEUED, "")
    identity.adopt(studio / "hls")
    assert steps.do_next()


def test_films_are_not_made_over_those_from_before_there_were_identities(studio: Path) -> None:
    """As with an empty database over the folders of an older version: their first sweep is yet to come."""
    (studio / "uploads/videos").mkdir(parents=True)
    (studio / "uploads/videos/new.mp4").touch()
    film = TranscodeFactory.create(source="videos/new.mp4")
    version_folder(film.pk, 1).mkdir(parents=True)
    assert not steps.do_next()
    film.refresh_from_db()
    assert (film.state, film.lease_token) == (State.QUEUED, "")
    identity.adopt(studio / "hls")
    assert steps.do_next()
