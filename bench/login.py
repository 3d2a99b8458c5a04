"""Measures the CPU time of a login, and compares it with a login that uses Django's default hasher.

    .venv/bin/python bench/login.py [NUMBER]

Both are whole requests through the API on a database in memory: with the configured Argon2id (OWASP's 19 MiB, two
passes, one lane), and with PBKDF2 as Django ships it, in turns. Exits 1 if the first takes more than a
fifth of the second.
"""

import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import django
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.core.management import call_command
from django.db import connection
from django.test import Client, override_settings

PASSWORD = "a quiet river at 5"
PROMISED_RATIO = 0.2
PBKDF2 = "django.contrib.auth.hashers.PBKDF2PasswordHasher"


def cpu_ms_of_a_login(hasher: str) -> float:
    """CPU milliseconds that this process spends on one login."""
    email = "bench@example.com"
    with override_settings(PASSWORD_HASHERS=[hasher]):
        columns = {"username": email, "password": make_password(PASSWORD)}
        get_user_model().objects.update_or_create(email=email, defaults=columns)
        client, began = Client(), time.process_time()
        response = client.post("/api/login/", {"email": email, "password": PASSWORD}, content_type="application/json")
        taken_ms = 1000 * (time.process_time() - began)
    if response.status_code != 200:
        raise SystemExit(f"login answered {response.status_code}: {response.content.decode()}")
    return taken_ms


def main(number: int) -> int:
    configured = settings.PASSWORD_HASHERS[0]
    for hasher in (configured, PBKDF2):
        cpu_ms_of_a_login(hasher)
    pairs = [(cpu_ms_of_a_login(configured), cpu_ms_of_a_login(PBKDF2)) for _ in range(number)]
    ours_ms, djangos_ms = (median(times) for times in zip(*pairs, strict=True))
    ratio = ours_ms / djangos_ms
    print(f"login with {configured.rpartition('.')[2]}: {ours_ms:.1f} ms CPU (median of {number})")
    print(f"login with Django's PBKDF2: {djangos_ms:.1f} ms CPU")
    print(f"ratio: {ratio:.3f} (promised: {PROMISED_RATIO} at most)")
    return int(ratio > PROMISED_RATIO)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    with tempfile.TemporaryDirectory(prefix="videoflix-bench-") as folder:
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "project.settings",
            "ENV_FILE": "",
            "DATA_DIR": folder,
            "LOG_LEVEL": "ERROR",
            "ALLOWED_HOSTS": "testserver",
        }
        django.setup()
        connection.settings_dict["NAME"] = ":memory:"
        call_command("migrate", verbosity=0)
        raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 9))
