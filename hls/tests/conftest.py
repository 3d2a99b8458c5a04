import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from hls import identity, renewal, stores


@pytest.fixture
def studio(tmp_path: Path, settings: Settings) -> Path:
    """An installation's folders of its own: `uploads` and `hls`."""
    settings.MEDIA_ROOT = tmp_path / "uploads"
    settings.HLS_ROOT = tmp_path / "hls"
    settings.SOURCE_CACHE_ROOT = tmp_path / "sources"
    return tmp_path


@pytest.fixture
def uploads_folder(studio: Path) -> None:
    """With something in it: a worker whose uploads are an empty folder leaves all videos to others."""
    (studio / "uploads/thumbnails").mkdir(parents=True)


@pytest.fixture
def settled(studio: Path, db: None) -> Path:
    """The folders after their first sweep: they are known to be this database's."""
    for store in (stores.uploads(), stores.versions()):
        identity.adopt(store)
    return studio


@pytest.fixture
def stop_flag(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """The process's stop flag, for one test."""
    flag = threading.Event()
    monkeypatch.setattr(renewal, "stopping", flag)
    yield flag
    flag.set()
