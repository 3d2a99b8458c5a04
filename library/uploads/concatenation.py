"""Several uploads joined into one (tus 1.0, "Concatenation"): clients send them side by side, which is faster.

1. In one transaction the whole gets its row, and each part is bound to it: a part belongs to one whole only, and is
   removed with it.
2. `join` makes one file of the parts (library.uploads.arriving). After a crash whoever comes next can go on
   (library.uploads.finishing).
"""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone

from library.errors import FileRefused, UploadGone, UploadMalformed
from library.models import Upload, UploadKind
from library.uploads import file_signatures, resumable
from library.uploads.arriving import LIFETIME
from library.uploads.kinds import arriving
from library.viewers import Owner

log = structlog.get_logger("videoflix.library")

PATH = re.compile(r"/api/uploads/([0-9a-f-]{36})/?")
MOST_PARTS = 100
HEAD_BYTES = 4096
TAKEN = "One of the parts is of another upload already."


def named(header: str) -> list[UUID]:
    """The parts in `Upload-Concat: final;<address> <address>`, absolute or not. Raises UploadMalformed."""
    addresses = header.removeprefix("final;").split()
    try:
        found = [PATH.fullmatch(urlsplit(address).path) for address in addresses]
        parts = [UUID(match[1]) for match in found if match]
    except ValueError:
        parts = []
    if not parts or len(parts) < len(addresses) or len(set(parts)) < len(parts) or len(parts) > MOST_PARTS:
        raise UploadMalformed(f"Send final; and the addresses of 1 to {MOST_PARTS} parts in the header Upload-Concat.")
    return parts


def begin(owner: Owner, parts: Sequence[UUID], *, header: str, session: UUID | None) -> Upload:
    """The whole of these parts: a new one, or the one made before where its answer was lost. Nothing is joined yet.

    Raises UploadMalformed, FieldsRefused, NotPermitted, TooLarge, NoRoom, UploadGone, FileRefused.
    """
    told = resumable.permitted(owner, header)
    whole = Upload(**owner.columns, name=told.name, metadata=header, session=session)
    try:
        rows = parts_of(owner, parts)
        return made_already(rows) or bound(whole, rows)
    except (UploadMalformed, UploadGone):
        if made := made_already(parts_of(owner, parts)):  # by the same request, sent twice at once
            return made
        raise


def bound(whole: Upload, rows: Sequence[Upload]) -> Upload:
    """The whole with its row, and its parts bound to it. Raises as `begin`."""
    lengths = [row.length or 0 for row in rows]
    resumable.check_room(sum(lengths), to_write=max(lengths[1:], default=0))
    refuse_foreign(rows[0])
    whole.kind, whole.length, whole.expires_at = UploadKind.FINAL, sum(lengths), timezone.now() + LIFETIME
    arriving().begin(whole)
    with transaction.atomic():
        whole.save(force_insert=True)
        for number, row in enumerate(rows):
            written = {"whole": whole, "part_number": number, "finished_at": timezone.now()}
            if not Upload.objects.filter(pk=row.pk, whole=None).update(**written):
                raise UploadMalformed(TAKEN)
    log.info("upload of parts begins", upload=str(whole.pk), parts=len(rows), length=whole.length)
    return whole


def parts_of(owner: Owner, parts: Sequence[UUID]) -> list[Upload]:
    """Raises UploadGone, UploadMalformed."""
    return [part_of(owner, pk) for pk in parts]


def part_of(owner: Owner, pk: UUID) -> Upload:
    """Raises UploadGone, UploadMalformed."""
    part = resumable.find(owner, pk)
    if part.kind != UploadKind.PARTIAL:
        raise UploadMalformed("One of the uploads is no part: begin it with Upload-Concat: partial.")
    if resumable.offset_of(part) != part.length:
        raise UploadMalformed("One of the parts is not complete.")
    resumable.catch_up(part)
    return part


def made_already(rows: Sequence[Upload]) -> Upload | None:
    """The whole of exactly these parts in this order. Raises UploadMalformed where one is part of another."""
    wholes = {row.whole for row in rows}
    if wholes == {None}:
        return None
    whole = rows[0].whole
    if whole is None or len(wholes) > 1 or list(whole.parts.order_by("part_number")) != list(rows):
        raise UploadMalformed(TAKEN)
    return whole


def refuse_foreign(first: Upload) -> None:
    """Raises FileRefused, UploadGone."""
    kind = file_signatures.foreign_kind(arriving().head(first, HEAD_BYTES))
    if kind:
        raise FileRefused(f"This is no video but {kind}.")


def join(whole: Upload) -> None:
    """Go on until all parts are in the whole's file, and write down that it is complete.

    Raises UploadBusy while another process does it, UploadGone where bytes were lost, NoRoom.
    """
    parts = list(whole.parts.order_by("part_number"))
    if sum(part.length or 0 for part in parts) != whole.length:  # a part was ended at the moment it was bound
        raise UploadGone
    arriving().join(whole, parts)
