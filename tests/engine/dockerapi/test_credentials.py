from __future__ import annotations

import base64
import json

import pytest

from engine.dockerapi.credentials import parse_credentials
from engine.dockerapi.refusals import Refusal
from engine.dockerapi.registries import registry_of

SECRET = "hunter2-hunter2"


def header(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


def test_user_name_and_password_are_read() -> None:
    found = parse_credentials(header({"username": "ana", "password": SECRET}))

    assert found is not None
    assert (found.username, found.password) == ("ana", SECRET)


def test_tokens_are_read() -> None:
    found = parse_credentials(header({"identitytoken": SECRET}))

    assert found is not None
    assert found.identity_token == SECRET


def test_a_pair_in_base64_is_read() -> None:
    pair = base64.b64encode(f"ana:{SECRET}".encode()).decode()
    found = parse_credentials(header({"auth": pair}))

    assert found is not None
    assert (found.username, found.password) == ("ana", SECRET)


@pytest.mark.parametrize("text", [None, "", header({}), header(None), header({"username": ""})])
def test_nobody_is_nobody(text: str | None) -> None:
    assert parse_credentials(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "!!",
        base64.b64encode(SECRET.encode()).decode(),
        header([SECRET]),
        header({"username": {"a": SECRET}}),
    ],
)
def test_what_cannot_be_read_is_refused_without_being_told(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse_credentials(text)

    assert refused.value.status == 400
    assert SECRET not in refused.value.message
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    ("address", "registry"),
    [
        ("", "docker.io"),
        ("https://index.docker.io/v1/", "docker.io"),
        ("localhost:5000", "localhost:5000"),
        ("http://registry.example:5000/v2/", "registry.example:5000"),
    ],
)
def test_the_address_of_a_server_is_its_registry(address: str, registry: str) -> None:
    assert registry_of(address) == registry
