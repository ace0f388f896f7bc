"""What scripts do to pages, in a real Chromium, before a site whose hosts the test plays."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from playwright.sync_api import expect

from dashboard import events
from dashboard.models import Container, Host, Job
from tests.support.mess import PASSWORD, hex_id, make_container, make_mess, pull_progress
from tests.support.site import Site, running_site

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

WEB_ID = hex_id("container", "harbour", "web-1")
WEB = f"#container-harbour-{WEB_ID}"
IMAGE_ID = hex_id("image", "harbour", "web")
PAGES = [
    "/",
    "/containers/",
    "/containers/?state=stopped",
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


@pytest.fixture(scope="module", autouse=True)
def _orm_beside_the_browser() -> Iterator[None]:
    """The browser's driver keeps an event loop in this thread; what the ORM does here is plain."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield


@pytest.fixture
def site(transactional_db: None) -> Iterator[Site]:
    hashers = settings.PASSWORD_HASHERS
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with running_site() as running:
        running.do(make_mess)
        Host.objects.filter(name="harbour").update(last_seen_at="2100-01-01T00:00Z")
        yield running
    settings.PASSWORD_HASHERS = hashers


@pytest.fixture
def trouble() -> list[str]:
    """What the browser complained about: failed scripts and what the content policy refused."""
    return []


@pytest.fixture
def page(site: Site, browser: Browser, trouble: list[str]) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1360, "height": 900})
    opened = context.new_page()
    opened.on("pageerror", lambda error: trouble.append(str(error)))
    opened.on(
        "console",
        lambda said: trouble.append(said.text) if "Content Security" in said.text else None,
    )
    sign_in(opened, site, "otto")
    yield opened
    context.close()
    assert trouble == []


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


def change_web(**values: object) -> None:
    Container.objects.filter(container_id=WEB_ID).update(**values)
    events.publish_container(Container.objects.get(container_id=WEB_ID))


def test_a_row_changes_in_place_and_keeps_the_readers_place(site, page):
    open_live(page, site, "/containers/?q=web-1&host=harbour")
    page.keyboard.press("j")

    site.do(lambda: change_web(state="exited", exit_code=3))

    expect(page.locator(WEB)).to_contain_text("Exited (3)")
    expect(page.locator(WEB)).to_have_class(re.compile("is-current"))
    expect(page.locator(f"{WEB} [data-open]")).to_be_focused()


def test_a_new_row_comes_on_top_or_is_counted_and_a_removed_one_goes(site, page):
    def launch(name: str) -> None:
        host = Host.objects.get(name="harbour")
        events.publish_container(make_container(host, name, host.images.first()))

    open_live(page, site, "/containers/")
    site.do(lambda: launch("first-comer"))
    expect(page.locator("tbody tr").first).to_contain_text("first-comer")

    open_live(page, site, "/containers/?sort=name")
    site.do(lambda: launch("second-comer"))
    expect(page.get_by_role("button", name="1 new row · show")).to_be_visible()
    expect(page.locator("tbody")).not_to_contain_text("second-comer")

    site.do(lambda: events.publish_removed("container", host="harbour", object_id=WEB_ID))
    expect(page.locator(WEB)).to_have_count(0)


def test_what_is_pushed_while_the_page_is_fetched_again_stays(site, page):
    def launch() -> None:
        host = Host.objects.get(name="harbour")
        events.publish_container(make_container(host, "between", host.images.first()))

    def old_answer(route) -> None:
        answer = route.fetch()
        site.do(launch)
        expect(page.locator("tbody tr").first).to_contain_text("between")
        route.fulfill(response=answer)

    page.goto(site.url + "/containers/")
    expect_live(page)
    page.wait_for_load_state("networkidle")
    page.route("**/containers/", old_answer)
    with page.expect_response("**/containers/"):
        page.evaluate("import('/static/dashboard/js/live.js').then((live) => live.refreshPage())")

    expect(page.locator("tbody tr").first).to_contain_text("between")


def test_what_changed_before_the_page_listened_is_fetched(site, page):
    def change() -> None:
        Container.objects.filter(container_id=WEB_ID).update(state="exited", exit_code=9)
        Job.objects.filter(title="Pull python:3.12").update(state="failed", error={"message": "no"})

    def late(socket) -> None:
        site.do(change)
        socket.connect_to_server()

    page.route_web_socket("**/ws/live/", late)
    open_live(page, site, "/containers/?host=harbour")

    expect(page.locator(WEB)).to_contain_text("Exited (9)")
    expect(page.locator("#centre")).to_contain_text("Failed")
    expect(page.locator("#centre-count")).to_have_text("1")


def test_a_form_that_is_being_filled_in_is_not_taken_away(site, page):
    open_live(page, site, "/containers/launch/")
    page.get_by_label("Name", exact=True).fill("half typ")

    site.do(lambda: change_web(state="exited"))
    site.do(lambda: events.publish_host(Host.objects.get(name="harbour")))

    expect_live(page)
    expect(page.get_by_label("Name", exact=True)).to_have_value("half typ")


