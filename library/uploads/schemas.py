"""What the API says of uploads."""

from datetime import datetime
from uuid import UUID

from ninja import Field, Schema


class UploadOut(Schema):
    id: UUID = Field(examples=["0b5c1ae8-51a4-4a3f-9a4e-5f1fbb6d1b1c"])
    name: str = Field(examples=["harbour.mp4"])
    title: str | None = Field(description="The video that it becomes; null where a form will take it.", examples=[None])
    replaces: int | None = Field(
        description="The video on whose page in the admin it was begun, as the metadata `replaces` says.",
        examples=[None],
    )
    length: int | None = Field(description="Bytes, once complete; null where it is told later.", examples=[734003200])
    offset: int = Field(description="Bytes that are there.", examples=[268435456])
    created_at: datetime = Field(examples=["2026-11-22T18:30:00Z"])
    expires_at: datetime = Field(examples=["2026-11-23T18:30:00Z"])
