"""One container from its launch form to its console and its files; nothing is played."""

from __future__ import annotations

import re
import urllib.request
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.support.stack import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator, Page

    from tests.support.stack import Stack

pytestmark = [
    pytest.mark.browser,
    pytest.mark.root,
    pytest.mark.redis,
    pytest.mark.timeout(300),
]

PASSWORD = "correct horse battery staple"
SCRIPT = (
    "echo ready to serve; echo changed > /etc/motd; mkdir -p /srv; echo hi > /srv/index.html;"
    " httpd -p 80 -h /srv; exec sleep 1000"
)


@pytest.fixture(scope="module")
def trouble(page: Page) -> list[str]:
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on(
        "console",
        lambda said: found.append(said.text) if "Content Security" in said.text else None,
    )
    return found


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module", autouse=True)
def _signed_in(stack: Stack, page: Page, trouble: list[str]) -> Iterator[None]:
    page.goto(stack.first_url)
    page.get_by_label("Name").fill("ana")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password, once more").fill(PASSWORD)
    page.get_by_role("button", name="Make the account and sign in").click()
    page.goto(f"{stack.url}/images/")
    page.get_by_role("button", name=re.compile("starter", re.IGNORECASE)).first.click()
    expect(row(page, "shipshape/starter")).to_be_visible()
    yield
    assert trouble == []


def row(page: Page, text: str) -> Locator:
    return page.locator("tr", has_text=text).first


def open_tab(stack: Stack, page: Page, name: str) -> None:
    page.goto(f"{stack.url}/containers/")
    row(page, "inside").get_by_role("link").first.click()
    page.wait_for_url(re.compile("/containers/[^/]+/[0-9a-f]{64}/"))
    page.get_by_label("Parts of this page").get_by_role("link", name=name, exact=True).click()
    page.wait_for_url(re.compile(f"tab={name.lower()}"))


def screen(page: Page) -> Locator:
    return page.locator(".xterm-rows")


def test_a_launch_publishes_a_port(stack: Stack, page: Page, port: int) -> None:
    page.goto(f"{stack.url}/containers/launch/")
    page.get_by_label("Image").fill("shipshape/starter")
    page.locator("[name=name]").fill("inside")
    page.get_by_label("Command", exact=True).first.fill(f"sh -c '{SCRIPT}'")
    page.get_by_text("Network and ports", exact=True).click()
    page.get_by_label("Published ports").fill(f"127.0.0.1:{port}:80")
    page.get_by_label("Network", exact=True).fill("bridge")
    page.get_by_text("Storage", exact=True).click()
    page.get_by_label("Volumes and directories").fill("inside-data:/data")
    page.get_by_text("Lifecycle and health", exact=True).click()
    page.locator("[name=health]").select_option("own")
    page.locator("[name=health_command]").fill("echo fit as a fiddle")
    page.locator("[name=health_interval]").fill("1s")
    page.get_by_role("button", name="Launch").click()

    expect(page.locator("main")).to_contain_text("inside is running")
    page.goto(f"{stack.url}/containers/")
    expect(row(page, "inside").get_by_role("link", name=f"{port} → 80")).to_be_visible()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
        assert answer.read() == b"hi\n"


def test_the_volume_was_made_and_says_who_has_it(stack: Stack, page: Page) -> None:
    page.goto(f"{stack.url}/volumes/")
    expect(row(page, "inside-data")).to_contain_text("In use")
    row(page, "inside-data").get_by_role("link").first.click()

    expect(page.locator("main")).to_contain_text("inside")
    page.goto(f"{stack.url}/networks/")
    expect(row(page, "bridge")).to_contain_text("1 container")


def test_a_console_answers_what_is_typed(stack: Stack, page: Page) -> None:
    open_tab(stack, page, "Console")
    page.get_by_role("button", name="Open", exact=True).click()
    expect(page.locator("[data-console-status]")).to_have_text("Open")
    page.keyboard.type("echo ahoy-$((40+2)) from $TERM\n")

    expect(screen(page)).to_contain_text("ahoy-42 from xterm-256color")
    page.keyboard.type("exit\n")
    expect(page.locator("[data-console-status]")).to_have_text("Closed")
    open_tab(stack, page, "Activity")
    expect(page.locator("main")).to_contain_text("Terminal in inside: /bin/sh")


def test_a_program_that_is_not_there_is_said_in_words(stack: Stack, page: Page) -> None:
    open_tab(stack, page, "Console")
    page.locator("#console-command").fill("/bin/nothing")
    page.get_by_role("button", name="Open", exact=True).click()

    expect(screen(page)).to_contain_text("nothing")
    expect(page.locator("[data-console-status]")).to_have_text("Closed")


def test_changes_are_a_tree_that_can_be_taken_out(stack: Stack, page: Page) -> None:
    open_tab(stack, page, "Changes")
    expect(page.locator(".tree")).to_contain_text("motd")
    with page.expect_download() as started:
        page.get_by_label("Download /srv/index.html").click()

    assert started.value.path().read_bytes() == b"hi\n"


def test_traffic_and_processes_are_shown(stack: Stack, page: Page) -> None:
    open_tab(stack, page, "Overview")

    expect(page.locator("[data-figure=network]")).to_contain_text("/s")
    expect(page.locator("[data-figure=split]")).to_contain_text("private")
    expect(page.locator(".plain-table")).to_contain_text("httpd")


def test_checks_of_its_health_are_shown_with_what_they_said(stack: Stack, page: Page) -> None:
    open_tab(stack, page, "Overview")

    expect(page.locator(".checks li").nth(4)).to_contain_text("fit as a fiddle")


def test_its_whole_log_can_be_taken_along(stack: Stack, page: Page) -> None:
    open_tab(stack, page, "Logs")
    page.get_by_text("Download", exact=True).click()
    with page.expect_download() as started:
        page.get_by_role("link", name="All of inside").click()

    assert started.value.suggested_filename == "inside.log"
    assert b" stdout ready to serve\n" in started.value.path().read_bytes()


def test_before_a_removal_it_says_what_would_be_lost(stack: Stack, page: Page) -> None:
    open_tab(stack, page, "Overview")
    page.get_by_label("More to do with it").click()
    page.get_by_role("link", name="Remove for good").click()
    dialog = page.get_by_role("dialog")

    expect(dialog).to_contain_text("changed file")
    expect(dialog).to_contain_text("inside-data at /data")
    page.keyboard.press("Escape")


def test_a_reverted_file_is_as_the_image_has_it(stack: Stack, page: Page) -> None:
    open_tab(stack, page, "Changes")
    expect(page.get_by_label("Revert /srv/index.html")).to_be_disabled()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("main").get_by_text("Exited").first).to_be_visible()
    open_tab(stack, page, "Changes")
    page.get_by_label("Revert /srv/index.html").click()
    expect(page.locator(".toasts")).to_contain_text("as its image has it")
    page.get_by_role("button", name="Look again").click()

    expect(page.locator(".tree")).to_contain_text("motd")
    expect(page.locator(".tree")).not_to_contain_text("index.html")


def test_the_card_of_a_stopped_container_has_its_last_lines(stack: Stack, page: Page) -> None:
    page.goto(f"{stack.url}/containers/?state=stopped")
    card = page.locator("article", has_text="inside").first

    expect(card).to_contain_text("ready to serve")
    expect(card.get_by_role("button", name="Restart")).to_be_visible()
