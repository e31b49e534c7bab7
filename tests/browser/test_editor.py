"""The boundary editor as a planner uses it: drag a shared vertex, split, merge, undo, publish.

Then ask the database.
"""

import json
import re

import pytest
from playwright.sync_api import TimeoutError as NotYet
from playwright.sync_api import expect
from shapely.geometry import shape

from gis.shapes import polygon_coverage
from tests.support.behind import let_strangers_see
from tests.support.browser import serious, sign_in, wait_for_held, wait_until
from web.cli.screenshots import SHARED_CORNER

pytestmark = pytest.mark.browser

# two frames are drawn: what a move of the mouse changes is there
FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"

# the box of a grid in pixels, brought whole into view: other tests may have made it large
BOX = (
    """async (code) => {
  const { map, coverage } = window.wangge, ring = coverage.grids.get(code).polygons[0][0].map(([lon, lat]) => [lat, lon]);
  map.fitBounds(ring, { animate: false, padding: [120, 120], maxZoom: map.getZoom() });
  await """
    + FRAMES
    + """;
  const box = map.getContainer().getBoundingClientRect(), all = { w: 1e9, e: -1e9, n: 1e9, s: -1e9 };
  for (const place of ring) {
    const at = map.latLngToContainerPoint(place);
    all.w = Math.min(all.w, at.x + box.x); all.e = Math.max(all.e, at.x + box.x);
    all.n = Math.min(all.n, at.y + box.y); all.s = Math.max(all.s, at.y + box.y);
  }
  return all;
}"""
)
# where a line from west to east, at a share of its height, is longest within a grid: y, from x, to x in pixels
CHORD = """([code, share]) => {
  const { map, coverage } = window.wangge, box = map.getContainer().getBoundingClientRect();
  const ring = coverage.grids.get(code).polygons[0][0].map(([lon, lat]) => map.latLngToContainerPoint([lat, lon]));
  const ys = ring.map(({ y }) => y), y = Math.min(...ys) + (Math.max(...ys) - Math.min(...ys)) * share;
  const crossed = ring.slice(1).map((b, i) => [ring[i], b]).filter(([a, b]) => a.y > y !== b.y > y)
    .map(([a, b]) => a.x + ((b.x - a.x) * (y - a.y)) / (b.y - a.y)).sort((a, b) => a - b);
  const [west, east] = crossed.slice(1).map((x, i) => [crossed[i], x]).filter((_, i) => i % 2 === 0)
    .sort((a, b) => b[1] - b[0] - a[1] + a[0])[0];
  return [y + box.y, west + box.x, east + box.x];
}"""
PUBLISHED = "/api/v1/layers/grids?bbox=105,25,107,27"


def open_editor(page, deployment, title):
    """Sign in as the planner and begin a draft in the first community."""
    sign_in(page, deployment.url, deployment.var, "planner")
    page.goto(deployment.url + "/editor?lang=zh")
    page.get_by_label("调整内容").fill(title)
    page.get_by_role("button", name="开始").click()
    page.wait_for_selector("body[data-ready]")


def grids(deployment):
    """The published grids: shape by code."""
    return {
        feature["properties"]["code"]: shape(feature["geometry"])
        for feature in deployment.ask(PUBLISHED).json()["features"]
    }


def drag(page, spot, by):
    for _ in range(
        40
    ):  # the map may still be drawing when the hand comes near; then it comes again
        page.mouse.move(spot["x"] - 20, spot["y"] - 20)
        page.mouse.move(spot["x"], spot["y"], steps=4)
        try:
            page.locator(".ed-handle").wait_for(timeout=2000)
            break
        except NotYet:
            continue
    expect(page.locator(".ed-handle")).to_be_visible()
    page.mouse.down()
    page.mouse.move(spot["x"] + by[0], spot["y"] + by[1], steps=8)


