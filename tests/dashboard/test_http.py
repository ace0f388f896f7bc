"""What every answer carries, who may sign in and how often, and what is written down about it."""

import logging

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from dashboard import middleware
from dashboard.errors import BrokerDown, LastAdmin, NotPermitted
from dashboard.logs import WithoutQuery
from engine.errors import ContainerNotFound, InvalidSetting
from tests.dashboard.conftest import PASSWORD

pytestmark = pytest.mark.django_db


def log_in(client: Client, name: str = "vera", password: str = PASSWORD) -> HttpResponse:
    return client.post(reverse("account_login"), {"login": name, "password": password})


def test_answers_carry_a_policy_that_allows_our_own_files_only(client):
    policy = client.get("/healthz")["Content-Security-Policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))

    assert directives["default-src"] == "'self'"
    assert directives["script-src"] == directives["style-src"] == "'self'"
    assert directives["connect-src"] == "'self' ws://127.0.0.1:8080"
    assert directives["frame-ancestors"] == directives["object-src"] == "'none'"
    assert "unsafe" not in policy


def test_answers_carry_the_secure_headers(client):
    answer = client.get("/healthz")

    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"


def test_a_foreign_host_name_is_refused(client):
    assert client.get("/healthz", headers={"Host": "evil.example"}).status_code == 400


def test_health_is_asked_without_a_login_and_only_read(client):
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.post("/healthz").status_code == 405


def test_people_sign_in_with_their_name_or_their_address(vera):
    for name in ("vera", "VERA", "vera@example.org"):
        answer = log_in(Client(), name)
        assert (answer.status_code, answer["Location"]) == (302, "/"), name


def test_the_session_cookie_is_out_of_reach_of_scripts(vera, client, settings):
    cookie = log_in(client).cookies[settings.SESSION_COOKIE_NAME]

    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    assert settings.SESSION_COOKIE_NAME.endswith("-8080")


def test_a_wrong_password_lets_nobody_in(vera, client, settings):
    assert log_in(client, password="wrong").status_code == 200
    assert settings.SESSION_COOKIE_NAME not in client.cookies


def test_after_too_many_wrong_passwords_even_the_right_one_waits(vera):
    for _ in range(5):
        log_in(Client(), password="wrong")

    answer = log_in(Client())

    assert b"Too many failed login attempts" in answer.content


def test_while_nobody_can_count_attempts_nobody_signs_in(vera, client, settings, short_path):
    backend = "django.core.cache.backends.redis.RedisCache"
    location = f"unix://{short_path}/gone.sock"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": location}}

    answer = log_in(client)

    assert (answer.status_code, b"Redis does not answer." in answer.content) == (503, True)


def test_a_deactivated_person_does_not_get_in(vera, client):
    vera.is_active = False
    vera.save()

    assert log_in(client)["Location"] == reverse("account_inactive")


def test_the_login_speaks_of_names_as_all_forms_do(vera, client):
    html = client.post(reverse("account_login"), {"login": "vera", "password": "wrong"}).content

    assert b"Name or e-mail</label>" in html
    assert b"No account has this name and this password." in html
    assert b"placeholder" not in html


def test_nobody_leads_the_login_to_another_site(vera, client):
    answer = client.post(
        f"{reverse('account_login')}?next=https://evil.example/",
        {"login": "vera", "password": PASSWORD},
    )

    assert answer["Location"] == "/"


@pytest.mark.parametrize("path", ["signup/", "password/reset/", "email/", "login/code/"])
def test_what_we_do_not_offer_has_no_address(client, path):
    assert client.get(f"/account/{path}").status_code == 404


def test_a_form_without_its_token_is_refused(vera):
    assert log_in(Client(enforce_csrf_checks=True)).status_code == 403


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ContainerNotFound("x"), 404),
        (InvalidSetting("name", "<b>no</b>"), 400),
        (LastAdmin("ada"), 409),
        (NotPermitted("Admin"), 403),
        (BrokerDown(), 503),
    ],
    ids=lambda value: getattr(value, "code", value),
)
def test_a_refusal_that_a_view_let_pass_is_no_crash(error, status):
    pages = middleware.RefusalPages(lambda request: HttpResponse())
    page = pages.process_exception(RequestFactory().get("/"), error)
    script = pages.process_exception(RequestFactory().get("/", headers=JSON), error)

    assert page.status_code == script.status_code == status
    assert b"<b>no</b>" not in page.content
    assert error.code.encode() in script.content


def test_a_bug_is_left_to_crash():
    pages = middleware.RefusalPages(lambda request: HttpResponse())

    assert pages.process_exception(RequestFactory().get("/"), ValueError("bug")) is None


JSON = {"Accept": "application/json"}


@pytest.mark.parametrize(
    ("message", "arguments", "written"),
    [
        ("GET /setup/?token=secret HTTP/1.1", (), "GET /setup/?… HTTP/1.1"),
        (
            '%s - "%s %s HTTP/%s" %d',
            ("127.0.0.1:1", "GET", "/setup/?token=secret", "1.1", 200),
            '127.0.0.1:1 - "GET /setup/?… HTTP/1.1" 200',
        ),
        ("Referer: http://h/setup/?token=secret", (), "Referer: http://h/setup/?…"),
        ("what now? nothing", (), "what now? nothing"),
    ],
)
def test_what_a_url_carries_is_not_written_down(message, arguments, written):
    record = logging.LogRecord("uvicorn.access", logging.INFO, "", 0, message, arguments, None)

    assert WithoutQuery().filter(record)
    assert record.getMessage() == written
