"""Two days laid side by side on the map, after boundaries were published."""

import json

import pytest
from playwright.sync_api import expect
from shapely.geometry import shape

from tests.support.behind import let_strangers_see

pytestmark = pytest.mark.browser

COMMUNITY = "520402100001"


def neighbours(deployment):
    """Two grids of the community that border on each other, whatever other tests have redrawn."""
    features = deployment.get("/api/v1/layers/grids?bbox=105,25,107,27")["features"]
    grids = {item["properties"]["code"]: shape(item["geometry"]) for item in features}
    ours = sorted(code for code in grids if code.startswith(COMMUNITY))
    return next(
        (a, b)
        for a in ours
        for b in ours
        if a < b and grids[a].intersection(grids[b]).length > 1e-4
    )


def test_what_changed_between_two_days_is_on_the_map_and_in_a_list(desk, planned, tmp_path):
    a, b = neighbours(planned)
    op = tmp_path / "merge.json"
    op.write_text(json.dumps({"op": "merge", "codes": [a, b], "into": a}))
    number = planned.run_inside("revision", "begin", "两日对照").stdout.strip()
    done = planned.run_inside("revision", "do", number, op)
    assert done.returncode == 0, done.stderr
    assert planned.run_inside("revision", "publish", number, "--reason", "试").returncode == 0
    let_strangers_see()
    valid_from = planned.get(f"/api/v1/areas/{a}/history")["boundaries"][-1]["valid_from"]

    # the instant before, and now
    desk.goto(f"{planned.url}/?lang=zh&compare={valid_from[:19]}Z")
    desk.wait_for_selector("body[data-compared]")
    listed = desk.locator("#difference li")
    expect(listed.filter(has_text="已停用")).to_have_count(1)
    expect(desk.locator(".band.then")).to_contain_text("对照")
    assert desk.locator(".leaflet-overlay-pane path").count() >= 3
    listed.first.get_by_role("button").click()
    desk.get_by_role("link", name="回到现在").first.click()
    expect(desk.locator(".band.then")).to_have_count(0)

    # nothing differs between two moments of one day in the past
    desk.goto(f"{planned.url}/?lang=zh&at=2020-01-02&compare=2020-01-01")
    expect(desk.locator("#difference")).to_contain_text("没有网格的范围发生变化")
    expect(desk.locator(".band.then")).to_contain_text("2020-01-02")
    assert desk.said == []