def test_a_vertex_drags_all_its_grids_a_split_a_merge_and_undo_are_published(desk, planned):
    old_grids = grids(planned)
    open_editor(desk, planned, "浏览器里的调整")
    position = desk.evaluate(SHARED_CORNER)
    old = {
        code: desk.evaluate(
            "(code) => JSON.stringify(wangge.coverage.grids.get(code).polygons)", code
        )
        for code in position["codes"]
    }

    # while it is dragged, every grid that shares the vertex has it in the new place
    desk.locator("text=吸附到边界").click()  # let it lie where it is dropped
    drag(desk, position, (24, 16))
    desk.evaluate(FRAMES)
    stored = {
        code: desk.evaluate(
            "(code) => JSON.stringify(wangge.coverage.grids.get(code).polygons)", code
        )
        for code in position["codes"]
    }
    assert all(stored[code] != old[code] for code in position["codes"])
    moved = [
        set(map(tuple, json.loads(stored[code])[0][0]))
        - set(map(tuple, json.loads(old[code])[0][0]))
        for code in position["codes"]
    ]
    assert moved[0] and all(item == moved[0] for item in moved)
    expect(desk.locator("#ed-grids li")).to_have_count(len(position["codes"]))
    desk.mouse.up()
    expect(desk.locator("#ed-status")).to_contain_text("已保存为第 1 步")
    expect(desk.locator("#ed-step-count")).to_have_text("1")
    location = f"{round(position['lon'] * 1e7)},{round(position['lat'] * 1e7)}"
    assert not desk.evaluate(
        "(key) => wangge.coverage.owners.has(key)", location
    )  # nothing is left where it was

    # a split across one grid, undone, done again
    code = position["codes"][0]
    desk.keyboard.press("s")
    box = desk.evaluate(BOX, code)
    middle = (box["n"] + box["s"]) / 2
    desk.mouse.move(box["w"] - 12, middle)
    desk.mouse.click(box["w"] - 12, middle)
    desk.mouse.move(box["e"], middle, steps=4)
    desk.mouse.dblclick(box["e"] + 12, middle)
    expect(desk.locator("#ed-step-count")).to_have_text("2")
    expect(desk.locator("#ed-grids em")).to_have_text("新")
    desk.keyboard.press("Escape")
    desk.keyboard.press("Control+z")
    expect(desk.locator("#ed-step-count")).to_have_text("1")
    expect(desk.locator("#ed-grids em")).to_have_count(0)
    desk.keyboard.press("Control+Shift+z")
    expect(desk.locator("#ed-step-count")).to_have_text("2")
    new = desk.evaluate("[...wangge.coverage.grids.keys()]")
    new = sorted(set(new) - set(old_grids))
    assert len(new) == 1

    # merge the two other grids of the vertex
    desk.keyboard.press("m")
    for item in position["codes"][2:4]:
        box = desk.evaluate(BOX, item)
        desk.mouse.click((box["w"] + box["e"]) / 2, (box["n"] + box["s"]) / 2)
    desk.keyboard.press("Enter")
    expect(desk.locator("#ed-step-count")).to_have_text("3")
    expect(desk.locator("#ed-grids")).to_contain_text("停用")
    desk.locator("#ed-tab-problems").click()
    expect(desk.locator("#ed-problems")).to_contain_text("还没有网格长")
    assert serious(desk) == []

    # nothing is in force before it is published
    assert grids(planned).keys() == old_grids.keys()
    desk.locator("#ed-publish").click()
    expect(desk.locator("#ed-publish-totals")).to_contain_text("改换网格")
    assert serious(desk) == []
    desk.get_by_label("发布理由").fill("新楼入住")
    desk.locator("#ed-publish-now").click()
    desk.wait_for_url(lambda url: "/revisions/" in url)

    let_strangers_see()
    new_grids = grids(planned)
    assert new_grids.keys() == old_grids.keys() - {position["codes"][3]} | set(new)
    assert polygon_coverage.is_valid(list(new_grids.values()))
    assert sum(item.area for item in new_grids.values()) == pytest.approx(
        sum(item.area for item in old_grids.values()), rel=1e-9
    )
    drawn = [
        item
        for item in new_grids
        if item not in old_grids or not new_grids[item].equals(old_grids[item])
    ]
    assert {*position["codes"][:3], *new} <= set(drawn)
    [last] = planned.ask(f"/api/v1/areas/{new[0]}/history").json()["boundaries"]
    assert (last["title"], last["reason"]) == ("浏览器里的调整", "新楼入住")


