"""The page of figures, as a street office looks at it."""

import csv

import pytest
from playwright.sync_api import expect

from tests.support.browser import serious, sign_in

pytestmark = pytest.mark.browser


def test_figures_from_the_menu_to_the_spreadsheet(desk, site, served, tmp_path):
    sign_in(desk, site, served.var, "street", "/rules")
    desk.locator(".me summary").click()
    desk.locator(".me-list").get_by_text("统计", exact=True).click()
    expect(desk.locator(".fig-total dt")).to_have_text(
        ["上报数", "响应率", "办结率", "解决率", "满意率", "超时在办"]
    )
    all_told = int(desk.locator(".fig-total dd").first.inner_text().replace(",", ""))
    counts = [
        int(cell) for cell in desk.locator(".fig-table tbody td:nth-child(2)").all_inner_texts()
    ]
    assert sum(counts) == all_told > 0 and counts == sorted(counts, reverse=True)
    assert serious(desk) == []

    desk.locator(".fig-table thead").get_by_text("办结率").click()  # the order is in the address
    expect(desk.locator("[aria-sort]")).to_have_attribute("aria-sort", "descending")
    assert "sort=-completion" in desk.url
    rates = [
        float(cell.split("%")[0])
        for cell in desk.locator(".fig-table tbody td:nth-child(7)").all_inner_texts()
    ]
    assert rates == sorted(rates, reverse=True)

    desk.locator("select[name=per]").select_option("grid")
    desk.locator(".fig-filters button").click()
    expect(desk.locator(".fig-table thead th").first).to_contain_text("网格")
    with desk.expect_download() as download:
        desk.locator(".fig-head a").click()
    download.value.save_as(tmp_path / "figures.csv")
    with (tmp_path / "figures.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sum(int(row["上报数"]) for row in rows) == all_told
    assert all(row["代码"].startswith("5204") and 0 <= float(row["办结率"]) <= 1 for row in rows)
    desk.locator(".fig-means summary").click()
    expect(desk.locator(".fig-means")).to_contain_text("按时接单的 ÷")


def test_a_community_counts_its_own_on_a_phone(phone, site, served):
    sign_in(phone, site, served.var, "dispatcher")
    phone.goto(site + "/figures?per=community")
    expect(phone.locator(".fig-table tbody tr")).to_have_count(
        1
    )  # the others of the street are not theirs
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390 and serious(phone) == []
    phone.goto(site + "/figures?since=2031-01-01&until=2031-02-01")
    expect(phone.locator("main")).to_contain_text("没有上报")
    phone.goto(site + "/figures?since=2026-02-01&until=2026-01-01")
    expect(phone.get_by_role("alert")).to_be_visible()
    phone.goto(site + "/figures?per=nonsense")
    expect(phone.locator("body")).to_contain_text("分组")


def test_a_grid_worker_has_no_figures(phone, site, served):
    sign_in(phone, site, served.var, "worker")
    assert phone.goto(site + "/figures").status == 403
    assert phone.goto(site + "/figures.csv").status == 403
