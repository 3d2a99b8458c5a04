"""The filter graph of a chunk: the filters for each kind of source, and the grid that neighbouring chunks share."""

from dataclasses import replace
from fractions import Fraction
from math import gcd

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hls.core.encoding.colour import BT709
from hls.core.encoding.filters import graph, tiles
from hls.core.encoding.sounds import Sound, audio_span
from hls.core.plan import Plan
from hls.core.probe import AudioTrack, Copyable, Crop, Shape
from hls.tests.factories import evenly_planned, source

TONEMAP = "tonemap=tonemap=mobius"


def clip(*, seconds: int = 90, width: int = 1920, height: int = 1080, rate: int = 25, **facts: object) -> Plan:
    made = source(seconds=seconds, width=width, height=height, rate=rate)
    return evenly_planned(replace(made, video=replace(made.video, **facts)))  # type: ignore[arg-type]


def with_audio(audio: AudioTrack | None, **facts: object) -> Plan:
    made = source()
    return evenly_planned(replace(made, audio=audio, video=replace(made.video, **facts)))  # type: ignore[arg-type]


def drawn(
    plan: Plan, index: int = 0, *, has_zscale: bool = True, is_lost: bool = False, states: tuple[Sound, ...] = ()
) -> str:
    return graph(plan, plan.timeline.chunks[index], has_zscale=has_zscale, is_lost=is_lost, states=states)


def test_the_graph_of_a_usual_videos_second_chunk() -> None:
    """Character by character, so that nobody changes it by accident."""
    assert drawn(clip(), 1).split(";") == [
        "[0:0]fps=fps=25/1:start_time=12.000000,tpad=stop=-1:stop_mode=clone,trim=end_frame=750,settb=1/25,"
        "setpts=N+300,scale=1920:1080:out_color_matrix=bt709:out_range=tv,format=yuv420p,"
        "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709,split[rt][r]",
        "[rt]select='eq(n,0)+not(mod(n+300,225))',scale=240:136:out_range=pc[tiles]",
        "[r]setsar=1,split[v2][r2]",
        "[r2]zscale=w=1280:h=720:filter=lanczos,setsar=1,split[v1][r1]",
        "[r1]zscale=w=854:h=480:filter=lanczos,setsar=1[v0]",
        "[0:1]aresample=48000:async=1:min_hard_comp=0.04:first_pts=571904,aresample=48000,"
        "aformat=sample_fmts=fltp:channel_layouts=stereo,atrim=start_pts=572416:end_pts=2018304,"
        "apad=whole_len=1445888,asetpts=NB_CONSUMED_SAMPLES+(572416)[a0]",
    ]


@pytest.mark.parametrize("index", range(4))
def test_pictures_are_numbered_over_the_whole_video(index: int) -> None:
    plan = clip()
    span = plan.timeline.chunks[index]
    assert f"trim=end_frame={span.frame_count}," in drawn(plan, index)
    assert f"setpts=N+{span.first_frame}," in drawn(plan, index)


def test_a_video_that_begins_late_on_its_own_clock_is_cut_on_that_clock() -> None:
    assert "start_time=13.400000" in drawn(clip(start_s=Fraction(7, 5)), 1)


def test_fields_are_joined_before_frames_are_counted() -> None:
    assert "[0:0]bwdif=mode=send_frame:deint=interlaced,fps=" in drawn(clip(is_interlaced=True))
    assert "bwdif" not in drawn(clip())


def test_fields_that_are_moments_become_pictures() -> None:
    plan = clip(is_interlaced=True, has_fields=True)
    assert plan.timeline.frame_count == 90 * 50
    assert plan.renditions[-1].maxrate_kbps == 15_000, "as for any video of 50 pictures a second"
    assert "[0:0]bwdif=mode=send_field:deint=interlaced,fps=fps=50/1:" in drawn(plan)


def test_pictures_at_irregular_times_are_spaced_before_they_are_put_on_the_grid() -> None:
    spaced = drawn(clip(is_variable_rate=True))
    assert "settb=1/25000," in spaced
    assert "lte(PREV_OUTPTS+1000-PTS,1000)*gte(PTS-PREV_INPTS,250)" in spaced
    assert spaced.index("PREV_OUTPTS") < spaced.index("fps=fps=25/1")


