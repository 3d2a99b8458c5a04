"""Django's PostgreSQL backend, which takes a server that refuses all writes for one that is away.

So does a standby, as after a failover, or a server that its owner has set to read-only. For psycopg that is an internal
error, not one of operation; but nothing is wrong with the statement, which works once the server is well again.
"""

from types import TracebackType
from typing import Any

from django.db import OperationalError
from django.db.backends.postgresql import base
from django.db.utils import DatabaseErrorWrapper
from django.utils.functional import cached_property
from psycopg.errors import ReadOnlySqlTransaction

# A server whose machine or network is gone says nothing more. Without these, whoever waits for it waits for a quarter
# of an hour (what was sent has not arrived) or for two hours (an answer is awaited), with a connection of the pool.
PATIENCE = {"tcp_user_timeout": 15_000, "keepalives_idle": 5, "keepalives_interval": 5, "keepalives_count": 2}


class ErrorWrapper(DatabaseErrorWrapper):
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, ReadOnlySqlTransaction):
            raise OperationalError(*error.args).with_traceback(traceback) from error
        super().__exit__(kind, error, traceback)


class DatabaseWrapper(base.DatabaseWrapper):
    @cached_property
    def wrap_database_errors(self) -> ErrorWrapper:
        return ErrorWrapper(self)

    def get_connection_params(self) -> dict[str, Any]:
        return PATIENCE | super().get_connection_params()
