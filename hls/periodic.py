"""Periodic tasks: the queue of every worker starts each of them every time, and one worker does it.

The right to it is a lease on a row, renewed by the work itself; a worker that is killed loses it, and with the next
start another goes on.
"""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

from django.db.models import Q
from django.utils import timezone

from hls import claims
from hls.core.errors import Stopped
from hls.models import PeriodicTask
from hls.renewal import LeaseRenewal

MINUTELY = timedelta(seconds=50)  # less than a minute: no two starts are exactly one apart


def in_turn(name: str, every: timedelta, work: Callable[[LeaseRenewal], None]) -> bool:
    """Do the work, unless another worker is at it or did it lately; whether it was done."""
    PeriodicTask.objects.get_or_create(name=name)
    now, token = timezone.now(), uuid4().hex
    is_free = Q(lease_token="") | Q(lease_until__lt=now)
    is_due = Q(due_at=None) | Q(due_at__lte=now)
    free = PeriodicTask.objects.filter(is_free, is_due, name=name)
    if not free.update(lease_token=token, lease_until=claims.lease_end(), due_at=now + every):
        return False
    own = PeriodicTask.objects.filter(name=name, lease_token=token)
    try:
        work(LeaseRenewal(own))
    except Stopped:  # another has taken it over, or this worker ends
        return False
    finally:
        own.update(lease_token="", lease_until=None)
    return True
