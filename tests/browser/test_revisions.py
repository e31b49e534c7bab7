"""The pages of boundary revisions: a torn file is shown, a good one becomes a draft that is looked
at and published.
"""

import pyogrio
import pytest
from playwright.sync_api import expect
from shapely.affinity import translate

from tests.support.browser import serious, sign_in

pytestmark = pytest.mark.browser


def test_a_file_from_qgis_torn_then_mended_looked_at_and_published(desk, planned, tmp_path):
    sign_in(desk, planned.url, planned.var, "planner", "/revisions")
    desk.locator(".rev-get select").select_option("520402007012")
    with desk.expect_download() as download:
        desk.get_by_role("button", name="下载 GeoPackage").click()
    file = tmp_path / "grids.gpkg"
    download.value.save_as(file)
    grids = pyogrio.read_dataframe(file)
    assert set(grids.code.str[:12]) == {"520402007012"}
    grids.loc[3, "geometry"] = translate(grids.geometry[3], 4e-5, 0)  # 4 m east
    pyogrio.write_dataframe(grids, tmp_path / "torn.gpkg")

    desk.get_by_label("草案名称").fill("实地核实")
    desk.locator("input[type=file]").set_input_files(tmp_path / "torn.gpkg")
    desk.get_by_role("button", name="传回成为草案").click()
    expect(desk.locator("#rev-answer")).to_contain_text("边界有破损")
    expect(desk.locator("#rev-faults li").first).to_contain_text("平方米")
    assert (
        desk.locator("#rev-torn path.leaflet-interactive, #rev-torn svg path").count() >= 2
    )  # drawn on the map
    desk.locator("#rev-faults button").first.click()
    assert serious(desk) == []

    grids = pyogrio.read_dataframe(file)
    other = next(
        i
        for i in range(len(grids))
        if i != 3 and grids.geometry[3].intersection(grids.geometry[i]).length > 1e-4
    )
    grids.loc[3, "geometry"] = grids.geometry[3].union(grids.geometry[other])
    pyogrio.write_dataframe(grids.drop(index=other), tmp_path / "merged.gpkg")
    desk.locator("input[type=file]").set_input_files(tmp_path / "merged.gpkg")
    desk.get_by_role("button", name="传回成为草案").click()
    desk.get_by_role("link", name="查看草案").click()
    expect(desk.locator("#rev-grids tr").nth(1)).to_contain_text("西兴")
    expect(desk.locator("#rev-pieces li").first).to_contain_text("→")
    assert serious(desk) == []
    desk.locator("#rev-publish").click()
    desk.get_by_label("发布理由").fill("与实地一致")
    desk.locator("#rev-publishing").get_by_role("button", name="发布").click()
    expect(desk.locator(".rev-state")).to_have_text("已发布")
    expect(desk.locator(".rev-reason")).to_have_text("与实地一致")
    expect(desk.locator("#rev-grids tr").nth(1)).to_contain_text(
        "西兴"
    )  # a published one is looked at the same way
    desk.goto(planned.url + "/revisions?state=published")
    expect(desk.locator(".rev-list li").first).to_contain_text("实地核实")
    assert not desk.said or all("422" in item for item in desk.said)


def test_a_preview_fits_a_phone(phone, planned):
    sign_in(phone, planned.url, planned.var, "planner", "/revisions")
    items = phone.request.get(planned.url + "/api/v1/revisions").json()["items"]
    if not items:
        pytest.skip("nothing was published here before")
    phone.goto(f"{planned.url}/revisions/{items[0]['id']}")
    expect(phone.locator("#rev-totals div").first).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
