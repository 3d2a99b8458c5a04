"""Videos in every state a test may need, and the people who tend them."""

from io import BytesIO
from typing import Any

import factory
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from hls.tests.factories import ChunkFactory, TranscodeFactory
from library.models import FirstCategory, Video

PASSWORD = "a quiet river at 5"
CHUNKS: dict[str, dict[str, Any]] = {"d": {"done": True}, "r": {"running": True}, "w": {}, "f": {"state": "failed"}}


class AdministratorFactory(factory.django.DjangoModelFactory[Any]):
    """Dora, who may do everything."""

    class Meta:
        model = get_user_model()
        skip_postgeneration_save = True

    username = factory.Sequence(lambda number: f"dora{number}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.com")
    password = factory.django.Password(PASSWORD)
    is_staff = True
    is_superuser = True


class VideoFactory(factory.django.DjangoModelFactory[Video]):
    """A video that waits for a worker; `ready`, `processing` (a third done) and `failed` are traits."""

    class Meta:
        model = Video
        skip_postgeneration_save = True

    title = factory.Sequence(lambda number: f"Video {number}")
    category = FirstCategory.DOCUMENTARY
    video_file = factory.LazyAttribute(lambda video: video.transcode.source)
    original_name = "holiday.mp4"
    transcode = factory.SubFactory(TranscodeFactory)

    class Params:
        ready = factory.Trait(transcode=factory.SubFactory(TranscodeFactory, ready=True))
        failed = factory.Trait(transcode=factory.SubFactory(TranscodeFactory, failed=True))
        processing = factory.Trait(transcode=factory.SubFactory(TranscodeFactory, processing=True, percent=33.3))

    @factory.post_generation  # type: ignore[untyped-decorator]  # factory_boy has no types
    def chunks(self: Any, create: bool, states: str | None, **values: Any) -> None:
        """`VideoFactory(processing=True, chunks="drw")`: done, running, waiting."""
        for index, letter in enumerate(states or ""):
            ChunkFactory.create(transcode=self.transcode, index=index, **CHUNKS[letter])


def picture(width: int = 64, height: int = 36, kind: str = "PNG", mode: str = "RGB", **options: Any) -> bytes:
    """An encoded picture of one colour."""
    output = BytesIO()
    Image.new(mode, (width, height), "teal").save(output, kind, **options)
    return output.getvalue()


def uploaded(name: str = "holiday.mp4", content: bytes = b"a video, perhaps") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)
