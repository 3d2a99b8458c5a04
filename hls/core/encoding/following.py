"""Follows the lines of ffmpeg's -progress while it runs."""

from collections.abc import Callable


class Progress:
    """Follows the lines of ffmpeg's -progress."""

    def __init__(self, on_progress: Callable[[int], None], frame_count: int) -> None:
        self.on_progress = on_progress
        self.frame_count = frame_count
        self.latest = 0
        self.done = 0  # in the attempt that got furthest

    def on_line(self, line: str) -> bool:
        key, _, value = line.partition("=")
        if key != "frame" or not value.strip().isdigit():
            return False
        before, self.latest = self.latest, min(int(value), self.frame_count)
        self.done = max(self.done, self.latest)
        return self.latest > before

    def on_tick(self) -> None:
        self.on_progress(self.done)


class Growth:
    """Follows the lines of ffmpeg's -progress to tell whether a file of sound gets longer."""

    def __init__(self) -> None:
        self.size = ""

    def on_line(self, line: str) -> bool:
        key, _, value = line.partition("=")
        if key != "total_size":
            return False
        before, self.size = self.size, value
        return self.size != before
