"""The videos that viewers see."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from hls import lifecycle
from hls.models import Revision, Transcode
from library.fetching.models import Fetch
from library.folding import folded
from library.grants.models import UploadGrant
from library.kinds import check_name
from library.watching.models import MyListEntry, WatchProgress
from library.webhooks.models import WebhookDelivery, WebhookEndpoint, WebhookEvent
from library.writing.models import KeptAnswer

__all__ = [
    "Fetch",
    "KeptAnswer",
    "MyListEntry",
    "UploadGrant",
    "WatchProgress",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookEvent",
]

SEARCHED = frozenset(("title", "description", "original_name"))
FOLDED = frozenset(("search_text", "name_text"))  # made of SEARCHED, for searches


def video_path(video: Video, name: str) -> str:
    """A random name below the upload folder. The uploader's own name is only a label, never a path."""
    extension = name.rpartition(".")[2].lower()
    return f"videos/{uuid4().hex}.{extension}"


def thumbnail_path(video: Video, name: str) -> str:
    extension = name.rpartition(".")[2].lower()
    return f"thumbnails/{uuid4().hex}.{extension}"


def kept_file(kept: dict[str, Any] | None) -> str:
    """The uploaded file of what is served while another one is made; empty while none is."""
    return str(kept["file"]) if kept else ""


class FirstCategory(models.TextChoices):
    """The categories that are there from the start, in this order."""

    DRAMA = "drama", "Drama"
    ROMANCE = "romance", "Romance"
    ACTION = "action", "Action"
    DOCUMENTARY = "documentary", "Documentary"
    TUTORIAL = "tutorial", "Tutorial"
    VLOG = "vlog", "Vlog"


class Category(models.Model):
    """What videos are sorted by. Its slug is what the API says, and never changes; its name is what people read.

    A video names its category by the slug, without a foreign key: lists then need no join. A category that a video
    names is not deleted.
    """

    slug = models.CharField(max_length=50, primary_key=True, help_text="What the API says. It never changes.")
    name = models.CharField(max_length=60, unique=True)
    position = models.PositiveSmallIntegerField(default=0, help_text="The smallest comes first; new videos get it.")
    is_hidden = models.BooleanField(
        "hidden", default=False, help_text="Not offered for new videos; those it has keep it."
    )

    class Meta:
        ordering = ["position", "name"]
        verbose_name_plural = "categories"

    def __str__(self) -> str:
        return self.name


