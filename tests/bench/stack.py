"""
How quick the whole product feels, and how much memory it takes while nothing happens.

    click to running   from sending the launch form to the moment the container's process started
    click to seen      … to the message that shows the container as running to an open page
    event to browser   from an event in the engine's log to the message that shows it
    memory, idle       proportional set size of every process of the product, in bytes

There is no peer: neither dockerd nor podman brings a dashboard.
"""

from __future__ import annotations

import argparse
import json
import statistics
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.engine import Engine
from engine.oci.timestamps import nanoseconds
from engine.system.paths import EnginePaths
from tests.support.browserless import Ear, Person
from tests.support.stack import Stack, running_stack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.containers.record import ContainerRecord

Samples = dict[str, list[float]]
HOST = "testhost"
STARTER = "shipshape/starter"


def main(arguments: Sequence[str]) -> int:
    """Print the table, and write every sample to the file that `--json` names."""
    parser = argparse.ArgumentParser(prog="bench stack", description=__doc__.split("\n\n")[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args(arguments)
    with running_stack() as stack:
        samples = measure(stack, options.rounds)
    print(render(samples))
    if options.json:
        found = {case: {"shipshape": values} for case, values in samples.items()}
        options.json.write_text(json.dumps(found, indent=1))
    return 0


def measure(stack: Stack, rounds: int) -> Samples:
    """Return the samples of each case, in seconds, and bytes for memory."""
    person = Person.first(stack)
    samples: Samples = {"click to running": [], "click to seen": [], "event to browser": []}
    with (
        Engine.open(EnginePaths(stack.root, stack.run)) as engine,
        person.listening() as ear,
    ):
        person.post("/images/starter/", {"host": HOST})
        ear.wait_for(lambda message: message["type"] == "job" and message["state"] == "succeeded")
        for number in range(rounds + 1):
            found = launch_and_stop(person, ear, engine)
            if number:  # the first one warms up
                for case, seconds in found.items():
                    samples[case].append(seconds)
    samples["memory, idle"] = [float(stack.status()["memory_bytes"])]
    return samples


def launch_and_stop(person: Person, ear: Ear, engine: Engine) -> dict[str, float]:
    """Launch one container, watch it run, remove it; return what each part took."""
    name = f"bench-{uuid.uuid4().hex[:8]}"
    page = person.client.get("/containers/launch/").text
    clicked = _now()
    person.post("/containers/launch/", _form(name), page=page)
    seen, message = ear.wait_for(_shows(name, "Up "))
    record = engine.containers.get(name)
    remove = f"/containers/{HOST}/{record.id}/remove/"
    person.post(remove, {"force": "on", "confirm": HOST})
    ear.wait_for(lambda each: each.get("key") == message["key"] and each.get("html") is None)
    return {
        "click to running": _started(record) - clicked,
        "click to seen": seen - clicked,
        "event to browser": seen - _event_time(engine, record.id),
    }


def render(samples: Samples) -> str:
    """Return a table of medians and 95th percentiles."""
    rows = [f"{'case':<20}{'p50':>12}{'p95':>12}{'n':>6}"]
    for case, values in samples.items():
        shown = _mebibytes if case.startswith("memory") else _milliseconds
        rows.append(
            f"{case:<20}{shown(statistics.median(values)):>12}"
            f"{shown(_percentile_95(values)):>12}{len(values):>6}"
        )
    return "\n".join(rows)


def _form(name: str) -> dict[str, str]:
    return {"host": HOST, "image": STARTER, "name": name, "command": "sleep 1000"}


def _shows(name: str, status: str) -> Callable[[dict[str, Any]], bool]:
    return lambda message: (
        message["type"] == "row"
        and message["noun"] == "container"
        and name in (message["html"] or "")
        and status in message["html"]
    )


def _started(record: ContainerRecord) -> float:
    assert record.started_at
    return nanoseconds(record.started_at) / 1e9


def _event_time(engine: Engine, container_id: str) -> float:
    events = engine.events.list_since(max(0, engine.events.last_sequence() - 100))
    started = [e for e in events if e.subject == container_id and e.action == "start"]
    return nanoseconds(started[-1].time) / 1e9


def _now() -> float:
    import time

    return time.time()


def _percentile_95(values: list[float]) -> float:
    return sorted(values)[max(0, round(0.95 * len(values)) - 1)]


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _mebibytes(count: float) -> str:
    return f"{count / 2**20:.0f} MiB"
