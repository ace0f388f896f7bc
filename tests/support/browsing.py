"""A browser before a site whose hosts the test plays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.support.mess import PASSWORD, hex_id

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.support.site import Site

WEB_ID = hex_id("container", "harbour", "web-1")
WEB = f"#container-harbour-{WEB_ID}"


def sign_in(page: Page, site: Site, name: str) -> None:
    page.goto(f"{site.url}/account/login/")
    page.locator("[name=login]").fill(name)
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect_live(page)


def open_live(page: Page, site: Site, path: str) -> None:
    page.goto(site.url + path)
    expect_live(page)


def expect_live(page: Page) -> None:
    """
    Wait until the page's scripts run, and have looked again for what came before they did.

    Before that, keys are pressed for nobody, and what is pushed may be part of that look.
    """
    expect(page.locator("#live-state")).to_have_text("Live")
    expect(page.locator("#page:not([aria-busy])")).to_be_attached()
