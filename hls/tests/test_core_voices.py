"""Several sounds in one video: each is encoded once, apart from the pictures, on their segments' grid."""

from dataclasses import dataclass
from math import ceil

import pytest

from hls.core.encoding.sounds import audio_frame
from hls.core.formats import transport
from hls.tests.clips import Look
from hls.tests.voices import EXACT, HEARD_HZ, Voice, assert_beeps, difference, loudest, record, samples
from hls.tests.watching import WatchedVideo, complaints, encode, numbers, steps, timestamps, violations

pytestmark = pytest.mark.ffmpeg

TICKS = 90_000
AAC_FRAME = 1920  # 1024 samples at 48 kHz, in ticks
LASTS_S = 14.3
TWO = (Voice(440, LASTS_S), Voice(610, LASTS_S))
FIVE = (
    Voice(440, LASTS_S),
    Voice(700, LASTS_S, layout="mono", sample_rate=44_100),
    Voice(520, LASTS_S, layout="5.1"),
    Voice(900, begin_s=3.35, end_s=9.25),
    Voice(610, end_s=2.35),
)


@dataclass(frozen=True)
class Recorded:
    clip: WatchedVideo
    voices: tuple[Voice, ...]

    @property
    def heard(self) -> list[tuple[Voice, memoryview]]:
        return [(voice, samples(self.clip.joined(f"audio_{number}"))) for number, voice in enumerate(self.voices)]


CASES = {
    "five at 25": (FIVE, "25", "mov"),
    "five at 23.976": (FIVE, "24000/1001", "mkv"),
    "two at 59.94": (TWO, "60000/1001", "mkv"),
}


@pytest.fixture(scope="module", params=list(CASES.values()), ids=list(CASES))
def recorded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Two chunks; the source's clock begins at 5 s."""
    voices, rate, suffix = request.param
    folder = tmp_path_factory.mktemp("voices")
    look = Look(160, 120, rate, LASTS_S)
    source = record(folder / f"source.{suffix}", voices, look, after=("-output_ts_offset", "5"))
    return Recorded(encode(source, folder), voices)


def test_each_sound_has_a_folder_and_segments_of_its_own(recorded: Recorded) -> None:
    plan = recorded.clip.plan
    assert len(plan.timeline.chunks) == 4
    expected = [f"audio_{number}" for number in range(len(recorded.voices))]
    for facts, span in zip(recorded.clip.chunks, plan.timeline.chunks, strict=True):
        assert [sound.name for sound in facts.sounds] == expected
        for sound in facts.sounds:
            assert sound.codecs == "mp4a.40.2"
            assert [segment.number for segment in sound.segments] == [segment.number for segment in span.segments]
            sizes = [path.stat().st_size for path in recorded.clip.segments(sound.name)]
            assert [segment.size_bytes for segment in sound.segments] == [sizes[s.number] for s in span.segments]
            assert not any(segment.iframes for segment in sound.segments)
    assert not list(recorded.clip.folder.rglob("*.nut"))


def test_pictures_have_no_sound_beside_them(recorded: Recorded) -> None:
    whole = recorded.clip.joined("480p")
    assert complaints(whole) == ""
    assert numbers(whole) == list(range(recorded.clip.plan.timeline.frame_count))
    for facts in recorded.clip.chunks:
        assert [rendition.codecs.partition(",")[2] for rendition in facts.renditions] == [""]
    assert transport.tables(whole.read_bytes()).audio_pid is None


def test_published_files_break_no_rule(recorded: Recorded) -> None:
    assert violations(recorded.clip) == ()


def test_joined_segments_of_each_sound_decode_without_a_word(recorded: Recorded) -> None:
    for number in range(len(recorded.voices)):
        assert complaints(recorded.clip.joined(f"audio_{number}")) == ""


def test_each_sound_is_regular_across_chunks_and_as_long_as_the_video(recorded: Recorded) -> None:
    timeline = recorded.clip.plan.timeline
    for number in range(len(recorded.voices)):
        times = timestamps(recorded.clip.joined(f"audio_{number}"), "audio")
        assert times[0] == 10 * TICKS
        assert steps(times) == {AAC_FRAME}
        assert 0 <= times[-1] + AAC_FRAME - (10 + timeline.duration_s) * TICKS < AAC_FRAME
        counted = [s.frame_count for chunk in recorded.clip.chunks for s in chunk.sounds[number].segments]
        assert sum(counted) == len(times) == audio_frame(recorded.clip.plan, timeline.frame_count)


def test_each_segment_of_a_sound_begins_within_a_frame_of_its_pictures(recorded: Recorded) -> None:
    """Players that know one playlist alone rely on it: what is in segment 7 of one is in segment 7 of the others."""
    for number in range(len(recorded.voices)):
        pairs = zip(recorded.clip.segments("480p"), recorded.clip.segments(f"audio_{number}"), strict=True)
        for pictures, sound in pairs:
            data, heard = pictures.read_bytes(), sound.read_bytes()
            shown = min(unit.pts for unit in transport.units(data, transport.tables(data).video_pid))
            found = transport.sound(heard, transport.sound_tables(heard).audio_pid)
            assert found
            assert 0 <= found.first_pts - shown < AAC_FRAME


def test_clocks_within_a_sounds_segments_are_a_tenth_of_a_second_apart_at_most(recorded: Recorded) -> None:
    """ISO/IEC 13818-1 2.7.2; each PES packet of these has one."""
    data = recorded.clip.segments("audio_0")[0].read_bytes()
    begun = [unit.pts for unit in transport.units(data, transport.sound_tables(data).audio_pid)]
    assert max(steps(begun)) <= TICKS / 10


def test_each_sound_is_the_sources_to_the_sample(recorded: Recorded) -> None:
    """Also where chunks begin, after 2, 6 and 12 seconds."""
    plan = recorded.clip.plan
    for voice, heard in recorded.heard:
        assert len(heard) == audio_frame(plan, plan.timeline.frame_count) * 1024
        for begin_s, end_s in ((0.1, 0.4), (1.7, 2.3), (5.7, 6.4), (11.7, 12.4), (13.7, 14.2)):
            assert difference(voice, heard, begin_s, end_s) < EXACT, (voice, begin_s)


def test_a_sound_has_no_click_where_chunks_join(recorded: Recorded) -> None:
    """An encoder that is told nothing of what follows shapes its last frame for silence: the next one doesn't fit."""
    plan = recorded.clip.plan
    for voice, heard in recorded.heard:
        for span in plan.timeline.chunks[1:]:
            begin_s = audio_frame(plan, span.first_frame) * 1024 / HEARD_HZ
            assert difference(voice, heard, begin_s, begin_s + 0.05) < EXACT, (voice, begin_s)


def test_a_sound_is_silent_where_the_source_has_none(recorded: Recorded) -> None:
    for voice, heard in recorded.heard:
        lasts_s = len(heard) / HEARD_HZ
        before_s, after_s = voice.begin_s - 0.04, voice.end_s + 0.04
        if before_s > 0:
            assert loudest(heard, 0, before_s) < 0.01
            assert loudest(heard, voice.begin_s, voice.begin_s + 0.04) > 0.05
        if after_s < lasts_s:
            assert loudest(heard, after_s, lasts_s) < 0.01
            assert loudest(heard, voice.end_s - 0.04, voice.end_s) > 0.05


def test_beeps_are_where_they_are_in_the_source(recorded: Recorded) -> None:
    for voice, heard in recorded.heard:
        assert_beeps(voice, heard, range(ceil(voice.begin_s), int(voice.end_s)))
