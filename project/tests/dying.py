"""The web application in a process that is killed just before it makes the video of a complete upload."""

import os
import signal
from typing import Any

from project.wsgi import application

__all__ = ["application"]

from library.uploads import finishing


def die(upload: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


finishing.make_video = die
