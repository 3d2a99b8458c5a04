"""The tracks that come with a file: their rows when it is planned, and their texts once its first chunk is done.

1. With the plan, each sound (where there are several), each text and the chapters get a row. Rows that the file has
   already, as after a retry, stay as editors have left them.
2. Sounds and chapters are ready at once. Texts are `processing` until an Extraction is done: a row that one worker at a
   time works on (hls.claims), from the first chunk on and never before it.
3. One transaction writes all texts, where the claim still holds. A text that can't be read fails alone.
"""

from collections.abc import Sequence

from hls.core.multivariant import sound_label
from hls.core.plan import Plan
from hls.core.probe import TextTrack
from hls.core.subtitles.chapters import Chapter, cues_of
from hls.core.subtitles.languages import label_of, language_of
from hls.models import Extraction, Transcode
from hls.tracks.editing import write_text
from hls.tracks.models import Track, TrackKind, TrackOrigin, TrackState

CHAPTERS = "Chapters"
CLOSED_CAPTIONS = "Closed captions"


def write_rows(transcode: Transcode, plan: Plan) -> None:
    """Step 1, within the transaction that writes the plan."""
    of_file = Track.objects.filter(transcode=transcode, source=transcode.source)
    known = set(of_file.values_list("kind", "source_index"))
    for row in keeping_one_default([*sound_rows(plan), *text_rows(plan)]):
        if (row.kind, row.source_index) not in known:
            row.transcode, row.source, row.origin = transcode, transcode.source, TrackOrigin.EMBEDDED
            row.save()
    if plan.source.chapters and (TrackKind.CHAPTERS, None) not in known:
        write_chapters(transcode, plan)
    waiting = of_file.filter(origin=TrackOrigin.EMBEDDED, deleted_at=None)
    if waiting.exclude(state=TrackState.READY).exists():
        waiting.filter(state=TrackState.FAILED).update(state=TrackState.PROCESSING, error_code="")
        Extraction.begin(transcode)


def sound_rows(plan: Plan) -> list[Track]:
    return [
        Track(
            kind=TrackKind.AUDIO,
            language=language_of(sound.track),
            label=sound_label(sound.track, number + 1),
            is_default=sound.track == plan.source.audio,
            is_described=sound.track.is_described,
            is_commentary=sound.track.is_commentary,
            source_index=sound.track.index,
            sound=number,
            state=TrackState.READY,
        )
        for number, sound in enumerate(plan.sounds)
    ]


def text_rows(plan: Plan) -> list[Track]:
    rows = [
        Track(
            kind=TrackKind.CAPTIONS if text.is_captions else TrackKind.SUBTITLES,
            language=language_of(text),
            label=text_label(text),
            is_default=text.is_default,
            is_forced=text.is_forced,
            source_index=text.index,
            state=TrackState.PROCESSING,
        )
        for text in plan.source.texts
    ]
    if plan.source.has_captions:
        rows.append(Track(kind=TrackKind.CAPTIONS, label=CLOSED_CAPTIONS, state=TrackState.PROCESSING))
    return rows


def keeping_one_default(rows: Sequence[Track]) -> list[Track]:
    """Files mark several tracks as the default; the first of each group stays it."""
    seen: set[bool] = set()
    for row in rows:
        is_sound = row.kind == TrackKind.AUDIO
        row.is_default = row.is_default and is_sound not in seen
        seen |= {is_sound} if row.is_default else set()
    return list(rows)


def write_chapters(transcode: Transcode, plan: Plan) -> None:
    zero_s = float(plan.zero_s)
    found = [Chapter(one.start_s - zero_s, one.end_s - zero_s, one.title) for one in plan.source.chapters]
    cues = cues_of(found, float(plan.timeline.duration_s))
    if cues:
        track = Track.objects.create(
            transcode=transcode,
            kind=TrackKind.CHAPTERS,
            label=CHAPTERS,
            origin=TrackOrigin.EMBEDDED,
            source=transcode.source,
        )
        write_text(track, cues)


def text_label(track: TextTrack) -> str:
    kind = TrackKind.CAPTIONS if track.is_captions else TrackKind.SUBTITLES
    return track.title or label_of(language_of(track), kind, is_forced=track.is_forced)
