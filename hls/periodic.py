"""Periodic tasks: the queue of every worker starts each of them every time, and one worker does it.

1. Each worker tries to lease the task's row with a conditional UPDATE: nobody holds it, and it is due. One succeeds.
   What a clock has written that was ahead counts for nothing.
2. That worker does the task, which renews the lease while it runs.
3. It gives the lease back. Where it is killed instead, the lease lapses, and another worker goes on with a later start.
"""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

from django.db.models import Q
from django.utils import timezone

from hls import claims, clock
from hls.core.errors import Stopped
from hls.models import PeriodicTask
from hls.renewal import LeaseRenewal

MINUTELY = timedelta(seconds=50)  # less than a minute, since starts are not exactly a minute apart


def in_turn(name: str, every: timedelta, work: Callable[[LeaseRenewal], None]) -> bool:
    """Do the work unless another worker is doing it or has done it lately. Returns whether it was done."""
    PeriodicTask.objects.get_or_create(name=name)
    now, token = timezone.now(), uuid4().hex
    is_free = Q(lease_token="") | Q(lease_until__lt=now) | clock.is_ahead("lease_until", claims.lease_end())
    is_due = Q(due_at=None) | Q(due_at__lte=now) | clock.is_ahead("due_at", now + every)
    free = PeriodicTask.objects.filter(is_free, is_due, name=name)
    if not free.update(lease_token=token, lease_until=claims.lease_end(), due_at=now + every):
        return False
    own = PeriodicTask.objects.filter(name=name, lease_token=token)
    try:
        work(LeaseRenewal(own))
    except Stopped:  # another worker has taken it over, or this one ends
        return False
    finally:
        own.update(lease_token="", lease_until=None)
    return True
