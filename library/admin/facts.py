"""What is known of a video's file and of what was made of it, in words."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hls.core.plan import Plan
from hls.core.probe import AudioTrack, VideoTrack
from hls.core.quality import RenditionQuality, Why
from hls.published import current
from hls.store.interface import StoreFailed
from hls.stores import uploads
from library.admin.progress import clock_text
from library.disk import size_text
from library.models import Video
from library.videos import file_name, kept_of

CHANNELS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}
CONTAINERS = {  # by the first of ffmpeg's names for the demuxer
    "mov": "MP4",
    "matroska": "Matroska",
    "avi": "AVI",
    "flv": "Flash Video",
    "asf": "Windows Media",
    "mpegts": "MPEG transport stream",
    "mpeg": "MPEG program stream",
    "ogg": "Ogg",
}
NAMED_BY_ENDING = {  # the demuxers that read several kinds of files
    ("mov", ".mov"): "QuickTime",
    ("mov", ".3gp"): "3GP",
    ("matroska", ".webm"): "WebM",
}
WHY = {
    Why.TARGET: "as good as viewers can see, in fewer bytes",
    Why.LIMIT: "easy pictures, in as few bytes as is allowed",
    Why.DARK: "dark pictures, in somewhat fewer bytes",
    Why.LADDER: "the usual CRF, because the pictures need it",
    Why.LEFT_OUT: "not at all, because the next smaller one looks the same when it is enlarged",
    Why.COPIED: "not at all, the file's own pictures",
    Why.UNMEASURED: "the usual CRF, because samples could not be measured (the log says why)",
}
TRANSFERS = {"smpte2084": "HDR (PQ)", "arib-std-b67": "HDR (HLG)"}


@dataclass(frozen=True)
class Fact:
    label: str
    value: str


@dataclass(frozen=True)
class FactGroup:
    """What belongs together: of one file and of what was made of it. The title is empty where there is only one."""

    title: str
    facts: list[Fact]


def facts_of(video: Video) -> list[Fact]:
    """All that is known, in one list."""
    return [fact for group in groups_of(video) for fact in group.facts]


def groups_of(video: Video) -> list[FactGroup]:
    """Of the video's file; while another file is served, of that one first."""
    stored_as = str(video.video_file.name)
    name, plan = file_name(video), video.transcode.plan
    added = [Fact("Added by", video.added_by.get_username())] if video.added_by else []
    kept = kept_of(video)
    if kept is None:
        return [FactGroup("", file_facts(name, stored_as, plan) + made_facts(video) + added)]
    return [
        FactGroup("Served now", file_facts(kept.name, kept.file, kept.plan) + made_facts(video) + added),
        FactGroup("Not served yet", file_facts(name, stored_as, plan)),
    ]


def file_facts(name: str, stored_as: str, plan: dict[str, Any] | None) -> list[Fact]:
    found = [Fact("File", name), Fact("Size", file_size(stored_as))]
    if not plan:
        return found
    read = Plan.from_json(plan)
    return found + source_facts(read, Path(name).suffix) + quality_facts(read)


def file_size(stored_as: str) -> str:
    try:
        size_bytes = uploads().size_bytes(stored_as)
    except StoreFailed as error:
        return f"not known now: {error.strerror}"
    return size_text(size_bytes) if size_bytes else "none: the file is not here"


def made_facts(video: Video) -> list[Fact]:
    version = current(video.transcode)
    if version is None:
        return []
    made = ", ".join(f"{entry.name} ({entry.width} x {entry.height})" for entry in version.renditions)
    return [Fact("Served", made), Fact("Size as served", size_text(version.size_bytes))]


def source_facts(plan: Plan, ending: str = "") -> list[Fact]:
    source = plan.source
    demuxer = source.demuxer.partition(",")[0]
    container = NAMED_BY_ENDING.get((demuxer, ending.lower())) or CONTAINERS.get(demuxer, demuxer)
    audio = audio_text(source.audio) if source.audio else "none"
    return [
        Fact("Length", clock_text(float(plan.timeline.duration_s))),
        Fact("Container", container),
        Fact("Picture", picture_text(source.video)),
        Fact("Sound", audio),
    ]


def quality_facts(plan: Plan) -> list[Fact]:
    """The video's own CRFs, what they promise, and why."""
    if plan.quality is None:
        return []
    return [Fact(f"Encoded as {entry.name}", quality_text(entry)) for entry in plan.quality.renditions]


def quality_text(quality: RenditionQuality) -> str:
    """CRF, the VMAF that samples promise, and why."""
    why = WHY[Why(quality.reason)]
    if quality.reason in (Why.COPIED, Why.LEFT_OUT):
        return why
    if quality.estimated_vmaf is None:
        return f"CRF {quality.crf:g}: {why}"
    return f"CRF {quality.crf:g}, VMAF about {quality.estimated_vmaf:g}: {why}"


def picture_text(video: VideoTrack) -> str:
    """Codec, size, rate, and what is special."""
    words = [video.codec.upper(), f"{video.width} x {video.height}", f"{float(video.rate):.5g} frames/s"]
    words += [TRANSFERS[video.transfer]] if video.transfer in TRANSFERS else []
    words += ["interlaced"] if video.is_interlaced else []
    words += ["variable rate"] if video.is_variable_rate else []
    words += [f"{video.hidden_count} pictures too close to be shown"] if video.hidden_count else []
    return ", ".join(words)


def audio_text(audio: AudioTrack) -> str:
    channels = CHANNELS.get(audio.channels, f"{audio.channels} channels")
    return f"{audio.codec.upper()}, {channels}, {audio.sample_rate / 1000:g} kHz"
