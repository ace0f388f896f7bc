"""The colours that text has on what it stands on, in both themes: WCAG AA."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TOKENS = Path(__file__).parents[2] / "static/dashboard/css/tokens.css"
PAIR = re.compile(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)")
TEXT = 4.5
GRAPHIC = 3.0

WORDS = [
    *(
        (text, ground)
        for text in ("text", "text-soft", "text-faint")
        for ground in ("canvas", "surface", "raised", "sunken", "hover")
    ),
    *(("accent", ground) for ground in ("canvas", "surface", "raised", "hover")),
    *(
        (tone, ground)
        for tone in ("ok", "warn", "bad")
        for ground in (f"{tone}-soft", "surface", "raised")
    ),
    *((f"on-hold-{depth}", f"hold-{depth}") for depth in range(5)),
    ("idle", "idle-soft"),
    ("accent-strong", "accent-soft"),
    ("on-accent", "accent"),
    ("on-bad", "bad-fill"),
    ("text", "warn-soft"),
    ("text", "bad-soft"),
    *(
        (f"ansi-{name}", "surface")
        for name in ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
    ),
]
SHAPES = [("accent", "tone-free"), ("control", "surface"), ("accent", "canvas")]


def colours(theme: int) -> dict[str, str]:
    return {found[0]: found[1 + theme] for found in PAIR.findall(TOKENS.read_text())}


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [pytest.param(0, id="light"), pytest.param(1, id="dark")])
@pytest.mark.parametrize(
    ("front", "ground", "least"),
    [*((*pair, TEXT) for pair in WORDS), *((*pair, GRAPHIC) for pair in SHAPES)],
)
def test_what_is_read_stands_out(theme, front, ground, least):
    known = colours(theme)

    assert contrast(known[front], known[ground]) >= least
