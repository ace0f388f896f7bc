"""
From the instructions of a stage and the config of its base to steps.

Pure: what a step is depends on the instructions before it and on the base's config, and never on
what a step did. So the plan of a stage is known before anything of it is done.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.build.ignore import parse_patterns
from engine.build.steps import ConfigStep, CopyStep, DirectoryStep, RunStep
from engine.dockerfile.effects import Effects, expanded
from engine.dockerfile.instructions import Arg, Command, Copy, Maintainer, Run, Workdir
from engine.dockerfile.modes import parse_mode
from engine.dockerfile.parser import parse
from engine.dockerfile.reading import read_instructions
from engine.dockerfile.words import expand, expand_document
from engine.errors import DockerfileError, InvalidDigest, InvalidExpansion, InvalidInput
from engine.oci.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from engine.build.ignore import IgnorePatterns
    from engine.build.scope import Scope
    from engine.build.stages import Stage, Stages
    from engine.build.steps import Step
    from engine.dockerfile.instructions import Instruction, RunMount
    from engine.dockerfile.parser import Heredoc, Line
    from engine.oci.config import ProcessDefaults

SHEBANG = "#!"


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of one stage, and the author that a MAINTAINER named."""

    steps: tuple[Step, ...]
    effects: Effects
    author: str = ""


@dataclass(frozen=True, slots=True)
class _Position:
    """Where the planning of a stage stands."""

    effects: Effects
    scope: Scope
    author: str = ""

    @property
    def variables(self) -> dict[str, str]:
        return self.scope.variables(self.effects)


def plan_stage(
    stage: Stage,
    stages: Stages,
    *,
    base: ProcessDefaults,
    scope: Scope,
    escape: str,
    network: str = "default",
    may_use_host_network: bool = True,
) -> Plan:
    """
    Return the steps of *stage* on an image that says *base*.

    The base's ONBUILD triggers come first, and are gone afterwards. Raises a `DockerfileError` that
    points at the word that is wrong.
    """
    planner = _Planner(stage, stages, network, may_use_host_network=may_use_host_network)
    position = _Position(Effects(replace(base, on_build=()), escape=escape), scope)
    steps: list[Step] = []
    for instruction in (*_triggers(base, escape), *stage.instructions):
        step, position = planner.step(instruction, position)
        steps.append(step)
    return Plan(tuple(steps), position.effects, position.author)


def _triggers(base: ProcessDefaults, escape: str) -> Iterator[Instruction]:
    for text in base.on_build:
        try:
            yield from read_instructions(parse(f"# escape={escape}\n{text}\n".encode()))
        except DockerfileError as error:
            reason = f"the base image's ONBUILD {text[:80]!r}: {error.reason}"
            raise DockerfileError(reason, remedy=error.remedy) from error


class _Planner:
    """Makes the steps of one stage."""

    def __init__(
        self, stage: Stage, stages: Stages, network: str, *, may_use_host_network: bool
    ) -> None:
        self._stage = stage
        self._stages = stages
        self._network = network
        self._may_use_host_network = may_use_host_network

    def step(self, instruction: Instruction, at: _Position) -> tuple[Step, _Position]:
        """Return the step that *instruction* is, and where planning stands after it."""
        if isinstance(instruction, Run):
            return self._run(instruction, at), at
        if isinstance(instruction, Copy):
            return self._copy(instruction, at), at
        effects = at.effects.after(instruction, at.variables)
        after = replace(at, effects=effects)
        if isinstance(instruction, Arg):
            after = replace(at, scope=at.scope.after(instruction, at.effects))
        elif isinstance(instruction, Maintainer):
            after = replace(at, author=instruction.name)
        words = _written(instruction.line)
        if isinstance(instruction, Workdir):
            path, user = effects.defaults.working_dir, at.effects.defaults.user
            by = f"WORKDIR {path}"
            return DirectoryStep(instruction.line, by, effects, path, user), after
        return ConfigStep(instruction.line, words, effects), after

    # --- RUN ------------------------------------------------------------------------------------

    def _run(self, run: Run, at: _Position) -> RunStep:
        _check_security(run)
        arguments, script = _executed(run, at.effects)
        given = at.scope.arguments(at.effects)
        env = [*at.effects.defaults.env, *(f"{name}={given[name]}" for name in sorted(given))]
        asked = run.network or "default"
        if asked == "host" and not self._may_use_host_network:
            reason = "--network=host is not allowed in this build"
            raise run.line.error(reason, remedy="Leave it out, or ask an admin to build it.")
        return RunStep(
            run.line,
            _run_words(arguments if script is None else run.command.words, given),
            at.effects,
            arguments,
            tuple(env),
            tuple(f"{name}={value}" for name, value in at.scope.proxies().items()),
            user=at.effects.defaults.user,
            working_dir=at.effects.defaults.working_dir or "/",
            mounts=tuple(self._mount(run, each, at) for each in run.mounts),
            network=self._network if asked == "default" else asked,
            script=script,
        )

    def _mount(self, run: Run, mount: RunMount, at: _Position) -> RunMount:
        options = [
            (name, _expanded_text(run.line, value, at, offset=mount.offset))
            for name, value in mount.options
        ]
        numbered = [(n, self._numbered(value) if n == "from" else value) for n, value in options]
        return replace(mount, options=tuple(numbered))

    def _numbered(self, origin: str) -> str:
        """Return the number of the stage *origin*, or the name of an image as it is."""
        found = self._stages.find(origin, before=self._stage.index)
        return str(found.index) if found is not None else origin

    # --- COPY and ADD ---------------------------------------------------------------------------

    def _copy(self, copy: Copy, at: _Position) -> CopyStep:
        line, variables, escape = copy.line, at.variables, at.effects.escape
        sources = [expanded(line, each, variables, escape) for each in copy.sources]
        destination = expanded(line, copy.destination, variables, escape)
        inline = tuple(_inline(each, at) for each in copy.inline)
        is_several = len(sources) + len(inline) > 1
        if is_several and not destination.endswith("/"):
            raise line.error(
                f"When using {line.keyword} with more than one source file, "
                "the destination must be a directory and end with a /",
                at=copy.destination.offset,
            )
        step = CopyStep(
            line,
            _written(line),
            at.effects,
            self._origin(copy),
            tuple(sources),
            absolute(at.effects.defaults.working_dir, destination),
            inline,
            is_add=copy.is_add,
            owner=_expanded_text(line, copy.owner, at),
            mode=_expanded_text(line, copy.mode, at),
            is_linked=copy.is_linked,
            keeps_parents=copy.keeps_parents,
            excludes=(patterns := tuple(_expanded_text(line, e, at) for e in copy.excludes)),
            ignored=_patterns(line, patterns),
            checksum=_expanded_text(line, copy.checksum, at),
            keeps_git_directory=copy.keeps_git_directory,
            unpacks=copy.unpacks,
        )
        _check_mode(step)
        _check_checksum(step)
        return step

    def _origin(self, copy: Copy) -> int | str | None:
        if not copy.origin:
            return None
        found = self._stages.find(copy.origin, before=self._stage.index)
        return found.index if found is not None else copy.origin


