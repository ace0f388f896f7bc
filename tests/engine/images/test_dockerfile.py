from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from engine.images.dockerfile import render_dockerfile
from engine.oci.config import HistoryEntry, ProcessDefaults, render_config
from engine.oci.platform import Platform
from engine.oci.reference import Reference
from tests.support.images import MADE_AT

if TYPE_CHECKING:
    from engine.images.record import ImageRecord
    from tests.support.world import World


@pytest.fixture
def image(world: World) -> ImageRecord:
    return world.add(b"one", b"two", tags=("team/web:1",))


def told(
    image: ImageRecord, *history: HistoryEntry, defaults: ProcessDefaults | None = None
) -> ImageRecord:
    content = render_config(
        platform=Platform("linux", "amd64"),
        diff_ids=image.config.diff_ids,
        history=history,
        defaults=defaults or ProcessDefaults(),
        created_at=MADE_AT,
    )
    return replace(image, config_content=content)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ('/bin/sh -c #(nop)  CMD ["sh"]', 'CMD ["sh"]'),
        (
            '/bin/sh -c #(nop)  CMD ["nginx" "-g" "daemon off;"]',
            'CMD ["nginx", "-g", "daemon off;"]',
        ),
        ("/bin/sh -c #(nop) ADD file:6dab3a2b1f6e in / ", "ADD file:6dab3a2b1f6e /"),
        ("/bin/sh -c apt-get update", "RUN apt-get update"),
        ("RUN /bin/sh -c make # buildkit", "RUN make"),
        ("|2 A=1 B=2 /bin/sh -c make $A", "RUN make $A"),
        ("COPY . /app # buildkit", "COPY . /app"),
        ("EXPOSE map[443/tcp:{} 80/tcp:{}]", "EXPOSE 443/tcp 80/tcp"),
        ("VOLUME [/data]", 'VOLUME ["/data"]'),
        ("/bin/sh -c #(nop)  ENV NAME=two words", 'ENV NAME="two words"'),
        ("ENV PATH=/bin:/usr/bin", "ENV PATH=/bin:/usr/bin"),
        ("WORKDIR /srv", "WORKDIR /srv"),
        ("/bin/sh -c #(nop)  USER ana", "USER ana"),
        ('ENTRYPOINT ["/run"]', 'ENTRYPOINT ["/run"]'),
        ("bazel build ...", "RUN bazel build ..."),
    ],
)
def test_each_builders_words_become_an_instruction(
    image: ImageRecord, words: str, line: str
) -> None:
    rendered = render_dockerfile(told(image, HistoryEntry(created_by=words)), None)

    assert rendered == f"FROM scratch\n\n{line}\n"


def test_a_long_chain_of_commands_has_a_line_for_each(image: ImageRecord) -> None:
    words = "/bin/sh -c " + " && ".join(f"apt-get install package-{n}" for n in range(5))

    lines = render_dockerfile(told(image, HistoryEntry(created_by=words)), None).splitlines()

    assert lines[2] == "RUN apt-get install package-0 \\"
    assert lines[-1] == "    && apt-get install package-4"


def test_what_a_base_image_brought_is_its_name(image: ImageRecord) -> None:
    first, second = HistoryEntry(created_by="RUN one"), HistoryEntry(created_by="RUN two")
    base = replace(told(image, first), tags=(Reference.parse("debian:12"),))

    assert render_dockerfile(told(image, first, second), base) == "FROM debian:12\n\nRUN two\n"


def test_a_commit_has_no_words_but_its_comment(image: ImageRecord) -> None:
    rendered = render_dockerfile(told(image, HistoryEntry(comment="by hand")), None)

    assert rendered == "FROM scratch\n\n# by hand\n"


def test_without_history_the_config_speaks(image: ImageRecord) -> None:
    defaults = ProcessDefaults(
        user="ana", env=("A=b c",), command=("x", "y"), exposed_ports=("80/tcp",), labels={"a": "1"}
    )

    assert render_dockerfile(told(image, defaults=defaults), None).splitlines()[2:] == [
        "# 2 layers, of which no history tells",
        'ENV A="b c"',
        'LABEL a="1"',
        "EXPOSE 80/tcp",
        "USER ana",
        'CMD ["x", "y"]',
    ]
