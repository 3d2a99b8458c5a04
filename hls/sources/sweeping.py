"""Removes from this machine's cache what no video needs any more."""

import shutil
from pathlib import Path

import structlog
from django.conf import settings

from hls import stores
from hls.models import Transcode
from hls.sources import cache

log = structlog.get_logger("videoflix.hls")


def sweep() -> None:
    """Forget sources that were deleted or replaced, and make the cache as small as its bound. What is in use stays."""
    if not Path(settings.SOURCE_CACHE_ROOT).exists():
        return
    for gone in cache.root().glob(f"{cache.GONE}*"):  # left by a process that was killed over it
        shutil.rmtree(gone, ignore_errors=True)
    found = {folder: cache.about_in(folder) for folder in cache.entries()}
    names = {about.name for about in found.values() if about}
    needed = set(Transcode.objects.filter(source__in=names).values_list("source", flat=True))
    store = stores.uploads()
    for folder, about in found.items():
        is_needed = about and about.name in needed and about.address == store.address(about.name)
        if not is_needed and cache.remove_unused(folder):
            log.info("source swept", entry=folder.name, name=about.name if about else "")
    cache.shrink()
