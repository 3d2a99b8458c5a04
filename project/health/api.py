"""`GET /api/health/` and `GET /api/ready/`: for load balancers, containers and people. They reveal nothing secret."""

from typing import Literal

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema, Status
from pydantic import ConfigDict, Field

from project.health import probes

router = Router(auth=None, tags=["Health"])


class Health(Schema):
    """Each part is "ok" (ffmpeg: its version), or says in a word or two what is wrong with it."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"status": "ok", "database": "ok", "queue": "ok", "ffmpeg": "7.1.1"}}
    )

    status: Literal["ok", "failing"]
    database: str
    queue: str
    ffmpeg: str


class Readiness(Schema):
    """Each part is "ok", or says in a word or two what is wrong with it."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"status": "ok", "database": "ok", "queue": "ok", "disk": "ok", "files": "ok", "worker": "ok"}
        }
    )

    status: Literal["ok", "failing"]
    database: str
    queue: str
    disk: str
    files: str
    bucket: str | None = Field(None, description="Left out without a bucket; else `ok` or a sentence.")
    worker: str


HEALTH: dict[str, probes.Probe] = {
    "database": probes.database,
    "queue": probes.queue,
    "ffmpeg": probes.ffmpeg,
}
READINESS: dict[str, probes.Probe] = {
    "database": probes.database,
    "queue": probes.queue,
    "disk": probes.disk,
    "files": probes.files,
    "worker": probes.worker,
}


@router.get(
    "/health/", response={200: Health, 503: Health}, operation_id="getHealth", summary="Whether this process can serve"
)
def health(request: HttpRequest, response: HttpResponse) -> Status[Health]:
    """503 names the part that fails. A database or queue that hangs is noticed within three seconds."""
    response["Cache-Control"] = "no-store"
    status, answers = report(HEALTH)
    return Status(status, Health.model_validate(answers))


@router.get(
    "/ready/",
    response={200: Readiness, 503: Readiness},
    exclude_none=True,
    operation_id="getReadiness",
    summary="Whether videos can be added and watched",
)
def ready(request: HttpRequest, response: HttpResponse) -> Status[Readiness]:
    """Also needs room on the disk, files that are this database's, a worker seen within the last half minute, and the
    bucket where there is one."""
    response["Cache-Control"] = "no-store"
    status, answers = report(READINESS | ({"bucket": probes.bucket} if settings.BUCKET else {}))
    return Status(status, Readiness.model_validate(answers))


def report(parts: dict[str, probes.Probe]) -> tuple[int, dict[str, str]]:
    """The HTTP status, and the answer of each part."""
    probed = probes.run_all(parts)
    is_ok = all(probe.is_ok for probe in probed.values())
    answers = {part: probe.answer for part, probe in probed.items()}
    return (200, {"status": "ok"} | answers) if is_ok else (503, {"status": "failing"} | answers)
