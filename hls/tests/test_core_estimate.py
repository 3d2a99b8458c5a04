"""Estimates of the time left, compared with the truth: simulated workers take chunks as the engine gives them out."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from hls.core.estimate import ALONE, Begun, Crew, Stint, Workload, latest, makespan_s, remaining_s, union_s

FIRST, REST = 12 * 24, 30 * 24  # frames of a video's first chunk and of the others
STEP_S, BEAT_S, STARTUP_S = 0.25, 2.0, 0.5
VIDEO = [FIRST, *[REST] * 9]


@dataclass
class Job:
    """A chunk in the simulation."""

    video_id: int
    index: int
    frames: float
    hardness: float = 1.0
    begin_s: float = 0.0
    told_s: float = 0.0
    done: float = 0.0
    told: float = 0.0
    end_s: float | None = None
    host: int | None = None

    @property
    def is_running(self) -> bool:
        return self.host is not None and self.end_s is None


@dataclass
class Studio:
    """Hosts whose slots take the fairest chunk next and share the host's processors; rates in frames per second."""

    videos: list[list[int]]
    hosts: list[int] = field(default_factory=lambda: [1])  # the slots of each
    rate: float = 24.0
    hardness: Callable[[int, int], float] = lambda video_id, index: 1.0
    pause: tuple[float, float] = (0.0, 0.0)
    now_s: float = 0.0
    jobs: list[Job] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.jobs = [
            Job(video_id, index, frames, self.hardness(video_id, index))
            for video_id, chunks in enumerate(self.videos)
            for index, frames in enumerate(chunks)
        ]

    def step(self) -> None:
        self.now_s += STEP_S
        if self.pause[0] <= self.now_s < self.pause[1]:
            self.give_back()
            return
        for host, slots in enumerate(self.hosts):
            running = [job for job in self.jobs if job.is_running and job.host == host]
            waiting = sorted((job for job in self.jobs if job.host is None), key=lambda job: (job.index, job.video_id))
            for job in waiting[: slots - len(running)]:
                job.host, job.begin_s, job.told_s = host, self.now_s, self.now_s
                running.append(job)
            for job in running:
                self.encode(job, STEP_S * self.rate / len(running))

    def give_back(self) -> None:
        for job in self.jobs:
            if job.is_running:
                job.host, job.done, job.told = None, 0.0, 0.0

    def encode(self, job: Job, frames: float) -> None:
        if self.now_s - job.begin_s >= STARTUP_S:
            job.done = min(job.frames, job.done + frames / job.hardness)
        if job.done == job.frames:
            job.end_s = job.told_s = self.now_s
        if job.end_s or self.now_s - job.told_s >= BEAT_S:
            job.told, job.told_s = job.done, self.now_s

    def estimate(self, video_id: int) -> float | None:
        """What the engine would say about a video, from what it knows."""
        own = [job for job in self.jobs if job.video_id == video_id]
        stints = [Stint(job.begin_s, job.told_s, job.told) for job in own if job.told]
        begun = [Begun(job.frames - job.told, self.now_s - job.told_s) for job in own if job.is_running]
        waiting = [job.frames for job in own if job.host is None]
        last = (own[-1].index, video_id)
        ahead = [
            j.frames - j.told
            for j in self.jobs
            if j.video_id != video_id and j.end_s is None and (j.index, j.video_id) < last
        ]
        crew = Crew(hosts=len(self.hosts), slots=sum(self.hosts))
        return remaining_s(stints, Workload(begun, waiting, ahead if waiting else ()), crew)

    def errors(self, video_id: int = 0) -> list[float]:
        """The error of each estimate after the first tenth, as a share of the truth, without the last five seconds."""
        own = [job for job in self.jobs if job.video_id == video_id]
        told: list[tuple[float, float]] = []
        while any(job.end_s is None for job in own):
            self.step()
            share = sum(job.told for job in own) / sum(job.frames for job in own)
            if share >= 0.1 and self.now_s % 1 == 0 and self.now_s >= self.pause[1]:
                told.append((self.now_s, self.estimate(video_id) or 0.0))
        end_s = max(job.end_s or 0.0 for job in own)
        return [abs(eta_s - (end_s - at)) / (end_s - at) for at, eta_s in told if end_s - at > 5]


