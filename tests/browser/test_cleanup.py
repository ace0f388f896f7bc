"""A mess on two hosts, each with an engine of its own: seen, chosen, cleaned, undone, emptied."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from playwright.sync_api import expect

from dashboard.models import Role
from engine.volumes.settings import VolumeSettings
from tests.support.browsing import sign_in
from tests.support.mess import make_person
from tests.support.real_hosts import RealHosts, close_hosts, open_hosts
from tests.support.site import Site, running_site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Locator, Page

    from tests.support.real_hosts import RealHost

pytestmark = [pytest.mark.browser, pytest.mark.root, pytest.mark.timeout(300)]

NAMES = ("harbour", "lighthouse")
PATIENCE_MS = 30_000


@pytest.fixture(scope="module", autouse=True)
def _orm_beside_the_browser() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        # What was made a moment ago is left alone, which would only cost time here.
        patch.setattr("engine.cleanup.gather.FRESH", timedelta(seconds=-1))
        yield


@pytest.fixture
def site(transactional_db: None) -> Iterator[Site]:
    hashers = settings.PASSWORD_HASHERS
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with running_site(agents=()) as running:
        running.do(lambda: [make_person("otto", Role.OPERATOR), make_person("vera", Role.VIEWER)])
        yield running
    settings.PASSWORD_HASHERS = hashers


@pytest.fixture
def hosts(site: Site, short_path: Path) -> Iterator[dict[str, RealHost]]:
    """Each has an image behind a stopped container, an untagged one and one nobody uses."""
    made = site.do(lambda: make_mess_of(open_hosts(short_path, NAMES)))
    with RealHosts(site, list(made.values())):
        yield made
    site.do(lambda: close_hosts(made.values()))


def make_mess_of(hosts: dict[str, RealHost]) -> dict[str, RealHost]:
    for each in hosts.values():
        used = each.add_image("team/used:1", "u")
        each.add_container(used, "old-job")
        each.add_image(None, "d")
        each.add_image("team/idle:1", "i")
        each.project()
    return hosts


@pytest.fixture
def look(site: Site, hosts: object, browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open the page of clean-ups as somebody."""
    opened = []

    def open_as(name: str, path: str = "/clean-up/") -> Page:
        context = browser.new_context(viewport={"width": 1360, "height": 900})
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        opened.append((context, page, trouble := []))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        sign_in(page, site, name)
        page.goto(site.url + path)
        expect(page.locator("#live-state")).to_have_text("Live", timeout=PATIENCE_MS)
        return page

    yield open_as
    for context, _, trouble in opened:
        context.close()
        assert trouble == []


def box(page: Page, name: str, host: str) -> Locator:
    return page.get_by_label(f"Tick {name} on {host}")


def freed(page: Page) -> int:
    return int(page.locator("[data-cleanup-bytes]").get_attribute("data-cleanup-bytes") or 0)


def expect_eventually(page: Page, locator: Locator, text: str | re.Pattern[str]) -> None:
    expect(locator).to_contain_text(text, timeout=PATIENCE_MS)


def test_a_mess_on_two_hosts_is_chosen_cleaned_undone_and_emptied(look, hosts, site) -> None:
    page = look("otto")

    choose_and_see_what_the_plan_says(page, hosts, site)
    clean_everything_safe(page)
    assert site.do(lambda: [each.engine.containers.list() for each in hosts.values()]) == [[], []]
    # Undone on one host, from the notice.
    page.locator(".toasts").get_by_role("button", name="Undo").first.click()
    expect_eventually(page, page.locator("#stopped"), "old-job")
    empty_the_other_trash(page, hosts, site)


def choose_and_see_what_the_plan_says(page: Page, hosts: dict[str, RealHost], site: Site) -> None:
    """The number follows what is ticked, and is exactly what a plan of it says."""
    bar = page.locator("[data-cleanup-bar]")
    expect(box(page, "team/used:1", "harbour")).to_be_disabled()
    box(page, "old-job", "harbour").check()
    expect_eventually(page, bar, "1 container:")
    box(page, "team/used:1", "harbour").check()
    expect_eventually(page, bar, "1 container and 1 image:")
    box(page, "team/idle:1", "lighthouse").check()
    expect_eventually(page, bar, "1 container and 2 images:")
    promised = freed(page)
    chosen = {
        name: [each.partition("/")[2] for each in ticked(page) if each.startswith(name)]
        for name in hosts
    }
    planned = site.do(lambda: sum(freed_by_plan(hosts[name], chosen[name]) for name in chosen))
    assert promised == planned > 0
    box(page, "old-job", "harbour").uncheck()
    expect(box(page, "team/used:1", "harbour")).not_to_be_checked()
    bar.get_by_role("button", name="Clear").click()
    expect(bar).to_be_hidden()


