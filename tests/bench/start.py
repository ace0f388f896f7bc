"""
How long until the product is ready: the first time in its directories, and again later.

    first   packages are there; directories, secrets and tables are made
    again   nothing is to be made

There is no peer: neither dockerd nor podman brings a dashboard.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.stack import running_stack
from workers.host.console import render_table, say

if TYPE_CHECKING:
    from collections.abc import Sequence

Samples = dict[str, list[float]]


def main(arguments: Sequence[str]) -> int:
    """Print the table, and write every sample to the file that `--json` names."""
    parser = argparse.ArgumentParser(prog="bench start", description="Until it is ready.")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    samples = measure(options.rounds)
    rows = [("CASE", "MEDIAN s", "BEST s")]
    rows += [(c, f"{statistics.median(v):.2f}", f"{min(v):.2f}") for c, v in samples.items()]
    say(render_table(rows))
    if options.json:
        found = {case: {"shipshape": values} for case, values in samples.items()}
        options.json.write_text(json.dumps(found, indent=1))
    return 0


def measure(rounds: int) -> Samples:
    """Return the seconds of each start."""
    samples: Samples = {"first": [], "again": []}
    start = time.monotonic()
    with running_stack() as stack:
        samples["first"].append(time.monotonic() - start)
        for _ in range(rounds):
            stack.command("down")
            start = time.monotonic()
            stack.up()
            samples["again"].append(time.monotonic() - start)
    return samples
