"""Transcodes, chunks and workers in every state a test may need."""

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from typing import Any

import factory
from django.utils import timezone

from hls.core.plan import Plan, make_plan
from hls.core.probe import AudioTrack, Source, VideoTrack
from hls.models import Chunk, ChunkState, State, Transcode, Worker
from hls.published import PublishedRendition, PublishedVersion
from hls.renewal import LeaseRenewal


def source(*, seconds: int = 90, width: int = 1920, height: int = 1080, rate: int = 25) -> Source:
    video = VideoTrack(
        index=0,
        codec="h264",
        width=width,
        height=height,
        rotation=0,
        rate=Fraction(rate),
        frame_count=seconds * rate,
        start_s=Fraction(0),
        duration_s=Fraction(seconds),
        is_variable_rate=False,
        is_interlaced=False,
        is_full_range=False,
        pixel_format="yuv420p",
        transfer="bt709",
        primaries="bt709",
        matrix="bt709",
    )
    return Source("mov,mp4,m4a,3gp,3g2,mj2", 1_000_000, float(seconds), video, AudioTrack(1, "aac", 2, 48_000))


def evenly_planned(probed: Source) -> Plan:
    """The plan as it was made before the first segments were shorter: databases still have such plans."""
    made = make_plan(probed)
    even = replace(
        made.timeline, first_segment_frames=0, segments_first_chunk=2, segments_next_chunks=(), chunks_at_end=0
    )
    return replace(made, timeline=even)


def plan(**facts: int) -> Plan:
    return evenly_planned(source(**facts))


SOUNDS = (
    AudioTrack(1, "ac3", 6, 48_000, language="deu", title="Kino"),
    AudioTrack(2, "aac", 2, 48_000, language="eng", is_default=True),
    AudioTrack(3, "aac", 2, 48_000, language="eng", title='The "director" talks', is_commentary=True),
    AudioTrack(4, "aac", 2, 48_000, language="eng", is_described=True),
)


def plan_of_several_sounds(**facts: int) -> Plan:
    return evenly_planned(replace(source(**facts), audio=SOUNDS[1], sounds=SOUNDS))


def served(version: int = 1) -> dict[str, Any]:
    renditions = (PublishedRendition("480p", 854, 480), PublishedRendition("720p", 1280, 720))
    return PublishedVersion(0, version, 12.0, 3_000_000, 2, renditions, 1, True).as_json()


class Unclaimed(LeaseRenewal):
    """A renewal for steps that are tried alone: its claim is never lost."""

    def __init__(self) -> None:
        super().__init__(Transcode.objects.none())

    def renew(self) -> bool:
        return True


class WorkerFactory(factory.django.DjangoModelFactory[Worker]):
    class Meta:
        model = Worker

    host = "studio:boot:1"
    hostname = "studio"
    pid = factory.Sequence(lambda number: 4_000_000 + number)
    pid_started = "12345"
    slots = 1
    started_at = factory.LazyFunction(timezone.now)
    last_seen = factory.LazyFunction(timezone.now)


class TranscodeFactory(factory.django.DjangoModelFactory[Transcode]):
    class Meta:
        model = Transcode
        skip_postgeneration_save = True

    source = factory.Sequence(lambda number: f"videos/{number}.mp4")
    queued_at = factory.LazyFunction(timezone.now)

    class Params:
        processing = factory.Trait(
            state=State.PROCESSING, plan=factory.LazyFunction(lambda: plan().to_json()), started_at=timezone.now()
        )
        failed = factory.Trait(state=State.FAILED, error_code="no_video", finished_at=timezone.now())
        ready = factory.Trait(
            state=State.READY,
            plan=factory.LazyFunction(lambda: plan(seconds=12).to_json()),
            percent=100,
            served=factory.LazyFunction(served),
            served_version=1,
            served_at=factory.LazyFunction(timezone.now),
            playable_at=factory.LazyFunction(timezone.now),
        )

    @factory.post_generation  # type: ignore[untyped-decorator]  # factory_boy has no types
    def chunks(self: Any, create: bool, count: int | None, **values: Any) -> None:
        """`TranscodeFactory(processing=True, chunks=3)`: so many waiting chunks."""
        for index in range(count or 0):
            ChunkFactory.create(transcode=self, index=index, **values)


class ChunkFactory(factory.django.DjangoModelFactory[Chunk]):
    class Meta:
        model = Chunk

    transcode = factory.SubFactory(TranscodeFactory, processing=True)
    index = factory.Sequence(lambda number: number)
    frame_count = 750

    class Params:
        running = factory.Trait(
            state=ChunkState.RUNNING,
            lease_token=factory.Sequence(lambda number: f"{number:032x}"),
            lease_until=factory.LazyFunction(lambda: timezone.now() + timedelta(minutes=1)),
            started_at=factory.LazyFunction(timezone.now),
        )
        lapsed = factory.Trait(
            running=True, lease_until=factory.LazyFunction(lambda: timezone.now() - timedelta(seconds=1))
        )
        done = factory.Trait(
            state=ChunkState.DONE,
            frames_done=750,
            finished_at=factory.LazyFunction(timezone.now),
            started_at=timezone.now(),
        )
