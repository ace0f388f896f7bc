from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.dockerapi.create_body import settings_of
from engine.dockerapi.host_config import host_config_of
from engine.dockerapi.log_details import log_details
from engine.settings.lifetime import LogSettings
from tests.support.fakes_engine import FakeEngine

ENV = ("A=1 2", "B=b", "PATH=/bin")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({}, b"", id="nothing"),
        pytest.param({"labels": "x,z"}, b"x=y", id="labels"),
        pytest.param({"env": "B,A,C"}, b"A=1+2,B=b", id="variables-in-order"),
        pytest.param({"labels-regex": "^x", "env-regex": "^B$"}, b"B=b,x=y", id="by-pattern"),
        pytest.param({"env-regex": "["}, b"", id="no-pattern"),
        pytest.param({"tag": "t"}, b"", id="another-option"),
    ],
)
def test_what_was_asked_for_stands_beside_a_line(
    tmp_path: Path, options: dict[str, str], expected: bytes
) -> None:
    engine = FakeEngine(tmp_path)
    engine.images.add("web:1")
    settings = settings_of({"Image": "web:1", "Labels": {"x": "y"}}, name=None)
    record = engine.containers.create(replace(settings, log=LogSettings(options=options)))

    assert log_details(record, ENV) == expected


def test_options_of_the_log_are_told_as_they_were_given() -> None:
    log: dict[str, Any] = {"Type": "json-file", "Config": {"labels": "x", "max-file": "3"}}
    settings = settings_of({"Image": "web:1", "HostConfig": {"LogConfig": log}}, name=None)

    assert host_config_of(settings)["LogConfig"] == log
    assert type(settings).from_json(settings.to_json()) == settings
