"""The options that say which stack is meant, the same for every command."""

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from workers.host.stack import (
    DEFAULT_BIND,
    DEFAULT_DATA,
    DEFAULT_PORT,
    DEFAULT_ROOT,
    DEFAULT_RUN,
    Stack,
    check_stack,
    default_host,
)


def make_parser(command: str, description: str) -> argparse.ArgumentParser:
    """Return a parser that knows the directories of a stack; commands add their own options."""
    parser = argparse.ArgumentParser(
        prog=f"./shipshape {command}", description=description, allow_abbrev=False
    )
    add = parser.add_argument
    add("--root", type=Path, help=f"images and containers (default {DEFAULT_ROOT})")
    add("--run", type=Path, help=f"sockets; names the stack (default {DEFAULT_RUN})")
    add("--data", type=Path, help=f"database and secrets (default {DEFAULT_DATA})")
    return parser


def add_address_options(parser: argparse.ArgumentParser) -> None:
    """Let *parser* also take what only a start decides."""
    add = parser.add_argument
    add("--port", type=int, default=DEFAULT_PORT, help=f"(default {DEFAULT_PORT})")
    add("--bind", default=DEFAULT_BIND, help=f"address to listen on (default {DEFAULT_BIND})")
    add("--host", default=default_host(), help="this host's name among the team's hosts")
    add("--url", default="", help="public address when a proxy stands in front, https://…")


def stack_of(options: argparse.Namespace, environment: Mapping[str, str] = os.environ) -> Stack:
    """Return the stack that *options* ask for; variables fill in what they leave open."""
    asked = {
        "root": options.root or Path(environment.get("SHIPSHAPE_ROOT") or DEFAULT_ROOT),
        "run": options.run or Path(environment.get("SHIPSHAPE_RUN") or DEFAULT_RUN),
        "data": options.data or Path(environment.get("SHIPSHAPE_DATA") or DEFAULT_DATA),
    }
    places = {name: Path(os.path.normpath(path.absolute())) for name, path in asked.items()}
    stack = Stack(
        root=places["root"],
        run=places["run"],
        data=places["data"],
        host=getattr(options, "host", default_host()),
        bind=getattr(options, "bind", DEFAULT_BIND),
        port=getattr(options, "port", DEFAULT_PORT),
        url=getattr(options, "url", "") or environment.get("SHIPSHAPE_URL", ""),
    )
    check_stack(stack)
    return stack


def find_stack(command: str, description: str, arguments: Sequence[str]) -> Stack:
    """Return the running stack that *arguments* name, or the one that they describe."""
    return stack_of(make_parser(command, description).parse_args(arguments)).with_record()
