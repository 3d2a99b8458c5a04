#!/usr/bin/env python
"""Django's command line for Videoflix."""

import gc
import logging
import os
import signal
import sqlite3
import sys

from django.core.management import execute_from_command_line
from django.db import Error as DatabaseUnavailable

from project import database_outage
from project.database import why_unusable

if __name__ == "__main__":
    gc.disable()  # until all modules are loaded: see start_collecting in project/apps.py
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    if sys.argv[1:2] != ["worker"]:  # whoever waits for a command needs the sentence below, not each try before it
        logging.getLogger(database_outage.POOL).setLevel(logging.ERROR)
    try:
        execute_from_command_line(sys.argv)
    except KeyboardInterrupt:  # as wanted: nobody needs to see where it was
        sys.exit(128 + signal.SIGINT)
    except DatabaseUnavailable as error:
        reason = why_unusable(error)
        if reason is None or "--traceback" in sys.argv:
            raise
        sys.exit(reason)
    except sqlite3.Error as error:  # the queue, which is opened as soon as the program is loaded
        if "--traceback" in sys.argv:
            raise
        sys.exit(
            f"The queue in DATA_DIR can't be opened ({error}): its disk may be full or broken. "
            "Its files queue*.sqlite3* may be deleted while everything is stopped; no work is lost with them."
        )
