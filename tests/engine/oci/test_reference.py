"""The grammar of references, as a table that reads as a specification."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidReference
from engine.oci.digest import Digest
from engine.oci.reference import Reference, registry_host

HEX = "a" * 64
DIGEST = f"sha256:{HEX}"


@pytest.mark.parametrize(
    ("text", "canonical", "familiar"),
    [
        pytest.param("alpine", "docker.io/library/alpine:latest", "alpine:latest", id="name"),
        pytest.param("alpine:3.20", "docker.io/library/alpine:3.20", "alpine:3.20", id="tag"),
        pytest.param("ana/web", "docker.io/ana/web:latest", "ana/web:latest", id="user"),
        pytest.param(
            "docker.io/alpine",
            "docker.io/library/alpine:latest",
            "alpine:latest",
            id="default-host",
        ),
        pytest.param(
            "index.docker.io/ana/web", "docker.io/ana/web:latest", "ana/web:latest", id="old-host"
        ),
        pytest.param(
            "images.test/web", "images.test/web:latest", "images.test/web:latest", id="host"
        ),
        pytest.param("host:5000/web", "host:5000/web:latest", "host:5000/web:latest", id="port"),
        pytest.param("host:5000/web:1", "host:5000/web:1", "host:5000/web:1", id="port-and-tag"),
        pytest.param(
            "localhost/web", "localhost/web:latest", "localhost/web:latest", id="localhost"
        ),
        pytest.param("[::1]:5000/web", "[::1]:5000/web:latest", "[::1]:5000/web:latest", id="v6"),
        pytest.param("[::1]/web", "[::1]/web:latest", "[::1]/web:latest", id="v6-without-port"),
        pytest.param("HOST/web", "HOST/web:latest", "HOST/web:latest", id="upper-case-host"),
        pytest.param(
            "docker.io/library/a/b",
            "docker.io/library/a/b:latest",
            "library/a/b:latest",
            id="nested",
        ),
        pytest.param(
            "docker.io/a.b/c",
            "docker.io/a.b/c:latest",
            "docker.io/a.b/c:latest",
            id="user-like-host",
        ),
        pytest.param("a/b/c/d:1", "docker.io/a/b/c/d:1", "a/b/c/d:1", id="deep"),
        pytest.param(
            "a--b__c.d:x", "docker.io/library/a--b__c.d:x", "a--b__c.d:x", id="separators"
        ),
        pytest.param(
            f"alpine@{DIGEST}",
            f"docker.io/library/alpine@{DIGEST}",
            f"alpine@{DIGEST}",
            id="digest",
        ),
        pytest.param(
            f"alpine:3@{DIGEST}",
            f"docker.io/library/alpine:3@{DIGEST}",
            f"alpine:3@{DIGEST}",
            id="tag-and-digest",
        ),
        pytest.param(
            f"web:{'t' * 128}",
            f"docker.io/library/web:{'t' * 128}",
            f"web:{'t' * 128}",
            id="long-tag",
        ),
        pytest.param(
            f"images.test/{HEX}", f"images.test/{HEX}:latest", f"images.test/{HEX}:latest", id="hex"
        ),
        pytest.param(
            "host:65535/web", "host:65535/web:latest", "host:65535/web:latest", id="port-max"
        ),
    ],
)
def test_a_reference_is_completed_as_docker_does(text: str, canonical: str, familiar: str) -> None:
    reference = Reference.parse(text)

    assert str(reference) == canonical
    assert reference.familiar == familiar
    assert Reference.parse(canonical) == Reference.parse(familiar) == reference


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param(":1", id="only-tag"),
        pytest.param("web:", id="empty-tag"),
        pytest.param("Web", id="upper-case"),
        pytest.param("ana/Web", id="upper-case-below"),
        pytest.param("web:-x", id="tag-starts-with-dash"),
        pytest.param(f"web:{'t' * 129}", id="tag-too-long"),
        pytest.param("a" * 256, id="name-too-long"),
        pytest.param("a" * 2000, id="text-too-long"),
        pytest.param("web@sha256:beef", id="digest-too-short"),
        pytest.param(f"web@md5:{HEX}", id="other-algorithm"),
        pytest.param(f"web@{DIGEST}@{DIGEST}", id="two-digests"),
        pytest.param("web:1:2", id="two-tags"),
        pytest.param("a//b", id="empty-component"),
        pytest.param("/web", id="leading-slash"),
        pytest.param("web/", id="trailing-slash"),
        pytest.param("-web", id="leading-dash"),
        pytest.param("web-", id="trailing-dash"),
        pytest.param("a..b", id="two-dots"),
        pytest.param("a___b", id="three-underscores"),
        pytest.param("../etc/passwd", id="climbs-out"),
        pytest.param("a/../b", id="climbs"),
        pytest.param("web 1", id="space"),
        pytest.param("web\n", id="newline"),
        pytest.param("wéb", id="not-ascii"),
        pytest.param("host:port/web", id="port-no-number"),
        pytest.param("host:65536/web", id="port-too-high"),
        pytest.param("host:123456/web", id="port-too-long"),
        pytest.param("[::1]:99999/web", id="v6-port-too-high"),
        pytest.param("-host.test/web", id="host-leading-dash"),
        pytest.param("user@host.test/web", id="user"),
        pytest.param("https://host.test/web", id="scheme"),
        pytest.param(HEX, id="an-image-id"),
        pytest.param("$(reboot)", id="shell"),
    ],
)
def test_a_malformed_reference_is_refused_with_its_field(text: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        Reference.parse(text)

    assert caught.value.field == "reference"
    assert caught.value.reason
    assert caught.value.remedy
    assert len(str(caught.value)) < 600


@given(st.text(max_size=60))
def test_any_text_is_a_reference_or_refused(text: str) -> None:
    try:
        reference = Reference.parse(text)
    except InvalidReference:
        return
    assert Reference.parse(str(reference)) == reference
    assert reference.tag or reference.digest


COMPONENT = st.from_regex(r"[a-z0-9]{1,8}([._-][a-z0-9]{1,4})?", fullmatch=True)
REGISTRY = st.sampled_from(["docker.io", "images.test", "localhost", "host:5000", "[::1]:80"])
TAG = st.none() | st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)
DIGESTS = st.none() | st.binary(max_size=4).map(Digest.of)


@given(REGISTRY, st.lists(COMPONENT, min_size=1, max_size=3), TAG, DIGESTS)
def test_whatever_is_written_by_the_rules_comes_back(
    registry: str, components: list[str], tag: str | None, digest: Digest | None
) -> None:
    text = f"{registry}/{'/'.join(components)}"
    text += (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")

    reference = Reference.parse(text)

    assert reference.registry == registry
    assert reference.tag == (tag or (None if digest else "latest"))
    assert reference.digest == digest
    assert Reference.parse(reference.familiar) == reference
    assert Reference.parse(str(reference)) == reference


def test_a_registry_is_asked_for_the_digest_where_there_is_one() -> None:
    assert Reference.parse("web:1").manifest_reference == "1"
    assert Reference.parse(f"web:1@{DIGEST}").manifest_reference == DIGEST


def test_the_name_by_digest_has_no_tag() -> None:
    pinned = Reference.parse("web:1").with_digest(Digest(HEX))

    assert pinned.familiar == f"web@{DIGEST}"


@pytest.mark.parametrize(
    ("text", "is_loopback"),
    [
        ("localhost:5000/a", True),
        ("127.0.0.1/a", True),
        ("127.9.9.9:1/a", True),
        ("[::1]:5000/a", True),
        ("alpine", False),
        ("10.0.0.1/a", False),
        ("localhost.test/a", False),
        ("127.0.0.1.test/a", False),
    ],
)
def test_only_this_machine_is_loopback(text: str, is_loopback: bool) -> None:
    assert Reference.parse(text).is_loopback is is_loopback


@pytest.mark.parametrize(
    ("registry", "host"),
    [("a.test", "a.test"), ("a.test:5000", "a.test"), ("[::1]:5000", "::1"), ("[::1]", "::1")],
)
def test_the_host_of_a_registry(registry: str, host: str) -> None:
    assert registry_host(registry) == host
