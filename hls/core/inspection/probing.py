"""A program that inspects a file with FFmpeg's libraries. hls.core.probe runs it, with limits.

    python -m hls.core.inspection.probing '{"max_pixels": …}' FILE [RECORD]

RECORD says which blocks of FILE are there (hls.core.blocks); the program asks for others that it needs.
Prints one JSON object: {"source": {…}} or {"error": "no_video", "detail": "…"}.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.rational import AVRational
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from hls.core.blocks import PartlyHerePath
from hls.core.errors import Code, Reason, TranscodeError
from hls.core.formats.colour_tags import MATRICES, PRIMARIES, TRANSFERS, named
from hls.core.inspection.behind import is_followed
from hls.core.inspection.continuing import continued
from hls.core.inspection.copying import judged
from hls.core.inspection.cut_off import is_cut_off
from hls.core.inspection.declared import Declared, declared
from hls.core.inspection.display import (
    check_base_layer,
    is_mirrored,
    packet_filter,
    shape,
    shown_part,
    shown_size,
    turns,
)
from hls.core.inspection.elementary import counted
from hls.core.inspection.embedded import MOST_CHAPTERS, chapters, described, texts
from hls.core.inspection.extras import extras
from hls.core.inspection.interlacing import show_two_moments
from hls.core.inspection.landing import FIXED_INDEX, Reading, landings
from hls.core.inspection.lasting import lasting_s
from hls.core.inspection.later_fields import is_mostly_interlaced
from hls.core.inspection.media_file import check_protection, check_size, opened, picture_track, sound_tracks
from hls.core.inspection.packets import tick_s
from hls.core.inspection.programmes import of_others
from hls.core.inspection.protection import Protection, protection
from hls.core.inspection.rates import Rate, measure
from hls.core.inspection.scanning import MAX_RATE, EmptyTrack, Scan, scan
from hls.core.inspection.skimming import Content, skimmed
from hls.core.inspection.soundtrack import STRAY_GAP_S, SoundLog
from hls.core.plan import ROUNDING_S, make_plan
from hls.core.probe import AudioTrack, Extras, Landing, Limits, Shape, Source, VideoTrack
from hls.core.timeline import output_rate
from hls.core.wire import dump, load

FULL_RANGE = 2
FLASH = "flv"
TELLS_LENGTH = FIXED_INDEX | {FLASH}  # containers whose head says how long the whole file lasts


def look(path: Path | PartlyHerePath, limits: Limits) -> Source:
    """Everything that is known about a source. Raises TranscodeError."""
    marks = protection(path)
    try:
        return _look_for_pictures(path, limits, marks)
    except TranscodeError as error:
        if marks and error.code in (Code.UNREADABLE, Code.UNSUPPORTED):
            raise TranscodeError(Code.UNSUPPORTED, error.detail, reason=Reason.ENCRYPTED) from error
        raise


def _look_for_pictures(
    path: Path | PartlyHerePath, limits: Limits, marks: Protection, empty: frozenset[int] = frozenset()
) -> Source:
    """What is known, by a track that has pictures: a recording may name channels and sizes that it has nothing of."""
    try:
        return _look(path, limits, marks, empty)
    except EmptyTrack as error:
        return _look_for_pictures(path, limits, marks, empty | {error.number})


def _look(path: Path | PartlyHerePath, limits: Limits, marks: Protection, empty: frozenset[int]) -> Source:
    file = path.reader() if isinstance(path, PartlyHerePath) else None
    with opened(file or path) as container:
        if len(container.streams) > limits.max_tracks:
            raise TranscodeError(Code.UNSUPPORTED, f"{len(container.streams)} tracks")
        video = picture_track(container, empty)
        going_on = continued(path, container, video)
        streams = sound_tracks(container, marks, of_others(path, video), going_on.numbers)
        check_protection(container, [video, *streams], marks)
        check_size(video, limits)
        check_base_layer(video)
        content = skimmed(file, container, video, streams) if file and not marks else None
        found = scan(container, video, streams, limits, content or Content(), continued=going_on)
        if found.sound and not found.sound.is_heard and marks.covers(found.sound.stream):
            raise TranscodeError(Code.UNSUPPORTED, "the sound is encrypted", reason=Reason.ENCRYPTED)
        track = video_track(video, found, limits)
        track = judged(track, None if found.is_untimed else found.log, tick_s(video))
        in_head = declared(path, container)
        sounds = _sounds(found, track, in_head)
        audio = next((sound for log, sound in sounds if log is found.sound), None)
        _check_length(track, audio, limits)
        end_s = track.start_s + track.duration_s
        told = chapters(container, float(max(end_s, audio.end_s or end_s) if audio else end_s))
        source = Source(
            demuxer=container.format.name.split(",")[0],
            size_bytes=path.stat().st_size,
            duration_s=float(track.duration_s),
            video=track,
            audio=audio,
            joins=found.joins,
            is_broken_off=found.is_broken_off or is_cut_off(path, container),
            is_followed=is_followed(path, container, found.byte),
            told_s=_told_s(container, video, found.sound.stream if found.sound else None),
            sounds=tuple(sound for _, sound in sounds) if len(sounds) > 1 else (),
            texts=() if found.joins else texts(container, marks, in_head),
            chapters=told[:MOST_CHAPTERS],
            continued=going_on.tracks,
        )
        beside = replace(_extras(container, source, found), chapters=len(told[MOST_CHAPTERS:]))
        source = _with_captions(replace(source, extras=beside))
    return replace(source, video=replace(track, landings=_landings(path, source, found)))


def _sounds(found: Scan, video: VideoTrack, in_head: Mapping[int, Declared]) -> list[tuple[SoundLog, AudioTrack]]:
    """The sounds of which something can be decoded, in the file's order; several are described as the file does."""
    tracks = [(log, _beside(track, video)) for log in found.sounds.values() if (track := log.track())]
    if len(tracks) < 2:
        return tracks
    return [(log, described(track, log.stream, in_head, is_default=log is found.sound)) for log, track in tracks]


