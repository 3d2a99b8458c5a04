"""Sources in a bucket: what is made of them is what is made of a file, and no more is fetched than is needed."""

import errno
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from pytest_django.fixtures import Settings
from structlog.testing import capture_logs

from hls import lifecycle, steps, stores
from hls.binary import encoder, limits
from hls.core.blocks import BlockRecord, ByteRange, PartlyHere, merged, record_bytes
from hls.core.errors import Code
from hls.core.inspection.opening import LONG_S
from hls.core.plan import make_plan
from hls.core.probe import probe
from hls.core.process import UNWATCHED
from hls.core.sampling import samples
from hls.models import Chunk, ChunkState, State, Transcode
from hls.sources import cache, local
from hls.sources.fetching import GAP_BYTES
from hls.store.bucket_address import BucketAddress
from hls.store.connection import client_of
from hls.store.interface import StoreFailed
from hls.store.parts import ObjectInParts
from hls.tests.clips import Look, ffmpeg, fit_h264, in_a_row, make, remux, with_edits
from hls.tests.factories import Unclaimed
from hls.tests.field_pictures import recording
from hls.tests.line import bad_line
from hls.tracks.models import TrackText

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.bucket,
    pytest.mark.ffmpeg,
    pytest.mark.usefixtures("stop_flag", "studio"),
]


def put(bucket: BucketAddress, key: str, path: Path) -> None:
    with path.open("rb") as file:
        client_of(bucket).put_object(Bucket=bucket.bucket, Key=f"{bucket.prefix}uploads/{key}", Body=file)


def made(name: str) -> tuple[Transcode, dict[str, bytes]]:
    """A video of which each step is done by a worker that has nothing of the source, and all its segments."""
    transcode = lifecycle.submit(name)
    while steps.do_next():
        cache.root().rename(cache.root().with_name(f"sources-of-{uuid4().hex}"))
    transcode.refresh_from_db()
    assert transcode.state == State.READY, transcode.error_code
    version = stores.version_place(transcode.pk, transcode.version)
    names = version.store.sizes(version.key)
    return transcode, {name: version.below(name).read() for name in sorted(names) if not name.endswith(".gz")}


def texts_of(transcode: Transcode) -> list[str]:
    return list(TrackText.objects.filter(track__transcode=transcode).values_list("webvtt", flat=True))


LOOK = Look(width=160, height=120, rate="10", duration_s=12)


def faststart(path: Path) -> Path:
    return make(path, look=LOOK, after=("-movflags", "+faststart"))


def index_at_the_end(path: Path) -> Path:
    return make(path, look=LOOK)


def fragmented(path: Path) -> Path:
    return make(path, look=LOOK, after=("-movflags", "+frag_keyframe+empty_moov"))


def odd(path: Path) -> Path:
    """A variable rate, several sounds, and the index at the end."""
    one = path.with_name("one.mp4")
    make(one, look=LOOK, filters="select='not(mod(n,3))+lt(mod(n,50),20)'", after=("-fps_mode", "vfr"))
    ffmpeg("-i", str(one), *("-map", "0:v", "-map", "0:a", "-map", "0:a", "-c", "copy"), str(path))
    return path


def edited(path: Path) -> Path:
    """Several edits with one key picture: what is before each is read, and isn't shown."""
    return with_edits(make(path.with_name("one.mp4"), look=LOOK), path, [(2, 3), (7, 5), (1, 3)])


def copied(path: Path) -> Path:
    return make(path, look=Look(width=720, height=720, rate="8", duration_s=10), video=fit_h264(8))


def texts(path: Path) -> Path:
    one = make(path.with_name("one.mp4"), look=LOOK)
    (path.parent / "one.srt").write_text("1\n00:00:01,000 --> 00:00:03,000\nHello\n")
    ffmpeg("-i", str(one), "-i", str(path.parent / "one.srt"), *("-c", "copy", "-c:s", "mov_text"), str(path))
    return path


IN_PARTS: dict[str, Callable[[Path], Path]] = {
    "faststart.mp4": faststart,
    "odd.mov": odd,
    "copied.mp4": copied,
    "texts.mp4": texts,
}
WHOLE: dict[str, Callable[[Path], Path]] = {
    "edited.mp4": edited,
    "fragmented.mp4": fragmented,
    "matroska.mkv": index_at_the_end,
    "transport.ts": index_at_the_end,
}


@pytest.mark.parametrize("name", [*IN_PARTS, *WHOLE])
def test_a_source_in_a_bucket_gives_the_same_bytes_as_a_file(
    studio: Path, bucket: BucketAddress, settings: Settings, name: str
) -> None:
    path = studio / "uploads" / name
    path.parent.mkdir()
    (IN_PARTS | WHOLE)[name](path)
    of_file, expected = made(name)
    settings.BUCKET = bucket
    put(bucket, name, path)
    path.unlink()
    of_bucket, found = made(name)
    assert of_bucket.plan == of_file.plan
    assert found.keys() == expected.keys()
    assert [key for key in found if found[key] != expected[key] and key.endswith(".ts")] == []
    assert texts_of(of_bucket) == texts_of(of_file)
    assert len(texts_of(of_file)) == (name == "texts.mp4")
    whole = [path.parent for path in studio.glob("sources-of-*/*/whole")]
    assert bool(whole) == (name in WHOLE)


