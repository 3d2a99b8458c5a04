"""The web application, whose process is killed where it would make the video of an upload that is complete."""

import os
import signal
from typing import Any

from project.wsgi import application

__all__ = ["application"]

from library.uploads import finishing


def die(upload: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


finishing.make_video = die
