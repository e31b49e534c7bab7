"""A household's quarter of an hour in a real Chromium: an address, the list, the walk on the map."""

import re

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from tests.support.browser import serious, session  # noqa: F401

pytestmark = pytest.mark.browser

RINGS = ".leaflet-overlay-pane path"
WALK = ".leaflet-walk-pane path"
MORNING = "at=2026-11-26T10:00"  # a Thursday


def opened(page: Page, site: str, query: str = "") -> Page:
    page.goto(f"{site}/nearby?{MORNING}{query}")
    expect(page.locator("body[data-ready]")).to_be_attached()
    return page


@pytest.mark.parametrize("screen", ["phone", "desk"])
def test_an_address_a_list_and_the_walk_on_the_map(request, site, session, screen):  # noqa: F811
    page = opened(request.getfixturevalue(screen), site)
    home = session.execute(
        text(
            "SELECT code, estate || name AS name FROM building WHERE estate <> '' ORDER BY code LIMIT 1"
        )
    ).one()
    page.locator("#q").fill(home.name)
    expect(page.locator(".hit").first).to_contain_text(home.name)
    page.locator("#q").fill("没有这个地方")
    page.locator("#q").press("Enter")  # before the answer: the hits of the former text do not count
    expect(page.locator("#hits")).to_contain_text("没有找到")
    expect(page.locator(".nby-result h2")).to_have_text("您住在哪里？")
    page.locator("#q").fill(home.name)
    expect(page.locator(".hit").first).to_contain_text(home.name)
    page.locator("#q").press("ArrowDown")
    page.locator("#q").press("Enter")
    expect(page.locator("#h-result")).to_have_text(home.name)
    expect(page.locator("#legend")).to_be_visible()
    whole = page.locator(".nby-item").count()
    assert whole > 3 and page.locator(RINGS).count() > 3

    page.locator('.nby-ring[data-minutes="5"]').press("Enter")
    expect(page.locator('.nby-ring[data-minutes="5"]')).to_have_attribute("aria-pressed", "true")
    expect(page.locator('.nby-ring[data-minutes="5"]')).to_be_focused()
    assert page.locator(".nby-item").count() < whole
    page.locator('.nby-ring[data-minutes="15"]').click()
    page.locator("#open-only").check()
    assert set(page.locator(".nby-state").all_inner_texts()) == {"届时营业"}
    page.locator("#open-only").uncheck()

    item = page.locator(".nby-item").first
    minutes = item.locator(".nby-time b").inner_text()
    item.locator(".nby-walk").press("Enter")
    expect(item.locator(".nby-walk")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(WALK)).to_have_count(3)  # white below, the line, its end
    expect(page.locator("#status")).to_contain_text(f"{minutes}分钟")
    code = item.get_attribute("data-code")
    assert f"to={code}" in page.url and not serious(page)

    page.reload()  # the address keeps the place and the walk
    expect(page.locator(WALK)).to_have_count(3)
    expect(page.locator(f'.nby-item[data-code="{code}"].chosen')).to_be_visible()
    assert page.said == []
    assert all(asked.startswith(site) for asked in page.asked)


def test_who_walks_decides_how_far_one_gets(phone, site, session):  # noqa: F811
    place = session.execute(
        text(
            "SELECT ST_X(d) AS lon, ST_Y(d) AS lat FROM (SELECT ST_Centroid(geom) FROM building"
            " ORDER BY code LIMIT 1) t (d)"
        )
    ).one()
    page = opened(phone, site, f"&p={place.lon},{place.lat}")
    expect(page.locator("#who")).to_have_value("adult")
    places = page.locator('.nby-ring[data-minutes="15"] small')
    adult = int(re.sub(r"\D", "", places.inner_text()))
    page.locator("#who").select_option("elder")
    expect(places).not_to_have_text(re.compile(rf"^{adult}\D"))
    assert int(re.sub(r"\D", "", places.inner_text())) < adult
    assert "profile=elder" in page.url
    expect(page.locator(".nby-note")).to_contain_text("每小时2.9公里")
    page.reload()
    expect(page.locator("#who")).to_have_value("elder")
    assert page.said == []


def test_far_from_streets_and_without_a_connection_it_says_so_in_words(desk, site):
    opened(desk, site, "&p=105.99,26.30")
    expect(desk.locator(".nby-none")).to_contain_text("100米内没有道路")
    desk.route("**/api/v1/nearby?**", lambda route: route.abort())
    desk.locator(".nby-map .folium-map").click()
    expect(desk.locator("#result [role=alert]")).to_be_visible()
    desk.unroute("**/api/v1/nearby?**")
    desk.get_by_role("button", name="重试").click()
    expect(desk.locator("#result [role=alert]")).to_have_count(0)


def test_in_english_it_reads_as_well(desk, site):
    opened(desk, site, "&lang=en&p=105.9535,26.2267")
    expect(desk.locator(".nby-state").first).to_have_text(re.compile("Open then|Closed then|Hours"))
    expect(desk.locator(".nby-rings")).to_contain_text("15 min")
    assert not serious(desk)


def test_a_stated_time_says_what_is_open_then(desk, site, session):  # noqa: F811
    home = session.execute(
        text(
            "SELECT ST_X(p) AS lon, ST_Y(p) AS lat FROM (SELECT ST_Centroid(geom) AS p"
            " FROM building WHERE estate <> '' ORDER BY id LIMIT 1) b"
        )
    ).one()
    desk.goto(f"{site}/nearby?p={home.lon},{home.lat}")
    expect(desk.locator(".nby-item").first).to_be_visible()
    expect(desk.locator("#at")).to_be_hidden()
    desk.locator("#when").select_option("then")
    expect(desk.locator("#at")).to_be_focused()
    desk.locator("#at").fill("2026-11-26T10:00")  # a Thursday morning
    states = desk.locator(".nby-state")
    expect(states.filter(has_text="届时营业").first).to_be_visible()
    assert "at=2026-11-26T10:00" in desk.url
    open_by_day = states.filter(has_text="届时营业").count()
    desk.locator("#at").fill("2026-11-26T23:50")
    expect(states.filter(has_text="届时未营业").first).to_be_visible()
    assert states.filter(has_text="届时营业").count() < open_by_day
    assert serious(desk) == []
    with desk.expect_request(re.compile(r"/walk\?.*at=2026-11-26T23")):  # gates closed then are
        desk.locator(".nby-walk").first.click()
    desk.reload()
    expect(desk.locator("#at")).to_have_value("2026-11-26T23:50")
    expect(states.filter(has_text="届时未营业").first).to_be_visible()
    desk.locator("#when").select_option("")
    expect(states.filter(has_text="届时").first).to_be_hidden()
    assert "at=" not in desk.url and desk.said == []