def padded(path: Path, free_bytes: int) -> Path:
    """A film of a minute whose index comes first, its pictures much later: between them a box that nobody reads."""
    one = faststart(path.with_name("one.mp4")).read_bytes()
    media = one.index(b"mdat") - 4
    moved = bytearray(one[:media])
    at = 0
    while (at := moved.find(b"stco", at)) >= 0:
        count = int.from_bytes(moved[at + 8 : at + 12])
        for place in range(at + 12, at + 12 + 4 * count, 4):
            moved[place : place + 4] = (int.from_bytes(moved[place : place + 4]) + free_bytes).to_bytes(4)
        at += 4
    with path.open("wb") as file:
        file.write(moved + free_bytes.to_bytes(4) + b"free")
        file.seek(media + free_bytes)
        file.write(one[media:])
    return path


def test_the_first_chunk_of_a_large_file_begins_after_its_index_and_its_own_packets(
    studio: Path, bucket: BucketAddress, settings: Settings
) -> None:
    """Over a line on which the whole file would take half a minute."""
    path = padded(studio / "large.mp4", free_bytes=64_000_000)
    put(bucket, "large.mp4", path)
    with bad_line(bucket, bytes_per_s=2_000_000) as line:
        settings.BUCKET = line.address
        transcode = lifecycle.submit("large.mp4")
        steps.do_next()
        steps.do_next()
        transcode.refresh_from_db()
        assert transcode.playable_at is not None, transcode.error_code
        assert line.came_bytes < 1_000_000
    assert cache.used_bytes() < 2_000_000