def _extras(container: InputContainer, source: Source, found: Scan) -> Extras:
    used = {track.index for track in (source.video, source.audio, *source.sounds, *source.texts) if track}
    used |= {continuation.track for continuation in source.continued}
    video = next(stream for stream in container.streams.video if stream.index == source.video.index)
    return extras(container, video, used, found.frames, found.sound.frames if found.sound else ())


def _with_captions(source: Source) -> Source:
    """The source with its captions among what is used, where they can be taken out at the right times.

    ffmpeg would have to know where clocks begin anew, and how long pictures without timestamps are shown.
    """
    if source.joins or source.video.counted_rate is not None:
        return source
    extras = source.extras
    return replace(source, has_captions=extras.has_captions, extras=replace(extras, has_captions=False))


def _told_s(container: InputContainer, *chosen: Stream | None) -> float | None:
    """How long the container says that the tracks last: more than can be read if the file was cut off afterwards."""
    if container.format.name.split(",")[0] not in TELLS_LENGTH or any(s not in chosen for s in container.streams):
        return None
    return (container.duration - max(0, container.start_time or 0)) / av.time_base if container.duration else None


def _landings(path: Path | PartlyHerePath, source: Source, found: Scan) -> tuple[Landing, ...]:
    """Where to begin reading for the chunks after the first one."""
    if source.joins:
        return found.landings()
    if found.counter:
        return ()
    plan = make_plan(source)
    begins_s = [plan.zero_s + plan.timeline.seconds(span.first_frame) for span in plan.timeline.chunks[1:]]
    reading = Reading(
        video=source.video.index,
        pictures=found.pictures,
        order=found.order,
        sounds={index: log.packets for index, log in found.sounds.items() if log.is_heard},
        is_untimed=source.video.counted_rate is not None,
    )
    places = landings(path, reading, begins_s) if begins_s else ()
    if source.demuxer != FLASH or found.described_anew_s is None:
        return places
    # After a seek libav knows the first description alone.
    return tuple(place for place in places if place.shown_s < found.described_anew_s)


def video_track(video: VideoStream, found: Scan, limits: Limits) -> VideoTrack:
    """What a scan tells of the pictures. Raises TranscodeError: UNSUPPORTED, TOO_LARGE."""
    frame = found.frames[0]
    time_base = tick_s(video)
    first = min(found.order) if found.is_untimed or frame.pts is None else frame.pts
    shown = [time for time in found.order if time >= first] or [first]
    measured, counted_rate = _measured(shown, time_base, video, found)
    width, height = shown_size(video, frame)
    if width * height > limits.max_pixels:
        raise TranscodeError(Code.TOO_LARGE, f"shown at {width} x {height}")
    begins_interlaced, later = is_mostly_interlaced(found.frames), found.later_fields
    is_interlaced = begins_interlaced or is_mostly_interlaced(later.frames)
    may_double = begins_interlaced or (is_interlaced and later.are_most)
    turned = turns(frame) if is_interlaced else ()
    return VideoTrack(
        index=video.index,
        codec=video.codec_context.codec.canonical_name,
        width=width,
        height=height,
        rotation=int(frame.rotation) % 360,
        rate=measured.rate,
        frame_count=measured.frame_count,
        start_s=shown[0] * time_base,
        duration_s=_duration_s(shown, time_base, measured, found),
        is_variable_rate=measured.is_variable,
        is_interlaced=is_interlaced,
        is_full_range=frame.color_range == FULL_RANGE or frame.format.name.startswith("yuvj"),
        pixel_format=frame.format.name,
        transfer=named(TRANSFERS, int(frame.color_trc)),
        primaries=named(PRIMARIES, int(frame.color_primaries)),
        matrix=named(MATRICES, int(frame.colorspace)),
        counted_rate=counted_rate,
        crop=shown_part(video, frame, is_turned=not turned),
        shapes=_shapes(video, found, is_turned=not turned and int(frame.rotation) % 180 == 90),
        has_fields=may_double and _can_double(measured.rate, found.frames if begins_interlaced else later.frames),
        hidden_count=measured.hidden_count,
        packet_filter=packet_filter(video, found.frames),
        turns=turned,
        is_mirrored=is_mirrored(frame),
    )


