"""
Two hundred clients of the Docker API at once: 100 follow logs, 50 poll, 50 run short containers.

There is no peer: what counts is that nobody is refused and that nothing grows, not from before the
first time to after it, and not from one time to the next.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.api_load import Crowd, Load
from tests.support.docker_cli import IMAGE, our_engine
from tests.support.own_network import leave_the_network
from workers.host.console import render_table, say

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Print what came of it, and write it to the file that `--json` names."""
    parser = argparse.ArgumentParser(prog="bench load", description=__doc__.split("\n\n")[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--times", type=int, default=1)
    options = parser.parse_args(arguments)
    leave_the_network()
    place = Path(tempfile.mkdtemp(prefix="ship-"))
    try:
        with our_engine(place) as cli:
            load = Load(cli.socket, cli.process.pid, IMAGE)
            reports = load.run(Crowd(100, 50, 50), seconds=options.seconds, times=options.times)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    found = [asdict(each) for each in reports]
    rows = [(key, *(str(each[key]) for each in found)) for key in found[0]]
    say(render_table([("WHAT", *["FOUND"] * len(found)), *rows]))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    return 1 if any(each.errors for each in reports) else 0
