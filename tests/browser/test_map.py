"""The map as a person sees it, in a real Chromium, on a really served made-up pilot."""

import json
import re
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.support.browser import opened, ready, serious, sign_in, wait_for_held
from tests.support.served import until

pytestmark = pytest.mark.browser

GRID = "#answer .chain li:last-child"


def ask(site, path):
    with urllib.request.urlopen(site + path, timeout=120) as answer:
        return json.load(answer)


def signed_in(page, site, served):
    """Who may have the names of the whole county."""
    sign_in(page, site, served.var, "centre")
    return ready(page, site)


def tower(site):
    """A building with several units, and a point on it."""
    for building in ask(site, "/api/v1/layers/buildings?bbox=105.93,26.22,105.97,26.25&limit=2000")[
        "features"
    ]:
        if (building["properties"]["floors"] or 0) > 20:
            ring = building["geometry"]["coordinates"][0][0]
            lon, lat = (sum(c[i] for c in ring[:-1]) / (len(ring) - 1) for i in (0, 1))
            if (
                len(
                    ask(site, f"/api/v1/locate?lon={lon}&lat={lat}&crs=cgcs2000")["unit_candidates"]
                )
                > 3
            ):
                return building["properties"], lon, lat
    raise AssertionError("no tower with several units")


def colours(page):
    """How many different colours the canvases of the map show."""
    return page.evaluate("""() => { const seen = new Set(); for (const canvas of document.querySelectorAll('canvas')) {
        if (!canvas.width) continue;
        const data = new Uint32Array(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer);
        for (const one of data) seen.add(one); } return seen.size; }""")


def test_a_click_names_the_person_who_answers_and_says_why(desk, site, served):
    signed_in(desk, site, served)
    # in the band only: what is made up credits nobody
    expect(desk.get_by_text("示例数据")).to_have_count(1)
    expect(desk.locator("#welcome")).to_contain_text("8,800")
    desk.mouse.click(600, 450)
    expect(desk.locator("#answer .first .name")).not_to_be_empty()
    grid = desk.locator(GRID).inner_text()
    assert "网格" in grid
    expect(desk.locator("#answer .how")).to_contain_text(grid)
    expect(desk.locator("#answer .people .role").filter(has_text="网格长")).to_have_count(1)
    expect(desk.locator("#answer .near li").first).to_contain_text("分钟")
    # the page says what the API says for the place in its address
    lon, lat = re.search(r"p=([\d.]+),([\d.]+)", desk.url).groups()
    answer = desk.request.get(f"{site}/api/v1/locate?lon={lon}&lat={lat}&crs=wgs84").json()
    assert desk.locator("#answer .first .name").inner_text() == answer["answerable"]["name"]
    assert desk.said == []


def test_without_signing_in_the_role_is_told_and_the_way_to_the_name(desk, site):
    ready(desk, site)
    desk.mouse.click(600, 450)
    expect(desk.locator("#answer .first .role")).not_to_be_empty()
    expect(desk.locator("#answer .name")).to_have_count(0)
    link = desk.locator("#answer .first a")
    expect(link).to_have_text("登录后可见姓名")
    position = desk.url
    link.click()
    expect(desk.locator("#username")).to_be_visible()
    assert desk.locator('input[name="next"]').input_value() in position
    lon, lat = re.search(r"p=([\d.]+),([\d.]+)", position).groups()
    answer = ask(site, f"/api/v1/locate?lon={lon}&lat={lat}&crs=wgs84")
    assert {(person["name"], person["holder"]) for person in answer["people"]} == {(None, None)}


def test_the_address_keeps_what_is_seen(desk, site, served):
    signed_in(desk, site, served)
    desk.mouse.click(600, 450)
    name = desk.locator("#answer .first .name")
    expect(name).not_to_be_empty()
    output, address = name.inner_text(), desk.url
    ready(desk, address)
    expect(name).to_have_text(output)
    desk.keyboard.press("Escape")
    expect(desk.locator("#welcome")).to_be_visible()
    desk.go_back()
    expect(name).to_have_text(output)


