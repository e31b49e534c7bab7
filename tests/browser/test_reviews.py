"""A draft that two people work on: review asked, a comment pinned, changes, approval, comparison."""

from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from gis.accounts.models import Account
from gis.boundaries.revision_access import area_codes
from gis.rights.actions import Action
from gis.rights.principal import account_principal
from tests.support import revision_pages
from tests.support.browser import opened, planned_session, serious, sign_in
from tests.support.revision_pages import merge, three

pytestmark = pytest.mark.browser
__all__ = ["planned_session"]  # a fixture
planner = revision_pages.planner  # the fixture

WORDS = "<img src=x onerror=alert(1)> {{ 7*7 }} 这条线穿过院子"


@pytest.fixture
def reviewer(browser, planned):
    """The desk of the street office, which publishes in its areas."""
    for page in opened(browser, viewport={"width": 1024, "height": 800}, locale="zh-CN"):
        sign_in(page, planned.url, planned.var, "street", "/revisions")
        yield page


def where_street_publishes(session):
    account = session.scalars(select(Account).where(Account.username == "street")).one()
    by = account_principal(
        session, account.id, account.person_id, account.username, datetime.now(UTC)
    )
    return area_codes(session, sorted(by.areas_of([Action.PUBLISH])))


def pin(page, words, about="此点", at=(0.5, 0.5)):
    """Comment on a place of the map, by default its middle, or on the grid there."""
    page.get_by_role("button", name="在地图上添加批注").click()
    box = page.locator(".folium-map").bounding_box()
    page.mouse.click(box["x"] + box["width"] * at[0], box["y"] + box["height"] * at[1])
    page.get_by_label(about).check()
    page.get_by_label("对此处的批注").fill(words)
    page.get_by_role("button", name="添加", exact=True).click()


DRAWN = "(window.wangge.map.pm.Draw.Line._layer?.getLatLngs() ?? []).length"
MIDDLE = """() => {
  const { map, coverage } = window.wangge, { lng, lat } = map.getCenter();
  return coverage.grids.get(coverage.at(lng, lat)).properties.name;
}"""


