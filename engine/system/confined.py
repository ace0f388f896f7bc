"""
Work on untrusted bytes, done by a child process that has a directory as its root.

The child is a fresh interpreter rather than a fork of this process: the workers run many threads,
and a fork of such a process may hang on a lock that some other thread held. A fresh one costs about
30 ms, knows nothing of this process's memory or descriptors, and can be killed at any time. It is
started isolated (no environment, no site packages) and imports the standard library and the
engine only.
"""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from engine.errors import SystemFailure, from_oserror

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from _typeshed import ReadableBuffer

_REPOSITORY = Path(__file__).resolve().parent.parent.parent
_PROGRAM = Path(__file__).with_name("confined_main.py")
_PIPE_BYTES = 1 << 20
_ANSWER_BYTES = 256 << 20
_LAST_WORDS_BYTES = 4096


class ChildFailed(Exception):
    """The child ended without an answer; *last_words* are what it wrote to its standard error."""

    def __init__(self, status: int, last_words: str) -> None:
        super().__init__(
            f"ended with {status}: {last_words}" if last_words else f"ended with {status}"
        )
        self.status = status
        self.last_words = last_words


class Confined:
    """
    A child that runs `main(request)` of *module* with *root* as its root; use it as a context.

    It reads what is `feed`-ed to it from its standard input. The files *outputs*, made anew, are
    open for it to write: `request["outputs"]` says which descriptor is which. However the block
    ends, the child has ended and been waited for afterwards.
    """

    def __init__(
        self,
        module: str,
        *,
        root: Path,
        request: Mapping[str, Any],
        outputs: Mapping[str, Path] | None = None,
    ) -> None:
        program = [sys.executable, "-I", "-S", str(_PROGRAM), str(_REPOSITORY), module, str(root)]
        with ExitStack() as opened:
            try:
                given = {
                    name: opened.enter_context(path.open("wb", buffering=0)).fileno()
                    for name, path in (outputs or {}).items()
                }
                self._process = subprocess.Popen(
                    [*program, json.dumps({**request, "outputs": given})],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    bufsize=0,
                    env={"LC_ALL": "C.UTF-8"},
                    pass_fds=tuple(given.values()),
                )
            except OSError as error:
                raise from_oserror(error, "start a confined child") from error
        _widen(self._process.stdin)

    @property
    def pid(self) -> int:
        """The child's process ID."""
        return self._process.pid

    def feed(self, content: ReadableBuffer) -> bool:
        """Hand *content* to the child; False if the child has ended and takes no more."""
        rest = memoryview(content)
        assert self._process.stdin is not None
        try:
            while rest:
                rest = rest[self._process.stdin.write(rest) :]
        except BrokenPipeError:
            return False
        return True

    def finish(self) -> dict[str, Any]:
        """
        Tell the child that nothing more comes, and return its answer.

        That is `{"answer": …}` or `{"error": code, "facts": {…}}`. Raises `ChildFailed` if it ended
        without one, for example because it was killed.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        content = _read_all(self._process.stdout, _ANSWER_BYTES)
        last_words = self._last_words()
        status = self._process.wait()
        if status != 0 or not content:
            raise ChildFailed(status, last_words)
        answer: dict[str, Any] = json.loads(content)
        return answer

    def kill(self) -> None:
        """End the child at once, if it still runs."""
        self._process.kill()

    def _last_words(self) -> str:
        assert self._process.stderr is not None
        words = self._process.stderr.read(_LAST_WORDS_BYTES) or b""
        return words.decode(errors="replace").strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()


def _read_all(stream: Any, limit: int) -> bytes:
    pieces: list[bytes] = []
    length = 0
    while piece := stream.read(1 << 16):
        length += len(piece)
        if length > limit:
            raise SystemFailure("a confined child answered more than it may")
        pieces.append(piece)
    return b"".join(pieces)


def _widen(pipe: Any) -> None:
    # A wide pipe lets both sides work for a while before they must wait for each other.
    try:
        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    except OSError:
        return  # the user's pipe quota is used up; it works the same, only slower
