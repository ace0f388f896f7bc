"""docker-compose 1.29 against our engine: a project with network, volume and health, up to down."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.docker_cli import CHECKOUT, IMAGE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.docker_cli import DockerCli

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(
        shutil.which("docker-compose") is None, reason="docker-compose is not installed"
    ),
]

SECRETS = (
    "POSTGRES_PASSWORD",
    "REDIS_PASSWORD",
    "SHIPSHAPE_FIELD_KEY",
    "SHIPSHAPE_SECRET_KEY",
)
PROJECT = f"""\
version: "2.4"
services:
  db:
    image: {IMAGE}
    command: ["sh", "-c", "echo db is up; touch /data/ready; sleep 1000"]
    volumes: ["data:/data"]
    networks: [back]
    stop_grace_period: 0s
    healthcheck:
      test: ["CMD", "test", "-e", "/data/ready"]
      interval: 1s
      timeout: 5s
      retries: 5
  web:
    image: {IMAGE}
    command: ["sh", "-c", "echo web is up; sleep 1000"]
    networks: [back]
    environment: {{GREETING: hello}}
    expose: ["80"]
    stop_grace_period: 0s
    depends_on:
      db: {{condition: service_healthy}}
volumes:
  data: {{}}
networks:
  back: {{}}
"""


@pytest.fixture
def compose(ours: DockerCli, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    (tmp_path / "docker-compose.yml").write_text(PROJECT)

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        finished = subprocess.run(
            ["docker-compose", "--no-ansi", "-p", "fleet", *words],
            cwd=tmp_path,
            env=ours.environment,
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished

    return call


def test_a_project_goes_up_and_down(
    compose: Callable[..., subprocess.CompletedProcess[str]], ours: DockerCli
) -> None:
    compose("up", "-d")
    assert "healthy" in ours.ok("ps", "--filter", "name=fleet_db_1", "--format", "{{.Status}}")
    assert "fleet_web_1" in compose("ps").stdout
    assert "db is up" in compose("logs", "db").stdout
    assert compose("exec", "-T", "web", "sh", "-c", "echo $GREETING").stdout == "hello\n"
    assert "data" in compose("exec", "-T", "db", "ls", "/").stdout
    # Services find each other by name.
    ours.ok("exec", "fleet_web_1", "ping", "-c", "1", "-W", "5", "db")

    compose("up", "-d", "--scale", "web=3")
    assert len(ours.ok("ps", "-q", "--filter", "label=com.docker.compose.service=web").split()) == 3
    # Nothing has changed, so nothing is made again.
    before = ours.ok("ps", "-q", "--filter", "label=com.docker.compose.project=fleet")
    compose("up", "-d", "--scale", "web=3")
    assert ours.ok("ps", "-q", "--filter", "label=com.docker.compose.project=fleet") == before
    compose("restart", "-t", "0", "web")
    compose("stop", "-t", "0", "web")
    assert "Exit" in compose("ps").stdout

    compose("down", "-v")
    assert ours.ok("ps", "-aq", "--filter", "label=com.docker.compose.project=fleet") == ""
    assert "fleet_data" not in ours.ok("volume", "ls", "-q")
    assert "fleet_back" not in ours.ok("network", "ls", "--format", "{{.Name}}")


def test_our_own_file_is_one_that_compose_reads(ours: DockerCli) -> None:
    finished = subprocess.run(
        ["docker-compose", "-f", "docker-compose.dev.yml", "config", "-q"],
        cwd=CHECKOUT,
        env={**ours.environment, **dict.fromkeys(SECRETS, "secret")},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
