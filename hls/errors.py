"""Why the engine refuses what it is asked for."""


class NotPossible(Exception):
    """The video's state does not allow it. The message is a sentence for the person who asked."""


class NothingRemoved(Exception):
    """A sweep refuses to remove anything. The message says why and what to do, in sentences."""


class NotOurs(NothingRemoved):
    """The folder may belong to another installation's database."""


class TooMuch(NothingRemoved):
    """Rows name so little of what is there that the rows may be wrong."""
