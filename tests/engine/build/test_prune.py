"""In which order cache is given back."""

from datetime import timedelta

from engine.build.cache import CachedStep, MadeLayer
from engine.build.prune import from_the_top
from engine.oci.digest import ChainID, DiffID, Digest
from engine.oci.timestamps import EPOCH


def chain(name):
    return ChainID(Digest.of(name.encode()))


def step(key, used, *, on=None, has_layer=True):
    at = EPOCH + timedelta(hours=used)
    layer = MadeLayer(chain(key), DiffID(Digest.of(key.encode())), 1, 1) if has_layer else None
    return CachedStep(key, "RUN", EPOCH, at, 0, layer, chain(on) if on else None)


def order(*steps):
    return "".join(each.key for each in from_the_top(steps))


def test_what_was_used_longest_ago_goes_first():
    assert order(step("a", 2), step("b", 1), step("c", 3)) == "bac"


def test_a_layer_goes_after_those_on_it():
    assert order(step("a", 1), step("b", 2, on="a"), step("c", 3, on="b")) == "cba"
    assert order(step("c", 1, on="b"), step("b", 1, on="a"), step("a", 1)) == "cba"


def test_a_layer_is_used_when_the_last_on_it_is():
    kept = step("b", 9, on="a")
    by_key = {each.key: each for each in from_the_top([step("a", 1), step("x", 5), kept])}

    assert by_key["a"].last_used_at == kept.last_used_at
    assert order(step("a", 1), step("x", 5), kept) == "xba"


def test_branches_count_apart():
    steps = (step("a", 1), step("b", 2, on="a"), step("c", 7, on="a"), step("d", 4, on="b"))

    assert order(*steps) == "dbca"


def test_a_step_that_changed_no_file_says_that_what_it_stands_on_was_used():
    assert order(step("a", 1), step("e", 6, on="a", has_layer=False), step("x", 3)) == "xea"


def test_a_layer_whose_entry_is_gone_is_passed_over():
    assert order(step("c", 1, on="gone"), step("a", 2)) == "ca"
