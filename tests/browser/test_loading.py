"""Pages whose scripts or words do not arrive, as on a bad connection."""

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.support.browser import filed, session, sign_in, wait_for_held
from tests.support.served import Deployment

pytestmark = pytest.mark.browser
__all__ = ["session"]  # a fixture

NOTE = ".incomplete-note"
REPORT_SCRIPT = "**/report/report.js*"


@pytest.mark.parametrize("address", ["/report", "/"])
def test_a_page_that_is_complete_says_nothing(desk: Page, site: str, address: str) -> None:
    desk.goto(site + address)
    desk.wait_for_load_state("load")
    expect(desk.locator(NOTE)).to_be_hidden()
    assert desk.said == []


@pytest.mark.parametrize("file", [REPORT_SCRIPT, "**/shared/image.js*", "**/leaflet.js*"])
def test_a_script_that_is_lost_is_told_and_loaded_again(desk: Page, site: str, file: str) -> None:
    desk.route(file, lambda route: route.abort())
    desk.goto(f"{site}/report")
    expect(desk.locator(NOTE)).to_have_text("页面没有加载完整，部分功能不可用。 重新加载")
    desk.unroute(file)
    desk.get_by_role("link", name="重新加载").click()
    expect(desk.locator("body[data-ready]")).to_be_attached()
    expect(desk.locator(NOTE)).to_be_hidden()


def test_a_script_that_never_comes_is_told(own_desk: Page, site: str) -> None:
    waiting: list[Route] = []
    own_desk.clock.install()
    own_desk.route(REPORT_SCRIPT, lambda route: waiting.append(route))
    own_desk.goto(f"{site}/report", wait_until="commit")
    expect(own_desk.get_by_role("button", name="上报")).to_be_visible()
    own_desk.clock.fast_forward(5_000)
    expect(own_desk.locator(NOTE)).to_be_hidden()
    own_desk.clock.fast_forward(16_000)
    expect(own_desk.locator(NOTE)).to_be_visible()
    for route in waiting:
        route.abort()


def test_words_typed_before_the_script_is_there_go_into_no_address(desk: Page, site: str) -> None:
    waiting: list[Route] = []
    desk.route(REPORT_SCRIPT, lambda route: waiting.append(route))
    desk.goto(f"{site}/report", wait_until="commit")
    desk.get_by_text("联系方式").click()
    desk.get_by_label("电话").fill("13900001234")
    desk.keyboard.press("Enter")
    expect(desk.locator("#send[disabled]")).to_be_attached()
    desk.evaluate("document.getElementById('report').requestSubmit()")  # as from any other button
    assert desk.url == f"{site}/report"
    wait_for_held(desk, waiting).continue_()
    expect(desk.locator("#send[disabled]")).to_have_count(0)
    expect(desk.get_by_label("电话")).to_have_value("13900001234")


@pytest.mark.parametrize("address", ["/report", "/", "/nearby"])
def test_a_page_is_drawn_before_its_map_can_be(desk: Page, site: str, address: str) -> None:
    waiting: list[Route] = []
    desk.route("**/leaflet.js*", lambda route: waiting.append(route))
    desk.goto(site + address, wait_until="commit")
    wait_for_held(desk, waiting)
    expect(desk.get_by_role("link", name="登录")).to_be_visible()
    waiting.pop().continue_()
    expect(desk.locator(".leaflet-pane").first).to_be_attached()


def test_a_page_whose_words_never_come_is_there_in_english(own_desk: Page, site: str) -> None:
    waiting: list[Route] = []
    own_desk.clock.install()
    own_desk.route("**/messages/zh.json*", lambda route: waiting.append(route))
    own_desk.goto(f"{site}/report", wait_until="commit")
    expect(own_desk.get_by_role("button", name="上报")).to_be_visible()
    wait_for_held(own_desk, waiting)
    own_desk.clock.fast_forward(16_000)
    own_desk.clock.run_for(2_000)
    expect(own_desk.locator("body[data-ready]")).to_be_attached()
    expect(own_desk.locator(NOTE)).to_be_visible()
    for route in waiting:
        route.abort()


def test_words_that_are_lost_once_are_asked_for_again(desk: Page, site: str) -> None:
    desk.route("**/messages/zh.json*", lambda route: route.abort(), times=1)
    desk.goto(f"{site}/report")
    expect(desk.locator("#status")).to_contain_text("还差")
    expect(desk.locator(NOTE)).to_be_hidden()


@pytest.mark.parametrize("address", ["/accounts", "/keys"])
def test_a_page_without_a_script_fetches_no_words(
    desk: Page, site: str, served: Deployment, address: str
) -> None:
    sign_in(desk, site, served.var, "admin")
    warnings: list[str] = []
    desk.on("console", lambda message: message.type == "warning" and warnings.append(message.text))
    with desk.expect_request("**/shared/menu.js*"):
        desk.goto(f"{site}{address}?lang=zh")
    desk.wait_for_timeout(4000)  # the browser warns three seconds after the page is loaded
    assert [url for url in desk.asked if "/messages/" in url] == []
    assert [warning for warning in warnings if "preload" in warning] == []


# a browser that does not answer what is stored in it, as Safari's does not now and then
SILENT_STORE = """IDBFactory.prototype.open = () => {
  document.documentElement.dataset.opened = Number(document.documentElement.dataset.opened ?? 0) + 1;
  return {};
};"""


def test_a_worker_whose_browser_stores_nothing_has_the_list_and_takes_a_matter(
    own_phone: Page, site: str, served: Deployment, session: Session
) -> None:
    number, phrase = filed(session)
    own_phone.add_init_script(SILENT_STORE)
    own_phone.clock.install()
    sign_in(own_phone, site, served.var, "worker", "/work")
    expect(own_phone.locator("html[data-opened]")).to_be_attached()
    own_phone.clock.fast_forward(6_000)
    card = own_phone.locator(".wrk-card", has_text=phrase)
    card.locator("[data-move=take]").tap()  # without waiting again
    expect(card).to_have_count(0)
    session.rollback()
    state = text("SELECT state FROM incident WHERE id = :id")
    assert session.scalar(state, {"id": number}) == "taken"


def test_who_reports_with_a_browser_that_stores_nothing_gets_to_the_report(
    own_phone: Page, site: str
) -> None:
    own_phone.add_init_script(SILENT_STORE)
    own_phone.clock.install()
    own_phone.goto(f"{site}/report?p=105.9535,26.2267")
    expect(own_phone.locator("#responsible.located")).to_be_visible()
    own_phone.locator("#description").fill("路灯不亮")
    own_phone.locator("#send").tap()
    expect(own_phone.locator("html[data-opened]")).to_be_attached()  # to forget the draft
    own_phone.clock.fast_forward(6_000)
    expect(own_phone.locator(".trk-role")).to_be_visible()
