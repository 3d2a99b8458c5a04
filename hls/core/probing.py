"""Looks into a file with FFmpeg's libraries: run by hls.core.probe as a program of its own, with limits.

    python -m hls.core.probing '{"max_pixels": …}' FILE

Prints one JSON object: {"source": {…}} or {"error": "no_video", "detail": "…"}.
"""

import json
import sys
from array import array
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.rational import AVRational
from av.stream import Discard, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from hls.core.copying import PacketLog, copyable
from hls.core.errors import Code, TranscodeError
from hls.core.fields import show_two_moments
from hls.core.opening import check_size, opened, picture_track, sound_track
from hls.core.probe import AudioTrack, Limits, Source, VideoTrack
from hls.core.rates import Rate, measure
from hls.core.timeline import output_rate
from hls.core.wire import dump, load

FRAMES_LOOKED_AT = 12
PACKETS_DECODED = 2000  # at most: an edit list may hide many
MAX_RATE = 1000
KEYFRAME_GAP_S = 4
CLOCK_SLACK_S = 2
AUDIO_JITTER_S = Fraction(3, 1000)
TRANSFERS = {1: "bt709", 4: "gamma22", 6: "smpte170m", 8: "linear", 16: "smpte2084", 18: "arib-std-b67"}
PRIMARIES = {1: "bt709", 5: "bt470bg", 6: "smpte170m", 9: "bt2020", 11: "smpte431", 12: "smpte432"}
MATRICES = {0: "gbr", 1: "bt709", 5: "bt470bg", 6: "smpte170m", 9: "bt2020nc", 10: "bt2020c"}
FULL_RANGE = 2
PLAUSIBLE_ASPECT = Fraction(8)

type AnyPacket = Packet[Any]


@dataclass
class Scan:
    """What the packets of the chosen tracks told."""

    log: PacketLog | None  # of a track that may be fit to be copied
    pts: array[int] = field(default_factory=lambda: array("q"))
    keyframes: array[int] = field(default_factory=lambda: array("q"))
    last_duration: int = 0
    latest_dts: int | None = None
    frames: list[VideoFrame] = field(default_factory=list)
    pictures_decoded: int = 0  # packets, whether or not a frame came of them
    audio_pts: array[int] = field(default_factory=lambda: array("q"))
    sounds: list[AudioFrame] = field(default_factory=list)
    sounds_decoded: int = 0


def look(path: Path, limits: Limits) -> Source:
    """Raises TranscodeError."""
    with opened(path) as container:
        if len(container.streams) > limits.max_tracks:
            raise TranscodeError(Code.UNSUPPORTED, f"{len(container.streams)} tracks")
        video, audio = picture_track(container), sound_track(container)
        check_size(video, limits)
        scan = _scan(container, video, audio, limits)
        track = _video_track(video, scan, limits)
        if scan.log:
            track = replace(track, copyable=copyable(track, scan.log, _time_base(video)))
        return Source(
            demuxer=container.format.name.split(",")[0],
            size_bytes=path.stat().st_size,
            duration_s=float(track.duration_s),
            video=track,
            audio=_audio_track(audio, scan) if audio else None,
        )


def _scan(container: InputContainer, video: VideoStream, audio: AudioStream | None, limits: Limits) -> Scan:
    scan = Scan(PacketLog(video.codec_context.extradata or b"") if video.codec_context.name == "h264" else None)
    wanted = [video, audio] if audio else [video]
    for stream in container.streams:
        stream.discard = Discard.default if stream in wanted else Discard.all
    video.codec_context.thread_count = 1
    try:
        for packet in container.demux(wanted):
            if packet.stream_index == video.index:
                _note_picture(scan, packet, video, limits)
            elif audio:
                _note_sound(scan, packet)
    except av.error.FFmpegError as error:  # what was read until here is the film
        if not scan.pts:
            raise TranscodeError(Code.UNREADABLE, str(error)) from error
    if not scan.frames:
        raise TranscodeError(Code.UNREADABLE, "no frame can be decoded")
    return scan


