"""Mail without an SMTP server becomes files that a mail program opens."""

import errno
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from django.core.mail import EmailMultiAlternatives, mailers
from pytest_django.fixtures import Settings


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> Path:
    settings.MAILERS = {
        "default": {"BACKEND": "project.mail.EmlBackend", "OPTIONS": {"folder": tmp_path / "mail"}},
    }
    return tmp_path / "mail"


def test_sent_message_becomes_a_whole_eml_file(folder: Path) -> None:
    mail = EmailMultiAlternatives("Grüße", "plain words", "noreply@videoflix.com", ["ada@example.com"])
    mail.attach_alternative("<p>rich words</p>", "text/html")

    assert mail.send() == 1

    assert folder.stat().st_mode & 0o077 == 0, "links that open accounts are in there"
    [file] = folder.iterdir()
    assert file.suffix == ".eml"
    read = message_from_bytes(file.read_bytes(), policy=default)
    assert (read["Subject"], read["To"]) == ("Grüße", "ada@example.com")
    assert "plain words" in read.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "rich words" in read.get_body(("html",)).get_content()  # type: ignore[union-attr]


def test_messages_of_the_same_moment_do_not_overwrite_each_other(folder: Path) -> None:
    messages = [EmailMultiAlternatives(f"number {n}", "x", "a@example.com", ["b@example.com"]) for n in range(20)]

    assert mailers.default.send_messages(messages) == 20

    assert len(list(folder.glob("*.eml"))) == 20


def test_link_can_be_copied_out_of_the_file(folder: Path) -> None:
    link = "http://localhost:4200/pages/auth/activate.html?uid=MQ&token=d-" + "0123456789abcdef" * 4

    EmailMultiAlternatives("Hello", f"Grüße:\n\n{link}\n", "a@example.com", ["b@example.com"]).send()

    [file] = folder.iterdir()
    assert link in file.read_text().splitlines()


def test_message_that_found_the_disk_full_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each try of a mail left a part of it, with its link, for good."""
    write = Path.write_bytes

    def half(path: Path, content: bytes) -> None:
        write(path, content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(OSError, match="No space"):
        EmailMultiAlternatives("Hello", "x", "a@example.com", ["b@example.com"]).send()

    assert list(folder.iterdir()) == []