def test_what_cannot_be_is_said_while_held_and_stays_until_the_planner_acts(desk, planned):
    open_editor(desk, planned, "拉不动")
    position = desk.evaluate(SHARED_CORNER)
    before = desk.locator("#ed-grids").inner_text()
    drag(desk, position, (420, 330))
    expect(desk.locator("#ed-status.wrong")).to_contain_text("此处边界会与其他边界相交")
    expect(desk.locator("#ed-grids")).not_to_have_text(before)  # hectares follow the hand
    desk.mouse.up()
    pending = desk.locator(".ed-pending")
    expect(pending).to_contain_text("未保存")
    expect(pending).to_contain_text("边界")
    now = desk.evaluate(
        "(key) => [...wangge.coverage.grids.values()].filter((one) =>"
        " JSON.stringify(one.polygons).includes(key)).length",
        f"{position['lon']},{position['lat']}",
    )
    assert now == len(position["codes"])
    expect(desk.locator("#ed-step-count")).to_be_empty()
    desk.reload()  # it is not lost with the page
    desk.wait_for_selector("body[data-ready]")
    expect(pending).to_contain_text("边界")
    expect(pending).to_have_css("opacity", "1")
    assert serious(desk) == []
    desk.get_by_role("button", name="放弃").click()
    expect(pending).to_have_count(0)


def test_a_corner_moved_after_the_session_has_ended_is_saved_after_signing_in_again(desk, planned):
    open_editor(desk, planned, "登录过期")
    position = desk.evaluate(SHARED_CORNER)
    signed_in = desk.context.cookies()
    desk.context.clear_cookies()
    drag(desk, position, (12, 9))
    desk.mouse.up()
    pending = desk.locator(".ed-pending")
    expect(pending).to_contain_text("登录已过期，请重新登录")
    expect(pending).not_to_contain_text("Authorization")
    expect(pending.get_by_role("link", name="登录")).to_have_attribute(
        "href", re.compile("sign-?in.*next=.*editor")
    )
    desk.context.add_cookies(signed_in)
    desk.reload()
    desk.wait_for_selector("body[data-ready]")
    desk.get_by_role("button", name="重试").click()
    expect(desk.locator("#ed-step-count")).to_have_text("1")
    expect(pending).to_have_count(0)


def test_a_point_is_taken_back_an_interrupted_line_is_sent_again_and_redo_survives(desk, planned):
    open_editor(desk, planned, "断网")
    code = desk.evaluate(SHARED_CORNER)["codes"][0]
    desk.keyboard.press("s")
    box = desk.evaluate(BOX, code)
    middle = (box["n"] + box["s"]) / 2
    drawn = "wangge.map.pm.Draw.Line._layer.getLatLngs().length"
    for x, y in ((box["w"] - 12, middle), (box["w"] + 40, box["n"] - 60)):
        desk.mouse.move(x, y, steps=3)
        desk.mouse.click(x, y)
    assert desk.evaluate(drawn) == 2
    desk.keyboard.press("Backspace")
    assert desk.evaluate(drawn) == 1
    desk.context.set_offline(True)
    desk.mouse.move(box["e"], middle, steps=4)
    desk.mouse.dblclick(box["e"] + 12, middle)
    expect(desk.locator(".ed-pending")).to_contain_text("无法连接服务器")
    desk.context.set_offline(False)
    desk.get_by_role("button", name="重试").click()
    expect(desk.locator("#ed-step-count")).to_have_text("1")
    expect(desk.locator(".ed-pending")).to_have_count(0)
    desk.keyboard.press("Escape")
    desk.keyboard.press("Control+z")
    expect(desk.locator("#ed-step-count")).to_be_empty()
    desk.reload()
    desk.wait_for_selector("body[data-ready]")
    desk.locator("#ed-redo").click()
    expect(desk.locator("#ed-step-count")).to_have_text("1")


