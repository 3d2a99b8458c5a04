"""Times as people say them, with the exact time in a tooltip."""

from datetime import datetime

from django.contrib.humanize.templatetags.humanize import naturaltime
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString


def moment(at: datetime) -> SafeString:
    """ "3 minutes ago" as a `<time>` element whose tooltip is the exact time and its zone."""
    exact = f"{timezone.localtime(at):%Y-%m-%d %H:%M:%S %Z}"
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), exact, naturaltime(at))
