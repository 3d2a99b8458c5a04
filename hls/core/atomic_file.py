"""Makes a file only once and complete, even if several processes try at the same moment."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def make_once(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Make a file that is never seen incomplete; a file that already exists is kept as it is. Raises OSError."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # a unique name
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        draft.chmod(mode)
        with suppress(FileExistsError):  # another process was quicker: its file is kept
            os.link(draft, path)
    finally:
        draft.unlink()
