"""Applying a layer: its bytes in, a directory in overlayfs's form out."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from engine.errors import (
    DiffIDMismatch,
    EngineError,
    InvalidLayer,
    LimitExceeded,
    OutOfSpace,
    SystemFailure,
    UnsafePath,
)
from engine.layers.index import INDEX
from engine.layers.limits import DEFAULT_LIMITS, Limits
from engine.layers.recipe import RECIPE
from engine.oci.digest import DiffID, Digest
from engine.progress import NEVER, Cancellation
from engine.system.confined import ChildFailed, Confined

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

CHILD = "engine.layers.apply_child"
_CHUNK = 1 << 20


class UnpackedBytes(Protocol):
    """Unpacked bytes that know how many packed ones they took (`compression.LayerStream`)."""

    @property
    def packed_bytes(self) -> int:
        """How many packed bytes were read so far."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to *size* bytes; none at the end."""


@dataclass(frozen=True, slots=True)
class AppliedLayer:
    """
    What one layer left in its directory.

    *size* is what it occupies, as du(1) counts, *unpacked_bytes* the length of its tar. What only
    the layers below can tell is still open: mode and owner of the *implied* directories, the
    *links* (path to target) whose target is not in this layer, and, if *is_opaque*, all that the
    root hides.
    """

    diff_id: Digest
    size: int
    entries: int
    unpacked_bytes: int = 0
    implied: tuple[str, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    is_opaque: bool = False

    def render(self) -> str:
        """Return this as JSON."""
        return json.dumps({**asdict(self), "diff_id": str(self.diff_id)})

    @classmethod
    def parse(cls, text: str) -> AppliedLayer:
        """Return what `render` wrote."""
        fields = json.loads(text)
        diff_id = Digest.parse(fields.pop("diff_id"))
        return cls(diff_id=diff_id, **{**fields, "implied": tuple(fields["implied"])})


def apply_layer(
    source: UnpackedBytes,
    *,
    target: Path,
    notes: Path,
    expected: DiffID | None = None,
    with_recipe: bool = False,
    limits: Limits = DEFAULT_LIMITS,
    on_progress: Callable[[int], None] = lambda _: None,
    cancellation: Cancellation = NEVER,
) -> AppliedLayer:
    """
    Write the layer whose tar *source* yields into the empty directory *target*.

    Afterwards *target* holds the layer, and its bytes had the digest *expected* if one is given;
    the directory *notes* holds its index and, *with_recipe*, how to make the same tar again. If
    anything is wrong, the error says what, and what was written so far is the caller's to remove:
    `InvalidLayer`, `UnsafePath`, `LimitExceeded`, `DiffIDMismatch`, or a `SystemFailure` of this
    host. *on_progress* is told how many unpacked bytes were taken.
    """
    request = {"limits": list(limits)}
    outputs = {name: notes / name for name in (INDEX, *([RECIPE] if with_recipe else []))}
    with Confined(CHILD, root=target, request=request, outputs=outputs) as child:
        actual, taken = _feed(child, source, limits, on_progress, cancellation)
        answer = _answer(child)
    if expected is not None and actual != expected:
        raise DiffIDMismatch(expected=expected, actual=actual)
    return AppliedLayer(
        diff_id=actual,
        unpacked_bytes=taken,
        size=answer["size"],
        entries=answer["entries"],
        implied=tuple(answer["implied"]),
        links=answer["links"],
        is_opaque=answer["is_opaque"],
    )


def _feed(
    child: Confined,
    source: UnpackedBytes,
    limits: Limits,
    on_progress: Callable[[int], None],
    cancellation: Cancellation,
) -> tuple[Digest, int]:
    """Give *child* what *source* yields, as long as it takes it; return the digest and length."""
    hasher, taken = hashlib.sha256(usedforsecurity=False), 0
    while content := source.read(_CHUNK):
        cancellation.check()
        hasher.update(content)
        taken += len(content)
        limits.check_unpacked(taken, source.packed_bytes)
        if not child.feed(content):
            break
        on_progress(taken)
    cancellation.check()
    return Digest(hasher.hexdigest()), taken


def _answer(child: Confined) -> dict[str, Any]:
    try:
        reply = child.finish()
    except ChildFailed as error:
        raise SystemFailure(f"cannot unpack the layer: the child {error}") from error
    if "error" in reply:
        raise _rebuilt(reply["error"], reply["facts"])
    answer: dict[str, Any] = reply["answer"]
    return answer


def _rebuilt(code: str, facts: Mapping[str, Any]) -> EngineError:
    """Return the error that the child raised, from its code and its attributes."""
    if code == UnsafePath.code:
        return UnsafePath(facts["path"], facts["reason"])
    if code == InvalidLayer.code:
        return InvalidLayer(facts["reason"], entry=facts["entry"])
    if code == LimitExceeded.code:
        return LimitExceeded(
            facts["what"], limit=facts["limit"], field="layer", remedy=facts["remedy"]
        )
    if code == OutOfSpace.code:
        return OutOfSpace("the layer's files")
    return SystemFailure(facts["message"])
