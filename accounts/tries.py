"""How often somebody may try to sign in, by the API and by the admin's form alike.

1. A try is counted before the password is looked at, so that tries made at the same time count too.
2. A try from a browser that has signed in to the account before is counted for that browser alone. Strangers' guesses
   don't lock its owner out, even at the same address (OWASP's device cookie).
3. Any other try is counted three times: for the account at this address, for the address, and for the account from
   anywhere.
4. Only a wrong try stays counted.
5. A code of a second factor is a try of its own. It has the same limits and one more, for the account from anywhere:
   whoever is asked for one knows the password, and six digits can be guessed in a month of 100 tries an hour. For codes
   a browser is known if one was shown in it before; then it has this one more limit for itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from accounts import devices
from accounts.errors import SignInRefused, TooManyTries
from accounts.throttling import Taken, Throttle

at_address = Throttle("THROTTLE_SIGN_IN")
from_address = Throttle("THROTTLE_SIGN_IN_ADDRESS")
of_account = Throttle("THROTTLE_SIGN_IN_ACCOUNT")
of_device = Throttle("THROTTLE_SIGN_IN_DEVICE")
of_codes = Throttle("THROTTLE_SECOND_FACTOR")


@contextmanager
def counted(account: str, *, address: str, known_devices: str, code_of: int | None = None) -> Iterator[None]:
    """Count the try that is made inside; it stays counted if it ends with SignInRefused. Raises TooManyTries.

    `account` is the normalised name, whether or not anybody has it; `known_devices` is the browser's device cookie.
    `code_of` is the id of the user whose second factor is tried.
    """
    known_as = account if code_of is None else devices.for_codes(account)
    taken = take(account, address=address, device=devices.device_of(known_devices, known_as), code_of=code_of)
    is_wrong = False
    try:
        yield
    except SignInRefused:
        is_wrong = True
        raise
    finally:
        if not is_wrong:
            give_back(taken)


def take(account: str, *, address: str, device: str | None, code_of: int | None = None) -> list[Taken]:
    """Count a try for each of its limits, or raise TooManyTries and count it for none."""
    counts = [(of_device, device)] if device else everywhere(account, address)
    if code_of is not None:
        counts.append((of_codes, f"{code_of} {device}" if device else str(code_of)))
    taken: list[Taken] = []
    try:
        for throttle, subject in counts:
            taken.append(throttle.take(subject))
    except TooManyTries:
        give_back(taken)
        raise
    return taken


def give_back(taken: list[Taken]) -> None:
    for one in taken:
        one.give_back()


def everywhere(account: str, address: str) -> list[tuple[Throttle, str]]:
    return [(at_address, f"{account} {address}"), (from_address, address), (of_account, account)]


def forgive(account: str, *, address: str) -> None:
    """Forget the wrong tries at an account whose owner has just proved, at this address, who they are."""
    at_address.forget(f"{account} {address}")
    of_account.forget(account)
