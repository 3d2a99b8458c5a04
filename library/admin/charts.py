"""Data for Unfold's chart component, which draws with Chart.js."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.utils import timezone


def hourly_chart(events: Iterable[tuple[datetime, float]], *, hours: int) -> str:
    """Sums by the hour of TIME_ZONE, oldest first, as JSON; the last hour is the present one."""
    this_hour = timezone.localtime().replace(minute=0, second=0, microsecond=0)
    starts = [this_hour - timedelta(hours=hours - 1 - index) for index in range(hours)]
    sums = dict.fromkeys(starts, 0.0)
    for at, amount in events:
        hour = timezone.localtime(at).replace(minute=0, second=0, microsecond=0)
        if hour in sums:
            sums[hour] += amount
    return json.dumps(
        {
            "labels": [f"{start:%H:00}" for start in starts],
            "datasets": [
                {
                    "label": "Minutes of video",
                    "data": [round(amount, 1) for amount in sums.values()],
                    "backgroundColor": "var(--color-primary-600)",
                }
            ],
        }
    )
