"""The last step of a transcode: playlists, storyboard and poster, and the switch to the new version.

1. Write everything that is missing beside the segments into the claim's private folder.
2. In one transaction, make the new version the served one, where the claim still holds, and put the files in. The
   version served so far is retired: it is kept for those who are watching it.
3. Remove the tiles and private folders, which nobody needs any more.
"""

import gzip
import os
from datetime import timedelta
from pathlib import Path

from django.db.models import Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from hls import claims, events, pictures
from hls.binary import encoder
from hls.core import multivariant, names, playlists, storyboard
from hls.core.chunk import ChunkFacts, joined, joined_sounds, merged
from hls.core.plan import Plan
from hls.events import EngineEvent
from hls.folders import TILES, WORK
from hls.models import Chunk, State, Transcode
from hls.published import LeftOut, PublishedRendition, PublishedVersion
from hls.removal import erase
from hls.renewal import LeaseRenewal
from hls.store.folder import tree_bytes
from hls.stores import private_place, version_place
from hls.versions import pinned, with_version

RETIRED_FOR = timedelta(minutes=30)  # in addition to the old version's own length


def write_files(transcode: Transcode, folder: Path, lease: LeaseRenewal) -> PublishedVersion:
    """Write all files but the segments into a private folder. Raises Stopped where the claim is lost."""
    plan = Plan.from_json(transcode.plan or {})
    version = version_place(transcode.pk, transcode.version)
    chunks = [
        ChunkFacts.from_json(chunk.facts or {}) for chunk in Chunk.objects.filter(transcode=transcode).order_by("index")
    ]
    folder.mkdir(parents=True)
    sheets = pictures.write_storyboard(plan, version.below(TILES), folder, lease)
    has_poster = pictures.write_poster(plan, version, folder / names.POSTER, encoder(), lease)
    write_text(folder / names.STORYBOARD, with_version(storyboard.vtt(plan), transcode.version))
    write_playlists(plan, transcode.version, chunks, folder)
    segments = [facts for chunk in chunks for made in (*chunk.renditions, *chunk.sounds) for facts in made.segments]
    return PublishedVersion(
        transcode_id=transcode.pk,
        version=transcode.version,
        duration_s=round(float(plan.timeline.duration_s), 3),
        size_bytes=tree_bytes(folder) + sum(facts.size_bytes for facts in segments),
        segment_count=len(plan.timeline.segments),
        renditions=tuple(PublishedRendition(entry.name, entry.width, entry.height) for entry in plan.kept),
        storyboard_sheets=sheets,
        has_poster=has_poster,
        undecoded=tuple(merged((span.begin_s, span.end_s) for chunk in chunks for span in chunk.undecoded)),
        sounds=len(plan.sounds),
        source=transcode.source,
        left_out=left_out(plan),
    )


def left_out(plan: Plan) -> tuple[LeftOut, ...]:
    return tuple(
        LeftOut(entry.name, sum(len(span.segments) for span in plan.timeline.chunks if entry in plan.made(span)), plays)
        for entry in plan.renditions
        if (plays := plan.playing(entry).name) != entry.name
    )


def write_playlists(plan: Plan, version: int, chunks: list[ChunkFacts], folder: Path) -> None:
    """Those of a rendition that was left out, too: whoever watches it already must meet no other addresses in them."""
    renditions, sounds = joined(chunks), joined_sounds(chunks)
    write_text(folder / names.MASTER, pinned(multivariant.master(plan, renditions, sounds), version))
    for rendition in renditions:
        media = playlists.media(plan, rendition.name, rendition.segments, is_finished=True)
        iframes = playlists.iframes(plan, rendition.name, rendition.segments, is_finished=True)
        write_text(folder / rendition.name / (names.PICTURES if sounds else names.INDEX), with_version(media, version))
        write_text(folder / rendition.name / names.IFRAMES, with_version(iframes, version))
        if sounds:
            with_sounds = multivariant.of_resolution(plan, rendition, sounds)
            write_text(folder / rendition.name / names.INDEX, pinned(with_sounds, version))
    for sound in sounds:
        media = playlists.media(plan, sound.name, sound.segments, is_finished=True)
        write_text(folder / sound.name / names.INDEX, with_version(media, version))


def write_text(path: Path, text: str) -> None:
    """Write the file and its gzip, so that no request has to compress it."""
    data = text.encode()
    path.parent.mkdir(exist_ok=True)
    write_bytes(path, data)
    write_bytes(path.with_name(f"{path.name}.gz"), gzip.compress(data, mtime=0))


def write_bytes(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def publish(transcode: Transcode, claim: claims.Claim, served: PublishedVersion, folder: Path) -> bool:
    """Put the files in and make the new version the served one: both, or neither. Raises StoreFailed, Stopped.

    False where the claim is lost: the transcode was taken over, replaced, cancelled or deleted meanwhile.
    """
    now = timezone.now()
    version = version_place(transcode.pk, transcode.version)
    lease = LeaseRenewal(claims.owned_transcode(transcode, claim))
    staged = private_place(version, folder).stage(folder, go_on=lease.go_on)
    with claims.putting_in():
        old = transcode.served
        won = (
            claims.owned_transcode(transcode, claim)
            .filter(state=State.PROCESSING)
            .update(
                **claims.FREE,
                state=State.READY,
                percent=100,
                finished_at=now,
                served_at=now,
                playable_at=Coalesce("playable_at", Value(now)),
                served=served.as_json(),
                served_version=served.version,
                served_bytes=served.size_bytes + (old["size_bytes"] if old else 0),
                retired=old,
                retired_version=transcode.served_version,
                retired_until=now + timedelta(seconds=old["duration_s"]) + RETIRED_FOR if old else None,
            )
        )
        if not won:
            return False
        version.put_in(staged, still_ours=claims.still_ours(Transcode.objects.filter(pk=transcode.pk, served_at=now)))
        events.tell(EngineEvent.READY, transcode.pk)
    erase(version.below(TILES))
    erase(version.below(WORK))
    return True