def test_escape_drops_kept_drawings_with_a_tool_at_hand_and_each_is_in_reach(desk, planned):
    open_editor(desk, planned, "放弃")
    code = desk.evaluate(SHARED_CORNER)["codes"][0]
    desk.evaluate(BOX, code)
    pending = desk.locator(".ed-pending")
    for count, share in ((1, 0.45), (2, 0.6)):
        desk.keyboard.press("s")
        y, west, east = desk.evaluate(CHORD, [code, share])
        at = west + (east - west) * 0.4
        desk.mouse.move(at, y, steps=3)
        desk.mouse.click(at, y)
        wait_until(desk, "wangge.map.pm.Draw.Line._layer.getLatLngs().length == 1")
        at = west + (east - west) * 0.6
        desk.mouse.move(at, y, steps=3)
        desk.mouse.dblclick(at, y)
        expect(pending).to_have_count(count)
    covered = pending.first.element_handle()
    covered.dispatch_event("pointerenter")
    assert covered.evaluate("card => card === card.parentNode.lastElementChild")
    for count in (1, 0):
        desk.keyboard.press("Escape")
        expect(pending).to_have_count(count)


def test_a_drawing_waits_for_the_step_before_it_and_one_beside_every_grid_is_kept(desk, planned):
    open_editor(desk, planned, "快手")
    code = desk.evaluate(SHARED_CORNER)["codes"][0]
    desk.evaluate(BOX, code)
    y, west, east = desk.evaluate(CHORD, [code, 0.5])
    inside = [west + (east - west) * 0.4, west + (east - west) * 0.6]
    held, pending = [], desk.locator(".ed-pending")
    desk.route("**/operations", lambda route: route.continue_() if held else held.append(route))
    for start, end in ([west - 12, east + 12], inside):
        desk.keyboard.press("s")
        desk.mouse.click(start, y)
        desk.mouse.dblclick(end, y)
        wait_until(desk, "!wangge.map.pm.globalDrawModeEnabled()")
    wait_until(desk, "document.querySelector('#ed-busy').offsetParent")
    wait_for_held(desk, held).continue_()
    expect(desk.locator("#ed-step-count")).to_have_text("1")
    expect(pending).to_have_count(1)
    desk.keyboard.press("Escape")
    expect(pending).to_have_count(0)

    desk.keyboard.press("s")
    for place in ("105.5, 26.0", "105.501, 26.0"):
        desk.get_by_label("坐标").fill(place)
        desk.get_by_label("坐标").press("Enter")
        expect(desk.get_by_label("坐标")).to_have_value("")
    desk.mouse.dblclick(inside[0], y)
    expect(pending).to_contain_text("没有经过您可以调整的网格")
    desk.get_by_role("button", name="重试").click()
    expect(pending).to_contain_text("没有经过您可以调整的网格")
    assert [said for said in desk.said if "422" not in said] == []


