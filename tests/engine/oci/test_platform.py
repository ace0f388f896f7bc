from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidPlatform
from engine.oci.platform import Platform, best_match, host_platform, normalise_architecture


def platforms(*texts: str) -> list[Platform]:
    return [Platform.parse(text) for text in texts]


@pytest.mark.parametrize(
    ("text", "platform"),
    [
        ("linux/amd64", Platform("linux", "amd64")),
        ("linux/x86_64", Platform("linux", "amd64")),
        ("Linux/AMD64", Platform("linux", "amd64")),
        ("linux/aarch64", Platform("linux", "arm64")),
        ("linux/arm/v7", Platform("linux", "arm", "v7")),
        ("linux/arm64/v8", Platform("linux", "arm64", "v8")),
        ("linux/armv7l", Platform("linux", "arm", "v7")),
        ("windows/amd64", Platform("windows", "amd64")),
    ],
)
def test_platforms_are_read_in_anybodys_words(text: str, platform: Platform) -> None:
    assert Platform.parse(text) == platform


@pytest.mark.parametrize(
    "text",
    [
        "",
        "linux",
        "/",
        "linux/",
        "/amd64",
        "a/b/c/d",
        "linux/amd 64",
        "linux/" + "x" * 65,
        "lïnux/a",
    ],
)
def test_what_is_no_platform_is_refused(text: str) -> None:
    with pytest.raises(InvalidPlatform) as caught:
        Platform.parse(text)

    assert caught.value.field == "platform"


@pytest.mark.parametrize(
    ("wanted", "offered", "index"),
    [
        pytest.param("linux/amd64", ["linux/arm64", "linux/amd64"], 1, id="same"),
        pytest.param("linux/amd64", ["windows/amd64"], None, id="other-system"),
        pytest.param("linux/amd64", [], None, id="nothing-offered"),
        pytest.param("linux/arm64", ["linux/arm64/v8"], 0, id="v8-is-arm64s-default"),
        pytest.param("linux/arm64/v8", ["linux/arm64"], 0, id="default-is-v8"),
        pytest.param("linux/arm/v7", ["linux/arm/v6", "linux/arm/v7"], 1, id="same-variant-wins"),
        pytest.param("linux/arm/v7", ["linux/arm/v5", "linux/arm/v6"], 1, id="nearest-lower"),
        pytest.param("linux/arm/v6", ["linux/arm/v7"], None, id="higher-does-not-run"),
        pytest.param("linux/arm", ["linux/arm/v7"], 0, id="v7-is-arms-default"),
        pytest.param("linux/amd64", ["linux/amd64", "linux/amd64"], 0, id="first-of-equals"),
    ],
)
def test_what_suits_best(wanted: str, offered: list[str], index: int | None) -> None:
    assert best_match(Platform.parse(wanted), platforms(*offered)) == index


def test_this_host_runs_what_is_made_for_it() -> None:
    host = host_platform()

    assert best_match(host, [host]) == 0
    assert Platform.parse(str(host)) == host


PARTS = st.from_regex(r"[a-z0-9_.-]{1,10}", fullmatch=True)


@given(PARTS, PARTS, st.just("") | PARTS)
def test_a_platform_reads_as_it_is_written(system: str, architecture: str, variant: str) -> None:
    platform = Platform(system, *normalise_architecture(architecture, variant))

    assert Platform.parse(str(platform)) == platform


@given(st.text(max_size=40))
def test_any_text_is_a_platform_or_refused(text: str) -> None:
    with suppress(InvalidPlatform):
        platform = Platform.parse(text)
        assert Platform.parse(str(platform)) == platform
