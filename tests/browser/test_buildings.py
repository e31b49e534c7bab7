"""The page of buildings: one is added by a click, its outline drawn, its facts changed."""

import pytest
from playwright.sync_api import expect

from tests.support.browser import serious, sign_in

pytestmark = pytest.mark.browser
# a place in the grid far from every building, and its corners 20 m around, in pixels of the map
PLACE = """async () => {
  const { map, L } = { map: window.wangge.map, L: window.L };
  const bounds = map.getBounds();
  map.setView(bounds.getCenter(), 18, { animate: false });
  const api = JSON.parse(document.getElementById('page').textContent).api;
  for (let i = 1; i < 30; i++) {
    const point = L.latLng(bounds.getCenter().lat + i * 0.00031, bounds.getCenter().lng);
    const about = new URLSearchParams({ lon: point.lng, lat: point.lat, crs: 'cgcs2000' });
    if ((await fetch(`${api}/buildings/at?${about}`)).status !== 404) continue;
    map.setView(point, 19, { animate: false });
    const { x, y } = map.latLngToContainerPoint(point);
    return [x, y];
  }
}"""


def test_a_building_is_added_by_a_click_and_its_outline_drawn(desk, planned):
    sign_in(desk, planned.url, planned.var, "street", "/buildings")
    expect(desk.locator("body[data-ready]")).to_be_attached()
    assert serious(desk) == []
    x, y = desk.evaluate(PLACE)
    ground = desk.locator(".bld-map .folium-map")
    desk.get_by_role("button", name="新增楼栋").click()
    ground.click(position={"x": x, "y": y})
    form = desk.locator(".bld-form")
    form.get_by_label("小区").fill("试点新苑")
    form.get_by_label("楼栋", exact=True).fill("1号楼")
    form.get_by_label("层数").fill("7")
    form.get_by_label("单元数").fill("2")
    form.get_by_label("楼栋长").fill("示例甲")
    form.get_by_label("电话").first.fill("13900001001")
    form.locator("[type=submit]").click()
    expect(desk.locator("#status")).to_contain_text("试点新苑1号楼")
    one = desk.locator("#one dl")
    expect(one).to_contain_text("示意")
    expect(one).to_contain_text("示例甲")

    desk.get_by_role("button", name="画轮廓").click()
    for dx, dy in ((-30, -20), (30, -20), (30, 20), (-30, 20), (-30, -20)):
        ground.click(position={"x": x + dx, "y": y + dy})
    expect(desk.locator("#status")).to_contain_text("保存后生效")
    desk.locator(".bld-form [type=submit]").click()
    expect(one).to_contain_text("实测")
    expect(one).not_to_contain_text("示意")
    # the refusal of a wrong value stays on the page, with what was written
    desk.locator(".bld-form").get_by_label("层数").fill("900")
    desk.locator(".bld-form [type=submit]").click()
    expect(desk.locator("#status.wrong")).to_contain_text("900")
    # gone again, for the tests that come after
    for _ in range(2):  # the second press is sure
        desk.locator(".bld-form .acc-danger").click()
    expect(desk.locator("#h-one")).to_contain_text("请在列表或地图上选一栋楼")
