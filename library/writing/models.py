"""What the write API remembers of requests."""

from django.db import models


class KeptAnswer(models.Model):
    """The answer to a request with an `Idempotency-Key`, for whoever sends the same request again.

    It is written in the transaction of the change that it tells of: neither is ever there without the other.
    """

    caller = models.CharField(max_length=40, help_text='"user 7" or "key 7".')
    key = models.CharField(max_length=255)
    digest = models.CharField(max_length=64, help_text="SHA-256 of method, path and body.")
    status = models.PositiveSmallIntegerField(default=0)
    body = models.TextField(default="")
    location = models.CharField(max_length=300, default="")
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["caller", "key"], name="kept_answer_once")]

    def __str__(self) -> str:
        return f"{self.caller}: {self.key}"
