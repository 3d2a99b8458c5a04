"""`/metrics` for Prometheus: request durations that the web processes measure, and facts that are read on request.

Only a caller that sends METRICS_TOKEN or an API key with the scope `stats:read` as a bearer token may read them, or
one on this machine without a proxy.
"""

from collections.abc import Iterator
from functools import cache
from ipaddress import ip_address

from django.conf import settings
from django.db import Error as DatabaseUnavailable
from django.db.models import Count, Min
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from accounts import keys
from accounts.bearer import bearer_in, key_in
from accounts.errors import AccountsError
from accounts.models import Mail, Scope
from hls import clock
from hls.models import ACTIVE, Chunk, ChunkState, State, Transcode
from hls.sources import cache as sources_here
from hls.sources import fetching
from hls.status import statuses
from hls.store.observing import RequestMade, observers
from library import storage
from project import env as environment
from project.health import probes

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
PROXY_HEADERS = ("X-Forwarded-For", "Forwarded", "X-Real-Ip", "Via")

own = CollectorRegistry()
duration = Histogram(
    "videoflix_http_request_duration_seconds",
    "Time until a response was ready to be sent.",
    ("method", "route", "status"),
    registry=own,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


bucket_requests = Counter(
    "videoflix_bucket_requests_total",
    "Requests to the bucket by this machine's web processes.",
    ("operation", "outcome"),
    registry=own,
)
bucket_retries = Counter(
    "videoflix_bucket_retries_total", "Requests to the bucket that were sent again.", ("operation",), registry=own
)


def count(made: RequestMade) -> None:
    bucket_requests.labels(made.operation, "failed" if made.has_failed else "ok").inc()
    if made.retries:
        bucket_retries.labels(made.operation).inc(made.retries)


observers.append(count)


def observe(request: HttpRequest, response: HttpResponseBase, duration_s: float) -> None:
    """Count a request's duration under its route. Unknown addresses share one label, whatever they contain."""
    route = request.resolver_match.route if request.resolver_match else "(none)"
    method = request.method if request.method in METHODS else "(other)"
    timer(method, route, response.status_code).observe(duration_s)


timer = cache(duration.labels)  # a few routes, methods and statuses


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    if not may_ask(request):
        return HttpResponse("Unauthorized\n", status=401, headers={"WWW-Authenticate": "Bearer"})
    counted = own
    if environment.shares_metrics():
        counted = CollectorRegistry()
        MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    facts = CollectorRegistry()
    facts.register(Facts())
    return HttpResponse(generate_latest(counted) + generate_latest(facts), content_type=CONTENT_TYPE_LATEST)


def may_ask(request: HttpRequest) -> bool:
    if spelled := key_in(request):
        return is_good(spelled)
    if settings.METRICS_TOKEN and (token := bearer_in(request)):
        return constant_time_compare(token, settings.METRICS_TOKEN)
    is_direct = not any(name in request.headers for name in PROXY_HEADERS)
    return is_direct and ip_address(request.META.get("REMOTE_ADDR") or "0.0.0.0").is_loopback  # noqa: S104


def is_good(spelled: str) -> bool:
    try:
        keys.check_scope(keys.read(spelled), (Scope.STATS_READ,))
    except AccountsError:
        return False
    return True


class Facts(Collector):
    """The present state of rows, queue and disk. A part that fails is 0 in videoflix_up."""

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("videoflix_up", "Whether a part answers.", labels=["part"])
        parts: dict[str, probes.Probe] = {"database": probes.database, "queue": probes.queue}
        probed = probes.run_all(parts | ({"bucket": probes.bucket} if settings.BUCKET else {}))
        for part, probe in probed.items():
            up.add_metric([part], probe.is_ok)
        yield up
        free = GaugeMetricFamily("videoflix_disk_free_bytes", "Free space where a folder lies.", labels=["folder"])
        for folder, free_bytes in probes.free_bytes().items():
            free.add_metric([folder], free_bytes)
        yield free
        if probed["queue"].is_ok:
            depth = probes.queue_depth()
            yield GaugeMetricFamily("videoflix_queue_tasks", "Tasks that wait in the queue.", depth)
        if probed["database"].is_ok:
            try:
                yield from transcoding()
                yield stored()
                if settings.BUCKET:
                    yield from source_cache()
                yield from mail()
            except DatabaseUnavailable:  # it became unreachable meanwhile; the next scrape says so
                return


def transcoding() -> Iterator[Metric]:
    videos = Transcode.objects.order_by()
    states = dict(videos.values_list("state").annotate(Count("pk")))
    by_state = GaugeMetricFamily("videoflix_transcodes", "Videos by the state of their transcode.", labels=["state"])
    for state in State.values:
        by_state.add_metric([state], states.get(state, 0))
    yield by_state
    waiting = Chunk.objects.filter(state=ChunkState.WAITING, transcode__state__in=ACTIVE).count()
    yield GaugeMetricFamily("videoflix_chunks_waiting", "Chunks of videos that wait for a worker.", waiting)
    oldest = videos.filter(state=State.QUEUED).aggregate(at=Min("queued_at"))["at"]
    age_s = (timezone.now() - oldest).total_seconds() if oldest else 0
    yield GaugeMetricFamily("videoflix_oldest_queued_film_seconds", "How long the oldest queued video waits.", age_s)
    running = statuses(list(videos.filter(state=State.PROCESSING)))
    speed = sum(status.speed or 0 for status in running.values())
    yield GaugeMetricFamily(
        "videoflix_encode_speed_ratio", "Video seconds made each second, all videos together.", speed
    )
    alive = clock.seen_within(probes.WORKER_SILENCE).count()
    yield GaugeMetricFamily("videoflix_workers", "Workers seen within the last half minute.", alive)


def stored() -> Metric:
    """As rows say it: to list a bucket takes long, and is paid for."""
    stored_bytes = GaugeMetricFamily("videoflix_stored_bytes", "What files take, in either place.", labels=["kind"])
    stored_bytes.add_metric(["uploads"], storage.uploaded_bytes())
    stored_bytes.add_metric(["versions"], storage.served_bytes())
    return stored_bytes


def source_cache() -> Iterator[Metric]:
    """What this machine's workers keep of uploads, and how often that was enough."""
    counts = fetching.counts()
    yield GaugeMetricFamily("videoflix_source_cache_bytes", "What is kept of uploads.", sources_here.used_bytes())
    uses = CounterMetricFamily(
        "videoflix_source_cache_uses_total", "Sources that a step asked for.", labels=["outcome"]
    )
    uses.add_metric(["hit"], counts.hits)
    uses.add_metric(["miss"], counts.misses)
    yield uses
    yield CounterMetricFamily(
        "videoflix_source_cache_fetched_bytes_total", "What was fetched of uploads.", counts.fetched_bytes
    )


def mail() -> Iterator[Metric]:
    unsent = Mail.objects.filter(sent_at=None)
    yield GaugeMetricFamily("videoflix_mails_waiting", "Mails that have not been sent yet.", unsent.count())
    oldest = unsent.aggregate(at=Min("created_at"))["at"]
    age_s = (timezone.now() - oldest).total_seconds() if oldest else 0
    yield GaugeMetricFamily("videoflix_oldest_mail_seconds", "How long the oldest unsent mail waits.", age_s)
