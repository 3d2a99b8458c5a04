"""Encodes one chunk: a single ffmpeg decodes it once and makes all renditions and the storyboard's tiles."""

import errno
import logging
import os
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil
from pathlib import Path

from hls.core import names
from hls.core.chunk import ChunkFacts, Span
from hls.core.encoding import sounds
from hls.core.encoding.abilities import fitted
from hls.core.encoding.command import Encoder, chunk_command, decoding_command, sound_command
from hls.core.encoding.following import Growth, Progress
from hls.core.encoding.measure import measured
from hls.core.encoding.reading import Readable, cut_off, readable, undecoded
from hls.core.encoding.sounds import Sound
from hls.core.errors import CannotCopy, Code, EncoderKilled, PartsMissing, TranscodeError
from hls.core.plan import Plan
from hls.core.process import Bounds, ProcessResult, Watch, run
from hls.core.timeline import ChunkSpan

log = logging.getLogger(__name__)

__all__ = ["Encoder", "encode_chunk"]

DECODER_COMPLAINT = re.compile(r"^\[(h264|dec:h264|vist#\S*) @ .*", re.MULTILINE)  # players would complain, too
NUT_HEADER_BYTES = 4096  # at most: a file that isn't larger has no sound in it
SOUND_CHANGES = "Changing audio frame properties on the fly is not supported"
DAMAGE = re.compile(  # ffmpeg's messages since 5.1
    r"error submitting packet to decoder|error while decoding|corrupt decoded frame|concealing|corrupt input packet",
    re.IGNORECASE,
)
NO_FRAMES = ("Could not open encoder before EOF", "at least one of its streams received no packets")  # since ffmpeg 7
FILTERS_FAILED = re.compile(r"\[fc#\S* @ .*finished with error")  # this leaves the encoders without frames, too
# What ffmpeg says of sources without any fault
USUAL = re.compile(
    r"deprecated pixel format used|frame size not set|bytes left at end of AVCC header"
    r"|No accelerated colorspace conversion|Last message repeated"
)
TOO_LARGE = "File too large"  # a segment far beyond the ladder's caps


def encode_chunk(
    plan: Plan,
    index: int,
    *,
    source: Path,
    folder: Path,
    encoder: Encoder,
    on_progress: Callable[[int], None],
    should_stop: Callable[[], bool],
    is_whole: bool = True,
) -> ChunkFacts:
    """Make chunk `index` of `plan` in the empty, private `folder`, check it, and measure it.

    Writes `<rendition>/segment_NNN.ts` (numbered over the whole video) and `tiles/NNNNN.jpg`, synced to the disk, and
    where there are several sounds also `audio_N/segment_NNN.ts`.
    `on_progress` gets the number of frames done so far: at least every 2 seconds, and later once for each file that is
    checked or synced. Raises Stopped soon after `should_stop()` is true; CannotCopy if the video has to be planned
    anew without copying; PartsMissing unless the source `is_whole` and as soon as anything is odd;
    TranscodeError: ENCODER_FAILED, TIMEOUT, DISK_FULL, SOURCE_MISSING, UNREADABLE.
    """
    _check_source(plan, source)
    plan = fitted(plan, encoder.ffmpeg)
    progress = Progress(on_progress, plan.timeline.chunks[index].frame_count)
    watch = Watch(progress.on_line, progress.on_tick, should_stop)
    attempt = _Attempt(plan, index, source, folder, encoder, watch, is_whole=is_whole)
    try:
        renditions = [rendition.name for rendition in plan.made(plan.timeline.chunks[index])]
        for name in [*renditions, *(sound.name for sound in plan.sounds), names.TILES]:
            (folder / name).mkdir()
        lost = attempt.run()
        if not (progress.done or is_whole):
            raise PartsMissing
        if not progress.done and plan.is_copying:
            raise CannotCopy(f"no frame of chunk {index} can be decoded")
        if not progress.done and index > 0:  # probing has already decoded frames of the first chunk
            log.warning("no frame of chunk %d can be decoded, it is made black: %s", index, source)
            attempt.run_lost()
            lost = (attempt.whole,)
        if not progress.done:
            raise TranscodeError(Code.UNREADABLE, f"no frame of chunk {index} can be decoded")
        facts = replace(_measured(plan, index, folder, progress.on_tick), undecoded=lost)
        _sync(folder, progress.on_tick)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise TranscodeError(Code.DISK_FULL, str(error)) from error
        raise
    return facts


def _measured(plan: Plan, index: int, folder: Path, on_tick: Callable[[], None]) -> ChunkFacts:
    try:
        return measured(plan, index, folder, on_tick=on_tick)
    except TranscodeError as error:
        if plan.is_copying and error.code == Code.ENCODER_FAILED:
            raise CannotCopy(error.detail) from error
        raise


