"""The admin's buttons for videos, for one or many: each asks first, needs a permission, and is kept in the history."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import ActionLocation
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.decorators import action

from hls.errors import NotPossible
from library import categories, posters, videos
from library.admin.confirming import confirmation
from library.admin.video_actions import (
    CANCEL,
    CATEGORY,
    GO_BACK,
    POSTER,
    PUBLISH,
    RETRY,
    STEADY,
    UNPUBLISH,
    VideoAction,
)
from library.disk import size_text
from library.models import Category, Video
from library.storage import all_bytes


class VideoActions(ModelAdmin):
    actions: Any = [
        "retry_selected",
        "cancel_selected",
        "regenerate_selected",
        "publish_selected",
        "unpublish_selected",
        "set_category_selected",
    ]
    actions_detail: Any = ["retry", "cancel", "regenerate_poster", "publish", "unpublish", "go_back"]

    @action(description=RETRY.verb, icon=RETRY.icon, permissions=["change"])
    def retry(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.ask_about_one(request, object_id, RETRY)

    @action(description=CANCEL.verb, icon=CANCEL.icon, permissions=["change"])
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.ask_about_one(request, object_id, CANCEL)

    @action(description=POSTER.verb, icon=POSTER.icon, permissions=["change"])
    def regenerate_poster(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.ask_about_one(request, object_id, POSTER)

    @action(description=GO_BACK.verb, icon=GO_BACK.icon, permissions=["change"])
    def go_back(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.ask_about_one(request, object_id, GO_BACK)

    @action(description=PUBLISH.verb, icon=PUBLISH.icon, permissions=["change"])
    def publish(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.ask_about_one(request, object_id, PUBLISH)

    @action(description=UNPUBLISH.verb, icon=UNPUBLISH.icon, permissions=["change"])
    def unpublish(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.ask_about_one(request, object_id, UNPUBLISH)

    @admin.action(description="Retry selected videos", permissions=["change"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[Video]) -> HttpResponse | None:
        return self.ask_about_many(request, queryset, RETRY)

    @admin.action(description="Cancel transcodes of selected videos", permissions=["change"])
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[Video]) -> HttpResponse | None:
        return self.ask_about_many(request, queryset, CANCEL)

    @admin.action(description="Regenerate posters of selected videos", permissions=["change"])
    def regenerate_selected(self, request: HttpRequest, queryset: QuerySet[Video]) -> HttpResponse | None:
        return self.ask_about_many(request, queryset, POSTER)

    @admin.action(description="Publish selected videos", permissions=["change"])
    def publish_selected(self, request: HttpRequest, queryset: QuerySet[Video]) -> HttpResponse | None:
        return self.ask_about_many(request, queryset, PUBLISH)

    @admin.action(description="Unpublish selected videos", permissions=["change"])
    def unpublish_selected(self, request: HttpRequest, queryset: QuerySet[Video]) -> HttpResponse | None:
        return self.ask_about_many(request, queryset, UNPUBLISH)

    @admin.action(description="Set category of selected videos", permissions=["change"])
    def set_category_selected(self, request: HttpRequest, queryset: QuerySet[Video]) -> HttpResponse | None:
        """The question has a choice; a category that is gone by then is asked for again."""
        chosen = Category.objects.filter(pk=request.POST.get("category", "")).first()
        if "confirmed" not in request.POST or chosen is None:
            back = reverse("admin:library_video_changelist")
            return self.confirmation(request, list(queryset), CATEGORY, back=back, choices=categories.offered())
        slug, done = chosen.pk, f"Category set to {chosen.name}"
        setting = replace(CATEGORY, done=done, act=lambda video: videos.set_category(video, slug))
        self.do(request, [video for video in queryset if video.category != slug], setting)
        return None

    def choose_poster(self, request: HttpRequest, video_id: int) -> HttpResponse:
        """POST `tile`, the number of a picture of the storyboard."""
        video = get_object_or_404(self.get_queryset(request), pk=video_id)
        if request.method != "POST" or not self.has_change_permission(request, video):
            raise PermissionDenied
        tile = request.POST.get("tile", "")
        number = int(tile) if tile.isascii() and tile.isdigit() and len(tile) < 7 else -1
        chosen = replace(POSTER, done="Poster chosen from the video", act=lambda one: posters.choose(one, number))
        self.do(request, [video], chosen)
        return HttpResponseRedirect(reverse("admin:library_video_change", args=[video.pk]))

    def get_actions_detail(self, request: HttpRequest, object_id: int | str) -> list[Any]:
        """What the panel doesn't offer: it is live, and the page's head is not."""
        video = self.find(request, str(object_id))
        offered = {f"library_video_{action.name}" for action in STEADY if video and action.fits(video)}
        return [entry for entry in super().get_actions_detail(request, object_id) if entry.action_name in offered]

    def get_action_choices(
        self,
        request: HttpRequest,
        default_choices: Any = None,
        action_location: ActionLocation = ActionLocation.CHANGE_LIST,
    ) -> list[tuple[str, str]]:
        """Unfold's words with Django 6.1's signature."""
        return admin.ModelAdmin.get_action_choices(self, request, [("", "Select action")], action_location)

    def find(self, request: HttpRequest, object_id: str) -> Video | None:
        """None for what is no number, too: it comes from an address."""
        found: Video | None = super().get_object(request, object_id)
        return found

    def ask_about_one(self, request: HttpRequest, object_id: str, action: VideoAction) -> HttpResponse:
        video = self.find(request, object_id)
        if video is None:
            raise Http404
        back = reverse("admin:library_video_change", args=[video.pk])
        if request.method != "POST":
            return self.confirmation(request, [video], action, back=back)
        self.do(request, [video], action)
        return HttpResponseRedirect(back)

    def ask_about_many(
        self, request: HttpRequest, queryset: QuerySet[Video], action: VideoAction
    ) -> HttpResponse | None:
        fitting = [video for video in queryset if action.fits(video)]
        if not fitting:
            self.message_user(
                request, f"{action.verb}: none of the selected videos is in a state for it.", messages.WARNING
            )
            return None
        if "confirmed" not in request.POST:
            return self.confirmation(request, fitting, action, back=reverse("admin:library_video_changelist"))
        self.do(request, fitting, action)
        return None

    def confirmation(
        self,
        request: HttpRequest,
        videos: list[Video],
        action: VideoAction,
        *,
        back: str,
        choices: Iterable[Category] = (),
    ) -> HttpResponse:
        words = {"verb": action.verb, "question": action.question, "icon": action.icon}
        return confirmation(self, request, videos, **words, back=back, choices=choices)

    def do(self, request: HttpRequest, videos: Iterable[Video], action: VideoAction) -> None:
        done = []
        for video in videos:
            try:
                action.act(video)
            except NotPossible as error:
                self.message_user(request, f"{video}: {error}", messages.ERROR)
            except Video.NotUpdated:
                self.message_user(request, f"{video} was deleted meanwhile.", messages.ERROR)
            else:
                self.log_change(request, video, f"{action.done}.")
                done.append(video.title)
        if done:
            self.message_user(request, f"{action.done}: {', '.join(done)}.", messages.SUCCESS)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Tells beside the counts how much space the deletion frees."""
        tree, counts, lacking, protected = super().get_deleted_objects(objs, request)
        freed = size_text(all_bytes(Video.objects.select_related("transcode").filter(pk__in=[obj.pk for obj in objs])))
        return tree, {**counts, "space that gets free": freed}, lacking, protected
