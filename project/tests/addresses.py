"""Playback addresses, as the API makes them."""

from datetime import timedelta

from accounts.models import Session, User
from accounts.playback import Viewer


def token_for(video_id: int) -> str:
    """The token of one that Ada, who is signed in, may use."""
    ada = User.objects.get(email="ada@example.com")
    session = Session.objects.filter(user=ada).latest("created_at")
    token, _ = Viewer(ada.pk, False, session.pk).playback_token(video_id=video_id, length=timedelta(hours=1))
    return token
