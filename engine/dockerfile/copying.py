"""COPY and ADD: their flags, sources, destination and here-documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.dockerfile.forms import Flags, list_of, missing
from engine.dockerfile.instructions import Copy

if TYPE_CHECKING:
    from engine.dockerfile.instructions import Word
    from engine.dockerfile.parser import Heredoc, Line

COPY_FLAGS = ("from", "chown", "chmod", "link", "parents", "exclude")
ADD_FLAGS = ("chown", "chmod", "link", "exclude", "checksum", "keep-git-dir", "unpack")


def read_copy(line: Line, escape: str) -> Copy:
    """Return the COPY that *line* is."""
    flags = Flags(line, COPY_FLAGS)
    sources, destination, inline = _operands(line, escape)
    return Copy(
        line,
        sources,
        destination,
        inline,
        origin=flags.text("from"),
        owner=flags.text("chown"),
        mode=flags.text("chmod"),
        is_linked=bool(flags.switch("link")),
        keeps_parents=bool(flags.switch("parents")),
        excludes=tuple(text for _, text in flags.texts("exclude")),
    )


def read_add(line: Line, escape: str) -> Copy:
    """Return the ADD that *line* is."""
    flags = Flags(line, ADD_FLAGS)
    sources, destination, inline = _operands(line, escape)
    return Copy(
        line,
        sources,
        destination,
        inline,
        is_add=True,
        owner=flags.text("chown"),
        mode=flags.text("chmod"),
        is_linked=bool(flags.switch("link")),
        excludes=tuple(text for _, text in flags.texts("exclude")),
        checksum=flags.text("checksum"),
        keeps_git_directory=bool(flags.switch("keep-git-dir")),
        unpacks=flags.switch("unpack"),
    )


def _operands(line: Line, escape: str) -> tuple[tuple[Word, ...], Word, tuple[Heredoc, ...]]:
    words = list_of(line, escape)
    if len(words) < 2:
        raise missing(line, "at least two arguments")
    *sources, destination = words
    asked = {each.word for each in line.heredocs}
    if destination.text in asked:
        raise line.error(f"{line.keyword} cannot write to a here-document", at=destination.offset)
    named = tuple(each for each in sources if each.text not in asked)
    return named, destination, line.heredocs
