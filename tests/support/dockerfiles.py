"""What was read from a Dockerfile, as text that a person can compare with the file."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from engine.dockerfile.instructions import Command, Onbuild, Pair, RunMount, Word
from engine.dockerfile.parser import Heredoc, parse
from engine.dockerfile.reading import read_instructions

if TYPE_CHECKING:
    from engine.errors import DockerfileError


def told(content: bytes) -> str:
    """Return one line for each instruction of the Dockerfile, with all that is not its default."""
    dockerfile = parse(content)
    head = [f"escape {dockerfile.escape}"] if dockerfile.escape != "\\" else []
    head += [f"syntax {dockerfile.syntax}"] if dockerfile.syntax else []
    head += [f"check {dockerfile.check}"] if dockerfile.check else []
    head += [f"warning {each}" for each in dockerfile.warnings]
    body = [_instruction(each) for each in read_instructions(dockerfile)]
    return "\n".join(head + body) + "\n"


def told_error(error: DockerfileError) -> str:
    """Return what the error says and where it points."""
    lines = [f"{error.code} {error.line}-{error.last_line}:{error.column} {error.reason}"]
    if error.source:
        lines += [f"| {error.source}", "| " + " " * (error.column - 1) + "^"]
    return "\n".join([*lines, *([error.remedy] if error.remedy else [])]) + "\n"


def _instruction(instruction: Any) -> str:
    line = instruction.line.source
    place = f"{line.first}" if line.first == line.last else f"{line.first}-{line.last}"
    return f"{place} {_described(instruction)}"


def _described(instruction: Any) -> str:
    words = [type(instruction).__name__]
    for field in fields(instruction):
        value = getattr(instruction, field.name)
        if field.name != "line" and (value or value is False or isinstance(value, Command)):
            words.append(f"{field.name}={_shown(value)}")
    return " ".join(word for word in words if not word.endswith("=False"))


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(_shown(each) for each in value) + "]"
    if isinstance(value, Word):
        return repr(value.text)
    if isinstance(value, Pair):
        return f"{value.name.text}={'?' if value.value is None else _shown(value.value)}"
    if isinstance(value, Command):
        return ("shell " if value.is_shell else "exec ") + _shown(value.words)
    if isinstance(value, Heredoc):
        return f"{value.word}{'' if value.expands else ' raw'} {value.content!r}"
    if isinstance(value, RunMount):
        return f"{value.kind}({', '.join(f'{name}={text}' for name, text in value.options)})"
    if hasattr(value, "line") and not isinstance(value, Onbuild):
        return f"({_described(value)})"
    return repr(value) if isinstance(value, str) else str(value)
