"""A video's own CRFs: higher where samples look as good with fewer bytes, and else the ladder's."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from hls.core.encoding.agreement import has_same_first_chunk
from hls.core.encoding.command import Encoder, chunk_command
from hls.core.errors import Code, Stopped, TranscodeError
from hls.core.ladder import RUNGS, Rung
from hls.core.plan import Plan, make_plan, without_copying
from hls.core.probe import Copyable, Landing, probe
from hls.core.process import UNWATCHED, Watch
from hls.core.quality import (
    CHUNKS_BY_LADDER,
    DARK_LUMA,
    MOST_RAISED,
    MOST_RAISED_DARK,
    TARGET_VMAF,
    Comparison,
    Quality,
    RenditionQuality,
    Sampled,
    Why,
    chosen,
    of_renditions,
    unmeasured,
)
from hls.core.sampling.commands import comparing
from hls.core.sampling.places import (
    LONG_S,
    MORE_S,
    MOST_PICTURES,
    MOST_RUN_UP_S,
    is_worth_sampling,
    picture_spans,
    sample_spans,
)
from hls.core.sampling.samples import sampled
from hls.core.timeline import ChunkSpan, Segment
from hls.tests.clips import Look, ffmpeg, fit_h264, make, without_libvmaf
from hls.tests.factories import source
from hls.tests.watching import ENCODER, LIMITS

BRIGHT = 110.0
RENDITION = make_plan(source()).renditions[1]
CARTOON = "testsrc2=s=480x270:r=5,format=yuv420p"
GRAIN = "color=c=0x808080:s=480x270:r=5,noise=alls=30:allf=t,format=yuv420p"


def long_source(*, seconds: int = LONG_S, landings_s: float = 0) -> Plan:
    """A plan whose chunks can all be read from a little before their beginning."""
    found = source(seconds=seconds)
    places = [span.first_frame / Fraction(25) for span in make_plan(found).timeline.chunks]
    landings = tuple(
        Landing(seek_s=max(0.0, float(at_s) - 2), shown_s=max(Fraction(0), at_s - 2 - Fraction(landings_s)))
        for at_s in places
    )
    return make_plan(replace(found, video=replace(found.video, landings=landings)))


def crf_of(plan: Plan, index: int) -> list[str]:
    words = chunk_command(plan, index, source=Path("/video.mp4"), encoder=Encoder(Path("/ffmpeg")), has_zscale=True)
    return [words[at + 1] for at, word in enumerate(words) if word.startswith("-crf")]


def with_quality(plan: Plan, *crfs: float) -> Plan:
    entries = zip(plan.renditions, crfs, strict=True)
    return replace(
        plan,
        quality=Quality(tuple(RenditionQuality(entry.name, crf, 94.0, str(Why.TARGET)) for entry, crf in entries)),
    )


def test_easy_pictures_reach_the_target_and_no_more() -> None:
    found = chosen(RENDITION, Sampled((97.0, 91.0), BRIGHT))
    assert found.reason == Why.TARGET
    assert RENDITION.crf < found.crf < RENDITION.crf + 5
    assert found.estimated_vmaf == pytest.approx(TARGET_VMAF, abs=0.2)


@pytest.mark.parametrize("vmaf", [(93.2, 87.0), (80.0, 70.0), (70.0, 71.0)])
def test_difficult_pictures_keep_the_ladders_crf(vmaf: tuple[float, float]) -> None:
    found = chosen(RENDITION, Sampled(vmaf, BRIGHT))
    assert (found.crf, found.estimated_vmaf, found.reason) == (RENDITION.crf, vmaf[0], Why.LADDER)


@pytest.mark.parametrize("rung", RUNGS, ids=lambda rung: rung.name)
def test_no_rung_gets_a_lower_crf_by_rounding(rung: Rung) -> None:
    rendition = replace(RENDITION, crf=rung.crf)
    assert chosen(rendition, Sampled((80.0, 70.0), BRIGHT)).crf == rung.crf
    assert chosen(rendition, Sampled((97.0, 91.0), BRIGHT)).crf > rung.crf


def test_nothing_is_raised_without_bounds() -> None:
    """Dark pictures less: VMAF hardly notices the steps in them."""
    found = chosen(RENDITION, Sampled((100.0, 99.9), BRIGHT))
    assert (found.crf, found.reason) == (round(RENDITION.crf + MOST_RAISED, 2), Why.LIMIT)
    found = chosen(RENDITION, Sampled((100.0, 99.9), DARK_LUMA - 1))
    assert (found.crf, found.reason) == (round(RENDITION.crf + MOST_RAISED_DARK, 2), Why.DARK)


def test_the_first_chunks_keep_the_ladders_crf() -> None:
    plan = with_quality(long_source(), 25.1, 26.2, 27.3)
    ladder = [str(rung.crf) for rung in RUNGS]
    assert [crf_of(plan, index) for index in range(CHUNKS_BY_LADDER)] == [ladder] * CHUNKS_BY_LADDER
    assert crf_of(plan, CHUNKS_BY_LADDER) == crf_of(plan, len(plan.timeline.chunks) - 1) == ["25.1", "26.2", "27.3"]


def test_all_else_of_a_chunks_command_stays() -> None:
    plan = long_source()
    for index in (0, CHUNKS_BY_LADDER):
        raised, plain = (
            chunk_command(entry, index, source=Path("/a"), encoder=Encoder(Path("/ffmpeg")), has_zscale=True)
            for entry in (with_quality(plan, 25.1, 26.2, 27.3), plan)
        )
        differing = [at for at, (one, other) in enumerate(zip(raised, plain, strict=True)) if one != other]
        assert all(plain[at - 1].startswith("-crf:v:") for at in differing)
        assert len(differing) == (len(plan.renditions) if index else 0)


def test_an_opening_agrees_with_a_plan_that_has_crfs_of_its_own() -> None:
    """They are for later chunks; a first chunk with another CRF would be another one."""
    plan = long_source()
    assert has_same_first_chunk(plan, with_quality(plan, 25.1, 26.2, 27.3))
    other = replace(plan, renditions=tuple(replace(entry, crf=25.0) for entry in plan.renditions))
    assert not has_same_first_chunk(plan, other)
    early = with_quality(plan, 25.1, 26.2, 27.3)
    assert early.quality is not None
    assert not has_same_first_chunk(plan, replace(early, quality=replace(early.quality, first_chunk=0)))


def test_a_plan_keeps_its_crfs_as_json() -> None:
    plan = with_quality(long_source(), 25.1, 26.2, 27.3)
    assert Plan.from_json(plan.to_json()) == plan


def test_an_older_plan_has_none() -> None:
    data = long_source().to_json()
    del data["quality"]
    plan = Plan.from_json(data)
    assert plan.quality is None
    assert crf_of(plan, CHUNKS_BY_LADDER) == [str(rung.crf) for rung in RUNGS]


def test_a_video_that_is_not_copied_after_all_keeps_those_of_its_other_renditions() -> None:
    starts = tuple(range(0, LONG_S * 25, 150))
    found = source(seconds=LONG_S)
    copying = make_plan(replace(found, video=replace(found.video, copyable=Copyable(starts, 2, peak_kbps=4000))))
    assert copying.is_copying
    quality = Quality(
        (
            RenditionQuality("480p", 25.0, 94.0, str(Why.TARGET)),
            RenditionQuality("720p", 26.0, 94.0, str(Why.TARGET)),
            RenditionQuality("1080p", copying.renditions[-1].crf, None, str(Why.COPIED)),
        )
    )
    plan = without_copying(replace(copying, quality=quality))
    assert crf_of(plan, CHUNKS_BY_LADDER) == ["25.0", "26.0", str(RUNGS[-1].crf)]


def test_only_long_videos_are_worth_it() -> None:
    assert is_worth_sampling(long_source(seconds=LONG_S))
    assert not is_worth_sampling(long_source(seconds=LONG_S - 1))


def test_a_video_in_which_reading_can_begin_nowhere_is_not() -> None:
    assert not is_worth_sampling(make_plan(source(seconds=LONG_S)))
    assert not is_worth_sampling(long_source(landings_s=MOST_RUN_UP_S))


@pytest.mark.parametrize(("seconds", "count"), [(LONG_S, 2), (MORE_S, 3), (7200, 3)])
def test_samples_are_spread_over_a_video(seconds: int, count: int) -> None:
    plan = long_source(seconds=seconds)
    spans = sample_spans(plan)
    share = [span.first_frame / plan.timeline.frame_count for span in spans]
    assert len(spans) == count
    assert {span.frame_count for span in spans} == {plan.timeline.gop}
    assert all(later - earlier > 0.2 for earlier, later in pairwise(share))
    assert 0.1 < share[0] < share[-1] < 0.9


def test_unmeasured_videos_have_the_ladders_crf() -> None:
    plan = long_source()
    quality = unmeasured(plan.renditions, "no libvmaf")
    assert crf_of(replace(plan, quality=quality), CHUNKS_BY_LADDER) == crf_of(plan, 0)
    assert {entry.reason for entry in quality.renditions} == {Why.UNMEASURED}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A film of six seconds, made once."""
    folder, films = tmp_path_factory.mktemp("films"), {"cartoon": CARTOON, "grain": GRAIN}

    def film(name: str) -> Path:
        path = folder / f"{name}.mp4"
        if not path.exists():
            codec = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "10", "-g", "10", "-pix_fmt", "yuv420p")
            ffmpeg("-f", "lavfi", "-i", films[name], "-t", "6", *codec, str(path))
        return path

    return film


