"""From "this grid has too many households" to two grids in force and their printed sheets."""

import time

import pytest
from playwright.sync_api import expect

from tests.support.behind import let_strangers_see
from tests.support.browser import sign_in

pytestmark = pytest.mark.browser
LIMIT_S = 180


def test_a_large_grid_is_divided_published_and_printed(desk, planned):
    started = time.monotonic()
    sign_in(desk, planned.url, planned.var, "planner")
    desk.goto(planned.url + "/editor?lang=zh")
    desk.get_by_label("调整内容").fill("户数过多")
    desk.get_by_role("button", name="开始").click()
    desk.wait_for_selector("body[data-ready]")

    # which grid has the most households? the list of all says it, and shows it
    desk.get_by_role("tab", name="全部网格").click()
    rows = desk.locator("#ed-all li")
    counts = [int(text) for text in rows.locator(".ed-count b").all_inner_texts()]
    largest = rows.nth(counts.index(max(counts)))
    code = largest.get_attribute("data-code")
    largest.locator(".ed-grid").click()
    desk.get_by_role("tab", name="变动网格").click()

    # in two parts of equal households, no building cut
    desk.keyboard.press("d")
    desk.get_by_role("button", name="等分", exact=True).click()
    expect(desk.locator("#ed-grids em")).to_have_text("新")
    parts = [int(text) for text in desk.locator("#ed-grids .ed-count b").all_inner_texts()]
    assert sum(parts) == max(counts) and max(parts) - min(parts) <= 0.2 * max(counts)
    sheet = desk.locator(f'#ed-grids [data-code="{code}"] a').get_attribute("href")
    draft = desk.context.request.get(planned.url + sheet if sheet.startswith("/") else sheet)
    assert draft.status == 200, (sheet, draft.text())
    assert draft.body().startswith(b"%PDF")

    desk.locator("#ed-publish").click()
    desk.get_by_label("发布理由").fill("户数过多")
    desk.locator("#ed-publish-now").click()
    desk.wait_for_url(lambda url: "/revisions/" in url)
    let_strangers_see()
    new = planned.ask(f"/api/v1/areas/{code[:12]}/children?limit=100").json()["items"]
    assert len(new) == len(counts) + 1
    paper = desk.context.request.get(f"{planned.url}/sheets/{code[:12]}.pdf?paper=A3")
    assert paper.status == 200 and paper.body().startswith(b"%PDF")
    desk.goto(f"{planned.url}/sheets/{code}.html")  # in a browser it looks as on paper
    expect(desk.locator(".sheet-body")).to_have_css("display", "flex")
    assert time.monotonic() - started < LIMIT_S
