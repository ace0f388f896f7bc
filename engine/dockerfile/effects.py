"""
What instructions that change no file do to an image's config.

Used by builds, and by commit and import, which take such instructions as changes. Pure: the config
before and one instruction give the config after. Words are expanded here, with *variables*.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.dockerfile.instructions import (
    Cmd,
    Command,
    Entrypoint,
    Env,
    Expose,
    Healthcheck,
    Instruction,
    Label,
    Onbuild,
    Shell,
    StopSignal,
    User,
    Volume,
    Workdir,
)
from engine.dockerfile.words import expand, expand_words
from engine.errors import InvalidExpansion, InvalidSetting
from engine.oci import healthcheck
from engine.settings.signals import parse_signal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from engine.dockerfile.instructions import Pair, Word
    from engine.dockerfile.parser import Line
    from engine.oci.config import ProcessDefaults

SHELL = ("/bin/sh", "-c")
MAX_PORT = 65535

_PORT = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?(?:/(tcp|udp|sctp))?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Effects:
    """
    A config so far; *has_command* once an instruction of the same file gave a command.

    As docker has it, an ENTRYPOINT drops a command that came from the image below.
    """

    defaults: ProcessDefaults
    has_command: bool = False
    escape: str = "\\"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that the config sets."""
        pairs = (each.partition("=") for each in self.defaults.env)
        return {name: value for name, _, value in pairs}

    def after(self, instruction: Instruction, variables: Mapping[str, str]) -> Effects:
        """
        Return the config after *instruction*, whose words see *variables*.

        Raises a `DockerfileError` that points at the word that is wrong. An instruction that
        changes files, or declares arguments, has no effect here.
        """
        act = _ACTS.get(type(instruction))
        return act(self, instruction, variables) if act else self

    def changed(self, **fields: Any) -> Effects:
        """Return this with *fields* of the defaults replaced."""
        return replace(self, defaults=replace(self.defaults, **fields))

    def spelled(self, command: Command) -> tuple[str, ...]:
        """Return the words that run *command*: the shell form is given to the shell."""
        if not command.is_shell:
            return command.words
        return (*(self.defaults.shell or SHELL), *command.words)


def expanded(line: Line, word: Word, variables: Mapping[str, str], escape: str) -> str:
    """Return *word* of *line* expanded as one word; raise `InvalidExpansion` with its place."""
    try:
        return expand(word.text, variables, escape=escape)
    except InvalidExpansion as error:
        raise line.error(error.reason, at=word.offset, kind=InvalidExpansion) from error


def expanded_list(
    line: Line, words: Iterable[Word], variables: Mapping[str, str], escape: str
) -> list[tuple[Word, str]]:
    """Return *words* expanded and split again, each with the word that it came from."""
    found: list[tuple[Word, str]] = []
    for word in words:
        try:
            parts = expand_words(word.text, variables, escape=escape)
        except InvalidExpansion as error:
            raise line.error(error.reason, at=word.offset, kind=InvalidExpansion) from error
        found += [(word, part) for part in parts]
    return found


def expanded_pairs(
    line: Line, pairs: Iterable[Pair], variables: Mapping[str, str], escape: str
) -> dict[str, str]:
    """Return *pairs* expanded; all of them see the same *variables*."""
    found: dict[str, str] = {}
    for pair in pairs:
        name = expanded(line, pair.name, variables, escape)
        if not name:
            raise line.error(f"{line.keyword} names can not be blank", at=pair.name.offset)
        found[name] = expanded(line, pair.value, variables, escape) if pair.value else ""
    return found


def _env(effects: Effects, env: Env, variables: Mapping[str, str]) -> Effects:
    known = {each.partition("=")[0]: each for each in effects.defaults.env}
    told = expanded_pairs(env.line, env.pairs, variables, effects.escape)
    known |= {name: f"{name}={value}" for name, value in told.items()}
    return effects.changed(env=tuple(known.values()))


def _label(effects: Effects, label: Label, variables: Mapping[str, str]) -> Effects:
    told = expanded_pairs(label.line, label.pairs, variables, effects.escape)
    return effects.changed(labels={**effects.defaults.labels, **told})


