"""The planner's page of coverage, in a real Chromium on the made-up town."""

import re

import numpy as np
import pytest
from PIL import Image, ImageColor
from playwright.sync_api import Page, Route, expect
from sqlalchemy import text

from gis.palette import ACCESS_CLASS_COLOURS
from tests.support.browser import (
    planned_session,  # noqa: F401
    serious,
    sign_in,
    wait_for_held,
    wait_until,
)

pytestmark = pytest.mark.browser

QUESTION = "/coverage?category=clinic&profile=elder&minutes=15"


# buildings that the map draws
DRAWN = """() => {
  let count = 0;
  wangge.map.eachLayer((layer) => { if (layer.feature?.properties.class) count += 1; });
  return count;
}"""

COLUMNS_ADD_UP = """() => {
  const count = (element) => Number(element.textContent.replace(/\\D/g, ''));
  const columns = [...document.querySelectorAll('.cov-col b')].map(count);
  const total = count(document.querySelector('#legend-total b'));
  return total > 0 && total === columns.reduce((sum, each) => sum + each, 0);
}"""

# painted pixels of each side that its clip leaves
SHOWN = """() => ['cov-minutes', 'cov-compared'].map((name) => {
  const pane = wangge.map.getPane(name), canvas = pane.querySelector('canvas');
  const [from, to] = [...pane.style.clipPath.matchAll(/(-?[\\d.]+)px -?[\\d.]+px/g)]
    .slice(0, 2).map((match) => Number(match[1]) - canvas._leaflet_pos.x);
  const ratio = canvas.width / canvas.clientWidth;
  const left = Math.max(from * ratio, 0), width = Math.min(to * ratio, canvas.width) - left;
  const data = canvas.getContext('2d').getImageData(left, 0, width, canvas.height).data;
  let painted = 0;
  for (let i = 3; i < data.length; i += 4) painted += data[i] > 0;
  return painted;
})"""


BOTH_SHOWN = f"() => (({SHOWN})().every(Boolean) ? ({SHOWN})() : null)"


PAINTED = "() => document.querySelector('canvas').toDataURL()"


def number(text: str) -> int:
    """Read a count as the page writes it."""
    return int(re.sub(r"[^\d]", "", text))


def answered(page: Page) -> Page:
    """Wait until the figures of the question stand on the page."""
    expect(page.locator("body[data-ready]")).to_be_attached()
    expect(page.locator("#answer[aria-busy=false] .cov-share")).to_be_visible()
    return page


