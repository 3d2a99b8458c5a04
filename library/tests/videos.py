"""Videos as they are served, from made-up bytes: each segment's content says which one it is."""

import gzip
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from accounts import cookies, services
from hls.core import names
from hls.models import State, Transcode
from hls.published import LeftOut, PublishedRendition, PublishedVersion
from hls.stores import version_place
from hls.tests.plans import analyse, crowd
from hls.versions import pinned, with_version
from library.models import Video

PASSWORD = "a quiet river at 5"
SEGMENT_BYTES = 1_880
MASTER = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n480p/index.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\n720p/index.m3u8\n"
WITH_SOUNDS = """#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sounds",NAME="a",URI="../audio_0/index.m3u8"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sounds",NAME="b",URI="../audio_1/index.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="sounds"
video.m3u8
"""
MEDIA = "#EXTM3U\n#EXTINF:6.0,\nsegment_000.ts\n#EXTINF:6.0,\nsegment_001.ts\n#EXT-X-ENDLIST\n"
STORYBOARD = "WEBVTT\n\n00:00:00.000 --> 00:00:10.000\nstoryboard_00.jpg#xywh=0,0,240,136\n"
RENDITIONS = (PublishedRendition("480p", 854, 480), PublishedRendition("720p", 1280, 720))


def segment_bytes(video_id: int, version: int, resolution: str, number: int, size: int = SEGMENT_BYTES) -> bytes:
    """What a segment of these videos contains; no two are alike."""
    return f"<{video_id}/{version}/{resolution}/{number}>".encode().ljust(size, b".")


def published(*, title: str = "Harbour at Dawn", size: int = SEGMENT_BYTES, sounds: int = 0, **fields: Any) -> Video:
    """A ready video of two segments in 480p and 720p; `sounds` of them are apart from the pictures."""
    now = timezone.now()
    transcode = Transcode.objects.create(
        source=f"videos/{title}.mp4", state=State.READY, percent=100, queued_at=now, playable_at=now
    )
    video = Video.objects.create(title=title, video_file=transcode.source, transcode=transcode, **fields)
    serve_version(video, 1, size=size, sounds=sounds)
    return video


def leave_largest_out(video: Video, *, sounds: int = 0) -> None:
    """As if 720p had been left out after the first of its two segments."""
    transcode = Transcode.objects.get(pk=video.transcode_id)
    folder = Path(settings.HLS_ROOT) / str(transcode.pk) / "1" / "720p"
    (folder / "segment_001.ts").unlink()
    for name in ("iframes.m3u8", "video.m3u8" if sounds else "index.m3u8"):
        write_text(folder / name, MEDIA.replace("segment_001", "../480p/segment_001"))
    served = PublishedVersion.from_json(transcode.pk, transcode.served or {})
    transcode.served = replace(served, renditions=RENDITIONS[:1], left_out=(LeftOut("720p", 1, "480p"),)).as_json()
    transcode.save(update_fields=["served"])


def crowd_of_videos() -> None:
    """So many that PostgreSQL looks them up by index; nothing of them is on the disk."""
    Video.objects.bulk_create(
        Video(title=f"One of many {video.pk}", video_file=video.source, transcode=video) for video in crowd()
    )
    analyse("library_video")


def serve_version(video: Video, version: int, *, size: int = SEGMENT_BYTES, sounds: int = 0) -> None:
    """Put a version's files on the disk and switch to it; the one before is retired."""
    transcode = Transcode.objects.get(pk=video.transcode_id)
    write_version(transcode.pk, version, size, sounds)
    served = PublishedVersion(
        transcode.pk, version, 12.0, (4 + 2 * sounds) * size, 2, RENDITIONS, 1, True, sounds=sounds
    )
    Transcode.objects.filter(pk=transcode.pk).update(
        version=version,
        served=served.as_json(),
        served_version=version,
        served_bytes=served.size_bytes + (transcode.served["size_bytes"] if transcode.served else 0),
        served_at=timezone.now(),
        retired=transcode.served,
        retired_version=transcode.served_version,
    )


def write_version(video_id: int, version: int, size: int, sounds: int = 0) -> Path:
    folder = Path(settings.HLS_ROOT) / str(video_id) / str(version)
    renditions, heard = [rendition.name for rendition in RENDITIONS], [*map(names.sound_name, range(sounds))]
    for name in (*renditions, *heard):
        inside = folder / name
        inside.mkdir(parents=True)
        for number in range(2):
            (inside / f"segment_{number:03d}.ts").write_bytes(segment_bytes(video_id, version, name, number, size))
        write_text(inside / "index.m3u8", with_version(MEDIA, version))
    for name in renditions:
        write_text(folder / name / "iframes.m3u8", with_version(MEDIA, version))
        if sounds:
            write_text(folder / name / "video.m3u8", with_version(MEDIA, version))
            write_text(folder / name / "index.m3u8", pinned(WITH_SOUNDS, version))
    write_text(folder / "master.m3u8", pinned(MASTER, version))
    write_text(folder / "storyboard.vtt", with_version(STORYBOARD, version))
    (folder / "storyboard_00.jpg").write_bytes(b"sheet of %d" % video_id)
    (folder / "poster.jpg").write_bytes(b"poster of %d" % video_id)
    return folder


def in_bucket(video: Video, version: int = 1) -> None:
    """Bring a version's files from the disk to the bucket that the settings name."""
    place = version_place(video.transcode_id, version)
    folder = Path(settings.HLS_ROOT) / place.key
    place.put_in(place.below(".work/all").stage(folder, go_on=lambda: None), still_ours=lambda: None)
    place.below(".work").remove()


def write_text(path: Path, text: str) -> None:
    path.write_text(text)
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(text.encode(), mtime=0))


def make_viewer(email: str = "ada@example.com", **fields: Any) -> Any:
    return get_user_model().objects.create_user(username=email, email=email, password=PASSWORD, **fields)


class Player(Client):
    """A client that fetches every answer to its end, as players do; the bytes are in `response.sent`."""

    def request(self, **request: Any) -> Any:
        response: Any = super().request(**request)
        response.sent = b"".join(response.streaming_content) if response.streaming else response.content
        return response

    def get(self, *arguments: Any, **options: Any) -> Any:
        return super().get(*arguments, **options)

    def head(self, *arguments: Any, **options: Any) -> Any:
        return super().head(*arguments, **options)


def sign_in[Browser: Client](client: Browser, email: str = "ada@example.com") -> Browser:
    """Let the client hold the cookies that signing in sets, without the password and the tries that are counted."""
    user = get_user_model().objects.get(email=email)
    signed_in = services.enter(user, agent="", known_devices="", has_second_factor=False)
    answer = HttpResponse()
    cookies.sign_in(answer, signed_in.pair)
    client.cookies.update(answer.cookies)
    return client
