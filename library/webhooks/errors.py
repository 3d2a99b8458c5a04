"""What can go wrong with a webhook; each message is a sentence for a person."""

from library.errors import LibraryError


class NotDelivered(LibraryError):
    """There was no answer to an event."""
