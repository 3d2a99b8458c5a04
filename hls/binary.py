"""The engine's settings as the core's values: ffmpeg's path, its threads and niceness, and a source's limits."""

import shutil
from functools import cache
from pathlib import Path

import imageio_ffmpeg
from django.conf import settings

from hls.core.encoding.encode import Encoder
from hls.core.errors import Code, TranscodeError
from hls.core.giving_way import give_way
from hls.core.probe import Limits


@cache
def ffmpeg_path() -> Path:
    """The ffmpeg in FFMPEG, else the one in the imageio-ffmpeg wheel. Raises TranscodeError where there is none."""
    if settings.FFMPEG:
        found = shutil.which(settings.FFMPEG)
        if found is None:
            raise TranscodeError(Code.ENCODER_FAILED, f"no ffmpeg at {settings.FFMPEG}")
        return Path(found)
    try:
        return Path(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise TranscodeError(Code.ENCODER_FAILED, str(error)) from error


def encoder(*, is_waited_for: bool = False) -> Encoder:
    """The encoder; half as nice for what somebody may wait for, so that other chunks leave it most of a processor."""
    nice = nice_if_waited_for() if is_waited_for else settings.HLS_NICE
    return Encoder(ffmpeg=ffmpeg_path(), threads=settings.HLS_THREADS, nice=nice)


def let_encoders_give_way() -> None:
    """Let those of this worker that nobody waits for leave most of the processors to the next one."""
    give_way(nicer_than=nice_if_waited_for())


def nice_if_waited_for() -> int:
    return settings.HLS_NICE // 2


def limits() -> Limits:
    return Limits(max_duration_s=settings.HLS_MAX_DURATION_S, max_pixels=settings.HLS_MAX_PIXELS)
