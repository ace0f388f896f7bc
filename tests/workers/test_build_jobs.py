"""Builds asked for by the dashboard over a real engine; no program is run in these."""

from __future__ import annotations

import io
import subprocess
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from dashboard.arguments import parse_arguments
from dashboard.jobs import JobName
from dashboard.models import Image, Role
from dashboard.services.secrets import keep_secrets
from engine.errors import DockerfileError, EngineError, LimitExceeded, NotFound
from engine.progress import NEVER
from tests.support.world import Sink
from workers import building
from workers.inventory.stories import FAILED_BUILD
from workers.tasks import builds
from workers.uploads import Uploads
from workers.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.build.request import BuildRequest
    from engine.engine import Engine

pytestmark = [pytest.mark.root, pytest.mark.django_db]

UPLOAD = "a" * 32
TAG = "docker.io/library/app:1"


@pytest.fixture
def work(real: Engine, make_job, published) -> Callable[..., Work[Any]]:
    def make(**told: Any) -> Work[Any]:
        job = make_job(JobName.BUILD_IMAGE, told, attempts=1)
        arguments = parse_arguments(JobName.BUILD_IMAGE, told)
        return Work(job, arguments, real, Sink(), NEVER)

    return make


def zipped(**files: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def test_a_typed_dockerfile_becomes_an_image_and_says_what_it_replaced(work, real: Engine) -> None:
    first = builds.build_image(work(text="FROM scratch\nWORKDIR /a", tags=[TAG]))
    second = builds.build_image(work(text="FROM scratch\nWORKDIR /b", tags=[TAG]))

    assert first["replaced"] == []
    assert second["image_id"] == str(real.images.get("app:1").id)
    assert second["message"].endswith(" as app:1.")
    assert second["replaced"] == [{"tag": TAG, "image_id": first["image_id"], "is_untagged": True}]


def test_a_job_that_was_killed_after_its_build_builds_nothing_again(work, real: Engine) -> None:
    asked = work(text="FROM scratch\nWORKDIR /a", tags=[TAG])
    outcome = builds.build_image(asked)
    real.images.remove("app:1")

    assert builds.build_image(asked) == outcome
    assert real.images.find("app:1") is None


def test_an_uploaded_zip_is_built_of_and_gone(work, real: Engine) -> None:
    content = zipped(**{"d/File": "FROM scratch\nCOPY motd /etc/", "motd": "ahoy"})
    Uploads(real.paths.uploads).write(UPLOAD, 0, content)

    outcome = builds.build_image(work(upload=UPLOAD, dockerfile="d/File"))

    (layer,) = real.images.get(outcome["image_id"]).layers
    assert b"ahoy" in real.images.read_layer_file(layer.chain_id, "/etc/motd", limit=100)
    assert list(real.paths.uploads.iterdir()) == []


def test_a_failure_is_told_in_its_place_and_the_upload_stays(work, real: Engine) -> None:
    lines = ["FROM scratch", "WORKDIR /a", "COPY nothing /", *["ENV A=1"] * 40]
    Uploads(real.paths.uploads).write(UPLOAD, 0, zipped(Dockerfile="\n".join(lines)))
    asked = work(upload=UPLOAD)
    with pytest.raises(DockerfileError):
        builds.build_image(asked)
    asked.job.refresh_from_db()
    failure = asked.job.outcome["failure"]

    assert (failure["line"], failure["exit_code"]) == (3, None)
    assert "nothing" in failure["reason"]
    assert failure["lines"][2] == [3, "COPY nothing /"]
    assert len(failure["lines"]) == 3 + building.AROUND
    assert real.images.get(failure["kept_image"]).tags == ()
    assert Image.objects.get(image_id=failure["kept_image"]).story == FAILED_BUILD
    assert len(list(real.paths.uploads.iterdir())) == 1


def test_a_dockerfile_that_cannot_be_read_is_told_too(work) -> None:
    asked = work(text="FROM scratch\nNOPE x")
    with pytest.raises(DockerfileError):
        builds.build_image(asked)

    assert asked.remembered["failure"]["line"] == 2
    assert asked.remembered["failure"]["kept_image"] == ""


def test_a_repository_is_built_of(work, real: Engine, tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    (tmp_path / "server/Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run([*git, *words], check=True)
    asked = work(git="https://git.example.org/app.git#main:server")
    # What a form may name is judged when it is parsed; here is a repository without a network.
    local = replace(asked.arguments, git=f"{tmp_path}#main:server")

    outcome = builds.build_image(replace(asked, arguments=local))

    assert len(real.images.get(outcome["image_id"]).layers) == 1


def test_an_upload_that_is_gone_or_too_large_is_refused(work, real: Engine, monkeypatch) -> None:
    with pytest.raises(NotFound, match="send it again"):
        builds.build_image(work(upload=UPLOAD))
    monkeypatch.setattr(
        building, "CONTEXT_LIMITS", building.CONTEXT_LIMITS._replace(unpacked_bytes=3)
    )
    Uploads(real.paths.uploads).write(UPLOAD, 0, b"large")
    with pytest.raises(LimitExceeded):
        builds.build_image(work(upload=UPLOAD, target="x"))


def test_an_operator_s_build_has_no_network_of_the_host(work, otto) -> None:
    told = {"text": "FROM scratch\nRUN --network=host true"}
    with pytest.raises(DockerfileError, match="not allowed"):
        builds.build_image(work(**told))

    otto.role = Role.ADMIN
    otto.save()
    with pytest.raises(EngineError) as refused:
        builds.build_image(work(**told))
    assert "not allowed" not in refused.value.message


def test_labels_network_and_secrets_reach_the_builder(work, real: Engine, monkeypatch) -> None:
    asked: list[BuildRequest] = []
    build = real.builds.build
    monkeypatch.setattr(
        real.builds,
        "build",
        lambda request, *args, **more: asked.append(request) or build(request, *args, **more),
    )
    told = work(text="FROM scratch\nWORKDIR /a", labels={"team": "ships"}, network="none",
                secrets=["token"])  # fmt: skip
    keep_secrets(told.job, {"token": "s3cret"})

    outcome = builds.build_image(told)

    (request,) = asked
    assert (request.network, request.secrets) == ("none", {"token": b"s3cret"})
    assert "s3cret" not in repr(request)
    assert real.images.get(outcome["image_id"]).labels == {"team": "ships"}