def test_who_is_served_where_it_is_missing_and_where_to_build(desk, site, served):
    sign_in(desk, site, served.var, "planner", "/rules")
    desk.locator(".me summary").click()
    desk.locator(".me-list").get_by_text("十五分钟覆盖", exact=True).click()
    answered(desk)
    controls = desk.locator("#controls")
    controls.locator("[name=what]").select_option("clinic")
    controls.locator("[name=profile]").select_option("elder")
    controls.locator("[name=minutes]").select_option("15")
    answered(desk)
    assert "category=clinic" in desk.url and "profile=elder" in desk.url

    # the classes of the legend are everybody, and so are the four sorts of the table
    total = number(desk.locator("#legend-total b").inner_text())
    classes = [number(one) for one in desk.locator("#legend li b").all_inner_texts()]
    assert sum(classes) == total > 0 and len(classes) == 9
    sorts = [
        number(one) for one in desk.locator(".cov-totals tbody td:nth-child(2)").all_inner_texts()
    ]
    assert sum(sorts) == total
    assert sorts[0] == sum(classes[:3])
    assert [number(one) for one in desk.locator(".cov-col b").all_inner_texts()] == classes
    areas = desk.locator(".cov-areas tbody tr")
    assert areas.count() == 3
    assert (
        sum(number(row.split("/")[1]) for row in areas.locator("td:nth-child(3)").all_inner_texts())
        == total
    )
    assert serious(desk) == []

    # the gaps, those with most people first; a row takes the map there, and back
    desk.locator("#tab-gaps").click()
    rows = desk.locator(".cov-gap-table tbody tr")
    cells = rows.locator("td:nth-child(3)").all_inner_texts()  # people, below them elders
    people = [number(one.split("\n")[0].partition("老人")[0]) for one in cells]
    assert people == sorted(people, reverse=True) and people[0] > 0
    home = re.search(r"c=([^&]*)", desk.url)
    rows.first.click()
    expect(desk.locator("#back")).to_be_visible()
    expect(desk).to_have_url(re.compile("gap="))
    expect(rows.first.locator("button")).to_have_attribute("aria-pressed", "true")
    rows.first.click()
    expect(desk.locator("#back")).to_be_hidden()
    if home:
        zoom = home[1].split(",")[2]
        expect(desk).to_have_url(re.compile(rf"c=[\d.]+,[\d.]+,{zoom}(&|$)"))
    desk.locator("[data-sort=missing]").click()
    expect(desk.locator("th[aria-sort] [data-sort=missing]")).to_be_focused()

    # two sites are two numbered places; the pin says people
    desk.locator("#tab-siting").click()
    desk.locator("#siting-form [name=sites]").fill("2")
    desk.locator("#siting-form button").click()
    expect(desk.locator(".cov-site")).to_have_text(["1", "2"])
    expect(desk.locator(".cov-sites li")).to_have_count(2)
    expect(desk.locator(".cov-curve circle")).to_have_count(2)
    desk.locator("#pin-put").click()
    expect(desk.locator("#pin-answer b")).to_have_text(re.compile(r"^\+[\d,]+$"))
    place = re.search(r"pin=([^&]*)", desk.url)
    desk.locator(".cov-pin").focus()
    with desk.expect_response("**/siting/pin"):  # its figure is that of the new place
        desk.keyboard.press("ArrowLeft")
    expect(desk).not_to_have_url(re.compile(re.escape(place[0])))
    desk.locator("#closures-ask").click()
    expect(desk.locator("#closures tbody tr").first).to_be_visible()
    assert serious(desk) == []

    # another question has other places; a step back brings those of the former, and its figure
    people = desk.locator("#pin-answer b").inner_text()
    controls.locator("[name=what]").select_option("kindergarten")
    expect(desk.locator(".cov-site")).to_have_count(0)
    expect(desk.locator("#pin-answer b")).not_to_have_text(people)
    desk.go_back()
    expect(desk.locator(".cov-site")).to_have_count(2)
    expect(desk.locator("#pin-answer b")).to_have_text(people)
    assert desk.said == []

    # paper has the figures, the definitions and the date, and no controls
    desk.emulate_media(media="print")
    desk.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(desk.locator("#printed-title")).to_be_visible()
    expect(desk.locator(".cov-means dl")).to_be_visible()
    expect(desk.locator(".cov-dates")).to_be_visible()
    expect(desk.locator("#controls")).to_be_hidden()


def test_charts_choose_what_the_map_and_the_gaps_show(desk, site, served, tmp_path):
    sign_in(desk, site, served.var, "planner", QUESTION)
    answered(desk)
    gap_count, drawn = desk.locator("#gap-count"), DRAWN
    all_gaps = number(gap_count.inner_text())
    # the buildings are drawn in a frame of their own
    all_drawn = wait_until(desk, drawn)
    column = desk.locator(".cov-col[data-choose='4']")
    households = number(column.locator("b").inner_text())
    column.focus()
    desk.keyboard.press("Enter")
    expect(column).to_have_attribute("aria-pressed", "true")
    expect(column).to_be_focused()
    assert "class=4" in desk.url
    wait_until(
        desk, f"(all) => {{ const n = ({drawn})(); return 0 < n && n < all; }}", arg=all_drawn
    )
    # each community says how many of it are chosen; together they are the column
    areas = desk.locator(".cov-areas tbody tr")
    assert households == sum(
        number(shown.split("/")[0]) for shown in areas.locator("td:nth-child(3)").all_inner_texts()
    )
    name = areas.first.locator("th").inner_text()
    areas.first.locator("td").first.click()
    expect(areas.first.locator("button")).to_have_attribute("aria-pressed", "true")
    expect(desk.locator(".cov-chip")).to_have_text(["20–30 分钟", name])
    assert number(column.locator("b").inner_text()) < households
    assert serious(desk) == []
    desk.locator("#tab-gaps").click()
    rows = desk.locator(".cov-gap-table tbody tr")
    assert 0 < rows.count() == number(gap_count.inner_text()) < all_gaps
    assert set(rows.locator("th small").all_inner_texts()) == {name}
    with desk.expect_download() as download:
        desk.locator(".cov-exports a", has_text="CSV").click()
    download.value.save_as(tmp_path / "gaps.csv")
    lines = (tmp_path / "gaps.csv").read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == rows.count() + 1

    # Escape takes all of it away
    desk.keyboard.press("Escape")
    expect(desk.locator("#choice")).to_be_hidden()
    expect(gap_count).to_have_text(str(all_gaps))
    wait_until(desk, f"(all) => ({drawn})() === all", all_drawn)

    # only what the map shows: fewer when it comes nearer, all again without
    total = desk.locator("#legend-total b")
    everybody = total.inner_text()
    desk.locator("#in-view").check()
    for _ in range(2):  # a click while the map still zooms would be lost
        was = desk.url
        desk.locator("#zoom-in").click()
        desk.wait_for_url(lambda url, was=was: url != was)
    expect(total).not_to_have_text(everybody)
    desk.locator("#tab-overview").click()
    wait_until(desk, COLUMNS_ADD_UP)  # the second step of the zoom is counted after the first
    expect(desk.locator(".cov-sentence small")).to_contain_text("地图所示")
    expect(gap_count).not_to_have_text(str(all_gaps))
    desk.locator("#in-view").uncheck()
    expect(total).to_have_text(everybody)
    assert desk.said == []