def test_a_rate_a_hair_above_60_is_counted_before_it_is_put_on_a_grid_of_60() -> None:
    made = source()
    track = replace(made.video, rate=Fraction(60_003, 1000), frame_count=6000, duration_s=Fraction(6_000_000, 60_003))
    counted = drawn(evenly_planned(replace(made, video=track)))
    assert "setpts='(round((T-(0/1))*60003/1000)/(60003/1000)+(0/1))/TB',fps=fps=60/1:" in counted


@pytest.mark.parametrize(("rate", "grid", "step"), [(120, "120/1", 2), (144, "144/1", 3), (60, "60/1", 1)])
def test_a_fast_video_keeps_every_second_or_third_frame(rate: int, grid: str, step: int) -> None:
    made = drawn(clip(rate=rate, seconds=10))
    assert f"fps=fps={grid}" in made
    assert (f"framestep={step}" in made) is (step > 1)


@pytest.mark.parametrize(
    ("transfer", "primaries", "matrix", "has_curve", "said"),
    [
        ("smpte2084", "bt2020", "bt2020nc", True, ("bt2020", "smpte2084", "bt2020nc")),
        ("arib-std-b67", "bt2020", "bt2020nc", True, ("bt2020", "arib-std-b67", "bt2020nc")),
        ("smpte2084", "unknown", "unknown", True, ("bt2020", "smpte2084", "bt2020nc")),
        ("smpte2084", "bt709", "bt709", True, ("bt709", "smpte2084", "bt709")),
        ("smpte2084", "smpte432", "unknown", True, ("smpte432", "smpte2084", "bt709")),
        ("smpte2084", "bt2020", "ictcp", True, ("bt2020", "smpte2084", "ictcp")),
        ("bt2020-10", "bt2020", "bt2020c", False, ("bt2020", "bt709", "bt2020c")),
        ("bt709", "bt2020", "bt709", False, ("bt2020", "bt709", "bt709")),
        ("iec61966-2-1", "smpte432", "bt709", False, ("smpte432", "iec61966-2-1", "bt709")),
    ],
)
def test_wide_colours_are_made_usual_ones(
    transfer: str, primaries: str, matrix: str, has_curve: bool, said: tuple[str, str, str]
) -> None:
    made = drawn(clip(transfer=transfer, primaries=primaries, matrix=matrix, pixel_format="yuv420p10le"))
    told = "setparams=range=tv:color_primaries={}:color_trc={}:colorspace={},".format(*said)
    assert made.index(told) < made.index("zscale=t=linear")
    assert (TONEMAP in made) is has_curve
    assert f"format=yuv420p,{BT709}" in made


def test_full_range_is_declared_to_the_mapping() -> None:
    assert "setparams=range=pc:" in drawn(clip(transfer="smpte2084", primaries="bt2020", is_full_range=True))


def test_a_curve_of_hdr_alone_on_8_bits_is_not_believed() -> None:
    assert "zscale=t=linear" not in drawn(clip(transfer="smpte2084", primaries="unknown", matrix="unknown"))
    assert "zscale=t=linear" in drawn(clip(transfer="arib-std-b67", primaries="bt2020", matrix="bt2020nc"))


@pytest.mark.parametrize(
    ("matrix", "transfer", "put_right"),
    [
        ("gbr", "unknown", "setparams=colorspace=bt709,"),
        ("bt2020c", "unknown", "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709,"),
        ("reserved", "bt709", "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709,"),
        ("smpte170m", "log100", "setparams=color_primaries=bt709:color_trc=bt709,"),
        ("smpte170m", "reserved", "setparams=color_primaries=bt709:color_trc=bt709,"),
    ],
)
def test_what_no_scaler_knows_is_as_if_nothing_had_been_said(matrix: str, transfer: str, put_right: str) -> None:
    made = drawn(clip(matrix=matrix, transfer=transfer))
    assert made.partition("scale=")[0].endswith(f",{put_right}")


