"""What a job that builds needs of the engine: the request, the context, and what went wrong."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from engine.build.intake import CONTEXT_LIMITS
from engine.build.remote import parse_git
from engine.build.request import BuildRequest
from engine.errors import DockerfileError, LimitExceeded, StepFailed
from engine.oci.reference import Reference
from workers.uploads import Uploads

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dashboard.arguments import BuildImage
    from engine.build.context import BuildContext
    from engine.engine import Engine
    from engine.progress import Cancellation
    from workers.work import BuildFailure

# Of a Dockerfile, enough to see the failing line in its place.
AROUND = 25
MAX_LINE = 400


def request_of(told: BuildImage, *, may_reach: bool, secrets: Mapping[str, str]) -> BuildRequest:
    """
    Return what the engine is asked for; the state before a step that fails is kept.

    Only who *may_reach* into the host has its network while building.
    """
    return BuildRequest(
        dockerfile=told.dockerfile,
        arguments=told.build_args,
        labels=told.labels,
        secrets={name: value.encode() for name, value in secrets.items()},
        network=told.network or "default",
        tags=tuple(Reference.parse(tag) for tag in told.tags),
        target=told.target,
        use_cache=not told.no_cache,
        always_pull=told.pull,
        keep_failed=True,
        may_use_host_network=may_reach,
    )


@contextmanager
def context_of(
    engine: Engine, told: BuildImage, cancellation: Cancellation
) -> Iterator[BuildContext]:
    """Open what is built of; an upload stays where it is until `Uploads.discard`."""
    if told.text:
        with engine.builds.context_of_dockerfile(told.text.encode()) as context:
            yield context
    elif told.git:
        with engine.builds.context_of_git(
            parse_git(told.git), cancellation=cancellation
        ) as context:
            yield context
    else:
        with Uploads(engine.paths.uploads).opened(told.upload) as stream:
            limit = CONTEXT_LIMITS.unpacked_bytes
            if os.fstat(stream.fileno()).st_size > limit:
                raise LimitExceeded("the build context", limit=limit, field="upload")
            with engine.builds.context_of_upload(stream, cancellation=cancellation) as context:
                yield context


def failure_of(error: StepFailed | DockerfileError, dockerfile: bytes) -> BuildFailure:
    """Return what a page shows of *error*, inside the lines of *dockerfile* around it."""
    told: BuildFailure = {
        "line": error.line,
        "last_line": error.line,
        "column": 0,
        "reason": error.message,
        "exit_code": None,
        "tail": "",
        "kept_image": error.kept_image,
        "lines": _lines_around(error.line, dockerfile),
    }
    if isinstance(error, StepFailed):
        reason = f"Its program ended with exit code {error.exit_code}"
        return {**told, "reason": reason, "exit_code": error.exit_code, "tail": error.tail}
    return {**told, "last_line": error.last_line, "column": error.column, "reason": error.reason}


def _lines_around(line: int, dockerfile: bytes) -> list[tuple[int, str]]:
    lines = dockerfile.decode(errors="replace").splitlines()
    first = max(0, line - 1 - AROUND)
    shown = lines[first : line + AROUND]
    return [(number, text[:MAX_LINE]) for number, text in enumerate(shown, first + 1)]
