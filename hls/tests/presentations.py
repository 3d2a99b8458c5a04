"""A presentation with two sounds and three texts, written by hand, as a server would send it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from hls.conformance.checker import Violation, check
from hls.core import names, playlists
from hls.core.bandwidth import Piece, average_bps, peak_bps
from hls.core.encoding.measure import measured
from hls.core.timeline import Segment
from hls.tests.factories import evenly_planned, source
from hls.tests.packets import AAC_TICKS, AUDIO_PID, adts, pat, pmt, sound_of, sound_packets, write_chunk

SOURCE = source(seconds=14, width=64, height=48, rate=10)
PLAN = evenly_planned(SOURCE)
SILENT = evenly_planned(replace(SOURCE, audio=None))
SEGMENTS = PLAN.timeline.segments
CAPTIONS = "public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound"
CLOCK = "X-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000"
HEAD = (
    f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:{PLAN.timeline.target_duration_s}\n#EXT-X-MEDIA-SEQUENCE:0\n"
    "#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-INDEPENDENT-SEGMENTS\n"
)
IFRAME = re.compile(r"BYTERANGE:(\d+)@")
CUES = ((500, 2000, "One"), (5000, 13_000, "Long"), (11_000, 12_250, "Two"), (13_900, 14_500, "Last"))
FORCED = ((11_500, 12_000, "Two"),)

ENGLISH = (
    'TYPE=AUDIO,GROUP-ID="sounds",NAME="English",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",'
    'URI="audio_0/index.m3u8?v=1"'
)
DESCRIBED = (
    'TYPE=AUDIO,GROUP-ID="sounds",NAME="English (described)",LANGUAGE="en",DEFAULT=NO,AUTOSELECT=YES,'
    'CHARACTERISTICS="public.accessibility.describes-video",CHANNELS="2",URI="audio_1/index.m3u8?v=1"'
)
SPOKEN = (
    'TYPE=SUBTITLES,GROUP-ID="texts",NAME="Deutsch",LANGUAGE="de",DEFAULT=YES,AUTOSELECT=YES,FORCED=NO,'
    'URI="tracks/5/index.m3u8?v=1&r=2"'
)
FOREIGN = (
    'TYPE=SUBTITLES,GROUP-ID="texts",NAME="Deutsch (forced)",LANGUAGE="de",DEFAULT=NO,AUTOSELECT=YES,FORCED=YES,'
    'URI="tracks/6/index.m3u8?v=1&r=2"'
)
CAPTIONED = (
    'TYPE=SUBTITLES,GROUP-ID="texts",NAME="English",LANGUAGE="en",DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,'
    f'CHARACTERISTICS="{CAPTIONS}",URI="tracks/7/index.m3u8?v=1&r=2"'
)
MEDIA = (ENGLISH, DESCRIBED, SPOKEN, FOREIGN, CAPTIONED)

type Files = dict[str, bytes]
type Cues = Sequence[tuple[int, int, str]]


def presentation(folder: Path) -> Files:
    """Files by their names, with the queries that a server wants."""
    for index in range(len(PLAN.timeline.chunks)):
        write_chunk(SILENT, index, folder / str(index))
    facts = [measured(SILENT, index, folder / str(index)).renditions[0] for index in range(len(PLAN.timeline.chunks))]
    segments = tuple(segment for part in facts for segment in part.segments)
    files = {f"480p/{path.name}": path.read_bytes() for path in folder.glob("*/480p/*.ts")}
    files["480p/video.m3u8"] = playlists.media(SILENT, "480p", segments, is_finished=True).encode()
    files["480p/iframes.m3u8"] = playlists.iframes(SILENT, "480p", segments, is_finished=True).encode()
    files |= sound("audio_0/") | sound("audio_1/", size=300)
    files |= text("tracks/5/", CUES) | text("tracks/6/", FORCED) | text("tracks/7/", ())
    codec = facts[0].codecs
    return files | {
        "master.m3u8": master(files, codec, pictures="480p/", others=""),
        "480p/index.m3u8": master(files, codec, pictures="", others="../"),
    }


def master(files: Files, codec: str, *, pictures: str, others: str) -> bytes:
    """The multivariant playlist for a folder, from which these lead to the pictures and to all others."""
    lines = "".join(f"#EXT-X-MEDIA:{line}\n" for line in MEDIA).replace('URI="', f'URI="{others}')
    sizes = IFRAME.findall(files["480p/iframes.m3u8"].decode())
    variant, iframes = map(rates_of, (pieces_of(files, "480p/"), [Piece(int(size), Fraction(2)) for size in sizes]))
    sound = rates_of(pieces_of(files, "audio_1/"))
    return (
        f"#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-INDEPENDENT-SEGMENTS\n{lines}"
        f"#EXT-X-STREAM-INF:BANDWIDTH={variant[0] + sound[0]},AVERAGE-BANDWIDTH={variant[1] + sound[1]},"
        f'CODECS="{codec},mp4a.40.2",RESOLUTION=64x48,FRAME-RATE=10.000,CLOSED-CAPTIONS=NONE,'
        f'AUDIO="sounds",SUBTITLES="texts"\n{pictures}video.m3u8\n'
        f'#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH={iframes[0]},AVERAGE-BANDWIDTH={iframes[1]},CODECS="{codec}",'
        f'RESOLUTION=64x48,URI="{pictures}iframes.m3u8"\n'
    ).encode()


def pieces_of(files: Files, folder: str) -> list[Piece]:
    sizes = [len(files[f"{folder}{names.segment_name(segment.number)}"]) for segment in SEGMENTS]
    seconds = [PLAN.timeline.seconds(segment.frame_count) for segment in SEGMENTS]
    return list(map(Piece, sizes, seconds))


def rates_of(pieces: Sequence[Piece]) -> tuple[int, int]:
    return peak_bps(pieces, PLAN.timeline.target_duration_s), average_bps(pieces)


def sound(folder: str, *, size: int = 20) -> Files:
    """A sound whose segments begin with the first AAC frame at or after the pictures' beginning."""
    files = {
        f"{folder}{names.segment_name(segment.number)}": sound_segment(sound_of(PLAN, segment), adts(body=size))
        for segment in SEGMENTS
    }
    lengths = [Fraction(len(sound_of(PLAN, segment)) * AAC_TICKS, 90_000) for segment in SEGMENTS]
    uris = [names.segment_name(segment.number) for segment in SEGMENTS]
    return files | {f"{folder}index.m3u8?v=1": media_playlist(lengths, uris)}


