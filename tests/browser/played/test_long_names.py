"""Names that a pipeline made up: as long as allowed, and on every width of screen."""

from __future__ import annotations

import pytest

from dashboard.models import Container, Host, Tag, Volume
from tests.support.browsing import WEB_ID, open_live

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

LONG = "a-name-" + "that-goes-on-" * 9
WIDTHS = (390, 720, 1160, 1280, 1300, 1440, 1600)
PATHS = (
    "/containers/",
    f"/containers/harbour/{WEB_ID}/",
    "/images/",
    "/layers/",
    "/volumes/",
    f"/volumes/harbour/{LONG}/",
    f"/logs/?c=harbour/{WEB_ID}",
)
# What is shown of a name ends where the tick box, the actions or the neighbour begin.
OVERLAPS = """() => {
    const meet = (one, other) => {
        const [a, b] = [one.getBoundingClientRect(), other.getBoundingClientRect()];
        const beside = a.right <= b.left + 1 || b.right <= a.left + 1;
        const below = a.bottom <= b.top + 1 || b.bottom <= a.top + 1;
        return !beside && !below && !one.contains(other);
    };
    return [...document.querySelectorAll("tr[data-row]")].flatMap((row) => {
        const parts = row.querySelectorAll(".cell-main, .breakable, .check, .row-actions button");
        const shown = [...parts].filter((each) => each.checkVisibility());
        const met = shown.filter((one, at) => shown.slice(at + 1).some((each) => meet(one, each)));
        return met.map((each) => `${row.id}: ${each.outerHTML}`);
    });
}"""


@pytest.fixture
def long_names(site):
    def rename() -> None:
        host = Host.objects.get(name="harbour")
        Container.objects.filter(container_id=WEB_ID).update(
            name=LONG, image_reference=f"registry.example.org/{LONG}:1"
        )
        Tag.objects.filter(image__host=host).update(repository=f"registry.example.org/{LONG}")
        Volume.objects.filter(host=host, name="orders-data").update(name=LONG)

    site.do(rename)


@pytest.mark.parametrize("width", WIDTHS)
def test_long_names_fit(site, page, long_names, width):
    page.set_viewport_size({"width": width, "height": 900})
    wide, overlapping = [], []
    for path in PATHS:
        open_live(page, site, path)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide.append(path)
        overlapping.extend(page.evaluate(OVERLAPS))

    assert wide == []
    assert overlapping == []