@dataclass(frozen=True)
class _Attempt:
    plan: Plan
    index: int
    source: Path
    folder: Path
    encoder: Encoder
    watch: Watch
    is_whole: bool = True  # of the source; its holes are zeros, over which decoders complain

    @property
    def whole(self) -> Span:
        span, timeline = self.plan.timeline.chunks[self.index], self.plan.timeline
        return Span(float(timeline.seconds(span.first_frame)), float(timeline.seconds(span.end_frame)))

    def run(self) -> tuple[Span, ...]:
        """Encode the chunk; gives the spans where the source's pictures couldn't be decoded."""
        span = self.plan.timeline.chunks[self.index]
        with readable(self.plan, span, self.source, self.folder, self.watch) as reading:
            ended = self._encoded_whatever_the_sounds(reading)
            damage = DAMAGE.search(ended.stderr)
            if self.plan.is_copying and (complaint := DECODER_COMPLAINT.search(ended.stderr) or damage):
                self._check_copied(complaint[0])
            lost = undecoded(reading, span, self.watch) if damage else ()
            return tuple(sorted((*lost, *cut_off(self.plan, span)), key=lambda part: part.begin_s))

    def _check_copied(self, complaint: str) -> None:
        """Decode the copied pictures by themselves. Raises CannotCopy if the complaint is about them.

        It may be about earlier ones: a seek in MPEG-TS leads to pictures whose references have not been read.
        """
        folder = self.folder / self.plan.renditions[-1].name
        segments = [folder / names.segment_name(s.number) for s in self.plan.timeline.chunks[self.index].segments]
        is_complete = all(path.exists() for path in segments)
        command = decoding_command(segments, self.encoder)
        if not is_complete or self._ended(command, watch=replace(self.watch, on_line=Growth().on_line)).stderr:
            raise CannotCopy(complaint)
        log.info("chunk %d is copied in spite of %s: %s", self.index, complaint, self.source)

    def run_lost(self) -> None:
        """Make black pictures, with the source's sounds, or with silence if those can't be decoded either."""
        span = self.plan.timeline.chunks[self.index]
        with readable(self.plan, span, self.source, self.folder, self.watch) as reading:
            try:
                self._encoded_whatever_the_sounds(reading, is_lost=True)
            except TranscodeError as error:
                if error.code != Code.ENCODER_FAILED:
                    raise
            if not self._is_complete(self.plan.made(span)[-1].name) or not self._has_sounds:
                self._encoded(reading, (Sound.SILENT,) * len(sounds.tracks(self.plan)), is_lost=True)

    def _encoded_whatever_the_sounds(self, reading: Readable, *, is_lost: bool = False) -> ProcessResult:
        """Encode the chunk; sounds that a filter graph can't follow, because their format changes, are made first.

        ffmpeg doesn't tell which of several sounds made it fail. So then each is made first by itself, or is silent.
        """
        span = self.plan.timeline.chunks[self.index]
        *earlier, last = dict.fromkeys((sounds.expected(self.plan, span), sounds.all_apart(self.plan, span)))
        for states in earlier:
            try:
                ended = self._encoded_after_sounds(reading, states, is_lost=is_lost)
                if self._has_sounds:
                    return ended
            except TranscodeError as error:
                if not self._may_be_by_sound(error):
                    raise
            log.info("the sound of chunk %d changes its format, or fails: %s", self.index, self.source)
        return self._encoded_after_sounds(reading, last, is_lost=is_lost)

    def _may_be_by_sound(self, error: TranscodeError) -> bool:
        """Whether it may help to make the sounds first: one whose packets are far apart can take too long, too."""
        is_one_of_several = bool(self.plan.sounds) and error.code in (Code.ENCODER_FAILED, Code.TIMEOUT)
        return SOUND_CHANGES in error.detail or (is_one_of_several and not isinstance(error, EncoderKilled))

    def _encoded_after_sounds(
        self, reading: Readable, states: tuple[Sound, ...], *, is_lost: bool = False
    ) -> ProcessResult:
        """Encode the chunk after those of its sounds that are made first."""
        files = [self.folder / sounds.apart_file(self.plan, number) for number in range(len(states))]
        try:
            made = tuple(
                self._made_first(reading, number, file) if state == Sound.APART else state
                for number, (state, file) in enumerate(zip(states, files, strict=True))
            )
            return self._encoded(reading, made, is_lost=is_lost)
        finally:
            for file in files:
                file.unlink(missing_ok=True)

    def _made_first(self, reading: Readable, number: int, file: Path) -> Sound:
        """Write a sound to a file; it is silent if nothing of it is heard. One of several may fail, too."""
        command = sound_command(reading.plan, self.index, source=reading.path, encoder=self.encoder, number=number)
        try:
            self._ended(command, watch=replace(self.watch, on_line=Growth().on_line))
        except TranscodeError as error:
            if not self.plan.sounds or error.code != Code.ENCODER_FAILED or isinstance(error, EncoderKilled):
                raise
            log.warning("sound %d of chunk %d is silent: %s: %s", number, self.index, self.source, error)
            return Sound.SILENT
        return Sound.APART if file.exists() and file.stat().st_size > NUT_HEADER_BYTES else Sound.SILENT

    def _encoded(self, reading: Readable, states: tuple[Sound, ...], *, is_lost: bool = False) -> ProcessResult:
        for path in [path for sound in self.plan.sounds for path in (self.folder / sound.name).iterdir()]:
            path.unlink()  # of an attempt that failed
        command = chunk_command(
            reading.plan,
            self.index,
            source=reading.path,
            encoder=self.encoder,
            has_zscale=has_zscale(self.encoder.ffmpeg),
            is_lost=is_lost,
            states=states,
        )
        return self._ended(command, watch=self.watch)

    @property
    def _has_sounds(self) -> bool:
        """Whether each of several sounds is there up to the chunk's end."""
        return all(self._is_complete(sound.name) for sound in self.plan.sounds)

    def _is_complete(self, name: str) -> bool:
        last = self.plan.timeline.chunks[self.index].segments[-1]
        return (self.folder / name / names.segment_name(last.number)).exists()

    def _ended(self, command: list[str], *, watch: Watch) -> ProcessResult:
        bounds = self._bounds(self.plan.timeline.chunks[self.index])
        ended = run(command, bounds=bounds, watch=watch, folder=self.folder)
        if not self.is_whole and not ended.has_no_space and (ended.returncode or is_odd(ended.stderr)):
            raise PartsMissing
        _check_end(ended, self.source)
        return ended

    def _bounds(self, span: ChunkSpan) -> Bounds:
        """Limits that allow for decoding before and after the chunk, in which no frame is done."""
        encoder, run_up_s = self.encoder, self.plan.run_up_s(span) + sounds.read_on_s(self.plan, span)
        cpu_s = encoder.cpu_s_per_frame * span.frame_count + encoder.cpu_s_per_run_up_s * run_up_s
        return Bounds(
            stall_s=encoder.stall_s + run_up_s,
            cpu_s=ceil(encoder.cpu_s_at_least + cpu_s),
            memory_bytes=encoder.memory_bytes,
            file_bytes=encoder.file_bytes,
            nice=encoder.nice,
        )


