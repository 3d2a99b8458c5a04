"""E-mail addresses: which are taken, and the one spelling under which each is stored, found and counted.

Browsers differ in how they send a host with other letters than a to z: to one `bücher.example` is
`xn--bcher-kva.example`, to another it stays as typed. Both are one address here, spelled as people read it. Mails are
sent to the name that DNS knows, by IDNA 2008: by the older rules, which Python and Django follow, a mail to
`straße.example` goes to `strasse.example`, which is somebody else's.
"""

from email.policy import SMTP

import idna
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

EMAIL_LENGTH = 254
NO_ADDRESS = "Enter a valid e-mail address."


def normalised(address: str) -> str:
    """The one spelling of an address. Its length may differ: some capitals have two characters as small letters."""
    spelled = address.strip().lower()
    local, at, host = spelled.rpartition("@")
    if host.isascii() and "xn--" not in host:
        return spelled
    try:
        return f"{local}{at}{idna.decode(in_dns(host))}"
    except UnicodeError:
        return spelled


def for_mails(address: str) -> str:
    """The address to which a mail is sent: in ASCII, unless no host can have such a name."""
    local, at, host = address.rpartition("@")
    try:
        return address if host.isascii() else f"{local}{at}{in_dns(host)}"
    except UnicodeError:
        return address


def in_dns(host: str) -> str:
    """Raises UnicodeError."""
    return idna.encode(host, uts46=True).decode()


def check(address: str) -> None:
    """Raises ValidationError for what is no address, can't be stored, or that no mail can be sent to.

    Django's check lets control characters pass within quotes, and letters such as U+017F, which are an S to it.
    """
    spelled = normalised(address)
    sent_to = for_mails(spelled)
    try:
        validate_email(sent_to)
    except ValidationError as error:
        raise ValidationError(NO_ADDRESS, code="invalid") from error
    if len(spelled) > EMAIL_LENGTH or not spelled.isprintable() or not is_recipient(sent_to):
        raise ValidationError(NO_ADDRESS, code="invalid")


def is_recipient(address: str) -> bool:
    """Whether a message can be to this address, and means no other by it."""
    try:
        address.rpartition("@")[2].encode("idna")  # by which Python refuses names that are too long
        recipients = SMTP.header_factory("To", address)
    except ValueError:
        return False
    return address.isascii() and not recipients.defects and len(recipients.addresses) == 1
