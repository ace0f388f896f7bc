"""The logins of docker's config.json, and the programs that keep them."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from engine.errors import CredentialHelperFailed, EngineError, InvalidSetting, ProgramNotFound
from engine.registry.credentials import Credentials
from engine.registry.dockerconfig import DockerConfig

if TYPE_CHECKING:
    from pathlib import Path

ANA = Credentials("ana", "se:cret")
AUTH = base64.b64encode(b"ana:se:cret").decode()
HOST = "images.test:5000"


def config(tmp_path: Path, content: Any) -> DockerConfig:
    path = tmp_path / "config.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return DockerConfig(path, find_program=lambda name: str(tmp_path / name))


def helper(tmp_path: Path, *, answer: str, code: int = 0) -> Path:
    """Make a helper that notes what it was asked, and return where."""
    program, asked = tmp_path / "docker-credential-box", tmp_path / "asked"
    program.write_text(f"#!/bin/sh\necho \"$1 $(cat)\" > {asked}\necho '{answer}'\nexit {code}\n")
    program.chmod(0o700)
    return asked


def test_no_file_is_no_login(tmp_path: Path) -> None:
    assert DockerConfig(tmp_path / "missing" / "config.json").find(HOST) is None


@pytest.mark.parametrize(
    ("key", "registry"),
    [
        pytest.param(HOST, HOST, id="host"),
        pytest.param(f"https://{HOST}", HOST, id="url"),
        pytest.param(f"http://{HOST}/v2/", HOST, id="url-with-path"),
        pytest.param("https://index.docker.io/v1/", "docker.io", id="default-registry"),
        pytest.param("docker.io", "docker.io", id="default-registry-by-name"),
    ],
)
def test_a_login_is_found_however_its_registry_is_written(
    tmp_path: Path, key: str, registry: str
) -> None:
    assert config(tmp_path, {"auths": {key: {"auth": AUTH}}}).find(registry) == ANA


@pytest.mark.parametrize("registry", ["images.test", "images.test:5001", "other.test", "docker.io"])
def test_a_login_is_not_shown_to_another_registry(tmp_path: Path, registry: str) -> None:
    assert config(tmp_path, {"auths": {HOST: {"auth": AUTH}}}).find(registry) is None


@pytest.mark.parametrize(
    ("entry", "credentials"),
    [
        pytest.param({"username": "ana", "password": "se:cret"}, ANA, id="in-plain"),
        pytest.param({"auth": AUTH, "identitytoken": "t"}, Credentials("ana", "se:cret", "t")),
        pytest.param({"registrytoken": "t"}, Credentials(registry_token="t")),
        pytest.param({}, None, id="kept-elsewhere"),
    ],
)
def test_each_form_of_a_login_is_read(
    tmp_path: Path, entry: dict[str, str], credentials: Credentials | None
) -> None:
    assert config(tmp_path, {"auths": {HOST: entry}}).find(HOST) == credentials


@pytest.mark.parametrize("where", [{"credsStore": "box"}, {"credHelpers": {HOST: "box"}}])
def test_a_helper_is_asked(tmp_path: Path, where: dict[str, Any]) -> None:
    asked = helper(tmp_path, answer='{"Username": "ana", "Secret": "se:cret"}')

    assert config(tmp_path, where).find(HOST) == ANA
    assert asked.read_text() == f"get {HOST}\n"


def test_a_helper_may_keep_an_identity_token(tmp_path: Path) -> None:
    helper(tmp_path, answer='{"Username": "<token>", "Secret": "t"}')

    found = config(tmp_path, {"credsStore": "box"}).find(HOST)

    assert found == Credentials(identity_token="t")


def test_what_the_helper_does_not_know_may_be_in_the_file(tmp_path: Path) -> None:
    helper(tmp_path, answer="credentials not found in native keychain", code=1)
    content = {"credsStore": "box", "auths": {HOST: {"auth": AUTH}}}

    assert config(tmp_path, content).find(HOST) == ANA


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        pytest.param("a secret of somebody", 1, id="failed"),
        pytest.param("a secret of somebody", 0, id="no-json"),
        pytest.param('{"Username": "ana", "Secret": 5}', 0, id="no-text"),
        pytest.param('["a secret of somebody"]', 0, id="list"),
    ],
)
def test_a_helper_that_fails_is_named_and_not_quoted(
    tmp_path: Path, answer: str, code: int
) -> None:
    helper(tmp_path, answer=answer, code=code)

    with pytest.raises(CredentialHelperFailed, match="docker-credential-box") as caught:
        config(tmp_path, {"credsStore": "box"}).find(HOST)

    assert "somebody" not in str(caught.value)


def test_a_helper_that_is_not_installed_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProgramNotFound):
        config(tmp_path, {"credsStore": "gone"}).find(HOST)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("not json", id="no-json"),
        pytest.param("[]", id="list"),
        pytest.param({"auths": []}, id="auths"),
        pytest.param({"auths": {HOST: {"auth": "!!"}}}, id="no-base64"),
        pytest.param({"credsStore": 5}, id="store"),
        pytest.param({"credsStore": "../../bin/sh"}, id="path-as-helper"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(tmp_path: Path, content: Any) -> None:
    with pytest.raises(InvalidSetting):
        config(tmp_path, content).find(HOST)


def test_the_users_own_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config(tmp_path, {"auths": {HOST: {"auth": AUTH}}})
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))

    assert DockerConfig.of_user().find(HOST) == ANA


def test_nothing_shows_what_was_found(tmp_path: Path) -> None:
    found = Credentials("ana", "secret", "secret", "secret")
    error: EngineError = CredentialHelperFailed("box", registry=HOST, reason="it ended with 1")

    assert "secret" not in repr(found)
    assert "secret" not in str(error)
