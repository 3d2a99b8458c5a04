"""The settings, with access tokens that are valid for seconds instead of half an hour."""

from datetime import timedelta

from project.settings import *  # noqa: F403

ACCESS_LIFETIME = timedelta(seconds=4)
