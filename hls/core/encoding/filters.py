"""The filter graph of one chunk: one decode feeds every rendition, its sound, and the storyboard's tiles.

Times in a graph are on the source's own clock at first. Then pictures get frame numbers, and sound gets sample numbers,
both counted from the video's beginning: so chunks that are encoded separately join without a seam.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import ceil

from hls.core.encoding import sounds
from hls.core.encoding.colour import BT709, converted
from hls.core.encoding.framing import cropped, steadied
from hls.core.encoding.sounds import Sound
from hls.core.inspection import spacing
from hls.core.ladder import Rendition
from hls.core.plan import Plan
from hls.core.probe import VideoTrack
from hls.core.timeline import ChunkSpan

# Both scores of VMAF are 0.7 to 2 points higher than with a bicubic scaler, at 480p and 720p of Big Buck Bunny.
SCALE = "zscale=w={width}:h={height}:filter=lanczos"  # takes two fifths less CPU time than swscale's
SCALE_WITHOUT_ZSCALE = "scale=w={width}:h={height}:flags=lanczos"
LAST_PICTURE_INPUT = 1  # ffmpeg's number of the input that begins at the last picture
STILL_RUN_UP_S = 30  # before the last picture: if that can't be decoded, an earlier one stays on


def tiles(plan: Plan, span: ChunkSpan) -> range:
    """The numbers of the storyboard pictures whose frames are in this chunk."""
    every = plan.frames_per_tile
    return range(ceil(span.first_frame / every), ceil(span.end_frame / every))


def graph(
    plan: Plan, span: ChunkSpan, *, has_zscale: bool, is_lost: bool = False, states: tuple[Sound, ...] = ()
) -> str:
    """The graph for -filter_complex, with pads [v0] … for renditions, [a0] … for sounds, and [tiles] if there are any.

    `states` says where each of `sounds.tracks` comes from: from the source, if nothing is said.
    """
    is_black = is_lost or plan.is_before_pictures(span)
    parts = [_black(plan, span) if is_black else _picture(plan, span, has_zscale=has_zscale)]
    if tiles(plan, span):
        parts[0] += ",split[rt][r]"
        parts.append(_tiles(plan, span))
    else:
        parts[0] += "[r]"
    parts += sized(plan.made(span), plan.renditions[-1], has_zscale=has_zscale)
    heard = _sounds(plan, span, states or sounds.of_source(plan), is_lost=is_lost)
    parts += (f"{sound}[a{number}]" for number, sound in enumerate(heard))
    return ";".join(parts)


def sized(renditions: Sequence[Rendition], top: Rendition, *, has_zscale: bool) -> list[str]:
    """From [r], in the size of `top`, to [v0] …: the pictures of each rendition that is encoded, in its size.

    Each is made of the next larger one's, which costs a quarter less than making all of the largest, and is sharper.
    """
    encoded = [(number, rendition) for number, rendition in enumerate(renditions) if not rendition.is_copied]
    width, height, pad = top.width, top.height, "r"
    parts = []
    for number, rendition in reversed(encoded):
        is_same = (rendition.width, rendition.height) == (width, height)
        width, height = rendition.width, rendition.height
        filters = [*([] if is_same else [scaled(rendition, has_zscale=has_zscale)]), "setsar=1"]
        smaller = f"r{number}"
        pads = f"[v{number}]" if number == encoded[0][0] else f",split[v{number}][{smaller}]"
        parts.append(f"[{pad}]{','.join(filters)}{pads}")
        pad = smaller
    return parts


def scaled(rendition: Rendition, *, has_zscale: bool) -> str:
    """The filter that gives pictures a rendition's size."""
    scale = SCALE if has_zscale else SCALE_WITHOUT_ZSCALE
    return scale.format(width=rendition.width, height=rendition.height)


def _sounds(plan: Plan, span: ChunkSpan, states: tuple[Sound, ...], *, is_lost: bool) -> Iterator[str]:
    apart_input = 2 if plan.is_after_pictures(span) and not is_lost else 1  # the first one behind the source's
    for track, state in zip(sounds.tracks(plan), states, strict=True):
        if state == Sound.SILENT:
            yield sounds.silence(plan, span)
        elif state == Sound.APART:
            yield sounds.heard_apart(plan, span, apart_input=apart_input)
            apart_input += 1
        else:
            yield sounds.heard(plan, span, track)


