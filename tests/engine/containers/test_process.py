from typing import Any

import pytest

from engine.containers.process import (
    resolve_arguments,
    resolve_process,
    stop_signal,
    with_home,
)
from engine.errors import InvalidSetting
from engine.oci.config import ProcessDefaults
from engine.settings import ContainerSettings

BOTH = ProcessDefaults(entrypoint=("/entry",), command=("serve", "--all"))


def settings(**values: Any) -> ContainerSettings:
    return ContainerSettings(image="alpine", **values)


@pytest.mark.parametrize(
    ("chosen", "arguments"),
    [
        pytest.param({}, ("/entry", "serve", "--all"), id="the-image-decides"),
        pytest.param({"command": ("sh",)}, ("/entry", "sh"), id="own-command"),
        pytest.param({"command": ()}, ("/entry", "serve", "--all"), id="empty-command-is-none"),
        pytest.param({"entrypoint": ("/my",)}, ("/my",), id="own-entrypoint-drops-the-command"),
        pytest.param({"entrypoint": ("/my",), "command": ("x",)}, ("/my", "x"), id="own-both"),
        pytest.param({"entrypoint": (), "command": ("sh",)}, ("sh",), id="no-entrypoint"),
        pytest.param({"entrypoint": ("",), "command": ("sh",)}, ("sh",), id="emptied-entrypoint"),
    ],
)
def test_entrypoint_and_command_join_as_in_docker(
    chosen: dict[str, Any], arguments: tuple[str, ...]
) -> None:
    assert resolve_arguments(BOTH, settings(**chosen)) == arguments


@pytest.mark.parametrize("chosen", [{}, {"entrypoint": ()}])
def test_nothing_to_run_is_refused(chosen: dict[str, Any]) -> None:
    with pytest.raises(InvalidSetting, match="No command specified") as caught:
        resolve_arguments(ProcessDefaults(), settings(**chosen))

    assert caught.value.field == "command"


def test_the_settings_win_over_the_image_and_that_over_the_defaults() -> None:
    defaults = ProcessDefaults(
        command=("sh",), env=("PATH=/image", "A=image", "B=image", "broken"), user="ana"
    )

    process = resolve_process(defaults, settings(env=("A=mine",), tty=True), hostname="here")

    assert process.env == ("PATH=/image", "HOSTNAME=here", "TERM=xterm", "A=mine", "B=image")
    assert process.user == "ana"


@pytest.mark.parametrize(
    ("image", "own", "expected"),
    [("", "", "/"), ("srv", "", "/srv"), ("/srv", "", "/srv"), ("/srv", "/own", "/own")],
)
def test_there_is_always_a_working_directory(image: str, own: str, expected: str) -> None:
    defaults = ProcessDefaults(command=("sh",), working_dir=image)

    process = resolve_process(defaults, settings(working_dir=own), hostname="here")

    assert process.working_dir == expected


def test_home_is_added_unless_it_is_said() -> None:
    assert with_home(("A=b",), "/root") == ("A=b", "HOME=/root")
    assert with_home(("HOME=/x",), "/root") == ("HOME=/x",)


@pytest.mark.parametrize(
    ("image", "own", "number"),
    [("", "", 15), ("SIGQUIT", "", 3), ("SIGQUIT", "SIGINT", 2), ("nonsense", "", 15)],
)
def test_the_stop_signal_comes_from_settings_image_or_habit(
    image: str, own: str, number: int
) -> None:
    assert stop_signal(ProcessDefaults(stop_signal=image), settings(stop_signal=own)) == number
