"""Steps that take longer than the lease: a worker that goes on working keeps its claim."""

import functools
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone
from PIL import Image

from hls import lifecycle, pictures, renewal, steps, upkeep
from hls.core.errors import Code
from hls.core.probe import probe
from hls.models import State, Transcode
from hls.sources import local
from hls.store.interface import Place
from hls.tests.videos import small_video

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.ffmpeg,
    pytest.mark.usefixtures("stop_flag"),
]

PATIENCE_S = 30


@pytest.fixture
def eager_renewal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every beat renews the lease."""
    monkeypatch.setattr(renewal, "RENEW_EVERY_S", 0)


@dataclass(frozen=True)
class SlowParser:
    """A parser that says when it begins, and waits to be told to go on."""

    folder: Path

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        python = self.folder / "python"
        wait = f"touch {self.folder}/begun; until [ -e {self.folder}/go ]; do sleep 0.05; done"
        python.write_text(f'#!/bin/sh\n{wait}\nexec {sys.executable} "$@"\n')
        python.chmod(0o755)
        monkeypatch.setattr(local, "probe", functools.partial(probe, python=str(python)))

    def has_begun(self) -> bool:
        return (self.folder / "begun").exists()

    def go_on(self) -> None:
        (self.folder / "go").touch()


@pytest.fixture
def slow_parser(studio: Path, monkeypatch: pytest.MonkeyPatch) -> SlowParser:
    parser = SlowParser(studio)
    parser.install(monkeypatch)
    return parser


def wait_for(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextmanager
def meanwhile(happens: Callable[[], None]) -> Iterator[None]:
    """Run another thread during the block; it must end without an error."""
    done: list[bool] = []

    def run() -> None:
        try:
            happens()
            done.append(True)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    assert done


def lapse() -> None:
    """Let every lease be over."""
    Transcode.objects.exclude(lease_token="").update(lease_until=timezone.now() - timedelta(seconds=1))


def is_renewed() -> bool:
    return Transcode.objects.filter(lease_until__gt=timezone.now()).exists()


def submitted(studio: Path) -> Transcode:
    small_video(studio / "uploads" / "videos" / "video.mp4", seconds=8)
    return lifecycle.submit("videos/video.mp4")


@pytest.mark.usefixtures("eager_renewal")
def test_a_video_that_takes_longer_to_probe_than_the_lease_is_planned(studio: Path, slow_parser: SlowParser) -> None:
    transcode = submitted(studio)

    def three_leases() -> None:
        try:
            wait_for(slow_parser.has_begun)
            for _ in range(3):
                lapse()
                wait_for(is_renewed)
                upkeep.take_back_lapsed()
        finally:
            slow_parser.go_on()

    with meanwhile(three_leases):
        assert steps.do_next()
    transcode.refresh_from_db()
    assert (transcode.state, transcode.losses, transcode.chunks.count()) == (State.PROCESSING, 0, 3)


def test_a_worker_that_is_told_to_stop_ends_its_parser_and_gives_the_video_back(
    studio: Path, slow_parser: SlowParser
) -> None:
    transcode = submitted(studio)

    def stop() -> None:
        wait_for(slow_parser.has_begun)
        steps.stop_working()

    with meanwhile(stop):
        assert steps.do_next()  # the parser would wait for ever
    transcode.refresh_from_db()
    assert (transcode.state, transcode.losses, transcode.lease_token) == (State.QUEUED, 0, "")


@pytest.mark.usefixtures("eager_renewal")
def test_a_video_that_takes_longer_to_finish_than_the_lease_is_published(
    studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    transcode = submitted(studio)
    tile_of = pictures.tile_of
    looked_at: list[int] = []

    def slow(tiles: Place, number: int) -> Image.Image | None:
        upkeep.take_back_lapsed()
        lapse()
        looked_at.append(number)
        return tile_of(tiles, number)

    monkeypatch.setattr(pictures, "tile_of", slow)
    assert [steps.do_next() for _ in range(4)] == [True] * 4
    transcode.refresh_from_db()
    assert (transcode.state, transcode.losses) == (State.READY, 0)
    assert len(looked_at) > 5


@pytest.mark.usefixtures("eager_renewal")
def test_a_worker_that_lost_its_claim_while_finishing_stops_and_leaves_the_row_to_the_other(
    studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    transcode = submitted(studio)
    looked_at: list[int] = []

    def taken_away(tiles: Place, number: int) -> None:
        looked_at.append(number)
        Transcode.objects.update(lease_token="another's")

    monkeypatch.setattr(pictures, "tile_of", taken_away)
    assert [steps.do_next() for _ in range(4)] == [True] * 4
    transcode.refresh_from_db()
    assert (transcode.state, transcode.lease_token, looked_at) == (State.PROCESSING, "another's", [0])


def test_a_parser_that_somebody_else_ends_says_nothing_about_the_video(
    studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the kernel does where memory is short."""
    transcode = submitted(studio)
    python = studio / "python"
    python.write_text("#!/bin/sh\nkill -KILL $$\n")
    python.chmod(0o755)
    with monkeypatch.context() as patched:
        patched.setattr(local, "probe", functools.partial(probe, python=str(python)))
        assert steps.do_next()
    transcode.refresh_from_db()
    assert (transcode.state, transcode.error_code, transcode.retry_at is None) == (
        State.FAILED,
        Code.ENCODER_FAILED,
        False,
    )
    Transcode.objects.update(retry_at=timezone.now() - timedelta(seconds=1))
    upkeep.retry_due()
    assert steps.do_next()
    transcode.refresh_from_db()
    assert transcode.state == State.PROCESSING
