"""Argon2id with OWASP's parameters (Password Storage Cheat Sheet): 19 MiB, two passes, one lane.

Passwords are normalised to NFKC before they are hashed (NIST SP 800-63B 5.1.1.2), because keyboards encode the same
characters differently. Older hashes were made without this, so a password is also tried as typed if that differs.
"""

import os
import threading
from unicodedata import normalize

from django.contrib.auth.hashers import Argon2PasswordHasher, PBKDF2PasswordHasher

_at_once = threading.BoundedSemaphore(os.cpu_count() or 1)  # more at once would be no faster, and each takes 19 MiB


def nfkc(password: str) -> str:
    return normalize("NFKC", password)


def spellings(password: str) -> list[str]:
    """What a hash may have been made from: normalised first, then as typed where that differs."""
    return list(dict.fromkeys((nfkc(password), password)))


class AsTyped(Argon2PasswordHasher):
    """Hashes a password exactly as typed, as many at once as there are cores."""

    memory_cost = 19 * 1024
    time_cost = 2
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        with _at_once:
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with _at_once:
            return super().verify(password, encoded)


class Argon2(AsTyped):
    """Hashes the normalised password; verifies hashes of either spelling."""

    def encode(self, password: str, salt: str) -> str:
        return super().encode(nfkc(password), salt)

    def verify(self, password: str, encoded: str) -> bool:
        return any(AsTyped.verify(self, spelling, encoded) for spelling in spellings(password))


class PBKDF2(PBKDF2PasswordHasher):
    """Verifies hashes that were made elsewhere. Signing in replaces them by Argon2's."""

    def verify(self, password: str, encoded: str) -> bool:
        return any(PBKDF2PasswordHasher.verify(self, spelling, encoded) for spelling in spellings(password))