@pytest.mark.parametrize("rate", [6.0, 24.0, 240.0])
def test_a_video_alone_on_one_worker(rate: float) -> None:
    assert max(Studio([VIDEO], rate=rate).errors()) < 0.1


def test_a_video_of_two_chunks() -> None:
    assert max(Studio([[FIRST, 400]]).errors()) < 0.2


@pytest.mark.parametrize("slots", [2, 3])
def test_several_chunks_at_once_on_one_host(slots: int) -> None:
    """They share its processors, so that the last one alone is encoded so much faster."""
    assert max(Studio([VIDEO], hosts=[slots]).errors()) < 0.2


@pytest.mark.parametrize("hosts", [[1, 1], [1, 1, 1]])
def test_several_hosts_of_which_some_are_idle_at_the_end(hosts: list[int]) -> None:
    assert max(Studio([VIDEO], hosts=hosts).errors()) < 0.2


def test_videos_that_were_uploaded_together_wait_for_each_other() -> None:
    videos = [VIDEO, [FIRST, *[REST] * 5], [FIRST, REST, REST]]
    for video_id in range(3):
        assert max(Studio(videos).errors(video_id)) < 0.2


def test_videos_that_share_one_hosts_processors() -> None:
    videos = [[FIRST, *[REST] * 5], [FIRST, *[REST] * 5]]
    for video_id in range(2):
        assert max(Studio(videos, hosts=[2]).errors(video_id)) < 0.2


def test_chunks_that_are_not_equally_hard() -> None:
    """Every other chunk takes a third longer."""
    assert max(Studio([VIDEO], hardness=lambda video_id, index: 1.33 if index % 2 else 1.0).errors()) < 0.2


def test_a_night_in_which_nobody_worked_changes_nothing() -> None:
    assert max(Studio([VIDEO], pause=(100.25, 30_000.0)).errors()) < 0.2


def test_nothing_is_said_before_the_first_frame() -> None:
    assert remaining_s([], Workload(begun=[Begun(300, 1.0)], waiting=[720]), ALONE) is None


def test_a_silent_worker_is_not_credited_with_what_it_might_have_done() -> None:
    stints = [Stint(0, 30, 720)]
    assert remaining_s(stints, Workload(begun=[Begun(720, 5.0)]), ALONE) == pytest.approx(25)
    assert remaining_s(stints, Workload(begun=[Begun(720, 500.0)]), ALONE) == pytest.approx(25)


def test_a_machine_that_became_faster_is_believed() -> None:
    slow, fast = Stint(0, 100, 100), Stint(100, 200, 1000)
    assert remaining_s([slow, fast], Workload(waiting=[100]), ALONE) == pytest.approx(10)


def test_half_a_minute_is_looked_at_however_short_the_stints() -> None:
    stints = [Stint(at, at + 10, 1) for at in range(0, 80, 10)]
    assert union_s(latest(stints)) == 30
    assert min(stint.begin_s for stint in latest(stints)) == 50


def test_of_chunks_encoded_at_once_all_count() -> None:
    assert len(latest([Stint(0, 100, 1) for _ in range(5)])) == 5


def test_only_the_young_part_of_a_long_stint_counts() -> None:
    assert latest([Stint(0, 240, 60)]) == [Stint(160, 240, 20)]


def test_overlapping_times_count_once() -> None:
    assert union_s([Stint(0, 4, 1), Stint(2, 3, 1), Stint(10, 11, 1)]) == 5


def test_each_server_takes_the_next_piece_when_it_is_free() -> None:
    assert makespan_s([30, 10, 10, 20], servers=2, rate=10) == 4


def test_very_many_pieces_are_divided_evenly() -> None:
    assert makespan_s([10.0] * 10_000, servers=4, rate=10) == 2500
