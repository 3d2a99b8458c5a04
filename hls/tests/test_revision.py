"""The revision changes with each transaction that changes what viewers are shown, whenever it is committed."""

import threading
from collections.abc import Callable
from functools import partial

import pytest
from django.db import connection, models, transaction
from django.utils import timezone

from hls.models import Revision, Transcode
from hls.tests.factories import TranscodeFactory

THREADS = 8
LONGEST_WAIT_S = 30.0  # for what comes at once


def number() -> int:
    found: int = Revision.objects.aggregate(sum=models.Sum("number", default=0))["sum"]
    return found


def make_playable(pk: int) -> None:
    Transcode.objects.filter(pk=pk).update(playable_at=timezone.now())


def begin(work: Callable[[], object]) -> threading.Thread:
    """A thread with a database connection of its own."""

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.django_db
def test_what_is_rolled_back_leaves_the_revision_as_it_was() -> None:
    pk = TranscodeFactory.create().pk
    make_playable(pk)
    seen = Revision.current()
    with transaction.atomic():
        make_playable(pk)
        assert Revision.current() != seen
        transaction.set_rollback(True)
    assert Revision.current() == seen


@pytest.mark.django_db
def test_numbers_that_come_again_after_a_restored_backup_have_another_time() -> None:
    pk = TranscodeFactory.create().pk
    make_playable(pk)
    backup = list(Revision.objects.all())
    make_playable(pk)
    seen = Revision.current()
    Revision.objects.all().delete()
    Revision.objects.bulk_create(backup)
    make_playable(pk)
    assert Revision.current().partition("|")[0] == seen.partition("|")[0]
    assert Revision.current() != seen


@pytest.mark.django_db(transaction=True)
def test_no_change_of_many_at_once_is_lost() -> None:
    pks = [TranscodeFactory.create().pk for _ in range(THREADS)]
    for thread in [begin(partial(make_playable, pk)) for pk in pks]:
        thread.join()
    assert number() == THREADS
    assert Revision.objects.count() <= THREADS


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite writes one transaction after the other")
def test_change_that_is_committed_late_is_seen_then_and_nobody_waits_for_it() -> None:
    early, late = TranscodeFactory.create(), TranscodeFactory.create()
    has_changed, may_commit = threading.Event(), threading.Event()

    def change_and_wait() -> None:
        with transaction.atomic():
            make_playable(late.pk)
            has_changed.set()
            may_commit.wait(LONGEST_WAIT_S)

    thread = begin(change_and_wait)
    assert has_changed.wait(LONGEST_WAIT_S)
    try:
        before = Revision.current()
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '2s'")
            make_playable(early.pk)
        between = Revision.current()
    finally:
        may_commit.set()
        thread.join()
    assert len({before, between, Revision.current()}) == 3
    make_playable(early.pk)
    assert Revision.objects.count() == 2, "rows that nobody holds are used again"