def _cmd(effects: Effects, cmd: Cmd, _: Mapping[str, str]) -> Effects:
    command = effects.spelled(cmd.command)
    return replace(effects.changed(command=command), has_command=True)


def _entrypoint(effects: Effects, entrypoint: Entrypoint, _: Mapping[str, str]) -> Effects:
    command = effects.defaults.command if effects.has_command else ()
    return effects.changed(entrypoint=effects.spelled(entrypoint.command), command=command)


def _shell(effects: Effects, shell: Shell, _: Mapping[str, str]) -> Effects:
    return effects.changed(shell=shell.words)


def _expose(effects: Effects, expose: Expose, variables: Mapping[str, str]) -> Effects:
    ports = dict.fromkeys(effects.defaults.exposed_ports)
    for word, text in expanded_list(expose.line, expose.ports, variables, effects.escape):
        ports |= dict.fromkeys(_ports(expose.line, word, text))
    return effects.changed(exposed_ports=tuple(ports))


def _ports(line: Line, word: Word, text: str) -> list[str]:
    match = _PORT.fullmatch(text)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if match is None or not 1 <= first <= last <= MAX_PORT:
        remedy = "Write it as 80, 80/udp or 8000-8010/tcp."
        raise line.error(f"invalid containerPort: {text[:60]}", at=word.offset, remedy=remedy)
    return [f"{port}/{(match[3] or 'tcp').lower()}" for port in range(first, last + 1)]


def _volume(effects: Effects, volume: Volume, variables: Mapping[str, str]) -> Effects:
    paths = dict.fromkeys(effects.defaults.volumes)
    for word in volume.paths:
        path = expanded(volume.line, word, variables, effects.escape)
        if not path:
            raise volume.line.error("VOLUME specified can not be an empty string", at=word.offset)
        paths[path] = None
    return effects.changed(volumes=tuple(paths))


def _user(effects: Effects, user: User, variables: Mapping[str, str]) -> Effects:
    return effects.changed(user=expanded(user.line, user.user, variables, effects.escape))


def _workdir(effects: Effects, workdir: Workdir, variables: Mapping[str, str]) -> Effects:
    path = expanded(workdir.line, workdir.path, variables, effects.escape)
    joined = posixpath.join("/", effects.defaults.working_dir, path)
    return effects.changed(working_dir="/" + posixpath.normpath(joined).lstrip("/"))


def _stop_signal(effects: Effects, stop: StopSignal, variables: Mapping[str, str]) -> Effects:
    signal = expanded(stop.line, stop.signal, variables, effects.escape)
    try:
        parse_signal(signal)
    except InvalidSetting as error:
        remedy = "Write a name such as SIGTERM, or a number."
        raise stop.line.error(f"invalid signal: {signal[:40]}", remedy=remedy) from error
    return effects.changed(stop_signal=signal)


def _healthcheck(effects: Effects, check: Healthcheck, _: Mapping[str, str]) -> Effects:
    if check.command is None:
        return effects.changed(healthcheck=healthcheck.Healthcheck(healthcheck.DISABLED))
    kind = "CMD-SHELL" if check.command.is_shell else "CMD"
    asked = check.options
    told = healthcheck.Healthcheck(
        (kind, *check.command.words),
        interval=asked.interval,
        timeout=asked.timeout,
        start_period=asked.start_period,
        start_interval=asked.start_interval,
        retries=asked.retries,
    )
    return effects.changed(healthcheck=told)


def _onbuild(effects: Effects, onbuild: Onbuild, _: Mapping[str, str]) -> Effects:
    if onbuild.trigger.line.heredocs:
        raise onbuild.line.error("here-documents cannot be left to a later build")
    return effects.changed(on_build=(*effects.defaults.on_build, onbuild.text))


_ACTS: dict[type, Callable[[Effects, Any, Mapping[str, str]], Effects]] = {
    Env: _env,
    Label: _label,
    Cmd: _cmd,
    Entrypoint: _entrypoint,
    Shell: _shell,
    Expose: _expose,
    Volume: _volume,
    User: _user,
    Workdir: _workdir,
    StopSignal: _stop_signal,
    Healthcheck: _healthcheck,
    Onbuild: _onbuild,
}
ACTS = frozenset(_ACTS)