def clean_everything_safe(page: Page) -> None:
    """With one click, and the plan in between."""
    page.get_by_role("button", name="Clean up everything safe").click()
    dialog = page.locator("#dialog")
    expect_eventually(page, dialog, "lighthouse")
    plan = dialog.locator(".plan").first
    plan.locator("summary").first.click()
    expect_eventually(page, plan, "Only copy")
    everything = re.compile(r"^Move 2 containers and 2 images to trash")
    dialog.get_by_role("button", name=everything).click()
    jobs = page.locator("#page .job")
    expect(jobs).to_have_count(2, timeout=PATIENCE_MS)
    expect_eventually(page, jobs.first, "Moved 1 container and 1 image to the trash")
    expect_eventually(page, jobs.last, "Moved 1 container and 1 image to the trash")
    expect(page.locator("#stopped")).to_have_count(0, timeout=PATIENCE_MS)


def empty_the_other_trash(page: Page, hosts: dict[str, RealHost], site: Site) -> None:
    """It asks for the name of the host, and takes no other."""
    name = site.do(lambda: next(each.name for each in hosts.values() if in_trash(each)))
    dialog = page.locator("#dialog")
    page.get_by_role("link", name="Trash", exact=True).click()
    page.get_by_role("button", name=re.compile(f"Empty the trash of {name}")).click()
    expect_eventually(page, dialog, "cannot come back")
    dialog.get_by_label("Type the name of the host").fill("nowhere")
    dialog.get_by_role("button", name="Delete for good").click()
    expect_eventually(page, dialog, "That is not the host's name")
    dialog.get_by_label("Type the name of the host").fill(name)
    dialog.get_by_role("button", name="Delete for good").click()
    expect_eventually(page, dialog, "Deleted 2 things for good")
    dialog.get_by_role("button", name="Close").last.click()
    expect(page.get_by_text("The trash is empty")).to_have_count(2, timeout=PATIENCE_MS)
    assert site.do(lambda: in_trash(hosts[name])) == []


def ticked(page: Page) -> list[str]:
    found = page.locator('input[form="cleanup"][name="ids"]:checked').all()
    return [each.get_attribute("value") or "" for each in found]


def freed_by_plan(host: RealHost, ids: list[str]) -> int:
    return host.engine.cleanup.preview_chosen(ids).freed_bytes


def in_trash(host: RealHost) -> list[str]:
    return [each.id for each in host.engine.cleanup.trash.list()]


def test_a_viewer_sees_it_all_and_can_do_nothing(look) -> None:
    page = look("vera")

    expect(page.locator("#stopped")).to_contain_text("old-job")
    expect(page.locator("#untagged")).to_contain_text("lighthouse")
    expect(page.get_by_role("button", name="Clean up everything safe")).to_have_count(0)
    assert not page.locator('input[form="cleanup"]:visible').count()


def test_a_trashed_container_comes_back_by_the_notice(look, hosts, site) -> None:
    page = look("otto", "/containers/?state=stopped&host=harbour")

    page.get_by_role("button", name="Trash").click()
    expect_eventually(page, page.locator(".toasts"), "Moved 1 container to the trash")
    page.locator(".toasts").get_by_role("button", name="Undo").click()
    expect_eventually(page, page.locator(".toasts"), "Restored old-job")

    there = site.do(hosts["harbour"].engine.containers.list)
    assert [each.name for each in there] == ["old-job"]


def test_a_trashed_volume_comes_back_by_another_name_where_its_own_is_taken(
    look, hosts, site
) -> None:
    harbour = hosts["harbour"]
    site.do(lambda: add_volume(harbour, "orders", "kept"))
    page = look("otto", "/volumes/?host=harbour")

    page.get_by_label("Select orders").check()
    expect(page.get_by_role("button", name="Move 1 volume to the trash")).to_be_enabled()
    page.get_by_role("button", name="Move orders to the trash").click()
    expect_eventually(page, page.locator(".toasts"), "Moved 1 volume to the trash")
    site.do(lambda: add_volume(harbour, "orders", "new"))
    page.goto(f"{site.url}/trash/?host=harbour")
    again = page.get_by_role("link", name="Restore orders under another name")
    # Should it not be there, this says what is.
    expect(again).to_be_visible(timeout=PATIENCE_MS)
    again.click()
    page.get_by_label("Names").fill("orders-of-may")
    page.locator("dialog").get_by_role("button", name="Restore").click()
    expect_eventually(page, page.locator("#dialog"), "Restored orders")

    back = site.do(lambda: harbour.engine.volumes.get("orders-of-may"))
    assert (back.mountpoint / "file").read_text() == "kept"


def add_volume(host: RealHost, name: str, content: str) -> None:
    volume = host.engine.volumes.create(VolumeSettings(name), owner="otto")
    (volume.mountpoint / "file").write_text(content)
    host.project()