def test_in_a_tower_the_stairwell_decides_the_unit(desk, site):
    building, lon, lat = tower(site)
    ready(desk, f"{site}/?c={lon},{lat},18&p={lon},{lat}")
    choices = desk.locator("#answer .units button")
    expect(choices.first).to_be_visible()
    assert choices.count() > 3
    expected = choices.nth(2).inner_text()
    choices.nth(2).click()
    expect(desk.locator("#answer .title")).to_contain_text(expected.split()[0])
    expect(desk.locator("#answer .title")).to_contain_text(building["name"])
    expect(desk.locator("#answer .first .role")).to_have_text("联户长")


def test_a_facility_shows_its_circle_and_who_is_inside(desk, site):
    clinic = ask(site, "/api/v1/facilities?category=clinic&limit=1")["items"][0]
    drawn = ask(site, f"/api/v1/layers/facilities?code={clinic['code']}")["features"][0][
        "geometry"
    ]["coordinates"]
    ready(desk, f"{site}/?c={drawn[0]},{drawn[1]},17")
    box = desk.locator(".folium-map").bounding_box()
    desk.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(desk.locator("#answer .title")).to_have_text(clinic["name"])
    numbers = desk.locator("#answer .inside b")
    expect(numbers).to_have_count(3)  # households, people, buildings
    circle = ask(site, f"/api/v1/facilities/{clinic['code']}/circle?minutes=15")["features"][0][
        "properties"
    ]
    assert numbers.first.inner_text() == f"{circle['households']:,}"
    assert numbers.last.inner_text() == f"{circle['buildings']:,}"
    expect(desk.locator(".leaflet-overlay-pane path")).to_have_count(3)
    desk.get_by_role("button", name="5分钟", exact=True).click()
    five = ask(site, f"/api/v1/facilities/{clinic['code']}/circle?minutes=5")["features"][0][
        "properties"
    ]
    expect(numbers.first).to_have_text(f"{five['households']:,}")
    assert five["households"] < circle["households"]
    assert desk.said == []


@pytest.mark.parametrize(
    ("words", "hit"),
    [
        ("520402007012003", "西兴第3网格"),
        ("西兴社区", "西兴社区"),
        ("xxd3wg", "西兴第3网格"),
        ("学苑第1网格", "学苑第1网格"),
    ],
)
def test_search_finds_codes_names_and_categories_with_the_keyboard(desk, site, words, hit):
    ready(desk, site)
    desk.locator("#q").fill(words)
    expect(desk.locator(".hit").first).to_be_visible()
    desk.keyboard.press("ArrowDown")
    expect(desk.locator(".hit").first).to_have_attribute("aria-selected", "true")
    desk.keyboard.press("Enter")
    expect(desk.locator("#answer .title")).to_be_visible()
    expect(desk.locator("#answer .title")).to_have_text(hit)
    expect(desk.locator(".leaflet-overlay-pane path").first).to_be_visible()


def test_hits_of_former_words_are_not_opened(own_desk, site):
    held = []
    own_desk.clock.install()
    ready(own_desk, site)
    own_desk.clock.pause_at(own_desk.evaluate("Date.now()") / 1000 + 1)
    own_desk.route(
        "**/api/v1/search?*", lambda route: route.continue_() if held else held.append(route)
    )
    own_desk.locator("#q").fill("西兴社区")
    own_desk.clock.run_for(1_000)
    request = wait_for_held(own_desk, held)
    own_desk.locator("#q").fill("没有这样的地方")
    with own_desk.expect_response("**/api/v1/search?*"):
        request.continue_()
    own_desk.evaluate(
        "fetch('/healthz').then((answer) => answer.text())"
    )  # the hits are read by then
    own_desk.locator("#q").press("Enter")
    expect(own_desk.locator(".hits")).to_contain_text("没有找到")
    expect(own_desk.locator("#answer .title")).to_have_count(0)