def legend_sums(page: Page, side: int) -> tuple[int, int]:
    """Return the served and all households of a side of the legend."""
    counts = page.locator(f"#legend li b:nth-of-type({side})").all_inner_texts()
    numbers = [number(each) for each in counts]
    return sum(numbers[:3]), sum(numbers)


def test_two_maps_and_a_divider(desk, site, served, tmp_path):
    sign_in(desk, site, served.var, "planner", QUESTION)
    answered(desk)
    divider, shares = desk.locator("#divider"), desk.locator(".cov-side")
    expect(divider).to_be_hidden()
    desk.locator("#with").select_option("circle")
    expect(divider).to_be_visible()
    expect(desk.locator(".cov-legend-sides span")).to_have_text(["步行", "直线圈"])
    expect(shares).to_have_text([re.compile(r"步行\s*[\d.]+%"), re.compile(r"直线圈\s*[\d.]+%")])
    walk, circle = desk.locator(".cov-compare-row b").all_inner_texts()
    assert legend_sums(desk, 1)[0] == number(walk)
    assert legend_sums(desk, 2)[0] == number(circle)
    assert legend_sums(desk, 1)[1] == legend_sums(desk, 2)[1]
    assert serious(desk) == []

    # both sides are drawn, and the divider takes from one what it gives to the other
    before = wait_until(desk, BOTH_SHOWN)
    divider.focus()
    for key in ("PageDown", "PageDown", "ArrowLeft"):
        desk.keyboard.press(key)
    expect(divider).to_have_attribute("aria-valuenow", "28")
    assert "split=28" in desk.url
    after = desk.evaluate(SHOWN)
    assert after[0] < before[0] and after[1] > before[1]
    box, ground = divider.bounding_box(), desk.locator(".folium-map").bounding_box()
    desk.mouse.move(box["x"] + 22, box["y"] + 22)
    desk.mouse.down()
    desk.mouse.move(ground["x"] + ground["width"] * 0.7, box["y"] + 30, steps=4)
    desk.mouse.up()
    expect(divider).to_have_attribute("aria-valuenow", "70")

    # another walker, another time, and the address says which
    desk.locator("#with").select_option("profile.adult")
    expect(desk.locator("#side-right")).to_have_text("成年人")
    assert "with=profile.adult" in desk.url

    # the file has both sides with the figures of the page, and shows one at a time
    desk.locator("#save-map summary").click()
    with desk.expect_download() as download:
        desk.locator("#save-page").click()
    download.value.save_as(tmp_path / "sides.html")
    expect(desk.locator(".cov-legend-sides span")).to_have_text(["老年人", "成年人"])  # recounted
    expect(desk.locator("#legend li b")).to_have_count(18)
    counts = desk.locator("#legend li b").all_inner_texts()
    file = desk.context.new_page()
    file.goto((tmp_path / "sides.html").as_uri())
    assert file.locator(".saved-legend b").all_inner_texts() == counts
    expect(file.locator(".leaflet-control-layers-base label")).to_have_text(["老年人", "成年人"])
    painted = file.evaluate(PAINTED)
    file.get_by_label("成年人").check()
    wait_until(file, f"(painted) => ({PAINTED})() !== painted", painted)
    file.close()
    desk.locator("#with").select_option("at.then")
    desk.locator("#with-time").fill("2026-11-28T23:30")  # clinics are closed
    expect(desk.locator("#share-right")).to_have_text("0.0%")

    # with the new places more are served
    expect(desk.locator("#with option[value=sites]")).to_be_disabled()
    desk.locator("#tab-siting").click()
    desk.locator("#pin-put").click()
    expect(desk.locator("#pin-answer b")).to_have_text(re.compile(r"^\+[\d,]+$"))
    desk.locator("#with").select_option("sites")
    expect(desk.locator("#side-right")).to_have_text("加上新址")
    newly = desk.locator("#pin-answer small").inner_text()
    expect(desk.locator("#share-right")).not_to_have_text("0.0%")
    assert legend_sums(desk, 2)[0] - legend_sums(desk, 1)[0] == number(newly)
    desk.locator("#with").select_option("")
    expect(divider).to_be_hidden()
    assert desk.said == []