def long_film(path: Path) -> Path:
    """Long enough to have an opening, and dense; its index is at the end."""
    codec = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "10", "-b:v", "500k")
    look = replace(LOOK, rate="5", duration_s=10)
    part = make(path.with_name("part.mp4"), look=look, filters="noise=alls=20:allf=t", video=codec, audio=None)
    return in_a_row(path, *[part] * (LONG_S // 10 + 1), audio=("-c:a", "aac"))


def test_a_long_film_can_be_watched_before_most_of_it_is_fetched(
    studio: Path, bucket: BucketAddress, settings: Settings
) -> None:
    path = long_film(studio / "film.mp4")
    put(bucket, "film.mp4", path)
    with bad_line(bucket) as line:
        settings.BUCKET = line.address
        transcode = lifecycle.submit("film.mp4")
        steps.do_next()
        transcode.refresh_from_db()
        assert (transcode.state, transcode.plan) == (State.PROCESSING, None)
        assert transcode.opening
        of_plan = line.came_bytes
        steps.do_next()
        transcode.refresh_from_db()
        assert (transcode.plan, transcode.chunks.get().state) == (None, ChunkState.DONE)
        assert transcode.playable_at is not None
        assert (of_plan, line.came_bytes) < (path.stat().st_size // 10, path.stat().st_size // 10)
        segment = stores.version_place(transcode.pk, 1).below("480p/segment_000.ts").read()
        steps.do_next()
        transcode.refresh_from_db()
    assert transcode.plan
    assert (transcode.version, transcode.chunks.get(index=0).state) == (1, ChunkState.DONE)
    assert stores.version_place(transcode.pk, 1).below("480p/segment_000.ts").read() == segment
    assert not list(cache.root().glob("*/whole"))


def test_planning_looks_at_a_small_part_of_a_dense_film(studio: Path, tmp_path: Path) -> None:
    """And finds the same as in the whole file."""
    noise = "testsrc2=s=320x180:r=24:d=20,noise=alls=40:allf=t"
    codec = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "120", "-b:v", "6M")
    inputs = ("-f", "lavfi", "-i", noise, "-f", "lavfi", "-i", "sine=d=20")
    ffmpeg(*inputs, *codec, "-c:a", "aac", str(tmp_path / "one.mp4"))
    film = tmp_path / "film.mp4"
    ffmpeg("-stream_loop", "4", "-i", str(tmp_path / "one.mp4"), "-c", "copy", "-movflags", "+faststart", str(film))
    part = BroughtFile(film, tmp_path / "part.mp4")
    plain = probe(film, limits=limits())
    assert probe(part.path, limits=limits(), partly=PartlyHere(part.record_path, part.bring)) == plain
    assert part.brought_bytes < 0.15 * film.stat().st_size
    assert not part.record.has(0, film.stat().st_size)


def test_samples_need_only_their_parts_of_a_source(
    studio: Path, tmp_path: Path, bucket: BucketAddress, settings: Settings
) -> None:
    """And find the same CRFs as in the whole file."""
    film = tmp_path / "film.mp4"
    codec = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "20", "-qp", "8")
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=320x180:r=10:d=130", *codec, "-movflags", "+faststart", str(film))
    plan = make_plan(probe(film, limits=limits()))
    expected = samples.sampled(plan, source=film, folder=tmp_path, encoder=encoder(), watch=UNWATCHED)
    put(bucket, "film.mp4", film)
    settings.BUCKET = bucket
    folder = tmp_path / "samples"
    folder.mkdir()
    assert local.sampled("film.mp4", plan, folder=folder, lease=Unclaimed()) == expected
    assert cache.used_bytes() < 0.4 * film.stat().st_size


def test_a_file_in_fields_is_probed_alike_as_a_whole(tmp_path: Path) -> None:
    path = remux(recording(tmp_path / "fields.ts", 75), tmp_path / "fields.mp4")
    part = BroughtFile(path, tmp_path / "part.mp4")
    found = probe(part.path, limits=limits(), partly=PartlyHere(part.record_path, part.bring))
    assert found == probe(path, limits=limits())


@pytest.mark.parametrize("name", [*IN_PARTS, *WHOLE])
def test_a_file_is_probed_alike_when_its_parts_come_as_they_are_asked_for(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    (IN_PARTS | WHOLE)[name](path)
    part = BroughtFile(path, tmp_path / f"part-{name}")
    found = probe(part.path, limits=limits(), partly=PartlyHere(part.record_path, part.bring))
    assert found == probe(path, limits=limits())


def test_zeros_that_ffmpeg_meets_lead_to_the_whole_file(
    studio: Path, bucket: BucketAddress, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where the index has not told the truth about what a chunk needs."""
    path = studio / "uploads/video.mp4"
    path.parent.mkdir()
    faststart(path)
    _, expected = made("video.mp4")
    settings.BUCKET = bucket
    put(bucket, "video.mp4", path)
    path.unlink()
    monkeypatch.setattr(local, "chunk_parts", lambda *arguments: [(0, 4096)])
    with capture_logs() as told:
        _, found = made("video.mp4")
    assert found == expected
    assert [line["chunk"] for line in told if line["event"] == "source needed whole"] == [0, 1, 2]
    assert len(list(studio.glob("sources-of-*/*/whole"))) == 3


@pytest.mark.parametrize("name", ["video.mp4", "video.mkv"])
def test_a_source_that_cannot_be_reached_is_put_off_and_not_failed(
    bucket: BucketAddress, settings: Settings, studio: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bucket, name, index_at_the_end(studio / name))
    settings.BUCKET = bucket
    transcode = lifecycle.submit(name)

    def unreachable(*arguments: object, **options: object) -> None:
        raise StoreFailed(errno.EIO, "The bucket can't be reached.")

    with monkeypatch.context() as patched:
        patched.setattr(ObjectInParts, "fetch", unreachable)
        steps.do_next()
        transcode.refresh_from_db()
        assert (transcode.state, transcode.lease_token) == (State.QUEUED, "")
        assert transcode.not_before is not None
    Transcode.objects.update(not_before=None)
    steps.do_next()
    with monkeypatch.context() as patched:
        patched.setattr(ObjectInParts, "fetch", unreachable)
        forgotten = [cache.remove_unused(folder) for folder in cache.entries()]
        assert forgotten == [True]
        steps.do_next()
    chunk = Chunk.objects.get(index=0)
    assert (chunk.state, chunk.lease_token, chunk.attempts) == (ChunkState.WAITING, "", 0)
    assert chunk.not_before is not None


def test_a_deleted_source_fails_its_video_as_a_deleted_file_does(bucket: BucketAddress, settings: Settings) -> None:
    settings.BUCKET = bucket
    transcode = lifecycle.submit("gone.mp4")
    steps.do_next()
    transcode.refresh_from_db()
    assert (transcode.state, transcode.error_code) == (State.FAILED, Code.SOURCE_MISSING)


class BroughtFile:
    """A file of which parts come from another file on the same disk."""

    def __init__(self, whole: Path, path: Path) -> None:
        self.whole, self.path, self.record_path = whole, path, path.with_suffix(".record")
        size_bytes = whole.stat().st_size
        for file, length in ((path, size_bytes), (self.record_path, record_bytes(size_bytes))):
            file.touch()
            os.truncate(file, length)
        self.record = BlockRecord(self.record_path, size_bytes, writable=True)
        self.brought_bytes = 0

    def bring(self, wanted: Sequence[ByteRange]) -> None:
        with self.whole.open("rb") as source, self.path.open("r+b") as target:
            for start, end in [
                missing for part in merged(wanted, gap=GAP_BYTES) for missing in self.record.missing(*part)
            ]:
                source.seek(start)
                target.seek(start)
                target.write(source.read(end - start))
                target.flush()
                self.record.note(start, end)
                self.brought_bytes += end - start