def _note_picture(scan: Scan, packet: AnyPacket, video: VideoStream, limits: Limits) -> None:
    if len(scan.frames) < FRAMES_LOOKED_AT and scan.pictures_decoded < PACKETS_DECODED:
        scan.pictures_decoded += 1
        scan.frames += [frame for frame in _decoded(packet) if isinstance(frame, VideoFrame)]
    _note_for_copying(scan, packet)
    timestamp = packet.pts if packet.pts is not None else packet.dts
    if timestamp is None or not packet.size:
        return
    _check_clock(scan, packet, _time_base(video))
    if packet.is_keyframe:
        scan.keyframes.append(timestamp)
    if packet.is_discard:  # hidden by an edit list
        return
    scan.pts.append(timestamp)
    scan.last_duration = packet.duration or scan.last_duration
    if (timestamp - scan.pts[0]) * _time_base(video) > limits.max_duration_s:
        raise TranscodeError(Code.TOO_LONG, f"more than {limits.max_duration_s} s")
    if len(scan.pts) > (limits.max_duration_s + 1) * MAX_RATE:
        raise TranscodeError(Code.UNSUPPORTED, "too many frames")


def _note_for_copying(scan: Scan, packet: AnyPacket) -> None:
    if scan.log is None or not scan.log.is_usable or (packet.pts is None and not packet.size):  # the last one is empty
        return
    if packet.pts is None or packet.is_discard or packet.is_corrupt:
        scan.log.forget()
    else:
        scan.log.note(packet.pts, packet.size, bytes(packet) if packet.is_keyframe else None)


def _check_clock(scan: Scan, packet: AnyPacket, time_base: Fraction) -> None:
    """Recordings put one after the other may each begin at zero: then a time says nothing about a place in the file."""
    if packet.dts is None:
        return
    if scan.latest_dts is not None and (scan.latest_dts - packet.dts) * time_base > CLOCK_SLACK_S:
        raise TranscodeError(Code.UNSUPPORTED, "its clock starts anew in the middle")
    scan.latest_dts = packet.dts if scan.latest_dts is None else max(scan.latest_dts, packet.dts)


def _note_sound(scan: Scan, packet: AnyPacket) -> None:
    if len(scan.sounds) < FRAMES_LOOKED_AT and scan.sounds_decoded < PACKETS_DECODED:
        scan.sounds_decoded += 1
        scan.sounds += [frame for frame in _decoded(packet) if isinstance(frame, AudioFrame)]
    if packet.pts is not None and packet.size and not packet.is_discard:
        scan.audio_pts.append(packet.pts)


def _decoded(packet: AnyPacket) -> list[object]:
    try:
        return list(packet.decode())
    except av.error.FFmpegError:  # damaged: the next one may be whole
        return []


def _video_track(video: VideoStream, scan: Scan, limits: Limits) -> VideoTrack:
    frame = scan.frames[0]
    time_base = _time_base(video)
    first = frame.pts if frame.pts is not None else min(scan.pts)
    shown = sorted({pts for pts in scan.pts if pts >= first}) or [first]
    measured = _measured(shown, time_base, video)
    width, height = _shown_size(video, frame)
    if width * height > limits.max_pixels:
        raise TranscodeError(Code.TOO_LARGE, f"shown at {width} x {height}")
    is_interlaced = sum(frame.interlaced_frame for frame in scan.frames) * 2 > len(scan.frames)
    return VideoTrack(
        index=video.index,
        codec=video.codec_context.name,
        width=width,
        height=height,
        rotation=int(frame.rotation) % 360,
        rate=measured.rate,
        frame_count=measured.frame_count,
        start_s=shown[0] * time_base,
        duration_s=_duration_s(shown, scan.last_duration, time_base, measured),
        is_variable_rate=measured.is_variable,
        is_interlaced=is_interlaced,
        is_full_range=frame.color_range == FULL_RANGE or frame.format.name.startswith("yuvj"),
        pixel_format=frame.format.name,
        transfer=TRANSFERS.get(int(frame.color_trc), "unknown"),
        primaries=PRIMARIES.get(int(frame.color_primaries), "unknown"),
        matrix=MATRICES.get(int(frame.colorspace), "unknown"),
        keyframes_s=_thinned(scan.keyframes, time_base),
        has_fields=is_interlaced and output_rate(measured.rate * 2) > measured.rate and show_two_moments(scan.frames),
        hidden_count=measured.hidden_count,
    )


