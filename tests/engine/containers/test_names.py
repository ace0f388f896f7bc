import itertools
import random

from engine.containers.names import ADJECTIVES, SURNAMES, TRIES, iter_names
from engine.settings.container import check_name


def test_names_are_an_adjective_and_a_surname() -> None:
    adjective, surname = next(iter_names(random.Random(1))).split("_")

    assert adjective in ADJECTIVES
    assert surname in SURNAMES


def test_names_never_run_out_and_are_all_valid() -> None:
    names = list(itertools.islice(iter_names(random.Random(1)), 500))

    for name in names:
        check_name(name)
    assert len(set(names[TRIES:])) > 480


def test_no_word_stands_twice() -> None:
    assert len(set(ADJECTIVES)) == len(ADJECTIVES)
    assert len(set(SURNAMES)) == len(SURNAMES)
