"""Videos in the admin: the list and the form. How far each video is: library/admin/live_fragments.py."""

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.forms.widgets import Script
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.views import ChangeList

import video_paths
from hls.core import names
from hls.published import current
from hls.store.interface import StoreFailed
from library import catalogue, videos
from library.admin import edits
from library.admin.actions import VideoActions
from library.admin.dashboard import figures_view
from library.admin.file_history import added_message, message_with_files
from library.admin.filters import CaptionsFilter, CategoryFilter, PublicationFilter, TranscodeStateFilter
from library.admin.forms import VideoForm
from library.admin.kept_forms import KeptForms, told_saved
from library.admin.live_fragments import attach_progress, live, progress_view
from library.admin.moments import moment
from library.admin.originals import download
from library.admin.progress import clock_text
from library.admin.rows import save_rows
from library.admin.tracks import tracks_panel
from library.disk import size_text
from library.errors import UploadGone
from library.models import Category, Video
from library.posters import poster_url
from library.tracks.captioned import is_captioned
from library.uploads import finishing
from library.uploads.form_files import refusals
from library.visibility import draft_word


class VideoList(ChangeList):
    """The list with each video's progress, read for all rows of the page at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        attach_progress(self.result_list)


@admin.register(Video)
class VideoAdmin(VideoActions, KeptForms, ModelAdmin):
    form = VideoForm
    list_display = ["poster", "shown_title", "status", "shown_category", "added", "length", "resolution", "size"]
    list_display_links = ["shown_title"]
    list_filter = [TranscodeStateFilter, PublicationFilter, CaptionsFilter, CategoryFilter, "created_at"]
    list_filter_submit = True
    list_select_related = ["transcode", "added_by"]
    list_per_page = 50
    search_fields = ["search_text", "name_text"]  # see get_search_results
    search_help_text = "Search by title, description or file name"
    change_form_outer_before_template: Any = "admin/library/video/head.html"
    warn_unsaved_form = True
    fieldsets = [(None, {"fields": [*edits.FIELDS, *edits.FILES, edits.NAME]})]

    class Media:
        css = {"all": ["library/uploads.css", "library/tracks.css"]}
        js = [
            "library/progress.js",
            "library/vendor/tus-js-client-4.3.1/tus.min.js",
            Script("library/uploads/main.js", type="module"),
        ]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return VideoList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Video]:
        """With what its row needs, the name of its category, and whether it has captions."""
        name = Category.objects.filter(slug=OuterRef("category")).values("name")
        rows: QuerySet[Video] = super().get_queryset(request).select_related("transcode", "added_by")
        return rows.annotate(category_name=Subquery(name), is_captioned=is_captioned())

    @transaction.atomic
    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Video | None:
        """The row that a form is compared with stays as it is until the form is saved."""
        if request.method == "POST" and object_id.isascii() and object_id.isdigit() and len(object_id) < 19:
            list(Video.objects.select_for_update().filter(pk=object_id).values_list("pk"))
        found: Video | None = super().get_object(request, object_id, from_field)
        return found

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """What was loaded is of no use to somebody who may only look."""
        if obj is None or self.has_change_permission(request, obj):
            return self.fieldsets
        return [(None, {"fields": [name for name in self.fieldsets[0][1]["fields"] if name != edits.NAME]})]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Video], search_term: str
    ) -> tuple[QuerySet[Video], bool]:
        """Search as viewers do, and also in the file's name."""
        return catalogue.searched(queryset, search_term, is_by_name=True), False

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(progress_view)
        figures = self.admin_site.admin_view(figures_view)
        poster = self.admin_site.admin_view(self.choose_poster)
        return [
            path("progress/", view, {"admin": self}, name="library_video_progress"),
            path(
                "<int:video_id>/original/",
                self.admin_site.admin_view(download),
                {"admin": self},
                name="library_video_original",
            ),
            path("figures/", figures, name="library_video_figures"),
            path("<int:video_id>/poster/", poster, name="library_video_poster"),
            *super().get_urls(),
        ]

    @display(description="Poster")
    def poster(self, video: Video) -> SafeString:
        return live(video, "poster")

    @display(description="Video", ordering="title")
    def shown_title(self, video: Video) -> SafeString:
        word = draft_word(video)
        badge = format_html(' <span class="vf-draft">{}</span>', word) if word else SafeString("")
        if word == "Scheduled" and video.publish_at:
            badge = format_html("{} {}", badge, moment(video.publish_at))
        return format_html('<span class="vf-title">{}</span>{}', video.title, badge)

    @display(description="Status", ordering="transcode__state")
    def status(self, video: Video) -> SafeString:
        return live(video, "cell")

    @display(description="Category", ordering="category", wrapper_class="vf-wide-only")
    def shown_category(self, video: Any) -> str:
        return str(video.category_name or video.category)

    @display(description="Added", ordering="created_at")
    def added(self, video: Video) -> SafeString:
        return moment(video.created_at)

    @display(description="Length")
    def length(self, video: Video) -> str:
        version = current(video.transcode)
        return clock_text(version.duration_s) if version else ""

    @display(description="Resolution")
    def resolution(self, video: Video) -> str:
        """Of the best that viewers get."""
        version = current(video.transcode)
        return version.renditions[-1].name if version else ""

    @display(description="Size", ordering="transcode__source_bytes")
    def size(self, video: Video) -> str:
        """Of the uploaded file."""
        return size_text(video.transcode.source_bytes) if video.transcode.source_bytes else ""

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any) -> Any:
        video = context["original"]
        if video is not None:
            may_change = self.has_change_permission(request, video)
            context |= {
                "playback_address": request.build_absolute_uri(video_paths.file(video.pk, names.MASTER)),
                "file_name": videos.file_name(video),
                "panel": live(video, "panel", may_change=may_change),
                "poster_url": poster_url(video),
                "facts": live(video, "facts"),
                "stills": live(video, "stills", may_change=may_change),
                "tracks": tracks_panel(video),
            }
        return super().render_change_form(request, context, *args, **options)

    def get_form(self, request: HttpRequest, obj: Video | None = None, change: bool = False, **kwargs: Any) -> Any:
        """The form class, which knows who uploads, and which files were dropped while they arrived."""
        form = super().get_form(request, obj, change=change, **kwargs)
        return type("VideoForm", (form,), {"refused_files": refusals(request), "uploader": request.user})

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Where upload or video went after the form was checked, nothing was saved: checked again, the form says so."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except (UploadGone, Video.NotUpdated):
            return super().changeform_view(request, object_id, form_url, extra_context)
        except StoreFailed as error:
            if request.method != "POST":
                raise
            sentence = f"Nothing was saved: {error.strerror} Please try again in a moment."
            self.message_user(request, sentence, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())  # the page's draft keeps what was typed

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        """The file comes first, complete and on the disk; then the row and its transcode."""
        if not change:
            obj.added_by = request.user
        upload = form.finished_upload
        if form.rows:
            for video in save_rows(form.rows, obj, form.cleaned_data)[1:]:  # Django logs the first one itself
                self.log_addition(request, video, added_message(video))
        elif upload is not None:
            finishing.save_video(upload, obj)
        elif form.new_video is not None:
            videos.store_upload(obj, form.new_video)
            videos.save_with_file(obj)
        elif change:
            obj.save(update_fields={*form.changed_data, "updated_at"})
        if change and form.kept:
            self.message_user(request, f"Saved by somebody else meanwhile, and kept: {' '.join(form.kept)}")

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        """What the history says of a form that was saved, with the names of the files."""
        if add:
            return added_message(form.instance)
        message = super().construct_change_message(request, form, formsets, add)
        return message_with_files(message, form) if form.finished_upload or form.new_video else message

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """After several videos at once, the list shows them."""
        count = len(request.POST.getlist("row_upload"))
        if not count:
            return super().response_add(request, obj, post_url_continue)
        self.message_user(request, f"{count} {'video was' if count == 1 else 'videos were'} added.", messages.SUCCESS)
        if "_addanother" in request.POST:
            return told_saved(request, HttpResponseRedirect(request.path))
        return told_saved(request, self.response_post_save_add(request, obj))
