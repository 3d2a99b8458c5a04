"""The numbers of versions and of texts' revisions, which never stand for something else than before.

Browsers, edges and CDNs keep for up to a year what they got under an address with such a number. After an older backup
was restored, rows know nothing of the numbers that were used since, and ids come again too. So the numbers go on from
the minutes since 1970 then, which nobody reaches by counting.
"""

import time

from django.db.models import F, Value
from django.db.models.functions import Greatest

from hls.models import Installation


def least() -> int:
    """The number that the first version of a video or the first text of a track has."""
    return Installation.objects.filter(pk=1).values_list("least_number", flat=True).first() or 1


def next_version() -> Greatest:
    """For an UPDATE of a transcode: the number of its next version."""
    return Greatest(F("version") + 1, Value(least()))


def go_on_after_a_restore() -> None:
    """Let the next numbers be higher than all that may have been used."""
    minutes = int(time.time() // 60)
    Installation.objects.filter(pk=1).update(least_number=Greatest(F("least_number") + 1, Value(minutes)))
