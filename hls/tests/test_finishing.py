"""The switch to a finished film: all of it or nothing, whatever happens to the row meanwhile."""

import gzip
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import transaction
from django.utils import timezone

from hls import claims, finishing, lifecycle
from hls.conformance.m3u8 import parse
from hls.core import names
from hls.core.measure import measured
from hls.core.plan import Plan, make_plan
from hls.folders import TILES, finish_folder, version_folder
from hls.models import Chunk, ChunkState, State, Transcode
from hls.published import Served, current, retired
from hls.tests.factories import TranscodeFactory, Unclaimed, served, source
from hls.tests.packets import write_chunk

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("studio")]

NEW = Served.from_json(served(2))


def claimed(film: Transcode) -> claims.Claim:
    found = claims.claim_film(Transcode.objects.filter(pk=film.pk), None)
    assert found is not None
    film.refresh_from_db()
    return found[1]


def finished(film: Transcode, claim: claims.Claim) -> Path:
    """The private folder of a last step, with a playlist in it."""
    folder = finish_folder(film.pk, film.version, claim.token)
    folder.mkdir(parents=True)
    (folder / names.MASTER).write_text("#EXTM3U\n")
    return folder


@pytest.fixture
def film() -> Transcode:
    """A second version is made while the first is served."""
    return TranscodeFactory.create(
        processing=True, version=2, served=served(1), served_version=1, served_at=timezone.now(), percent=99
    )


def test_the_pointer_is_switched_and_the_old_version_retires(film: Transcode) -> None:
    claim = claimed(film)
    assert finishing.publish(film, claim, NEW, finished(film, claim))
    film.refresh_from_db()
    assert (film.state, film.percent, film.served_version, film.retired_version) == (State.READY, 100, 2, 1)
    assert (film.lease_token, film.lease_until, film.worker) == ("", None, None)
    new, old = current(film), retired(film)
    assert new is not None
    assert old is not None
    assert (new.served.version, old.served.version) == (2, 1)
    assert (version_folder(film.pk, 2) / names.MASTER).is_file()


def test_the_old_version_stays_for_its_own_length_and_half_an_hour(film: Transcode) -> None:
    claim = claimed(film)
    before = timezone.now()
    finishing.publish(film, claim, NEW, finished(film, claim))
    film.refresh_from_db()
    assert film.retired_until is not None
    stays = film.retired_until - before
    assert timedelta(minutes=30, seconds=12) <= stays < timedelta(minutes=31, seconds=12)


def test_a_first_version_retires_nothing() -> None:
    film = TranscodeFactory.create(processing=True)
    claim = claimed(film)
    finishing.publish(film, claim, Served.from_json(served(1)), finished(film, claim))
    film.refresh_from_db()
    assert (film.retired, film.retired_version, film.retired_until) == (None, None, None)


def test_the_moment_from_which_it_could_be_played_is_kept() -> None:
    since = timezone.now() - timedelta(minutes=5)
    early = TranscodeFactory.create(processing=True, playable_at=since)
    late = TranscodeFactory.create(processing=True)
    for film in (early, late):
        claim = claimed(film)
        assert finishing.publish(film, claim, Served.from_json(served(1)), finished(film, claim))
        film.refresh_from_db()
    assert early.playable_at == since
    assert late.playable_at == late.served_at


def replaced(film: Transcode) -> None:
    lifecycle.replace(Transcode.objects.get(pk=film.pk), "videos/other.mp4")


def cancelled(film: Transcode) -> None:
    lifecycle.cancel(Transcode.objects.get(pk=film.pk))


def taken_by_another(film: Transcode) -> None:
    claims.take_back_films(Transcode.objects.filter(pk=film.pk))
    assert claims.claim_film(claims.unfinished(), None) is not None


def deleted(film: Transcode) -> None:
    lifecycle.discard(film.pk)


