"""Which pictures of a video are its samples (hls.core.sampling.samples).

A sample is one whole GOP at a chunk's beginning, which is where reading can begin. Samples are spread over the video,
away from its beginning and end.
"""

from collections.abc import Sequence

from hls.core.plan import Plan
from hls.core.quality import CHUNKS_BY_LADDER
from hls.core.timeline import ChunkSpan, Segment

LONG_S = 300  # in a shorter one, the samples would take more than a sixteenth of what encoding all of it takes
MORE_S = 600  # from here on there is time for one more
LEAST_SAMPLES = 2
NEAR = 3  # chunks
MOST_RUN_UP_S = 12  # of the source, before a sample: x264's key pictures are ten seconds apart; more costs too much
MOST_PICTURES = 40  # that are looked at where a rendition seems to bring nothing


def is_worth_sampling(plan: Plan, *, long_s: float = LONG_S) -> bool:
    """Whether the samples take a small part of the time for encoding the whole video, and there are enough of them."""
    return (
        plan.timeline.duration_s >= long_s
        and not plan.source.joins
        and len(sample_spans(plan)) >= LEAST_SAMPLES
        and any(not rendition.is_copied for rendition in plan.renditions)
    )


def sample_spans(plan: Plan) -> list[ChunkSpan]:
    """The pictures of each sample."""
    shown = _shown(plan)
    count = LEAST_SAMPLES + (plan.timeline.duration_s >= MORE_S)
    parts = [shown[len(shown) * place // count : len(shown) * (place + 1) // count] for place in range(count)]
    cheapest = [_cheapest(plan, part) for part in parts if part]
    return [_beginning(span, plan.timeline.gop) for span in cheapest if plan.run_up_s(span) <= MOST_RUN_UP_S]


def picture_spans(plan: Plan) -> list[ChunkSpan]:
    """Single pictures, many more than there are samples: a video may be sharper elsewhere than in those."""
    segments = (ChunkSpan(span.index, (segment,)) for span in _shown(plan) for segment in span.segments)
    near = [span for span in segments if plan.run_up_s(span) <= MOST_RUN_UP_S]
    count = min(MOST_PICTURES, len(near))
    return [_beginning(near[len(near) * place // count], 1) for place in range(count)]


def _shown(plan: Plan) -> list[ChunkSpan]:
    """The later chunks that show pictures of the source."""
    return [
        span
        for span in plan.timeline.chunks[CHUNKS_BY_LADDER:-1]
        if not (plan.is_before_pictures(span) or plan.is_after_pictures(span))
    ]


def _cheapest(plan: Plan, part: Sequence[ChunkSpan]) -> ChunkSpan:
    """Of a few chunks in the middle, the one before which the least has to be decoded."""
    middle = len(part) // 2
    nearest = sorted(
        part[max(0, middle - NEAR) : middle + NEAR + 1], key=lambda span: abs(span.index - part[middle].index)
    )
    return min(nearest, key=lambda span: round(plan.run_up_s(span)))


def _beginning(span: ChunkSpan, frame_count: int) -> ChunkSpan:
    first = span.segments[0]
    return ChunkSpan(span.index, (Segment(first.number, first.first_frame, min(frame_count, first.frame_count)),))
