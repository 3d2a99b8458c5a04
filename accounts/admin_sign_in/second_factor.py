"""The second factor of staff: codes of an authenticator app (TOTP, RFC 6238), and recovery codes.

1. Set-up: a new key is shown as a picture and as text. It counts once a code of the app has been entered; ten recovery
   codes are made then and shown once.
2. A code is good for its 30 seconds and the 30 before and after, for clocks that differ, and works once: the row holds
   the last step that was used, and is locked while a code is looked at. A recovery code works once, too.
3. Its owner switches it off with a code or the password; a superuser, or `manage.py second_factor reset`, for somebody
   else. A new password leaves it as it is.
4. Whoever signed in before it was switched on or off is signed out (OWASP ASVS 5.0 7.4.3).
"""

import hashlib
import re
import secrets
from base64 import b32encode
from dataclasses import dataclass

import segno
import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice, default_key

from accounts import sessions
from accounts.errors import CodeRefused
from accounts.models import RecoveryCode, User

RECOVERY_CODES = 10
ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # 32 characters, none of which looks like another
RECOVERY_LENGTH = 24  # 120 bits
OF_THE_APP = re.compile(r"[0-9]{6}")
PIXELS_OF_A_MODULE = 4

log = structlog.get_logger("videoflix.accounts")


@dataclass(frozen=True)
class NewKey:
    """A key that is being set up, as apps take it in."""

    key: str  # 20 bytes in hexadecimal digits

    @property
    def text(self) -> str:
        """In Base32, in groups of four, for typing."""
        spelled = b32encode(bytes.fromhex(self.key)).decode()
        return " ".join(spelled[start : start + 4] for start in range(0, len(spelled), 4))

    def picture(self, user: User) -> str:
        """A QR code as SVG for the page itself: no policy has to allow an image."""
        address = self.device(user).config_url
        return segno.make(address, error="m").svg_inline(scale=PIXELS_OF_A_MODULE, light="#fff", svgclass="vf-qr")

    def device(self, user: User) -> TOTPDevice:
        return TOTPDevice(user=user, name="Authenticator app", key=self.key, digits=6, step=30, tolerance=1)


def new_key() -> str:
    key: str = default_key()
    return key


def is_on(user: User) -> bool:
    return bool(TOTPDevice.objects.filter(user_id=user.pk, confirmed=True).exists())


def is_required(user: User) -> bool:
    return bool(settings.ADMIN_REQUIRE_2FA) and user.is_staff


def is_missing(user: User) -> bool:
    """Whether the user must set one up before the admin is opened to them."""
    return is_required(user) and not is_on(user)


def recovery_codes_left(user: User) -> int:
    return RecoveryCode.objects.filter(user=user, used_at=None).count()


def switch_on(user: User, new: NewKey, code: str) -> list[str]:
    """Make it the user's second factor; returns the recovery codes. Raises CodeRefused, also if it has one."""
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        device = new.device(user)
        if is_on(user) or not OF_THE_APP.fullmatch(plain(code)) or not device.verify_token(plain(code)):
            raise CodeRefused
        codes = new_recovery_codes(user)
    log.info("second factor on", user_id=user.pk)
    return codes


def new_recovery_codes(user: User) -> list[str]:
    """Ten codes that replace all older ones. Nobody can read them again."""
    codes = ["".join(secrets.choice(ALPHABET) for _ in range(RECOVERY_LENGTH)) for _ in range(RECOVERY_CODES)]
    with transaction.atomic():
        RecoveryCode.objects.filter(user=user).delete()
        RecoveryCode.objects.bulk_create(RecoveryCode(user=user, code_hash=hash_of(code)) for code in codes)
    return ["-".join(code[start : start + 4] for start in range(0, RECOVERY_LENGTH, 4)) for code in codes]


def check(user: User, code: str) -> None:
    """Use the code up. Raises CodeRefused if it is wrong, expired or used. Who calls this counts the try."""
    code = plain(code)
    is_right = is_of_the_app(user, code) if OF_THE_APP.fullmatch(code) else is_for_recovery(user, code)
    if not is_right:
        raise CodeRefused


def is_of_the_app(user: User, code: str) -> bool:
    with transaction.atomic():
        device = TOTPDevice.objects.select_for_update().filter(user_id=user.pk, confirmed=True).first()
        return device is not None and bool(device.verify_token(code))


def is_for_recovery(user: User, code: str) -> bool:
    unused = RecoveryCode.objects.filter(user=user, code_hash=hash_of(code), used_at=None)
    is_right = unused.update(used_at=timezone.now()) == 1
    if is_right:
        log.info("recovery code used", user_id=user.pk, left=recovery_codes_left(user))
    return is_right


def switch_off(user: User) -> bool:
    """Remove it with its recovery codes; False if there is none."""
    with transaction.atomic():
        RecoveryCode.objects.filter(user=user).delete()
        number, _ = TOTPDevice.objects.filter(user_id=user.pk).delete()
    if number:
        log.info("second factor off", user_id=user.pk)
    return bool(number)


def reset(user: User) -> bool:
    """Take it from somebody who can't show a code, and sign them out everywhere; False if there is none."""
    was_on = switch_off(user)
    if was_on:
        sessions.end_everywhere(user)
    return was_on


def plain(code: str) -> str:
    """Without what people type between the groups."""
    return re.sub(r"[\s-]", "", code).lower()


def hash_of(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
