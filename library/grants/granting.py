"""Upload grants: an address at which somebody without an account uploads one file, once.

1. Staff, or a program with `uploads:write`, makes a grant and hands out its address. Whoever has it may use it.
2. A tus client begins an upload there, and sends its pieces to the same address. Beginning again, as after a page was
   closed, gives up what was begun before. What is sent may be at most `max_bytes`, and its length is told first.
   Who gives up claims the upload as a video would (`give_up`): whichever of the two is second does nothing.
3. With the last byte the video is made, as of an upload of whoever made the grant, and the address opens nothing more.

Whether whoever made the grant may still upload is asked with each request (project/upload_grants.py).
"""

import secrets
from base64 import b64encode
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import PurePath

from django.db import transaction
from django.utils import timezone

from library import categories, disk
from library.errors import NotFound, TooLarge, UploadGone, UploadMalformed
from library.grants.models import UploadGrant
from library.models import Upload
from library.uploads import finishing, metadata, resumable
from library.viewers import Owner

MOST_TITLE = 200
KEPT_FOR = timedelta(days=1)  # so that whoever comes late is told so


@dataclass(frozen=True)
class Granted:
    grant: UploadGrant
    token: str


def make(
    owner: Owner, *, title: str, category: str, is_published: bool, max_bytes: int, expires_in: timedelta
) -> Granted:
    """Raises FieldsRefused for a category that doesn't exist."""
    if category:
        categories.check(category)
    token = secrets.token_urlsafe(32)
    grant = UploadGrant.objects.create(
        **owner.columns,
        token_hash=hash_of(token),
        title=title,
        category=category,
        is_published=is_published,
        max_bytes=max_bytes,
        expires_at=(timezone.now() + expires_in).replace(microsecond=0),
    )
    return Granted(grant, token)


def find(token: str) -> UploadGrant:
    """Raises NotFound."""
    grant = UploadGrant.objects.select_related("upload", "owner").filter(token_hash=hash_of(token)).first()
    if grant is None:
        raise NotFound
    return grant


def owner_of_grant(grant: UploadGrant) -> Owner:
    return Owner(grant.owner_id, grant.api_key_id)


def begin(grant: UploadGrant, *, length: int, header: str) -> Upload:
    """Begin the grant's upload. Raises UploadGone where it is over, TooLarge, NotFound, and as resumable.begin."""
    if length > grant.max_bytes:
        raise TooLarge(f"The file is too large: at most {disk.size_text(grant.max_bytes)} can be uploaded here.")
    told = told_of(grant, header)
    with transaction.atomic():
        locked = UploadGrant.objects.select_for_update().filter(pk=grant.pk).first()
        if locked is None:
            raise NotFound
        if locked.used_at is not None or locked.expires_at <= timezone.now():
            raise UploadGone
        before = locked.upload
        if before is not None:
            give_up(before)
        upload = resumable.begin(owner_of_grant(grant), length=length, header=told)
        UploadGrant.objects.filter(pk=grant.pk).update(upload=upload)
    if before is not None:
        resumable.discard(before)
    return upload


def told_of(grant: UploadGrant, header: str) -> str:
    """The metadata of the upload: the file's name is the uploader's, all else the grant's. Raises UploadMalformed."""
    pairs = metadata.decoded(header)
    name = PurePath(pairs.get("filename") or pairs.get("name") or "").name
    if not name:
        raise UploadMalformed("Send the file's name as filename in the header Upload-Metadata.")
    title = grant.title or PurePath(name).stem.strip()[:MOST_TITLE] or "Upload"
    said = {"filename": name, "title": title, "is_published": str(grant.is_published).lower()}
    said |= {"category": grant.category} if grant.category in categories.slugs() else {}
    return ",".join(f"{key} {b64encode(value.encode()).decode()}" for key, value in said.items())


def upload_of(grant: UploadGrant) -> Upload:
    """What is being uploaded, with the steps done that are missing.

    Raises NotFound where nothing was begun, UploadGone.
    """
    if grant.upload is None:
        raise NotFound if grant.used_at is None else UploadGone
    upload = resumable.find(owner_of_grant(grant), grant.upload.pk)
    finishing.finish(upload)
    return upload


def end(grant: UploadGrant) -> None:
    """Give up what was begun; the address may be used again. Raises NotFound, UploadGone."""
    upload = upload_of(grant)
    with transaction.atomic():
        UploadGrant.objects.filter(pk=grant.pk, upload=upload.pk).update(upload=None)
        give_up(upload)
    resumable.discard(upload)


def give_up(upload: Upload) -> None:
    """Let no video be made of it any more, in the transaction that frees its grant's address.

    Raises UploadGone where its last byte was quicker.
    """
    row = Upload.objects.filter(pk=upload.pk)
    if not row.filter(taken_at=None, finished_at=None).update(taken_at=timezone.now()) and row.exists():
        raise UploadGone


def forget_old() -> None:
    """Remove grants that opened nothing more for a while; those of uploads that are there stay as long."""
    UploadGrant.objects.filter(expires_at__lte=timezone.now() - KEPT_FOR, upload=None).delete()


def hash_of(token: str) -> str:
    return sha256(token.encode(errors="surrogateescape")).hexdigest()
