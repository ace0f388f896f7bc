"""From a line to settings: what each flag means."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from engine.errors import InvalidSetting
from engine.settings.container import ContainerSettings
from engine.settings.docker_run.amounts import file_of, lines_of, parse_pairs
from engine.settings.docker_run.flags import Given, read_flags
from engine.settings.docker_run.lifetime import read_lifetime
from engine.settings.docker_run.mounting import read_mounts
from engine.settings.docker_run.networking import read_networking
from engine.settings.docker_run.resources import read_resources
from engine.settings.docker_run.words import FIELD, split_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NO_FILES: Mapping[str, str] = MappingProxyType({})
PROGRAMS = ("docker", "podman", "nerdctl")
PULLS = ("always", "missing", "never")
# What says how the client behaves, not how the container is.
_CLIENTS = ("attach", "cidfile", "detach-keys", "quiet", "sig-proxy", "disable-content-trust")


@dataclass(frozen=True, slots=True)
class RunLine:
    """
    A `docker run` line: the settings of its container, and what the client is asked besides.

    *starts* is False for `docker create`; *ignored* are flags taken without effect here.
    """

    settings: ContainerSettings
    detach: bool = False
    starts: bool = True
    pull: str = "missing"
    platform: str = ""
    ignored: tuple[str, ...] = ()


def parse_docker_run(text: str, *, files: Mapping[str, str] = NO_FILES) -> RunLine:
    """
    Return what the line *text* asks for; raise `InvalidSetting` with the field.

    *files* are the contents of files that the line may name (env, labels, a seccomp profile), by
    the path that it writes.
    """
    verb, words = _after_verb(split_words(text))
    given = read_flags(words)
    if given.last("isolation") not in {"", "default"}:
        raise InvalidSetting(FIELD, "--isolation is not supported: there is one way to isolate")
    pull = given.last("pull", "missing")
    if pull not in PULLS:
        raise InvalidSetting(FIELD, f"invalid pull option: '{pull[:40]}'")
    return RunLine(
        settings=ContainerSettings(**_settings(given, files)),
        detach=given.is_on("detach"),
        starts=verb == "run",
        pull=pull,
        platform=given.last("platform"),
        ignored=tuple(f"--{name}" for name in _CLIENTS if given.has(name)),
    )


def _after_verb(words: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    rest = list(words)
    for skipped in ("$", "#", "sudo"):
        if rest[:1] == [skipped]:
            rest.pop(0)
    if rest and rest[0].rpartition("/")[2] in PROGRAMS:
        rest.pop(0)
    if rest[:1] == ["container"]:
        rest.pop(0)
    if not rest or rest[0] not in {"run", "create"}:
        raise InvalidSetting(
            FIELD, "this is no docker run line", remedy="Begin with docker run, then an image."
        )
    return rest[0], tuple(rest[1:])


def _settings(given: Given, files: Mapping[str, str]) -> dict[str, Any]:
    return {
        "image": given.image,
        "command": given.command or None,
        **_process(given, files),
        **_names(given, files),
        **_security(given, files),
        **read_lifetime(given),
        **read_resources(given),
        **read_networking(given),
        **read_mounts(given),
    }


def _process(given: Given, files: Mapping[str, str]) -> dict[str, Any]:
    is_open = given.is_on("interactive")
    return {
        "entrypoint": (given.last("entrypoint"),) if given.has("entrypoint") else None,
        "env": tuple(_env(given, files)),
        "working_dir": given.last("workdir"),
        "user": given.last("user"),
        "group_add": given.all("group-add"),
        "tty": given.is_on("tty"),
        "open_stdin": is_open,
        "stdin_once": is_open and not given.is_on("detach"),
        "read_only": given.is_on("read-only"),
        "init": given.is_on("init"),
    }


def _env(given: Given, files: Mapping[str, str]) -> Iterator[str]:
    for path in given.all("env-file"):
        # A name alone stands for a variable of whoever runs docker, and here there is none.
        yield from (line for line in lines_of(file_of(files, path, flag="env-file")) if "=" in line)
    for text in given.all("env"):
        if "=" not in text:
            raise InvalidSetting(
                "env", f"{text[:80]!r} stands for a variable of a shell", remedy="Write NAME=value."
            )
        yield text


def _names(given: Given, files: Mapping[str, str]) -> dict[str, Any]:
    labels = [
        line
        for path in given.all("label-file")
        for line in lines_of(file_of(files, path, flag="label-file"))
    ]
    return {
        "name": given.last("name") or None,
        "hostname": given.last("hostname"),
        "domainname": given.last("domainname"),
        "labels": parse_pairs("labels", [*labels, *given.all("label")]),
        "annotations": parse_pairs("annotations", given.all("annotation"), needs_value=True),
    }


def _security(given: Given, files: Mapping[str, str]) -> dict[str, Any]:
    return {
        "cap_add": given.all("cap-add"),
        "cap_drop": given.all("cap-drop"),
        "privileged": given.is_on("privileged"),
        "security_opt": tuple(_security_option(each, files) for each in given.all("security-opt")),
        "sysctls": parse_pairs("sysctls", given.all("sysctl"), needs_value=True),
        "pid_mode": given.last("pid"),
        "ipc_mode": given.last("ipc"),
        "uts_mode": given.last("uts"),
        "userns_mode": given.last("userns"),
        "cgroup_mode": given.last("cgroupns"),
        "runtime": given.last("runtime"),
    }


def _security_option(text: str, files: Mapping[str, str]) -> str:
    name, equals, value = text.partition("=")
    is_file = name == "seccomp" and equals and value not in {"unconfined", "builtin"}
    if is_file and not value.lstrip().startswith("{"):
        return f"seccomp={file_of(files, value, flag='security-opt')}"
    return text
