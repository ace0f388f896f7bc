"""A policy on the real product: made, rehearsed, switched on, run, and what people are told."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.test_journey import PASSWORD, row, watch_for_trouble

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.support.stack import Stack

pytestmark = [
    pytest.mark.browser,
    pytest.mark.root,
    pytest.mark.redis,
    pytest.mark.timeout(300),
]


@pytest.fixture(scope="module")
def trouble(page: Page) -> list[str]:
    return watch_for_trouble(page)


def test_a_policy_is_made_and_is_off(stack: Stack, page: Page, trouble: list[str]) -> None:
    page.goto(stack.first_url)
    page.get_by_label("Name").fill("ana")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password, once more").fill(PASSWORD)
    page.get_by_role("button", name="Make the account and sign in").click()
    page.goto(f"{stack.url}/images/")
    page.get_by_role("button", name=re.compile("starter", re.IGNORECASE)).first.click()
    expect(row(page, "shipshape/starter")).to_be_visible()

    page.goto(f"{stack.url}/clean-up/")
    page.get_by_role("link", name="Policies").click()
    page.get_by_role("link", name="New policy").first.click()
    page.get_by_label("Name", exact=True).fill("Nightly")
    page.get_by_label("Images no container uses").check()
    page.get_by_role("button", name="Make the policy").click()

    expect(page.get_by_role("heading", name="Nightly")).to_contain_text("Off")
    expect(page.locator("#page")).to_contain_text("Every day, on all hosts.")


def test_a_rehearsal_looks_and_touches_nothing(page: Page, trouble: list[str]) -> None:
    page.get_by_role("link", name="Rehearse").click()

    told = page.locator("#page .table-card")
    expect(told).to_contain_text(re.compile(r"Over 30 days on\s+\S+:\s+1\s+image,\s+0\s+would"))
    expect(told).to_contain_text("no container was made from it")
    page.get_by_role("link", name="Nightly").click()


def test_switched_on_it_says_when_it_runs_next(page: Page, trouble: list[str]) -> None:
    page.get_by_role("button", name="Switch on").click()

    expect(page.get_by_text("Nightly is on, in your name.")).to_be_visible()
    expect(page.locator("#page")).to_contain_text("Next run:")


def test_run_now_it_takes_what_its_rules_say_and_tells_so(
    stack: Stack, page: Page, trouble: list[str]
) -> None:
    page.get_by_role("button", name="Run now").click()

    runs = page.locator("#page .jobs-list")
    expect(runs).to_contain_text("Moved 1 image to the trash.")
    runs.get_by_text("What became of 1 thing").click()
    expect(runs).to_contain_text("shipshape/starter")
    expect(page.locator("#unread-count")).to_have_text("1")
    page.get_by_role("button", name="Notifications").click()
    told = page.locator("#inbox .told").first
    expect(told).to_contain_text("Nightly cleaned up")
    told.get_by_role("button", name="Mark read").click()
    expect(page.locator("#unread-count")).to_be_hidden()
    page.goto(f"{stack.url}/trash/")
    expect(page.locator("#page")).to_contain_text("shipshape/starter")
    assert trouble == []
