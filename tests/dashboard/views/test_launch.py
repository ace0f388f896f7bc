from __future__ import annotations

import pytest
from django import forms
from django.urls import reverse

from dashboard.forms.launch_typed import typed_settings
from dashboard.forms.texts import parse_memory, split_words
from dashboard.models import Job
from dashboard.views import suggestions
from engine.settings import ContainerSettings

HTMX = {"HX-Request": "true"}
TYPED = {
    "host": "harbour",
    "image": "alpine:3.20",
    "name": "greeter",
    "command": "sh -c 'echo \"hello there\"; sleep 60'",
    "env": "TZ=UTC\n\n GREETING=hi there \n",
    "memory": "256m",
    "cpus": "1.5",
    "auto_remove": "on",
    "request_key": "k1",
}


def test_what_was_typed_becomes_the_jobs_settings(browse):
    response = browse("otto").post(reverse("container_launch"), TYPED)

    job = Job.objects.get(name="containers.launch", title__contains="greeter")
    assert response.url == job.get_absolute_url()
    assert job.arguments["settings"] == {
        "image": "docker.io/library/alpine:3.20",
        "name": "greeter",
        "command": ["sh", "-c", 'echo "hello there"; sleep 60'],
        "env": ["TZ=UTC", "GREETING=hi there"],
        "memory_bytes": 256 * 2**20,
        "nano_cpus": 1_500_000_000,
        "auto_remove": True,
        "network": ContainerSettings(image="any").network,
    }


def test_with_a_script_the_job_takes_the_place_of_the_form(browse):
    html = browse("otto").post(reverse("container_launch"), TYPED, headers=HTMX).content.decode()

    job = Job.objects.get(title__contains="greeter")
    assert "<form" not in html
    assert f'data-row="{job.row_id}"' in html


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        pytest.param("image", "", "Choose an image.", id="no-image"),
        pytest.param("image", "Not A Name", "", id="malformed-reference"),
        pytest.param("name", "-x", "Invalid container name", id="bad-name"),
        pytest.param("command", "sh -c 'echo", "cannot be split into words", id="open-quote"),
        pytest.param("env", "NOVALUE", "Write each as NAME=value.", id="env-without-="),
        pytest.param("memory", "lots", "Write a number and a unit", id="memory-in-words"),
        pytest.param("memory", "1m", "Minimum memory limit", id="memory-too-small"),
        pytest.param("cpus", "-1", "", id="negative-cpus"),
        pytest.param("working_dir", "srv", "absolute path", id="relative-directory"),
    ],
)
def test_a_refusal_stands_at_its_field_and_keeps_what_was_typed(browse, field, value, words):
    typed = {**TYPED, field: value}
    before = Job.objects.count()

    response = browse("otto").post(reverse("container_launch"), typed, headers=HTMX)

    html = response.content.decode()
    form = response.context["form"]
    assert response.status_code == 422
    assert list(form.errors) == [field]
    assert words in str(form.errors[field])
    assert f'aria-describedby="id_{field}_error' in html
    assert all(form[name].value() == text for name, text in typed.items() if name != "auto_remove")
    assert "greeter" in html or field == "name"
    assert Job.objects.count() == before


def test_a_form_sent_twice_launches_once(browse):
    client = browse("otto")

    client.post(reverse("container_launch"), TYPED)
    client.post(reverse("container_launch"), TYPED)

    assert Job.objects.filter(title__contains="greeter").count() == 1


def test_an_unknown_host_is_refused_at_the_host(browse):
    response = browse("otto").post(reverse("container_launch"), {**TYPED, "host": "nowhere"})

    assert response.status_code == 422
    assert "host" in response.context["form"].errors


def test_known_images_of_the_host_are_offered(browse):
    html = browse("otto").get(reverse("container_launch"), {"host": "harbour"}).content.decode()

    assert '<option value="alpine:3.20"' in html
    assert '<option value="registry.example.org/team/web:187">' in html


def test_launch_another_has_the_settings_of_the_first(browse, web):
    web.settings = {"command": ["sh", "-c", "a b"], "env": ["A=1"], "memory_bytes": 512 * 2**20}
    web.save()

    response = browse("otto").get(
        reverse("container_launch"), {"again": web.container_id, "host": web.host_id}
    )

    form = response.context["form"]
    assert form["command"].value() == "sh -c 'a b'"
    assert form["memory"].value() == "512m"
    assert form["name"].value() is None
    assert typed_settings(web)["env"] == "A=1"


def test_a_launch_that_failed_is_changed_and_asked_for_again(browse, harbour, mess):
    settings = {"image": "alpine:3.20", "name": "calm", "command": ["nosuch", "a b"]}
    failed = Job.objects.create(
        name="containers.launch",
        host=harbour,
        arguments={"settings": settings},
        requested_by=mess.users["otto"],
        state="failed",
        error={"message": "cannot run 'nosuch'", "field": "command"},
    )
    client = browse("otto")
    address = f"{reverse('container_launch')}?job={failed.pk}"

    assert address in client.get(failed.get_absolute_url()).content.decode()
    form = client.get(address).context["form"]
    assert form["image"].value() == "alpine:3.20"
    assert form["name"].value() == "calm"
    assert form["command"].value() == "nosuch 'a b'"
    assert form["command"].errors == ["cannot run 'nosuch'."]