@pytest.mark.parametrize("meanwhile", [replaced, cancelled, taken_by_another, deleted])
def test_who_lost_the_film_meanwhile_publishes_nothing(film: Transcode, meanwhile: object) -> None:
    claim = claimed(film)
    folder = finished(film, claim)
    meanwhile(film)  # type: ignore[operator]
    row = Transcode.objects.filter(pk=film.pk).values().first()
    assert not finishing.publish(film, claim, NEW, folder)
    assert Transcode.objects.filter(pk=film.pk).values().first() == row
    assert (folder / names.MASTER).is_file(), "nothing was moved"
    assert not (version_folder(film.pk, 2) / names.MASTER).exists()


def test_files_that_can_not_be_moved_leave_the_old_version_served(film: Transcode) -> None:
    claim = claimed(film)
    folder = finished(film, claim)
    (version_folder(film.pk, 2) / names.MASTER).mkdir(parents=True)  # in the way
    with pytest.raises(OSError), transaction.atomic():  # noqa: PT011 (which one differs by system)
        finishing.publish(film, claim, NEW, folder)
    film.refresh_from_db()
    assert (film.state, film.served_version, film.lease_token) == (State.PROCESSING, 1, claim.token)


def test_what_only_the_making_needed_goes(film: Transcode) -> None:
    version = version_folder(film.pk, 2)
    (version / TILES).mkdir(parents=True)
    (version / TILES / "00000.jpg").write_bytes(b"x")
    claim = claimed(film)
    finishing.publish(film, claim, NEW, finished(film, claim))
    assert {path.name for path in version.iterdir()} == {names.MASTER}


def test_a_text_is_there_twice_and_its_gzip_is_always_the_same(tmp_path: Path) -> None:
    """Bytes that change without need would change every ETag."""
    text = "#EXTM3U\n" * 100
    finishing.write_text(tmp_path / "480p" / names.INDEX, text)
    packed = (tmp_path / "480p" / f"{names.INDEX}.gz").read_bytes()
    assert gzip.decompress(packed).decode() == (tmp_path / "480p" / names.INDEX).read_text() == text
    assert packed[4:8] == bytes(4), "the header of the gzip holds no time"


def made_chunks(plan: Plan, film: Transcode) -> None:
    """As after the last chunk: files in the version's folder, and facts in the rows."""
    for span in plan.timeline.chunks:
        folder = version_folder(film.pk, film.version)
        write_chunk(plan, span.index, folder)
        facts = measured(plan, span.index, folder).to_json()
        Chunk.objects.create(
            transcode=film, index=span.index, frame_count=span.frame_count, state=ChunkState.DONE, facts=facts
        )


@pytest.mark.ffmpeg
@pytest.mark.parametrize(("version", "suffix"), [(1, ""), (3, "?v=3")])
def test_playlists_name_every_segment_and_from_the_second_version_on_the_version(version: int, suffix: str) -> None:
    plan = make_plan(source(seconds=7, width=64, height=48, rate=10))
    film = TranscodeFactory.create(processing=True, version=version, plan=plan.to_json())
    made_chunks(plan, film)
    folder = version_folder(film.pk, version) / "finish"
    served_now = finishing.write_files(film, folder, Unclaimed())
    index = parse("index", (folder / "480p" / names.INDEX).read_text())
    assert [entry.uri for entry in index.entries] == [f"segment_00{number}.ts{suffix}" for number in (0, 1)]
    assert index.all("EXT-X-ENDLIST")
    master = parse("master", (folder / names.MASTER).read_text())
    assert [entry.uri for entry in master.entries] == [f"480p/index.m3u8?v={version}"]
    assert (served_now.version, served_now.duration_s, served_now.segment_count) == (version, 7.0, 2)
    assert (served_now.storyboard_sheets, served_now.has_poster) == (1, False)


@pytest.mark.ffmpeg
def test_the_size_counts_segments_and_everything_beside_them() -> None:
    plan = make_plan(source(seconds=7, width=64, height=48, rate=10))
    film = TranscodeFactory.create(processing=True, plan=plan.to_json())
    made_chunks(plan, film)
    folder = version_folder(film.pk, 1) / "finish"
    counted = finishing.write_files(film, folder, Unclaimed()).size_bytes
    segments = (version_folder(film.pk, 1) / "480p").glob("*.ts")
    beside = (path for path in folder.rglob("*") if path.is_file())
    assert counted == sum(path.stat().st_size for path in [*segments, *beside])
