"""What happens to a row between two statements, as when somebody else is as quick as that."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.db.models import Model

LOCKED_OUT = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@contextmanager
def deleted_once_claimed(kind: type[Model]) -> Iterator[None]:
    """All rows of this model go with the first UPDATE that is made meanwhile: that of the claim."""

    def execute_and_delete(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        done = execute(sql, params, many, context)
        if sql.startswith("UPDATE"):
            kind._base_manager.all().delete()
        return done

    with connection.execute_wrapper(execute_and_delete):
        yield


@contextmanager
def after_reading(kind: type[Model], do: Callable[[], object]) -> Iterator[None]:
    """`do` happens right behind the first SELECT of this model's rows."""
    is_done = False

    def execute_and_do(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal is_done
        found = execute(sql, params, many, context)
        if not is_done and sql.startswith("SELECT") and f'FROM "{kind._meta.db_table}"' in sql:
            is_done = True
            do()
        return found

    with connection.execute_wrapper(execute_and_do):
        yield
    assert is_done


def is_waiting_for_a_lock() -> bool:
    """Whether another connection to this PostgreSQL database waits, at some time within the next seconds."""
    for _ in range(100):
        with connection.cursor() as cursor:
            cursor.execute(LOCKED_OUT)
            if cursor.fetchone()[0]:
                return True
        time.sleep(0.05)
    return False
