"""What viewers keep: where they stopped in each video, and a list of videos of their own."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class WatchProgress(models.Model):
    """Where a viewer stopped in a video. `library.watching.progress` writes it."""

    viewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )  # the index on the newest begins with it
    video = models.ForeignKey("library.Video", on_delete=models.CASCADE, related_name="+")
    position_s = models.FloatField("position", help_text="Seconds from the beginning.")
    duration_s = models.FloatField(
        "duration", null=True, help_text="Seconds, as the player told; used only while the video's own is unknown."
    )
    reported_at = models.DateTimeField("reported", help_text="When the player was there; a clock that is ahead: now.")
    written_at = models.DateTimeField("written", help_text="When this row was last written, by our own clock.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["viewer", "video"], name="watch_progress_once")]
        indexes = [models.Index(fields=["viewer", "-reported_at"], name="watch_progress_newest")]
        verbose_name_plural = "watch progress"

    def __str__(self) -> str:
        return f"{self.viewer_id} at {self.position_s:.0f} s of {self.video_id}"


class MyListEntry(models.Model):
    """A video that a viewer has put on their list."""

    viewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )  # the index on the newest begins with it
    video = models.ForeignKey("library.Video", on_delete=models.CASCADE, related_name="+")
    added_at = models.DateTimeField("added", default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["viewer", "video"], name="my_list_once")]
        indexes = [models.Index(fields=["viewer", "-added_at", "-id"], name="my_list_newest")]
        verbose_name = "entry of a viewer's list"
        verbose_name_plural = "entries of viewers' lists"

    def __str__(self) -> str:
        return f"{self.video_id} on the list of {self.viewer_id}"
