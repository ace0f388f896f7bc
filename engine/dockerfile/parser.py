"""
From text to instructions: directives, comments, continuations, flags, here-documents.

Nothing is known here of what an instruction means, but for three things that its form depends on:
which instructions take here-documents, which take flags, and that ONBUILD holds another one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.dockerfile.source import Segment, Source
from engine.dockerfile.words import iter_words
from engine.errors import DockerfileError, MissingArgument

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES = 4 * 1024 * 1024
MAX_INSTRUCTIONS = 10_000
ESCAPES = ("\\", "`")
WITH_HEREDOCS = frozenset({"ADD", "COPY", "RUN"})

_DIRECTIVE = re.compile(r"#[ \t]*([a-zA-Z][a-zA-Z0-9]*)[ \t]*=[ \t]*(.*?)[ \t\r]*", re.DOTALL)
_FLAG = re.compile(r"--([a-zA-Z0-9][a-zA-Z0-9.-]*)?(=)?", re.ASCII)
HEREDOC_MARK = "<<"
_HEREDOC = re.compile(r"(\d*)<<(-?)([^<]*)", re.ASCII)
_KEYWORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Flag:
    """`--name=value` in front of an instruction's arguments; *value* is None without `=`."""

    name: str
    value: str | None
    offset: int


@dataclass(frozen=True, slots=True)
class Heredoc:
    """
    A here-document: what it is called and its content, tabs stripped if `<<-` asked for that.

    *expands* tells whether variables in it are expanded, which quotes around the name prevent.
    *word* is how it was asked for, for example `<<EOF`.
    """

    name: str
    content: str
    expands: bool
    word: str


@dataclass(frozen=True, slots=True)
class Line:
    """
    One instruction in its form: the *keyword* in capitals, flags, and the *rest* as written.

    *offset* is where the rest begins in the source's text.
    """

    keyword: str
    flags: tuple[Flag, ...]
    rest: str
    offset: int
    heredocs: tuple[Heredoc, ...]
    source: Source

    @property
    def told(self) -> str:
        """
        The instruction as it was written, for people, its continuations joined.

        Where a here-document is the whole program, its first line is told too.
        """
        if [self.rest.strip()] != [each.word for each in self.heredocs]:
            return self.source.text
        begin, *more = self.heredocs[0].content.strip().splitlines() or [""]
        return f"{self.source.text} ({begin}{'...' if more else ''})"

    def error(
        self,
        reason: str,
        *,
        at: int = 0,
        remedy: str = "",
        kind: type[DockerfileError] = DockerfileError,
    ) -> DockerfileError:
        """Return an error that points at the character *at* of the rest."""
        return self.source.error(kind, reason, offset=self.offset + at, remedy=remedy)

    def flag_error(self, name: str, reason: str, *, remedy: str = "") -> DockerfileError:
        """Return an error that points at the flag *name*; *reason* goes on after its name."""
        offset = next((each.offset for each in self.flags if each.name == name), self.offset)
        return self.source.error(DockerfileError, f"--{name}{reason}", offset=offset, remedy=remedy)


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """
    A parsed Dockerfile.

    *syntax* and *check* are what the directives of these names say, or empty. *warnings* are
    sentences for whoever wrote it.
    """

    escape: str
    syntax: str
    check: str
    lines: tuple[Line, ...]
    warnings: tuple[str, ...] = ()


def parse(content: bytes) -> Dockerfile:
    """Return the Dockerfile that *content* spells; raise a `DockerfileError`."""
    if len(content) > MAX_BYTES:
        raise DockerfileError(f"it is larger than {MAX_BYTES // 1024 // 1024} MiB")
    text = content.removeprefix(b"\xef\xbb\xbf").decode(errors="replace")
    reader = _Reader([each.removesuffix("\r") for each in text.split("\n")])
    reader.read_directives()
    lines = tuple(reader.iter_lines())
    if not lines:
        raise MissingArgument("file with no instructions", remedy="Begin it with FROM.")
    found = reader.directives
    return Dockerfile(
        reader.escape,
        found.get("syntax", ""),
        found.get("check", ""),
        lines,
        tuple(reader.warnings),
    )


def parse_trigger(line: Line, *, escape: str = "\\") -> Line:
    """Return the instruction that an ONBUILD *line* holds."""
    return _cut(line.source, line.offset, line.heredocs, escape)


