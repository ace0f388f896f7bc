"""What can be changed about a container, and what a page asks its host."""

from __future__ import annotations

import asyncio

import pytest
from django.urls import reverse

from dashboard import agents
from dashboard.agents import Question
from dashboard.errors import HostSilent
from dashboard.jobs import JobName
from dashboard.models import AuditEntry, Job, Terminal
from dashboard.views import changes, console, inside, logs, registries
from tests.support.site import ANSWERS

HTMX = {"HX-Request": "true"}


@pytest.fixture
def asked(monkeypatch) -> list[tuple]:
    """The questions that hosts were asked; they answer as `tests.support.site` has it."""
    found: list[tuple] = []

    def ask(host, question, arguments, *, patience=8.0):
        found.append((host, question, arguments))
        if host == "lighthouse":
            raise HostSilent(host)
        return ANSWERS[question.value]

    for module in (changes, inside, logs, registries):
        monkeypatch.setattr(module, "ask", ask)
    return found


@pytest.fixture
def plain(web):
    """A container that does not reach into its host."""
    web.settings = {"image": "busybox"}
    web.save()
    return web


def args(container) -> tuple[str, str]:
    return container.host_id, container.container_id


@pytest.mark.parametrize(
    ("name", "typed", "job", "told"),
    [
        pytest.param(
            "container_rename",
            {"name": "web-9"},
            JobName.RENAME_CONTAINER,
            {"name": "web-9"},
            id="rename",
        ),
        pytest.param(
            "container_update",
            {"memory": "64m", "cpus": "0.5", "restart": "on-failure", "max_retries": "2"},
            JobName.UPDATE_CONTAINER,
            {
                "memory_bytes": 64 * 2**20,
                "nano_cpus": 500_000_000,
                "restart": {"name": "on-failure", "max_retries": 2},
            },
            id="limits",
        ),
        pytest.param(
            "container_commit",
            {
                "reference": "team/web:x",
                "message": "why",
                "changes": "USER app\nEXPOSE 80",
                "pause": "on",
            },
            JobName.COMMIT_CONTAINER,
            {
                "reference": "docker.io/team/web:x",
                "message": "why",
                "changes": ["USER app", "EXPOSE 80"],
            },
            id="commit",
        ),
        pytest.param("container_reset", {}, JobName.RESET_CONTAINER, {}, id="reset"),
        pytest.param(
            "container_remove",
            {"with_volumes": "on"},
            JobName.REMOVE_CONTAINER,
            {"force": True, "with_volumes": True},
            id="remove-with-volumes",
        ),
    ],
)
def test_what_was_typed_becomes_the_jobs_arguments(browse, web, name, typed, job, told):
    response = browse("otto").post(reverse(name, args=args(web)), typed, headers=HTMX)

    assert response.status_code == 200
    filed = Job.objects.get(name=job)
    known = {key: filed.arguments.get(key) for key in told}
    assert known == told
    assert filed.arguments["container_id"] == web.container_id
    assert AuditEntry.objects.filter(job=filed, actor="otto").exists()


@pytest.mark.parametrize(
    ("name", "typed", "field"),
    [
        ("container_rename", {"name": "-x"}, "name"),
        ("container_rename", {"name": ""}, "name"),
        ("container_update", {"memory": "1k", "restart": "no"}, "memory"),
        ("container_update", {"restart": "always", "max_retries": "3"}, "max_retries"),
        ("container_commit", {"reference": "Not A Name"}, "reference"),
    ],
)
def test_a_refusal_stands_at_its_field_and_files_nothing(browse, web, name, typed, field):
    before = Job.objects.count()

    response = browse("otto").post(reverse(name, args=args(web)), typed, headers=HTMX)

    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]
    assert Job.objects.count() == before


def test_resetting_anothers_container_takes_the_hosts_name(browse, web):
    address = reverse("container_reset", args=args(web))
    assert browse("ada").post(address, headers=HTMX).status_code == 422
    assert browse("ada").post(address, {"confirm": "harbour"}, headers=HTMX).status_code == 200


# --- what a host is asked ---------------------------------------------------------------------


def test_changes_are_drawn_as_a_tree_with_names_as_text(browse, web, asked):
    html = browse("vera").get(reverse("container_changes", args=args(web)), headers=HTMX)

    text = html.content.decode()
    assert "motd" in text
    assert "usr/lib/locale/" in text
    assert "<b>odd" not in text
    assert asked[0][0] == "harbour"


def test_a_silent_host_is_said_and_is_no_error_page(browse, mess, asked):
    away = mess.hosts["lighthouse"].containers.first()

    response = browse("vera").get(reverse("container_changes", args=args(away)), headers=HTMX)

    assert response.status_code == 200
    assert "lighthouse does not answer" in response.content.decode()


def test_a_file_is_only_ever_stored(browse, plain, asked):
    address = reverse("container_file", args=args(plain))

    response = browse("otto").get(address, {"path": "/etc/pass wd"})

    assert response.content == b"hello\n"
    assert response["Content-Type"] == "application/octet-stream"
    assert "attachment" in response["Content-Disposition"]
    assert asked[0][2]["path"] == "/etc/pass wd"