def test_search_for_a_word_of_a_category_shows_all_of_it(desk, site):
    ready(desk, site)
    desk.locator("#q").fill("诊所")
    expect(desk.locator(".hit").first).to_contain_text("卫生服务")
    desk.keyboard.press("Enter")
    expect(desk.locator("#emphasis .title")).to_have_text("卫生服务")
    desk.wait_for_url(lambda url: "category=clinic" in url)


def test_search_finds_a_person_and_says_when_there_is_nothing(desk, site, served):
    signed_in(desk, site, served)
    desk.mouse.click(600, 450)
    name = desk.locator("#answer .first .name")
    expect(name).not_to_be_empty()
    desk.locator("#q").fill(name.inner_text())
    expect(desk.locator(".hit").first).to_contain_text(name.inner_text())
    desk.locator("#q").fill("没有这样的地方")
    expect(desk.locator(".hits")).to_contain_text("没有找到")


def test_outside_every_grid_it_names_the_nearest(desk, site):
    ready(desk, f"{site}/?c=105.97,26.25,15&p=105.97,26.25")
    expect(desk.locator("#answer .note")).to_contain_text("相距1.9公里")
    ready(desk, f"{site}/?c=105.965,26.235,15&p=105.965,26.235")
    expect(desk.locator("#answer")).to_contain_text("此处没有网格")
    expect(desk.locator("#answer .note")).to_contain_text(re.compile(r"相距[\d,]+米"))
    desk.get_by_role("button", name="查看该网格").click()
    expect(desk.locator("#answer .title")).to_contain_text("网格")


def test_on_a_phone_the_panel_is_a_sheet_from_below(phone, site):
    ready(phone, site)
    panel = phone.locator("#panel")
    assert panel.bounding_box()["y"] > 600
    phone.touchscreen.tap(200, 330)
    expect(phone.locator("#answer .first, #answer .note").first).to_be_visible()
    expect(panel).to_have_attribute("data-size", "half")
    until(lambda: 350 < panel.bounding_box()["y"] < 520)  # the sheet slides
    box = panel.bounding_box()
    assert box["width"] == 390 and 350 < box["y"] < 520
    phone.locator("#grip").click()
    expect(panel).to_have_attribute("data-size", "full")
    # everything a finger is meant for is large enough
    small = phone.evaluate("""() => [...document.querySelectorAll('button, a, input[type=search]')]
        .filter((one) => one.offsetParent && !one.classList.contains('skip') && one.id !== 'grip')
        .filter((one) => one.getBoundingClientRect().height < 44).map((one) => one.id || one.className || one.textContent)""")
    assert small == []
    assert phone.evaluate("document.documentElement.scrollWidth") == 390


def test_layers_go_and_come_and_the_address_remembers(desk, site):
    ready(desk, site)
    old_colours = colours(desk)
    desk.locator("#tab-layers").click()
    for name in ("communities", "grids", "buildings", "facilities"):
        desk.locator(f'input[value="{name}"]').uncheck()
    desk.wait_for_url(lambda url: "facilities" not in url.partition("layers=")[2])
    until(lambda: colours(desk) < old_colours)
    ready(desk, desk.url)
    desk.locator("#tab-layers").click()
    expect(desk.locator('input[value="grids"]')).not_to_be_checked()
    expect(desk.locator('input[value="units"]')).to_be_checked()


def test_english_is_one_click_away_and_stays(desk, site):
    ready(desk, site)
    expect(desk.locator("#tab-responsible")).to_have_text("责任人")
    desk.get_by_role("link", name="English").click()
    expect(desk.locator("#tab-responsible")).to_have_text("Who answers")
    ready(desk, site)
    desk.mouse.click(600, 450)
    expect(desk.locator("#answer .how")).to_contain_text("the point lies in grid")
    expect(desk.get_by_text("Made-up data")).to_be_visible()


