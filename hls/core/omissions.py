"""Says which parts of a source are missing from the transcoded video, in sentences for the person who uploaded it."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from hls.core.plan import Plan
from hls.core.probe import OtherTrack
from hls.core.timeline import INEXACT, MAX_RATE

LEAST_MISSING_S = 5  # less may be rounding, or the duration of the last picture
LEAST_MISSING_SHARE = 0.05
MOST_NAMED = 6
STEREO = 2
ROUNDING = 1  # pixels: sizes are even
HDR = {"smpte2084": "PQ", "arib-std-b67": "HLG"}
CODECS = {
    "subrip": "SubRip",
    "srt": "SubRip",
    "ass": "ASS",
    "ssa": "ASS",
    "mov_text": "MP4 text",
    "webvtt": "WebVTT",
    "dvd_subtitle": "DVD pictures",
    "dvdsub": "DVD pictures",
    "dvb_subtitle": "DVB pictures",
    "dvbsub": "DVB pictures",
    "hdmv_pgs_subtitle": "Blu-ray pictures",
    "pgssub": "Blu-ray pictures",
    "dvb_teletext": "teletext",
    "eia_608": "closed captions",
}


def omissions(plan: Plan) -> tuple[str, ...]:
    return (*_rest(plan), *_tracks(plan), *_sound(plan), *_picture(plan))


def _rest(plan: Plan) -> Iterator[str]:
    source, lasts_s = plan.source, float(plan.timeline.duration_s)
    missing_s, after = (source.told_s or 0) - lasts_s, timedelta(seconds=round(lasts_s))
    if source.is_followed:
        yield f"What comes after {after}: the file was joined of several recordings, and the rest can't be read."
    elif source.is_broken_off or missing_s > max(LEAST_MISSING_S, lasts_s * LEAST_MISSING_SHARE):
        yield f"What comes after {after}: the file is cut off there, or damaged."


def _tracks(plan: Plan) -> Iterator[str]:
    extras, is_silent = plan.source.extras, plan.source.audio is None
    if extras.pictures:
        yield f"{_counted(extras.pictures, 'other picture track')}: {_named(extras.pictures)}."
    if extras.sounds and is_silent:
        yield f"The sound, which can't be decoded: {_named(extras.sounds)}."
    elif extras.sounds:
        yield f"{_counted(extras.sounds, 'other sound')}: {_named(extras.sounds)}."
    if extras.subtitles:
        yield f"Subtitles: {_named(extras.subtitles)}."
    if extras.subtitle_pictures:
        yield f"Subtitles that are pictures can't be converted: {_named(extras.subtitle_pictures)}."
    if extras.has_captions:
        yield "Closed captions inside of the picture."
    if extras.chapters:
        yield "1 chapter." if extras.chapters == 1 else f"{extras.chapters} chapters."


def _sound(plan: Plan) -> Iterator[str]:
    audio = plan.source.audio
    surround = next((sound for sound in (audio, *plan.source.sounds) if sound and sound.channels > STEREO), None)
    if surround:
        layout = plan.source.extras.layout if surround == audio else ""
        yield f"Surround sound: it is mixed from {layout or f'{surround.channels} channels'} to stereo."


def _picture(plan: Plan) -> Iterator[str]:
    video, top, extras = plan.source.video, plan.renditions[-1], plan.source.extras
    if max(video.width - top.width, video.height - top.height) > ROUNDING:
        yield f"The full size: {video.width} x {video.height} becomes {top.width} x {top.height}."
    if video.picture_rate > MAX_RATE * (1 + INEXACT):
        kept = float(plan.timeline.rate)
        yield f"The full rate: of {float(video.picture_rate):.5g} pictures a second {kept:.5g} are kept."
    if video.transfer in HDR:
        yield f"High dynamic range: {HDR[video.transfer]} is converted to the usual range (SDR)."
    if extras.has_alpha:
        yield "Transparency: videos have a solid background."
    if extras.projection:
        yield f"The 360° view: the picture is shown flat, as it is stored ({extras.projection})."


def _counted(tracks: Sequence[OtherTrack], word: str) -> str:
    return f"1 {word}" if len(tracks) == 1 else f"{len(tracks)} {word}s"


def _named(tracks: Sequence[OtherTrack]) -> str:
    more = len(tracks) - MOST_NAMED
    return ", ".join(_name(track) for track in tracks[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _name(track: OtherTrack) -> str:
    """A track's name, as "deu “Kommentar” (AAC)", with only the parts that the file has."""
    codec = CODECS.get(track.codec, track.codec.upper()) or "unknown format"
    return " ".join(filter(None, (track.language, f"“{track.title}”" if track.title else "", f"({codec})")))
