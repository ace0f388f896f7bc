"""What a client is told when something cannot be done: one mapping from errors to answers."""

from __future__ import annotations

import os
from functools import singledispatch

from engine.errors import (
    CommandNotFound,
    ContainerNotFound,
    DockerfileError,
    EndpointExists,
    EngineError,
    ImageHasSeveralNames,
    ImageInUse,
    ImageNotFound,
    InvalidReference,
    InvalidSetting,
    MountFailed,
    NameTaken,
    NetworkInUse,
    NetworkPredefined,
    PoolOverlaps,
    ReadOnlyPath,
    RuntimeFailed,
    SourceNotFound,
    StepFailed,
    SubpathNotFound,
)
from engine.oci.reference import DEFAULT_REGISTRY

STATUS_BY_KIND: dict[str, int] = {
    "invalid-input": 400,
    "not-found": 404,
    "already-exists": 409,
    "wrong-state": 409,
    "unsupported": 501,
}
"""What is not named here is a failure of this host or of a registry: 500, as docker has it."""

NO_MANAGER = (
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect '
    "this node to swarm and try again."
)
_DEFAULT_HOST = f"(at {DEFAULT_REGISTRY})"


class Refusal(Exception):
    """An answer that is an error, in docker's words; *exit_code* is a build step's."""

    def __init__(self, status: int, message: str, *, exit_code: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.exit_code = exit_code


def internal_error() -> Refusal:
    """Return the answer where something went wrong that should not, which the log tells of."""
    return Refusal(500, "internal error; see the log of the API server")


@singledispatch
def refusal_of(error: EngineError) -> Refusal:
    """Return how docker would tell of *error*; what the host can do about a failure is added."""
    tells = error.remedy and error.kind not in STATUS_BY_KIND
    message = f"{error.message}. {error.remedy}" if tells else error.message
    return Refusal(STATUS_BY_KIND.get(error.kind, 500), message)


@refusal_of.register
def _(error: StepFailed) -> Refusal:
    return Refusal(500, error.message, exit_code=error.exit_code)


@refusal_of.register
def _(error: DockerfileError) -> Refusal:
    lines = [error.message]
    if error.source:
        lines += ["", f"  {error.source}", f"  {' ' * (error.column - 1)}^"]
    return Refusal(400, "\n".join([*lines, *([error.remedy] if error.remedy else [])]))


@refusal_of.register
def _(error: ContainerNotFound) -> Refusal:
    return Refusal(404, f"No such container: {error.name}")


@refusal_of.register
def _(error: ImageNotFound) -> Refusal:
    if error.message.endswith("(on this host)"):
        return Refusal(404, f"No such image: {error.name}")
    if _DEFAULT_HOST in error.message:
        return Refusal(
            404,
            f"pull access denied for {without_tag(error.name)}, repository does not exist or may "
            "require 'docker login': denied: requested access to the resource is denied",
        )
    return Refusal(404, f"manifest for {error.name} not found: manifest unknown: manifest unknown")


@refusal_of.register
def _(error: InvalidReference) -> Refusal:
    return Refusal(400, f"invalid reference format: {error.reason}")


@refusal_of.register
def _(error: InvalidSetting) -> Refusal:
    # Docker's sentences stand without the name of a field before them; ours may be half of one.
    is_whole = error.reason.partition(" ")[0] not in _BEGINS_IN_THE_MIDDLE
    return Refusal(400, error.reason if is_whole else error.message)


_BEGINS_IN_THE_MIDDLE = frozenset({"must", "holds", "has", "is", "cannot", "names"})


@refusal_of.register
def _(error: NameTaken) -> Refusal:
    return Refusal(
        409,
        f'Conflict. The container name "/{error.name}" is already in use by container '
        f'"{error.holder}". You have to remove (or rename) that container to be able to reuse '
        "that name.",
    )


@refusal_of.register(EndpointExists)
@refusal_of.register(NetworkInUse)
@refusal_of.register(NetworkPredefined)
@refusal_of.register(PoolOverlaps)
@refusal_of.register(ReadOnlyPath)
def _(error: EngineError) -> Refusal:
    return Refusal(403, error.message)


@refusal_of.register
def _(error: SourceNotFound) -> Refusal:
    return Refusal(400, error.message)


@refusal_of.register
def _(error: SubpathNotFound) -> Refusal:
    return Refusal(400, error.message)


@refusal_of.register
def _(error: ImageInUse) -> Refusal:
    return Refusal(409, error.message)


@refusal_of.register
def _(error: ImageHasSeveralNames) -> Refusal:
    return Refusal(
        409,
        f"conflict: unable to delete {error.image} (must be forced) - image is referenced in "
        "multiple repositories",
    )


@refusal_of.register
def _(error: CommandNotFound) -> Refusal:
    return Refusal(
        400,
        "failed to create shim task: OCI runtime create failed: runc create failed: unable to "
        "start container process: "
        f'exec: "{error.command}": {error.reason}: unknown',
    )


@refusal_of.register
def _(error: MountFailed) -> Refusal:
    if not error.device:
        return Refusal(500, error.message)
    why = os.strerror(error.errno or 0).lower()
    return Refusal(
        500,
        f"error while mounting volume '{error.target}': failed to mount local volume: "
        f"mount {error.device}:{error.target}: {why}",
    )


@refusal_of.register
def _(error: RuntimeFailed) -> Refusal:
    attempt = _ATTEMPTS.get(error.verb)
    hint = MIXED_UP if "not a directory" in error.stderr else ""
    return Refusal(500, f"{attempt}{error.stderr}: unknown{hint}" if attempt else error.message)


MIXED_UP = (
    ": Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified "
    "host path exists and is the expected type"
)
# The verb is the runtime's; what stands before its last words is what scripts look for.
_ATTEMPTS = {
    "create": "failed to create shim task: OCI runtime create failed: ",
    "exec in": "OCI runtime exec failed: ",
}


def without_tag(name: str) -> str:
    """Return *name*, of an image, without tag and digest; the port of a registry stays."""
    plain = name.partition("@")[0]
    head, colon, tag = plain.rpartition(":")
    return head if colon and "/" not in tag else plain
