"""What pages of images ask the host for, and how images are named and carried."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from dashboard.agents import Question
from dashboard.errors import AnswerRefused, HostSilent
from dashboard.models import AuditEntry, Job
from dashboard.templatetags.words import render_bytes
from dashboard.views import image_parts, image_travel
from tests.support.mess import hex_id

HTMX = {"HX-Request": "true"}
CHAIN = "c" * 64
IMAGE = ("harbour", hex_id("image", "harbour", "web"))
OTHER = "sha256:" + hex_id("image", "harbour", "web")
PARTS = [
    ("image_files", IMAGE),
    ("image_layer_files", (*IMAGE, CHAIN)),
    ("image_compare", IMAGE),
    ("image_lineage", IMAGE),
    ("image_dockerfile", IMAGE),
    ("image_tags", IMAGE),
]
RELATIVE = {
    "image_id": "sha256:" + "d" * 64,
    "names": ["debian:12"],
    "layers": 1,
    "size": 5_000_000,
    "created": "2024-05-01T12:00:00+00:00",
}
ANSWERS: dict[Question, dict[str, Any]] = {
    Question.IMAGE_FILES: {
        "layers": [
            {
                "chain_id": f"sha256:{CHAIN}",
                "added": 12,
                "changed": 3,
                "removed": 1,
                "brought_bytes": 7_000_000,
                "wasted_bytes": 2_000_000,
            }
        ],
        "wasted_bytes": 2_000_000,
        "wasted": [["/var/cache/apt/pkgcache.bin", 2_000_000]],
    },
    Question.LAYER_FILES: {
        "files": [["A", "/etc/motd", "file", 12], ["D", "/etc/old", "whiteout", 0]],
        "has_more": True,
    },
    Question.LAYER_FILE: {"content": b"hello"},
    Question.IMAGE_COMPARE: {
        "config": [["env", "PATH", "/bin", "/usr/bin"]],
        "layers": {"shared": [["sha256:" + "1" * 64, 5]], "before": [], "after": []},
        "files": [["C", "/etc/motd", 10, 30]],
        "totals": {"A": [0, 0], "C": [1, 20], "D": [0, 0]},
    },
    Question.IMAGE_LINEAGE: {"bases": [RELATIVE], "derived": []},
    Question.IMAGE_DOCKERFILE: {"text": "FROM debian:12\n\nRUN make"},
    Question.TAG_HISTORY: {
        "moves": [
            {
                "name": "team/web:1",
                "previous": "sha256:" + "e" * 64,
                "image_id": f"sha256:{IMAGE[1]}",
                "at": "2024-05-01T12:00:00+00:00",
                "by": "ana",
                "reason": "pull",
            }
        ]
    },
}
WORDS = {
    "image_files": ["/var/cache/apt/pkgcache.bin", "2.0 MB"],
    "image_layer_files": ["/etc/motd", "/etc/old", "Only the first 2"],
    "image_compare": ["From this image to"],
    "image_lineage": ["debian:12", "No image of this host stands on it"],
    "image_dockerfile": ["RUN make"],
    "image_tags": ["came here", "eeeeeeeeeeee", "ana"],
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Question, dict[str, Any]]]:
    """Answer for the host, and keep what it was asked."""
    questions: list[tuple[str, Question, dict[str, Any]]] = []
    archive = iter([b"first ", b"second", b""])

    def ask(host: str, question: Question, told: dict[str, Any], **_: Any) -> dict[str, Any]:
        questions.append((host, question, told))
        if question is Question.SAVE_OPEN:
            return {"saving": "s1"}
        if question is Question.SAVE_READ:
            return {"content": next(archive)}
        if question is Question.UPLOAD_WRITE:
            return {"length": told["offset"] + len(told["content"])}
        return dict(ANSWERS[question])

    for module in (image_parts, image_travel):
        monkeypatch.setattr(module, "ask", ask)
    return questions


@pytest.mark.parametrize(("name", "args"), PARTS)
def test_a_part_shows_what_the_host_answers(browse, asked, name, args):
    response = browse("vera").get(reverse(name, args=args), headers=HTMX)

    html = response.content.decode()
    assert response.status_code == 200
    assert [word for word in WORDS[name] if word not in html] == []


@pytest.mark.parametrize(("name", "args"), PARTS)
def test_a_part_is_a_page_without_a_script(browse, asked, name, args):
    assert "<html" in browse("vera").get(reverse(name, args=args)).content.decode()


@pytest.mark.parametrize(("name", "args"), PARTS)
def test_parts_are_only_looked_at_and_only_by_the_team(mess, browse, asked, name, args):
    address = reverse(name, args=args)

    assert browse("ada").post(address).status_code == 405
    assert Client().get(address).status_code == 302
    assert (
        browse("vera").get(reverse(name, args=("harbour", "0" * 64, *args[2:]))).status_code == 404
    )


@pytest.mark.parametrize(("name", "args"), [part for part in PARTS if part[0] != "image_compare"])
def test_a_host_that_does_not_answer_is_told(browse, monkeypatch, name, args):
    def silent(host: str, *_: Any, **__: Any) -> None:
        raise HostSilent(host)

    monkeypatch.setattr(image_parts, "ask", silent)

    html = browse("vera").get(reverse(name, args=args), headers=HTMX).content.decode()

    assert 'role="alert"' in html


def test_two_images_are_compared(browse, asked):
    address = reverse("image_compare", args=IMAGE)

    html = browse("vera").get(address, {"with": OTHER}, headers=HTMX).content.decode()

    assert asked[0][2] == {"image_id": OTHER, "other": OTHER}
    assert "/usr/bin" in html
    assert "/etc/motd" in html


def test_a_file_of_a_layer_is_given_to_operators(browse, asked):
    address = reverse("image_layer_file", args=(*IMAGE, CHAIN))

    given = browse("otto").get(address, {"path": "/etc/motd"})

    assert given.content == b"hello"
    assert given.headers["Content-Disposition"] == 'attachment; filename="motd"'
    assert asked[0][2]["path"] == "/etc/motd"
    assert browse("vera").get(address).status_code == 403
    assert browse("otto").post(address).status_code == 405
    assert Client().get(address).status_code == 302


def test_an_image_that_is_gone_cannot_be_compared_with(browse, asked):
    address = reverse("image_compare", args=IMAGE)

    response = browse("vera").get(address, {"with": "sha256:" + "0" * 64}, headers=HTMX)

    assert response.status_code == 200
    assert 'role="alert"' in response.content.decode()
    assert asked == []


def test_files_of_a_layer_are_found_by_path(browse, asked):
    browse("vera").get(reverse("image_layer_files", args=(*IMAGE, CHAIN)), {"q": "motd"})

    assert asked[0][2] == {
        "image_id": f"sha256:{IMAGE[1]}",
        "chain_id": f"sha256:{CHAIN}",
        "text": "motd",
    }


@pytest.mark.parametrize("tab", ["files", "compare", "family", "dockerfile", "tags", "config", "x"])
def test_every_tab_stands_without_the_host(browse, web_image, tab):
    response = browse("vera").get(web_image.get_absolute_url(), {"tab": tab})

    assert response.status_code == 200


# --- naming and carrying


def test_a_tag_is_added_by_a_job(browse, web_image):
    address = reverse("image_tag", args=(web_image.host_id, web_image.hex))

    html = browse("otto").post(address, {"reference": "team/web:9"}, headers=HTMX).content.decode()

    job = Job.objects.get(name="images.tag")
    assert job.arguments == {
        "image_id": web_image.image_id,
        "reference": "docker.io/team/web:9",
    }
    assert f'data-row="{job.row_id}"' in html


@pytest.mark.parametrize("reference", ["", "UPPER", "a@sha256:" + "1" * 64])
def test_what_is_no_tag_is_refused_at_its_field(browse, web_image, reference):
    address = reverse("image_tag", args=(web_image.host_id, web_image.hex))

    response = browse("otto").post(address, {"reference": reference}, headers=HTMX)

    assert response.status_code == 422
    assert list(response.context["form"].errors) == ["reference"]


def test_a_push_names_one_of_the_images_tags(browse, web_image):
    address = reverse("image_push", args=(web_image.host_id, web_image.hex))
    tag = web_image.tags.first().reference

    refused = browse("otto").post(address, {"reference": "docker.io/else/where:1"}, headers=HTMX)
    browse("otto").post(address, {"reference": tag}, headers=HTMX)

    assert refused.status_code == 422
    assert Job.objects.get(name="images.push").arguments["reference"] == tag


def test_a_copy_goes_from_one_registry_to_another(browse, web_image):
    address = reverse("image_copy", args=(web_image.host_id, web_image.hex))
    typed = {"source": "one.example/team/web:1", "target": "two.example/team/web:1"}

    browse("otto").post(address, typed, headers=HTMX)

    assert Job.objects.get(name="images.copy").arguments == typed


def test_another_host_fetches_what_it_lacks(browse, mess, web_image):
    address = reverse("image_to_host", args=(web_image.host_id, web_image.hex))
    top = web_image.image_layers.order_by("-position").first().layer
    mess.hosts["lighthouse"].layers.filter(chain_id=top.chain_id).delete()
    tag = web_image.tags.first().reference

    question = browse("otto").get(address, headers=HTMX).content.decode()
    browse("otto").post(address, {"reference": tag, "to": "lighthouse"}, headers=HTMX)

    assert f"lighthouse ({render_bytes(top.compressed_size)} to send, offline" in question
    assert "harbour (" not in question
    job = Job.objects.get(name="images.fetch")
    assert job.host_id == "lighthouse"
    assert job.arguments == {
        "source": "harbour",
        "image_id": web_image.image_id,
        "reference": tag,
    }


@pytest.mark.parametrize("wrong", [{"to": "harbour"}, {"to": ""}, {"reference": "docker.io/x/y:1"}])
def test_an_image_goes_only_where_and_as_it_can(browse, web_image, wrong):
    address = reverse("image_to_host", args=(web_image.host_id, web_image.hex))
    typed = {"reference": web_image.tags.first().reference, "to": "lighthouse", **wrong}

    assert browse("otto").post(address, typed, headers=HTMX).status_code == 422
    assert not Job.objects.filter(name="images.fetch").exists()


def test_with_one_host_there_is_nowhere_to_go(browse, mess, web_image):
    Job.objects.all().delete()
    mess.hosts["lighthouse"].delete()
    address = reverse("image_to_host", args=(web_image.host_id, web_image.hex))

    assert "No other host has joined" in browse("otto").get(address).content.decode()


async def joined(response) -> bytes:
    return b"".join([piece async for piece in response])


def test_a_download_is_read_piece_by_piece_and_told_in_the_audit_trail(browse, asked, web_image):
    address = reverse("image_save", args=(web_image.host_id, web_image.hex))

    response = browse("otto").get(address)

    assert response.headers["Content-Disposition"].startswith("attachment")
    assert asyncio.run(joined(response)) == b"first second"
    assert AuditEntry.objects.filter(action="images.save").count() == 1


def test_a_viewer_downloads_nothing(browse, asked, web_image):
    address = reverse("image_save", args=(web_image.host_id, web_image.hex))

    assert browse("vera").get(address).status_code == 403
    assert browse("otto").post(address).status_code == 405
    assert Client().get(address).status_code == 302
    assert asked == []


def test_a_download_that_cannot_begin_says_why(browse, monkeypatch, web_image):
    def refuse(*_: Any, **__: Any) -> None:
        raise AnswerRefused(
            {"code": "x", "message": "the image is gone", "field": "", "remedy": ""}
        )

    monkeypatch.setattr(image_travel, "ask", refuse)

    response = browse("otto").get(reverse("image_save", args=(web_image.host_id, web_image.hex)))

    assert response.status_code == 503
    assert b"the image is gone" in response.content


def test_an_archive_is_sent_piece_by_piece_and_then_loaded(browse, asked):
    client, upload = browse("otto"), "a" * 32
    address = reverse("image_upload", args=("harbour", upload))

    answer = client.post(
        address, b"piece", content_type="application/octet-stream", headers={"X-Offset": "10"}
    )
    client.post(reverse("image_uploaded", args=("harbour", upload)), {"name": "web.tar"})

    assert answer.json() == {"length": 15}
    assert asked == [
        ("harbour", Question.UPLOAD_WRITE, {"upload": upload, "offset": 10, "content": b"piece"})
    ]
    assert Job.objects.get(name="images.load").arguments == {"upload": upload, "name": "web.tar"}


@pytest.mark.parametrize("offset", ["", "-1", "x"])
def test_a_piece_that_says_not_where_it_belongs_is_refused(browse, asked, offset):
    address = reverse("image_upload", args=("harbour", "a" * 32))

    answer = browse("otto").post(
        address, b"x", content_type="application/octet-stream", headers={"X-Offset": offset}
    )

    assert answer.status_code == 400
    assert asked == []


def test_the_form_for_a_file_says_what_it_takes(browse):
    html = browse("otto").get(reverse("image_load"), headers=HTMX).content.decode()

    assert 'type="file"' in html
    assert "engine load FILE" in html
    assert browse("vera").get(reverse("image_load")).status_code == 403
    assert browse("otto").post(reverse("image_load")).status_code == 405


def test_no_form_takes_the_file_itself(browse):
    address = reverse("image_uploaded", args=("harbour", "x"))
    file = SimpleUploadedFile("web.tar", b"x")

    response = browse("otto").post(address, {"name": "web.tar", "archive": file})

    assert response.status_code != 200
    assert not Job.objects.filter(name="images.load").exists()
