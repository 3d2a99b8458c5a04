"""Times as people say them in the admin."""

from datetime import datetime

from django.contrib.humanize.templatetags.humanize import naturaltime
from django.utils import timezone
from django.utils.html import format_html


def ago(at: datetime | None) -> str:
    """HTML that says "3 minutes ago", with the exact time and its zone as its tooltip."""
    if at is None:
        return "Never"
    exact = f"{timezone.localtime(at):%Y-%m-%d %H:%M:%S %Z}"
    return format_html('<time title="{}">{}</time>', exact, naturaltime(at))
