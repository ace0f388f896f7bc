"""
The program that a confined child runs; started by `engine.system.confined` and by nothing else.

It imports what it needs, enters its new root, gives up what it does not need, and from then on can
neither reach a file outside nor import a module: what a root contains must never run in here.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import resource
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

RESULT = 1
# Making files with any owner, mode, device number and attribute; SYS_ADMIN is for trusted.*.
_KEPT = {
    "CHOWN": 0,
    "DAC_OVERRIDE": 1,
    "FOWNER": 3,
    "FSETID": 4,
    "SYS_ADMIN": 21,
    "MKNOD": 27,
    "SETFCAP": 31,
}
_CAPABILITY_VERSION_3 = 0x20080522
_PR_SET_NO_NEW_PRIVS = 38


def main(arguments: list[str]) -> int:
    """Run the work named by *arguments* below its root and write what it answers as JSON."""
    repository, module, root, request = arguments
    sys.path.append(repository)
    errors = importlib.import_module("engine.errors")
    work = importlib.import_module(module)
    _enter(root)
    _give_up_privileges()
    try:
        answer = {"answer": work.main(json.loads(request))}
    except errors.EngineError as error:
        answer = _refusal(error)
    except OSError as error:
        answer = _refusal(errors.from_oserror(error, "write the files"))
    _write(answer)
    return 0


def _refusal(error: Any) -> dict[str, Any]:
    return {"error": error.code, "facts": _facts(error)}


def _facts(error: Exception) -> dict[str, Any]:
    message = str(error.args[0]) if error.args else ""
    return {"message": message, **{key: _plain(value) for key, value in vars(error).items()}}


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int) or value is None else str(value)


def _enter(root: str) -> None:
    os.chdir(root)
    os.chroot(".")
    os.umask(0)
    # From here on the root is somebody else's: nothing in it may ever be imported.
    sys.path.clear()
    sys.meta_path.clear()
    sys.path_hooks.clear()
    sys.path_importer_cache.clear()
    # Nor read as source text, to print it beside a traceback.
    sys.tracebacklimit = 0


def _give_up_privileges() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    held = (ctypes.c_uint32 * 6)()
    libc.capget(header, held)
    kept = sum(1 << number for number in _KEPT.values())
    # Two triples of effective, permitted, inheritable: capabilities 0 to 31, then the rest.
    kept &= held[1]
    wanted = (ctypes.c_uint32 * 6)(kept, kept, 0, 0, 0, 0)
    if libc.capset(header, wanted) != 0:
        raise OSError(ctypes.get_errno(), "cannot give up privileges")


def _write(answer: Mapping[str, Any]) -> None:
    content = memoryview(json.dumps(answer).encode())
    while content:
        content = content[os.write(RESULT, content) :]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
