"""Django's PostgreSQL backend, which takes a server that refuses all writes for one that is away.

So does a standby, as after a failover, or a server that its owner has set to read-only. For psycopg that is an internal
error, not one of operation; but nothing is wrong with the statement, which works once the server is well again.
"""

from types import TracebackType

from django.db import OperationalError
from django.db.backends.postgresql import base
from django.db.utils import DatabaseErrorWrapper
from django.utils.functional import cached_property
from psycopg.errors import ReadOnlySqlTransaction


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
