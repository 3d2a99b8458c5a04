"""Publishing a finished version: all of it or nothing, whatever happens to the row meanwhile."""

import gzip
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import transaction
from django.utils import timezone

from hls import claims, finishing, lifecycle
from hls.conformance.m3u8 import parse
from hls.core import names
from hls.core.encoding.measure import measured
from hls.core.plan import Plan
from hls.folders import TILES, finish_folder, version_folder
from hls.models import Chunk, ChunkState, State, Transcode
from hls.published import PublishedVersion, current, retired
from hls.tests.factories import (
    ChunkFactory,
    TranscodeFactory,
    Unclaimed,
    evenly_planned,
    plan_of_several_sounds,
    served,
    source,
)
from hls.tests.packets import write_chunk
from hls.tests.test_partly_made import facts

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("studio")]

NEW = PublishedVersion.from_json(0, served(2))


def claimed(transcode: Transcode) -> claims.Claim:
    found = claims.claim_transcode(Transcode.objects.filter(pk=transcode.pk), None)
    assert found is not None
    transcode.refresh_from_db()
    return found[1]


def finished(transcode: Transcode, claim: claims.Claim) -> Path:
    """The private folder of a last step, with a playlist in it."""
    folder = finish_folder(transcode.pk, transcode.version, claim.token)
    folder.mkdir(parents=True)
    (folder / names.MASTER).write_text("#EXTM3U\n")
    return folder


@pytest.fixture
def transcode() -> Transcode:
    """A second version is made while the first is served."""
    return TranscodeFactory.create(
        processing=True, version=2, served=served(1), served_version=1, served_at=timezone.now(), percent=99
    )


def test_the_new_version_is_served_and_the_old_one_is_retired(transcode: Transcode) -> None:
    claim = claimed(transcode)
    assert finishing.publish(transcode, claim, NEW, finished(transcode, claim))
    transcode.refresh_from_db()
    assert (transcode.state, transcode.percent, transcode.served_version, transcode.retired_version) == (
        State.READY,
        100,
        2,
        1,
    )
    assert (transcode.lease_token, transcode.lease_until, transcode.worker) == ("", None, None)
    new, old = current(transcode), retired(transcode)
    assert new is not None
    assert old is not None
    assert (new.version, old.version) == (2, 1)
    assert (version_folder(transcode.pk, 2) / names.MASTER).is_file()


def test_the_old_version_stays_for_its_own_length_and_half_an_hour(transcode: Transcode) -> None:
    claim = claimed(transcode)
    before = timezone.now()
    finishing.publish(transcode, claim, NEW, finished(transcode, claim))
    transcode.refresh_from_db()
    assert transcode.retired_until is not None
    stays = transcode.retired_until - before
    assert timedelta(minutes=30, seconds=12) <= stays < timedelta(minutes=31, seconds=12)


def test_a_first_version_retires_nothing() -> None:
    transcode = TranscodeFactory.create(processing=True)
    claim = claimed(transcode)
    finishing.publish(transcode, claim, PublishedVersion.from_json(0, served(1)), finished(transcode, claim))
    transcode.refresh_from_db()
    assert (transcode.retired, transcode.retired_version, transcode.retired_until) == (None, None, None)


def test_the_moment_from_which_it_could_be_played_is_kept() -> None:
    since = timezone.now() - timedelta(minutes=5)
    early = TranscodeFactory.create(processing=True, playable_at=since)
    late = TranscodeFactory.create(processing=True)
    for transcode in (early, late):
        claim = claimed(transcode)
        assert finishing.publish(transcode, claim, PublishedVersion.from_json(0, served(1)), finished(transcode, claim))
        transcode.refresh_from_db()
    assert early.playable_at == since
    assert late.playable_at == late.served_at


def replaced(transcode: Transcode) -> None:
    lifecycle.replace(Transcode.objects.get(pk=transcode.pk), "videos/other.mp4")


def cancelled(transcode: Transcode) -> None:
    lifecycle.cancel(Transcode.objects.get(pk=transcode.pk))


def taken_by_another(transcode: Transcode) -> None:
    claims.take_back_transcodes(Transcode.objects.filter(pk=transcode.pk))
    assert claims.claim_transcode(claims.unfinished(), None) is not None


def deleted(transcode: Transcode) -> None:
    lifecycle.discard(transcode.pk)


@pytest.mark.parametrize("meanwhile", [replaced, cancelled, taken_by_another, deleted])
def test_a_worker_whose_claim_was_lost_meanwhile_publishes_nothing(transcode: Transcode, meanwhile: object) -> None:
    claim = claimed(transcode)
    folder = finished(transcode, claim)
    meanwhile(transcode)  # type: ignore[operator]
    row = Transcode.objects.filter(pk=transcode.pk).values().first()
    assert not finishing.publish(transcode, claim, NEW, folder)
    assert Transcode.objects.filter(pk=transcode.pk).values().first() == row
    assert (folder / names.MASTER).is_file(), "nothing was moved"
    assert not (version_folder(transcode.pk, 2) / names.MASTER).exists()


def test_files_that_can_not_be_moved_leave_the_old_version_served(transcode: Transcode) -> None:
    claim = claimed(transcode)
    folder = finished(transcode, claim)
    (version_folder(transcode.pk, 2) / names.MASTER).mkdir(parents=True)  # in the way
    with pytest.raises(OSError), transaction.atomic():  # noqa: PT011 (which one differs by system)
        finishing.publish(transcode, claim, NEW, folder)
    transcode.refresh_from_db()
    assert (transcode.state, transcode.served_version, transcode.lease_token) == (State.PROCESSING, 1, claim.token)


