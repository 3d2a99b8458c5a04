"""MP4s with several edits: what they show is played, in their order, whatever they hide between the parts."""

from pathlib import Path

import pytest

from hls.core.inspection.probing import look
from hls.core.plan import make_plan
from hls.tests.clips import Look, make, with_edits
from hls.tests.watching import LIMITS, assert_plays, beep_times, encode, numbers, steps, timestamps

pytestmark = pytest.mark.ffmpeg

RATE = 25
LOOK = Look(width=160, height=120, rate=str(RATE), duration_s=16)
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-pix_fmt", "yuv420p")  # a key picture every ten seconds
HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "bframes=0:log-level=error", "-pix_fmt", "yuv420p")
EDITS: dict[str, list[tuple[float, float]]] = {
    "without a cut": [(0, 5), (5, 9)],
    "with a cut": [(2, 3), (8, 6)],
    "the same part twice": [(2, 4), (2, 4)],
    "in another order": [(8, 4), (2, 4)],
    "a few pictures": [(2, 0.08), (8, 0.16)],
    "many": [(8, 1), (2, 5), (13, 0.4), (7, 2), (1, 6), (8, 0.2), (0, 3)],
}


@pytest.fixture(scope="module", params=[H264, HEVC], ids=["h264", "hevc"])
def recording(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("recording") / "one.mp4", look=LOOK, video=request.param)


@pytest.mark.parametrize("name", EDITS)
def test_the_parts_that_edits_show_are_played_in_their_order(recording: Path, tmp_path: Path, name: str) -> None:
    edits = EDITS[name]
    clip = encode(with_edits(recording, tmp_path / "edited.mp4", edits), tmp_path)
    whole = clip.joined("480p")
    parts = [range(round(begin_s * RATE), round((begin_s + lasts_s) * RATE)) for begin_s, lasts_s in edits]
    assert numbers(whole) == [number for part in parts for number in part]
    assert steps(timestamps(whole, "video")) == {90_000 // RATE}
    assert clip.plan.source.joins == ()
    assert_plays(clip)


def test_the_sound_of_edits_stays_with_their_pictures(recording: Path, tmp_path: Path) -> None:
    clip = encode(with_edits(recording, tmp_path / "edited.mp4", [(8.5, 3), (1.75, 5)]), tmp_path)
    beeps = [at_s - 10 for at_s in beep_times(clip.joined("480p"))]
    assert beeps == pytest.approx([0.5, 1.5, 2.5, 3.25, 4.25, 5.25, 6.25, 7.25], abs=0.05)


def test_chunks_behind_an_edit_are_read_from_a_key_picture_nearby(tmp_path: Path) -> None:
    """A picture that an edit hides may have the time of one that is shown."""
    video = (*H264, "-g", "50", "-keyint_min", "50", "-sc_threshold", "0")
    one = make(tmp_path / "one.mp4", look=Look(width=160, height=120, duration_s=30), video=video, audio=None)
    plan = make_plan(look(with_edits(one, tmp_path / "edited.mp4", [(1, 12.4), (3.9, 11.6)]), LIMITS))
    assert len(plan.timeline.chunks) == 4
    assert all(plan.run_up_s(span) <= 2 for span in plan.timeline.chunks[1:])
