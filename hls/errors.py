"""What can be wrong with a request to the engine."""


class NotPossible(Exception):
    """The film's state does not allow it; the message is a sentence for the person who asked."""
