"""Whether a first chunk that was made of a source's opening is what the plan of the whole source would make of it.

Such a chunk may have been published before the rest was read, and what is published never changes. The same ffmpeg
command, cut into the same segments, makes the same files.
"""

from pathlib import Path

from hls.core.encoding.command import Encoder, chunk_command, sound_command
from hls.core.encoding.sounds import Sound, expected
from hls.core.plan import Plan

ANYWHERE = Path("/source")
ANY_ENCODER = Encoder(Path("/ffmpeg"))


def has_same_first_chunk(opening: Plan, whole: Plan) -> bool:
    """Whether the first chunk can stay, and all that its playlists say."""
    return _promised(opening) == _promised(whole) and _commands(opening) == _commands(whole)


def _promised(plan: Plan) -> tuple[object, ...]:
    """What playlists say of the whole video from the first chunk on."""
    grid = plan.timeline
    return grid.rate, grid.gop, grid.chunks[0], grid.target_duration_s, plan.renditions, plan.sounds


def _commands(plan: Plan) -> list[list[str]]:
    span = plan.timeline.chunks[0]
    states = expected(plan, span)
    commands = [
        sound_command(plan, 0, source=ANYWHERE, encoder=ANY_ENCODER, number=number)
        for number, state in enumerate(states)
        if state == Sound.APART
    ]
    commands.append(chunk_command(plan, 0, source=ANYWHERE, encoder=ANY_ENCODER, has_zscale=True, states=states))
    return [*commands, [f"recordings: {len(plan.source.joins) + 1}", f"bytes: {plan.source.size_bytes}"]]
