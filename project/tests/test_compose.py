"""docker-compose.yml keeps its promises: order, names, limits, time to stop, and one door."""

import re
import subprocess
from typing import Any

import pytest
import yaml

from project import settings
from project.env import BASE_DIR, Env
from project.supervisor import STOP_TIMEOUT_S

COMPOSE: dict[str, Any] = yaml.safe_load((BASE_DIR / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("migrate", "web", "worker")
TEMPLATE = dict(re.findall(r"^([A-Z0-9_]+)=(.*)$", (BASE_DIR / ".env.template").read_text(), re.MULTILINE))

# What the Compose specification allows, as far as it is used here.
TOP = {"name", "services", "volumes", "networks", "x-app"}
KEYS = {
    *("build", "image", "command", "environment", "env_file", "volumes", "tmpfs", "ports", "networks", "depends_on"),
    *("restart", "init", "healthcheck", "deploy", "logging", "stop_signal", "stop_grace_period", "shm_size"),
    *("cap_drop", "security_opt"),
}
HEALTH_KEYS = {"test", "interval", "timeout", "retries", "start_period", "disable"}


def seconds(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(s|m)", text).groups()  # type: ignore[union-attr]
    return int(number) * {"s": 1, "m": 60}[unit]


def test_there_is_nothing_that_compose_does_not_know() -> None:
    assert set(COMPOSE) <= TOP
    for name, service in SERVICES.items():
        assert set(service) <= KEYS, name
        assert set(service.get("healthcheck", {})) <= HEALTH_KEYS, name
        for on, condition in service.get("depends_on", {}).items():
            assert on in SERVICES
            assert set(condition) == {"condition"}
        for network in service["networks"]:
            assert network in COMPOSE["networks"]
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source in COMPOSE["volumes"] or (BASE_DIR / source).exists(), volume


def test_one_image_makes_web_worker_and_migrations() -> None:
    assert {SERVICES[name]["image"] for name in OURS} == {"videoflix"}
    assert [SERVICES[name]["command"] for name in OURS] == ["migrate", "web", "worker"]


def test_nothing_starts_before_what_it_needs_is_healthy() -> None:
    healthy, done = {"condition": "service_healthy"}, {"condition": "service_completed_successfully"}

    assert SERVICES["migrate"]["depends_on"] == {"db": healthy, "redis": healthy}
    for name in ("web", "worker"):
        assert SERVICES[name]["depends_on"] == {"db": healthy, "redis": healthy, "migrate": done}
    assert SERVICES["edge"]["depends_on"] == {"web": healthy}
    for name in ("db", "redis", "worker", "edge"):  # web's check is in the image
        assert SERVICES[name]["healthcheck"]["test"]


def test_only_the_edge_is_published_and_other_machines_reach_it_at_port() -> None:
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"edge"}
    assert SERVICES["edge"]["ports"] == ["${PORT:-8000}:80"]
    assert {name for name, service in SERVICES.items() if "outside" in service["networks"]} == {"edge"}


def test_edge_only_reads_the_films() -> None:
    assert [volume for volume in SERVICES["edge"]["volumes"] if not volume.endswith(":ro")] == []


def test_edge_is_given_every_variable_of_its_template() -> None:
    template = (BASE_DIR / "deploy" / "nginx.conf.template").read_text()

    assert set(re.findall(r"\$\{(\w+)\}", template)) == set(SERVICES["edge"]["environment"])


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_has_limits_bounded_logs_and_a_way_back(name: str) -> None:
    service = SERVICES[name]

    assert service["deploy"]["resources"]["limits"]["memory"]
    assert set(service["logging"]["options"]) == {"max-size", "max-file"}
    assert service["restart"] == ("no" if name == "migrate" else "unless-stopped")


def test_each_is_given_the_time_it_allows_itself_to_stop() -> None:
    shutdown_s = settings.HUEY["consumer"]["shutdown_timeout"]

    assert seconds(SERVICES["worker"]["stop_grace_period"]) > shutdown_s
    assert shutdown_s < STOP_TIMEOUT_S
    assert {SERVICES[name]["stop_signal"] for name in ("web", "worker")} == {"SIGTERM"}


def test_workers_can_be_scaled() -> None:
    """Neither a fixed name nor a fixed port stands in the way of --scale."""
    assert "container_name" not in SERVICES["worker"]
    assert "ports" not in SERVICES["worker"]


def test_what_must_last_lies_in_named_volumes() -> None:
    kept = {
        volume.partition(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", ())
        if not volume.startswith("./")
    }

    assert kept == set(COMPOSE["volumes"]) == {"database", "redis", "data"}
    assert "--appendonly" in SERVICES["redis"]["command"]


def test_names_are_those_that_settings_read() -> None:
    ours = {name.upper() for name in Env.model_fields}

    assert set(SERVICES["web"]["environment"]) <= ours
    asked = set(re.findall(r"(?<!\$)\$\{(\w+)", (BASE_DIR / "docker-compose.yml").read_text()))
    assert asked <= ours


def test_template_points_at_these_services() -> None:
    assert TEMPLATE["DB_HOST"] in SERVICES
    assert TEMPLATE["REDIS_LOCATION"] == f"redis://{TEMPLATE['REDIS_HOST']}:{TEMPLATE['REDIS_PORT']}/1"
    assert TEMPLATE["REDIS_HOST"] in SERVICES
    assert TEMPLATE["DB_PASSWORD"]


def test_image_takes_only_what_runs() -> None:
    """.dockerignore lets through what the Dockerfile needs, and neither data, secrets nor tests."""
    ignored = (BASE_DIR / ".dockerignore").read_text().splitlines()
    allowed = {line[1:] for line in ignored if line.startswith("!")}

    assert ignored[1] == "*"
    assert {"manage.py", "requirements.txt", "deploy/entrypoint", "project", "templates"} <= allowed
    assert not {".env", "var", ".git", "scripts", "conftest.py"} & allowed
    assert "**/tests" in ignored


def test_entrypoint_is_a_script_that_a_shell_can_read() -> None:
    path = BASE_DIR / "deploy" / "entrypoint"

    assert path.stat().st_mode & 0o111
    assert subprocess.run(["sh", "-n", path], check=False).returncode == 0
    for name in OURS:
        assert f"  {SERVICES[name]['command']}) exec " in path.read_text()
