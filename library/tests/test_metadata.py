"""What an uploader says of a file: read exactly, refused by field, and never trusted as a path."""

from base64 import b64encode

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from library.errors import FieldsRefused, UploadMalformed
from library.kinds import EXTENSIONS
from library.models import FirstCategory
from library.uploads.checksums import ALGORITHMS, Digest
from library.uploads.file_signatures import foreign_kind
from library.uploads.metadata import LONGEST, read, title_of


def header(**pairs: str | bytes) -> str:
    encoded = {key: value if isinstance(value, bytes) else value.encode() for key, value in pairs.items()}
    return ",".join(f"{key} {b64encode(value).decode()}" for key, value in encoded.items())


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=200)


@given(title=texts.filter(lambda text: text.strip()), description=texts, category=st.sampled_from(FirstCategory.values))
def test_texts_are_read_as_they_were_written(title: str, description: str, category: str) -> None:
    told = read(header(filename="a.mp4", title=title, description=description, category=category))
    assert (told.title, told.description, told.category) == (title.strip(), description, category)


def test_draft_is_asked_for_in_one_of_two_words() -> None:
    assert [read(header(filename="a.mp4", is_published=text)).is_published for text in ("true", "False")] == [
        True,
        False,
    ]
    with pytest.raises(FieldsRefused) as raised:
        read(header(filename="a.mp4", is_published="perhaps"))
    assert raised.value.fields == {"is_published": ["Either true or false."]}


def test_without_a_title_no_video_is_made() -> None:
    told = read(header(filename="a.mp4"))
    assert (told.name, told.title, told.category, told.description) == ("a.mp4", None, "drama", "")


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("../../etc/passwd/a.mp4", "a.mp4"),
        ("/abs/olute.mkv", "olute.mkv"),
        ("C:\\videos\\a.mp4", "C:\\videos\\a.mp4"),
        ("a\0.mp4", "a.mp4"),
        ("\u6d77\u6e2f.MP4", "\u6d77\u6e2f.MP4"),
        ("x" * 300 + ".webm", "x" * 250 + ".webm"),
        ("a.mp4/", "a.mp4"),
    ],
)
def test_a_name_is_a_label_of_255_characters_with_its_extension(sent: str, name: str) -> None:
    assert read(header(filename=sent)).name == name


def test_uppys_name_counts_where_there_is_no_filename() -> None:
    assert read(header(name="a.mp4")).name == "a.mp4"
    assert read(header(name="b.mp4", filename="a.mp4")).name == "a.mp4"


@pytest.mark.parametrize("name", ["", "a", ".mp4", "a.exe", "a.mp4.zip", "a.m3u8", "..", "a.mp4\u200b"])
def test_a_file_of_another_kind_is_refused_with_those_that_are_taken(name: str) -> None:
    with pytest.raises(FieldsRefused) as raised:
        read(header(filename=name))
    assert list(raised.value.fields) == ["filename"]
    assert all(f".{extension}" in raised.value.fields["filename"][0] for extension in EXTENSIONS)


@pytest.mark.parametrize(
    ("pairs", "fields"),
    [
        ({"title": ""}, ["title"]),
        ({"title": "  \t\n"}, ["title"]),
        ({"title": "\0"}, ["title"]),
        ({"title": "x" * 201}, ["title"]),
        ({"title": "x", "category": "western"}, ["category"]),
        ({"filename": "a.txt", "title": "", "category": "Drama"}, ["filename", "title", "category"]),
    ],
)
def test_every_field_that_is_wrong_is_named(pairs: dict[str, str], fields: list[str]) -> None:
    with pytest.raises(FieldsRefused) as raised:
        read(header(**{"filename": "a.mp4", **pairs}))
    assert list(raised.value.fields) == fields
    assert all(len(sentences) == 1 and sentences[0].endswith(".") for sentences in raised.value.fields.values())


@pytest.mark.parametrize("length", [1, 200])
def test_titles_of_1_and_200_characters_fit(length: int) -> None:
    told = read(header(filename="a.mp4", title=" " + "\u00e9" * length + " "))
    assert told.title == "\u00e9" * length


