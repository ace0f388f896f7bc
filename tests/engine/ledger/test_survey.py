from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from engine.ledger import Survey, ledger_of, reclaim_of, usage_of


@dataclass(frozen=True)
class Layer:
    chain_id: str
    size: int
    digest: str = ""
    archive_bytes: int = 0


@dataclass(frozen=True)
class Stored:
    key: str
    parent: str | None
    size: int | None


@dataclass(frozen=True)
class Document:
    digest: str
    size: int


@dataclass(frozen=True)
class Image:
    id: str
    layers: tuple[Layer, ...]
    documents: tuple[Document, ...] = ()


@dataclass(frozen=True)
class Container:
    id: str
    image_id: str


BASE = Layer("base", 100, "packed", 40)
WEB = Image("web", (BASE, Layer("web-1", 7)), (Document("config", 2),))
API = Image("api", (BASE, Layer("api-1", 30)))


def test_a_layer_below_one_that_the_cache_keeps_stays_too() -> None:
    layers = (Stored("base", None, 100), Stored("web-1", "base", 7), Stored("made", "web-1", 5))
    survey = Survey(images=(WEB,), layers=layers, steps={"run": "made"})
    reclaim = reclaim_of(survey)

    assert reclaim.freed(["web"]) == 2
    assert reclaim.freed(["step:run"]) == 5
    assert reclaim.freed(["web", "step:run"]) == reclaim.total == 154


def test_what_lies_in_the_trash_holds_its_layers() -> None:
    survey = Survey(images=(API,), trashed_images=(WEB,))
    reclaim = reclaim_of(survey)

    assert reclaim.freed(["trash:web"]) == 9
    assert reclaim.freed(["api"]) == 30
    assert usage_of(survey).trash == 9
    assert usage_of(survey).total == reclaim.total


def test_an_image_frees_nothing_while_its_container_lies_in_the_trash() -> None:
    survey = Survey(
        images=(WEB,), trashed_containers=(Container("c", "web"),), writable={"c": 1000}
    )
    reclaim = reclaim_of(survey)

    assert reclaim.freed(["web"]) == 0
    assert reclaim.freed(["trash:c"]) == 1000
    assert reclaim.freed(["trash:c", "web"]) == reclaim.total


def test_an_image_that_is_here_and_in_the_trash_counts_once() -> None:
    survey = Survey(images=(WEB,), trashed_images=(WEB,))

    assert reclaim_of(survey).freed(["web"]) == 0
    assert usage_of(survey).total == 149
    assert usage_of(survey).trash == 0


def test_every_kind_has_its_line_and_they_add_up() -> None:
    survey = Survey(
        images=(WEB,),
        containers=(Container("c", "web"),),
        layers=(Stored("nobody's", None, 3),),
        writable={"c": 11},
        cache_mounts={"pip": 13},
        volumes={"db": 17},
        logs={"c": 19},
        ingests={"x": 23},
        departed=29,
    )
    usage = usage_of(survey)

    assert (usage.layers, usage.archives, usage.documents) == (107, 40, 2)
    assert (usage.writable_layers, usage.build_cache, usage.volumes) == (11, 13, 17)
    assert (usage.logs, usage.unused) == (48, 26)
    assert usage.total == reclaim_of(survey).total + 29
    assert usage.virtual == 149 + 149 + 11


@st.composite
def surveys(draw: st.DrawFn) -> Survey:
    """Images on shared stacks with shared archives, and containers of them."""
    stacks = draw(st.lists(st.lists(st.integers(0, 2), max_size=4), min_size=1, max_size=5))
    images = []
    for number, stack in enumerate(stacks):
        layers = []
        for height in range(len(stack)):
            path = "-".join(map(str, stack[: height + 1]))
            layers.append(Layer(path, 1 << height, f"d{stack[height]}", 100 * stack[height]))
        images.append(Image(f"i{number}", tuple(layers), (Document(f"m{number // 2}", 1000),)))
    users = draw(st.lists(st.integers(0, len(images) - 1), max_size=4))
    containers = [Container(f"c{number}", f"i{of}") for number, of in enumerate(users)]
    writable = {each.id: 10_000 for each in containers}
    return Survey(images=tuple(images), containers=tuple(containers), writable=writable)


@given(surveys(), st.frozensets(st.sampled_from(["i0", "i1", "i2", "i3", "c0", "c1", "c2", "c3"])))
def test_the_survey_says_what_the_ledger_does(survey: Survey, selection: frozenset[str]) -> None:
    ledger = ledger_of(survey.images, survey.containers, writable_sizes=survey.writable)

    assert reclaim_of(survey).freed(selection) == ledger.reclaimable(selection)
    assert usage_of(survey).total == ledger.total
