"""Running other programs, with lists of words and never a shell."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from workers.host.errors import ProgramFailed

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TAIL_BYTES = 4000


def find_program(name: str) -> Path | None:
    """Return where the program *name* stands, `sbin` included whatever the caller's PATH."""
    path = f"{os.environ.get('PATH', '')}{os.pathsep}{SYSTEM_PATH}"
    found = shutil.which(name, path=path)
    return Path(found) if found else None


def run_program(
    argv: Sequence[str | os.PathLike[str]],
    *,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    remedy: str = "",
) -> str:
    """
    Run *argv* to its end and return what it wrote on standard output.

    Raises `ProgramFailed` with the end of its output when it returns non-zero. Standard input is
    empty: nothing that we run may ask questions.
    """
    done = subprocess.run(
        argv,
        check=False,
        env=environment,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    if done.returncode != 0:
        tail = (done.stdout + done.stderr)[-TAIL_BYTES:]
        name = Path(argv[0]).name
        raise ProgramFailed(name, exit_code=done.returncode, tail=tail, remedy=remedy)
    return done.stdout


def hand_over(
    argv: Sequence[str | os.PathLike[str]],
    *,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> int:
    """
    Run *argv* on our own terminal and return its exit code.

    Ctrl-C reaches it through the terminal; we wait for its own way of ending.
    """
    with subprocess.Popen(argv, env=environment, cwd=directory) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue
