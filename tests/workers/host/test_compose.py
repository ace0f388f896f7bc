"""The form for containers names the same processes and variables as the product itself."""

import re
import shlex

import pytest
import yaml

from workers.host.checkout import CHECKOUT
from workers.host.commands import PLACES
from workers.host.processes import PRIVILEGED, list_processes

FILE = CHECKOUT / "docker-compose.dev.yml"


@pytest.fixture(scope="module")
def services():
    return yaml.safe_load(FILE.read_text())["services"]


def words_of(service) -> list[str]:
    command = service["command"]
    return shlex.split(command[2]) if command[:2] == ["sh", "-c"] else command


def test_every_process_is_run_by_some_service(services):
    run = {name for name, service in services.items() if service.get("command", [""])[-1] == name}
    host = words_of(services["host"])
    assert run | set(host[host.index("--only") + 1].split(",")) | {"redis"} == {
        process.name for process in list_processes()
    }


def test_only_the_host_is_privileged_and_it_runs_what_must_be(services):
    assert [name for name, service in services.items() if service.get("privileged")] == ["host"]
    assert set(words_of(services["host"])[3].split(",")) == PRIVILEGED


def test_what_faces_people_has_no_privilege_at_all(services):
    for name in ("web", "beat"):
        assert services[name]["user"] == "65534:65534"
        assert services[name]["cap_drop"] == ["ALL"]


def test_commands_exist(services):
    ours = [words_of(services[name]) for name in ("setup", "web", "beat", "host")]
    assert all(words[0] == "./shipshape" and words[1] in PLACES for words in ours)


def test_services_wait_for_services_that_exist(services):
    waited_for = {name for service in services.values() for name in service.get("depends_on", {})}
    assert waited_for <= services.keys()


def test_no_secret_has_a_default():
    text = FILE.read_text()
    for name in ("SECRET_KEY", "FIELD_KEY", "PASSWORD"):
        assert re.findall(rf"\$\{{\w*{name}(?!:\?)", text) == []


def test_nothing_is_open_to_the_network(services):
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert all(port.startswith("127.0.0.1:") for port in published)
