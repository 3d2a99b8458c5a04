"""Ordering and sending mails. The row is the truth: whatever happens to queue, worker or mail server, it stays."""

from collections.abc import Callable
from datetime import timedelta
from smtplib import (
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPException,
    SMTPHeloError,
    SMTPNotSupportedError,
    SMTPServerDisconnected,
)

import structlog
from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from limits import parse

from accounts.mails import message_for
from accounts.models import Mail, User

log = structlog.get_logger("videoflix.mails")

BACKOFF = [timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180)]
MOST_IN_A_ROUND = 200
UNREACHABLE = (  # the server itself, whatever the mail
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPHeloError,
    SMTPNotSupportedError,
    SMTPServerDisconnected,
)
KEPT_UNSENT = timedelta(hours=24)  # a mail that can't be sent for a day is no longer expected
KEPT_SENT = timedelta(days=7)


def due() -> "QuerySet[Mail]":
    return Mail.objects.filter(sent_at=None, due_at__lte=timezone.now())


def send_due(go_on: Callable[[], None] = lambda: None) -> None:
    """A round: what is due, as long as the mail server can be reached. `go_on` is called before each mail."""
    for mail_id in due().order_by("due_at").values_list("pk", flat=True)[:MOST_IN_A_ROUND]:
        go_on()
        if not send(mail_id):
            return


def send(mail_id: int) -> bool:
    """Send a due mail, once however many ask; a mail server that fails is tried again with back-off.

    Claiming moves the due time, so that a worker killed while sending leaves a mail that comes up again.
    False where the mail server could not be reached, so that others need not be tried now.
    """
    mail = Mail.objects.filter(pk=mail_id, sent_at=None).first()
    if mail is None:
        return True
    wait = BACKOFF[min(mail.attempts, len(BACKOFF) - 1)]
    claimed = due().filter(pk=mail_id, attempts=mail.attempts)
    if not claimed.update(attempts=F("attempts") + 1, due_at=timezone.now() + wait):
        return True
    message = None if is_flood(mail) else message_for(mail)
    if message is None:
        mail.delete()
        return True
    try:
        message.send()
    except (SMTPException, OSError) as error:
        log.warning("mail not sent", mail=mail_id, kind=mail.kind, error=type(error).__name__)
        Mail.objects.filter(pk=mail_id).update(error=type(error).__name__)
        return isinstance(error, SMTPException) and not isinstance(error, UNREACHABLE)
    Mail.objects.filter(pk=mail_id).update(sent_at=timezone.now(), error="")
    log.info("mail sent", mail=mail_id, kind=mail.kind)
    return True


def is_flood(mail: Mail) -> bool:
    """Whether this address had its share of this kind: the links in those still work, so nobody is locked out.

    One that was ordered before and is still to be sent counts as sent: of those that are sent at the same time, the
    same ones are too many whoever asks.
    """
    limit = parse(settings.THROTTLE_MAILS)
    period = timedelta(seconds=limit.get_expiry())
    before = Mail.objects.filter(kind__in=counted_with(mail), address=mail.address, pk__lt=mail.pk)
    return before.filter(Q(sent_at=None) | Q(sent_at__gt=timezone.now() - period)).count() >= limit.amount


def counted_with(mail: Mail) -> list[str]:
    """The kinds that share one limit: to somebody who awaits activation a reset is one more activation mail."""
    waiting = User.objects.filter(email=mail.address, is_active=False, awaits_activation=True)
    return [Mail.Kind.ACTIVATION, Mail.Kind.PASSWORD_RESET] if waiting.exists() else [mail.kind]


def remove_old() -> int:
    """Mails long sent, and those given up."""
    now = timezone.now()
    sent, _ = Mail.objects.filter(sent_at__lt=now - KEPT_SENT).delete()
    unsent, _ = Mail.objects.filter(sent_at=None, created_at__lt=now - KEPT_UNSENT).delete()
    if unsent:
        log.error("mails given up", number=unsent)
    return sent + unsent
