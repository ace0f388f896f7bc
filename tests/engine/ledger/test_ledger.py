from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from engine.ledger import Entry, EntryKind, Ledger, Sizes, image_sizes, ledger_of


@dataclass(frozen=True)
class Layer:
    chain_id: str
    size: int
    digest: str = ""
    archive_bytes: int = 0


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


BASE = Layer("base", 100)
WEB = Image("web", (BASE, Layer("web-1", 7)))
API = Image("api", (BASE, Layer("api-1", 30)))


def test_size_is_shared_plus_unique() -> None:
    assert image_sizes([WEB, API]) == {"web": Sizes(107, 100, 7), "api": Sizes(130, 100, 30)}


def test_a_total_counts_a_shared_layer_once() -> None:
    ledger = ledger_of([WEB, API], [], writable_sizes={})

    assert ledger.total == 137
    assert ledger.sum_of_sizes(["web", "api"]) == 237


def test_a_shared_layer_comes_free_with_its_last_image() -> None:
    ledger = ledger_of([WEB, API], [], writable_sizes={})

    assert ledger.reclaimable(["web"]) == 7
    assert ledger.reclaimable(["web", "api"]) == 137


def test_manifests_and_configs_count_too() -> None:
    image = Image("web", (BASE,), (Document("manifest", 3), Document("config", 2)))

    assert image_sizes([image])["web"] == Sizes(105, 0, 105)


def test_an_archive_that_two_layers_have_counts_once() -> None:
    low = Layer("low", 100, "sha256:packed", 40)
    high = Layer("high", 100, "sha256:packed", 40)
    ledger = ledger_of([Image("web", (low, high)), Image("api", (low,))], [], writable_sizes={})

    assert ledger.totals[EntryKind.ARCHIVE] == 40
    assert ledger.reclaimable(["web"]) == 100
    assert ledger.reclaimable(["web", "api"]) == 240


def test_an_image_frees_nothing_while_its_container_stays() -> None:
    ledger = ledger_of([WEB], [Container("c", "web")], writable_sizes={"c": 5})

    assert ledger.reclaimable(["web"]) == 0
    assert ledger.reclaimable(["c"]) == 5
    assert ledger.reclaimable(["web", "c"]) == 112


def test_a_stranger_holds_nothing() -> None:
    ledger = Ledger([])

    assert ledger.sizes("nobody") == Sizes(0, 0, 0)
    assert ledger.reclaimable(["nobody"]) == 0


holders = st.sampled_from("abcde")
entries = st.lists(
    st.builds(
        Entry,
        key=st.uuids().map(str),
        kind=st.sampled_from(EntryKind),
        size=st.integers(0, 10**12),
        holders=st.frozensets(holders),
    ),
    unique_by=lambda entry: entry.key,
)


@given(entries, st.frozensets(holders))
def test_what_comes_free_is_what_the_ledger_no_longer_holds(
    before: list[Entry], selection: frozenset[str]
) -> None:
    kept = [entry for entry in before if not entry.holders or entry.holders - selection]

    assert Ledger(before).reclaimable(selection) == Ledger(before).total - Ledger(kept).total


@given(entries, st.frozensets(holders), st.frozensets(holders))
def test_a_larger_selection_never_frees_less(
    found: list[Entry], one: frozenset[str], other: frozenset[str]
) -> None:
    ledger = Ledger(found)

    assert ledger.reclaimable(one | other) >= ledger.reclaimable(one) + ledger.reclaimable(
        other - one
    )


@given(entries)
def test_the_kinds_add_up_to_the_total(found: list[Entry]) -> None:
    ledger = Ledger(found)

    assert sum(ledger.totals.values()) == ledger.total


class TestBuildCache:
    def test_a_layer_that_the_cache_holds_stays_when_its_last_image_goes(self) -> None:
        ledger = ledger_of([WEB], [], writable_sizes={}, cached={"web-1": 7})

        assert ledger.reclaimable(["web"]) == 100
        assert ledger.total == 107

    def test_a_layer_of_no_image_is_counted_once_as_cache(self) -> None:
        ledger = ledger_of([WEB], [], writable_sizes={}, cached={"web-1": 7, "old": 50})

        assert ledger.totals[EntryKind.BUILD_CACHE] == 50
        assert ledger.total == 157

    def test_only_this_leaves_out_what_the_cache_keeps(self) -> None:
        assert image_sizes([WEB], cached={"web-1": 7}) == {"web": Sizes(107, 7, 100)}

    def test_an_archive_stays_with_its_layer(self) -> None:
        image = Image("web", (Layer("low", 100, "sha256:packed", 40),))
        ledger = ledger_of([image], [], writable_sizes={}, cached={"low": 100})

        assert ledger.reclaimable(["web"]) == 0