def test_files_that_only_encoding_needed_are_removed(transcode: Transcode) -> None:
    version = version_folder(transcode.pk, 2)
    (version / TILES).mkdir(parents=True)
    (version / TILES / "00000.jpg").write_bytes(b"x")
    claim = claimed(transcode)
    finishing.publish(transcode, claim, NEW, finished(transcode, claim))
    assert {path.name for path in version.iterdir()} == {names.MASTER}


def test_a_text_has_a_gzip_beside_it_that_is_always_the_same(tmp_path: Path) -> None:
    """Bytes that change without need would change every ETag."""
    text = "#EXTM3U\n" * 100
    finishing.write_text(tmp_path / "480p" / names.INDEX, text)
    packed = (tmp_path / "480p" / f"{names.INDEX}.gz").read_bytes()
    assert gzip.decompress(packed).decode() == (tmp_path / "480p" / names.INDEX).read_text() == text
    assert packed[4:8] == bytes(4), "the header of the gzip holds no time"


def made_chunks(plan: Plan, transcode: Transcode) -> None:
    """As after the last chunk: files in the version's folder, and facts in the rows."""
    for span in plan.timeline.chunks:
        folder = version_folder(transcode.pk, transcode.version)
        write_chunk(plan, span.index, folder)
        facts = measured(plan, span.index, folder).to_json()
        Chunk.objects.create(
            transcode=transcode, index=span.index, frame_count=span.frame_count, state=ChunkState.DONE, facts=facts
        )


@pytest.mark.ffmpeg
@pytest.mark.parametrize(("version", "suffix"), [(1, ""), (3, "?v=3")])
def test_playlists_name_every_segment_and_from_the_second_version_on_the_version(version: int, suffix: str) -> None:
    plan = evenly_planned(source(seconds=7, width=64, height=48, rate=10))
    transcode = TranscodeFactory.create(processing=True, version=version, plan=plan.to_json())
    made_chunks(plan, transcode)
    folder = version_folder(transcode.pk, version) / "finish"
    served_now = finishing.write_files(transcode, folder, Unclaimed())
    index = parse("index", (folder / "480p" / names.INDEX).read_text())
    assert [entry.uri for entry in index.entries] == [f"segment_00{number}.ts{suffix}" for number in (0, 1)]
    assert index.all("EXT-X-ENDLIST")
    master = parse("master", (folder / names.MASTER).read_text())
    assert [entry.uri for entry in master.entries] == [f"480p/index.m3u8?v={version}"]
    assert (served_now.version, served_now.duration_s, served_now.segment_count) == (version, 7.0, 2)
    assert (served_now.storyboard_sheets, served_now.has_poster) == (1, False)


@pytest.mark.ffmpeg
def test_the_size_counts_segments_and_everything_beside_them() -> None:
    plan = evenly_planned(source(seconds=7, width=64, height=48, rate=10))
    transcode = TranscodeFactory.create(processing=True, plan=plan.to_json())
    made_chunks(plan, transcode)
    folder = version_folder(transcode.pk, 1) / "finish"
    counted = finishing.write_files(transcode, folder, Unclaimed()).size_bytes
    segments = (version_folder(transcode.pk, 1) / "480p").glob("*.ts")
    beside = (path for path in folder.rglob("*") if path.is_file())
    assert counted == sum(path.stat().st_size for path in [*segments, *beside])


@pytest.mark.ffmpeg
@pytest.mark.parametrize(("version", "suffix"), [(1, ""), (3, "?v=3")])
def test_several_sounds_are_published_apart(version: int, suffix: str) -> None:
    plan = plan_of_several_sounds(seconds=7, width=64, height=48, rate=10)
    transcode = TranscodeFactory.create(processing=True, version=version, plan=plan.to_json(), source="videos/a.mkv")
    for span in plan.timeline.chunks:
        ChunkFactory.create(transcode=transcode, index=span.index, state=ChunkState.DONE, facts=facts(plan, span.index))
    folder = version_folder(transcode.pk, version) / "finish"
    published = finishing.write_files(transcode, folder, Unclaimed())

    for name in ("480p/video.m3u8", *(f"audio_{number}/index.m3u8" for number in range(4))):
        media = (folder / name).read_text()
        assert [entry.uri for entry in parse(name, media).entries] == [
            f"segment_00{number}.ts{suffix}" for number in (0, 1)
        ]
        assert gzip.decompress((folder / f"{name}.gz").read_bytes()).decode() == media
    index = parse("index", (folder / "480p" / names.INDEX).read_text())
    assert [entry.uri for entry in index.entries] == [f"video.m3u8?v={version}"]
    assert len(index.all("EXT-X-MEDIA")) == 4
    assert (folder / "480p" / f"{names.INDEX}.gz").is_file()
    assert len(parse("master", (folder / names.MASTER).read_text()).all("EXT-X-MEDIA")) == 4

    beside = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert published.size_bytes == beside + 2 * (100_000 + 4 * 50_000)
    assert (published.sounds, published.source) == (4, "videos/a.mkv")


@pytest.mark.ffmpeg
def test_a_single_sound_stays_with_the_pictures() -> None:
    plan = evenly_planned(source(seconds=7, width=64, height=48, rate=10))
    transcode = TranscodeFactory.create(processing=True, plan=plan.to_json())
    made_chunks(plan, transcode)
    folder = version_folder(transcode.pk, 1) / "finish"
    assert finishing.write_files(transcode, folder, Unclaimed()).sounds == 0
    playlists = {str(path.relative_to(folder)) for path in folder.rglob("*.m3u8")}
    assert playlists == {"master.m3u8", "480p/index.m3u8", "480p/iframes.m3u8"}
    assert "EXT-X-MEDIA" not in (folder / names.MASTER).read_text()
