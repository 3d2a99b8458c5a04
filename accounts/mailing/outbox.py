"""Sending the mails that were ordered. Their rows outlast a lost queue, a killed worker and a mail server that is down.

1. Order: `services.order_mail` inserts a row, in the transaction of what the mail tells, and wakes the sender
   (accounts/mailing/sending.py) after the commit.
2. Claim: one conditional UPDATE counts the attempt and postpones `due_at`. Only one process claims a mail, and the mail
   of a worker that is killed comes due again.
3. Send: the words and links are made now (accounts/mailing/mails.py). A mail that nobody should get any more, or one
   more than THROTTLE_MAILS allows, is deleted instead.
4. Retry: a mail that failed is due again after 1 minute to 3 hours (`BACKOFF`). `send_due` runs each minute and sends
   what is due.
5. Give up: `remove_old` deletes a mail that could not be sent for a day, and sent mails after a week.
"""

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

from accounts.clock import CLOCKS_DIFFER
from accounts.mailing import links
from accounts.mailing.mails import message_for
from accounts.models import Mail, User

log = structlog.get_logger("videoflix.mails")

BACKOFF = [timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180)]
MOST_IN_A_ROUND = 200
UNREACHABLE = (  # the server's fault, whatever the mail
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


def bring_back() -> None:
    """Make due what a clock has put off for longer than any pause: it was ahead, and has been set right since."""
    now = timezone.now()
    ahead = Q()
    for attempts, pause in enumerate((timedelta(), *BACKOFF)):
        tried = Q(attempts__gte=attempts) if attempts == len(BACKOFF) else Q(attempts=attempts)
        ahead |= tried & Q(due_at__gt=now + pause + CLOCKS_DIFFER)
    Mail.objects.filter(ahead, sent_at=None).update(due_at=now)


def send_due(go_on: Callable[[], None] = lambda: None) -> None:
    """Send all due mails, until the mail server can't be reached. `go_on` is called before each mail."""
    bring_back()
    for mail_id in due().order_by("due_at").values_list("pk", flat=True)[:MOST_IN_A_ROUND]:
        go_on()
        if not send(mail_id):
            return


def send(mail_id: int) -> bool:
    """Claim and send a mail if it is due (steps 2 to 4).

    Returns False if the mail server could not be reached, so that other mails need not be tried now.
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
    except (SMTPException, OSError, ValueError) as error:  # ValueError: what SMTP has no way to say
        log.warning("mail not sent", mail=mail_id, kind=mail.kind, error=type(error).__name__)
        Mail.objects.filter(pk=mail_id).update(error=type(error).__name__)
        return isinstance(error, SMTPException | ValueError) and not isinstance(error, UNREACHABLE)
    Mail.objects.filter(pk=mail_id).update(
        sent_at=timezone.now(), error="", subject=message.subject, text=links.without_secrets(str(message.body))
    )
    log.info("mail sent", mail=mail_id, kind=mail.kind)
    return True


def is_flood(mail: Mail) -> bool:
    """Whether the address got as many mails of this kind as THROTTLE_MAILS allows. Their links still work.

    A mail that is about a user to another address counts for the user as well, so that nobody has mails sent to many.

    A mail that was ordered earlier and is not yet sent counts as sent, so that processes that send at the same time
    agree on which mails are too many.
    """
    limit = parse(settings.THROTTLE_MAILS)
    period = timedelta(seconds=limit.get_expiry())
    same = Q(address=mail.address) | Q(user=mail.user) if mail.user else Q(address=mail.address)
    before = Mail.objects.filter(same, kind__in=counted_with(mail), pk__lt=mail.pk)
    return before.filter(Q(sent_at=None) | Q(sent_at__gt=timezone.now() - period)).count() >= limit.amount


def counted_with(mail: Mail) -> list[str]:
    """The kinds that share one limit: to somebody who awaits activation a reset is one more activation mail."""
    waiting = User.objects.filter(email=mail.address, is_active=False, awaits_activation=True)
    return [Mail.Kind.ACTIVATION, Mail.Kind.PASSWORD_RESET] if waiting.exists() else [mail.kind]


def remove_old() -> int:
    """Delete mails that were sent long ago and those that are given up; returns their number."""
    now = timezone.now()
    sent, _ = Mail.objects.filter(sent_at__lt=now - KEPT_SENT).delete()
    unsent, _ = Mail.objects.filter(sent_at=None, created_at__lt=now - KEPT_UNSENT).delete()
    if unsent:
        log.error("mails given up", number=unsent)
    return sent + unsent