def test_nothing_is_fetched_from_any_other_host(desk, site):
    ready(desk, site)
    desk.mouse.click(600, 450)
    expect(desk.locator("#answer .near li").first).to_be_visible()
    assert {url for url in desk.asked if not url.startswith((site, "data:", "blob:"))} == set()


def test_a_connection_that_is_lost_for_a_moment_is_not_noticed(desk, site):
    lost = []

    def lose_once(route):
        if lost:
            route.continue_()
        else:
            lost.append(route.request.url)
            route.abort("connectionreset")

    desk.route("**/api/v1/locate**", lose_once)
    ready(desk, site)
    desk.mouse.click(600, 450)
    expect(desk.locator("#answer .first")).not_to_be_empty()
    assert len(lost) == 1


def test_a_lost_server_is_said_with_the_next_thing_to_do(desk, site):
    desk.route(
        "**/api/v1/locate**", lambda route: route.abort()
    )  # before the page is there: later it may miss one
    ready(desk, site)
    desk.mouse.click(600, 450)
    expect(desk.locator("#answer")).to_contain_text("无法连接服务器")
    desk.unroute("**/api/v1/locate**")
    desk.get_by_role("button", name="重试").click()
    expect(desk.locator("#answer .first")).not_to_be_empty()


def test_an_answer_that_never_comes_is_told_as_one(own_desk, site):
    held = []
    own_desk.clock.install()
    own_desk.route("**/api/v1/locate**", lambda route: held.append(route))
    ready(own_desk, site)
    own_desk.mouse.click(600, 450)
    wait_for_held(own_desk, held)
    own_desk.clock.fast_forward(5_000)
    expect(own_desk.locator("#answer .skeleton")).to_be_visible()
    own_desk.clock.fast_forward(16_000)
    expect(own_desk.locator("#answer")).to_contain_text("无法连接服务器")
    own_desk.unroute("**/api/v1/locate**")
    own_desk.get_by_role("button", name="重试").click()
    expect(own_desk.locator("#answer .first")).not_to_be_empty()


def test_the_saved_map_opens_alone_without_any_network(desk, browser, site, tmp_path):
    ready(desk, site)
    with desk.expect_download() as waiting:
        desk.locator("#save").click()
    file = Path(tmp_path) / "map/map.html"
    waiting.value.save_as(file)
    text = file.read_text(encoding="utf-8")
    assert re.findall(r"""(?:src|href)=["'](?!data:|#)[^"']*["']""", text) == []
    context = browser.new_context(offline=True, viewport={"width": 1200, "height": 800})
    alone = context.new_page()
    messages = []
    alone.on("pageerror", lambda error: messages.append(str(error)))
    alone.goto(file.as_uri())
    expect(alone.locator("header.saved")).to_contain_text("示例数据")
    expect(alone.locator(".leaflet-control-layers label").first).to_be_visible()
    expect(alone.locator(".leaflet-control-layers")).to_contain_text("网格")
    until(lambda: colours(alone) > 20)  # drawn in a frame of its own
    assert messages == []
    context.close()


@pytest.mark.parametrize("view", ["/", "/?area=520402007012", "/?lang=en"])
def test_axe_finds_nothing_serious(desk, site, view):
    ready(desk, site + view)
    assert serious(desk) == []


