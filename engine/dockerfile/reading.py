"""From parsed lines to typed instructions: which arguments and flags each takes, and their form."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.dockerfile.copying import read_add, read_copy
from engine.dockerfile.forms import (
    Flags,
    argument_pairs,
    command_of,
    duration,
    json_list,
    list_of,
    missing,
    needs_rest,
    pairs_of,
    suggestion,
    words_of,
)
from engine.dockerfile.instructions import (
    Arg,
    Cmd,
    Entrypoint,
    Env,
    Expose,
    From,
    Healthcheck,
    HealthcheckOptions,
    Instruction,
    Label,
    Maintainer,
    Onbuild,
    Shell,
    StopSignal,
    User,
    Volume,
    Word,
    Workdir,
)
from engine.dockerfile.parser import Line, parse_trigger
from engine.dockerfile.running import read_run
from engine.errors import MissingArgument, UnknownInstruction

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.dockerfile.parser import Dockerfile

FROM_WORDS = (1, 3)
MAX_RETRIES = 1_000_000

_STAGE_NAME = re.compile(r"[a-z][a-z0-9-_.]*", re.ASCII)
_HEALTHCHECK_FLAGS = ("interval", "timeout", "start-period", "start-interval", "retries")


def read_instructions(dockerfile: Dockerfile) -> tuple[Instruction, ...]:
    """Return the typed instructions of *dockerfile*; raise a `DockerfileError`."""
    return tuple(read_instruction(line, dockerfile.escape) for line in dockerfile.lines)


def read_instruction(line: Line, escape: str) -> Instruction:
    """Return the typed instruction that *line* is."""
    reader = _READERS.get(line.keyword)
    if reader is None:
        raise line.source.error(
            UnknownInstruction,
            f"unknown instruction: {line.keyword[:80]}",
            offset=_keyword_offset(line),
            remedy=suggestion(line.keyword, _READERS),
        )
    return reader(line, escape)


def _keyword_offset(line: Line) -> int:
    found = line.source.text.upper().rfind(line.keyword, 0, line.offset or None)
    return max(0, found)


def _read_from(line: Line, escape: str) -> From:
    flags = Flags(line, ("platform",))
    words = words_of(line, escape)
    if not words:
        raise missing(line, "one argument, the image to begin with")
    if len(words) not in FROM_WORDS or (len(words) > 1 and words[1].text.upper() != "AS"):
        raise line.error(
            "FROM requires either one or three arguments",
            at=words[1].offset,
            remedy="Write FROM image, or FROM image AS name.",
        )
    name = words[2].text.lower() if len(words) > 1 else ""
    if name and not _STAGE_NAME.fullmatch(name):
        raise line.error(
            f"invalid name for build stage: {words[2].text[:80]!r}",
            at=words[2].offset,
            remedy="Begin it with a letter; then letters, digits, '-', '_' and '.' may follow.",
        )
    return From(line, words[0], flags.text("platform"), name)


def _read_arg(line: Line, escape: str) -> Arg:
    Flags(line, ())
    return Arg(line, argument_pairs(line, escape))


def _read_env(line: Line, escape: str) -> Env:
    Flags(line, ())
    return Env(line, pairs_of(line, escape))


def _read_label(line: Line, escape: str) -> Label:
    Flags(line, ())
    return Label(line, pairs_of(line, escape))


def _read_cmd(line: Line, _: str) -> Cmd:
    Flags(line, ())
    return Cmd(line, command_of(line))


def _read_entrypoint(line: Line, _: str) -> Entrypoint:
    Flags(line, ())
    return Entrypoint(line, command_of(line))


def _read_shell(line: Line, _: str) -> Shell:
    Flags(line, ())
    words = json_list(line)
    if words is None:
        raise line.error(
            "SHELL requires the arguments to be in JSON form",
            remedy='For example SHELL ["/bin/bash", "-c"].',
        )
    if not words:
        raise missing(line, "at least one argument")
    return Shell(line, words)


def _read_expose(line: Line, escape: str) -> Expose:
    Flags(line, ())
    needs_rest(line, "at least one argument")
    return Expose(line, tuple(words_of(line, escape)))


def _read_volume(line: Line, escape: str) -> Volume:
    Flags(line, ())
    needs_rest(line, "at least one argument")
    paths = tuple(list_of(line, escape))
    if not paths:
        raise missing(line, "at least one argument")
    if any(not each.text.strip() for each in paths):
        raise line.error("VOLUME specified can not be an empty string")
    return Volume(line, paths)


def _read_user(line: Line, _: str) -> User:
    return User(line, _whole(line))


def _read_workdir(line: Line, _: str) -> Workdir:
    return Workdir(line, _whole(line))


def _read_stop_signal(line: Line, _: str) -> StopSignal:
    return StopSignal(line, _whole(line))


def _read_maintainer(line: Line, _: str) -> Maintainer:
    return Maintainer(line, _whole(line).text)


def _whole(line: Line) -> Word:
    Flags(line, ())
    return Word(needs_rest(line, "exactly one argument").strip())


def _read_healthcheck(line: Line, escape: str) -> Healthcheck:
    flags = Flags(line, _HEALTHCHECK_FLAGS)
    words = words_of(line, escape)
    if not words:
        raise missing(line, "an argument: NONE, or CMD and a command")
    kind = words[0].text.upper()
    if kind == "NONE":
        if len(words) > 1 or line.flags:
            raise line.error("HEALTHCHECK NONE takes no arguments")
        return Healthcheck(line, None, HealthcheckOptions())
    if kind != "CMD":
        raise line.error(
            f"unknown type {words[0].text[:40]!r} in HEALTHCHECK", remedy="Try CMD or NONE."
        )
    begin = words[1].offset if len(words) > 1 else len(line.rest)
    inner = Line("CMD", (), line.rest[begin:], line.offset + begin, (), line.source)
    command = command_of(inner)
    if not inner.rest.strip() or not command.words:
        raise line.error("Missing command after HEALTHCHECK CMD", kind=MissingArgument)
    return Healthcheck(line, command, _health_options(line, flags))


def _health_options(line: Line, flags: Flags) -> HealthcheckOptions:
    times = [duration(line, name, flags.text(name)) for name in _HEALTHCHECK_FLAGS[:4]]
    retries = flags.text("retries") or "0"
    if not retries.isdecimal() or not 0 <= int(retries[:12]) <= MAX_RETRIES:
        raise line.error(f"--retries must be a whole number, not {retries[:40]!r}")
    interval, timeout, start_period, start_interval = times
    return HealthcheckOptions(interval, timeout, start_period, start_interval, int(retries))


def _read_onbuild(line: Line, escape: str) -> Onbuild:
    needs_rest(line, "at least one argument")
    inner = parse_trigger(line, escape=escape)
    if inner.keyword == "ONBUILD":
        raise line.error("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
    if inner.keyword in {"FROM", "MAINTAINER"}:
        raise line.error(f"{inner.keyword} isn't allowed as an ONBUILD trigger")
    return Onbuild(line, read_instruction(inner, escape), line.rest.strip())


_READERS: dict[str, Callable[[Line, str], Instruction]] = {
    "FROM": _read_from,
    "ARG": _read_arg,
    "ENV": _read_env,
    "LABEL": _read_label,
    "RUN": read_run,
    "COPY": read_copy,
    "ADD": read_add,
    "CMD": _read_cmd,
    "ENTRYPOINT": _read_entrypoint,
    "SHELL": _read_shell,
    "EXPOSE": _read_expose,
    "VOLUME": _read_volume,
    "USER": _read_user,
    "WORKDIR": _read_workdir,
    "STOPSIGNAL": _read_stop_signal,
    "HEALTHCHECK": _read_healthcheck,
    "ONBUILD": _read_onbuild,
    "MAINTAINER": _read_maintainer,
}