def test_a_draft_is_reviewed_commented_changed_and_approved(
    planner, reviewer, planned_session, tmp_path
):
    root = planner.root
    middle, item, other = three(planner, tmp_path, where_street_publishes(planned_session))
    number = merge(planner, "请审核的合并", middle, item)
    second = merge(planner, "另一种合并", middle, other)

    planner.goto(f"{root}/revisions/{number}")
    planner.locator("#rev-ask select").select_option("street")
    planner.get_by_role("button", name="请审核").click()
    expect(planner.locator("#rev-review")).to_have_text("已请 street 审核。")
    assert serious(planner) == []

    reviewer.goto(f"{root}/notices")
    reviewer.get_by_role("link", name=f"边界草案 第 {number} 号").first.click()
    expect(reviewer.locator("#rev-review")).to_contain_text("street")
    reviewer.goto(f"{root}/revisions")
    reviewer.locator(".rev-waiting a", has_text="请审核的合并").click()
    expect(reviewer.locator("#rev-legend li")).not_to_have_count(2)  # drawn
    pin(reviewer, WORDS)
    expect(reviewer.locator(".cm-text")).to_have_text(WORDS)
    expect(reviewer.locator(".cm-pin")).to_have_text("1")
    reviewer.get_by_label("需要修改什么").fill("线太靠东")
    reviewer.get_by_role("button", name="要求修改").click()
    expect(reviewer.locator("#rev-review")).to_have_text("street 要求修改： 线太靠东")
    assert reviewer.evaluate("document.documentElement.scrollWidth") <= 1024
    assert serious(reviewer) == []

    planner.goto(f"{root}/editor")
    expect(planner.locator(".ed-waiting")).to_contain_text("线太靠东")
    planner.goto(f"{root}/editor/{number}")
    planner.wait_for_selector("body[data-ready]")
    planner.locator("#ed-tab-comments").click()
    expect(planner.locator("#ed-people")).to_contain_text("street 要求修改")
    planner.locator(".cm-thread summary").click()
    planner.get_by_label("回复").fill("已移动")
    planner.get_by_role("button", name="发送").click()
    expect(planner.locator(".cm-reply")).to_contain_text("已移动")
    planner.get_by_role("button", name="标为已解决").click()
    expect(planner.locator(".cm-done")).to_contain_text("planner")
    expect(planner.locator(".cm-pin")).to_have_count(0)

    # on a whole grid, while a line is drawn: the click that places it draws nothing
    planner.keyboard.press("s")
    box = planner.locator(".folium-map").bounding_box()
    planner.mouse.click(box["x"] + 300, box["y"] + 300)
    assert planner.evaluate(DRAWN) == 1
    pin(planner, "户数偏多", about="整个网格")
    assert planner.evaluate(DRAWN) == 1
    grid = planner.evaluate(MIDDLE)
    expect(planner.locator(".cm-thread .cm-grid")).to_have_text(grid)
    planner.locator(".cm-pin.grid").click()
    popup = planner.locator(".cm-popup")
    expect(popup).to_contain_text("户数偏多")
    expect(popup).to_contain_text(grid)
    assert planner.evaluate(DRAWN) == 1
    planner.keyboard.press("v")
    expect(planner.locator(".leaflet-popup")).to_have_css("opacity", "1")
    assert serious(planner) == []

    # the reviewer sees its words on the map, and settles it there
    reviewer.reload()
    reviewer.locator(".cm-pin.grid").click()
    expect(reviewer.locator(".cm-popup")).to_contain_text("户数偏多")
    reviewer.locator(".cm-popup").get_by_role("button", name="标为已解决").click()
    expect(reviewer.locator(".cm-pin")).to_have_count(0)
    reviewer.get_by_role("button", name="通过").click()
    expect(reviewer.locator("#rev-review")).to_have_text("street 已审核通过现在的内容。")

    # the other way round instead: the approval lapses, and both are told what changed
    planner.api("DELETE", f"/revisions/{number}/operations/1")
    instead = {"op": "merge", "codes": [item, middle], "into": item}
    planner.api("POST", f"/revisions/{number}/operations", instead)
    for page in (reviewer, planner):
        page.goto(f"{root}/notices")
        expect(page.get_by_text("草案已改动，审核通过失效")).to_have_count(1)
    reviewer.goto(f"{root}/revisions")
    expect(reviewer.locator(".rev-waiting")).to_contain_text("street 审核通过后又有改动")
    reviewer.goto(f"{root}/revisions/{number}")
    expect(reviewer.locator("#rev-review")).to_contain_text("street 曾于")
    changes = reviewer.locator("#rev-changes li")
    expect(changes).to_have_count(2)
    expect(changes.first).to_contain_text("撤回：合并")
    expect(changes.last).to_contain_text("新增：合并")
    expect(changes.last).to_contain_text("planner")
    planner.goto(f"{root}/editor/{number}")
    expect(planner.locator("#ed-lapsed li")).to_have_count(2)
    expect(planner.locator("#ed-lapsed")).to_contain_text("通过已失效")
    assert serious(planner) == [] and serious(reviewer) == []

    planner.goto(f"{root}/revisions/compare?a={number}&b={second}")
    expect(planner.locator("#rev-rows tr")).to_have_count(3)
    expect(planner.locator("#rev-bases")).to_be_hidden()
    planner.locator("#rev-divider").fill("0")
    assert serious(planner) == []
    with planner.expect_download() as download:
        planner.get_by_role("link", name="下载 CSV").click()
    assert download.value.suggested_filename == f"revisions-{number}-{second}.csv"
    # what the reviewer's page does not show is not published by it
    rename = {"op": "rename", "code": item, "name": "没有看过的名称"}
    planner.api("POST", f"/revisions/{number}/operations", rename)
    reviewer.locator("#rev-publish").click()
    reviewer.locator("#rev-publish-form [name=reason]").fill("好")
    reviewer.locator("#rev-publish-form [type=submit]").click()
    expect(reviewer.locator("#rev-publish-status")).to_contain_text("请刷新后再试")
    for draft in (number, second):
        planner.api("POST", f"/revisions/{draft}/withdraw")
    assert not planner.said and [text[-14:] for text in reviewer.said] == ["409 (Conflict)"]
