"""A viewer sees and cannot, an operator acts on their own, a maintainer on everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from dashboard import events
from dashboard.models import Container, Job, OwnerQuestion
from tests.support.browsing import open_live, sign_in
from tests.support.mess import hex_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

    from tests.support.site import Site

MINE = "load-test"
HERS = "nightly-import"


@pytest.fixture
def page_of(site: Site, browser: Browser, trouble: list[str]) -> Iterator[Callable[[str], Page]]:
    contexts = []

    def open_as(name: str) -> Page:
        context = browser.new_context(viewport={"width": 1360, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: trouble.append(str(error)))
        sign_in(page, site, name)
        return page

    yield open_as
    for context in contexts:
        context.close()
    assert trouble == []


def row(page: Page, name: str):
    return page.locator(f"#container-harbour-{hex_id('container', 'harbour', name)}")


def offered(page: Page, name: str) -> list[bool]:
    """Whether the row offers to start it, to take it, and to ask for it."""
    actions = row(page, name).locator(".row-actions")
    wanted = ("[title=Start]", "button[data-needs=owner]", ".whose")
    return [actions.locator(each).is_visible() for each in wanted]


def test_each_role_is_offered_what_it_may(site, page_of):
    for name, own, other in (
        ("vera", [False, False, False], [False, False, False]),
        ("otto", [True, True, False], [True, False, True]),
        ("mia", [True, True, False], [True, True, False]),
    ):
        page = page_of(name)
        open_live(page, site, "/containers/?host=harbour")
        expect(row(page, MINE)).to_be_visible()
        assert offered(page, MINE) == own, name
        assert offered(page, HERS) == other, name


def test_a_pushed_row_is_marked_for_who_looks(site, page_of):
    page = page_of("otto")
    open_live(page, site, "/containers/?host=harbour")
    ids = {"container_id": hex_id("container", "harbour", MINE)}

    def give_away() -> None:
        Container.objects.filter(**ids).update(owner="ada")
        events.publish_container(Container.objects.get(host_id="harbour", **ids))

    site.do(give_away)

    expect(row(page, MINE).locator(".owner")).to_have_text("ada")
    expect(row(page, MINE)).to_have_attribute("data-others", "")
    expect(row(page, MINE).locator(".whose")).to_be_visible()
    expect(row(page, MINE).locator("button[data-needs=owner]")).to_be_hidden()


def test_an_operator_asks_the_owner_lets_go_and_it_goes(site, page_of):
    otto = page_of("otto")
    open_live(otto, site, "/containers/?host=harbour")
    row(otto, HERS).locator(".whose").click()
    dialog = otto.locator("#dialog")
    expect(dialog).to_contain_text("belongs to ada: ask the owner")
    dialog.get_by_label("A word to the owner").fill("The disk is full")
    dialog.get_by_role("button", name="Ask the owner").click()
    expect(dialog).to_contain_text("you will be told of the answer")

    ada = page_of("ada")
    url = site.do(lambda: OwnerQuestion.objects.get().get_absolute_url())
    open_live(ada, site, url)
    expect(ada.locator("#page")).to_contain_text("The disk is full")
    ada.get_by_role("button", name="Let it go").click()
    expect(ada.get_by_role("button", name="Let it go")).to_have_count(0)
    expect(ada.locator("#page .badge")).to_have_text("Let it go")

    open_live(otto, site, url)
    otto.get_by_role("link", name=f"Remove {HERS}").click()
    dialog.get_by_label("Type the name of its host").fill("harbour")
    dialog.get_by_role("button", name="Remove").click()
    expect(dialog.locator(".job")).to_be_visible()
    assert site.do(lambda: Job.objects.filter(name="containers.remove").count()) == 1