def _measured(shown: list[int], time_base: Fraction, video: VideoStream) -> Rate:
    declared = [_exact(rate) for rate in (video.average_rate, video.base_rate, video.guessed_rate) if rate]
    rate = measure(shown, time_base, declared)
    if rate.rate > MAX_RATE:
        raise TranscodeError(Code.UNSUPPORTED, f"{float(rate.rate):.0f} frames per second")
    return rate


def _duration_s(shown: list[int], last_duration: int, time_base: Fraction, measured: Rate) -> Fraction:
    if not measured.is_variable:
        return measured.frame_count / measured.rate
    longest_last = 10 / measured.rate  # a variable-rate film's last frame may claim to last for ages
    told = (shown[-1] - shown[0]) * time_base + max(1 / measured.rate, min(last_duration * time_base, longest_last))
    return max(told, measured.frame_count / measured.rate)


def _shown_size(video: VideoStream, frame: VideoFrame) -> tuple[int, int]:
    """With square pixels, and turned. The height is kept: 720x576 at 64:45 is shown as 1024x576."""
    aspect = _exact(video.sample_aspect_ratio) if video.sample_aspect_ratio else Fraction(1)
    if not 1 / PLAUSIBLE_ASPECT <= aspect <= PLAUSIBLE_ASPECT:
        aspect = Fraction(1)
    width, height = max(1, round(frame.width * aspect)), frame.height
    return (height, width) if int(frame.rotation) % 180 == 90 else (width, height)


def _thinned(keyframes: array[int], time_base: Fraction) -> tuple[float, ...]:
    kept: list[float] = []
    for keyframe in sorted(keyframes):
        at_s = float(keyframe * time_base)
        if not kept or at_s - kept[-1] >= KEYFRAME_GAP_S:
            kept.append(round(at_s, 6))
    return tuple(kept)


def _audio_track(audio: AudioStream, scan: Scan) -> AudioTrack | None:
    if not scan.audio_pts or not scan.sounds:
        return None
    start_s = min(scan.audio_pts) * _time_base(audio)
    return AudioTrack(
        index=audio.index,
        codec=audio.codec_context.name,
        channels=scan.sounds[-1].layout.nb_channels,
        sample_rate=scan.sounds[-1].sample_rate,
        start_s=start_s,
        frame_samples=_regular_samples(scan, start_s, _time_base(audio)),
    )


def _regular_samples(scan: Scan, start_s: Fraction, time_base: Fraction) -> int:
    """The samples of each packet where all have as many, and every timestamp is where counting puts it; else 0."""
    whole = scan.sounds[1:] or scan.sounds  # the first one may have lost samples to an edit list
    samples, sample_rate = whole[0].samples, whole[0].sample_rate
    if any((frame.samples, frame.sample_rate) != (samples, sample_rate) for frame in whole):
        return 0
    step, slack = float(samples / sample_rate / time_base), float(AUDIO_JITTER_S / time_base)
    first = float(start_s / time_base)
    offsets = (pts - first for pts in scan.audio_pts)
    is_regular = all(abs(offset - round(offset / step) * step) <= slack for offset in offsets)
    return samples if is_regular and slack * 3 < step else 0


def _time_base(stream: Stream) -> Fraction:
    return _exact(stream.time_base)


def _exact(number: AVRational) -> Fraction:
    return Fraction(number.num, number.den)


def main() -> None:
    limits = load(Limits, json.loads(sys.argv[1]))
    av.logging.set_level(av.logging.PANIC)
    answer: dict[str, Any]
    try:
        answer = {"source": dump(look(Path(sys.argv[2]), limits))}
    except TranscodeError as error:
        answer = {"error": error.code.value, "detail": error.detail}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
