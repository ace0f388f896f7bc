from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.errors import InvalidSetting
from engine.images.changes import apply_changes
from engine.oci.config import ProcessDefaults
from engine.oci.healthcheck import Healthcheck

SECOND = 10**9
BASE = ProcessDefaults(
    env=("PATH=/bin", "HOME=/root"),
    command=("old",),
    entrypoint=("/start",),
    working_dir="/srv",
    exposed_ports=("80/tcp",),
    volumes=("/data",),
    labels={"team": "one"},
    on_build=("RUN true",),
)


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        ('CMD ["echo", "a b"]', {"command": ("echo", "a b")}),
        ("CMD echo $HOME", {"command": ("/bin/sh", "-c", "echo $HOME")}),
        ("cmd ['single']", {"command": ("/bin/sh", "-c", "['single']")}),
        ('ENTRYPOINT ["/run"]', {"entrypoint": ("/run",), "command": ()}),
        (
            "ENV A=1 B='two words' C=\"$PATH:/x\"",
            {"env": (*BASE.env, "A=1", "B=two words", "C=/bin:/x")},
        ),
        ("ENV HOME /home/ana and more", {"env": ("PATH=/bin", "HOME=/home/ana and more")}),
        ("ENV A=${NONE:-else} B=${HOME:+set}", {"env": (*BASE.env, "A=else", "B=set")}),
        (r"ENV A=a\ b", {"env": (*BASE.env, "A=a b")}),
        (
            "EXPOSE 443 53/udp 8000-8001",
            {"exposed_ports": ("80/tcp", "443/tcp", "53/udp", "8000/tcp", "8001/tcp")},
        ),
        ("LABEL a=1 'b c'=\"2 3\"", {"labels": {"team": "one", "a": "1", "b c": "2 3"}}),
        ("ONBUILD COPY . /app", {"on_build": ("RUN true", "COPY . /app")}),
        ("USER ana:staff", {"user": "ana:staff"}),
        ("VOLUME /a /b", {"volumes": ("/data", "/a", "/b")}),
        ('VOLUME ["/a b"]', {"volumes": ("/data", "/a b")}),
        ("WORKDIR app/../lib", {"working_dir": "/srv/lib"}),
        ("WORKDIR /else", {"working_dir": "/else"}),
        ("STOPSIGNAL SIGQUIT", {"stop_signal": "SIGQUIT"}),
        ("HEALTHCHECK NONE", {"healthcheck": Healthcheck(("NONE",))}),
        (
            "HEALTHCHECK --interval=1m30s --retries=3 CMD curl -f x || exit 1",
            {
                "healthcheck": Healthcheck(
                    ("CMD-SHELL", "curl -f x || exit 1"), interval=90 * SECOND, retries=3
                )
            },
        ),
        (
            'HEALTHCHECK --start-period=500ms CMD ["/probe"]',
            {"healthcheck": Healthcheck(("CMD", "/probe"), start_period=SECOND // 2)},
        ),
    ],
)
def test_an_instruction_changes_what_it_names(change: str, changed: dict[str, Any]) -> None:
    assert apply_changes(BASE, [change]) == replace(BASE, **changed)


def test_a_command_that_was_given_too_survives_a_new_entrypoint() -> None:
    changed = apply_changes(BASE, ["CMD one", 'ENTRYPOINT ["/run"]'])

    assert (changed.entrypoint, changed.command) == (("/run",), ("/bin/sh", "-c", "one"))


def test_later_changes_see_the_earlier_ones() -> None:
    changed = apply_changes(ProcessDefaults(), ["ENV A=1", "ENV B=$A$A", "WORKDIR /x", "WORKDIR y"])

    assert (changed.env, changed.working_dir) == (("A=1", "B=11"), "/x/y")


@pytest.mark.parametrize(
    "change",
    [
        "",
        "RUN make",
        "FROM scratch",
        "EXPOSE http",
        "EXPOSE 99999",
        "EXPOSE 9-8",
        "ENV alone",
        "ENV A='open",
        "LABEL a=1 b",
        "ONBUILD ONBUILD RUN x",
        "HEALTHCHECK curl",
        "HEALTHCHECK --interval=soon CMD x",
        "HEALTHCHECK --colour=red CMD x",
        "CMD " + "x" * 70_000,
    ],
)
def test_what_is_no_change_is_refused_with_its_words(change: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        apply_changes(BASE, [change])

    assert caught.value.field == "changes"