def test_the_map_as_a_picture_and_as_a_page_of_its_own(desk, site, served, tmp_path):
    sign_in(desk, site, served.var, "planner", QUESTION)
    answered(desk)
    desk.locator(".cov-col[data-choose='4']").click()
    desk.locator("#save-map summary").click()
    with desk.expect_download() as download:
        desk.locator("#save-picture").click()
    assert re.fullmatch(r"coverage-clinic-15-elder-\d{8}\.png", download.value.suggested_filename)
    with Image.open(download.value.path()) as picture:
        assert picture.format == "PNG" and picture.width > 2 * 900
        pixels = np.asarray(picture.convert("RGB"), int)
    # the chosen class is on the map and in the legend, the others in the legend only
    chosen, other = (
        (np.abs(pixels - ImageColor.getrgb(ACCESS_CLASS_COLOURS[i])).max(axis=2) < 14).sum()
        for i in (4, 2)
    )
    assert chosen > 2 * other > 0
    with desk.expect_download() as download:
        desk.locator("#save-map summary").click()
        desk.locator("#save-page").click()
    download.value.save_as(tmp_path / "map.html")
    households = desk.locator("#legend li[data-class='4'] b").inner_text()
    asked = len(desk.asked)
    desk.goto((tmp_path / "map.html").as_uri())
    expect(desk.locator(".saved-legend li").nth(4)).to_contain_text(households)
    expect(desk.locator(".saved h1")).to_contain_text("15 分钟")
    assert all(url.startswith("file:") for url in desk.asked[asked:])
    assert desk.said == []


# a place on the last line that no door, popup or legend lies over
UNCOVERED = """() => {
  const line = [...document.querySelectorAll('.leaflet-cov-paths-pane path')].at(-1);
  const onScreen = line.getScreenCTM(), length = line.getTotalLength();
  return [...Array(40).keys()].map((i) => line.getPointAtLength((length * (i + 0.5)) / 40).matrixTransform(onScreen))
    .filter(({ x, y }) => document.elementFromPoint(x, y) === line).map(({ x, y }) => [x, y])[0];
}"""