def absolute(working_dir: str, path: str) -> str:
    """Return *path* seen from *working_dir*; a slash at its end stays."""
    joined = posixpath.join("/", working_dir, path)
    cleaned = "/" + posixpath.normpath(joined).lstrip("/")
    is_directory = path.endswith(("/", "/.")) or path in {"", "."}
    return cleaned if cleaned == "/" or not is_directory else f"{cleaned}/"


def _check_security(run: Run) -> None:
    if run.security == "insecure":
        raise run.line.error(
            "--security=insecure is not allowed",
            remedy="Steps run as confined as containers without privileges: leave it out.",
        )


def _executed(run: Run, effects: Effects) -> tuple[tuple[str, ...], bytes | None]:
    """Return what is executed, and the file that it is if a here-document brings one."""
    if not run.heredocs or not run.command.is_shell:
        return effects.spelled(run.command), None
    first = run.heredocs[0]
    if run.command.words[0] == first.word:
        if first.content.startswith(SHEBANG):
            return (f"/dev/pipes/{first.name}",), first.content.encode()
        return effects.spelled(Command((first.content,), is_shell=True)), None
    parts = [run.command.words[0], *(f"{each.content}{each.name}" for each in run.heredocs)]
    return effects.spelled(Command(("\n".join(parts),), is_shell=True)), None


def _run_words(words: Sequence[str], given: Mapping[str, str]) -> str:
    arguments = [f"{name}={given[name]}" for name in sorted(given)]
    head = [f"|{len(arguments)}", *arguments] if arguments else []
    return " ".join(["RUN", *head, *words])


def _inline(heredoc: Heredoc, at: _Position) -> tuple[str, bytes]:
    if not heredoc.expands:
        return heredoc.name, heredoc.content.encode()
    text = expand_document(heredoc.content, at.variables, escape=at.effects.escape)
    return heredoc.name, text.encode()


def _expanded_text(line: Line, text: str, at: _Position, *, offset: int | None = None) -> str:
    try:
        return expand(text, at.variables, escape=at.effects.escape)
    except InvalidExpansion as error:
        place = line.offset if offset is None else offset
        raise line.source.error(InvalidExpansion, error.reason, offset=place) from error


def _patterns(line: Line, patterns: Sequence[str]) -> IgnorePatterns:
    try:
        return parse_patterns(list(patterns))
    except InvalidInput as error:
        raise line.flag_error("exclude", f": {error.message}") from error


def _check_mode(step: CopyStep) -> None:
    mode = step.mode
    if mode and parse_mode(mode) is None:
        remedy = "Write an octal mode, such as 0755, or a symbolic one, such as u=rwX,go=rX."
        reason = f": invalid chmod parameter: {mode[:40]!r}"
        raise step.line.flag_error("chmod", reason, remedy=remedy)


def _check_checksum(step: CopyStep) -> None:
    if not step.checksum:
        return
    try:
        Digest.parse(step.checksum)
    except InvalidDigest as error:
        reason = f": {error.message}"
        raise step.line.flag_error("checksum", reason, remedy=error.remedy) from error


def _written(line: Line) -> str:
    """Return the instruction as history tells it: in one line, its flags included."""
    flags = [f"--{f.name}" + ("" if f.value is None else f"={f.value}") for f in line.flags]
    return " ".join([line.keyword, *flags, line.rest.strip()])
