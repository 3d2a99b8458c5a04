"""Categories in the admin: added, renamed, put in order by hand or by number, hidden, and deleted while unused."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, IntegerField, Max, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from library import categories
from library.models import Category, Video


@admin.register(Category)
class CategoryAdmin(ModelAdmin):
    list_display = ["name", "slug", "videos", "is_hidden", "position"]
    list_editable = ["is_hidden", "position"]
    ordering_field: Any = "position"
    fields = ["name", "is_hidden", "position"]
    list_per_page = 200

    def get_queryset(self, request: HttpRequest) -> QuerySet[Category]:
        """With how many videos each has, and whether these may be looked at."""
        of_it = Video.objects.filter(category=OuterRef("slug")).order_by().values("category")
        number = Subquery(of_it.annotate(number=Count("pk")).values("number"), output_field=IntegerField())
        may_open = Value(self.admin_site.get_model_admin(Video).has_view_permission(request))
        rows: QuerySet[Category] = super().get_queryset(request)
        return rows.annotate(video_count=Coalesce(number, 0), may_open=may_open)

    @display(description="Videos")
    def videos(self, category: Any) -> SafeString:
        if not category.may_open:
            return format_html("{}", category.video_count)
        address = f"{reverse('admin:library_video_changelist')}?category={category.pk}"
        return format_html('<a href="{}">{}</a>', address, category.video_count)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        last = Category.objects.aggregate(last=Max("position"))["last"] or 0
        return {**super().get_changeform_initial_data(request), "position": last + 1}

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        """The slug is made once, of the first name. Of a category that exists only what was changed here is written."""
        if not change:
            obj.pk = categories.new_slug(obj.name)
            super().save_model(request, obj, form, change)
            return
        try:
            obj.save(update_fields=form.changed_data)
        except Category.NotUpdated as error:
            raise Http404 from error

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Whatever a video has is named, and not deleted."""
        tree, counts, lacking, protected = super().get_deleted_objects(objs, request)
        used = Video.objects.filter(category__in=[entry.pk for entry in objs]).order_by().values("category")
        numbers = dict(used.annotate(number=Count("pk")).values_list("category", "number"))
        in_use = [categories.in_use(entry, numbers[entry.pk]) for entry in objs if entry.pk in numbers]
        return tree, counts, lacking, [*protected, *in_use]
