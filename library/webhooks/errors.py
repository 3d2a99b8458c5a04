"""What can be wrong with a webhook; each message is a sentence for a person."""

from library.errors import LibraryError


class NotDelivered(LibraryError):
    """There was no answer to an event."""


class AddressRefused(NotDelivered):
    """An address that nothing is sent to."""
