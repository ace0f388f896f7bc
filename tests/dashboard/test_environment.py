"""What the environment says, and what a process does without its secrets."""

import os
import subprocess
import sys

import pytest
from django.core.exceptions import ImproperlyConfigured

from dashboard import environment
from dashboard.environment import PublicURL, broker_url


@pytest.mark.parametrize(
    ("text", "origin", "websocket", "is_secure"),
    [
        pytest.param(
            "http://127.0.0.1:8080",
            "http://127.0.0.1:8080",
            "ws://127.0.0.1:8080",
            False,
            id="port",
        ),
        pytest.param(
            "https://ship.example.org",
            "https://ship.example.org",
            "wss://ship.example.org",
            True,
            id="https",
        ),
        pytest.param(
            "https://ship.example.org:443/",
            "https://ship.example.org",
            "wss://ship.example.org",
            True,
            id="default-port",
        ),
        pytest.param("http://[::1]:8080", "http://[::1]:8080", "ws://[::1]:8080", False, id="ipv6"),
    ],
)
def test_public_url_gives_the_origins_that_browsers_send(text, origin, websocket, is_secure):
    url = PublicURL.parse(text)

    assert (url.origin, url.websocket_origin, url.is_secure) == (origin, websocket, is_secure)


@pytest.mark.parametrize("text", ["", "127.0.0.1:8080", "ftp://host", "https://"])
def test_a_url_that_no_browser_reaches_is_refused(text):
    with pytest.raises(ImproperlyConfigured, match="SHIPSHAPE_URL"):
        PublicURL.parse(text)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://r:6379/0", "redis://r:6379/0"),
        ("unix:///run/r.sock", "redis+socket:///run/r.sock?virtual_host=0"),
        ("unix://:pass@/run/r.sock?db=2", "redis+socket://:pass@/run/r.sock?virtual_host=2"),
    ],
)
def test_the_broker_gets_its_own_spelling_of_a_unix_socket(url, expected):
    assert broker_url(url) == expected


def test_redis_password_comes_from_its_file(tmp_path, monkeypatch):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "redis-password").write_text("a/b\n")
    monkeypatch.setenv("SHIPSHAPE_DATA", str(tmp_path))
    monkeypatch.setenv("SHIPSHAPE_RUN", "/run/x")

    assert environment.redis_url() == "unix://:a%2Fb@/run/x/redis/redis.sock?db=0"


def test_a_process_without_its_secret_does_not_start_and_says_where_to_put_it(tmp_path):
    run = _import_settings(tmp_path)

    assert run.returncode != 0
    assert (
        f"SHIPSHAPE_SECRET_KEY, or write the secret to {tmp_path}/secrets/secret-key" in run.stderr
    )


def test_secrets_are_read_from_their_files(tmp_path):
    (tmp_path / "secrets").mkdir()
    for name in ("secret-key", "field-key"):
        (tmp_path / "secrets" / name).write_text(f"the {name}\n")

    assert _import_settings(tmp_path).stdout == "the secret-key|the field-key\n"


def _import_settings(data) -> "subprocess.CompletedProcess[str]":
    code = (
        "from dashboard import settings as s; print(s.SECRET_KEY, s.SHIPSHAPE_FIELD_KEY, sep='|')"
    )
    return subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": os.environ["PATH"], "SHIPSHAPE_DATA": str(data)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", {}),
        (
            "smtp+tls://bot:p%40ss@mail.example.org:587",
            {"EMAIL_HOST_PASSWORD": "p@ss", "EMAIL_PORT": 587, "EMAIL_USE_TLS": True},
        ),
        ("smtp://mail.example.org", {"EMAIL_HOST": "mail.example.org", "EMAIL_PORT": None}),
    ],
)
def test_mail_goes_by_the_server_that_the_environment_names(monkeypatch, url, expected):
    monkeypatch.setenv("SHIPSHAPE_EMAIL_URL", url)

    found = environment.mail()

    assert expected.items() <= found.items()
    assert bool(found) is bool(url)


@pytest.mark.parametrize("url", ["https://mail.example.org", "smtp://", "consolemail://"])
def test_what_is_no_mail_server_is_refused(monkeypatch, url):
    monkeypatch.setenv("SHIPSHAPE_EMAIL_URL", url)

    with pytest.raises(ImproperlyConfigured):
        environment.mail()
