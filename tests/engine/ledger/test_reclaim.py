from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.ledger import Entry, EntryKind, Ledger
from engine.ledger.reclaim import Piece, Reclaim, SharedPiece


def test_a_layer_comes_free_with_the_last_that_stands_on_it() -> None:
    pieces = [Piece("base", 100), Piece("web", 7, "base"), Piece("api", 30, "base")]
    reclaim = Reclaim(pieces, {"w": ["web"], "a": ["api"]})

    assert reclaim.total == 137
    assert reclaim.freed(["w"]) == 7
    assert reclaim.freed(["w", "a"]) == 137
    assert reclaim.freed(["w", "w"]) == 7


def test_who_begins_lower_keeps_what_is_below() -> None:
    pieces = [Piece("base", 100), Piece("middle", 10, "base"), Piece("web", 7, "middle")]
    reclaim = Reclaim(pieces, {"w": ["web"], "step": ["middle"]})

    assert reclaim.freed(["w"]) == 7
    assert reclaim.freed(["step"]) == 0
    assert reclaim.freed(["w", "step"]) == 117


def test_what_nobody_holds_comes_free_with_nobody() -> None:
    reclaim = Reclaim([Piece("garbage", 5), Piece("base", 3)], {"w": ["base"]})

    assert reclaim.freed(["w", "stranger"]) == 3
    assert reclaim.total == 8


def test_an_archive_of_two_layers_comes_free_with_both() -> None:
    pieces = [Piece("low", 1), Piece("high", 2, "low"), Piece("other", 4)]
    shared = [SharedPiece(40, frozenset({"low", "other"}))]
    reclaim = Reclaim(pieces, {"w": ["high"], "o": ["other"]}, shared)

    assert reclaim.freed(["w"]) == 3
    assert reclaim.freed(["o"]) == 4
    assert reclaim.freed(["w", "o"]) == reclaim.total == 47


def test_a_thousand_layers_on_each_other_are_no_deep_recursion() -> None:
    pieces = [Piece(str(each), 1, str(each - 1) if each else None) for each in range(5000)]

    assert Reclaim(pieces, {"w": ["4999"]}).freed(["w"]) == 5000


@st.composite
def forests(draw: st.DrawFn) -> tuple[list[Piece], dict[str, list[str]], list[SharedPiece]]:
    """Layers on each other, holders that begin anywhere, archives of any of them."""
    count = draw(st.integers(1, 14))
    pieces = []
    for number in range(count):
        below = draw(st.none() | st.integers(0, number - 1)) if number else None
        size = draw(st.integers(0, 1000))
        pieces.append(Piece(f"p{number}", size, None if below is None else f"p{below}"))
    keys = st.sampled_from([each.key for each in pieces])
    holdings = draw(
        st.dictionaries(st.sampled_from("abcdef"), st.lists(keys, max_size=3), max_size=6)
    )
    needed = st.frozensets(keys, min_size=1, max_size=3)
    shared = draw(st.lists(st.builds(SharedPiece, st.integers(1, 1000), needed), max_size=4))
    return pieces, holdings, shared


@given(forests(), st.frozensets(st.sampled_from("abcdefg")))
def test_the_quick_answer_is_the_one_of_the_ledger(
    forest: tuple[list[Piece], dict[str, list[str]], list[SharedPiece]], selection: frozenset[str]
) -> None:
    pieces, holdings, shared = forest
    holders = holders_of(pieces, holdings)
    entries = [
        Entry(each.key, EntryKind.LAYER, each.size, frozenset(holders[each.key])) for each in pieces
    ]
    entries += [
        Entry(
            f"archive{number}",
            EntryKind.ARCHIVE,
            each.size,
            # A layer that nobody holds is garbage, and keeps its archive until it is swept.
            frozenset().union(*(holders[key] or {f"nobody {key}"} for key in each.needed_by)),
        )
        for number, each in enumerate(shared)
    ]

    reclaim = Reclaim(pieces, holdings, shared)

    assert reclaim.freed(selection) == Ledger(entries).reclaimable(selection)
    assert reclaim.total == Ledger(entries).total


def holders_of(pieces: list[Piece], holdings: dict[str, list[str]]) -> dict[str, set[str]]:
    """Who holds each piece; what stands on a piece and is nobody's keeps it as well."""
    by_key = {each.key: each for each in pieces}
    holders: dict[str, set[str]] = {each.key: set() for each in pieces}
    for holder, keys in holdings.items():
        for key in keys:
            at: str | None = key
            while at is not None:
                holders[at].add(holder)
                at = by_key[at].below
    for piece in pieces:
        at = piece.below
        while not holders[piece.key] and at is not None:
            holders[at].add(f"nobody {piece.key}")
            at = by_key[at].below
    return holders
