"""Argon2id with OWASP's parameters (Password Storage Cheat Sheet): 19 MiB, two passes, one lane.

Passwords are hashed in NFKC (NIST SP 800-63B 5.1.1.2), so that it doesn't matter which keyboard writes their characters
how. Hashes from before that hold what was typed: where a password is not in NFKC, it is also tried as it came.
"""

import os
import threading
from unicodedata import normalize

from django.contrib.auth.hashers import Argon2PasswordHasher, PBKDF2PasswordHasher

_at_once = threading.BoundedSemaphore(os.cpu_count() or 1)  # more would be no faster, and each takes its 19 MiB


def nfkc(password: str) -> str:
    return normalize("NFKC", password)


def spellings(password: str) -> list[str]:
    """What a hash may have been made from: normalised first, then as typed where that differs."""
    return list(dict.fromkeys((nfkc(password), password)))


class AsTyped(Argon2PasswordHasher):
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
    def encode(self, password: str, salt: str) -> str:
        return super().encode(nfkc(password), salt)

    def verify(self, password: str, encoded: str) -> bool:
        return any(AsTyped.verify(self, spelling, encoded) for spelling in spellings(password))


class PBKDF2(PBKDF2PasswordHasher):
    """For hashes that were made elsewhere: whoever signs in gets one of Argon2."""

    def verify(self, password: str, encoded: str) -> bool:
        return any(PBKDF2PasswordHasher.verify(self, spelling, encoded) for spelling in spellings(password))
