"""`Idempotency-Key`: a request that is sent again, as after a lost answer, changes nothing a second time.

1. The first request inserts a row for caller and key, makes its change and writes its answer into the row, in one
   transaction. A request that is refused leaves no row.
2. A second one finds the row and gets the same answer. One that comes meanwhile waits for the first at the row's unique
   index (or, with SQLite, for the database), and then finds the row, or makes the change itself.
3. The same key with another request is refused. Rows are kept for 24 hours.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Model, QuerySet
from django.http import HttpResponse
from django.utils import timezone

from library.errors import FieldsRefused, KeyUsedOtherwise
from library.viewers import UploaderRequest
from library.writing.models import KeptAnswer

HEADER = "Idempotency-Key"
SPELLED = re.compile(r"[\x21-\x7e]{1,255}")
KEPT_FOR = timedelta(hours=24)


@dataclass(frozen=True)
class GivenAnswer:
    status: int
    body: str  # JSON
    location: str = ""

    def response(self) -> HttpResponse:
        response = HttpResponse(self.body, status=self.status, content_type="application/json; charset=utf-8")
        response["Cache-Control"] = "no-store"
        if self.location:
            response["Location"] = self.location
        return response


def once(request: UploaderRequest, make: Callable[[], GivenAnswer]) -> HttpResponse:
    """The answer that `make` gives, or gave before to the same request. Raises FieldsRefused, KeyUsedOtherwise."""
    key = request.headers.get(HEADER)
    if key is None:
        with transaction.atomic():
            return make().response()
    if not SPELLED.fullmatch(key):
        raise FieldsRefused({HEADER: ["1 to 255 visible ASCII characters."]})
    caller, digest = caller_of(request), digest_of(request)
    KeptAnswer.objects.filter(caller=caller, key=key, expires_at__lte=timezone.now()).delete()
    if kept := find(caller, key):
        return again(kept, digest)
    try:
        with transaction.atomic():
            row = KeptAnswer.objects.create(caller=caller, key=key, digest=digest, expires_at=timezone.now() + KEPT_FOR)
            answer = make()
            told = {"status": answer.status, "body": answer.body, "location": answer.location}
            KeptAnswer.objects.filter(pk=row.pk).update(**told)
    except IntegrityError:
        kept = find(caller, key)
        if kept is None:
            raise
        return again(kept, digest)
    return answer.response()


def find(caller: str, key: str) -> KeptAnswer | None:
    return KeptAnswer.objects.filter(caller=caller, key=key).first()


def again(kept: KeptAnswer, digest: str) -> HttpResponse:
    if kept.digest != digest:
        raise KeyUsedOtherwise
    return GivenAnswer(kept.status, kept.body, kept.location).response()


def kept_for(user_id: int) -> QuerySet[KeptAnswer]:
    """What is remembered of a person's requests."""
    return KeptAnswer.objects.filter(caller=f"user {user_id}")


def forget_person(instance: Model, **of_signal: Any) -> None:
    """Within the transaction that deletes the account."""
    kept_for(instance.pk).delete()


def caller_of(request: UploaderRequest) -> str:
    auth = request.auth
    return f"user {auth.user_id}" if auth.key_id is None else f"key {auth.key_id}"


def digest_of(request: UploaderRequest) -> str:
    head = f"{request.method} {request.path_info.rstrip('/')}\n".encode()
    return sha256(head + request.body).hexdigest()


def forget_old() -> None:
    KeptAnswer.objects.filter(expires_at__lte=timezone.now()).delete()
