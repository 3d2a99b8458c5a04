"""Which start of this machine it is."""

from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def this_boot() -> str:
    """Another one after each start; "" on systems other than Linux."""
    return BOOT_ID.read_text().strip() if BOOT_ID.exists() else ""
