"""Viewers of an installation while parts of it are killed: they play what the list has, segment by segment."""

import json
import random
import threading
from dataclasses import dataclass, field

from callers import AGAIN_AFTER_S, ApiAnswer, Callers

AWAY = (0, 429, 500, 502, 503, 504)  # nobody answered, or an answer that says "later"
PAUSE_S = 0.2  # between two segments, so that watching leaves the machine to the workers


@dataclass
class Viewers:
    """One viewer at a time. A hole is a file that a playlist names and that is not there."""

    callers: Callers
    holes: list[str] = field(default_factory=list)
    segments: int = 0
    is_over: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    def begin(self) -> None:
        self.thread = threading.Thread(target=self.watch, name="viewers", daemon=True)
        self.thread.start()

    def end(self) -> None:
        self.is_over.set()
        if self.thread:
            self.thread.join()

    def watch(self) -> None:
        while not self.is_over.wait(PAUSE_S):
            listed = self.get("/api/video/")
            if listed and listed.status == 200 and (videos := json.loads(listed.body)):
                self.play(f"/api/video/{random.choice(videos)['id']}/480p/")

    def play(self, folder: str) -> None:
        playlist = self.get(f"{folder}index.m3u8")
        if playlist is None or playlist.status != 200:  # a video of which nothing is made yet
            return
        for name in [line for line in playlist.body.decode().splitlines() if line and not line.startswith("#")]:
            answer = self.get(f"{folder}{name}")
            if answer is None:
                return
            self.segments += 1
            if answer.status != 200 or not answer.body:
                self.holes.append(f"{folder}{name}: {answer.status}")
            self.is_over.wait(PAUSE_S)

    def get(self, path: str) -> ApiAnswer | None:
        """The answer, however often it takes; None once the viewers have gone."""
        while not self.is_over.is_set():
            answer = self.callers.ask("GET", path, Authorization=f"Bearer {self.callers.token}")
            if answer.status == 401:
                self.callers.sign_in()
            elif answer.status not in AWAY:
                return answer
            self.is_over.wait(AGAIN_AFTER_S)
        return None

    def report(self) -> list[str]:
        """The holes, which are none where all is well."""
        print(f"segments watched   {self.segments}, holes {len(self.holes)} {self.holes[:3]}")
        return self.holes
