"""What goes in and out where upload grants are made."""

from datetime import datetime

from ninja import Field, Schema

from library.writing.schemas import Slug, Title

LONGEST_S = 30 * 24 * 3600


class UploadGrantIn(Schema):
    title: Title | None = Field(None, description="Of the video; the file's name where there is none.")
    category: Slug | None = Field(None, description="The usual one where none is named.")
    is_published: bool = Field(True, strict=True, description="False makes the video a draft.", examples=[True])
    max_bytes: int = Field(
        strict=True, ge=1, le=2**50, description="How large the file may be.", examples=[2_000_000_000]
    )
    expires_in: int = Field(
        strict=True,
        ge=1,
        le=LONGEST_S,
        description="Seconds from now within which the upload has to begin.",
        examples=[86_400],
    )


class UploadGrantOut(Schema):
    url: str = Field(
        description="A tus address (`endpoint` of a client). Whoever has it may upload: treat it as a password.",
        examples=["https://api.example.com/api/uploads/granted/pK3v0nXqk1uV0mB2Zt5yQw8rJd6cLfHsTgE4aNiOxYM/"],
    )
    expires_at: datetime = Field(
        description="UTC. Until then the upload has to begin.", examples=["2026-11-23T18:30:00Z"]
    )
