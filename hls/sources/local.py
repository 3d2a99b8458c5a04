"""What the engine does with a source, wherever that lies: probe it, encode chunks and samples of it, take texts out.

Where the store of uploads is on this machine's disk, the file itself is used. Otherwise a copy in this machine's cache
(hls.sources.cache), of which only those parts are fetched that are needed, where that is certain:

* An MP4 file is probed through a reader that fetches what it reads. Any other container is fetched whole.
* A chunk of it is encoded from the parts that its index names (hls.core.encoding.chunk_parts). As soon as ffmpeg
  complains about anything, or fails, the whole file is fetched, and the chunk is made once more.
* Its texts are read where the index says that they are, unless they are captions inside of the pictures.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import structlog

from hls import claims
from hls.binary import encoder, limits
from hls.core.chunk import ChunkFacts
from hls.core.encoding.chunk_parts import chunk_parts, span_parts, text_parts
from hls.core.encoding.encode import encode_chunk
from hls.core.errors import CannotCopy, Code, EncoderKilled, PartsMissing, TranscodeError
from hls.core.plan import Plan
from hls.core.probe import Source, probe
from hls.core.quality import Quality
from hls.core.sampling import samples
from hls.core.timeline import ChunkSpan
from hls.folders import source_path
from hls.renewal import ChunkRenewal, LeaseRenewal
from hls.sources.fetching import CachedSource, cached

log = structlog.get_logger("videoflix.hls")

BEGINNING_BYTES = 16
INDEXED = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide")  # what an MP4 file's first box may be
OF_THE_SOURCE = (Code.ENCODER_FAILED, Code.TIMEOUT, Code.UNREADABLE)  # failures that missing parts may have caused


@contextmanager
def text_source(name: str, plan: Plan, tracks: Sequence[int] | None, lease: LeaseRenewal) -> Iterator[Path]:
    """The file for reading these tracks and no others; None: all of it. Raises TranscodeError, StoreFailed, Stopped."""
    with cached(name, lease.go_on) as source:
        if source is None:
            yield source_path(name)
            return
        parts = None
        if tracks and not source.is_whole:
            parts = text_parts(plan, tracks, source.path, source.partly, lease.watch())
        if parts is None:
            source.bring_all()
        else:
            source.bring(parts)
        yield source.path


def probed(name: str, lease: LeaseRenewal, *, is_opening_enough: bool = False) -> Source:
    """What is in the file. Raises as hls.core.probe does, and StoreFailed."""
    looked_at = partial(probe, limits=limits(), watch=lease.watch(), is_opening_enough=is_opening_enough)
    with cached(name, lease.go_on) as source:
        if source is None:
            return looked_at(source_path(name))
        if not source.is_whole and is_indexed(source):
            return looked_at(source.path, partly=source.partly)
        source.bring_all()
        return looked_at(source.path)


def is_indexed(source: CachedSource) -> bool:
    source.bring_on_the_way([(0, BEGINNING_BYTES)])
    with source.path.open("rb") as file:
        return file.read(BEGINNING_BYTES)[4:8] in INDEXED


def encoded(name: str, plan: Plan, index: int, *, folder: Path, lease: ChunkRenewal) -> ChunkFacts:
    """Make a chunk in the empty, private `folder`. Raises as `encode_chunk` does, and StoreFailed."""
    with cached(name, lease.go_on) as source:
        if source is None:
            return made(source_path(name), plan, index, folder, lease)
        if not source.is_whole and (facts := of_parts(source, plan, index, folder, lease)):
            return facts
        source.bring_all()
        return made(source.path, plan, index, folder, lease)


def of_parts(source: CachedSource, plan: Plan, index: int, folder: Path, lease: ChunkRenewal) -> ChunkFacts | None:
    """Make a chunk of those parts of the source that it needs; None where the whole is needed."""
    parts = chunk_parts(plan, index, source.path, source.partly, lease.watch())
    if parts is None:
        return None
    source.bring(parts)
    try:
        return made(source.path, plan, index, folder, lease, is_whole=False)
    except EncoderKilled:
        raise
    except (PartsMissing, CannotCopy) as error:
        reason = type(error).__name__
    except TranscodeError as error:
        if error.code not in OF_THE_SOURCE:
            raise
        reason = error.detail
    log.info("source needed whole", source=source.entry.folder.name, chunk=index, reason=reason)
    shutil.rmtree(folder)
    folder.mkdir()
    return None


def sampled(name: str, plan: Plan, *, folder: Path, lease: LeaseRenewal) -> Quality:
    """The video's own CRFs, by samples that are made in the private `folder`.

    Only what the samples need is fetched. Raises as `sampled` does, and StoreFailed.
    """
    work = partial(samples.sampled, plan, folder=folder, encoder=encoder(), watch=lease.watch())
    with cached(name, lease.go_on) as source:
        if source is None:
            return work(source=source_path(name))
        return work(source=source.path, is_whole=source.is_whole, bring=partial(bring, source, plan, lease))


def bring(source: CachedSource, plan: Plan, lease: LeaseRenewal, spans: Sequence[ChunkSpan]) -> None:
    """Fetch what samples need."""
    for span in [] if source.is_whole else spans:
        parts = span_parts(plan, span, source.path, source.partly, lease.watch())
        if parts is None:
            raise TranscodeError(Code.ENCODER_FAILED, "samples would need the whole source")
        source.bring(parts)


def made(path: Path, plan: Plan, index: int, folder: Path, lease: ChunkRenewal, *, is_whole: bool = True) -> ChunkFacts:
    return encode_chunk(
        plan,
        index,
        source=path,
        folder=folder,
        encoder=encoder(is_waited_for=index < claims.EARLY_CHUNKS),
        on_progress=lease.tell,
        should_stop=lease.is_over,
        is_whole=is_whole,
    )