@lru_cache
def has_zscale(ffmpeg: Path) -> bool:
    """Whether this ffmpeg can tone-map HDR, and scale fast."""
    command = [str(ffmpeg), "-hide_banner", "-loglevel", "error", "-h", "filter=zscale"]
    return "zscale AVOptions" in run(command, bounds=Bounds(timeout_s=30)).stdout


def _check_source(plan: Plan, source: Path) -> None:
    try:
        size_bytes = source.stat().st_size
    except FileNotFoundError as error:
        raise TranscodeError(Code.SOURCE_MISSING, str(source)) from error
    if size_bytes != plan.source.size_bytes:
        raise TranscodeError(Code.SOURCE_MISSING, f"{source} isn't the file that was probed")


def is_odd(stderr: str) -> bool:
    return any(line and not USUAL.search(line) for line in stderr.splitlines())


def _check_end(ended: ProcessResult, source: Path) -> None:
    is_empty = any(words in ended.stderr for words in NO_FRAMES) and not FILTERS_FAILED.search(ended.stderr)
    if ended.returncode == 0 or is_empty:
        return
    if ended.has_no_space or TOO_LARGE in ended.stderr:
        raise TranscodeError(Code.DISK_FULL, ended.stderr[-500:])
    if not source.exists():
        raise TranscodeError(Code.SOURCE_MISSING, str(source))
    if -ended.returncode == signal.SIGXCPU:
        raise TranscodeError(Code.TIMEOUT, "ffmpeg took more CPU time than any video needs")
    if ended.killer:
        raise EncoderKilled(f"ffmpeg was ended by {ended.killer}")
    raise TranscodeError(Code.ENCODER_FAILED, f"ffmpeg ended with {ended.returncode}: {ended.stderr[-2000:]}")


def _sync(folder: Path, on_tick: Callable[[], None]) -> None:
    """Write files and folders through to the disk before anybody is told that they exist; `on_tick` follows each."""
    for path in [*folder.rglob("*"), folder]:
        on_tick()
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
