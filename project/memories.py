"""What a process remembers between two requests or two tasks: everything of that kind, in one table.

Whatever is kept in a variable of a module, or by a decorator that keeps results, stands in MEMORIES, or in CONSTANTS
where it never becomes wrong. `project/tests/test_memories.py` finds what is missing here, and compares the table with
`docs/architecture.md`. The owners are named, not imported: the table can be read without Django.
"""

import sys
from dataclasses import dataclass
from operator import attrgetter


@dataclass(frozen=True)
class ProcessMemory:
    """One thing that a process remembers.

    `forgotten_by` is the call that empties it, as "module:variable.method".
    """

    forgotten_by: str
    remembers: str
    lifetime: str
    bound: str
    invalidated_by: str

    @property
    def owner(self) -> str:
        """The module that keeps it."""
        return self.forgotten_by.partition(":")[0]

    @property
    def name(self) -> str:
        """Where it stands, as "module:variable"."""
        return self.forgotten_by.rpartition(".")[0]

    def forget(self) -> None:
        """A module that was not imported remembers nothing."""
        if module := sys.modules.get(self.owner):
            attrgetter(self.forgotten_by.partition(":")[2])(module)()


@dataclass(frozen=True)
class ConstantMemory:
    """What stays right as long as the program runs, so that it is never forgotten: most are results of functions."""

    name: str  # "module:function" or "module:variable"
    remembers: str
    bound: str


MEMORIES = (
    ProcessMemory(
        "accounts.tokens:_verified.cache_clear",
        remembers="what an access or refresh token says whose signature was checked",
        lifetime="until there are too many; the expiry and the session are checked with each request",
        bound="10,000 tokens",
        invalidated_by="nothing: what is signed doesn't change",
    ),
    ProcessMemory(
        "accounts.playback:_signed.cache_clear",
        remembers="playback cookies that were signed",
        lifetime="until there are too many; each is handed out for an hour of the clock",
        bound="10,000 cookies",
        invalidated_by="the next hour, which is part of what is asked for",
    ),
    ProcessMemory(
        "accounts.playback:memory.clear",
        remembers="who was found to be allowed to play a video, by cookie or address",
        lifetime="55 s",
        bound="10,000 viewers",
        invalidated_by="nothing: a logout holds within 60 s",
    ),
    ProcessMemory(
        "accounts.throttling:counters.cache_clear",
        remembers="the connections to where tries are counted",
        lifetime="as long as the process",
        bound="one pool",
        invalidated_by="nothing: REDIS_LOCATION is read at the start",
    ),
    ProcessMemory(
        "accounts.mailing.sending:sender.forget_failure",
        remembers="that the mail server could not be reached",
        lifetime="60 s",
        bound="one moment",
        invalidated_by="nothing: due mails are tried again each minute",
    ),
    ProcessMemory(
        "library.delivery.places:memory.clear",
        remembers="the folder, renditions and number of segments of a video's version",
        lifetime="30 s; 5 s for which version is the current one",
        bound="4,096 versions",
        invalidated_by="nothing: a version never changes, and a removed one's files are kept for longer",
    ),
    ProcessMemory(
        "library.catalogue:known.clear",
        remembers="the ids of the videos of each category, in the list's order",
        lifetime="until the list's revision changes",
        bound="one revision; 8 bytes for each video and category",
        invalidated_by="another revision of the list, which each request asks the database for",
    ),
    ProcessMemory(
        "library.listing:kept.clear",
        remembers="the list as JSON, for one revision, site and category",
        lifetime="until there are too many",
        bound="16 lists of less than 5,000 videos each",
        invalidated_by="another revision of the list, which is part of what is asked for",
    ),
    ProcessMemory(
        "library.delivery.texts:published_cuts.cache_clear",
        remembers="where a version's segments begin",
        lifetime="until there are too many",
        bound="256 versions; a hundred kilobytes for two hours",
        invalidated_by="nothing: a version never changes",
    ),
    ProcessMemory(
        "hls.tracks.texts:memory.clear",
        remembers="the texts of tracks, ready to be cut",
        lifetime="60 s",
        bound="32 MB of text",
        invalidated_by="nothing: a revision of a text never changes",
    ),
    ProcessMemory(
        "hls.partial:measured.cache_clear",
        remembers="the facts of the finished chunks of a video that is being made",
        lifetime="until there are too many",
        bound="8 videos; a few megabytes for two hours",
        invalidated_by="each chunk that is done, and a new beginning: both are part of what is asked for",
    ),
    ProcessMemory(
        "hls.binary:ffmpeg_path.cache_clear",
        remembers="which ffmpeg is used",
        lifetime="as long as the process",
        bound="one path",
        invalidated_by="nothing: FFMPEG is read at the start",
    ),
    ProcessMemory(
        "hls.removal:_logged.clear",
        remembers="files that could not be removed, of which the log has been told",
        lifetime="as long as the process",
        bound="one path for each such file",
        invalidated_by="nothing: a new start tells of them again",
    ),
    ProcessMemory(
        "project.health.probes:_pending.clear",
        remembers="questions to parts of the installation that are not answered yet",
        lifetime="until the part answers, and then until it is asked again",
        bound="one question for each part",
        invalidated_by="the next question to the same part, once this one is answered",
    ),
    ProcessMemory(
        "project.health.metrics:timer.cache_clear",
        remembers="the counter that a request's duration is added to, by method, route and status",
        lifetime="as long as the process",
        bound="a few methods and statuses for each route",
        invalidated_by="nothing: the counters live as long",
    ),
    ProcessMemory(
        "project.sqlite.base:idle.close",
        remembers="open connections to SQLite that no thread uses",
        lifetime="until a thread takes one; closed at the end of the process",
        bound="8 connections",
        invalidated_by="another file at the database's path, as a restored backup is; a fork",
    ),
)

