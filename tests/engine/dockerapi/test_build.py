"""What a build is asked for over the API, and how it is told."""

import base64
import json

import pytest

from engine.dockerapi.build import credentials_of, request_of
from engine.dockerapi.build_told import BuildTelling
from engine.dockerapi.query import Query
from engine.dockerapi.refusals import Refusal, refusal_of
from engine.errors import DockerfileError, InvalidSetting, StepFailed
from engine.progress import BuildOutput, BuildStatus, BuildStep
from engine.settings import Ulimit


def asked(**parameters):
    values = {
        name: tuple(value) if isinstance(value, list) else (str(value),)
        for name, value in parameters.items()
    }
    return request_of(Query(values))


def test_the_defaults_are_dockers():
    request = asked()

    assert (request.dockerfile, request.network, request.use_cache) == (
        "Dockerfile",
        "default",
        True,
    )


def test_everything_that_the_client_sends_is_read():
    request = asked(
        dockerfile="d/F",
        t=["a", "b:2"],
        nocache="1",
        pull="1",
        target="x",
        buildargs=json.dumps({"A": "1", "B": None}),
        labels=json.dumps({"l": "2"}),
        cachefrom=json.dumps(["c:1"]),
        networkmode="host",
        extrahosts="a:1.2.3.4,b:::1",
        memory="67108864",
        ulimits=json.dumps([{"Name": "nofile", "Soft": 1, "Hard": 2}]),
    )

    assert [tag.familiar for tag in request.tags] == ["a:latest", "b:2"]
    assert (request.arguments, request.labels) == ({"A": "1"}, {"l": "2"})
    assert (request.use_cache, request.always_pull, request.target) == (False, True, "x")
    assert [each.familiar for each in request.cache_from] == ["c:1"]
    assert (request.network, request.extra_hosts) == ("host", ("a:1.2.3.4", "b:::1"))
    assert request.limits.memory_bytes == 64 << 20
    assert request.limits.ulimits == (Ulimit("nofile", 1, 2),)


@pytest.mark.parametrize(
    "parameters",
    [
        {"version": "2"},
        {"outputs": '[{"Type":"tar"}]'},
        {"buildargs": "{"},
        {"buildargs": "[]"},
        {"labels": '{"a": 1}'},
        {"cachefrom": '{"a": 1}'},
        {"memory": "much"},
        {"networkmode": "with space"},
    ],
)
def test_what_cannot_be_read_is_refused(parameters):
    with pytest.raises((Refusal, InvalidSetting)):
        asked(**parameters)


def test_squash_is_refused_by_name():
    with pytest.raises(InvalidSetting, match="squash"):
        asked(squash="1")


def test_credentials_are_by_registry():
    header = base64.urlsafe_b64encode(
        json.dumps(
            {
                "https://index.docker.io/v1/": {"username": "ana", "password": "x"},
                "127.0.0.1:5000": {"identitytoken": "t"},
                "nobody": {},
            }
        ).encode()
    ).decode()

    found = credentials_of(header)

    assert sorted(found) == ["127.0.0.1:5000", "docker.io"]
    assert found["docker.io"].username == "ana"


class Lines:
    def __init__(self):
        self.lines = []

    def check(self):
        pass

    def say(self, value):
        self.lines.append(value)

    @property
    def text(self):
        return "".join(each.get("stream", "") for each in self.lines)


def test_steps_are_told_as_docker_tells_them():
    lines = Lines()
    telling = BuildTelling(lines, is_quiet=False)
    telling.emit(BuildStep("0.1", "stage-0 1/3", "FROM a", 1, BuildStatus.DONE))
    telling.emit(BuildStep("0.2", "stage-0 2/3", "RUN b", 2, BuildStatus.RUNNING))
    telling.emit(BuildOutput("0.2", "stdout", b"said\n"))
    telling.emit(BuildStep("0.2", "stage-0 2/3", "RUN b", 2, BuildStatus.DONE))
    telling.emit(BuildStep("1.2", "app 2/2", "RUN c", 3, BuildStatus.CACHED))

    assert lines.text == (
        "Step 1/3 : FROM a\nStep 2/3 : RUN b\nsaid\nStep 2/2 [app] : RUN c\n ---> Using cache\n"
    )


def test_a_quiet_build_tells_what_it_said_once_it_fails():
    lines = Lines()
    telling = BuildTelling(lines, is_quiet=True)

    def build(error=None):
        with telling.told():
            telling.emit(BuildStep("0.1", "stage-0 1/1", "RUN b", 1, BuildStatus.RUNNING))
            telling.emit(BuildOutput("0.1", "stdout", b"said\n"))
            if error:
                raise error

    build()
    assert lines.text == ""
    with pytest.raises(StepFailed):
        build(StepFailed("b", exit_code=7))
    assert lines.text.endswith("Step 1/1 : RUN b\nsaid\nsaid\n")


def test_a_program_that_fails_gives_the_client_its_code():
    refusal = refusal_of(StepFailed("/bin/sh -c false", exit_code=7))

    assert refusal.exit_code == 7
    assert refusal.message == "The command '/bin/sh -c false' returned a non-zero code: 7"


def test_a_bad_line_is_shown_with_the_place():
    error = DockerfileError("oops", line=3, column=5, source="RUN x", remedy="Mend it.")

    assert refusal_of(error).message == "Dockerfile line 3: oops\n\n  RUN x\n      ^\nMend it."
