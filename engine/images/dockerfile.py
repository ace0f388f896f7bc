"""
An approximate Dockerfile of an image, out of its history and its config.

The history tells which instructions there were, in the words of whichever builder wrote it. What a
COPY copied and what a base image was made of is not in there, so the result explains an image; it
does not make it again. Where a base image is on this host it becomes the FROM line.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.images.record import ImageRecord
    from engine.oci.config import HistoryEntry

SHELL = "/bin/sh -c "
NO_OPERATION = "#(nop)"
WIDTH = 100
_WORDS = (
    *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL"),
    *("MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
)
_INSTRUCTION = re.compile(rf"({'|'.join(_WORDS)})\s+(.*)", re.DOTALL)
_BUILD_ARGUMENTS = re.compile(r"\|(\d+) ")
_COPIED = re.compile(r"((?:file|dir|multi):[0-9a-f]+) in (\S+)\s*")
_CHAINED = re.compile(r"\s*(&&|;)\s+")
_BUILDKIT = " # buildkit"
_EXPOSED = re.compile(r"map\[(.*)\]")
_QUOTES = "\"'"


def render_dockerfile(image: ImageRecord, base: ImageRecord | None) -> str:
    """Return a Dockerfile that tells how *image* was made, from *base* on if there is one."""
    history = image.config.history
    below = len(base.config.history) if base else 0
    lines = [_from(base), ""]
    told = [line for entry in history[below:] for line in _lines(entry)]
    lines += told or list(_from_config(image))
    return "\n".join(lines).rstrip() + "\n"


def _from(base: ImageRecord | None) -> str:
    if base is None:
        return "FROM scratch"
    return f"FROM {base.names[0].familiar if base.names else base.id.short}"


def _lines(entry: HistoryEntry) -> Iterator[str]:
    text = entry.created_by.strip()
    if not text:
        # Made by a commit or an import, which have no words of their own.
        yield f"# {entry.comment or 'changed files, by no instruction'}"
        return
    word, rest = _instruction(text)
    yield from (f"# {line}" for line in (entry.comment,) if line and "buildkit" not in line)
    yield _rendered(word, rest)


def _instruction(text: str) -> tuple[str, str]:
    """Return the instruction that the history's *text* is about, and what follows it."""
    text = text.removesuffix(_BUILDKIT).strip()
    arguments = _BUILD_ARGUMENTS.match(text)
    if arguments:
        text = _without_arguments(text[arguments.end() :], int(arguments[1]))
    if text.startswith("RUN " + SHELL):
        return "RUN", text.removeprefix("RUN " + SHELL).strip()
    if text.startswith(SHELL):
        text = text.removeprefix(SHELL).strip()
        if not text.startswith(NO_OPERATION):
            return "RUN", text
        text = text.removeprefix(NO_OPERATION).strip()
    match = _INSTRUCTION.match(text)
    return (match[1], match[2].strip()) if match else ("RUN", text)


def _without_arguments(text: str, count: int) -> str:
    """Return *text* without the values of build arguments that docker put before a command."""
    rest, _, command = text.partition(SHELL)
    return SHELL + command if command and rest.count("=") >= count else text


def _rendered(word: str, rest: str) -> str:
    if word in {"COPY", "ADD"}:
        return f"{word} {_COPIED.sub(_copy, rest)}".rstrip()
    if word == "EXPOSE":
        return f"EXPOSE {_ports(rest)}"
    if word in {"CMD", "ENTRYPOINT", "VOLUME", "SHELL"}:
        return f"{word} {_list(rest)}"
    if word in {"ENV", "LABEL"}:
        return f"{word} {_pairs(rest)}"
    return _chained(f"RUN {rest}") if word == "RUN" else f"{word} {rest}"


def _copy(match: re.Match[str]) -> str:
    # The builder noted a digest of the source; its name is lost.
    return f"{match[1][:17]} {match[2]}"


def _ports(rest: str) -> str:
    match = _EXPOSED.fullmatch(rest)
    if match is None:
        return rest
    return " ".join(part.removesuffix(":{}") for part in match[1].split())


def _list(rest: str) -> str:
    """Return the JSON form of a list as Go prints one: `["a" "b"]`, or `[/data]`."""
    if not rest.startswith("["):
        return rest
    try:
        return json.dumps(json.loads(rest))
    except ValueError:
        pass
    try:
        return json.dumps(json.loads(re.sub(r'"\s+"', '", "', rest)))
    except ValueError:
        return json.dumps(rest.strip("[]").split())


def _pairs(rest: str) -> str:
    key, separator, value = rest.partition("=")
    is_plain = separator and not any(space in key for space in " \t")
    if not is_plain or " " not in value or value[0] in _QUOTES or "=" in value:
        return rest
    return f"{key}={json.dumps(value, ensure_ascii=False)}"


def _chained(line: str) -> str:
    """Return a long RUN with each command of its chain on a line of its own."""
    if len(line) <= WIDTH or "\n" in line:
        return line
    return _CHAINED.sub(lambda match: f" \\\n    {match[1]} ", " ".join(line.split()))


def _from_config(image: ImageRecord) -> Iterator[str]:
    """Yield what the config says where no history tells it."""
    defaults = image.config.defaults
    if image.layers:
        yield f"# {len(image.layers)} layers, of which no history tells"
    yield from (f"ENV {_pairs(each)}" for each in defaults.env)
    yield from (f"LABEL {key}={json.dumps(text)}" for key, text in defaults.labels.items())
    yield from (f"EXPOSE {port}" for port in defaults.exposed_ports)
    yield from (f"VOLUME {json.dumps([path])}" for path in defaults.volumes)
    single = {"WORKDIR": defaults.working_dir, "USER": defaults.user}
    single["STOPSIGNAL"] = defaults.stop_signal
    yield from (f"{word} {value}" for word, value in single.items() if value)
    listed = {"ENTRYPOINT": defaults.entrypoint, "CMD": defaults.command}
    yield from (f"{word} {json.dumps(list(value))}" for word, value in listed.items() if value)
