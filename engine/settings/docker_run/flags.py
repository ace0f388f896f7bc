"""The flags of `docker run` (28), and what was given of them."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field

from engine.errors import InvalidSetting
from engine.settings.docker_run.words import FIELD

_SWITCHES = """
    detach disable-content-trust init interactive no-healthcheck oom-kill-disable privileged
    publish-all quiet read-only rm sig-proxy tty help use-api-socket
"""
_VALUED = """
    add-host annotation attach blkio-weight blkio-weight-device cap-add cap-drop cgroup-parent
    cgroupns cidfile cpu-count cpu-percent cpu-period cpu-quota cpu-rt-period cpu-rt-runtime
    cpu-shares cpus cpuset-cpus cpuset-mems detach-keys device device-cgroup-rule device-read-bps
    device-read-iops device-write-bps device-write-iops dns dns-option dns-search domainname
    entrypoint env env-file expose gpus group-add health-cmd health-interval health-retries
    health-start-interval health-start-period health-timeout hostname io-maxbandwidth io-maxiops
    ip ip6 ipc isolation kernel-memory label label-file link link-local-ip log-driver log-opt
    mac-address memory memory-reservation memory-swap memory-swappiness mount name network
    network-alias oom-score-adj pid pids-limit platform publish pull restart runtime security-opt
    shm-size stop-signal stop-timeout storage-opt sysctl tmpfs ulimit user userns uts volume
    volume-driver volumes-from workdir
"""
SWITCHES, VALUED = frozenset(_SWITCHES.split()), frozenset(_VALUED.split())
# Other names that docker still takes.
ALIASES = {"net": "network", "net-alias": "network-alias", "dns-opt": "dns-option"}
SHORT = {
    "a": "attach",
    "c": "cpu-shares",
    "d": "detach",
    "e": "env",
    "h": "hostname",
    "i": "interactive",
    "l": "label",
    "m": "memory",
    "P": "publish-all",
    "p": "publish",
    "q": "quiet",
    "t": "tty",
    "u": "user",
    "v": "volume",
    "w": "workdir",
}
_TRUE, _FALSE = {"1", "t", "T", "TRUE", "true", "True"}, {"0", "f", "F", "FALSE", "false", "False"}
_WINDOWS = "It is for Windows hosts: leave it out."
# What this engine does not do, and what to do instead.
REFUSED = {
    "cpu-count": _WINDOWS,
    "cpu-percent": _WINDOWS,
    "io-maxbandwidth": _WINDOWS,
    "io-maxiops": _WINDOWS,
    "cpu-rt-period": "Limit processors with --cpus or --cpu-quota.",
    "cpu-rt-runtime": "Limit processors with --cpus or --cpu-quota.",
    "gpus": "Give the devices by name, with --device.",
    "kernel-memory": "The kernel has no such limit any more: use --memory.",
    "link-local-ip": "Give an address of the network, with --ip or --ip6.",
    "storage-opt": "A writable layer in memory can be given a size; one on the disk cannot.",
    "use-api-socket": "Mount the socket of the API yourself, with --volume.",
    "help": "Leave it out.",
}


@dataclass(slots=True)
class Given:
    """What a line gave: each flag with its values in order, the image, and what follows it."""

    values: dict[str, list[str]] = field(default_factory=dict)
    image: str = ""
    command: tuple[str, ...] = ()

    def has(self, name: str) -> bool:
        """Whether the flag was given."""
        return name in self.values

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value of the flag, in order."""
        return tuple(self.values.get(name, ()))

    def last(self, name: str, default: str = "") -> str:
        """Return the value that counts where only one does."""
        return self.values.get(name, [default])[-1]

    def is_on(self, name: str, *, default: bool = False) -> bool:
        """Return what the switch was set to last."""
        text = self.last(name, "true" if default else "false")
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        raise InvalidSetting(FIELD, f'invalid argument "{text[:40]}" for "--{name}" flag')


def read_flags(words: tuple[str, ...]) -> Given:
    """Return what *words* after `docker run` give; raise `InvalidSetting` for unknown flags."""
    given = Given()
    rest = list(words)
    while rest and rest[0].startswith("-") and rest[0] not in {"-", "--"}:
        word = rest.pop(0)
        read = _read_long if word.startswith("--") else _read_short
        read(word, rest, given)
    if rest[:1] == ["--"]:
        rest.pop(0)
    if not rest:
        raise InvalidSetting("image", "the line names no image")
    given.image, given.command = rest[0], tuple(rest[1:])
    return given


def _read_long(word: str, rest: list[str], given: Given) -> None:
    name, equals, value = word[2:].partition("=")
    name = ALIASES.get(name, name)
    if name in SWITCHES:
        _note(given, name, value if equals else "true")
    elif name in VALUED:
        _note(given, name, value if equals else _next(f"--{name}", rest))
    else:
        raise _unknown(name)


def _read_short(word: str, rest: list[str], given: Given) -> None:
    letters = word[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        name = SHORT.get(letter)
        if name is None:
            raise InvalidSetting(FIELD, f"unknown shorthand flag: '{letter}' in {word[:40]}")
        if name in SWITCHES and not letters.startswith("="):
            _note(given, name, "true")
            continue
        value = letters.removeprefix("=") if letters else _next(f"-{letter}", rest)
        _note(given, name, value)
        return


def _note(given: Given, name: str, value: str) -> None:
    if name in REFUSED:
        raise InvalidSetting(
            FIELD, f"--{name} is not supported by this engine", remedy=REFUSED[name]
        )
    given.values.setdefault(name, []).append(value)


def _next(flag: str, rest: list[str]) -> str:
    if not rest:
        raise InvalidSetting(FIELD, f"flag needs an argument: {flag}")
    return rest.pop(0)


def _unknown(name: str) -> InvalidSetting:
    near = difflib.get_close_matches(name, SWITCHES | VALUED, n=1)
    hint = f"Did you mean --{near[0]}?" if near else "See docker run --help."
    return InvalidSetting(FIELD, f"unknown flag: --{name[:60]}", remedy=hint)
