"""An upload folder for each test, Ada who watches videos, and Dora at the admin."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from hls import identity, stores
from library.tests.factories import AdministratorFactory
from library.tests.videos import Player, make_viewer, sign_in


@pytest.fixture(autouse=True)
def folders(settings: Any, tmp_path: Path) -> Path:
    """Where uploads and published videos of this test lie."""
    settings.MEDIA_ROOT = tmp_path / "uploads"
    settings.HLS_ROOT = tmp_path / "hls"
    settings.DISK_RESERVE_BYTES = 0
    return tmp_path


@pytest.fixture
def settled(folders: Path, db: None) -> Path:
    """The folders after their first sweep: they are known to be this database's."""
    for store in (stores.uploads(), stores.versions()):
        identity.adopt(store)
    return folders


@pytest.fixture
def ada(db: None) -> Player:
    """A viewer, signed in to the API."""
    make_viewer()
    return sign_in(Player())


@pytest.fixture
def dora(db: None) -> Any:
    return AdministratorFactory.create()


@pytest.fixture
def at_admin(client: Client, dora: Any) -> Client:
    """A browser in which Dora is signed in to the admin."""
    client.force_login(dora)
    return client
