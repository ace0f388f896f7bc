"""`./shipshape manage`: Django's own administration, in the environment of a stack."""

import os
from collections.abc import Sequence

from workers.host.checkout import CHECKOUT, PYTHON
from workers.host.errors import HostError
from workers.host.launch import confined
from workers.host.options import make_parser, stack_of
from workers.host.programs import hand_over
from workers.host.stack import Stack, render_environment

STACK_OPTIONS = frozenset({"--root", "--run", "--data"})


def manage(arguments: Sequence[str]) -> int:
    """
    Run manage.py with *arguments* and return its exit code.

    As root it runs as the product's unprivileged user, so that no file of the database comes to
    belong to root; with SHIPSHAPE_DEBUG=1, in development, as whoever calls it.
    """
    ours, words = split_options(arguments)
    stack = stack_of(make_parser("manage", "Django's manage.py.").parse_args(ours)).with_record()
    environment = render_environment(stack, os.environ)
    if os.environ.get("SHIPSHAPE_DEBUG") == "1" or os.geteuid() != 0:
        argv = [str(PYTHON), "manage.py", *words]
    else:
        _require_prepared(stack)
        argv = confined(["python", "manage.py", *words])
    return hand_over(argv, environment=environment, directory=CHECKOUT)


def split_options(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the leading options that name a stack, and the rest, which is Django's."""
    count = 0
    while count < len(arguments) and arguments[count].partition("=")[0] in STACK_OPTIONS:
        count += 1 if "=" in arguments[count] else 2
    return list(arguments[:count]), list(arguments[count:])


def _require_prepared(stack: Stack) -> None:
    if not stack.secrets.is_dir() or not stack.checkout_view.is_dir():
        raise HostError(
            f"There is no product in {stack.run} yet.", remedy="Start it once: ./shipshape up"
        )