def test_doors_are_added_moved_and_taken_away(desk, planned, planned_session):  # noqa: F811
    home = planned_session.execute(
        text(
            "SELECT estate || name AS name, ST_X(p) AS lon, ST_Y(p) AS lat FROM (SELECT estate,"
            " name, ST_PointOnSurface(geom) AS p FROM building WHERE estate <> '' ORDER BY"
            " ST_Area(geom) DESC LIMIT 1) b"
        )
    ).one()
    sign_in(desk, planned.url, planned.var, "planner")
    desk.goto(f"{planned.url}{QUESTION}&c={home.lon},{home.lat},18")
    answered(desk)
    doors, status = desk.locator(".cov-door.editing"), desk.locator("#map-status")
    desk.locator("#doors-edit").click()
    expect(doors.first).to_be_visible()
    desk.locator("#doors-add").press("Enter")  # by the keyboard: in the middle of the map
    form = desk.locator(".cov-door-form")
    expect(form.locator("[name=owner] option").first).to_contain_text(home.name)
    form.locator("[name=kind]").select_option("gate")
    form.locator("[name=hours]").fill("whenever")
    form.locator("[type=submit]").click()
    expect(form.get_by_role("alert")).to_contain_text("whenever")
    form.locator("[name=hours]").fill("Mo-Su 06:00-22:00")
    assert serious(desk) == []
    form.locator("[type=submit]").click()
    expect(status).to_contain_text(f"已添加：大门 · {home.name}")
    gate = desk.locator(f".cov-door.gate[title*='{home.name}']")
    expect(gate).to_have_count(1)
    gate.press("ArrowRight")
    expect(status).to_contain_text("已移动")
    planned_session.execute(
        text("UPDATE entrance SET version = version + 1 WHERE id = (SELECT max(id) FROM entrance)")
    )
    planned_session.commit()  # somebody else was quicker
    gate.press("Enter")  # the door of a building may lie over it
    form.locator("[name=note]").fill("x")
    with desk.expect_response(lambda answer: "/entrances?" in answer.url):  # it is read anew
        form.locator("[type=submit]").click()
    expect(form.get_by_role("alert")).to_contain_text("重新查看")
    desk.locator(".leaflet-popup-close-button").click()
    expect(desk.locator(".cov-door-popup")).to_have_count(0)  # it fades out

    # dragged too far off it says so beside the place, and the door stays
    box = gate.bounding_box()
    desk.mouse.move(box["x"] + 12, box["y"] + 12)
    desk.mouse.down()
    desk.mouse.move(box["x"] + 12, box["y"] + 330, steps=5)
    desk.mouse.up()
    expect(desk.locator(".cov-door-popup [role=alert]")).to_contain_text("50 米")
    desk.locator(".leaflet-popup-close-button").click()
    expect(desk.locator(".cov-door-popup")).to_have_count(0)
    gate.press("Enter")  # the door of a building may lie over it
    form.get_by_text("移除").click()
    expect(status).to_contain_text("已移除")
    expect(gate).to_have_count(0)
    desk.locator("#doors-edit").click()
    answered(desk)
    expect(doors).to_have_count(0)

    # a path that the map lacks: two corners, a reason, and it is drawn; withdrawn it is gone
    desk.locator("#paths summary").click()
    desk.locator("#paths-add").click()
    ground = desk.locator(".ground").bounding_box()
    middle = ground["x"] + ground["width"] / 2, ground["y"] + ground["height"] / 2
    for step in (-40, 40):  # slanted: a level line has no height, and is "not visible"
        desk.mouse.click(middle[0] + step, middle[1] + 40 + step / 2)
    desk.locator("#paths-finish").click()
    form.locator("[name=reason]").fill("<b>新桥")
    form.locator("[name=until]").fill("2099-01-01T00:00")
    assert serious(desk) == []
    form.locator("[type=submit]").click()
    expect(form).to_have_count(0)
    expect(status).to_have_text("已保存：新增道路")
    desk.mouse.click(*wait_until(desk, UNCOVERED))
    expect(form).to_contain_text("<b>新桥")
    expect(form).to_contain_text("2099")
    form.get_by_text("撤回").click()
    expect(status).to_have_text("已撤回：新增道路")
    expect(desk.locator(".leaflet-cov-paths-pane path")).to_have_count(0)
    assert [said for said in desk.said if "409" not in said and "422" not in said] == []