def _picture(plan: Plan, span: ChunkSpan, *, has_zscale: bool) -> str:
    video, rate, top = plan.source.video, plan.timeline.rate, plan.renditions[-1]
    grid_rate = rate * plan.frame_step
    first, skipped = _grid(plan, span)
    begin_s = float(plan.zero_s + plan.timeline.seconds(first))
    black = max(0, plan.lead - span.first_frame)
    # The last picture is passed on even if it ends before the next frame of the grid.
    last = ":eof_action=pass" if plan.is_staying(span) else ""
    cut = f"start_frame={skipped}:" if skipped else ""
    numbered = f"setpts=N+{span.first_frame}"
    filters = [_counted(plan, span, video.counted_rate)] if video.counted_rate else []
    filters += [*cropped(video), *steadied(video, top.width, top.height)]
    mode = "send_field" if video.has_fields else "send_frame"
    filters += [f"bwdif=mode={mode}:deint=interlaced", *_turned(video)] if video.is_interlaced else []
    if video.is_variable_rate:
        filters += spacing.filters(grid_rate)
    elif video.picture_rate > grid_rate:
        filters += spacing.counted(video.picture_rate, video.start_s)
    filters += [
        # The frame grid: extra pictures are dropped and missing ones repeated, also after the source's end.
        f"fps=fps={grid_rate.numerator}/{grid_rate.denominator}:start_time={begin_s:.6f}{last}",
        *([f"framestep={plan.frame_step}"] if plan.frame_step > 1 else []),
        "tpad=stop=-1:stop_mode=clone",
        f"trim={cut}end_frame={skipped + span.frame_count - black}",
        f"settb={rate.denominator}/{rate.numerator}",
        *([] if black else [numbered]),
        *converted(video, top.width, top.height, has_zscale=has_zscale),
        *([f"tpad=start={black}:start_mode=add:color=black", BT709, numbered] if black else []),
    ]
    number = LAST_PICTURE_INPUT if plan.is_after_pictures(span) else 0
    return f"[{number}:{video.index}]" + ",".join(filters)


def _turned(video: VideoTrack) -> list[str]:
    """Turn deinterlaced pictures: turned before that, their lines would be columns, or the fields' order another.

    Nothing says any more that they are to be turned.
    """
    return [*video.turns, "sidedata=mode=delete:type=DISPLAYMATRIX"] if video.turns else []


def _grid(plan: Plan, span: ChunkSpan) -> tuple[int, int]:
    """The first frame of the grid for a chunk's pictures, and how many frames are dropped from there on.

    ffmpeg drops a picture that ends before the grid begins. So for a chunk that repeats the source's last picture, the
    grid begins earlier. The dropped frames show earlier pictures; all frames after them are alike.
    """
    if not plan.is_after_pictures(span):
        return max(span.first_frame, plan.lead), 0
    first = max(plan.lead, plan.last_picture - ceil(STILL_RUN_UP_S * plan.timeline.rate))
    return first, plan.last_picture - first


def _counted(plan: Plan, span: ChunkSpan, rate: Fraction) -> str:
    """Give times to pictures that have none: each is shown equally long."""
    landing = plan.picture_landing(span)
    return f"setpts='round(({plan.source.video.start_s}+(N+{landing.picture if landing else 0})/({rate}))/TB)'"


def _black(plan: Plan, span: ChunkSpan) -> str:
    """Black pictures, for a chunk none of whose pictures can be shown."""
    rate, top = plan.timeline.rate, plan.renditions[-1]
    filters = [
        f"color=c=black:s={top.width}x{top.height}:r={rate.numerator}/{rate.denominator}",
        f"trim=end_frame={span.frame_count}",
        f"settb={rate.denominator}/{rate.numerator}",
        f"setpts=N+{span.first_frame}",
        "format=yuv420p",
        BT709,
    ]
    return ",".join(filters)


def _tiles(plan: Plan, span: ChunkSpan) -> str:
    # The chunk's first picture is always among them: ffmpeg reports no progress until each output has had a picture.
    chosen = f"select='eq(n,0)+not(mod(n+{span.first_frame},{plan.frames_per_tile}))'"
    return f"[rt]{chosen},scale={plan.tile_width}:{plan.tile_height}:out_range=pc[tiles]"
