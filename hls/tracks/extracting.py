"""A worker's step: take the texts out of a source, and make them its tracks' texts; see hls.tracks.embedded."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import structlog
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from hls import claims, events
from hls.binary import encoder
from hls.core.errors import Code, EncoderKilled, Stopped, TranscodeError
from hls.core.plan import Plan
from hls.core.subtitles.cues import TextRefused
from hls.core.subtitles.extraction import CAPTIONS, Text, TextExtraction, Texts, captions, extracted
from hls.errors import NotPossible
from hls.events import EngineEvent
from hls.failing import report_full_disk
from hls.folders import remove, texts_folder
from hls.models import Extraction
from hls.renewal import LeaseRenewal
from hls.sources.local import text_source
from hls.store.interface import StoreFailed
from hls.tracks.editing import locked, write_text
from hls.tracks.failures import TrackCode
from hls.tracks.models import ExtractionState, Track, TrackOrigin, TrackState

log = structlog.get_logger("videoflix.hls")

MOST_LOSSES = 5  # workers that may vanish meanwhile before the texts themselves count as the cause
PAUSE_S = 10

CODES: Mapping[Code, TrackCode] = {
    Code.TIMEOUT: TrackCode.TIMEOUT,
    Code.SOURCE_MISSING: TrackCode.SOURCE_MISSING,
}


def extract(extraction: Extraction, claim: claims.Claim) -> None:
    """Read the texts into a private folder, then write them into rows; whatever happens, no track waits for ever."""
    own = claims.owned_extraction(extraction, claim)
    folder = texts_folder(extraction.transcode_id, extraction.transcode.version, claim.token)
    try:
        plan = plan_of(extraction)
        lease = LeaseRenewal(own)
        numbers = numbers_of(waiting(extraction))
        tracks = None if CAPTIONS in numbers else numbers
        with report_full_disk(), text_source(extraction.source, plan, tracks, lease) as source:
            folder.mkdir(parents=True)
            texts = read(TextExtraction(plan, source, folder, encoder(), lease.watch()), numbers)
        accept(extraction, own, texts)
    except EncoderKilled as error:
        log.warning("texts lost", transcode_id=extraction.transcode_id, detail=error.detail)
        put_off(own, losses=1)
    except TranscodeError as error:
        log.warning("texts failed", transcode_id=extraction.transcode_id, code=error.code, detail=error.detail)
        if error.code == Code.DISK_FULL:
            put_off(own, losses=0)
        else:
            accept(extraction, own, {}, CODES.get(error.code, TrackCode.UNREADABLE))
    except StoreFailed as error:
        log.warning("texts put off", transcode_id=extraction.transcode_id, reason=error.strerror)
        put_off(own, losses=0)
    except Stopped:
        own.update(**claims.FREE)
    finally:
        remove(folder)


def plan_of(extraction: Extraction) -> Plan:
    """The plan of the file whose texts are wanted. Raises TranscodeError, and Stopped while the video has no plan."""
    transcode = extraction.transcode
    if extraction.losses > MOST_LOSSES:
        raise TranscodeError(Code.UNREADABLE, "workers keep dying while they take out the texts")
    if transcode.plan is None:
        raise Stopped
    if extraction.source != transcode.source:
        raise TranscodeError(Code.SOURCE_MISSING, "the video has another file by now")
    return Plan.from_json(transcode.plan)


def put_off(own: QuerySet[Extraction], *, losses: int) -> None:
    """Try again soon: what went wrong says nothing about the texts."""
    pause = timezone.now() + timedelta(seconds=PAUSE_S)
    own.update(**claims.FREE, losses=F("losses") + losses, not_before=pause)


def waiting(extraction: Extraction) -> QuerySet[Track]:
    """The tracks that have no text yet. What an editor has replaced or deleted meanwhile waits no more."""
    return Track.objects.filter(
        transcode=extraction.transcode_id,
        source=extraction.source,
        origin=TrackOrigin.EMBEDDED,
        state=TrackState.PROCESSING,
        deleted_at=None,
    )


def numbers_of(tracks: QuerySet[Track]) -> list[int]:
    """The tracks' numbers in the file."""
    return [CAPTIONS if index is None else index for index in tracks.values_list("source_index", flat=True)]


def read(job: TextExtraction, numbers: Sequence[int]) -> Texts:
    """The texts by the track's number in the file."""
    in_file = sorted(number for number in numbers if number != CAPTIONS)
    texts = extracted(job, in_file) if in_file else {}
    if CAPTIONS in numbers and (text := captions(job)) is not None:
        texts[CAPTIONS] = text
    return texts


def accept(
    extraction: Extraction, own: QuerySet[Extraction], texts: Texts, otherwise: TrackCode = TrackCode.UNREADABLE
) -> None:
    """Write the texts, and say of the others why they have none: all, or nothing where the claim is lost."""
    try:
        with transaction.atomic():
            locked(extraction.transcode_id)
            if not own.update(**claims.FREE, state=ExtractionState.DONE):
                return
            for track in waiting(extraction):
                number = CAPTIONS if track.source_index is None else track.source_index
                settle(track, texts.get(number), otherwise)
    except NotPossible:  # the video was deleted meanwhile
        return
    log.info("texts taken out", transcode_id=extraction.transcode_id, count=len(texts))


def settle(track: Track, text: Text | None, otherwise: TrackCode) -> None:
    """Give the track its text, or say why it has none; `otherwise` is said where there is nothing to go by."""
    if isinstance(text, TextRefused):
        fail(track, TrackCode.TOO_LONG)
    elif text:
        track.state = TrackState.READY
        track.save(update_fields=["state", "updated_at"])
        write_text(track, text)
        events.tell(EngineEvent.TRACK_READY, track.transcode_id, track.pk)
    elif text is None:
        fail(track, otherwise)
    elif track.source_index is None:  # many recordings have captions' packets without a word in them
        track.delete()
    else:
        fail(track, TrackCode.EMPTY)


def fail(track: Track, code: TrackCode) -> None:
    track.state = TrackState.FAILED
    track.error_code = code
    track.save(update_fields=["state", "error_code", "updated_at"])
    events.tell(EngineEvent.TRACK_FAILED, track.transcode_id, track.pk)