def test_a_refused_form_in_a_page_keeps_its_message_and_what_was_typed(site, page):
    page.context.clear_cookies()
    sign_in(page, site, "ada")
    open_live(page, site, "/team/")
    page.get_by_label("Name", exact=True).fill("nora")
    page.get_by_label("First password").fill("short")
    page.get_by_role("button", name="Add", exact=True).click()

    expect(page.get_by_text("too short")).to_be_visible()
    site.do(lambda: events.publish_host(Host.objects.get(name="harbour")))
    expect_live(page)
    expect(page.get_by_text("too short")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_have_value("nora")


def test_numbers_arrive_and_survive_a_change_of_their_row(site, page):
    stats = {"cpu_percent": 12.5, "memory": 2**27, "memory_limit": 2**29}
    open_live(page, site, "/containers/")

    site.do(lambda: events.publish_stats("harbour", {WEB_ID: stats}))
    expect(page.locator(f"{WEB} [data-stat=cpu]")).to_have_text("12.5%")
    site.do(lambda: change_web(owner="vera"))
    expect(page.locator(WEB)).to_contain_text("vera")
    expect(page.locator(f"{WEB} [data-stat=memory]")).to_have_text("128 MiB")

    site.do(lambda: change_web(state="exited", exit_code=0))
    expect(page.locator(f"{WEB} [data-stat=cpu]")).to_have_count(0)


def test_charts_draw_what_is_measured(site, page):
    def measure(percent: float) -> None:
        events.publish_stats("harbour", {WEB_ID: {"cpu_percent": percent, "memory": 2**20}})

    open_live(page, site, f"/containers/harbour/{WEB_ID}/")
    site.do(lambda: [measure(percent) for percent in (10.0, 30.0, 20.0)])

    expect(page.locator("[data-figure=cpu]")).to_have_text("20.0%")
    expect(page.locator("[data-chart=cpu] canvas")).to_be_visible()


def test_charts_tell_what_was_measured_before_they_came(site, page):
    open_live(page, site, "/containers/")
    measured = {WEB_ID: {"cpu_percent": 20.0, "memory": 2**20}}
    site.do(lambda: events.publish_stats("harbour", measured))
    expect(page.locator(f"{WEB} [data-stat=cpu]")).to_have_text("20.0%")

    page.goto(f"{site.url}/containers/harbour/{WEB_ID}/")

    expect(page.locator("[data-figure=cpu]")).to_have_text("20.0%")


def test_a_pull_shows_its_layers_where_it_was_asked_and_then_how_it_ended(site, page):
    def run(**values: object) -> None:
        Job.objects.filter(title="Pull busybox:latest").update(**values)
        events.publish_job(Job.objects.get(title="Pull busybox:latest"))

    open_live(page, site, "/images/")
    page.keyboard.press("n")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reference").fill("busybox")
    page.keyboard.press("Enter")
    expect(dialog.get_by_text("Waiting for the host")).to_be_visible()

    site.do(lambda: run(state="running", progress=pull_progress()))
    expect(dialog.locator(".layer-row")).to_have_count(5)
    expect(dialog.get_by_text("187 MB of 349 MB")).to_be_visible()

    site.do(
        lambda: run(state="failed", error={"message": "no such repository", "remedy": "Check it."})
    )
    expect(dialog.get_by_text("no such repository")).to_be_visible()


def test_a_job_that_ends_before_its_answer_arrives_is_shown_as_ended(site, page):
    def end(*_: object) -> None:
        Job.objects.filter(title="Pull busybox:latest").update(
            state="succeeded", outcome={"message": "Image is up to date"}
        )
        events.publish_job(Job.objects.get(title="Pull busybox:latest"))

    def slowly(route) -> None:
        response = route.fetch()
        site.do(end)
        expect(page.locator("#centre")).to_contain_text("up to date")
        route.fulfill(response=response)

    open_live(page, site, "/images/")
    page.keyboard.press("n")
    page.get_by_role("dialog").get_by_label("Reference").fill("busybox")
    page.route("**/images/pull/", slowly)
    page.keyboard.press("Enter")

    expect(page.get_by_role("dialog")).to_contain_text("Image is up to date")


def test_how_it_ended_takes_the_place_of_what_was_said_before(site, page):
    def end() -> None:
        Job.objects.filter(name="containers.stop", state="queued").update(
            state="succeeded", outcome={"message": "web-1 is stopped."}
        )
        events.publish_job(Job.objects.get(outcome__message="web-1 is stopped."))

    open_live(page, site, "/containers/?host=harbour")
    page.locator(WEB).get_by_role("button", name="Stop web-1").click()
    expect(page.locator(".toast")).to_contain_text("on its way")

    site.do(end)

    expect(page.locator(".toast")).to_contain_text("web-1 is stopped.")
    expect(page.locator(".toast")).to_have_count(1)


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
