"""Today's incidents on the map, as a dispatcher and as everybody sees them."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.browser import opened, ready, serious, sign_in, wait_until
from tests.support.served import Deployment

pytestmark = pytest.mark.browser

ROWS = "#today .today-list li"
LISTED = 100  # rows until all are asked for


def test_the_list_and_the_marks_point_at_each_other(
    desk: Page, site: str, served: Deployment
) -> None:
    sign_in(desk, site, served.var, "centre")
    ready(desk, site)
    expect(desk.locator("#tab-today")).to_be_hidden()
    assert [url for url in desk.asked if "today" in url] == []  # nobody has asked for it
    desk.locator("#tab-layers").click()
    desk.get_by_label("今日事件").check()
    desk.locator("#tab-today").click()
    row, marks = desk.locator(ROWS).first, desk.locator(".today-mark")
    expect(row).to_contain_text("网格")
    total = desk.request.get(f"{site}/api/v1/incidents/today").json()["total"]
    expect(desk.locator("#today [role=status]")).to_contain_text(f"共 {total} 件")
    # how many are open depends on the hour in which the town was made up
    everything = desk.locator("#today").get_by_role("button", name="显示全部")
    expect(desk.locator(ROWS)).to_have_count(min(total, LISTED))
    expect(everything).to_have_count(int(total > LISTED))
    assert 0 < marks.count() <= total
    assert "today" in desk.url.partition("layers=")[2]
    # from a row to its mark
    row.hover()
    expect(desk.locator(".today-mark.pointed")).to_have_count(1)
    row.get_by_role("button").click()
    expect(desk.locator(".today-mark.chosen")).to_have_count(1)
    assert "/desk?incident=" in row.get_by_role("link").get_attribute("href")
    # from a mark to its row; a mark that has the focus keeps it when all are drawn anew
    mark = desk.locator(".today-mark.single:not(.chosen)").first
    title = mark.get_attribute("title")
    name = title.split(" · ")[0]
    mark.focus()
    desk.evaluate("wangge.map.fire('zoomend')")
    expect(desk.locator(":focus")).to_have_attribute("title", title)
    desk.keyboard.press("Enter")
    expect(desk.locator(f"{ROWS}:has([aria-pressed=true]) b")).to_have_text(name)
    assert serious(desk) == []
    ready(desk, desk.url)  # the address remembers
    expect(row).to_be_visible()
    desk.locator("#tab-layers").click()
    desk.get_by_label("今日事件").uncheck()
    expect(marks).to_have_count(0)
    expect(desk.locator("#tab-today")).to_be_hidden()
    desk.wait_for_url(lambda url: "today" not in url)
    assert desk.said == []


MOTION = "[wangge.map.options.zoomAnimation, wangge.map.options.inertia]"


def test_the_map_glides_to_a_row_unless_motion_is_reduced(
    desk: Page, browser, site: str, served: Deployment
) -> None:
    assert ready(desk, site).evaluate(MOTION) == [False, False]
    for gliding in opened(browser, reduced_motion="no-preference"):
        sign_in(gliding, site, served.var, "centre")
        ready(gliding, f"{site}/?layers=grids,today")
        assert gliding.evaluate(MOTION) == [True, True]
        gliding.evaluate("wangge.map.on('zoomanim', () => (window.glided = true))")
        gliding.locator(ROWS).first.get_by_role("button").click()
        wait_until(gliding, "wangge.map.getZoom() >= 17 && window.glided")
        expect(gliding.locator(".today-mark.chosen")).to_have_count(1)
        assert gliding.said == []


def test_everybody_sees_rings_and_states_only(desk: Page, site: str) -> None:
    ready(desk, f"{site}/?layers=grids,today")
    expect(desk.locator("#today")).to_contain_text("位置取整到约十米")
    rows = desk.locator(ROWS)
    assert not re.search("超时|时限|紧急|较重", " ".join(rows.all_inner_texts()))
    assert desk.locator(f"{ROWS} a").count() == 0
    assert desk.locator(f"{ROWS} .today-symbol.open").count() == rows.count() > 0


def test_a_long_list_shows_the_first_hundred_until_all_are_asked_for(desk: Page, site: str) -> None:
    def answer_many(route: Route) -> None:
        answer = route.fetch()
        collection = answer.json()
        features = collection["features"]
        collection["features"] = [
            {**feature, "id": f"{feature['id']}-{turn}"}
            for turn in range(-(-2 * LISTED // len(features)))
            for feature in features
        ]
        collection["total"] = len(collection["features"])
        route.fulfill(response=answer, json=collection)

    desk.route("**/api/v1/incidents/today*", answer_many)
    ready(desk, f"{site}/?layers=grids,today&c=105.948836,26.230645,13")
    rows = desk.locator(ROWS)
    expect(rows).to_have_count(LISTED)
    desk.locator("#today").get_by_role("button", name="显示全部").press("Enter")
    expect(rows.nth(LISTED)).to_be_visible()
    expect(rows.nth(LISTED).get_by_role("button")).to_be_focused()  # goes on where the list ended
    expect(desk.locator("#today").get_by_role("button", name="显示全部")).to_have_count(0)