def test_one_category_at_a_time_says_whom_it_serves_and_whom_not(desk, site):
    ready(desk, site)
    assert [url for url in desk.asked if "/tiles/service/" in url] == []
    quiet = colours(desk)
    desk.locator("#tab-layers").click()
    desk.locator('[data-category="clinic"]').click()
    numbers = desk.locator("#emphasis .within tbody b")
    expect(numbers).to_have_count(4)  # households and people, within and not
    totals = ask(site, "/api/v1/coverage?category=clinic&minutes=15")["totals"]
    names = [f"{part}_{unit}" for part in ("served", "beyond") for unit in ("households", "people")]
    assert numbers.all_inner_texts() == [f"{totals[name]:,}" for name in names]
    until(lambda: colours(desk) > quiet)
    desk.get_by_role("button", name="5分钟", exact=True).click()
    desk.wait_for_url(lambda url: "minutes=5" in url and "category=clinic" in url)
    five = ask(site, "/api/v1/coverage?category=clinic&minutes=5")["totals"]
    expect(numbers.first).to_have_text(f"{five['served_households']:,}")
    desk.locator('[data-category="pharmacy"]').click()
    expect(desk.locator("#categories [aria-pressed=true]")).to_have_count(1)
    expect(desk.locator("#emphasised")).to_contain_text("药店")
    desk.locator("body").click(position={"x": 5, "y": 5})
    desk.keyboard.press("Escape")
    expect(desk.locator("#emphasised")).to_be_hidden()
    desk.wait_for_url(lambda url: "category" not in url)
    assert desk.said == []


def test_a_place_is_asked_about_with_the_keyboard_and_menus_close(desk, site, served):
    sign_in(desk, site, served.var, "centre")
    ready(desk, f"{site}/?area=520402007012003")
    desk.wait_for_url(lambda url: re.search(r"c=[\d.]+,[\d.]+,1[78]", url))  # the map went there
    desk.locator(".me summary").click()
    expect(desk.locator(".me-list")).to_be_visible()
    desk.keyboard.press("Escape")
    expect(desk.locator(".me-list")).to_be_hidden()
    expect(desk.locator("#answer .title")).to_have_text("西兴第3网格")  # the menu alone closed
    desk.locator(".me summary").click()
    desk.locator("#panel-body").click(position={"x": 200, "y": 500})
    expect(desk.locator(".me-list")).to_be_hidden()
    desk.locator(".folium-map").focus()
    desk.keyboard.press("Enter")
    expect(desk.locator("#answer .how")).to_contain_text("西兴第3网格")


def test_tiles_that_fail_are_said_and_come_again(desk, site):
    desk.route("**/tiles/city/**", lambda route: route.abort())
    ready(desk, site)
    expect(desk.locator("#map-status")).to_contain_text("部分地图未能加载")
    few = colours(desk)
    desk.unroute("**/tiles/city/**")
    desk.locator("#map-status button").click()
    expect(desk.locator("#map-status")).to_be_hidden()
    until(lambda: colours(desk) > few)


def test_a_day_and_a_time_are_asked_for_and_left_again(desk, site):
    ready(desk, site)
    desk.locator("#tab-layers").click()
    wide = [field.bounding_box()["width"] for field in desk.locator(".then-form input").all()]
    assert min(wide) > 100  # what is in them can be read
    desk.locator('input[name="at"]').fill("2026-11-26")
    desk.locator('input[name="at_time"]').fill("14:30")
    desk.locator(".then-form button").click()
    expect(desk.locator(".band.then")).to_contain_text("2026-11-26 14:30")
    expect(desk.locator('input[name="at_time"]')).to_have_value("14:30")
    desk.locator(".band.then a").click()
    expect(desk.locator(".band.then")).to_have_count(0)


def test_the_page_is_light(browser, site):
    """At most 250 kB travel until the map is drawn, and the page computes for less than a second.

    Processor time, which does not grow when other work is done on the machine.
    """
    first = opened(browser, viewport={"width": 1440, "height": 900})  # with nothing in its cache
    desk = next(first)
    cdp, sizes = desk.context.new_cdp_session(desk), []
    cdp.send("Network.enable")
    cdp.send("Performance.enable", {"timeDomain": "threadTicks"})
    cdp.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    ready(desk, site)
    assert 100_000 < sum(sizes) <= 250_000
    metrics = cdp.send("Performance.getMetrics")["metrics"]
    assert 0 < next(each["value"] for each in metrics if each["name"] == "TaskDuration") <= 1.0
    first.close()
