"""The log viewer in a real Chromium, before a site whose agent the test plays."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.support.browsing import WEB_ID
from tests.support.mess import hex_id

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.support.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

LOGS = f"/containers/harbour/{WEB_ID}/?tab=logs"
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
ALL = 3000
PAGE = 1000


def at(number: int) -> str:
    return (BEGAN + timedelta(seconds=number)).isoformat()


def old_line(number: int) -> dict[str, str]:
    text = f"old {number}"
    if number == 1500:
        text = '{"level": "error", "msg": "it broke", "code": 42}'
    return {"t": at(number), "s": "stdout", "m": text}


def old_page(told: dict[str, Any]) -> dict[str, Any]:
    """What a log of `ALL` lines answers, one each second."""
    since, until = told.get("since") or at(0), told.get("until") or at(ALL)
    lines = [line for line in map(old_line, range(ALL)) if since <= line["t"] <= until]
    kept = lines[:PAGE] if told.get("since") else lines[-PAGE:]
    return {"lines": kept, "is_full": len(kept) == PAGE}


def lines(page: Page) -> Any:
    return page.locator(".log-line")


def test_older_lines_come_when_somebody_scrolls_up(site: Site, page: Page) -> None:
    site.answers["containers.log_page"] = old_page
    page.goto(f"{site.url}{LOGS}&at={at(2000).replace('+', '%2B')}")
    expect(page.locator(".log-line.is-marked")).to_contain_text("old 2000")

    page.locator(".log").hover()
    for _ in range(40):
        page.mouse.wheel(0, -20_000)
        if lines(page).filter(has_text=re.compile(r"old 5\b")).count():
            break
        page.wait_for_timeout(50)

    expect(lines(page).filter(has_text=re.compile(r"old 5\b"))).to_have_count(1)
    page.get_by_role("button", name="Go to what comes now").click()
    expect(page.locator("[data-log-status]")).to_have_text("Following")
    assert "at=" not in page.url


def test_json_is_folded_and_text_is_left_out(site: Site, page: Page) -> None:
    site.answers["containers.log_page"] = old_page
    page.goto(f"{site.url}{LOGS}&at={at(1500).replace('+', '%2B')}")
    marked = page.locator(".log-line.is-marked")
    expect(marked).to_contain_text("it broke level=error code=42")

    page.get_by_label("Fold JSON").uncheck()
    expect(lines(page).filter(has_text='"msg": "it broke"')).to_have_count(1)
    page.get_by_label("Regex").check()
    page.get_by_label("What to do with lines").select_option("exclude")
    page.get_by_label("Text to look for").fill(r"old \d+")

    expect(lines(page)).to_have_count(1)
    page.get_by_label("Text to look for").fill("old (")
    expect(page.get_by_label("Text to look for")).to_have_attribute("aria-invalid", "true")


def test_two_containers_are_one_log_with_their_names(site: Site, page: Page) -> None:
    other = hex_id("container", "harbour", "web-2")
    page.goto(f"{site.url}/logs/?c=harbour/{WEB_ID}&c=harbour/{other}")

    expect(page.locator(".log-line .tag-0").first).to_have_text("web-1")
    expect(page.locator(".log-line .tag-1").first).to_have_text("web-2")
    expect(page.locator("[data-log-status]")).to_have_text("Following 2 of 2")


def test_a_line_has_an_address_of_its_own(site: Site, page: Page) -> None:
    page.goto(f"{site.url}{LOGS}")
    page.locator(".log-time").first.click()

    expect(page.locator(".log-line.is-marked")).to_have_count(1)
    assert "at=2026-01-02T03%3A04%3A05.678Z" in page.url


def test_what_a_removed_container_printed_is_found_from_the_list(site: Site, page: Page) -> None:
    gone = {
        "id": "d" * 64,
        "name": "old-web",
        "image": "web:187",
        "owner": "ana",
        "exit_code": 137,
        "at": "2026-07-01T12:00:00+00:00",
        "by": "otto",
        "bytes": 4_000_000,
        "in_trash": False,
    }
    kept = {"seconds": 86_400, "most_bytes": 1 << 28}
    site.answers["containers.removed_list"] = {"removed": [gone], **kept}
    site.answers["containers.removed_one"] = {"removed": gone, **kept}
    page.goto(f"{site.url}/containers/")
    page.get_by_role("link", name="Recently removed").click()
    page.get_by_role("link", name="old-web", exact=True).click()

    expect(page.get_by_text("Removed at")).to_contain_text("by otto")
    expect(lines(page).first).to_be_visible()
    expect(page.get_by_role("link", name="Containers", exact=True).first).to_have_attribute(
        "aria-current", "page"
    )
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_text_is_looked_for_as_it_is_read_and_further_back(site: Site, page: Page) -> None:
    site.answers["containers.log_page"] = old_page
    page.goto(f"{site.url}{LOGS}&at={at(2600).replace('+', '%2B')}")
    expect(page.locator(".log-line.is-marked")).to_contain_text("old 2600")
    back = page.locator(".log-back")

    # So little is left that the top is reached, and one page more comes by itself.
    page.get_by_label("Text to look for").fill("code=42")
    expect(lines(page)).to_have_text([re.compile("it broke")])
    expect(back).to_contain_text("1 of the 2,398 lines")

    page.get_by_label("Regex").check()
    page.get_by_label("Text to look for").fill("old 5$")
    expect(back).to_contain_text("None of the 2,398 lines")
    back.get_by_role("button").click()
    expect(lines(page)).to_have_text([re.compile(r"old 5$")])

    back.get_by_role("button").click()
    expect(back).to_contain_text("1 of the 3,000 lines looked at")
    expect(back.get_by_role("button")).to_be_hidden()
