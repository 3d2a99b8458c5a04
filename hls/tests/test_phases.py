"""The phase of a transcode, in every state of its row and its chunks."""

from datetime import timedelta

import pytest
from django.utils import timezone

from hls import claims, planning
from hls.core.errors import ADVICE, REASONS, Code, Reason, TranscodeError
from hls.failing import fail_transcode
from hls.models import ChunkState, State, Transcode
from hls.status import Phase, failure, status_of, statuses
from hls.tests.factories import ChunkFactory, TranscodeFactory, plan

STATES = {"d": ChunkState.DONE, "r": ChunkState.RUNNING, "w": ChunkState.WAITING, "f": ChunkState.FAILED}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("state", "lease", "chunks", "phase", "is_playable"),
    [
        (State.QUEUED, "", "", Phase.WAITING, False),
        (State.QUEUED, "f" * 32, "", Phase.PROBING, False),
        (State.QUEUED, "", "dww", Phase.WAITING, True),
        (State.PROCESSING, "", "www", Phase.WAITING, False),
        (State.PROCESSING, "", "rww", Phase.ENCODING, False),
        (State.PROCESSING, "", "wdd", Phase.ENCODING, False),
        (State.PROCESSING, "", "drf", Phase.ENCODING, True),
        (State.PROCESSING, "", "ddd", Phase.FINISHING, True),
        (State.PROCESSING, "f" * 32, "ddd", Phase.FINISHING, True),
        (State.FAILED, "", "dff", Phase.STOPPED, True),
        (State.CANCELLED, "", "www", Phase.STOPPED, False),
        (State.READY, "", "", Phase.DONE, False),
    ],
)
def test_the_phase_follows_from_the_rows(
    state: State, lease: str, chunks: str, phase: Phase, is_playable: bool
) -> None:
    transcode = TranscodeFactory.create(processing=True)
    transcode.state, transcode.lease_token, transcode.error_code = (
        state,
        lease,
        "no_video" if state == State.FAILED else "",
    )
    transcode.save()
    for index, letter in enumerate(chunks):
        begun = None if letter == "w" else timezone.now()
        ChunkFactory.create(transcode=transcode, index=index, state=STATES[letter], started_at=begun)
    status = status_of(transcode)
    assert (status.phase, status.playable) == (phase, is_playable)
    assert status.chunks == tuple(STATES[letter] for letter in chunks)
    assert (status.error is not None) is (state == State.FAILED)
    assert (status.queue_position is not None) is (state == State.QUEUED)


@pytest.mark.parametrize("code", Code)
def test_every_failure_comes_with_its_advice(code: Code) -> None:
    told = failure(Transcode(error_code=code, retry_at=timezone.now()))
    assert (told.code, told.message, told.hint) == (str(code), ADVICE[code].sentence, ADVICE[code].hint)


@pytest.mark.parametrize("reason", Reason)
def test_a_known_reason_makes_the_advice_more_exact(reason: Reason) -> None:
    told = failure(Transcode(error_code=Code.UNSUPPORTED, error_reason=reason))
    assert (told.code, told.message, told.hint) == ("unsupported", REASONS[reason].sentence, REASONS[reason].hint)


@pytest.mark.django_db
def test_a_reason_is_kept_in_the_row_until_the_next_plan() -> None:
    transcode = TranscodeFactory.create()
    error = TranscodeError(Code.UNSUPPORTED, "encv", reason=Reason.ENCRYPTED)
    fail_transcode(Transcode.objects.all(), transcode, error, may_pass=False)
    failure = status_of(Transcode.objects.get()).error
    assert failure is not None
    assert (failure.code, failure.message) == ("unsupported", REASONS[Reason.ENCRYPTED].sentence)
    Transcode.objects.update(state=State.QUEUED)
    found = claims.claim_transcode(claims.unplanned(), None)
    assert found is not None
    planning.write_plan(*found, plan())
    assert Transcode.objects.get().error_reason == ""


@pytest.mark.parametrize("code", Code)
def test_a_failure_that_a_person_must_retry_does_not_say_that_it_is_tried_again_by_itself(code: Code) -> None:
    if code != Code.DISK_FULL:  # which always is
        assert "by itself" not in failure(Transcode(error_code=code)).hint


@pytest.mark.django_db
def test_places_in_the_queue_count_queued_videos_only_and_are_all_different() -> None:
    now = timezone.now()
    third = TranscodeFactory.create(queued_at=now)
    first = TranscodeFactory.create(queued_at=now - timedelta(minutes=2))
    TranscodeFactory.create(processing=True, queued_at=now - timedelta(minutes=3))
    fourth = TranscodeFactory.create(queued_at=now)
    second = TranscodeFactory.create(queued_at=now - timedelta(minutes=1))
    found = statuses([first, second, third, fourth])
    assert [found[transcode.pk].queue_position for transcode in (first, second, third, fourth)] == [1, 2, 3, 4]


@pytest.mark.django_db
def test_the_time_left_is_unknown_before_the_first_frames_are_done() -> None:
    transcode = TranscodeFactory.create(processing=True, chunks=3)
    status = status_of(transcode)
    assert (status.eta_s, status.speed, status.percent) == (None, None, 0)
    assert statuses([]) == {}