class VideoQuerySet(models.QuerySet["Video"]):
    """Keeps the folded texts and the revision in step with the rows, whichever way they are written."""

    @transaction.atomic
    def bulk_create(self, objs: Iterable[Video], *args: Any, **options: Any) -> list[Video]:
        videos = list(objs)
        for video in videos:
            video.fold()
        created = super().bulk_create(videos, *args, **options)
        Revision.advance()
        return created

    def bulk_update(self, objs: Iterable[Video], fields: Iterable[str], batch_size: int | None = None) -> int:
        """Django writes each batch with `update`."""
        videos, names = list(objs), set(fields)
        if names & SEARCHED:
            for video in videos:
                video.fold()
            names |= FOLDED
        return super().bulk_update(videos, names, batch_size=batch_size)

    @transaction.atomic
    def update(self, **values: Any) -> int:
        rows = list(self.values_list("pk", flat=True)) if values.keys() & SEARCHED else []
        updated = super().update(**values)
        if rows:
            changed = list(Video.objects.filter(pk__in=rows))
            for video in changed:
                video.fold()
            Video.objects.bulk_update(changed, FOLDED)
        if updated and values.keys() - FOLDED:
            Revision.advance()
        return updated

    @transaction.atomic
    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete the videos and tell the engine to forget them."""
        discarded = list(self.values_list("transcode_id", "thumbnail", "kept"))
        deleted = super().delete()
        for transcode_id, thumbnail, kept in discarded:
            lifecycle.discard(transcode_id, pictures=[thumbnail, kept_file(kept)])
        Revision.advance()
        return deleted


class Video(models.Model):
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True, default="")
    category = models.CharField(max_length=50, default=FirstCategory.DRAMA, help_text="The slug of one.")
    video_file = models.FileField(upload_to=video_path, max_length=200, validators=[check_name])
    is_published = models.BooleanField("published", default=True, help_text="A draft is seen by staff alone.")
    publish_at = models.DateTimeField(
        null=True, blank=True, help_text="From this moment on viewers see it, if it is published; at once where empty."
    )
    original_name = models.CharField(max_length=255, blank=True, default="")
    thumbnail = models.ImageField(
        "poster",
        upload_to=thumbnail_path,
        max_length=200,
        blank=True,
        help_text="Made from the video where there is none.",
    )
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    kept = models.JSONField(
        null=True, editable=False, help_text="What is served while another file is made: file, name, plan, version."
    )
    external_id = models.CharField(
        max_length=200, null=True, blank=True, unique=True, editable=False, help_text="What another program calls it."
    )
    metadata = models.JSONField(default=dict, editable=False, help_text="Another program's own; shown to no viewer.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)
    transcode = models.OneToOneField(Transcode, on_delete=models.PROTECT, related_name="video", editable=False)

    search_text = models.TextField(default="", editable=False, help_text="Title and description, folded.")
    name_text = models.TextField(default="", editable=False, help_text="The file's own name, folded.")

    objects = VideoQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="video_newest_first"),
            models.Index(fields=["publish_at"], condition=Q(publish_at__isnull=False), name="video_moments"),
        ]

    def __str__(self) -> str:
        return self.title

    @transaction.atomic
    def save(self, *, update_fields: Iterable[str] | None = None, **options: Any) -> None:
        self.fold()
        if update_fields is not None:
            update_fields = set(update_fields)
            update_fields |= FOLDED if update_fields & SEARCHED else set()
        super().save(update_fields=update_fields, **options)
        Revision.advance()

    @transaction.atomic
    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        transcode_id = self.transcode_id
        deleted = super().delete(*args, **kwargs)
        lifecycle.discard(transcode_id, pictures=[self.thumbnail.name or "", kept_file(self.kept)])
        Revision.advance()
        return deleted

    def fold(self) -> None:
        """Keep what is searched in step with what is shown."""
        self.search_text = folded(f"{self.title}\n{self.description}")
        self.name_text = folded(self.original_name)


class UploadKind(models.TextChoices):
    """In the words of tus ("Concatenation")."""

    WHOLE = "", "A file"
    PARTIAL = "partial", "A part of a file"
    FINAL = "final", "Made of parts"


class Upload(models.Model):
    """A resumable upload (tus 1.0): the row says what will come.

    How much has come is told by the file in the partial folder, or, where uploads are kept in a bucket, by the row.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    api_key_id = models.BigIntegerField(
        null=True, blank=True, help_text="The API key that began it; then it has no owner."
    )
    name = models.CharField(max_length=255, help_text="The file's name on the uploader's machine.")
    length = models.PositiveBigIntegerField(null=True, help_text="Bytes, once complete; none where it is told later.")
    metadata = models.TextField(blank=True, default="", help_text="The header Upload-Metadata as it was sent.")
    unverified_from = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="Where a piece begins whose checksum was not compared yet."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(db_index=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    taken_at = models.DateTimeField(null=True, blank=True, help_text="When a video took the file.")
    video = models.ForeignKey(Video, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    session = models.UUIDField(null=True, blank=True, help_text="The sign-in that began it, and may go on with it.")
    kind = models.CharField(max_length=7, choices=UploadKind.choices, blank=True, default=UploadKind.WHOLE)
    whole = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE, related_name="parts")
    part_number = models.PositiveSmallIntegerField(default=0, help_text="Which part of the whole it is.")
    key = models.CharField(max_length=200, blank=True, default="", help_text="In a bucket: of the file it will be.")
    multipart = models.TextField(blank=True, default="", help_text="In a bucket: its name for parts of an object.")
    received = models.PositiveBigIntegerField(default=0, help_text="In a bucket: bytes that are there for good.")
    rest = models.CharField(
        max_length=200, blank=True, default="", help_text="In a bucket: the key of the last bytes, too few for a part."
    )
    rest_bytes = models.PositiveBigIntegerField(default=0)
    last_number = models.PositiveIntegerField(default=0, help_text="In a bucket: the last one that a part was given.")

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name


class StoredPart(models.Model):
    """A part of an upload that a bucket has, and that counts."""

    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="stored_parts")
    number = models.PositiveIntegerField()
    size_bytes = models.PositiveBigIntegerField()
    etag = models.CharField(max_length=200)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["upload", "number"], name="stored_part_number")]

    def __str__(self) -> str:
        return f"{self.upload_id} {self.number}"