def sound_segment(times: Sequence[int], stream: bytes) -> bytes:
    tables = pat() + pmt(((0x0F, AUDIO_PID),))
    return tables + b"".join(sound_packets(pts, stream) for pts in times)


def text(folder: str, cues: Cues) -> Files:
    files = {
        f"{folder}{names.text_segment_name(segment.number)}?v=1&r=2": webvtt(cues_in(segment, cues))
        for segment in SEGMENTS
    }
    uris = [f"{names.text_segment_name(segment.number)}?v=1&r=2" for segment in SEGMENTS]
    lengths = [PLAN.timeline.seconds(segment.frame_count) for segment in SEGMENTS]
    return files | {f"{folder}index.m3u8?v=1&r=2": media_playlist(lengths, uris)}


def cues_in(segment: Segment, cues: Cues) -> Iterator[tuple[int, int, str]]:
    begin, end = (PLAN.timeline.seconds(frame) * 1000 for frame in (segment.first_frame, segment.end_frame))
    yield from (cue for cue in cues if cue[0] < end and cue[1] > begin)


def webvtt(cues: Iterator[tuple[int, int, str]], clock: str = CLOCK) -> bytes:
    written = "".join(f"\n{time(begin)} --> {time(end)}\n{line}\n" for begin, end, line in cues)
    return f"WEBVTT\n{clock}\n{written}".encode()


def time(ms: int) -> str:
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"


def media_playlist(lengths: Sequence[Fraction], uris: Sequence[str]) -> bytes:
    entries = "".join(f"#EXTINF:{float(length):.6f},\n{uri}\n" for length, uri in zip(lengths, uris, strict=True))
    return f"{HEAD}{entries}#EXT-X-ENDLIST\n".encode()


def violations(files: Files, master: str = "master.m3u8") -> tuple[Violation, ...]:
    def fetch(name: str) -> bytes:
        if name not in files:
            raise FileNotFoundError(name)
        return files[name]

    return check(fetch, master)


def edited(files: Files, name: str, before: str, after: str, count: int = -1) -> Files:
    """With a change in one of the files, which has to have the text that is changed."""
    text = files[name].decode()
    assert before in text, text
    return files | {name: text.replace(before, after, count).encode()}
