"""What can be wrong with a request to the engine."""


class NotPossible(Exception):
    """The video's state does not allow it; the message is a sentence for the person who asked."""


class NothingRemoved(Exception):
    """A sweep that would rather leave everything where it is; the message says why, and what to do, in sentences."""


class NotOurs(NothingRemoved):
    """The database is not the one that knows this folder."""


class TooMuch(NothingRemoved):
    """No row names so large a share of what is there that the rows are not believed."""
