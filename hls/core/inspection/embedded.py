"""Finds texts and chapters in a file, and what it calls its tracks."""

import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import cast

from av.codec.context import CodecContext
from av.container import InputContainer
from av.stream import Disposition, Stream

from hls.core.inspection.declared import NOTHING, Declared
from hls.core.inspection.protection import Protection
from hls.core.probe import AudioTrack, FileChapter, TextTrack

LONGEST_TITLE = 80
TEXTS = ("subtitle", "data")  # PyAV's names of what libav takes text for; MP4's WebVTT is data
MOST_CHAPTERS = 1000
WEBVTT = {"S_TEXT/WEBVTT": "webvtt"}  # Matroska's name of what libav has no decoder for, but its packets
BOXED_WEBVTT = {"wvtt": "wvtt"}  # MP4's name
EARLIEST_S = -1e6  # a time that FFmpeg doesn't know is far below


def described(sound: AudioTrack, track: Stream, declared: Mapping[int, Declared], *, is_default: bool) -> AudioTrack:
    """A sound with what the file says about it."""
    return replace(
        sound,
        language=language(track),
        language_tag=declared.get(track.index, NOTHING).language_tag,
        title=title(track),
        is_default=is_default,
        is_described=bool(track.disposition & (Disposition.visual_impaired | Disposition.descriptions)),
        is_commentary=bool(track.disposition & Disposition.comment),
    )


def texts(container: InputContainer, protection: Protection, declared: Mapping[int, Declared]) -> tuple[TextTrack, ...]:
    """The subtitles that are text, if FFmpeg or hls.core.subtitles can read it."""
    told = ((track, declared.get(track.index, NOTHING)) for track in container.streams if track.type in TEXTS)
    return tuple(
        TextTrack(
            index=track.index,
            codec=codec,
            language=language(track),
            language_tag=of_track.language_tag,
            title=title(track),
            is_default=bool(track.disposition & Disposition.default),
            is_forced=of_track.is_forced or bool(track.disposition & Disposition.forced),
            is_captions=bool(track.disposition & (Disposition.hearing_impaired | Disposition.captions)),
        )
        for track, of_track in told
        if (codec := _text_codec(track, of_track)) and not protection.covers(track) and not _is_for_programs(track)
    )


def is_of_pictures(track: Stream) -> bool:
    """Whether these subtitles are pictures."""
    codec = cast("CodecContext | None", track.codec_context)
    return codec is not None and codec.codec.bitmap_sub


def _is_for_programs(track: Stream) -> bool:
    """Whether nobody is meant to read it, as WebM's `D_WEBVTT/METADATA`."""
    return bool(track.disposition & Disposition.metadata)


def _text_codec(track: Stream, declared: Declared) -> str:
    """FFmpeg's name of it; "" for what is no text, or can't be read."""
    codec = cast("CodecContext | None", track.codec_context)
    if codec is None:
        return (WEBVTT | BOXED_WEBVTT).get(declared.codec, "")
    return codec.name if codec.codec.text_sub else ""


def chapters(container: InputContainer, end_s: float) -> tuple[FileChapter, ...]:
    """The chapters in the order of their times; each ends before the next one, and the last one by `end_s`.

    Of several that begin at one time, one with a title is kept.
    """
    told = [
        FileChapter(
            start_s=float(chapter["start"] * (chapter["time_base"] or 0)),
            end_s=float(chapter["end"] * (chapter["time_base"] or 0)),
            title=clean(chapter["metadata"].get("title", "")),
        )
        for chapter in container.chapters()
    ]
    usable = (chapter for chapter in told if EARLIEST_S < chapter.start_s < end_s)
    ordered = sorted(usable, key=lambda chapter: (chapter.start_s, chapter.title != ""))
    followed = pairwise([*ordered, FileChapter(end_s, end_s, "")])
    ended = (_ended(chapter, following.start_s) for chapter, following in followed)
    return tuple(chapter for chapter in ended if chapter.start_s < chapter.end_s)


def _ended(chapter: FileChapter, next_s: float) -> FileChapter:
    has_end = chapter.start_s < chapter.end_s <= next_s
    return chapter if has_end else replace(chapter, end_s=next_s)


def language(track: Stream) -> str:
    """As the file has it, mostly ISO 639-2; "" if unknown. Of several, as MPEG-TS may have, the first one."""
    told = _told(track).get("language", "").partition(",")[0]
    return "" if told == "und" else told


def title(track: Stream) -> str:
    told = _told(track)
    return told.get("title") or told.get("name", "")


def _told(track: Stream) -> dict[str, str]:
    return {name.lower(): clean(text) for name, text in track.metadata.items()}


def clean(text: str) -> str:
    """Remove characters that a database can't store or a page can't show; old files may not be in UTF-8."""
    readable = text.encode(errors="surrogateescape").decode(errors="replace")
    shown = "".join(character for character in readable if not unicodedata.category(character).startswith("C"))
    return shown.strip()[:LONGEST_TITLE]