def test_a_drawing_follows_lines_takes_typed_places_and_cuts_several_grids(desk, planned):
    open_editor(desk, planned, "沿线描绘")
    code = desk.evaluate(SHARED_CORNER)["codes"][0]
    box = desk.evaluate(BOX, code)
    middle = (box["n"] + box["s"]) / 2

    # one line through the grid and its neighbours; its ends are typed
    desk.keyboard.press("c")
    position = desk.get_by_label("坐标")
    place = """([x, y]) => {
      const box = wangge.map.getContainer().getBoundingClientRect();
      const at = wangge.map.containerPointToLatLng([x - box.x, y - box.y]);
      return `${at.lng.toFixed(7)}, ${at.lat.toFixed(7)}`;
    }"""
    ends = [[box["w"] - 60, middle], [box["e"] + 60, middle]]
    position.fill("这里")
    position.press("Enter")
    assert "105.9501, 26.2302" in position.evaluate("(input) => input.validationMessage")
    for end in ends:
        position.fill(desk.evaluate(place, end))
        position.press("Enter")
        expect(position).to_have_value("")
    desk.mouse.dblclick(box["e"] + 70, middle)
    expect(desk.locator("#ed-step-count")).to_have_text("1")
    new = desk.evaluate("[...wangge.coverage.grids.keys()].length")
    desk.keyboard.press("Escape")
    desk.keyboard.press("Control+z")
    expect(desk.locator("#ed-step-count")).to_be_empty()
    assert new > desk.evaluate("[...wangge.coverage.grids.keys()].length")

    # a border is followed between two of its vertices that are not neighbours
    desk.keyboard.press("p")
    desk.mouse.click((box["w"] + box["e"]) / 2, middle)
    desk.keyboard.press("t")
    expect(desk.get_by_label("两点之间沿边界")).to_be_checked()
    corners = desk.evaluate(
        """(code) => {
          const box = wangge.map.getContainer().getBoundingClientRect();
          const all = wangge.coverage.grids.get(code).polygons[0][0].slice(0, -1).map(([lon, lat]) => {
            const at = wangge.map.latLngToContainerPoint([lat, lon]);
            return [at.x + box.x, at.y + box.y];
          });
          const free = ([x, y]) => x > box.x + 90 && x < box.right - 90 && y > box.y + 90 && y < box.bottom - 130;
          for (let i = 0; i < all.length; i += 1)
            for (let j = i + 2; j < all.length - 1; j += 1) if (free(all[i]) && free(all[j])) return [all[i], all[j]];
        }""",
        code,
    )
    for x, y in corners:
        desk.mouse.move(x - 6, y, steps=3)
        desk.mouse.move(x, y, steps=3)
        desk.mouse.click(x, y)
    wait_until(desk, "wangge.map.pm.Draw.Polygon._layer.getLatLngs().length == 2")
    drawn = desk.evaluate("wangge.traced.getLatLngs().length")
    assert drawn > 2
    desk.keyboard.press("Escape")

    # the whole community: in classes with a legend, as dots, and the farthest from the band first
    desk.get_by_label("着色").select_option("households")
    classes = desk.locator("#ed-theme-legend small").all_inner_texts()
    assert sum(int(text.split()[0]) for text in classes) == 12
    desk.get_by_label("着色").select_option("response")
    expect(desk.locator("#ed-theme-legend")).to_contain_text("接单用时中位数")
    desk.get_by_label("住户点").check()
    desk.get_by_role("tab", name="全部网格").click()
    counts = [int(text) for text in desk.locator("#ed-all .ed-count b").all_inner_texts()]
    assert len(counts) == 12
    away = [max(0, 300 - count, count - 500) for count in counts]
    assert away == sorted(away, reverse=True)
    desk.get_by_role("tab", name="变动网格").click()
    desk.get_by_label("着色").select_option("")

    # equal parts
    desk.keyboard.press("d")
    desk.mouse.click((box["w"] + box["e"]) / 2, middle)
    desk.get_by_label("份数").fill("2")
    desk.get_by_role("button", name="等分", exact=True).click()
    expect(desk.locator("#ed-step-count")).to_have_text("1")
    expect(desk.locator("#ed-grids em")).to_have_text("新")
    assert serious(desk) == []


