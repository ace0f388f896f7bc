"""
Changes to what an image says about its containers, written as Dockerfile instructions.

What `docker import --change` and `docker commit --change` take: the instructions that change no
file. Each is read as in a Dockerfile, with the variables of the image put in.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.errors import InvalidSetting
from engine.images.words import (
    BadWords,
    expand,
    read_duration,
    read_list,
    split_pairs,
    split_words,
)
from engine.oci.healthcheck import DISABLED, Healthcheck

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.oci.config import ProcessDefaults

FIELD = "changes"
SHELL = ("/bin/sh", "-c")
MAX_CHANGES = 1024
MAX_CHANGE_LENGTH = 64 * 1024
MAX_PORT = 65535
_PORT = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?(?:/(tcp|udp|sctp))?", re.ASCII | re.IGNORECASE)
_FLAG = re.compile(r"--([a-z-]+)=(\S*)\s*")
_TIMES = {
    "interval": "interval",
    "timeout": "timeout",
    "start-period": "start_period",
    "start-interval": "start_interval",
}
_NOT_IN_ONBUILD = {"ONBUILD", "FROM", "MAINTAINER"}


@dataclass(frozen=True, slots=True)
class _State:
    """What an image says so far; *has_command* once one of the changes gave a command."""

    defaults: ProcessDefaults
    has_command: bool = False

    @property
    def variables(self) -> dict[str, str]:
        pairs = (each.partition("=") for each in self.defaults.env)
        return {name: value for name, _, value in pairs}

    def words(self, text: str) -> tuple[str, ...]:
        return split_words(text, self.variables)

    def form(self, text: str) -> tuple[str, ...]:
        """Return the command that *text* spells: a JSON list, or a line for the shell."""
        found = read_list(text)
        return (*(self.defaults.shell or SHELL), text) if found is None else found


def apply_changes(defaults: ProcessDefaults, changes: Sequence[str]) -> ProcessDefaults:
    """
    Return *defaults* after the instructions *changes*, one after the other.

    Raises `InvalidSetting` that quotes the one that cannot be read.
    """
    if len(changes) > MAX_CHANGES:
        raise InvalidSetting(FIELD, f"there are more than {MAX_CHANGES}")
    state = _State(defaults)
    for change in changes:
        state = _applied(state, change.strip())
    return state.defaults


def _applied(state: _State, change: str) -> _State:
    word, _, rest = change.partition(" ")
    act = _INSTRUCTIONS.get(word.upper())
    shown = change[:80]
    if len(change) > MAX_CHANGE_LENGTH:
        raise InvalidSetting(FIELD, f"{shown!r} is too long")
    if act is None:
        known = ", ".join(sorted(_INSTRUCTIONS))
        raise InvalidSetting(FIELD, f"{shown!r} is no change", remedy=f"Write one of {known}.")
    if not rest.strip():
        raise InvalidSetting(FIELD, f"{shown!r} says nothing after {word}")
    try:
        return act(state, rest.strip())
    except BadWords as error:
        raise InvalidSetting(FIELD, f"{shown!r}: {error}") from error


def _command(state: _State, text: str) -> _State:
    return _State(replace(state.defaults, command=state.form(text)), has_command=True)


def _entrypoint(state: _State, text: str) -> _State:
    # As docker: a command that belonged to the old entrypoint would be arguments of the new one.
    command = state.defaults.command if state.has_command else ()
    changed = replace(state.defaults, entrypoint=state.form(text), command=command)
    return replace(state, defaults=changed)


def _env(state: _State, text: str) -> _State:
    changed = {each.partition("=")[0]: each for each in state.defaults.env}
    changed |= {name: f"{name}={value}" for name, value in split_pairs(text, state.variables)}
    return replace(state, defaults=replace(state.defaults, env=tuple(changed.values())))


def _label(state: _State, text: str) -> _State:
    labels = {**state.defaults.labels, **dict(split_pairs(text, state.variables))}
    return replace(state, defaults=replace(state.defaults, labels=labels))


def _expose(state: _State, text: str) -> _State:
    ports = dict.fromkeys(state.defaults.exposed_ports)
    for word in state.words(text):
        ports |= dict.fromkeys(_ports(word))
    return replace(state, defaults=replace(state.defaults, exposed_ports=tuple(ports)))


def _ports(word: str) -> list[str]:
    match = _PORT.fullmatch(word)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if match is None or not 1 <= first <= last <= MAX_PORT:
        raise BadWords(f"{word!r} is no port such as 80/tcp")
    return [f"{port}/{(match[3] or 'tcp').lower()}" for port in range(first, last + 1)]


def _on_build(state: _State, text: str) -> _State:
    word = text.split(None, 1)[0].upper()
    if word in _NOT_IN_ONBUILD:
        raise BadWords(f"{word} cannot be left to a later build")
    on_build = (*state.defaults.on_build, text)
    return replace(state, defaults=replace(state.defaults, on_build=on_build))


def _user(state: _State, text: str) -> _State:
    return replace(state, defaults=replace(state.defaults, user=_one(state, text)))


def _volume(state: _State, text: str) -> _State:
    listed = read_list(text)
    paths = state.words(text) if listed is None else listed
    if not all(path.startswith("/") for path in paths):
        raise BadWords("a volume is an absolute path")
    volumes = tuple(dict.fromkeys((*state.defaults.volumes, *paths)))
    return replace(state, defaults=replace(state.defaults, volumes=volumes))


def _working_dir(state: _State, text: str) -> _State:
    # The rest of the line is one path, so it may hold spaces.
    path = posixpath.join("/", state.defaults.working_dir, _unquoted(state, text))
    changed = replace(state.defaults, working_dir=posixpath.normpath(path))
    return replace(state, defaults=changed)


def _stop_signal(state: _State, text: str) -> _State:
    return replace(state, defaults=replace(state.defaults, stop_signal=_one(state, text)))


def _healthcheck(state: _State, text: str) -> _State:
    fields: dict[str, int] = {}
    while match := _FLAG.match(text):
        fields |= _health_flag(match[1], match[2])
        text = text[match.end() :]
    word, _, rest = text.partition(" ")
    if word.upper() == "NONE" and not rest and not fields:
        return replace(state, defaults=replace(state.defaults, healthcheck=Healthcheck(DISABLED)))
    if word.upper() != "CMD" or not rest.strip():
        raise BadWords("a healthcheck is NONE, or CMD and a command")
    listed = read_list(rest.strip())
    test = ("CMD-SHELL", rest.strip()) if listed is None else ("CMD", *listed)
    healthcheck = Healthcheck(test, **fields)
    return replace(state, defaults=replace(state.defaults, healthcheck=healthcheck))


def _health_flag(name: str, value: str) -> dict[str, int]:
    if name == "retries" and value.isdecimal():
        return {"retries": int(value)}
    if name not in _TIMES:
        raise BadWords(f"--{name}={value} is no option of a healthcheck")
    return {_TIMES[name]: read_duration(value)}


def _one(state: _State, text: str) -> str:
    words = state.words(text)
    if len(words) != 1:
        raise BadWords("it takes one word")
    return words[0]


def _unquoted(state: _State, text: str) -> str:
    words = state.words(text)
    return words[0] if len(words) == 1 else expand(text, state.variables)


_INSTRUCTIONS: dict[str, Callable[[_State, str], _State]] = {
    "CMD": _command,
    "ENTRYPOINT": _entrypoint,
    "ENV": _env,
    "EXPOSE": _expose,
    "HEALTHCHECK": _healthcheck,
    "LABEL": _label,
    "ONBUILD": _on_build,
    "STOPSIGNAL": _stop_signal,
    "USER": _user,
    "VOLUME": _volume,
    "WORKDIR": _working_dir,
}