CONSTANTS = (
    ConstantMemory("hls.store.connection:connected", remembers="the connections to a bucket", bound="8, two of each"),
    ConstantMemory(
        "library.webhooks.dispatching:dispatcher",
        remembers="the threads of a worker that send webhooks, from its start to its end",
        bound="one dispatcher, of at most 9 threads",
    ),
    ConstantMemory(
        "accounts.passwords:decoy",
        remembers="a hash that no password has, checked for accounts that don't exist",
        bound="one hash",
    ),
    ConstantMemory(
        "hls.core.encoding.abilities:filters_packets",
        remembers="whether an ffmpeg filters the packets that it decodes: the same program until the next start",
        bound="128 programs, of which one is used",
    ),
    ConstantMemory(
        "hls.core.encoding.encode:has_zscale",
        remembers="whether an ffmpeg can tone-map HDR: the program is the same until the next start",
        bound="128 programs, of which one is used",
    ),
    ConstantMemory(
        "hls.core.sampling.samples:check_measuring",
        remembers="that an ffmpeg measures VMAF v1: the program is the same until the next start",
        bound="128 programs, of which one is used",
    ),
    ConstantMemory(
        "hls.heartbeat:this_process",
        remembers="a worker's row, heartbeat, slots and threads, from its start to its end",
        bound="one worker",
    ),
    ConstantMemory(
        "hls.sources.awaited:here", remembers="the threads of this worker that fetch files", bound="two threads"
    ),
    ConstantMemory(
        "hls.core.subtitles.sanitising:_remembered_settings",
        remembers="what is valid of a cue's settings",
        bound="4,096, of 100 characters each",
    ),
    ConstantMemory(
        "hls.core.subtitles.sanitising:_remembered_codes",
        remembers="what a pair of braces of ASS asks for",
        bound="4,096, of 100 characters each",
    ),
    ConstantMemory(
        "hls.core.subtitles.sanitising:_remembered_speaker",
        remembers="the name in a voice's tag",
        bound="4,096, of 100 characters each",
    ),
    ConstantMemory(
        "hls.core.subtitles.sanitising:_character",
        remembers="what an entity stands for",
        bound="4,096, of 34 characters each",
    ),
    ConstantMemory("hls.core.wire:_hints", remembers="the types of a dataclass's fields", bound="the engine's classes"),
    ConstantMemory("library.delivery.files:http_date", remembers="a time as HTTP writes it", bound="4,096 times"),
    ConstantMemory("library.folding:plain", remembers="the base of an accented letter", bound="Unicode's letters"),
    ConstantMemory(
        "project.health.probes:ffmpeg_version",
        remembers="the version of an ffmpeg: the program is the same until the next start",
        bound="one entry for each ffmpeg, of which one is used",
    ),
    ConstantMemory(
        "project.once_a_minute:pool",
        remembers="until when a database that is away is not told of again",
        bound="one time",
    ),
    ConstantMemory(
        "project.once_a_minute:queue",
        remembers="until when a queue that is away is not told of again",
        bound="one time",
    ),
    ConstantMemory(
        "project.once_a_minute:statistics",
        remembers="until when statistics that can't be kept are not told of again",
        bound="one time",
    ),
    ConstantMemory("project.logs:is_secret", remembers="whether a name is that of a secret", bound="1,024 names"),
    ConstantMemory("project.schema:complete_schema", remembers="the OpenAPI schema below a path", bound="4 paths"),
)


def forget_everything() -> None:
    """As if the process had just started; for tests, whose rows and files go away as they never do in real life."""
    for memory in MEMORIES:
        memory.forget()
