"""How often somebody may try to sign in, by the API and by the admin's form alike.

1. A try is counted before the password is looked at, so that tries made at the same time count too.
2. Who comes from a browser that has signed in to the account before is counted by that browser alone: strangers'
   guesses lock nobody out, be they made at the same address (OWASP's device cookie).
3. Everybody else is counted for the account at this address, for the address, and widely for the account.
4. Only a try that was wrong stays counted.
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


@contextmanager
def counted(account: str, *, address: str, known_devices: str) -> Iterator[None]:
    """Count what is tried inside: it stays counted where it ends with SignInRefused. Raises TooManyTries.

    `account` is the name as it was normalised, whether or not anybody has it; `known_devices` is the browser's cookie.
    """
    taken = take(account, address=address, device=devices.device_of(known_devices, account))
    is_wrong = False
    try:
        yield
    except SignInRefused:
        is_wrong = True
        raise
    finally:
        if not is_wrong:
            give_back(taken)


def take(account: str, *, address: str, device: str | None) -> list[Taken]:
    """Count a try wherever it has to be counted, or raise TooManyTries and count it nowhere."""
    counts = [(of_device, device)] if device else everywhere(account, address)
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
    """Open the account for its owner, who has shown at this address to be it."""
    at_address.forget(f"{account} {address}")
    of_account.forget(account)
