"""E-mail addresses: which are taken, and the one spelling under which each is stored, found and counted."""

from email.policy import SMTP

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

EMAIL_LENGTH = 254
NO_ADDRESS = "Enter a valid e-mail address."


def normalised(address: str) -> str:
    """The one spelling of an address. Its length may differ: some capitals have two characters as small letters."""
    return address.strip().lower()


def check(address: str) -> None:
    """Raises ValidationError for what is no address, can't be stored, or that no mail can be sent to.

    Django's check lets control characters pass within quotes, and letters such as U+017F, which are an S to it.
    """
    spelled = normalised(address)
    try:
        validate_email(spelled)
    except ValidationError as error:
        raise ValidationError(NO_ADDRESS, code="invalid") from error
    if len(spelled) > EMAIL_LENGTH or not is_for_mails(spelled):
        raise ValidationError(NO_ADDRESS, code="invalid")


def is_for_mails(address: str) -> bool:
    """Whether a message can have it as its recipient, and means nobody else by it."""
    local, _, host = address.rpartition("@")
    try:
        host.encode("idna")
        recipients = SMTP.header_factory("To", address)
    except ValueError:
        return False
    return local.isascii() and address.isprintable() and not recipients.defects and len(recipients.addresses) == 1