def test_a_facility_is_added_changed_and_closed(desk, planned, planned_session):  # noqa: F811
    lon, lat = planned_session.execute(
        text("SELECT ST_X(p), ST_Y(p) FROM facility, ST_PointOnSurface(geom) p ORDER BY id LIMIT 1")
    ).one()
    sign_in(desk, planned.url, planned.var, "planner")
    desk.goto(f"{planned.url}{QUESTION}&c={lon},{lat},18")
    answered(desk)
    desk.locator("#facilities-edit").click()
    desk.locator("#facilities-add").press("Enter")  # by the keyboard: in the middle of the map
    form, status = desk.locator(".cov-door-form"), desk.locator("#map-status")
    form.locator("[name=name]").fill("<i>新诊所")
    form.locator("[name=capacity]").fill("3")
    form.locator("[name=opening_hours]").fill("whenever")
    form.locator("[type=submit]").click()
    expect(form.get_by_role("alert")).to_contain_text("whenever")
    form.locator("[name=opening_hours]").fill("周一至周五8:00-18:00")
    assert serious(desk) == []
    form.locator("[type=submit]").click()
    expect(status).to_have_text("已保存：<i>新诊所")
    marker = desk.locator(".cov-facility[aria-label='<i>新诊所']")
    marker.click()
    expect(form.locator("[name=opening_hours]")).to_have_value("Mo-Fr 08:00-18:00")
    expect(form.locator("[name=capacity]")).to_have_value("3")
    form.locator("[name=capacity]").fill("5")
    # closed before the map follows: the planner's own change is no conflict
    held: list[Route] = []
    desk.route("**/api/v1/facilities?**", lambda route: held.append(route))
    form.locator("[type=submit]").click()
    expect(form).to_have_count(0)
    capacity = text("SELECT capacity FROM facility WHERE source = 'page'")
    planned_session.rollback()
    assert planned_session.scalars(capacity).all() == [5]
    marker.click()
    form.get_by_text("已关闭").click()
    form.get_by_text("确认移除").click()
    expect(status).to_have_text("已移除：<i>新诊所")
    wait_for_held(desk, held).continue_()
    expect(marker).to_have_count(0)
    assert [said for said in desk.said if "422" not in said] == []


def test_the_gaps_as_a_file(desk, site, served, tmp_path):
    sign_in(desk, site, served.var, "planner", QUESTION)
    answered(desk)
    desk.locator("#tab-gaps").click()
    count = number(desk.locator("#gap-count").inner_text())
    with desk.expect_download() as download:
        desk.locator(".cov-exports a", has_text="CSV").click()
    download.value.save_as(tmp_path / "gaps.csv")
    assert len((tmp_path / "gaps.csv").read_text(encoding="utf-8-sig").splitlines()) == count + 1


def test_at_a_time_only_what_is_open_counts(desk, site, served):
    sign_in(desk, site, served.var, "planner", QUESTION)
    answered(desk)
    controls = desk.locator("#controls")
    served_any = desk.locator(".cov-totals tbody tr:first-child td:nth-child(2)")
    expect(controls.locator("[name=then]")).to_be_hidden()
    assert number(served_any.inner_text()) > 0
    controls.locator("[name=when]").select_option("then")
    controls.locator("[name=then]").fill("2026-11-28T23:30")  # clinics are closed
    answered(desk)
    expect(served_any).to_have_text("0")
    assert "at=2026-11-28T23%3A30" in desk.url
    expect(desk.locator(".cov-sentence small")).to_contain_text("2026")
    desk.reload()
    answered(desk)
    expect(controls.locator("[name=then]")).to_have_value("2026-11-28T23:30")
    controls.locator("[name=when]").select_option("")
    expect(served_any).not_to_have_text("0")
    assert desk.said == []


def test_an_answer_that_breaks_off_is_said_and_not_drawn(desk, site, served):
    sign_in(desk, site, served.var, "planner")
    desk.route(
        "**/coverage/buildings*",
        lambda route: route.fulfill(body='{"type": "FeatureColl', content_type="application/json"),
    )
    desk.goto(site + QUESTION)
    answered(desk)
    expect(desk.locator("#map-status")).to_contain_text("连接")
    assert desk.said == []


def test_on_a_phone(phone, site, served):
    sign_in(phone, site, served.var, "planner")
    phone.goto(site + QUESTION)
    answered(phone)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    assert serious(phone) == []
    phone.locator("#tab-gaps").click()
    expect(phone.locator(".cov-gap-table tbody tr").first).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_dispatcher_plans_nothing_and_a_worker_sees_nothing(desk, site, served, browser):
    sign_in(desk, site, served.var, "dispatcher")
    desk.goto(site + QUESTION)
    answered(desk)
    desk.locator("#tab-siting").click()
    expect(desk.locator("#siting-form")).to_have_count(0)
    desk.context.clear_cookies()
    sign_in(desk, site, served.var, "worker")
    assert desk.goto(site + QUESTION).status == 403