def quality_of(path: Path, folder: Path, *, encoder: Encoder = ENCODER, watch: Watch = UNWATCHED) -> RenditionQuality:
    """Of the smallest rendition."""
    return qualities_of(path, folder, encoder, watch)[0]


def qualities_of(
    path: Path, folder: Path, encoder: Encoder = ENCODER, watch: Watch = UNWATCHED
) -> tuple[RenditionQuality, ...]:
    plan = make_plan(probe(path, limits=LIMITS))
    gop = plan.timeline.gop
    spans = [ChunkSpan(1, (Segment(1, first, gop),)) for first in (gop, 2 * gop)]
    folder.mkdir(exist_ok=True)
    return sampled(plan, source=path, folder=folder, encoder=encoder, watch=watch, spans=spans).renditions


@pytest.mark.ffmpeg
def test_a_flat_cartoon_gets_a_higher_crf(made: Callable[[str], Path], tmp_path: Path) -> None:
    found = quality_of(made("cartoon"), tmp_path)
    assert found.crf >= RUNGS[0].crf + 1
    assert found.estimated_vmaf is not None
    assert found.estimated_vmaf >= TARGET_VMAF
    assert quality_of(made("cartoon"), tmp_path / "again") == found


@pytest.mark.ffmpeg
def test_grain_keeps_the_ladders(made: Callable[[str], Path], tmp_path: Path) -> None:
    found = quality_of(made("grain"), tmp_path)
    assert (found.crf, found.reason) == (RUNGS[0].crf, Why.LADDER)


