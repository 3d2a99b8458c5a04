"""The settings, with access tokens that live for seconds instead of half an hour."""

from datetime import timedelta

from project.settings import *  # noqa: F403

ACCESS_LIFETIME = timedelta(seconds=4)
