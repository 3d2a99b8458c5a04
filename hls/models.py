"""The truth about every transcode: rows. The queue only wakes workers."""

from django.db import models
from django.db.models import Q


class State(models.TextChoices):
    QUEUED = "queued", "Queued"
    PROCESSING = "processing", "Processing"
    READY = "ready", "Ready"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


ACTIVE = (State.QUEUED, State.PROCESSING)


class Leased(models.Model):
    """A row that one worker at a time may work on.

    The lease is `lease_token`, unique to one claim and empty while nobody works; it lapses at `lease_until` unless the
    worker renews it. Whoever holds the token may write; whoever lost it writes nothing, since every write asks for it.
    """

    lease_token = models.CharField(max_length=32, blank=True, default="")
    lease_until = models.DateTimeField(null=True, blank=True)
    worker = models.ForeignKey("hls.Worker", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    losses = models.PositiveSmallIntegerField(default=0, help_text="How often a worker vanished while working on it.")
    not_before = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True


class Transcode(Leased):
    """One film's way from a source file to HLS: the version being made, and the version being served."""

    source = models.CharField(max_length=500, help_text="The source file, relative to the upload folder.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    version = models.PositiveIntegerField(default=1, help_text="The version being made, or made last.")
    plan = models.JSONField(null=True, blank=True)
    percent = models.FloatField(default=0, help_text="Never falls while a version is made.")
    attempts = models.PositiveIntegerField(default=1)
    error_code = models.CharField(max_length=20, blank=True, default="")
    error_reason = models.CharField(
        max_length=20, blank=True, default="", help_text="More exact than the code, where there is more to say."
    )
    retry_at = models.DateTimeField(null=True, blank=True, help_text="When a failed film is tried again by itself.")
    queued_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    playable_at = models.DateTimeField(
        null=True, blank=True, db_index=True, help_text="When it could first be played, be it in part."
    )
    served_at = models.DateTimeField(null=True, blank=True, db_index=True)
    served_version = models.PositiveIntegerField(null=True, blank=True)
    served = models.JSONField(null=True, blank=True, help_text="What the served version consists of.")
    retired_version = models.PositiveIntegerField(
        null=True, blank=True, help_text="The version before, kept for those who are watching it."
    )
    retired = models.JSONField(null=True, blank=True)
    retired_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["state", "queued_at"]),
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
    """A worker process that is, or was, alive; its heart beats every few seconds."""

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