def test_what_the_container_crops_is_cropped_once() -> None:
    """This holds whether or not ffmpeg has already cropped by itself."""
    made = drawn(clip(crop=Crop(40, 20, 1280, 718)))
    assert made.startswith("[0:0]crop=w='min(iw,1280)':h='min(ih,718)':x='gt(iw,1280)*40':y='gt(ih,718)*20',fps=")


def test_interlaced_pictures_that_change_are_fitted_before_they_lose_their_lines() -> None:
    shapes = (Shape(1920, 1080, Fraction(16, 9)), Shape(720, 576, Fraction(4, 3)))
    made = drawn(clip(shapes=shapes, is_interlaced=True))
    assert (
        made.index("interl=-1") < made.index("pad=w=1920:h=1080") < made.index("bwdif") < made.index("scale=1920:1080")
    )


def test_interlaced_pictures_are_turned_after_they_lose_their_lines() -> None:
    turns = ("transpose=clock",)
    shapes = (Shape(1080, 1920, Fraction(9, 16)), Shape(576, 720, Fraction(3, 4)))
    made = drawn(clip(shapes=shapes, is_interlaced=True, rotation=270, turns=turns, crop=Crop(0, 0, 1080, 1918)))
    order = ("crop=", "pad=w=1080:h=1920", "bwdif", "transpose=clock,sidedata=mode=delete:type=DISPLAYMATRIX", ",fps=")
    assert [made.index(step) for step in order] == sorted(made.index(step) for step in order)
    assert made.index(",fps=") < made.index("scale=1920:1080")


def test_pictures_that_change_are_each_fitted() -> None:
    made = drawn(clip(shapes=(Shape(1920, 1080, Fraction(16, 9)), Shape(720, 576, Fraction(4, 3)))))
    assert "if(eq(iw,720)*eq(ih,576),1.333333,if(eq(iw,1920)*eq(ih,1080),1.777778,dar))" in made
    assert (
        "eval=frame:out_color_matrix=bt709:out_range=tv,pad=w=1920:h=1080:x=(ow-iw)/2:y='4*trunc((oh-ih)/8)':eval=frame,format="
        in made
    )


def test_an_ffmpeg_that_can_not_map_scales_at_least() -> None:
    made = drawn(clip(transfer="smpte2084", primaries="bt2020", matrix="bt2020nc"), has_zscale=False)
    assert "zscale" not in made
    assert "out_color_matrix=bt709:out_range=tv" in made


@pytest.mark.parametrize(
    ("size", "pixel_format", "declared"),
    [
        ((720, 576), "yuv420p", "setparams=colorspace=smpte170m,"),
        ((1280, 720), "yuv420p", "setparams=colorspace=bt709,"),
        ((720, 1280), "nv12", "setparams=colorspace=bt709,"),
        ((640, 480), "p010le", "setparams=colorspace=smpte170m,"),
        ((640, 480), "rgb24", ""),
        ((640, 480), "gray", ""),
    ],
)
def test_a_matrix_left_untold_is_taken_from_the_pictures_size(
    size: tuple[int, int], pixel_format: str, declared: str
) -> None:
    made = drawn(clip(width=size[0], height=size[1], matrix="unknown", pixel_format=pixel_format))
    assert made.partition("scale=")[0].endswith(f",{declared}" if declared else ",")
    assert made.count("setparams=colorspace=") == bool(declared)


def test_a_matrix_that_is_told_is_believed() -> None:
    assert "setparams=colorspace=" not in drawn(clip(width=640, height=480, matrix="smpte170m"))


def test_a_copied_rendition_is_not_scaled_and_its_place_is_kept() -> None:
    starts = tuple(range(0, 90 * 25, 150))
    plan = clip(copyable=Copyable(segment_starts=starts, delay_frames=2, peak_kbps=3000))
    made = drawn(plan)
    assert plan.is_copying
    assert ",split[rt][r];" in made
    assert "[r]zscale=w=1280:h=720:filter=lanczos,setsar=1,split[v1][r1]" in made
    assert "[v2]" not in made
    assert made.endswith("[a0]"), "its sound is encoded"


