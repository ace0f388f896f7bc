from __future__ import annotations

from dataclasses import dataclass

import pytest

from engine.cleanup.copies import Copy, Whereabouts, find_copy
from engine.errors import AuthenticationFailed, EngineError, ImageNotFound, RegistryUnreachable
from engine.oci.digest import Digest
from engine.oci.reference import Reference

DIGEST, OTHER = Digest.of(b"manifest"), Digest.of(b"another")
HERE = Reference.parse("one.example/team/web:1").with_digest(DIGEST)
THERE = Reference.parse("two.example/team/web:1").with_digest(DIGEST)


@dataclass(frozen=True)
class Layer:
    digest: str
    compressed_size: int


@dataclass(frozen=True)
class Image:
    repo_digests: tuple[Reference, ...]
    layers: tuple[Layer, ...] = (Layer("a", 10), Layer("b", 5), Layer("a", 10))


def answers(*given: Digest | EngineError) -> Copy:
    """What is said of an image with as many names when registries answer so, in turn."""
    replies = iter(given)

    def ask(_: Reference) -> Digest:
        reply = next(replies)
        if isinstance(reply, EngineError):
            raise reply
        return reply

    return find_copy(Image((HERE, THERE)[: len(given)]), ask)  # type: ignore[arg-type]


def test_what_its_registry_has_can_be_pulled_again() -> None:
    assert answers(DIGEST) == Copy(Whereabouts.AT_REGISTRY, HERE, 15)


def test_any_registry_will_do() -> None:
    assert answers(RegistryUnreachable("one.example"), DIGEST).name == THERE


@pytest.mark.parametrize(
    "given", [(), (ImageNotFound("web"),), (ImageNotFound("web"), ImageNotFound("web")), (OTHER,)]
)
def test_what_no_registry_has_is_the_only_copy(given: tuple[Digest | EngineError, ...]) -> None:
    assert answers(*given) == Copy(Whereabouts.ONLY_HERE)


@pytest.mark.parametrize(
    "error", [RegistryUnreachable("one.example"), AuthenticationFailed("one.example")]
)
def test_who_does_not_answer_leaves_it_open(error: EngineError) -> None:
    found = answers(error, ImageNotFound("web"))

    assert (found.whereabouts, found.reason) == (Whereabouts.UNKNOWN, error.message)
