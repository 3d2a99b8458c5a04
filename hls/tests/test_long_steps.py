"""Steps that take longer than the lease: whoever goes on working keeps its claim."""

import functools
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone
from PIL import Image
from pytest_django.fixtures import Settings

from hls import asking, doing, heartbeat, pictures, upkeep
from hls.core.errors import Code
from hls.core.probe import probe
from hls.models import State, Transcode
from hls.tests.films import small_film

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.ffmpeg,
    pytest.mark.usefixtures("stop_flag", "short_lease"),
]

LEASE_S = 1


@pytest.fixture
def short_lease(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.HLS_LEASE_S = LEASE_S
    monkeypatch.setattr(heartbeat, "RENEW_EVERY_S", LEASE_S / 5)


@pytest.fixture
def slow_parser(studio: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A parser that takes three leases."""
    python = studio / "python"
    python.write_text(f'#!/bin/sh\nsleep {3 * LEASE_S}\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(doing, "probe", functools.partial(probe, python=str(python)))


@contextmanager
def other_worker() -> Iterator[None]:
    """Takes back what has lapsed, as the heart of every worker does."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(LEASE_S / 10):
            upkeep.take_back_lapsed()
        connection.close()

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def submitted(studio: Path) -> Transcode:
    small_film(studio / "uploads" / "videos" / "film.mp4", seconds=20)
    return asking.submit("videos/film.mp4")


@pytest.mark.usefixtures("slow_parser")
def test_a_film_that_takes_longer_to_probe_than_the_lease_is_planned(studio: Path) -> None:
    film = submitted(studio)
    with other_worker():
        assert doing.do_next()
    film.refresh_from_db()
    assert (film.state, film.losses, film.chunks.count()) == (State.PROCESSING, 0, 2)


@pytest.mark.usefixtures("slow_parser")
def test_a_worker_that_is_told_to_stop_ends_its_parser_and_gives_the_film_back(studio: Path) -> None:
    film = submitted(studio)
    began = time.monotonic()
    threading.Timer(0.5, doing.stop_working).start()
    assert doing.do_next()
    film.refresh_from_db()
    assert time.monotonic() - began < 2.5 * LEASE_S
    assert (film.state, film.losses, film.lease_token) == (State.QUEUED, 0, "")


def test_a_film_that_takes_longer_to_finish_than_the_lease_is_published(
    studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = submitted(studio)
    tile_of = pictures.tile_of

    def slow(tiles: Path, number: int) -> Image.Image | None:
        time.sleep(0.6 * LEASE_S)
        return tile_of(tiles, number)

    monkeypatch.setattr(pictures, "tile_of", slow)
    with other_worker():
        assert [doing.do_next() for _ in range(3)] == [True] * 3
    film.refresh_from_db()
    assert (film.state, film.losses) == (State.READY, 0)


def test_who_lost_the_film_while_finishing_stops_and_leaves_it_to_the_other(
    studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = submitted(studio)
    looked_at: list[int] = []

    def taken_away(tiles: Path, number: int) -> None:
        looked_at.append(number)
        Transcode.objects.update(lease_token="another's")
        time.sleep(LEASE_S / 4)

    monkeypatch.setattr(pictures, "tile_of", taken_away)
    assert [doing.do_next() for _ in range(3)] == [True] * 3
    film.refresh_from_db()
    assert (film.state, film.lease_token, looked_at) == (State.PROCESSING, "another's", [0])


def test_a_parser_that_somebody_else_ends_says_nothing_about_the_film(
    studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the kernel does where memory is short."""
    film = submitted(studio)
    python = studio / "python"
    python.write_text("#!/bin/sh\nkill -KILL $$\n")
    python.chmod(0o755)
    with monkeypatch.context() as patched:
        patched.setattr(doing, "probe", functools.partial(probe, python=str(python)))
        assert doing.do_next()
    film.refresh_from_db()
    assert (film.state, film.error_code, film.retry_at is None) == (State.FAILED, Code.ENCODER_FAILED, False)
    Transcode.objects.update(retry_at=timezone.now() - timedelta(seconds=1))
    upkeep.retry_due()
    assert doing.do_next()
    film.refresh_from_db()
    assert film.state == State.PROCESSING
