"""Programs that use the generated client for Python, as `client*.ts` use the one for TypeScript.

They are texts: there is no such package where these tests are type-checked.
"""

SIGNING_IN = """
import sys

from videoflix_client import AuthenticatedClient, Client
from videoflix_client.api.accounts import login
from videoflix_client.api.videos import list_videos
from videoflix_client.models import LoginIn, LoginOut

address, email, password = sys.argv[1:]
with Client(base_url=address) as stranger:
    kept = login.sync(client=stranger, body=LoginIn(email=email, password=password), x_token_transport="body")
    assert isinstance(kept, LoginOut) and kept.access, kept
with AuthenticatedClient(base_url=address, token=kept.access) as client:
    answer = list_videos.sync_detailed(client=client, limit=20)
    assert answer.status_code == 200, answer
    assert answer.parsed == []
"""
LIFE = """
import sys
import time

from videoflix_client import AuthenticatedClient
from videoflix_client.api.editing import create_video, delete_video, edit_video
from videoflix_client.api.playback import get_master_playlist
from videoflix_client.api.transcoding import get_transcode
from videoflix_client.models import Detail, Metadata, StaffVideoOut, TranscodeOut, VideoChanges, VideoIn

address, key, source = sys.argv[1:]


def ended(client: AuthenticatedClient, video_id: int) -> TranscodeOut:
    while True:
        transcode = get_transcode.sync(video_id, client=client)
        assert isinstance(transcode, TranscodeOut), transcode
        if transcode.state not in ("queued", "processing"):
            return transcode
        time.sleep(0.2)


with AuthenticatedClient(base_url=address, token=key) as client:
    metadata = Metadata.from_dict({"season": 1})
    new = VideoIn(title="Harbour at Dawn", source_url=source, external_id="python", metadata=metadata)
    made = create_video.sync(client=client, body=new, idempotency_key="python-1")
    assert isinstance(made, StaffVideoOut) and made.external_id == "python", made
    again = create_video.sync(client=client, body=new, idempotency_key="python-1")
    assert isinstance(again, StaffVideoOut) and again.id == made.id, again

    transcode = ended(client, made.id)
    assert transcode.state == "ready" and transcode.playable, transcode.error

    made.metadata["dusk"] = True
    changes = VideoChanges(title="Harbour at Dusk", metadata=made.metadata)
    edited = edit_video.sync(made.id, client=client, body=changes)
    assert isinstance(edited, StaffVideoOut), edited
    assert (edited.title, edited.status) == ("Harbour at Dusk", "ready")
    assert edited.metadata.to_dict() == {"season": 1, "dusk": True}

    playlist = get_master_playlist.sync(made.id, client=client)
    assert isinstance(playlist, str) and playlist.startswith("#EXTM3U"), playlist

    gone = delete_video.sync_detailed(made.id, client=client)
    assert gone.status_code == 204 and gone.parsed is None
    missing = delete_video.sync(made.id, client=client)
    assert isinstance(missing, Detail) and missing.detail == "Not found.", missing
"""
REFUSALS = """
import io
import sys
from uuid import UUID

from videoflix_client import AuthenticatedClient, Client
from videoflix_client.api.accounts import login, logout
from videoflix_client.api.editing import create_video
from videoflix_client.api.uploads import append_to_upload, begin_upload
from videoflix_client.api.videos import list_videos
from videoflix_client.models import Detail, FieldErrors, LoginIn, SignInRefusal, StaffVideoOut, VideoIn
from videoflix_client.types import File

address, key, other = sys.argv[1:]

with AuthenticatedClient(base_url=address, token=key) as client:
    empty = create_video.sync_detailed(client=client, body=VideoIn(title=""))
    assert empty.status_code == 400 and isinstance(empty.parsed, FieldErrors), empty
    sentences: list[str] = empty.parsed["title"]
    assert sentences == ["String should have at least 1 character."]

    body = VideoIn(title="Twice", source_url="https://media.example.com/harbour.mp4")
    assert isinstance(create_video.sync(client=client, body=body, idempotency_key="python-2"), StaffVideoOut)
    body.title = "Otherwise"
    otherwise = create_video.sync_detailed(client=client, body=body, idempotency_key="python-2")
    assert otherwise.status_code == 409 and isinstance(otherwise.parsed, Detail), otherwise

    named = "filename aGFyYm91ci5tcDQ="
    begun = begin_upload.sync_detailed(client=client, tus_resumable="1.0.0", upload_length="9", upload_metadata=named)
    assert begun.status_code == 201, begun
    damaged = append_to_upload.sync_detailed(
        UUID(begun.headers["Location"].strip("/").rpartition("/")[2]),
        client=client,
        tus_resumable="1.0.0",
        upload_offset="0",
        upload_checksum="sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        body=File(io.BytesIO(b"\\0\\0\\0\\x18ftypm")),
    )
    assert damaged.status_code == 460 and isinstance(damaged.parsed, Detail), damaged

unknown = create_video.sync_detailed(client=AuthenticatedClient(base_url=address, token="vfk_999_0"), body=body)
assert unknown.status_code == 401 and isinstance(unknown.parsed, Detail), unknown
foreign = list_videos.sync_detailed(client=AuthenticatedClient(base_url=address, token=other))
assert foreign.status_code == 403 and isinstance(foreign.parsed, Detail), foreign

with Client(base_url=address) as stranger:
    nobody = logout.sync_detailed(client=stranger)
    assert nobody.status_code == 400 and not isinstance(nobody.parsed, FieldErrors), nobody
    guess = LoginIn(email="python@example.com", password="a guess")
    wrong = login.sync_detailed(client=stranger, body=guess)
    assert wrong.status_code == 401 and isinstance(wrong.parsed, SignInRefusal), wrong
    tries = (login.sync_detailed(client=stranger, body=guess) for _ in range(10))
    throttled = next(answer for answer in tries if answer.status_code != 401)
    assert throttled.status_code == 429 and isinstance(throttled.parsed, Detail), throttled
    assert int(throttled.headers["Retry-After"]) > 0
"""
