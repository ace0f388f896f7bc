"""What is pushed to open pages, and what they do with it, in a real Chromium."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from dashboard import events
from dashboard.models import Container, Host, Job
from tests.support.browsing import WEB, WEB_ID, expect_live, open_live, sign_in
from tests.support.mess import make_container, pull_progress

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


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