# of the grids that meet at a vertex: the receiver, and a building of the next with homes and a
# place to click on
PAINTED = """async ([to, ...others]) => {
  const { map, coverage } = window.wangge, box = map.getContainer().getBoundingClientRect();
  const draft = location.pathname.split('/').pop();
  const { items } = await (await fetch(`/api/v1/revisions/${draft}/buildings?within=${to.slice(0, 12)}`)).json();
  const near = coverage.grids.get(to).polygons[0][0];
  const far = ([lon, lat]) => Math.min(...near.map((corner) => Math.hypot(corner[0] - lon, corner[1] - lat)));
  const [one] = items.filter(({ households, point }) => households && others.includes(coverage.at(...point)))
    .sort((a, b) => far(a.point) - far(b.point));
  const at = map.latLngToContainerPoint([one.point[1], one.point[0]]);
  return { households: one.households, from: coverage.at(...one.point), x: at.x + box.x, y: at.y + box.y };
}"""
COUNTED = "(code) => window.wangge.coverage.grids.get(code).properties"


def test_a_building_is_painted_over_with_its_homes_counted_before_and_after(desk, planned):
    open_editor(desk, planned, "按楼划转")
    to, *others = desk.evaluate(SHARED_CORNER)["codes"]
    desk.keyboard.press("h")
    expect(desk.locator("#ed-status")).to_have_text("请选择接收楼栋的网格")
    box = desk.evaluate(BOX, to)
    desk.mouse.click((box["w"] + box["e"]) / 2, (box["n"] + box["s"]) / 2)
    receiver = desk.evaluate(COUNTED, to)
    expect(desk.locator("#ed-status")).to_contain_text(f"划归“{receiver['name']}”")
    building = desk.evaluate(PAINTED, [to, *others])
    giver = desk.evaluate(COUNTED, building["from"])

    desk.mouse.click(building["x"], building["y"])
    homes = building["households"]
    lines = [
        f"{receiver['name']} {receiver['households']} → {receiver['households'] + homes}",
        f"{giver['name']} {giver['households']} → {giver['households'] - homes}",
    ]
    expect(desk.locator("#ed-status")).to_have_text(" · ".join(lines))
    desk.mouse.click(building["x"], building["y"])  # a second click takes it back
    expect(desk.locator("#ed-act-bar")).to_be_hidden()
    desk.mouse.click(building["x"], building["y"])
    expect(desk.locator("#ed-act")).to_have_text("划转 1 栋楼")
    assert serious(desk) == []
    desk.keyboard.press("Enter")
    expect(desk.locator("#ed-step-count")).to_have_text("1")

    # both grids stand in the list with the households that were said before
    for code, count in (
        (to, receiver["households"] + homes),
        (building["from"], giver["households"] - homes),
    ):
        row = desk.locator(f'#ed-grids [data-code="{code}"] .ed-count b')
        expect(row).to_have_text(str(count))
    assert desk.evaluate(
        """({ x, y }) => {
          const { map, coverage } = window.wangge, box = map.getContainer().getBoundingClientRect();
          const { lng, lat } = map.containerPointToLatLng([x - box.x, y - box.y]);
          return coverage.at(lng, lat);
        }""",
        building,
    ) == to  # fmt: skip


def test_a_second_tab_is_told_what_changed_and_loses_nothing(desk, planned):
    open_editor(desk, planned, "两个窗口")
    position = desk.evaluate(SHARED_CORNER)
    other = desk.context.new_page()
    other.goto(desk.url)
    other.wait_for_selector("body[data-ready]")
    drag(desk, position, (14, 10))
    desk.mouse.up()
    expect(desk.locator("#ed-step-count")).to_have_text("1")
    drag(other, other.evaluate(SHARED_CORNER), (-14, 10))
    other.mouse.up()
    expect(other.locator("#ed-bar-status")).to_contain_text("此草案已在别处改动：1.")
    expect(other.locator(".ed-pending")).to_be_visible()
    desk.keyboard.press("Control+z")
    expect(desk.locator("#ed-step-count")).to_be_empty()
    desk.reload()  # neither tab has overwritten what the other left in the browser
    expect(desk.locator(".ed-pending")).to_be_visible()
    desk.locator("#ed-redo").click()
    expect(desk.locator("#ed-step-count")).to_have_text("1")
    other.get_by_role("button", name="显示改动").click()
    expect(other.locator("#ed-step-count")).to_have_text("1")
    expect(other.locator("#ed-bar")).to_be_hidden()
    expect(other.locator(".ed-pending")).to_be_visible()
    other.close()


