"""A video's tracks: subtitles, captions, chapters, and sounds where there are several.

A track stays while the video's file is replaced by another one, unless it came out of the file (`source`): those belong
to what was made of that file, and go with it.
"""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils import timezone

from hls.leased import Leased

if TYPE_CHECKING:
    from hls.models import Transcode


class TrackKind(models.TextChoices):
    SUBTITLES = "subtitles", "Subtitles"
    CAPTIONS = "captions", "Captions"
    CHAPTERS = "chapters", "Chapters"
    AUDIO = "audio", "Sound"


SHOWN_AS_TEXT = (TrackKind.SUBTITLES, TrackKind.CAPTIONS)  # what players offer in their menu of subtitles


class TrackOrigin(models.TextChoices):
    EMBEDDED = "embedded", "From the file"
    UPLOADED = "uploaded", "Uploaded"


class TrackState(models.TextChoices):
    READY = "ready", "Ready"
    PROCESSING = "processing", "Processing"
    FAILED = "failed", "Failed"


class Track(models.Model):
    transcode = models.ForeignKey("hls.Transcode", on_delete=models.CASCADE, related_name="tracks")
    kind = models.CharField(max_length=9, choices=TrackKind.choices)
    language = models.CharField(max_length=35, default="und", help_text="BCP 47 in its shortest form; und: unknown.")
    label = models.CharField(max_length=100, help_text="What people choose it by.")
    is_default = models.BooleanField("default", default=False)
    is_forced = models.BooleanField(
        "forced", default=False, help_text="Subtitles that are shown even to those who chose none."
    )
    is_described = models.BooleanField("described video", default=False, help_text="A sound that tells what is seen.")
    is_commentary = models.BooleanField("commentary", default=False)
    origin = models.CharField(max_length=8, choices=TrackOrigin.choices, default=TrackOrigin.UPLOADED)
    source = models.CharField(
        max_length=500, blank=True, default="", help_text="The file it came out of; empty where it was uploaded."
    )
    source_index = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="The track's number in that file; none for chapters and closed captions."
    )
    sound = models.PositiveSmallIntegerField(null=True, blank=True, help_text="The N of audio_N, for a sound.")
    state = models.CharField(max_length=10, choices=TrackState.choices, default=TrackState.READY)
    error_code = models.CharField(max_length=20, blank=True, default="")
    revision = models.PositiveIntegerField(default=0, help_text="Of the text; 0 while there is none.")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(
        null=True, blank=True, help_text="It still answers for those who were watching with it."
    )

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["transcode", "kind", "language", "label"],
                condition=Q(origin=TrackOrigin.UPLOADED, deleted_at=None),
                name="track_once",
            ),
        ]
        indexes = [models.Index(fields=["deleted_at"], condition=~Q(deleted_at=None), name="track_deleted")]

    def __str__(self) -> str:
        return f"{self.label} ({self.kind})"


class TrackText(models.Model):
    """One revision of a track's text. It never changes; another one takes its place."""

    track = models.ForeignKey(Track, on_delete=models.CASCADE, related_name="texts")
    revision = models.PositiveIntegerField()
    webvtt = models.TextField(help_text="As hls.core.subtitles writes it; times from the video's beginning.")
    cue_count = models.PositiveIntegerField()
    size_bytes = models.PositiveIntegerField(help_text="Of the text in UTF-8.")
    replaced_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["track", "revision"], name="track_text_once")]
        indexes = [models.Index(fields=["replaced_at"], condition=~Q(replaced_at=None), name="track_text_replaced")]

    def __str__(self) -> str:
        return f"{self.track} {self.revision}"


class ExtractionState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    DONE = "done", "Done"


class Extraction(Leased):
    """Taking the texts out of a transcode's source: one for each transcode, begun anew with another source."""

    transcode = models.OneToOneField("hls.Transcode", on_delete=models.CASCADE, related_name="extraction")
    source = models.CharField(max_length=500)
    state = models.CharField(max_length=7, choices=ExtractionState.choices, default=ExtractionState.WAITING)

    class Meta:
        indexes = [
            models.Index(fields=["transcode"], condition=Q(state=ExtractionState.WAITING), name="extraction_waiting")
        ]

    def __str__(self) -> str:
        return f"Texts of {self.source} ({self.state})"

    @classmethod
    def begin(cls, transcode: "Transcode") -> None:
        """Within the transaction that makes tracks wait for it. Whoever worked on an earlier one has lost its claim."""
        fresh = {"lease_token": "", "lease_until": None, "worker": None, "losses": 0, "not_before": None}
        cls.objects.update_or_create(
            transcode=transcode,
            defaults={**fresh, "source": transcode.source, "state": ExtractionState.WAITING},
        )
