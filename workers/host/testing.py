"""`./shipshape test`: everything the tests need, then the tests."""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from workers.host.abilities import PROGRAMS_BY_MARKER, Abilities, list_obstacles, probe_abilities
from workers.host.assets import ensure_assets
from workers.host.checkout import CHECKOUT, PYTHON
from workers.host.console import say
from workers.host.errors import HostError
from workers.host.packages import RUNTIME, TESTING, ensure_packages
from workers.host.programs import hand_over

POSTGRES_OPTION = "--postgres"
MAX_PROCESSES = 4


def run_tests(arguments: Sequence[str]) -> int:
    """
    Set the machine up for the tests, run pytest with *arguments* and return its exit code.

    What cannot be set up is said and skipped, not an error: the tests that need no more than
    Python always run. With `--postgres` among *arguments* the dashboard's tests use a private
    PostgreSQL cluster.
    """
    _set_up()
    for line in describe_skips(probe_abilities()):
        say(line)
    return hand_over(
        render_pytest(arguments), environment=scrub_environment(os.environ), directory=CHECKOUT
    )


def render_pytest(arguments: Sequence[str]) -> list[str]:
    """
    Return the pytest command line for *arguments*.

    All tests together run in as many processes as there are processors, at most four, a file in
    one; each process is in a network of its own. What is selected runs in this one.
    """
    rest = [argument for argument in arguments if argument != POSTGRES_OPTION]
    plugin = ["-p", "tests.support.on_postgres"] if POSTGRES_OPTION in arguments else []
    spread = [] if rest or plugin else ["-n", str(_processes()), "--dist", "loadfile"]
    return [str(PYTHON), "-m", "pytest", *spread, *plugin, *rest]


def _processes() -> int:
    return min(len(os.sched_getaffinity(0)), MAX_PROCESSES)


def describe_skips(abilities: Abilities) -> list[str]:
    """Return a line for each test marker that this machine cannot run, with the reasons."""
    obstacles = {marker: list_obstacles(marker, abilities) for marker in PROGRAMS_BY_MARKER}
    return [
        f"skipping {marker} tests: {', '.join(reasons)}"
        for marker, reasons in obstacles.items()
        if reasons
    ]


def scrub_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return *environment* without what would point the tests at somebody's real product."""
    pointing = {"DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "PYTHONPATH"}
    return {
        name: value
        for name, value in environment.items()
        if name not in pointing and not name.startswith("SHIPSHAPE_")
    }


def _set_up() -> None:
    programs = partial(ensure_packages, [*RUNTIME, *TESTING])
    steps: tuple[Callable[[], None], ...] = (programs, ensure_assets)
    for ensure in steps:
        try:
            ensure()
        except HostError as e:
            say(f"{e.problem} {e.remedy}".rstrip())
