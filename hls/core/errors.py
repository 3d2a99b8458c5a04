"""What can go wrong with a video: stable codes, advice for people, and the exceptions that carry them."""

import errno
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """Stable names, which callers act on."""

    NO_VIDEO = "no_video"
    UNREADABLE = "unreadable"
    UNSUPPORTED = "unsupported"
    TOO_LONG = "too_long"
    TOO_LARGE = "too_large"
    DISK_FULL = "disk_full"
    SOURCE_MISSING = "source_missing"
    TIMEOUT = "timeout"
    ENCODER_FAILED = "encoder_failed"
    FETCH_FAILED = "fetch_failed"


class Reason(StrEnum):
    """A more exact reason, where the code's advice is too general for a person. Callers act on the code alone."""

    ENCRYPTED = "encrypted"
    DOLBY_VISION = "dolby_vision"
    ADDRESS_REFUSED = "address_refused"
    NOT_OFFERED = "not_offered"
    NOT_A_VIDEO = "not_a_video"
    FILE_TOO_LARGE = "file_too_large"


@dataclass(frozen=True)
class Advice:
    """What a person is told: what happened, and what to do about it."""

    sentence: str
    hint: str
    is_temporary: bool
    hint_in_vain: str = ""  # replaces `hint` once all retries are used up

    def hint_for(self, *, is_tried_again: bool) -> str:
        return self.hint if is_tried_again or not self.hint_in_vain else self.hint_in_vain


ADVICE = {
    Code.NO_VIDEO: Advice(
        "The file has no picture track that can be shown.",
        "Upload a file with a video track; sound alone can't be streamed here.",
        False,
    ),
    Code.UNREADABLE: Advice(
        "The file can't be read as a video.",
        "It may be cut off or damaged. Export it again, or upload it again from the original.",
        False,
    ),
    Code.UNSUPPORTED: Advice(
        "The video is in a format that can't be transcoded.",
        "Convert it to H.264 in an MP4 file and upload that.",
        False,
    ),
    Code.TOO_LONG: Advice("The video is too long.", "Cut it into parts, or raise HLS_MAX_DURATION_S.", False),
    Code.TOO_LARGE: Advice("The picture is too large.", "Scale it down to 4K or less, or raise HLS_MAX_PIXELS.", False),
    Code.DISK_FULL: Advice(
        "There is not enough free space on the disk.",
        "Free some space, for instance in the trash (`upkeep --empty-trash`); the video goes on by itself.",
        True,
    ),
    Code.SOURCE_MISSING: Advice("The uploaded file is gone.", "Replace the video's file by uploading it again.", False),
    Code.TIMEOUT: Advice(
        "The encoder made no progress for too long.",
        "It is tried again by itself; if it keeps failing, convert the file first.",
        True,
        "It was tried several times. Convert the file to H.264 in an MP4 file first, or try it again.",
    ),
    Code.ENCODER_FAILED: Advice(
        "The encoder stopped with an error.",
        "It is tried again by itself; the log has ffmpeg's own words.",
        True,
        "It was tried several times; the log has ffmpeg's own words. Convert the file first, or try it again.",
    ),
    Code.FETCH_FAILED: Advice(
        "The file could not be fetched from its address.",
        "It is tried again by itself, and goes on where it broke off if the other server can do that.",
        True,
        "It was tried several times; the log has the reason. See whether the address answers, and try it again.",
    ),
}

REASONS: Mapping[str, Advice] = {
    Reason.ENCRYPTED: Advice(
        "The video is copy-protected: it is encrypted and can't be read without its key.",
        "Upload a copy without protection, such as the original that the protected one was made from.",
        False,
    ),
    Reason.DOLBY_VISION: Advice(
        "The video is Dolby Vision without a picture that other players can show (profile 5).",
        "Export it as HDR10, HLG or SDR, or as Dolby Vision profile 8, and upload that.",
        False,
    ),
    Reason.ADDRESS_REFUSED: Advice(
        "The file was not fetched: its address, or one that it leads to, may not be asked.",
        "Use an https address of a public host; SOURCE_ALLOW_PRIVATE=True also allows http and private addresses.",
        False,
    ),
    Reason.NOT_OFFERED: Advice(
        "The other server does not give out the file.",
        "See whether the address opens in a browser that is signed in nowhere; signed addresses may have expired.",
        False,
    ),
    Reason.NOT_A_VIDEO: Advice(
        "What lies at the address is no video.",
        "Give the address of the file itself, not of a page or playlist that shows it.",
        False,
    ),
    Reason.FILE_TOO_LARGE: Advice(
        "The file at the address is too large.", "Make it smaller, or raise UPLOAD_MAX_MB.", False
    ),
}


def advice_for(code: str, reason: str = "") -> Advice:
    """The reason's own advice, or else the code's. A reason that this version doesn't know is ignored."""
    return REASONS.get(reason) or ADVICE[Code(code)]


class TranscodeError(Exception):
    """A video, or one of its chunks, can't be made. `detail` is for the log and never shown to a caller."""

    def __init__(self, code: Code, detail: str = "", *, reason: Reason | None = None) -> None:
        super().__init__(f"{code}: {detail}" if detail else str(code))
        self.code = code
        self.detail = detail
        self.reason = reason

    @property
    def advice(self) -> Advice:
        return advice_for(self.code, self.reason or "")


class EncoderKilled(TranscodeError):
    """An operator, or a machine that ran out of memory, killed ffmpeg. This says nothing about the video."""

    def __init__(self, detail: str = "") -> None:
        super().__init__(Code.ENCODER_FAILED, detail)


DISK_IS_FULL = (errno.ENOSPC, errno.EDQUOT)
NO_ROOM = (MemoryError, RuntimeError)  # RuntimeError: the system lets no thread start


def in_one_line(error: BaseException) -> str:
    """For the log: the error's kind and the first line of what it says."""
    said = first_line(error)
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def first_line(error: BaseException) -> str:
    """Of what an error says; databases put rows into the other lines."""
    return str(error).strip().partition("\n")[0]


class CannotCopy(Exception):
    """The source's own pictures can't be the top rendition after all: the video has to be encoded.

    `detail` is for the log.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class PartsMissing(Exception):
    """A chunk can't be made for sure with those parts of its source that are here: the whole is needed."""


class Stopped(Exception):
    """The work was stopped on purpose: the worker shuts down, or another worker has the chunk now."""
