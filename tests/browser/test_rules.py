"""The page of routing rules, as the command centre uses it: download, edit, send back, test, switch
on.
"""

import dataclasses

import pytest
from playwright.sync_api import expect

from gis.incidents.routing import rules_file
from tests.support.browser import serious, sign_in
from tests.support.sharded import not_in_shards

pytestmark = pytest.mark.browser


@not_in_shards  # rules are all counties', and a post of one may not change them
def test_a_set_from_spreadsheet_to_tested_draft(desk, site, served, tmp_path):
    sign_in(desk, site, served.var, "centre", "/rules")
    expect(desk.locator(".rul-table")).to_contain_text("噪声扰民，22:00–06:00")
    with desk.expect_download() as download:
        desk.locator(".rul-head a").click()
    path = tmp_path / "下载.xlsx"
    download.value.save_as(path)
    result, report = rules_file.parse(path)
    assert result and not report.refused

    rules_file.dump([result[-1], *result], path)  # the one for everything first
    desk.locator("#file").set_input_files(path)
    desk.get_by_role("button", name="检查并存为草稿").click()
    expect(desk.get_by_role("alert")).to_contain_text("匹配一切，只能放在最后")
    assert serious(desk) == []

    initial = dataclasses.replace(result[-1], name="市容", category="06", first_role="grid_leader")
    rules_file.dump([*result[:-1], initial, result[-1]], path)
    desk.locator("#file").set_input_files(path)
    desk.locator("#name").fill("浏览器里试的")
    desk.get_by_role("button", name="检查并存为草稿").click()
    expect(desk.locator("h1")).to_contain_text("浏览器里试的")
    desk.locator(".rul-act form button").first.click()
    expect(desk.locator("#test")).to_be_visible()
    expect(desk.locator(".rul-switch button")).not_to_be_visible()  # not without a second step
    desk.locator(".rul-switch summary").click()
    expect(desk.locator(".rul-switch button")).to_be_visible()
    assert serious(desk) == []
    assert not [
        item for item in desk.said if "422" not in item
    ]  # the wrong spreadsheet is the one refusal


def test_a_grid_worker_reads_the_rules_on_a_phone(phone, site, served):
    sign_in(phone, site, served.var, "worker", "/rules")
    expect(phone.locator(".rul-table")).to_contain_text("派给网格员")
    assert phone.locator("#file").count() == phone.locator(".rul-act").count() == 0
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390 and serious(phone) == []
    assert phone.said == []
