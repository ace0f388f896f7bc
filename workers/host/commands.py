"""From the words on the command line to the function that does it."""

import importlib
from collections.abc import Callable, Sequence

from workers.host.console import say, warn
from workers.host.errors import HostError

USAGE = """\
usage: ./shipshape COMMAND [options]

  up        set up what is missing, start the product, print its address
  down      stop it; containers go on
  status    what runs, since when, with how much memory
  doctor    what is wrong with this machine or this product, and what to do
  manage    Django's manage.py, in the product's environment
  run       become one process of the Procfile, in a container of its own
  engine    the engine's own command line
  test      set up what the tests need and run them
  check     format, lint, types, import contracts, templates
  bench     measurements: bench NAME [--json FILE]
  setup     only set up what `up` needs

`./shipshape COMMAND --help` tells the options of a command."""


def main(arguments: Sequence[str]) -> int:
    """Run the command that *arguments* name and return its exit code."""
    name, *rest = arguments or ["--help"]
    if name in {"-h", "--help", "help"}:
        say(USAGE)
        return 0
    command = find_command(name)
    if command is None:
        warn(f"shipshape: there is no command {name!r}\n\n{USAGE}")
        return 2
    try:
        return command(rest)
    except HostError as e:
        warn(f"shipshape: {e.problem}")
        if e.remedy:
            warn(e.remedy)
        return 1
    except KeyboardInterrupt:
        return 130


PLACES = {
    "up": "workers.host.up:up",
    "setup": "workers.host.up:setup",
    "down": "workers.host.down:down",
    "status": "workers.host.status:status",
    "doctor": "workers.host.diagnosis:doctor",
    "manage": "workers.host.django:manage",
    "run": "workers.host.launch:run",
    "engine": "workers.host.engine_command:engine",
    "test": "workers.host.testing:run_tests",
    "check": "workers.host.quality:run_checks",
    "bench": "workers.host.bench:bench",
}
"""Where each command is; imported only when asked for, so that none waits for another's imports."""


def find_command(name: str) -> Callable[[Sequence[str]], int] | None:
    """Return the function behind the command *name*, or None if there is none."""
    if name not in PLACES:
        return None
    module, _, function = PLACES[name].partition(":")
    command: Callable[[Sequence[str]], int] = getattr(importlib.import_module(module), function)
    return command