def test_a_removal_says_what_goes_and_what_stays(browse, web, asked):
    html = browse("otto").get(reverse("container_loss", args=args(web)), headers=HTMX).content

    text = " ".join(html.decode().split())
    assert '<b class="num">31</b> changed files' in text
    assert "/srv/web" in text
    assert "used by 1 other too" in text
    assert f"shipshape engine logs {web.short_id}" in text
    assert "made for it alone" in text
    assert asked[0][1:] == (Question.LOSS, {"container_id": web.container_id})


def test_a_reset_takes_no_volumes(browse, web, asked):
    address = f"{reverse('container_loss', args=args(web))}?reset"

    text = " ".join(browse("otto").get(address, headers=HTMX).content.decode().split())

    assert "made for it alone" not in text
    assert "/cache" in text


def test_a_silent_host_leaves_what_is_known_anyway(browse, mess, asked):
    there = mess.hosts["lighthouse"].containers.first()

    html = browse("otto").get(reverse("container_loss", args=args(there)), headers=HTMX).content

    assert b"What is known without its host" in html
    assert b"Will be lost" in html


def test_checks_of_health_are_shown_with_what_they_said(browse, web, asked):
    html = browse("vera").get(reverse("container_health", args=args(web)), headers=HTMX).content

    text = html.decode()
    assert "3 failures in a row." in text
    assert "exit code 7" in text
    assert "Took too long" in text
    assert "&lt;b&gt;localhost&lt;/b&gt;" in text


def test_the_last_lines_are_text(browse, web, asked):
    html = browse("vera").get(reverse("last_lines", args=args(web)), headers=HTMX).content

    assert b"listening on :8080" in html
    assert b"panic: &lt;b&gt;no room&lt;/b&gt;" in html


def test_a_whole_log_is_read_piece_by_piece(browse, web, monkeypatch):
    pieces = [b"first ", b"second", b""]

    def ask(host, question, told, *, patience=8.0):
        return {"saving": "s"} if question is Question.LOG_OPEN else {"content": pieces.pop(0)}

    monkeypatch.setattr(logs, "ask", ask)

    response = browse("vera").get(reverse("log_download", args=args(web)))

    assert response.headers["Content-Disposition"] == f'attachment; filename="{web.name}.log"'
    assert response.headers["Content-Type"] == "text/plain"
    assert asyncio.run(joined(response)) == b"first second"


def test_a_log_that_cannot_be_had_says_why(browse, mess, asked):
    there = mess.hosts["lighthouse"].containers.first()

    assert browse("vera").get(reverse("log_download", args=args(there))).status_code == 503


async def joined(response) -> bytes:
    return b"".join([piece async for piece in response])


@pytest.mark.parametrize("path", ["", "etc", "/a\0b", "/" + "x" * 5000])
def test_what_is_no_path_is_not_asked_for(browse, plain, asked, path):
    response = browse("otto").get(reverse("container_file", args=args(plain)), {"path": path})

    assert response.status_code == 400
    assert asked == []


def test_a_viewer_takes_no_file_out(browse, web, asked):
    response = browse("vera").get(reverse("container_file", args=args(web)), {"path": "/etc/x"})

    assert response.status_code == 403
    assert asked == []


def test_a_file_of_what_reaches_into_the_host_is_for_who_may_launch_it(browse, web, asked):
    mount = {"kind": "bind", "source": "/", "target": "/host"}
    web.settings = {"image": "busybox", "mounts": [mount]}
    web.save()
    address = reverse("container_file", args=args(web))

    assert browse("otto").get(address, {"path": "/host/etc/shadow"}).status_code == 403
    assert asked == []
    assert browse("ada").get(address, {"path": "/host/etc/shadow"}).status_code == 200


def test_a_revert_is_a_job_for_these_paths(browse, web):
    browse("otto").post(
        reverse("container_revert", args=args(web)), {"path": ["/etc/motd", "/etc/x"]}, headers=HTMX
    )

    job = Job.objects.get(name=JobName.REVERT_FILES)
    assert job.arguments["paths"] == ["/etc/motd", "/etc/x"]


@pytest.mark.parametrize("name", ["container_stats", "container_top", "log_page"])
def test_what_a_page_asks_of_a_host_needs_a_sign_in(mess, client, web, name, asked):
    assert client.get(reverse(name, args=args(web))).status_code == 302
    assert asked == []


def test_numbers_of_a_container_come_as_json(browse, web, asked):
    answer = browse("vera").get(reverse("container_stats", args=args(web))).json()

    assert answer["received"] == 1000


# --- terminals --------------------------------------------------------------------------------


def test_a_terminal_is_a_row_and_an_entry_before_there_is_a_ticket(browse, plain):
    address = reverse("console_ticket", args=args(plain))

    response = browse("otto").post(address, {"kind": "exec", "command": "sh -c 'echo hi'"})

    assert response.json()["ticket"]
    terminal = Terminal.objects.get()
    assert terminal.command == ["sh", "-c", "echo hi"]
    assert terminal.requested_by.username == "otto"
    assert AuditEntry.objects.filter(action="containers.terminal", actor="otto").exists()


@pytest.mark.parametrize("command", ["", "sh 'open"])
def test_a_command_that_is_none_is_refused_in_words(browse, plain, command):
    response = browse("otto").post(
        reverse("console_ticket", args=args(plain)), {"kind": "exec", "command": command}
    )

    assert response.status_code == 422
    assert response.json()["error"]["field"] == "command"
    assert not Terminal.objects.exists()


def test_modules_that_ask_share_the_one_door():
    assert console.services.request_terminal
    assert agents.ask
