"""Removing what is left of fetches that nobody goes on with."""

from django.db.models import Q

from hls.models import State
from library.fetching.bringing import partial_path
from library.fetching.models import Fetch


def sweep() -> None:
    """Forget addresses whose file is here, or was replaced meanwhile; remove parts of files that were given up."""
    for fetch in Fetch.objects.filter(video__transcode__awaits_source=False):
        partial_path(fetch).unlink(missing_ok=True)
        fetch.delete()
    is_over = Q(video__transcode__state=State.FAILED, video__transcode__retry_at=None)
    for fetch in Fetch.objects.filter(is_over | Q(video__transcode__state=State.CANCELLED)):
        partial_path(fetch).unlink(missing_ok=True)
