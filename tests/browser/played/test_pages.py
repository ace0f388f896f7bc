"""What scripts do to pages, in a real Chromium."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from dashboard import events
from dashboard.models import Job
from tests.support.browsing import WEB, WEB_ID, expect_live, open_live, sign_in
from tests.support.mess import hex_id

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


IMAGE_ID = hex_id("image", "harbour", "web")


PAGES = [
    "/",
    "/containers/",
    "/containers/?state=stopped",
    "/containers/removed/",
    f"/containers/harbour/{WEB_ID}/",
    f"/containers/harbour/{WEB_ID}/?tab=logs",
    f"/containers/harbour/{WEB_ID}/?tab=config",
    f"/containers/harbour/{WEB_ID}/?tab=activity",
    f"/containers/harbour/{WEB_ID}/remove/",
    "/containers/launch/",
    f"/containers/harbour/{WEB_ID}/?tab=console",
    f"/containers/harbour/{WEB_ID}/?tab=changes",
    f"/containers/harbour/{WEB_ID}/limits/",
    f"/logs/?c=harbour/{WEB_ID}",
    "/volumes/",
    "/volumes/harbour/orders-data/",
    "/networks/",
    f"/networks/harbour/{hex_id('network', 'harbour', 'backend')}/",
    "/networks/create/",
    "/registries/",
    "/registries/browse/?registry=registry.example.org",
    "/images/",
    f"/images/harbour/{IMAGE_ID}/",
    f"/images/harbour/{IMAGE_ID}/?tab=files",
    f"/images/harbour/{IMAGE_ID}/?tab=family",
    f"/images/harbour/{IMAGE_ID}/copy/",
    "/layers/",
    "/layers/?host=harbour",
    "/images/load/",
    "/images/pull/",
    "/clean-up/",
    "/clean-up/policies/",
    "/notifications/",
    "/trash/",
    "/jobs/",
    "/activity/",
    "/hosts/",
    "/team/",
    "/search/?q=web",
]


def test_a_refused_form_stays_in_the_dialog_with_what_was_typed(site, page):
    open_live(page, site, "/containers/")
    page.keyboard.press("n")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Image").fill("Bad Ref")
    dialog.get_by_label("Name", exact=True).fill("keeper")
    dialog.get_by_role("button", name="Launch").click()

    expect(dialog.get_by_text("is not a valid image reference")).to_be_visible()
    expect(dialog.get_by_label("Image")).to_be_focused()
    expect(dialog.get_by_label("Name", exact=True)).to_have_value("keeper")


def test_a_container_is_launched_by_keyboard(site, page):
    open_live(page, site, "/containers/")
    page.keyboard.press("n")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Image")).to_be_focused()

    page.keyboard.type("nginx:1.27")
    page.keyboard.press("Enter")

    expect(dialog).to_contain_text("Waiting for the host")
    expect(dialog.get_by_role("button", name="Close").last).to_be_focused()


def test_everything_is_reached_by_keyboard(site, page):
    open_live(page, site, "/containers/")
    page.keyboard.press("Control+k")
    page.keyboard.type("orders")
    expect(page.locator(".palette-item").first).to_contain_text("orders-db")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="orders-db")).to_be_visible()
    expect_live(page)

    page.keyboard.press("g")
    page.keyboard.press("i")
    page.wait_for_url("**/images/")
    expect_live(page)
    page.keyboard.press("/")
    page.keyboard.type("nginx")
    page.wait_for_url("**/images/?q=nginx")
    expect(page.locator("#filter")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keyboard")).to_be_visible()


def test_the_theme_is_kept_for_the_next_page(site, page):
    page.locator(".avatar").click()
    page.get_by_role("button", name="Dark").click()
    page.goto(f"{site.url}/jobs/")

    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_a_log_shows_colours_and_sources_and_no_markup_of_the_program(site, page):
    page.goto(f"{site.url}/containers/harbour/{WEB_ID}/?tab=logs")

    expect(page.locator(".log-line")).to_have_count(3)
    expect(page.locator(".log-line.stderr .ansi-31")).to_have_text("error")
    expect(page.locator(".log-line.stderr")).to_contain_text("<b>3</b>")

    page.locator("[data-log-filter]").fill("LINE 2")
    expect(page.locator(".log-line")).to_have_count(1)
    expect(page.locator("mark")).to_have_text("line 2")


GAPS = """() => new Promise((done) => {
    const began = performance.now(); let last = began, worst = 0;
    requestAnimationFrame(function frame(now) {
        worst = Math.max(worst, now - last); last = now;
        now - began < 3000 ? requestAnimationFrame(frame) : done(worst);
    });
})"""


def test_fifty_thousand_lines_a_second_freeze_nothing(site, page):
    site.lines_per_second = 50_000
    page.goto(f"{site.url}/containers/harbour/{WEB_ID}/?tab=logs")
    expect(page.locator(".log-line").first).to_be_visible()

    assert page.evaluate(GAPS) < 500
    assert page.locator(".log > *").count() <= 1500

    page.mouse.move(600, 500)
    page.mouse.wheel(0, -800)
    expect(page.locator(".log-more")).to_have_text(re.compile(r"[\d,]+ new lines"))
    page.locator(".log-more").click()
    expect(page.locator(".log-more")).to_be_hidden()


@pytest.mark.parametrize("width", [1360, 1290, 1240, 1170, 900, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_wider_than_the_screen_or_breaks_the_content_policy(
    site, browser, trouble, width, scheme
):
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("console", lambda said: said.type == "error" and trouble.append(said.text))
    sign_in(page, site, "ada")
    wide = []
    for path in PAGES:
        page.goto(site.url + path)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide.append(path)
    context.close()

    assert wide == []
    assert trouble == []


def test_charts_begin_with_what_was_seen_and_nothing_stays_after_signing_out(site, page):
    open_live(page, site, "/containers/")
    measured = {WEB_ID: {"cpu_percent": 12.5, "memory": 2**20}}
    site.do(lambda: events.publish_stats("harbour", measured))
    expect(page.locator(f"{WEB} [data-stat=cpu]")).to_have_text("12.5%")

    open_live(page, site, f"/containers/harbour/{WEB_ID}/")
    expect(page.locator("[data-chart=cpu] canvas")).to_be_visible()

    page.goto(f"{site.url}/account/logout/")
    page.locator("main, body").get_by_role("button", name="Sign out").last.click()
    expect(page.locator("[name=login]")).to_be_visible()
    page.reload()
    assert page.evaluate("sessionStorage.getItem('shipshape.stats')") in {None, "[]"}


def test_files_of_a_layer_open_where_they_were_asked_for(site, page):
    open_live(page, site, f"/images/harbour/{IMAGE_ID}/?tab=files")

    page.get_by_role("button", name="Files").click()

    expect(page.locator("[data-layer-files]")).to_contain_text("/etc/<b>odd</b>")
    expect(page.locator("[data-layer-files]")).to_contain_text("4.7 MB")


def test_an_archive_goes_to_the_host_piece_by_piece(site, page):
    pieces = []

    def keep(told):
        pieces.append((told["upload"], told["offset"], len(told["content"])))
        return {"length": told["offset"] + len(told["content"])}

    site.answers["images.upload_write"] = keep
    open_live(page, site, "/images/")
    page.get_by_role("link", name="Load a file").click()
    content = bytes(2**20 * 2 + 5)
    page.locator("#upload-file").set_input_files(
        {"name": "web.tar", "mimeType": "application/x-tar", "buffer": content}
    )
    page.get_by_role("button", name="Load", exact=True).click()

    expect(page.locator("#dialog")).to_contain_text("Load web.tar")
    assert [piece[1:] for piece in pieces] == [(0, 2**20), (2**20, 2**20), (2**21, 5)]
    assert len({upload for upload, _, _ in pieces}) == 1
    job = site.do(lambda: Job.objects.get(name="images.load"))
    assert job.arguments == {"upload": pieces[0][0], "name": "web.tar"}


def test_an_upload_that_the_host_refuses_says_so_at_its_field(site, page):
    site.answers["images.upload_write"] = None
    open_live(page, site, "/images/load/")

    page.get_by_role("button", name="Load", exact=True).click()
    expect(page.locator("[data-upload-error]")).to_have_text("Choose a file.")
    page.locator("#upload-file").set_input_files(
        {"name": "web.tar", "mimeType": "application/x-tar", "buffer": b"x"}
    )
    page.get_by_role("button", name="Load", exact=True).click()

    expect(page.locator("[data-upload-error]")).to_contain_text("Nobody knows")


def test_what_is_ticked_is_done_together(site, page):
    open_live(page, site, "/containers/?host=harbour")
    bar = page.locator("[data-bulk-bar]")
    expect(bar).to_be_hidden()
    page.get_by_label("Select load-test").check()
    page.get_by_label("Select web-1").check()
    expect(bar).to_contain_text("2 selected")

    bar.get_by_role("button", name="Remove for good").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("load-test")
    expect(dialog).to_contain_text("of them runs")
    dialog.get_by_role("button", name="Remove all of these").click()

    expect(dialog).to_be_hidden()
    expect(page.locator(".toasts")).to_contain_text("Remove 2 containers: on its way")
    expect(bar).to_be_hidden()


def test_a_pasted_line_fills_the_dialog(site, page):
    open_live(page, site, "/containers/")
    page.get_by_role("link", name="Launch container").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Paste a").click()
    dialog.get_by_label("A docker run line").fill("docker run --gpus all nginx")
    dialog.get_by_role("button", name="Fill in the form").click()
    expect(dialog.get_by_text("--gpus is not supported")).to_be_visible()
    expect(dialog.get_by_label("A docker run line")).to_have_value("docker run --gpus all nginx")

    dialog.get_by_label("A docker run line").fill(
        "docker run -p 8080:80 -e A=1 --name keeper nginx:1.27"
    )
    dialog.get_by_role("button", name="Fill in the form").click()

    expect(dialog.get_by_label("Image")).to_have_value("nginx:1.27")
    expect(dialog.get_by_label("Published ports")).to_have_value("8080:80")
    expect(dialog.get_by_label("Name", exact=True)).to_have_value("keeper")
    dialog.get_by_role("button", name="Launch", exact=True).click()
    expect(dialog).to_contain_text("Launch keeper from nginx:1.27")


def test_the_disk_is_one_bar_from_end_to_end_whose_legend_adds_up(site, page):
    open_live(page, site, "/")
    disk = page.locator("#host-harbour .disk")

    bar = disk.locator("svg.bar").bounding_box()
    parts = [each.bounding_box() for each in disk.locator("svg.bar rect").all()]

    assert abs(parts[0]["x"] - bar["x"]) < 1
    assert abs(parts[-1]["x"] + parts[-1]["width"] - bar["x"] - bar["width"]) < bar["width"] / 100
    assert disk.locator(".legend li").count() == len(parts)
    expect(disk).to_contain_text("free of 64.0 GB")
    expect(disk).to_contain_text("measured")


def test_a_tile_of_the_layers_opens_its_holders_by_click_and_by_keyboard(site, page):
    open_live(page, site, "/layers/?host=harbour")
    tiles = page.locator("[data-treemap] a")
    tiles.filter(has_text="debian:bookworm").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("images hold it")
    dialog.get_by_role("link", name="debian:bookworm", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("debian:bookworm")

    open_live(page, site, "/layers/?host=harbour")
    tiles.first.focus()
    page.keyboard.press("ArrowRight")
    expect(tiles.first).not_to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text("on disk, once")


def test_on_a_phone_layers_are_a_list(site, page):
    page.set_viewport_size({"width": 390, "height": 800})
    open_live(page, site, "/layers/?host=harbour")

    expect(page.locator("[data-treemap]")).to_be_hidden()
    expect(page.locator("#layers tbody tr").first).to_be_visible()
