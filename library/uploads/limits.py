"""How much an upload may have."""

from django.conf import settings

from library.models import Upload


def most_bytes(upload: Upload) -> int:
    """Its length, or, while that is not told, what any upload may have."""
    return int(settings.UPLOAD_MAX_BYTES) if upload.length is None else upload.length
