"""Rows that one worker at a time works on; see hls.claims."""

from django.db import models


class Leased(models.Model):
    """A row that one worker at a time may work on.

    The lease is `lease_token`, unique to one claim and empty while nobody works. It lapses at `lease_until` unless the
    worker renews it. Every write of a worker asks for its token, so a worker that lost its lease changes nothing.
    """

    lease_token = models.CharField(max_length=32, blank=True, default="")
    lease_until = models.DateTimeField(null=True, blank=True)
    worker = models.ForeignKey("hls.Worker", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    losses = models.PositiveSmallIntegerField(default=0, help_text="How often a worker vanished while working on it.")
    not_before = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True