@pytest.mark.parametrize("text", ["", "nonsense", "00000000-0000-0000-0000-000000000000"])
def test_a_launch_like_a_job_that_is_not_there_starts_empty(browse, text):
    response = browse("otto").get(reverse("container_launch"), {"job": text})

    assert not response.context["form"]["image"].value()


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("", None),
        ("512", 512),
        ("64k", 65536),
        ("256m", 2**28),
        ("1.5g", 3 * 2**29),
        ("2 GiB", 2**31),
    ],
)
def test_memory_is_read_as_docker_reads_it(text, size):
    assert parse_memory(text) == size


@pytest.mark.parametrize("text", ["m", "1x", "-5m", "1e9", "\N{FULLWIDTH DIGIT FIVE}m"])
def test_what_is_no_amount_of_memory_is_refused(text):
    with pytest.raises(forms.ValidationError):
        parse_memory(text)


def test_words_are_split_and_nothing_is_expanded():
    assert split_words("echo $HOME `id` 'a  b' c\\ d") == ["echo", "$HOME", "`id`", "a  b", "c d"]


@pytest.mark.parametrize("name", ["container_launch", "image_pull"])
@pytest.mark.parametrize("asked", [{}, {"host": ""}, {"host": "no-such-host"}])
def test_a_team_with_one_host_is_not_asked_which(browse, mess, name, asked):
    mess.hosts["lighthouse"].delete()

    html = browse("otto").get(reverse(name), asked).content.decode()

    assert '<input type="hidden" name="host" value="harbour"' in html


def test_a_host_without_images_says_where_they_come_from(browse, mess):
    mess.hosts["harbour"].tags.all().delete()

    html = browse("otto").get(reverse("container_launch"), {"host": "harbour"}).content.decode()

    assert "No image is on this host yet" in html


def test_a_team_without_hosts_is_told_so(browse, mess):
    Job.objects.all().delete()
    for host in mess.hosts.values():
        host.delete()

    response = browse("otto").post(reverse("container_launch"), {**TYPED, "host": ""})

    assert "No host has joined yet." in response.content.decode()


def test_a_pasted_line_fills_the_form_and_launches_nothing(browse):
    before = Job.objects.count()
    line = "docker run -d --name web -p 8080:80 -v data:/data:ro -m 256m --sig-proxy nginx:1.27 -v"

    response = browse("otto").post(
        reverse("container_paste"), {"host": "harbour", "line": line}, headers=HTMX
    )

    form = response.context["form"]
    assert response.status_code == 200
    assert form["image"].value() == "nginx:1.27"
    assert form["name"].value() == "web"
    assert form["publish"].value() == "8080:80"
    assert form["mounts"].value() == "data:/data:ro"
    assert form["memory"].value() == "256m"
    assert form["command"].value() == "-v"
    assert "--sig-proxy" in response.content.decode()
    assert Job.objects.count() == before


def test_what_a_pasted_line_says_and_no_field_can_hold_is_shown_and_launched(browse):
    line = (
        "docker run --name deep -v data:/d --mount type=volume,src=db,dst=/e,volume-label=a=b x:1"
    )
    client = browse("otto")

    form = client.post(reverse("container_paste"), {"host": "harbour", "line": line}, headers=HTMX)

    html, filled = form.content.decode(), form.context["form"]
    assert "Also set" in html
    assert "&quot;labels&quot;: {&quot;a&quot;: &quot;b&quot;}" in html
    sent = {each.name: each.value() for each in filled if each.value() not in {None, False}}
    client.post(reverse("container_launch"), {**sent, "host": "harbour"})
    mounts = Job.objects.get(title__contains="deep").arguments["settings"]["mounts"]
    assert [each.get("labels") for each in mounts] == [None, {"a": "b"}]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        pytest.param("docker run --gpus all x", "--gpus is not supported", id="unsupported"),
        pytest.param("docker run --nonsense x", "nonsense", id="unknown"),
        pytest.param("docker run 'x", "", id="open-quote"),
        pytest.param("rm -rf /", "", id="another-program"),
        pytest.param("", "", id="empty"),
    ],
)
def test_a_line_that_cannot_be_is_refused_at_the_line_and_the_rest_stays(browse, line, words):
    typed = {"host": "harbour", "line": line, "env": "KEPT=1"}

    response = browse("otto").post(reverse("container_paste"), typed, headers=HTMX)

    form = response.context["form"]
    assert response.status_code == 422
    assert list(form.errors) == ["line"]
    assert words in str(form.errors["line"])
    assert "command_line" not in str(form.errors["line"])
    assert form["line"].value() == line
    assert form["env"].value() == "KEPT=1"


def test_tags_of_a_registry_that_the_team_knows_are_offered_too(browse, monkeypatch):
    asked = []
    answer = {"names": ["9", "8"], "has_more": False}
    monkeypatch.setattr(
        suggestions, "ask", lambda *told, **_: asked.append(told[2]["repository"]) or answer
    )
    address = reverse("image_suggestions")
    typed = {"host": "harbour", "image": "registry.example.org/team/web:"}

    html = browse("otto").get(address, typed).content.decode()
    browse("otto").get(address, {**typed, "image": "elsewhere.example.org/team/web:"})

    assert '<option value="registry.example.org/team/web:9">' in html
    assert '<option value="alpine:3.20">' in html
    assert asked == ["team/web"]
