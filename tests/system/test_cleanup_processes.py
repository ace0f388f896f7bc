"""Plans that run beside eight other processes: only what was planned goes, and nothing in use."""

from __future__ import annotations

import io
import subprocess
import sys
import textwrap
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from engine.cleanup.rules import Rule, RuleKind
from engine.containers.record import IfRunning
from engine.engine import Engine
from engine.images.starter import STARTER
from engine.ledger import usage_of
from engine.settings import ContainerSettings
from engine.system.paths import EnginePaths
from tests.support.builders import file, layer_tar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.root

IMAGE = STARTER.familiar
RULES = [Rule(RuleKind.STOPPED_CONTAINERS), Rule(RuleKind.UNUSED_IMAGES)]
TIMES, PLANNED = 3, 4
# What may stand in a report beside a thing that was planned and is still there, or is not.
REASONS = ("was started since", "was used or made anew since", "is gone already", "is used by")
REASONS += ("was named", "lost a name since", "came into use meanwhile", "is running", "is exited")
REASONS += ("is created since", "is needed by work at hand", "has a tag")
WORKER = """
    import io, sys
    from pathlib import Path
    from engine.engine import Engine
    from engine.errors import EngineError, NotFound
    from engine.settings import ContainerSettings
    from engine.system.paths import EnginePaths

    root, kind, number = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    archive = (root / "archive.tar").read_bytes()
    planned = (root / "planned").read_text().split()
    name = f"team/{kind}{number}:1"

    def launch(engine):
        # Its image is held from here on, and nothing of it may go until it has ended.
        made = engine.containers.create(
            ContainerSettings(image="shipshape/starter", command=("echo", "ahoy"), network="none")
        )
        engine.containers.start(made.id)
        try:
            assert engine.containers.wait(made.id, timeout=60).code == 0
            printed = [line.content for line in engine.containers.logs(made.id)]
            # Nothing comes free where somebody else has removed it, perhaps before it was read.
            assert not engine.containers.remove(made.id) or printed == [b"ahoy"]
        except NotFound:
            # It has ended, so a plan made since may have taken it.
            return

    def start(engine):
        for each in planned[int(number) % 2 :: 2]:
            try:
                engine.containers.start(each)
            except NotFound:
                continue

    def bring(engine):
        (loaded,) = engine.images.load(io.BytesIO(archive)).images
        tagged = engine.images.tag(str(loaded.id), name)
        made = engine.containers.create(
            ContainerSettings(image=name, command=("x",), network="none")
        )
        assert engine.images.get(name).id == tagged.id == made.image_id
        engine.containers.remove(made.id)

    def name_and_remove(engine):
        engine.images.tag("shipshape/starter", name)
        engine.images.remove(name)

    act = {"launch": launch, "start": start, "bring": bring, "name": name_and_remove}[kind]
    with Engine.open(EnginePaths(root / "root", root / "run")) as engine:
        print("ready", flush=True)
        for _ in range(int(sys.argv[4])):
            try:
                act(engine)
            except EngineError as error:
                # A plan may take what nobody uses yet, before it is used.
                if kind != "bring" or not isinstance(error, NotFound):
                    raise
"""


@pytest.fixture
def engine(short_path: Path) -> Iterator[Engine]:
    with Engine.open(EnginePaths(short_path / "root", short_path / "run")) as opened:
        opened.images.make_starter(owner="ana")
        yield opened
        for container in opened.containers.list():
            opened.containers.remove(container.id, if_running=IfRunning.KILL)


def create(engine: Engine, *command: str, **more: str) -> str:
    wanted = ContainerSettings(image=IMAGE, command=command, network="none", **more)  # type: ignore[arg-type]
    return engine.containers.create(wanted).id


def run(engine: Engine) -> str:
    container = create(engine, "true")
    engine.containers.start(container)
    engine.containers.wait(container, timeout=60)
    return container


@contextmanager
def beside(root: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Eight processes that use the engine without pause, each so many times."""
    kinds = ["launch", "start", "bring", "name"] * 2
    program = textwrap.dedent(WORKER)
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(root), kind, str(number), str(TIMES)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number, kind in enumerate(kinds)
    ]
    try:
        for each in started:
            assert each.stdout
            assert each.stdout.readline() == "ready\n", each.stderr and each.stderr.read()
        yield started
    finally:
        said = [each.communicate(timeout=120)[1] for each in started]
    assert [each for each in said if each] == []
    assert {each.returncode for each in started} == {0}


def archive(engine: Engine) -> bytes:
    tar = layer_tar(*(file(f"shared/{n}", b"x" * 5000) for n in range(20)))
    image = engine.images.import_tar(io.BytesIO(tar), reference="team/brought:1")
    stream = io.BytesIO()
    engine.images.save(["team/brought:1"], stream)
    engine.images.remove(str(image.id))
    return stream.getvalue()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("into_trash", [True, False], ids=["into-the-trash", "for-good"])
def test_plans_take_what_was_planned_and_nothing_in_use(
    engine: Engine, short_path: Path, into_trash: bool
) -> None:
    keeper = create(engine, "sleep", "1000", name="keeper")
    engine.containers.start(keeper)
    (short_path / "archive.tar").write_bytes(archive(engine))
    made = [run(engine) for _ in range(PLANNED)]
    (short_path / "planned").write_text(" ".join(made))

    with beside(short_path) as others:
        is_over = False
        while not is_over:
            is_over = all(each.poll() is not None for each in others)
            plan = engine.cleanup.preview(RULES)
            planned = {each.id for each in plan.items}
            assert keeper not in planned
            report = engine.cleanup.run(plan.id, into_trash=into_trash)
            assert set(report.removed) | {each.id for each in report.skipped} == planned
            for each in report.skipped:
                assert each.reason.startswith(REASONS) or "is used by" in each.reason, each
    engine.reconcile()

    assert engine.containers.get(keeper).is_running
    assert engine.images.get(IMAGE).names
    if into_trash:
        aside = [each.record.id for each in engine.containers.trash.list()]
        assert {*aside, *(each.id for each in engine.containers.list())} >= {keeper, *made}
    engine.containers.kill(keeper)
    engine.containers.wait(keeper, timeout=60)
    assert engine.check().findings == ()
    assert engine.disk() == usage_of(engine._surveyor.survey())


def test_one_that_ran_between_the_look_and_the_removal_stays(engine: Engine) -> None:
    """It is looked at while it is held still, so there is no between."""
    ran, quiet = run(engine), run(engine)
    plan = engine.cleanup.preview(RULES[:1])
    remove_each = engine.containers.remove_each

    def late(ids, objection):  # type: ignore[no-untyped-def]
        with Engine.open(engine.paths) as other:
            other.containers.start(ran)
            other.containers.wait(ran, timeout=60)
        return remove_each(ids, objection)

    engine.containers.remove_each = late  # type: ignore[method-assign]

    report = engine.cleanup.run(plan.id)

    assert report.removed == (quiet,)
    assert [(each.id, each.reason) for each in report.skipped] == [
        (ran, "was used or made anew since")
    ]
