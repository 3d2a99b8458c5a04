"""A chunk reports progress from its first second on, wherever its first storyboard tile is."""

from pathlib import Path

import pytest

from hls.core import names
from hls.core.encoding.encode import encode_chunk
from hls.core.encoding.filters import tiles
from hls.core.errors import Stopped
from hls.core.plan import make_plan
from hls.core.probe import probe
from hls.tests.videos import small_video
from hls.tests.watching import ENCODER, LIMITS

pytestmark = pytest.mark.ffmpeg


def slowed(folder: Path) -> Path:
    """An ffmpeg that reads two seconds of video a second, as one does on a busy machine."""
    script = folder / "slow-ffmpeg"
    script.write_text(f'#!/bin/sh\nexec {ENCODER.ffmpeg} -readrate 2 "$@"\n')
    script.chmod(0o755)
    return script


def test_frames_are_told_before_the_first_tile(tmp_path: Path) -> None:
    """A silent encoder is killed after a minute; on a slow machine, ten seconds of video can take longer."""
    source = small_video(tmp_path / "video.mp4", seconds=101)
    plan = make_plan(probe(source, limits=LIMITS))
    span = plan.timeline.chunks[4]
    frames_before_first_tile = tiles(plan, span)[0] * plan.frames_per_tile - span.first_frame
    assert frames_before_first_tile > 50
    folder = tmp_path / "chunk"
    folder.mkdir()
    told: list[int] = []
    with pytest.raises(Stopped):
        encode_chunk(
            plan,
            4,
            source=source,
            folder=folder,
            encoder=type(ENCODER)(slowed(tmp_path)),
            on_progress=told.append,
            should_stop=lambda: told[-1] > 0,
        )
    assert told[-1] < frames_before_first_tile / 2
    assert list((folder / names.TILES).iterdir()) == []
