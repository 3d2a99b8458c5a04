"""`manage.py worker`: takes tasks from the queue until it is told to stop, then gives back what it has begun."""

import signal
import sqlite3
import threading
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseUnavailable
from django.utils.module_loading import autodiscover_modules
from huey.api import Task
from huey.constants import WORKER_THREAD
from huey.consumer import Consumer, Scheduler
from huey.contrib.djhuey import HUEY
from redis.exceptions import RedisError

from hls import clock, heartbeat
from hls.core.errors import in_one_line
from hls.steps import stop_working
from project.health.checks import ENGINE
from project.health.probes import WORKER_SILENCE
from project.logs import log_unhandled

log = structlog.get_logger("videoflix.worker")


class IndependentScheduler(Scheduler):  # type: ignore[misc]  # huey has no types
    """Huey's scheduler, which does the periodic tasks by itself while the queue takes none.

    Each of them is done by one worker at a time, whoever begins it (hls/periodic.py).
    """

    def enqueue_periodic_tasks(self, now: datetime | None = None) -> None:
        for task in self.huey.read_periodic(now):
            try:
                self.huey.enqueue(task)
            except (RedisError, sqlite3.Error, OSError):
                self._logger.exception("Error enqueueing periodic task %s.", task)
                self.do(task)

    def do(self, task: Task) -> None:
        try:
            task.execute()
        except (DatabaseUnavailable, RedisError, OSError) as error:
            log.warning("periodic task failed", task=task.name, reason=in_one_line(error))


class QueueWorker(Consumer):  # type: ignore[misc]  # huey has no types
    """Huey's consumer, for which SIGTERM, SIGINT and SIGHUP all mean: stop gracefully.

    Huey's own answers are an interrupted task (SIGTERM) and a restart (SIGHUP).
    """

    scheduler_class = IndependentScheduler

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._signal_actions = dict.fromkeys((signal.SIGTERM, signal.SIGINT, signal.SIGHUP), (False, True))

    def start(self) -> None:
        """Install the signal handlers before any work begins. Huey does so later, when a signal would already kill."""
        self._set_signal_handlers()
        super().start()

    def stop(self, graceful: bool = False) -> None:
        """Stop running encoders first. Their chunks are given back, and their tasks end in time."""
        stop_working()
        super().stop(graceful=graceful)


class Command(BaseCommand):
    help = "Run the queue worker: transcodes videos and sends mail."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="Only look whether a worker of this machine is alive.")

    def handle(self, *arguments: Any, **options: Any) -> None:
        if options["check"]:
            self.look()
        else:
            self.work()

    def work(self) -> None:
        self.check(tags=[ENGINE], include_deployment_checks=True)
        autodiscover_modules("tasks")
        threading.excepthook = log_unhandled
        consumer = {"worker_type": WORKER_THREAD, **settings.HUEY["consumer"]}
        log.info("worker starts", encoders=settings.HLS_WORKERS)
        try:
            QueueWorker(HUEY, **consumer).run()
        finally:
            heartbeat.this_process.end()
        log.info("worker has stopped")

    def look(self) -> None:
        """For a container's health check: this machine (or container) has a worker that has shown itself lately."""
        if not clock.seen_within(WORKER_SILENCE).filter(host=heartbeat.this_host()).exists():
            raise CommandError("No worker of this machine has shown itself lately.")
        self.stdout.write("A worker of this machine is alive.")
