"""
The instructions of a Dockerfile, typed.

Words are as they were written: whoever knows the variables at that point expands those that the
reference says are expanded. Each instruction keeps the `Line` that it was read from, which knows
where it stands. Values that exist have the right form; `reading` makes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.dockerfile.parser import Heredoc, Line


@dataclass(frozen=True, slots=True)
class Word:
    """A raw word, and where it begins in the rest of its line."""

    text: str
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Pair:
    """`name=value`; *value* is None where there is no `=`, which only ARG allows."""

    name: Word
    value: Word | None


@dataclass(frozen=True, slots=True)
class Command:
    """What is run: the words of the exec form, or the one line of the shell form."""

    words: tuple[str, ...]
    is_shell: bool


@dataclass(frozen=True, slots=True)
class From:
    """Begin a stage on an image, on an earlier stage, or on nothing (`scratch`)."""

    line: Line
    base: Word
    platform: str
    name: str


@dataclass(frozen=True, slots=True)
class Arg:
    """Declare build arguments, each with its default."""

    line: Line
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Env:
    """Set variables for what follows and for the image."""

    line: Line
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Label:
    """Set labels of the image."""

    line: Line
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class RunMount:
    """`RUN --mount=…`: its kind and its options, unexpanded."""

    kind: str
    options: tuple[tuple[str, str], ...]
    offset: int

    def get(self, *names: str) -> str | None:
        """Return the value of the first of *names* that is given; '' for one without a value."""
        found = dict(self.options)
        return next((found[name] for name in names if name in found), None)


@dataclass(frozen=True, slots=True)
class Run:
    """Run a command in the stage and keep what it changes."""

    line: Line
    command: Command
    mounts: tuple[RunMount, ...]
    network: str
    security: str
    heredocs: tuple[Heredoc, ...]


@dataclass(frozen=True, slots=True)
class Copy:
    """
    Copy files into the stage: COPY, and ADD where *is_add*.

    *origin* is the stage or image of `--from`. *inline* are the here-documents among the sources.
    """

    line: Line
    sources: tuple[Word, ...]
    destination: Word
    inline: tuple[Heredoc, ...] = ()
    is_add: bool = False
    origin: str = ""
    owner: str = ""
    mode: str = ""
    is_linked: bool = False
    keeps_parents: bool = False
    excludes: tuple[str, ...] = ()
    checksum: str = ""
    keeps_git_directory: bool = False
    unpacks: bool | None = None


@dataclass(frozen=True, slots=True)
class Cmd:
    """Set the default command."""

    line: Line
    command: Command


@dataclass(frozen=True, slots=True)
class Entrypoint:
    """Set what the command is given to."""

    line: Line
    command: Command


@dataclass(frozen=True, slots=True)
class Shell:
    """Set the shell of the shell form."""

    line: Line
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Expose:
    """Tell which ports the image listens on."""

    line: Line
    ports: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Volume:
    """Tell which directories hold data that outlives containers."""

    line: Line
    paths: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class User:
    """Set who runs what follows."""

    line: Line
    user: Word


@dataclass(frozen=True, slots=True)
class Workdir:
    """Set the directory in which what follows runs."""

    line: Line
    path: Word


@dataclass(frozen=True, slots=True)
class StopSignal:
    """Set the signal that asks a container to end."""

    line: Line
    signal: Word


@dataclass(frozen=True, slots=True)
class HealthcheckOptions:
    """Times in nanoseconds; 0 means the default."""

    interval: int = 0
    timeout: int = 0
    start_period: int = 0
    start_interval: int = 0
    retries: int = 0


@dataclass(frozen=True, slots=True)
class Healthcheck:
    """Set how a container is looked after; *command* None switches it off."""

    line: Line
    command: Command | None
    options: HealthcheckOptions


@dataclass(frozen=True, slots=True)
class Onbuild:
    """Leave an instruction for the build that stands on this image."""

    line: Line
    trigger: Instruction
    text: str


@dataclass(frozen=True, slots=True)
class Maintainer:
    """Name the author, as one did before labels."""

    line: Line
    name: str


Instruction = (
    From
    | Arg
    | Env
    | Label
    | Run
    | Copy
    | Cmd
    | Entrypoint
    | Shell
    | Expose
    | Volume
    | User
    | Workdir
    | StopSignal
    | Healthcheck
    | Onbuild
    | Maintainer
)
