"""What a certain ffmpeg can do, found out by asking it, and a plan that asks no more of it."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from hls.core.plan import Plan
from hls.core.process import Bounds, run


def fitted(plan: Plan, ffmpeg: Path) -> Plan:
    """The plan without what this ffmpeg can't do: before 7.1 it filters no packets, nor does it need that then."""
    video = plan.source.video
    if not video.packet_filter or filters_packets(ffmpeg):
        return plan
    return replace(plan, source=replace(plan.source, video=replace(video, packet_filter="")))


@lru_cache
def filters_packets(ffmpeg: Path) -> bool:
    """Whether this ffmpeg takes bitstream filters for what it decodes."""
    nothing = ("-f", "lavfi", "-bsf:v", "null", "-i", "color=s=16x16", "-frames:v", "1", "-f", "null", "-")
    command = [str(ffmpeg), "-hide_banner", "-nostdin", "-loglevel", "error", *nothing]
    return run(command, bounds=Bounds(timeout_s=30)).returncode == 0
