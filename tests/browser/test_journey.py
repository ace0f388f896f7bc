"""From the URL that `up` prints to a clean host; each test goes on where the last one ended."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.support.buildah import Buildah
    from tests.support.services import RegistryServer
    from tests.support.stack import Stack

pytestmark = [
    pytest.mark.browser,
    pytest.mark.root,
    pytest.mark.redis,
    pytest.mark.registry,
    pytest.mark.timeout(300),
]

PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def reference(registry_server: RegistryServer) -> str:
    return registry_server.reference("team/web", "1")


def random_text(length: int) -> str:
    """Text that no compression makes much smaller, so that a pull of it can be watched."""
    return random.Random(length).randbytes(length // 2).hex()


def row(page: Page, text: str) -> Locator:
    return page.locator("tr", has_text=text).first


def kill(page: Page) -> None:
    page.get_by_label("More to do with it").click()
    page.get_by_role("button", name="Kill").click()


def watch_for_trouble(page: Page) -> list[str]:
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on(
        "console",
        lambda message: found.append(message.text) if "Content Security" in message.text else None,
    )
    return found


@pytest.fixture(scope="module")
def trouble(page: Page) -> list[str]:
    return watch_for_trouble(page)


def test_the_printed_url_leads_to_the_first_account(
    stack: Stack, page: Page, trouble: list[str]
) -> None:
    page.goto(stack.first_url)
    page.get_by_label("Name").fill("ana")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password, once more").fill(PASSWORD)
    page.get_by_role("button", name="Make the account and sign in").click()

    expect(page.get_by_role("heading", name="Three things to do first")).to_be_visible()


def test_the_link_works_only_once(stack: Stack, page: Page) -> None:
    with page.context.browser.new_context() as stranger:
        other = stranger.new_page()
        other.goto(stack.first_url)

        expect(other.get_by_role("button", name="Make the account")).to_have_count(0)


def test_an_image_is_pulled_with_a_bar_for_each_layer(
    page: Page, buildah: Buildah, reference: str
) -> None:
    noise = {f"/data/{number}": random_text(20_000_000) for number in range(3)}
    buildah.push_image(
        reference, command="echo ahoy from the registry; exec sleep 1000", files=noise
    )
    page.get_by_role("link", name="Pull an image").first.click()
    dialog = page.get_by_role("dialog")
    dialog.locator("[name=reference], [name=image]").fill(reference)
    dialog.get_by_role("button", name="Pull").click()

    # It may be over before a busy browser has drawn a single row.
    rows = dialog.locator(".layer-row").nth(2)
    expect(rows.or_(dialog.get_by_text("Succeeded")).first).to_be_visible()
    expect(dialog).to_contain_text("Succeeded")
    expect(dialog).to_contain_text("Downloaded newer image")


def test_a_registry_is_browsed_and_pulled_from(
    stack: Stack, page: Page, buildah: Buildah, registry_server: RegistryServer
) -> None:
    for tag in ("1.9", "1.10"):
        buildah.push_image(
            registry_server.reference("team/browsed", tag), command="true", files={"/tag": tag}
        )
    registry = registry_server.reference("team/browsed", "1.9").partition("/")[0]
    page.goto(f"{stack.url}/registries/browse/")
    page.get_by_label("Registry", exact=True).fill(registry)
    page.get_by_role("button", name="Look").click()
    page.get_by_role("link", name="team/browsed").click()

    expect(page.locator("tbody tr").first).to_contain_text("1.10")
    row(page, "1.9").get_by_role("link", name="Pull").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("[name=reference]")).to_have_value(f"{registry}/team/browsed:1.9")
    dialog.get_by_role("button", name="Pull").click()
    expect(dialog).to_contain_text("Succeeded")
    page.keyboard.press("Escape")


def test_a_registry_that_is_not_there_is_said_in_words(stack: Stack, page: Page) -> None:
    page.goto(f"{stack.url}/registries/browse/?registry=127.0.0.1:1")

    expect(page.get_by_role("alert")).to_contain_text("127.0.0.1:1")


def test_a_wrong_reference_is_refused_at_its_field(stack: Stack, page: Page) -> None:
    page.goto(f"{stack.url}/images/")
    page.get_by_role("link", name="Pull image").first.click()
    dialog = page.get_by_role("dialog")
    dialog.locator("[name=reference], [name=image]").fill("Not A Reference")
    dialog.get_by_role("button", name="Pull").click()

    expect(dialog.get_by_text("is not a valid image reference")).to_be_visible()
    expect(dialog.locator("[name=reference], [name=image]")).to_have_value("Not A Reference")
    page.keyboard.press("Escape")


def test_the_starter_image_comes_with_one_click(stack: Stack, page: Page) -> None:
    page.goto(f"{stack.url}/images/")
    page.get_by_role("button", name=re.compile("starter", re.IGNORECASE)).first.click()

    expect(row(page, "shipshape/starter")).to_be_visible()


def test_an_image_shows_tags_history_and_layers(stack: Stack, page: Page, reference: str) -> None:
    page.goto(f"{stack.url}/images/")
    row(page, "team/web").get_by_role("link").first.click()

    expect(page.locator("main").get_by_text(reference).first).to_be_visible()
    expect(page.locator("main").get_by_text("History").first).to_be_visible()
    expect(page.locator("main").get_by_text("Layers").first).to_be_visible()


def test_a_container_is_launched_and_arrives_live(stack: Stack, page: Page, reference: str) -> None:
    page.goto(f"{stack.url}/containers/")
    page.get_by_role("link", name=re.compile("Launch")).first.click()
    dialog = page.get_by_role("dialog")
    dialog.locator("[name=reference], [name=image]").fill(reference)
    dialog.locator("[name=name]").fill("web")
    dialog.get_by_text("Limits", exact=True).click()
    dialog.get_by_label("Memory", exact=True).fill("64m")
    dialog.get_by_role("button", name="Launch").click()
    expect(dialog).to_contain_text("web is running")
    page.keyboard.press("Escape")

    expect(row(page, "web")).to_contain_text("Running")
    expect(row(page, "web").locator('[data-stat="memory"]')).to_have_text(re.compile(r"\d"))


def test_a_taken_name_fails_with_its_holder(stack: Stack, page: Page, reference: str) -> None:
    page.goto(f"{stack.url}/containers/launch/")
    page.locator("[name=reference], [name=image]").fill(reference)
    page.locator("[name=name]").fill("web")
    page.get_by_role("button", name="Launch").click()

    expect(page.locator("main")).to_contain_text("already in use")
    expect(page.locator("main")).to_contain_text("Choose another name")


def test_its_output_and_its_numbers_arrive_live(stack: Stack, page: Page) -> None:
    page.goto(f"{stack.url}/containers/")
    row(page, "web").get_by_role("link").first.click()
    page.get_by_role("link", name="Logs").click()

    expect(page.locator("main").get_by_text("ahoy from the registry")).to_be_visible()


def test_it_stops_and_starts_again(stack: Stack, page: Page) -> None:
    page.goto(f"{stack.url}/containers/")
    row(page, "web").get_by_role("link").first.click()
    kill(page)
    expect(page.locator("main").get_by_text("Exited").first).to_be_visible()
    page.get_by_role("button", name="Start").first.click()
    expect(page.locator("main").get_by_text("Running").first).to_be_visible()
    kill(page)

    expect(page.locator("main").get_by_text("Exited").first).to_be_visible()


def test_a_moved_tag_leaves_an_untagged_image(
    stack: Stack, page: Page, buildah: Buildah, reference: str
) -> None:
    buildah.push_image(reference, command="echo second; exec sleep 1000", files={"/etc/two": "2"})
    page.goto(f"{stack.url}/images/pull/")
    page.locator("[name=reference], [name=image]").fill(reference)
    page.get_by_role("button", name="Pull").click()
    page.goto(f"{stack.url}/images/")

    expect(row(page, "Untagged")).to_be_visible()


def test_one_click_cleans_up_everything_safe(stack: Stack, page: Page) -> None:
    page.goto(f"{stack.url}/clean-up/")
    expect(page.get_by_role("region", name="Untagged images")).to_be_visible()
    page.get_by_role("button", name="Clean up everything safe").click()
    page.locator("#dialog").get_by_role("button", name=re.compile("Move 1 container")).click()

    done = page.locator("#page .job").first
    expect(done).to_contain_text("Moved 1 container and 1 image to the trash")
    expect(page.get_by_role("region", name="Stopped containers")).to_have_count(0)


def test_what_lies_in_the_trash_is_deleted_for_good(stack: Stack, page: Page) -> None:
    page.goto(f"{stack.url}/trash/")
    page.get_by_role("button", name=re.compile("Empty the trash of")).click()
    dialog = page.locator("#dialog")
    dialog.get_by_label("Type the name of the host").fill("testhost")
    dialog.get_by_role("button", name="Delete for good").click()

    expect(dialog).to_contain_text(re.compile(r"Deleted 2 things for good, freed \d"))


def test_no_script_failed_and_nothing_broke_the_content_policy(trouble: list[str]) -> None:
    assert trouble == []