LADDER = make_plan(source()).renditions
GOOD, BAD = Sampled((95.0, 90.0), BRIGHT), Sampled((88.0, 84.0), BRIGHT)


def compared(own: Sampled = GOOD, smaller: tuple[float, float] | None = None) -> Comparison:
    return Comparison(own, Sampled(smaller, BRIGHT) if smaller else None)


@pytest.mark.parametrize(
    ("shown", "left_out"),
    [
        ((compared(), compared(), compared()), []),
        ((compared(), compared(), compared(smaller=(92.4, 88.0))), ["1080p"]),
        ((compared(), compared(smaller=(92.4, 88.0)), compared(smaller=(91.8, 87.0))), ["720p"]),
        ((compared(), compared(smaller=(93.0, 88.0)), compared(smaller=(94.0, 89.0))), ["1080p"]),
        ((compared(BAD), compared(BAD), compared(BAD, smaller=(87.2, 84.0))), ["1080p"]),
        ((compared(BAD), compared(BAD), compared(BAD, smaller=(86.9, 84.0))), []),
    ],
)
def test_a_rendition_that_is_no_better_than_the_next_smaller_one_is_left_out(
    shown: tuple[Comparison, ...], left_out: list[str]
) -> None:
    found = of_renditions(LADDER, {entry.name: each for entry, each in zip(LADDER, shown, strict=True)})
    assert [entry.name for entry in found] == [entry.name for entry in LADDER]
    assert [entry.name for entry in found if entry.reason == Why.LEFT_OUT] == left_out
    assert Quality(found).left_out == frozenset(left_out)