def _can_double(rate: Fraction, frames: Sequence[VideoFrame]) -> bool:
    return output_rate(rate * 2) > rate and show_two_moments(frames)


def _measured(shown: list[int], time_base: Fraction, video: VideoStream, found: Scan) -> tuple[Rate, Fraction | None]:
    """The source's frame rate, and the rate for counting pictures if they have no timestamps, else None."""
    declared = [_exact(rate) for rate in (video.average_rate, video.base_rate, video.guessed_rate) if rate]
    counts = counted(shown, time_base, declared) if found.counter else None
    rate = counts.rate if counts else measure(shown, time_base, declared)
    if rate.rate > MAX_RATE:
        raise TranscodeError(Code.UNSUPPORTED, f"{float(rate.rate):.0f} frames per second")
    if counts:
        return rate, counts.pictures
    return rate, rate.rate if found.is_reordered and not rate.is_variable else None


def _duration_s(shown: list[int], time_base: Fraction, measured: Rate, found: Scan) -> Fraction:
    if found.joins or found.is_untimed or found.untold:
        return lasting_s(shown, time_base, measured, found.last_duration, None)
    # A picture that is stored last may be shown before others; MP4 adds to its duration what the last one lasts longer.
    last = max(found.last_duration, found.latest[1])
    return lasting_s(shown, time_base, measured, last, found.told_end_s)


def _beside(audio: AudioTrack, video: VideoTrack) -> AudioTrack:
    """The sound, without its times if they are far from all pictures: its clock is damaged then."""
    if audio.heard_s is None or audio.end_s is None:
        return audio
    apart_s = max(audio.heard_s - video.start_s - video.duration_s, video.start_s - audio.end_s)
    return replace(audio, heard_s=None, end_s=None) if apart_s > STRAY_GAP_S else audio


def _check_length(video: VideoTrack, audio: AudioTrack | None, limits: Limits) -> None:
    if video.duration_s > limits.max_duration_s + max(ROUNDING_S, 1 / video.rate):
        raise TranscodeError(Code.TOO_LONG, f"its last picture makes it longer than {limits.max_duration_s} s")
    if audio is None or audio.heard_s is None or audio.end_s is None:
        return
    end_s = max(video.start_s + video.duration_s, audio.end_s)
    if end_s - min(video.start_s, audio.heard_s) > limits.max_duration_s + ROUNDING_S:
        raise TranscodeError(Code.TOO_LONG, f"its sound makes it longer than {limits.max_duration_s} s")


def _shapes(video: VideoStream, found: Scan, *, is_turned: bool) -> tuple[Shape, ...]:
    """The shapes of the pictures; empty if all are alike."""
    pictures = [(found.frames[0], video.sample_aspect_ratio), *found.reshaped]
    shapes = dict.fromkeys(shape(frame, pixel_aspect, is_turned=is_turned) for frame, pixel_aspect in pictures)
    return tuple(shapes) if len(shapes) > 1 else ()


def _exact(number: AVRational) -> Fraction:
    return Fraction(number.num, number.den)


def main(looked_at: Callable[[Path | PartlyHerePath, Limits], Source] = look) -> None:
    limits = load(Limits, json.loads(sys.argv[1]))
    av.logging.set_level(av.logging.PANIC)
    answer: dict[str, Any]
    path, *records = map(Path, sys.argv[2:])
    try:
        answer = {"source": dump(looked_at(PartlyHerePath(path, records[0]) if records else path, limits))}
    except TranscodeError as error:
        answer = {"error": error.code.value, "detail": error.detail, "reason": error.reason}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
