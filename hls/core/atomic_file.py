"""Files that are made once, however many processes start at the same moment."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def make_once(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Make a file that is complete from its first moment on; one that is there stays as it is. Raises OSError."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # a name that nobody else has
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        draft.chmod(mode)
        with suppress(FileExistsError):  # somebody was quicker: theirs counts
            os.link(draft, path)
    finally:
        draft.unlink()
