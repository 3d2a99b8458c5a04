"""Addresses at which somebody without an account uploads one file."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class UploadGrant(models.Model):
    """Lets whoever has its address upload one file, in the name of the person or API key that has made it.

    The address is kept as SHA-256, like a key. `used_at` is written in the transaction that makes the video.
    """

    token_hash = models.CharField(max_length=64, unique=True)
    title = models.CharField(max_length=200, blank=True, default="", help_text="Of the video; empty: the file's name.")
    category = models.CharField(max_length=50, blank=True, default="")
    is_published = models.BooleanField(default=True)
    max_bytes = models.PositiveBigIntegerField()
    expires_at = models.DateTimeField(db_index=True, help_text="Until when an upload may begin.")
    created_at = models.DateTimeField(default=timezone.now)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    api_key_id = models.BigIntegerField(null=True, blank=True, help_text="Of the key that made it, and not a person.")
    upload = models.OneToOneField(
        "library.Upload", null=True, blank=True, on_delete=models.SET_NULL, related_name="grant"
    )
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.title or f"Upload grant {self.pk}"