def test_the_one_that_plays_instead_has_to_reach_the_target_in_the_larger_size() -> None:
    easy, enlarged = Sampled((99.0, 97.0), BRIGHT), (95.0, 91.0)
    smallest, middle, largest = of_renditions(
        LADDER, {"480p": compared(), "720p": compared(easy), "1080p": compared(smaller=enlarged)}
    )
    assert middle == chosen(LADDER[1], Sampled(enlarged, BRIGHT))
    assert middle.crf < chosen(LADDER[1], easy).crf
    assert (largest.reason, largest.crf, largest.estimated_vmaf) == (
        Why.LEFT_OUT,
        LADDER[2].crf,
        middle.estimated_vmaf,
    )
    assert smallest == chosen(LADDER[0], GOOD)


def test_pictures_that_are_copied_stay_whatever_is_left_out_below() -> None:
    copied = (*LADDER[:2], replace(LADDER[2], is_copied=True))
    found = of_renditions(copied, {"480p": compared(), "720p": compared(smaller=(94.0, 89.0))})
    assert [entry.reason for entry in found][1:] == [Why.LEFT_OUT, Why.COPIED]


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("picture", "is_left_out"),
    [("testsrc2=s=180x180:r=5,gblur=sigma=1,scale=720:720:flags=bicubic", True), ("testsrc2=s=720x720:r=5", False)],
)
def test_pictures_that_were_enlarged_before_need_no_large_size(tmp_path: Path, picture: str, is_left_out: bool) -> None:
    lossless = ("-c:v", "ffv1", "-pix_fmt", "yuv420p")
    ffmpeg("-f", "lavfi", "-i", picture, "-t", "6", *lossless, str(tmp_path / "video.mkv"))
    found = qualities_of(tmp_path / "video.mkv", tmp_path / "samples")
    assert [entry.name for entry in found] == ["480p", "720p"]
    assert (found[1].reason == Why.LEFT_OUT) == is_left_out


@pytest.mark.parametrize(("seconds", "count"), [(LONG_S, 9), (7200, MOST_PICTURES)])
def test_more_pictures_are_looked_at_than_samples_are_made(seconds: int, count: int) -> None:
    """Those before which little has to be decoded: here, at the beginnings of chunks."""
    found = picture_spans(long_source(seconds=seconds))
    assert len({span.first_frame for span in found}) == len(found) >= count
    assert {span.frame_count for span in found} == {1}
    assert picture_spans(make_plan(source(seconds=seconds))) == []


