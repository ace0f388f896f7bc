"""What a refresh of the page leaves alone: what somebody ticked, and where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from dashboard.models import Container, Host
from tests.support.browsing import WEB, WEB_ID, open_live
from tests.support.mess import make_container

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

REFRESH = """() => {
    const once = { once: true };
    const refreshed = new Promise((done) => document.addEventListener("refreshed", done, once));
    document.dispatchEvent(new CustomEvent("stale"));
    return refreshed.then(() => null);
}"""
AT_ONCE_MS = 1


def refresh(page: Page) -> None:
    page.evaluate(REFRESH)


def test_what_is_ticked_stays_so(site, page):
    open_live(page, site, "/containers/?host=harbour")
    page.get_by_label("Select load-test").check()

    refresh(page)

    expect(page.get_by_label("Select load-test")).to_be_checked()
    expect(page.locator("[data-bulk-bar]")).to_contain_text("1 selected", timeout=AT_ONCE_MS)


def test_a_notice_that_comes_above_a_list_leaves_the_list_alone(site, page):
    open_live(page, site, "/containers/?host=harbour")
    page.get_by_label("Select load-test").check()
    page.get_by_label("Select web-1").focus()
    page.evaluate("document.querySelector('.table').isTheSame = true")
    site.do(lambda: Host.objects.filter(name="harbour").update(last_seen_at="2020-01-01T00:00Z"))

    refresh(page)

    expect(page.get_by_text("harbour is offline")).to_be_visible()
    assert page.evaluate("document.querySelector('.table').isTheSame")
    expect(page.get_by_label("Select load-test")).to_be_checked()
    expect(page.get_by_label("Select web-1")).to_be_focused()

    site.do(lambda: Host.objects.filter(name="harbour").update(last_seen_at="2100-01-01T00:00Z"))
    refresh(page)
    assert page.evaluate("document.querySelector('.table').isTheSame")
    expect(page.get_by_label("Select web-1")).to_be_focused()


def test_whoever_is_at_a_row_stays_there_when_others_come_and_go(site, page):
    def change() -> None:
        Container.objects.filter(host_id="harbour", name="edge").delete()
        host = Host.objects.get(name="harbour")
        make_container(host, "aaa-new", host.images.first())

    open_live(page, site, "/containers/?host=harbour&sort=name")
    expect(page.locator("tbody tr").nth(1)).to_contain_text("edge")
    page.locator(f"{WEB} [data-open]").focus()
    site.do(change)

    refresh(page)

    expect(page.locator("tbody tr").first).to_contain_text("aaa-new")
    expect(page.locator(f"{WEB} [data-open]")).to_be_focused()


def test_whoever_is_at_a_row_stays_there_when_it_moves(site, page):
    open_live(page, site, "/containers/?host=harbour&sort=name")
    page.locator(f"{WEB} [data-open]").focus()
    site.do(lambda: Container.objects.filter(container_id=WEB_ID).update(name="aaa-web"))

    refresh(page)

    expect(page.locator("tbody tr").first).to_contain_text("aaa-web")
    expect(page.locator(f"{WEB} [data-open]")).to_be_focused()


def test_all_that_match_stay_selected(site, page):
    def fill() -> None:
        host = Host.objects.get(name="harbour")
        for number in range(60):
            make_container(host, f"many-{number}", host.images.first())

    site.do(fill)
    open_live(page, site, "/containers/?host=harbour&q=many")
    page.locator("[data-select-all]").check()
    page.get_by_role("button", name="Select all 60 matching").click()
    bar = page.locator("[data-bulk-bar]")
    expect(bar).to_contain_text("60 selected")

    refresh(page)

    expect(bar).to_contain_text("60 selected", timeout=AT_ONCE_MS)
