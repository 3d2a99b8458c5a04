"""The page at `/`: plain words that lead to the docs, the admin and the health check."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


@require_safe
def welcome(request: HttpRequest) -> HttpResponse:
    return render(request, "welcome.html")
