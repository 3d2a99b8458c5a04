"""Mail without an SMTP server: every message becomes one `.eml` file that a mail program opens."""

from collections.abc import Sequence
from datetime import UTC, datetime
from email.policy import default
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

PLAIN = default.clone(cte_type="8bit", max_line_length=998)  # so that people and grep can read a link in the file


class EmlBackend(BaseEmailBackend):
    """Writes messages to a folder, named by time, complete or not at all."""

    def __init__(self, folder: Path, **options: Any) -> None:
        super().__init__(**options)
        self.folder = folder

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # links that open accounts are in there
        for message in email_messages:
            name = f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}-{uuid4().hex[:6]}"
            draft = self.folder / f".{name}"
            try:
                draft.write_bytes(message.message(policy=PLAIN).as_bytes())
                draft.replace(self.folder / f"{name}.eml")
            finally:
                draft.unlink(missing_ok=True)  # a full disk takes a part of it, or the name alone
        return len(email_messages)
