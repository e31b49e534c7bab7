"""The page of figures, as a street office looks at it."""

import csv
import re
from datetime import UTC, datetime

import openpyxl
import pytest
from playwright.sync_api import expect

from gis.incidents.lifecycle.moves import apply_move
from gis.incidents.lifecycle.payload import MovePayload
from tests.support.browser import BY, filed, planned_session, serious, sign_in  # noqa: F401

pytestmark = pytest.mark.browser

COMPLETION = ".fig-table tbody td:nth-child(7)"


def test_figures_from_the_menu_to_the_spreadsheet(desk, site, served, tmp_path):
    sign_in(desk, site, served.var, "street", "/rules")
    desk.locator(".me summary").click()
    desk.locator(".me-list").get_by_text("统计", exact=True).click()
    expect(desk.locator(".fig-total dt")).to_have_text(
        ["上报数", "响应率", "办结率", "解决率", "满意率", "超时在办"]
    )
    whole(desk)
    all_told = int(desk.locator(".fig-total .fig-value").first.inner_text().replace(",", ""))
    counts = [
        int(value(cell))
        for cell in desk.locator(".fig-table tbody td:nth-child(2)").all_inner_texts()
    ]
    assert sum(counts) == all_told > 0 and counts == sorted(counts, reverse=True)
    assert serious(desk) == []

    expect(desk.locator(".fig-charts canvas")).to_have_count(3)
    for chart in desk.locator(".fig-charts [role=img]").all():  # by our words, not the library's
        label = chart.get_attribute("aria-label")
        assert label and "NaN" not in label and "图表" not in label
    assert desk.said == []

    desk.locator("select[name=per]").select_option("grid")
    desk.locator(".fig-filters button").click()
    expect(desk.locator(".fig-table thead th").first).to_contain_text("网格")
    desk.locator(".fig-table thead").get_by_text("办结率").click()  # the order is in the address
    expect(desk).to_have_url(re.compile("sort=-completion"))
    expect(desk.locator("[aria-sort=descending]")).to_contain_text("办结率")
    whole(desk)
    shown = [value(cell) for cell in desk.locator(COMPLETION).all_inner_texts()]
    rates = [float(cell[:-1]) for cell in shown if cell.endswith("%")]
    assert rates == sorted(rates, reverse=True)
    assert all("/" in cell for cell in shown[len(rates) :])  # few: counts, behind the others
    assert_files_agree(desk, shown, all_told, tmp_path)
    desk.locator(".fig-means summary").click()
    expect(desk.locator(".fig-means")).to_contain_text("按时接单的 ÷")


def whole(desk):
    """Wait until all of the page has come, down to what stands below its table."""
    expect(desk.locator(".fig-means")).to_be_attached()


def value(cell: str) -> str:
    """The first line of a cell: 85.2% or 3/7."""
    return "".join(cell.splitlines()[0].split())


def assert_files_agree(desk, shown, all_told, folder):
    """The files hold the numbers of the page, in its order."""
    tables = []
    for kind in ("CSV", "Excel"):
        with desk.expect_download() as download:
            desk.locator(".fig-head").get_by_text(kind).click()
        path = folder / download.value.suggested_filename
        download.value.save_as(path)
        if kind == "CSV":
            with path.open(encoding="utf-8-sig", newline="") as file:
                header, *lines = csv.reader(file)
        else:
            header, *lines = openpyxl.load_workbook(path).active.values
        tables.append([dict(zip(header, map(plain, line), strict=True)) for line in lines])
    assert tables[0] == tables[1]
    rows = tables[0]
    assert sum(row["上报数"] for row in rows) == all_told
    assert all(str(row["代码"]).startswith("5204") for row in rows)
    for row, cell in zip(rows, shown, strict=True):
        n, of = row["办结率（分子）"], row["办结率（分母）"]
        if of < 10:
            assert (row["办结率"], cell) == ("", f"{n:.0f}/{of:.0f}")
        else:
            assert cell == f"{100 * row['办结率']:.1f}%" == f"{100 * n / of:.1f}%"


def plain(cell):
    """A cell of either file: numbers as numbers, codes as they are, nothing as empty text."""
    try:
        return float(cell) if len(str(cell)) < 9 else cell
    except (TypeError, ValueError):
        return cell or ""


def test_a_number_leads_to_its_incidents(desk, site, served):
    sign_in(desk, site, served.var, "street", "/figures?per=community")
    cell = desk.locator(COMPLETION).first
    of = int(cell.inner_text().split("/")[1].split()[0])
    cell.locator("a").click()
    expect(desk.locator(".fig-back")).to_be_visible()  # the page of the incidents
    parts = desk.locator(".fig-periods a")
    expect(parts).to_have_count(3)
    counts = [int(part.split()[-1]) for part in parts.all_inner_texts()]
    assert counts[0] == of == counts[1] + counts[2]
    expect(desk.locator(".fig-table tbody tr")).to_have_count(min(of, 200))
    parts.nth(2).click()
    expect(desk.locator("[aria-current]")).to_contain_text("未计入")
    expect(desk.locator(".fig-table tbody tr")).to_have_count(min(counts[2], 200))
    assert serious(desk) == []
    link = desk.locator(".fig-table tbody a").first
    assert "/desk?incident=" in link.get_attribute("href")
    desk.locator(".fig-back").click()
    expect(desk.locator(".fig-total")).to_be_visible()


def test_a_spot_check_from_the_draw_to_the_figures(desk, planned, planned_session):  # noqa: F811
    week = "2026-W02"
    incident, _ = filed(planned_session)
    for move in ("take", "handle", "check", "close"):
        moment = datetime(2026, 1, 7, 12, tzinfo=UTC)
        apply_move(planned_session, BY, incident, move, moment, MovePayload(note="清走了"))
    planned_session.commit()
    sign_in(desk, planned.url, planned.var, "centre", f"/spot-checks?week={week}")
    desk.get_by_role("button", name="抽取样本").click()
    expect(desk.get_by_role("status")).to_contain_text("已抽取1件")
    expect(desk.get_by_role("button", name="抽取样本")).to_have_count(0)
    desk.get_by_text("给出结论").click()
    desk.get_by_label("部分属实").check()
    desk.get_by_role("button", name="保存").click()
    expect(desk.get_by_role("alert")).to_contain_text("请写明原因")
    desk.get_by_label("不属实").check()
    desk.locator("textarea").fill("垃圾还在原地")
    desk.get_by_role("button", name="保存").click()
    expect(desk.locator(".spt-community li")).to_contain_text("垃圾还在原地")
    expect(desk.locator(".spt-verdict")).to_have_text("不属实")
    expect(desk.locator(".spt-total dd").last).to_contain_text("0 / 1")
    assert serious(desk) == []


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