@pytest.fixture(scope="module")
def blurred(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return blur(tmp_path_factory.mktemp("blurred") / "video.mkv", "1")


def blur(path: Path, when: str) -> Path:
    picture = f"testsrc2=s=720x720:r=2,gblur=sigma=4:enable='{when}'"
    ffmpeg("-f", "lavfi", "-i", picture, "-t", "150", "-c:v", "ffv1", "-pix_fmt", "yuv420p", str(path))
    return path


@pytest.mark.ffmpeg
@pytest.mark.parametrize("is_sharp_somewhere", [False, True])
def test_a_video_that_is_sharp_elsewhere_than_in_its_samples_keeps_its_size(
    blurred: Path, tmp_path: Path, is_sharp_somewhere: bool
) -> None:
    path = blur(tmp_path / "video.mkv", "not(between(t,84,86))") if is_sharp_somewhere else blurred
    plan = make_plan(probe(path, limits=LIMITS))
    assert all(not 164 <= span.first_frame <= 172 for span in sample_spans(plan)), "the samples are elsewhere"
    found = sampled(plan, source=path, folder=tmp_path, encoder=ENCODER, watch=UNWATCHED)
    assert found.left_out == (set() if is_sharp_somewhere else {"720p"})


@pytest.mark.ffmpeg
def test_pictures_that_can_not_be_looked_at_leave_the_size_and_the_crfs(blurred: Path, tmp_path: Path) -> None:
    def bring(spans: Sequence[ChunkSpan]) -> None:
        if spans[0].frame_count == 1:
            raise TranscodeError(Code.ENCODER_FAILED, "samples would need the whole source")

    plan = make_plan(probe(blurred, limits=LIMITS))
    found = sampled(plan, source=blurred, folder=tmp_path, encoder=ENCODER, watch=UNWATCHED, bring=bring)
    assert found.left_out == set()
    assert [entry.reason in {Why.TARGET, Why.LIMIT} for entry in found.renditions] == [True, True]


@pytest.mark.ffmpeg
def test_pictures_that_are_copied_are_not_sampled(tmp_path: Path) -> None:
    path = make(tmp_path / "fit.mp4", look=Look(width=720, height=720, rate="8", duration_s=16), video=fit_h264(8))
    smaller, top = qualities_of(path, tmp_path / "samples")
    assert (smaller.name, smaller.estimated_vmaf is not None) == ("480p", True)
    assert (top.name, top.crf, top.estimated_vmaf, top.reason) == ("720p", RUNGS[1].crf, None, Why.COPIED)


@pytest.mark.ffmpeg
def test_a_failing_ffmpeg_is_told(made: Callable[[str], Path], tmp_path: Path) -> None:
    with pytest.raises(TranscodeError):
        quality_of(made("cartoon"), tmp_path, encoder=replace(ENCODER, ffmpeg=Path("/bin/false")))


@pytest.mark.ffmpeg
def test_an_ffmpeg_that_measures_nothing_encodes_no_samples(made: Callable[[str], Path], tmp_path: Path) -> None:
    encoder = replace(ENCODER, ffmpeg=without_libvmaf(tmp_path / "ffmpeg"))
    with pytest.raises(TranscodeError, match="doesn't measure VMAF v1: No such filter"):
        quality_of(made("cartoon"), tmp_path / "samples", encoder=encoder)
    assert list((tmp_path / "samples").iterdir()) == []


def test_measuring_on_many_cores_takes_no_more_memory_than_on_four() -> None:
    def measuring(threads: int) -> str:
        plan = long_source()
        encoder = replace(ENCODER, threads=threads)
        return " ".join(comparing(plan, plan.timeline.chunks[0], encoder, has_zscale=True))

    assert measuring(16) == measuring(4) != measuring(2)


@pytest.mark.ffmpeg
def test_samples_stop_when_they_are_told(made: Callable[[str], Path], tmp_path: Path) -> None:
    watch = Watch(on_line=None, on_tick=lambda: None, should_stop=lambda: True)
    with pytest.raises(Stopped):
        quality_of(made("cartoon"), tmp_path, encoder=replace(ENCODER, ffmpeg=sleeping(tmp_path)), watch=watch)


def sleeping(folder: Path) -> Path:
    """An ffmpeg that never ends by itself."""
    path = folder / "ffmpeg"
    path.write_text('#!/bin/sh\ncase "$*" in *filter=zscale*|*color=s=480x270*) exit 0;; esac\nexec sleep 60\n')
    path.chmod(0o755)
    return path
