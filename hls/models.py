"""The rows that say everything about transcodes and workers. The queue only wakes workers."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import uuid4

from django.db import connection, models, transaction
from django.db.models import Case, F, Q, Value, When
from django.utils import timezone

from hls.leased import Leased
from hls.tracks.models import Extraction, Track, TrackText

__all__ = ["Extraction", "Track", "TrackText"]

SHOWN = frozenset(("playable_at", "served", "served_version"))  # what viewers are shown of a transcode


class State(models.TextChoices):
    QUEUED = "queued", "Queued"
    PROCESSING = "processing", "Processing"
    READY = "ready", "Ready"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


ACTIVE = (State.QUEUED, State.PROCESSING)

# `playable_at` of a transcode that begins anew: it can only be played where a version is served
PLAYABLE_AS_SERVED = Case(When(served_version=None, then=Value(None)), default=F("playable_at"))


class Revision(models.Model):
    """Another value after every transaction that changes what viewers are shown: the rows' numbers, added up.

    Each such transaction adds one to a row that no other holds, and makes a row where there is none. So nobody waits
    for anybody, there are as many rows as there ever were such transactions at once, and the sum changes exactly when
    a transaction's changes can be seen, in whichever order they are committed. Whoever reads the revision first and
    the videos afterwards never has older videos than the revision stands for.
    """

    number = models.PositiveBigIntegerField(default=1)
    changed_at = models.DateTimeField(help_text="After a backup was restored, numbers come again, but no times do.")

    def __str__(self) -> str:
        return str(self.number)

    @classmethod
    def advance(cls) -> None:
        """To be called within the transaction that makes the change."""
        now = timezone.now()
        free = cls.objects.select_for_update(skip_locked=True).order_by("pk").values_list("pk", flat=True).first()
        if free is None:
            cls.objects.create(changed_at=now)
        else:
            cls.objects.filter(pk=free).update(number=F("number") + 1, changed_at=now)

    @classmethod
    def current(cls, beside: str = "NULL", parameters: Sequence[Any] = ()) -> str:
        """One query over a few rows; without the ORM, which would take several times as long.

        `beside` is SQL for one more value that the revision depends on, as one that changes with time.
        """
        with connection.cursor() as cursor:
            sql = f"SELECT SUM(number), MAX(changed_at), {beside} FROM {cls._meta.db_table}"  # noqa: S608 (our own SQL)
            cursor.execute(sql, parameters)
            number, changed_at, other = cursor.fetchone()
        return f"{number or 0}|{changed_at}|{other}"


class TranscodeQuerySet(models.QuerySet["Transcode"]):
    """Makes a new revision in the transaction that changes what viewers are shown."""

    def update(self, **values: Any) -> int:
        if not values.keys() & SHOWN:
            return super().update(**values)
        with transaction.atomic():
            updated = super().update(**values)
            if updated:
                Revision.advance()
        return updated


class Transcode(Leased):
    """The engine's job for one video: the source, the version being made, and the version being served."""

    source = models.CharField(max_length=500, help_text="The source file, relative to the upload folder.")
    awaits_source = models.BooleanField(
        default=False, help_text="The source is still to be brought here; see hls.sources.awaited."
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    version = models.PositiveIntegerField(default=1, help_text="The version being made, or made last.")
    plan = models.JSONField(null=True, blank=True)
    opening = models.JSONField(
        null=True,
        blank=True,
        help_text="The plan of the first chunk, until the whole source is read; empty where there can be none.",
    )
    is_sampling_due = models.BooleanField(
        default=False, help_text="Whether its own CRFs are still to be found; until then its later chunks wait."
    )
    percent = models.FloatField(default=0, help_text="Never falls while a version is made.")
    attempts = models.PositiveIntegerField(default=1)
    error_code = models.CharField(max_length=20, blank=True, default="")
    error_reason = models.CharField(
        max_length=20, blank=True, default="", help_text="More exact than the code, where there is more to say."
    )
    retry_at = models.DateTimeField(null=True, blank=True, help_text="When a failed video is tried again by itself.")
    queued_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    playable_at = models.DateTimeField(
        null=True, blank=True, help_text="When it could first be played, in part or whole."
    )
    served_at = models.DateTimeField(null=True, blank=True, db_index=True)
    served_version = models.PositiveIntegerField(null=True, blank=True)
    served = models.JSONField(null=True, blank=True, help_text="What the served version consists of.")
    retired_version = models.PositiveIntegerField(
        null=True, blank=True, help_text="The version before, kept for those who are watching it."
    )
    retired = models.JSONField(null=True, blank=True)
    retired_until = models.DateTimeField(null=True, blank=True)
    source_bytes = models.PositiveBigIntegerField(default=0)
    served_bytes = models.PositiveBigIntegerField(default=0, help_text="Of the served and the retired version.")

    objects = TranscodeQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["state", "queued_at"]),
            models.Index(fields=["source_bytes", "served_bytes"], name="transcode_storage"),
            models.Index(fields=["retired_until"], condition=~Q(retired_until=None), name="transcode_retired"),
            models.Index(fields=["lease_until"], condition=~Q(lease_token=""), name="transcode_leases"),
        ]

    def __str__(self) -> str:
        return f"Transcode {self.pk} ({self.state})"