class _Reader:
    """Goes through the lines of a file once."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._index = 0
        self.escape = ESCAPES[0]
        self.directives: dict[str, str] = {}
        self.warnings: list[str] = []

    def read_directives(self) -> None:
        """Read the directives at the head; the first line that is none ends them."""
        while self._index < len(self._lines):
            match = _DIRECTIVE.fullmatch(self._lines[self._index].strip(" \t"))
            name = match[1].lower() if match else ""
            if match is None or name not in {"syntax", "escape", "check"}:
                return
            if name in self.directives:
                raise self._complain(f"only one {name} parser directive can be used")
            self.directives[name] = match[2]
            if name == "escape":
                self._set_escape(match[2])
            self._index += 1

    def _set_escape(self, value: str) -> None:
        if value not in ESCAPES:
            raise self._complain(f"invalid ESCAPE {value!r}", remedy="It must be ` or \\.")
        self.escape = value

    def iter_lines(self) -> Iterator[Line]:
        """Yield each instruction."""
        count = 0
        while self._index < len(self._lines):
            written = self._lines[self._index]
            if _is_skipped(written):
                self._index += 1
                continue
            count += 1
            if count > MAX_INSTRUCTIONS:
                raise self._complain(f"it has more than {MAX_INSTRUCTIONS} instructions")
            yield self._read_line()

    def _read_line(self) -> Line:
        first = self._index
        text, segments = self._join()
        line = _cut(self._source(first, text, segments), 0, (), self.escape)
        heredocs = tuple(self._read_heredocs(line)) if HEREDOC_MARK in text else ()
        if not heredocs:
            return line
        return _cut(self._source(first, text, segments), 0, heredocs, self.escape)

    def _source(self, first: int, text: str, segments: tuple[Segment, ...]) -> Source:
        lines = tuple(self._lines[first : self._index])
        return Source(text, segments, lines, first + 1, self._index)

    def _join(self) -> tuple[str, tuple[Segment, ...]]:
        """Read a line with its continuations and return it as one."""
        ending = re.compile(rf"(?:(?<!{re.escape(self.escape)})|^){re.escape(self.escape)}[ \t]*$")
        parts: list[str] = []
        segments: list[Segment] = []
        size = 0
        while self._index < len(self._lines):
            line = self._lines[self._index]
            self._index += 1
            if parts and _is_skipped(line):
                self._warn_of_empty(line)
                continue
            column = 1 if parts else 1 + len(line) - len(line.lstrip())
            kept = line if parts else line.lstrip()
            continued = ending.search(kept)
            part = kept[: continued.start()] if continued else kept
            segments.append(Segment(size, self._index, column))
            parts.append(part)
            size += len(part)
            if continued is None:
                break
        return "".join(parts).rstrip(), tuple(segments)

    def _warn_of_empty(self, line: str) -> None:
        if not line.strip():
            self.warnings.append(f"line {self._index}: empty line in a continued instruction")

    def _read_heredocs(self, line: Line) -> Iterator[Heredoc]:
        is_trigger = line.keyword == "ONBUILD"
        inner = parse_trigger(line, escape=self.escape) if is_trigger and line.rest else line
        if inner.keyword not in WITH_HEREDOCS or inner.rest.lstrip().startswith("["):
            return
        for offset, word in iter_words(inner.rest, escape=self.escape):
            match = _HEREDOC.fullmatch(word)
            if match is not None and (name := _plain_name(match[3])):
                yield self._read_heredoc(inner, offset, match, name)

    def _read_heredoc(self, line: Line, offset: int, match: re.Match[str], name: str) -> Heredoc:
        chomps = match[2] == "-"
        content: list[str] = []
        while self._index < len(self._lines):
            written = self._lines[self._index]
            self._index += 1
            kept = written.lstrip("\t") if chomps else written
            if kept == name:
                expands = not set(match[3]) & set("'\"")
                return Heredoc(name, "".join(f"{each}\n" for each in content), expands, match[0])
            content.append(kept)
        raise line.error(
            "unterminated heredoc", at=offset, remedy=f"End it with a line that is just {name}."
        )

    def _complain(self, reason: str, remedy: str = "") -> DockerfileError:
        number = self._index + 1
        written = self._lines[self._index]
        return DockerfileError(reason, line=number, column=1, source=written, remedy=remedy)


def _is_skipped(line: str) -> bool:
    stripped = line.strip()
    return not stripped or stripped.startswith("#")


def _plain_name(text: str) -> str:
    """Return a here-document's name without its quotes, or nothing if it is none."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        text = text[1:-1]
    return "" if set(text) & set("'\" \t") else text


def _cut(source: Source, begin: int, heredocs: tuple[Heredoc, ...], escape: str) -> Line:
    """Return the instruction that begins at *begin* of the source's text, cut into its parts."""
    match = _KEYWORD.search(source.text, begin)
    if match is None:
        raise source.error(MissingArgument, "an instruction is missing", offset=begin)
    offset = _after_blanks(source.text, match.end())
    flags: list[Flag] = []
    if match[0].upper() != "ONBUILD":
        while (found := _flag_at(source.text, offset, escape)) is not None:
            if found[0] is not None:
                flags.append(found[0])
            offset = _after_blanks(source.text, found[1])
            if found[0] is None:
                break
    rest = source.text[offset:]
    return Line(match[0].upper(), tuple(flags), rest, offset, heredocs, source)


def _after_blanks(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _flag_at(text: str, offset: int, escape: str) -> tuple[Flag | None, int] | None:
    """Return the flag at *offset* and where it ends; no flag but an end for a lone `--`."""
    match = _FLAG.match(text, offset)
    if match is None:
        return None
    end = _end_of_word(text, offset, escape)
    if match[1] is None:
        return (None, end) if text[offset:end] == "--" else None
    if match[2] is None:
        return (Flag(match[1], None, offset), end) if end == match.end() else None
    return Flag(match[1], text[match.end() : end], offset), end


def _end_of_word(text: str, offset: int, escape: str) -> int:
    begin, word = next(iter_words(text, begin=offset, escape=escape), (offset, ""))
    return begin + len(word)