def test_an_empty_category_is_the_usual_one() -> None:
    assert read(header(filename="a.mp4", title="A", category="")).category == "drama"


@pytest.mark.parametrize(
    "text", ["filename !!!", "filename YQ", "filename YS5tcDQ=x", header(filename=b"\xff.mp4"), "filename \u00e9"]
)
def test_what_is_no_base64_of_utf_8_is_malformed(text: str) -> None:
    with pytest.raises(UploadMalformed, match="no base64"):
        read(text)


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["Upload-Metadata", "Upload-Checksum"])
def test_a_header_of_other_letters_is_a_400_over_http(at_admin: Client, name: str) -> None:
    """WSGI hands a header's bytes over as Latin-1."""
    upload = {"Upload-Metadata": header(filename="a.mp4"), "Upload-Checksum": "sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00="}
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "5", **upload, name: "sha1 \u00e9"}
    response = at_admin.generic("POST", "/api/uploads/", b"hello", "application/offset+octet-stream", headers=headers)
    assert response.status_code == 400
    assert "base64" in response.json()["detail"]


def test_a_header_without_end_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(UploadMalformed, match="too long"):
        read("filename " + "A" * LONGEST)


def test_keys_without_a_value_and_stray_commas_are_allowed() -> None:
    """tus: "The value MAY be empty"."""
    assert read(f",, is_confidential , {header(filename='a.mp4')} ,").name == "a.mp4"


@given(st.text(max_size=300))
def test_any_header_is_read_or_refused(text: str) -> None:
    try:
        told = read(text)
    except (UploadMalformed, FieldsRefused):
        return
    assert told.name


def test_the_title_is_found_again_without_judging_the_rest() -> None:
    assert title_of(header(filename="a.mp4", title=" Harbour ")) == "Harbour"
    assert title_of(header(filename="a.mp4")) is None
    assert title_of("") is None


@pytest.mark.parametrize(
    ("algorithm", "digest"),
    [
        ("sha1", "qvTGHdzF6KLavt4PO0gs2a6pQ00="),
        ("md5", "XUFAKrxLKna5cZ2REBfFkg=="),
        ("sha256", "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="),
    ],
)
def test_a_checksum_is_compared_over_all_blocks(algorithm: str, digest: str) -> None:
    """The digests of "hello", as md5sum, sha1sum and sha256sum print them."""
    assert algorithm in ALGORITHMS
    for blocks, is_right in (([b"hello"], True), ([b"hel", b"", b"lo"], True), ([b"hullo"], False), ([], False)):
        found = Digest(f" {algorithm} {digest} ")
        for block in blocks:
            found.update(block)
        assert found.matches() is is_right


@pytest.mark.parametrize("text", ["", "sha512 AAAA", "SHA1 AAAA", "crc32 AAAA", "sha1 !!!", "sha1 AAA", "sha1 \u00e9"])
def test_a_checksum_that_can_not_be_compared_is_refused(text: str) -> None:
    with pytest.raises(UploadMalformed):
        Digest(text)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"%PDF-1.7", "a PDF document"),
        (b"PK\x03\x04rest", "a ZIP archive"),
        (b"\x89PNG\r\n\x1a\n", "a picture"),
        (b"\xff\xd8\xff\xe0", "a picture"),
        (b"MZ\x90", "a program"),
        (b"#!/bin/sh", "a script"),
        (b"#EXTM3U\n", "a playlist"),
        (b"  <!DOCTYPE html>", "a web page"),
        (b"\n<HTML>", "a web page"),
        (b"<?xml version", "an XML document"),
    ],
)
def test_what_is_surely_no_video_is_named(head: bytes, kind: str) -> None:
    assert foreign_kind(head) == kind


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\0\0\0\x18ftypmp42",
        b"\x1aE\xdf\xa3webm",
        b"RIFF....AVI ",
        b"FLV\x01",
        b"G" + bytes(187),
        b"\0\0\x01\xba",
        b"0&\xb2u\x8ef\xcf\x11",
        b"%PD",
        b"PK",
    ],
)
def test_videos_and_what_may_be_one_are_let_through(head: bytes) -> None:
    assert foreign_kind(head) is None