def test_letting_go_by_escape_puts_a_corner_back_and_grids_of_two_communities_merge(desk, planned):
    open_editor(desk, planned, "两个社区")
    position = desk.evaluate(SHARED_CORNER)
    code = position["codes"][0]
    as_is = "(code) => JSON.stringify(wangge.coverage.grids.get(code).polygons)"
    old = desk.evaluate(as_is, code)
    drag(desk, position, (30, 20))
    desk.keyboard.press("m")  # no tool is taken up while something is held
    desk.keyboard.press("Escape")
    desk.mouse.up()
    assert desk.evaluate(as_is, code) == old
    expect(desk.locator("#ed-step-count")).to_be_empty()

    pair = desk.evaluate("""() => {
      const { map, coverage } = window.wangge, view = map.getBounds(), ours = (grid) => grid.properties.community === '520402007004';
      const all = [...coverage.grids.values()].filter((grid) => grid.polygons[0][0].every(([lon, lat]) => view.contains([lat, lon])));
      const keys = (grid) => new Set(grid.polygons.flat(2).map(String));
      for (const one of all.filter(ours)) for (const other of all.filter((grid) => !ours(grid))) {
        const shared = [...keys(one)].filter((xy) => keys(other).has(xy));
        if (shared.length > 1) return [one.code, other.code];
      }
    }""")
    desk.keyboard.press("m")
    for item in pair:
        box = desk.evaluate(BOX, item)
        desk.mouse.click((box["w"] + box["e"]) / 2, (box["n"] + box["s"]) / 2)
    desk.locator("#ed-act").click()
    expect(desk.locator("#ed-step-count")).to_have_text("1")
    expect(desk.locator("#ed-grids")).to_contain_text("停用")


def test_a_chosen_grid_gets_a_name_and_another_community(desk, planned):
    open_editor(desk, planned, "改名划归")
    code = desk.evaluate(SHARED_CORNER)["codes"][0]
    desk.goto(f"{desk.url}&chosen={code}")
    desk.wait_for_selector("body[data-ready]")
    form = desk.locator("#ed-identity")
    expect(form.get_by_label("编码")).to_have_value(code)
    form.get_by_label("名称").fill("花园网格")
    form.get_by_role("button", name="修改").click()
    expect(desk.locator("#ed-identity-changes")).to_contain_text("→ 花园网格")
    other = form.get_by_label("社区").locator(f"option:not([value='{code[:12]}'])").first
    community = other.text_content()
    form.get_by_label("社区").select_option(other.get_attribute("value"))
    form.get_by_role("button", name="修改").click()
    expect(desk.locator("#ed-step-count")).to_have_text("2")
    lines = desk.locator("#ed-identity-changes li")
    expect(lines.filter(has_text=f"花园网格 {code} →")).to_have_count(1)
    expect(lines.filter(has_text=community)).to_contain_text("公顷")
    expect(form).to_be_hidden()  # the grid has another code now
    assert serious(desk) == []


def test_it_stays_smooth_while_dragging(desk, planned):
    open_editor(desk, planned, "流畅")
    position = desk.evaluate(SHARED_CORNER)
    desk.evaluate("wangge.frames = []")
    drag(desk, position, (60, 40))
    for step in range(30):
        desk.mouse.move(position["x"] + step, position["y"] + step / 2)
    desk.evaluate(FRAMES)
    frames = sorted(desk.evaluate("wangge.frames"))
    desk.keyboard.press("Escape")
    desk.mouse.up()
    assert frames and frames[len(frames) // 2] < 16
    expect(desk.locator("#ed-step-count")).to_be_empty()


def test_on_a_phone_one_looks_only(phone, planned):
    open_editor(phone, planned, "手机")
    expect(phone.locator(".ed-desk")).to_be_visible()
    expect(phone.locator(".ed-tools")).to_be_hidden()
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
