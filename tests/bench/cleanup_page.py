"""
How long the pages about clean-ups take where a host holds 10,000 images and containers.

    page       what builds up; one kind of it; filtered by name
    weigh      the number under what is ticked; 300 things, all of three kinds
    sheet      the plan of all of three kinds, as it is shown
    trash      the trash once all of that lies there; the sheet before it is emptied

Each is a request to the web process with the answers of the host's agent, without the broker
between them, as in the tests; `answer` is what the agent takes of it. Beside the time stand the
queries to the database and the kilobytes of the answer.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from engine.cleanup.rules import Rule, RuleKind
from engine.engine import Engine
from engine.system.paths import EnginePaths
from tests.bench.cleanup import BASES, MANY, Later
from tests.support.many_objects import add_containers, add_images
from tests.support.own_network import leave_the_network
from workers.host.console import render_table, say

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

HOST, PERSON = "alpha", "mia"
KINDS = (RuleKind.STOPPED_CONTAINERS, RuleKind.UNTAGGED_IMAGES, RuleKind.UNUSED_IMAGES)
TICKED = 300
STOPPED = MANY // 2 * 4 // 5
Samples = dict[str, dict[str, list[float]]]


def main(arguments: Sequence[str]) -> int:
    """Print the table, and write every sample to the file that `--json` names."""
    parser = argparse.ArgumentParser(prog="bench cleanup_page", description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    leave_the_network()
    with TemporaryDirectory(prefix="bench-") as place:
        _set_up(Path(place))
        paths = EnginePaths(Path(place) / "r", Path(place) / "v")
        with Engine.open(paths) as engine:
            add_images(engine, 0, MANY // 2, layers=8, bases=BASES)
            add_containers(engine, 0, MANY // 2, stopped=STOPPED)
        with Engine.open(paths, clock=Later()) as engine:
            site = Site(engine, options.rounds)
            site.measure()
    say(site.rendered())
    if options.json:
        options.json.write_text(json.dumps(site.samples, indent=1))
    return 0


def _set_up(place: Path) -> None:
    """Let Django have a database of its own."""
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "dashboard.settings",
        "DATABASE_URL": f"sqlite:///{place / 'database'}",
        "SHIPSHAPE_SECRET_KEY": "x" * 50,
        "SHIPSHAPE_FIELD_KEY": "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg=",
        "SHIPSHAPE_DATA": str(place),
    }
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


class Site:
    """The web process and the agent of one host, in this process."""

    def __init__(self, engine: Engine, rounds: int) -> None:
        from django.test import Client

        from dashboard.models import Host, Image, Role, User
        from dashboard.views import cleanup, trash
        from workers.agent.cleanup_answers import CleanupAnswers

        self.samples: Samples = {}
        self._engine, self._rounds = engine, rounds
        self._notes: dict[str, tuple[int, int]] = {}
        self._answers = CleanupAnswers(engine, Later()).answers()
        self._answering = 0.0
        host = Host.objects.create(name=HOST, last_seen_at="2100-01-01T00:00Z")
        Image.objects.bulk_create(
            Image(
                host=host,
                image_id=str(each.id),
                size=1000,
                is_dangling=not each.tags,
                story="was web:1",
            )
            for each in engine.images.list_sketches()
        )
        self._client = Client(headers={"host": "localhost"})
        self._client.force_login(User.objects.create_user(PERSON, role=Role.MAINTAINER))
        for module in (cleanup, trash):
            vars(module)["ask_all"] = self._ask_all
            vars(module)["ask"] = self._ask

    def measure(self) -> None:
        """Do each of the cases."""
        from django.urls import reverse

        page = reverse("cleanup")
        ids = [f"{HOST}/{each.id}" for each in self._engine.containers.list()[-TICKED:]]
        rules = {"rules": [each.value for each in KINDS]}
        self._timed("page", page)
        self._timed("page, one kind", f"{page}?kind=stopped-containers")
        self._timed("page, filtered", f"{page}?q=many-1")
        self._timed(f"weigh {TICKED}", reverse("cleanup_weigh"), {"ids": ids})
        self._timed("weigh all", reverse("cleanup_weigh"), rules)
        self._timed("sheet of all", reverse("cleanup_plan"), rules)
        plan = self._engine.cleanup.preview([Rule(each) for each in KINDS])
        start = time.perf_counter()
        report = self._engine.cleanup.run(plan.id, into_trash=True)
        say(f"moved {len(report.removed)} to the trash in {time.perf_counter() - start:.1f} s")
        self._timed("trash", reverse("trash"))
        everything = {"host": HOST, "until": "2100-01-01T00:00:00+00:00"}
        self._timed("trash, sheet", reverse("trash_empty"), everything)

    def rendered(self) -> str:
        """Return all of it as a table of medians."""
        rows = [["CASE", "REQUEST", "ANSWER", "QUERIES", "SIZE"]]
        for case, found in self.samples.items():
            queries, size = self._notes[case]
            medians = [sorted(each)[len(each) // 2] * 1000 for each in found.values()]
            rows.append([case, *(f"{each:.0f} ms" for each in medians), str(queries), f"{size} kB"])
        return render_table(rows)

    def _timed(self, case: str, url: str, told: Mapping[str, Any] | None = None) -> None:
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        act: Callable[[], Any] = lambda: (  # noqa: E731
            self._client.post(url, told, headers={"HX-Request": "true"})
            if told
            else self._client.get(url)
        )
        act()  # the first one fills what the agent keeps
        for _ in range(self._rounds):
            self._answering = 0.0
            with CaptureQueriesContext(connection) as queries:
                start = time.perf_counter()
                response = act()
                taken = time.perf_counter() - start
            assert response.status_code == 200, response.status_code
            samples = self.samples.setdefault(case, {"request": [], "answer": []})
            samples["request"].append(taken)
            samples["answer"].append(self._answering)
            self._notes[case] = len(queries), len(response.content) // 1000

    def _ask(self, host: str, question: str, told: Mapping[str, Any], **_: object) -> Any:
        return self._ask_all(question, {host: told})[host]

    def _ask_all(self, question: str, arguments: Mapping[str, Any], **_: object) -> dict[str, Any]:
        start = time.perf_counter()
        answers = {
            host: json.loads(json.dumps(self._answers[str(question)](json.loads(json.dumps(told)))))
            for host, told in arguments.items()
        }
        self._answering += time.perf_counter() - start
        return answers
