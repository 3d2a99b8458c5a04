"""Argon2id with OWASP's parameters (Password Storage Cheat Sheet): 19 MiB, two passes, one lane."""

import os
import threading

from django.contrib.auth.hashers import Argon2PasswordHasher

_at_once = threading.BoundedSemaphore(os.cpu_count() or 1)  # more would be no faster, and each takes its 19 MiB


class Argon2(Argon2PasswordHasher):
    memory_cost = 19 * 1024
    time_cost = 2
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        with _at_once:
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with _at_once:
            return super().verify(password, encoded)
