"""Files that are still to be fetched from elsewhere."""

from uuid import uuid4

from django.db import models
from django.utils import timezone


class Fetch(models.Model):
    """Where the file of a video comes from that awaits it. The transcode's row says the rest: claim, state, failure.

    `received` counts bytes that are on the disk for good, of the file that `etag` names. The file lies on the disk of
    the machine that fetches it; another machine begins anew.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    video = models.OneToOneField("library.Video", on_delete=models.CASCADE, related_name="fetch")
    url = models.TextField(help_text="May hold a signature: it is shown to nobody, and removed with the row.")
    etag = models.CharField(
        max_length=500, blank=True, default="", help_text="A strong validator, where there was one."
    )
    received = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"Fetch of video {self.video_id}"