class ChunkState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"


class Chunk(Leased):
    """A run of whole segments that one ffmpeg makes in all renditions."""

    transcode = models.ForeignKey(Transcode, on_delete=models.CASCADE, related_name="chunks")
    index = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=ChunkState.choices, default=ChunkState.WAITING)
    frame_count = models.PositiveIntegerField()
    frames_done = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="How often ffmpeg failed on it.")
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    facts = models.JSONField(null=True, blank=True, help_text="Measured sizes and positions, once done.")

    class Meta:
        ordering = ["transcode", "index"]
        constraints = [models.UniqueConstraint(fields=["transcode", "index"], name="chunk_once")]
        indexes = [
            models.Index(fields=["state", "index"]),
            models.Index(fields=["lease_until"], condition=~Q(lease_token=""), name="chunk_leases"),
        ]

    def __str__(self) -> str:
        return f"Chunk {self.index} of {self.transcode_id} ({self.state})"


class Worker(models.Model):
    """A worker process that is, or was, alive; its heartbeat writes `last_seen` every few seconds."""

    host = models.CharField(max_length=200, help_text="Machine, boot and pid namespace: where a pid has a meaning.")
    hostname = models.CharField(max_length=100)
    pid = models.PositiveIntegerField()
    pid_started = models.CharField(max_length=30, help_text="The process's start time, since pids are used again.")
    slots = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField()
    last_seen = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["host", "pid", "pid_started"], name="worker_once")]

    def __str__(self) -> str:
        return f"{self.hostname}:{self.pid}"


class PeriodicTask(models.Model):
    """A task that the queue of every worker starts and that one worker at a time does; see hls.periodic."""

    name = models.CharField(max_length=50, primary_key=True)
    due_at = models.DateTimeField(null=True, blank=True)
    lease_token = models.CharField(max_length=32, blank=True, default="")
    lease_until = models.DateTimeField(null=True, blank=True)
    position = models.PositiveBigIntegerField(default=0, help_text="Where it goes on next time.")

    def __str__(self) -> str:
        return self.name


class Installation(models.Model):
    """One row: which installation this database belongs to. Each data folder says the same; see hls.identity."""

    identity = models.UUIDField(default=uuid4, editable=False)
    least_number = models.PositiveIntegerField(db_default=1, help_text="See hls.numbering.")

    def __str__(self) -> str:
        return str(self.identity)


class Root(models.TextChoices):
    """The two folders whose contents rows name."""

    UPLOADS = "uploads"
    HLS = "hls"


class Discarded(models.Model):
    """A file or folder that was given up on purpose. A sweep may remove any number of these; see hls.removal."""

    root = models.CharField(max_length=10, choices=Root)
    name = models.CharField(max_length=500, help_text="Relative to its root.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["root", "name"], name="discarded_once")]

    def __str__(self) -> str:
        return f"{self.root}/{self.name}"

    @classmethod
    def add(cls, root: Root, names: Iterable[str]) -> None:
        """Write names down, within the transaction that gives them up. What a row names all the same is kept."""
        Discarded.objects.bulk_create(
            [Discarded(root=root, name=name) for name in names if name], ignore_conflicts=True
        )
