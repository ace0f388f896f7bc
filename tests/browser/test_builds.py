"""Building from the editor: a line that fails, what the page makes of it, and it put right."""

from __future__ import annotations

import re
import zipfile
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

GOOD = "FROM shipshape/starter AS base\nRUN echo made > /made\n"
BAD = f"{GOOD}RUN echo almost there; exit 3\n"


@pytest.fixture(scope="module")
def trouble(page: Page) -> list[str]:
    return watch_for_trouble(page)


def test_a_failing_line_is_shown_in_its_dockerfile(
    stack: Stack, page: Page, trouble: list[str]
) -> None:
    page.goto(stack.first_url)
    page.get_by_label("Name").fill("ana")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password, once more").fill(PASSWORD)
    page.get_by_role("button", name="Make the account and sign in").click()
    page.goto(f"{stack.url}/images/")
    page.get_by_role("button", name=re.compile("starter", re.IGNORECASE)).first.click()
    expect(row(page, "shipshape/starter")).to_be_visible()

    page.keyboard.press("g")
    page.keyboard.press("b")
    expect(page.get_by_text("No builds yet")).to_be_visible()
    page.get_by_role("link", name="New build").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Dockerfile", exact=True).fill(BAD)
    dialog.get_by_label("Tag", exact=True).fill("team/app:1")
    dialog.get_by_role("button", name="Build").click()

    failure = page.get_by_role("region", name="What went wrong")
    expect(failure).to_contain_text("Failed in line 3")
    expect(failure.locator(".df-line.bad").first).to_contain_text("exit 3")
    expect(failure).to_contain_text("exit code 3")
    expect(failure.locator("pre")).to_contain_text("almost there")
    expect(page.locator(".step.done").last).to_contain_text("Done")
    expect(page.locator(".step.failed")).to_contain_text("Failed")
    expect(page.locator(".build-output")).to_contain_text("almost there")


def test_a_shell_is_offered_on_the_state_before_it(page: Page, trouble: list[str]) -> None:
    page.get_by_role("link", name="Open a shell there").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("[name=entrypoint]")).to_have_value("/bin/sh")
    dialog.get_by_role("button", name="Launch").click()
    expect(dialog).to_contain_text("is running")
    dialog.get_by_role("link", name="Open container").click()

    expect(page.get_by_role("link", name="Console")).to_be_visible()
    page.go_back()


def test_what_was_typed_comes_back_and_builds_once_put_right(
    stack: Stack, page: Page, trouble: list[str]
) -> None:
    page.get_by_role("region", name="What went wrong").get_by_role(
        "link", name="Change and retry"
    ).click()
    dialog = page.get_by_role("dialog")
    area = dialog.get_by_label("Dockerfile", exact=True)
    expect(area).to_have_value(BAD)
    expect(dialog.locator(".editor-lines")).to_have_text("1\n2\n3\n4")
    expect(dialog.get_by_label("Tag", exact=True)).to_have_value(re.compile("team/app:1"))
    area.fill(GOOD)
    area.press("End")
    area.press("Tab")
    expect(area).to_have_value(f"{GOOD}    ")
    area.press("Shift+Tab")
    expect(area).to_have_value(GOOD)
    dialog.get_by_role("button", name="Build").click()

    expect(page.locator("main")).to_contain_text("Succeeded")
    expect(page.locator(".step.cached")).to_contain_text("echo made")
    page.reload()
    expect(page.locator(".step.cached")).to_contain_text("Cached")
    page.get_by_role("link", name="Open image").first.click()
    expect(page.locator("main").get_by_text("team/app:1").first).to_be_visible()


def test_a_zip_is_sent_and_built_of(stack: Stack, page: Page, trouble: list[str], tmp_path) -> None:
    archive = tmp_path / "app.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("Dockerfile", "FROM scratch\nCOPY motd /etc/\n")
        packed.writestr("motd", "ahoy")
    page.goto(f"{stack.url}/builds/new/")
    page.get_by_label("Upload files").check()
    page.locator("[name=archive]").set_input_files(archive)
    page.get_by_label("Tag", exact=True).fill("team/app:1")
    page.get_by_role("button", name="Build").click()

    expect(page.locator("main")).to_contain_text("Succeeded")
    expect(page.locator("main")).to_contain_text("left untagged")
    page.goto(f"{stack.url}/builds/")
    expect(page.locator("tbody tr")).to_have_count(3)
    expect(row(page, "left untagged").locator("svg.trend")).to_be_visible()
    assert trouble == []


def test_a_running_step_is_followed_and_can_be_cancelled(
    stack: Stack, page: Page, trouble: list[str]
) -> None:
    page.goto(f"{stack.url}/builds/new/")
    page.get_by_label("Dockerfile", exact=True).fill(f"{GOOD}RUN echo waiting; sleep 1000\n")
    page.get_by_role("button", name="Build").click()
    running, output = page.locator(".step.running"), page.locator(".build-output")
    expect(output).to_contain_text("waiting")
    page.reload()
    expect(running).to_contain_text("Running")
    expect(output).to_contain_text("waiting")
    running.get_by_role("link").click()
    expect(page.get_by_role("heading", name="Output of step 0.3")).to_be_visible()
    page.locator("main").get_by_role("button", name="Cancel").click()

    expect(page.locator("main .job")).to_contain_text("Cancelled")
    expect(running).to_contain_text("Stopped")
    assert trouble == []


def test_nothing_is_wider_than_a_phone(stack: Stack, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    for address in ("/builds/", "/builds/new/"):
        page.goto(stack.url + address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.goto(f"{stack.url}/builds/?state=failed")
    page.locator("tbody a[data-open]").first.click()
    expect(page.get_by_role("region", name="What went wrong")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
