from __future__ import annotations

import json
import re

import pytest
from django.urls import reverse

from dashboard.models import Image, Job

HTMX = {"HX-Request": "true"}


def test_the_list_tells_size_from_what_only_this_image_has(browse):
    html = browse("vera").get(reverse("images"), {"host": "harbour"}).content.decode()

    assert "registry.example.org/team/web" in html
    assert "was team/web:latest until build 187 replaced it, otto" in html
    assert "405 MB" in html
    assert "9.0 MB" in html


def test_no_images_yet_offers_the_pull_and_its_command(browse, mess):
    Image.objects.all().delete()

    html = browse("otto").get(reverse("images")).content.decode()

    assert "No images yet" in html
    assert "docker pull" in html


def test_an_image_shows_layers_with_holders_history_and_containers(browse, web_image):
    html = browse("vera").get(web_image.get_absolute_url()).content.decode()

    assert "only this one" in html
    assert "20</span> images" in html
    assert "<b>RUN</b> set -eux; apt-get update" in html
    assert "migrate-0042" in html
    config = browse("vera").get(web_image.get_absolute_url(), {"tab": "config"})
    assert "&quot;architecture&quot;: &quot;amd64&quot;" in config.content.decode()


def test_a_pull_is_shown_where_it_was_asked(browse):
    typed = {"host": "harbour", "reference": "busybox"}

    html = browse("otto").post(reverse("image_pull"), typed, headers=HTMX).content.decode()

    job = Job.objects.get(title="Pull busybox:latest")
    assert job.arguments == {"reference": "docker.io/library/busybox:latest"}
    assert f'data-row="{job.row_id}"' in html
    assert 'role="progressbar"' in html


@pytest.mark.parametrize("reference", ["", "UPPER", "a b", "x:y:z", "name@sha256:short"])
def test_a_malformed_reference_is_refused_at_its_field_and_kept(browse, reference):
    typed = {"host": "harbour", "reference": reference}

    response = browse("otto").post(reverse("image_pull"), typed, headers=HTMX)

    assert response.status_code == 422
    assert list(response.context["form"].errors) == ["reference"]
    assert f'value="{reference}"' in response.content.decode() or not reference
    assert not Job.objects.filter(name="images.pull", state="queued").exists()


def test_the_starter_image_takes_one_click(browse):
    response = browse("otto").post(reverse("image_starter"), headers=HTMX)

    assert response.status_code == 204
    assert "starter" in json.loads(response.headers["HX-Trigger"])["toast"]["text"]
    assert Job.objects.get(name="images.make_starter").host_id == "harbour"


def test_a_list_of_one_host_offers_what_happens_there(browse):
    html = browse("otto").get(reverse("images"), {"host": "lighthouse", "q": "none"}).content

    assert re.search(rb'name="host" value="lighthouse"\s+formaction="/images/starter/"', html)
    form = browse("otto").get(reverse("image_load"), {"host": "lighthouse"}).content
    assert b'<option value="lighthouse" selected>' in form


def test_an_image_behind_containers_names_them_and_offers_no_removal(browse, web_image):
    html = (
        browse("otto")
        .get(reverse("image_remove", args=("harbour", web_image.hex)), headers=HTMX)
        .content.decode()
    )

    assert "web-2" in html
    assert "button danger" not in html


def test_removing_says_what_comes_free_and_what_stays(browse, harbour):
    image = harbour.images.get(tags__tag="bookworm")
    address = reverse("image_remove", args=("harbour", image.hex))
    client = browse("otto")

    html = client.get(address, headers=HTMX).content.decode()
    client.post(address)

    assert "Remove image (0 B)" in html
    assert "117 MB" in html
    assert Job.objects.get(name="images.remove").arguments == {"image_id": image.image_id}


def test_untagging_one_of_two_names_frees_nothing_and_says_so(browse, web_image):
    address = reverse("image_remove", args=("harbour", web_image.hex))
    reference = web_image.tags.get(tag="latest").reference
    client = browse("otto")

    html = client.get(address, {"reference": reference}, headers=HTMX).content.decode()
    client.post(address, {"reference": reference})

    assert "Untag registry.example.org/team/web:latest?" in html
    assert "No bytes come free" in html
    assert Job.objects.get(name="images.remove").arguments == {
        "image_id": web_image.image_id,
        "reference": reference,
    }


def test_a_name_that_none_can_be_is_refused_and_removes_nothing(browse, web_image):
    address = reverse("image_remove", args=("harbour", web_image.hex))

    response = browse("otto").post(address, {"reference": "x" * 1025}, headers=HTMX)

    assert response.status_code == 422
    assert not Job.objects.filter(name="images.remove").exists()