def test_a_chunk_that_is_lost_is_black_and_silent_for_as_long() -> None:
    made = drawn(clip(), 1, is_lost=True, states=(Sound.SILENT,))
    assert made.startswith("color=c=black:s=1920x1080:r=25/1,trim=end_frame=750,settb=1/25,setpts=N+300,")
    assert "anullsrc=r=48000:cl=stereo" in made
    assert "atrim=end_sample=1445888" in made
    assert "[0:" not in made, "nothing of the source is read"


def test_a_chunk_whose_pictures_are_lost_keeps_its_sound() -> None:
    made = drawn(clip(), 1, is_lost=True)
    assert made.startswith("color=c=black:")
    assert "[0:1]" in made


def test_a_video_without_sound_has_no_sound_in_its_graph() -> None:
    for is_lost in (False, True):
        made = drawn(with_audio(None), is_lost=is_lost)
        assert "[a0]" not in made


def test_a_chunk_without_a_tile_makes_none() -> None:
    plan = replace(clip(seconds=90), frames_per_tile=2000)
    assert [bool(tiles(plan, chunk)) for chunk in plan.timeline.chunks] == [True, False, False, True]
    assert "[tiles]" not in drawn(plan, 1)
    assert "colorspace=bt709[r];[r]setsar=1,split[v2][r2];" in drawn(plan, 1)


def test_pictures_are_scaled_where_zscale_is_missing() -> None:
    made = drawn(clip(), has_zscale=False)
    assert "[r2]scale=w=1280:h=720:flags=lanczos,setsar=1,split[v1][r1]" in made


SAMPLE_RATES = (8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000)


@given(
    sample_rate=st.sampled_from(SAMPLE_RATES),
    start=st.fractions(-5, 50, max_denominator=90_000),
    index=st.integers(0, 3),
)
def test_sound_is_cut_where_both_sample_rates_have_a_sample(sample_rate: int, start: Fraction, index: int) -> None:
    """Otherwise the samples of neighbouring chunks would be on two grids."""
    plan = with_audio(AudioTrack(1, "aac", 2, sample_rate), start_s=start)
    made = drawn(plan, index)
    first = int(made.partition(f"aresample={sample_rate}:async=1:min_hard_comp=0.04:first_pts=")[2].partition(",")[0])
    begin = int(made.partition("atrim=start_pts=")[2].partition(":")[0])
    assert Fraction(first, sample_rate) % Fraction(1, gcd(sample_rate, 48_000)) == 0
    run_up_s = Fraction(begin, 48_000) - Fraction(first, sample_rate)
    assert Fraction(512, 48_000) <= run_up_s < Fraction(512, 48_000) + Fraction(1, gcd(sample_rate, 48_000))


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (0, "[0:1]aresample="),
        (1024, "[0:1]asetpts='if(eq(S,1024),round((round((T-(1/3))*44100/1024)*1024/44100+1/3)/TB),PTS)',aresample="),
    ],
)
def test_the_rounding_of_times_is_undone_where_packets_are_alike(samples: int, expected: str) -> None:
    audio = AudioTrack(1, "aac", 2, 44_100, start_s=Fraction(1, 3), frame_samples=samples)
    assert expected in drawn(with_audio(audio))


def test_frames_around_the_chunk_are_encoded_and_dropped() -> None:
    """Four before it that prepare the encoder, one for its own delay, and two after it that it looks ahead at."""
    plan = clip()
    part = audio_span(plan, plan.timeline.chunks[1])
    assert part.kept_packets == range(5, 5 + part.end_frame - part.first_frame)
    assert part.end_sample == (part.end_frame + 2) * 1024
    assert part.first_frame * 1024 - part.warm_up_sample == 4 * 1024


def test_the_tracks_that_were_chosen_are_used() -> None:
    made = source()
    chosen = replace(made, video=replace(made.video, index=3), audio=AudioTrack(7, "aac", 6, 48_000))
    text = drawn(evenly_planned(chosen))
    assert text.startswith("[0:3]")
    assert ";[0:7]aresample=" in text
