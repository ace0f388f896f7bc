"""
How long the ledger takes for its answers, on records alone.

    build     from the records of all images to what answers questions; once for each change
    all       what comes free if every image goes
    half      what comes free if every second image goes
    one       what comes free if one image goes
    totals    what takes the disk, by kind

10,000 images with 200 layers each stand on 50 bases of 150 layers.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.ledger import Survey, reclaim_of, usage_of
from workers.host.console import render_table, say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

OURS = "shipshape"
BASES, BASE_LAYERS = 50, 150
Samples = dict[str, dict[str, list[float]]]


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of a made-up image."""

    chain_id: str
    size: int
    digest: str
    archive_bytes: int


@dataclass(frozen=True, slots=True)
class Document:
    """A config of a made-up image."""

    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Image:
    """A made-up image."""

    id: str
    layers: tuple[Layer, ...]
    documents: tuple[Document, ...]


def main(arguments: Sequence[str]) -> int:
    """Print the table, and write every sample to the file that `--json` names."""
    parser = argparse.ArgumentParser(prog="bench cleanup", description=__doc__.split("\n\n")[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--layers", type=int, default=200)
    options = parser.parse_args(arguments)
    samples = measure(made_up(options.images, options.layers), options.rounds)
    say(_table(samples))
    if options.json:
        options.json.write_text(json.dumps(samples, indent=1))
    return 0


def made_up(count: int, layers: int) -> Survey:
    """Return *count* images with so many *layers* each, most of which they share."""
    low = min(BASE_LAYERS, layers)
    bases = [_stack(f"base-{number}", 0, low) for number in range(BASES)]
    images = tuple(
        Image(
            f"image-{number}",
            bases[number % BASES] + _stack(f"image-{number}", low, layers),
            (Document(f"config-{number}", 4096),),
        )
        for number in range(count)
    )
    return Survey(images=images)


def measure(survey: Survey, rounds: int) -> Samples:
    """Return the seconds of each case."""
    reclaim = reclaim_of(survey)
    everything = [str(each.id) for each in survey.images]
    cases: dict[str, Callable[[], object]] = {
        "build": lambda: reclaim_of(survey),
        "all": lambda: reclaim.freed(everything),
        "half": lambda: reclaim.freed(everything[::2]),
        "one": lambda: reclaim.freed(everything[:1]),
        "totals": lambda: usage_of(survey),
    }
    few = {"build", "totals"}
    return {
        name: {OURS: [_seconds(case) for _ in range(2 if name in few else rounds)]}
        for name, case in cases.items()
    }


def _stack(name: str, start: int, end: int) -> tuple[Layer, ...]:
    return tuple(
        Layer(f"{name}/{height}", 1000 + height, f"archive {name}/{height}", 300)
        for height in range(start, end)
    )


def _seconds(case: Callable[[], object]) -> float:
    start = time.perf_counter()
    case()
    return time.perf_counter() - start


def _table(samples: Samples) -> str:
    rows = [
        (name, f"{statistics.median(found[OURS]) * 1000:.2f} ms") for name, found in samples.items()
    ]
    return render_table([("case", "median"), *rows])
