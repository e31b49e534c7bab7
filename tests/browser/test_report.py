"""Reporting with a phone, in a real Chromium: four taps, lost connections, and where the report
stands afterwards.
"""

import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import engine
from gis.incidents.lifecycle import moves
from gis.incidents.lifecycle.payload import MovePayload
from gis.rights.principal import system_principal
from tests.support.browser import opened, serious, wait_for_held, wait_until
from tests.support.served import Deployment
from tests.support.sharded import urls_of

pytestmark = pytest.mark.browser

HERE = {"longitude": 105.9535, "latitude": 26.2267, "accuracy": 12}
FAR = {"longitude": 105.99, "latitude": 26.2267, "accuracy": 12}  # behind the last grid
BEIJING = {"longitude": 116.39, "latitude": 39.91, "accuracy": 12}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "device_scale_factor": 2}


@pytest.fixture
def walker(browser) -> Iterator[Page]:
    """A phone whose position may be asked for."""
    yield from opened(browser, **PHONE, geolocation=HERE, permissions=["geolocation"])


@pytest.fixture
def session(served: Deployment) -> Iterator[Session]:
    """The served deployment's own database."""
    with Session(engine(urls_of(served.var).app)) as created:
        yield created


def picture(name: str, data: bytes | None = None) -> dict[str, object]:
    """A file for a file field: a photo of 3000 pixels, or what is given."""
    target = io.BytesIO()
    Image.new("RGB", (3000, 2000), "#a05030").save(target, "JPEG")
    return {"name": name, "mimeType": "image/jpeg", "buffer": data or target.getvalue()}


def form(page: Page, site: str, address: str = "/report") -> Page:
    page.goto(site + address)
    expect(page.locator("body[data-ready]")).to_be_attached()
    return page


def filled_in(page: Page, site: str) -> str:
    """Photo, place and kind; the words that tell this report from others."""
    description = f"楼道口的垃圾 {uuid4().hex[:8]}"
    form(page, site)
    page.locator("#camera").set_input_files(picture("stairs.jpg"))
    page.locator("#gps").click()
    expect(page.locator("#responsible.located .role")).to_contain_text("网格员")
    page.locator("#description").fill(description)
    page.locator('.rep-chip[data-code="06010"]').first.click()
    expect(page.locator(".rep-state.good")).to_be_visible()
    return description


def filed(session: Session, words: str) -> list[UUID]:
    """The incidents of these words."""
    session.rollback()
    return list(
        session.scalars(
            text("SELECT id FROM incident WHERE description = :words"), {"words": words}
        )
    )


def test_four_taps_and_a_lost_answer_make_one_incident(walker, site, session):
    phrase = filled_in(walker, site)
    assert "12" in walker.locator("#place-status").inner_text()  # metres
    tries = []

    def lost_once(route: Route) -> None:
        tries.append(route.request.headers["idempotency-key"])
        if len(tries) == 1:
            assert route.fetch().status == 201  # it arrives, but the answer does not
            route.abort("connectionreset")
        else:
            route.continue_()

    walker.route("**/api/v1/incidents", lost_once)
    walker.locator("#send").dblclick()
    expect(walker.locator(".rep-state.wrong")).to_be_visible()
    expect(walker.locator("#description")).to_be_disabled()
    assert len(tries) == 1 and len(filed(session, phrase)) == 1

    form(walker, site)  # the phone put the page away meanwhile: everything is still there
    expect(walker.locator("#description")).to_have_value(phrase)
    expect(walker.locator("#photos img")).to_have_count(1)
    walker.locator("#send").dblclick()
    expect(walker.locator(".trk-role")).to_have_text("由网格员办理")
    assert len(tries) == 2 and len(set(tries)) == 1
    (incident,) = filed(session, phrase)

    # the tracking page: whose it is by role, since when, by when; the photo, made smaller on the
    # phone
    at, secret = re.fullmatch(rf"{site}/track/([0-9a-f-]+)#(\S+)", walker.url).groups()
    assert at == str(incident)
    expect(walker.locator(".trk-where")).to_have_attribute("data-state", "dispatched")
    expect(walker.locator(".trk-steps .done")).to_have_count(2)
    expect(walker.locator(".trk-due time")).to_be_visible()
    walker.locator(".trk-photos button").click()
    expect(walker.locator("#large img")).to_be_visible()
    expect(walker.locator("#large img")).to_have_js_property("naturalWidth", 2560)
    walker.keyboard.press("Escape")
    names = session.scalars(text("SELECT name FROM personal.person")).all()
    visible = walker.locator("main").inner_text()
    assert [name for name in names if name in visible] == []
    assert [url for url in walker.asked if secret in url.split("#")[0]] == []
    assert [output for output in walker.said if "ERR_CONNECTION_RESET" not in output] == []

    # and the form is empty again, with this report among mine
    form(walker, site)
    expect(walker.locator("#description")).to_have_value("")
    expect(walker.locator("#my-reports b")).to_have_text("1")


def test_without_a_connection_everything_is_kept_and_sent_by_itself_later(walker, site, session):
    phrase = filled_in(walker, site)
    walker.context.set_offline(True)
    walker.locator("#send").click()
    expect(walker.locator("#discard")).to_be_visible()
    expect(walker.locator("#description")).to_have_value(phrase)
    assert filed(session, phrase) == []
    walker.context.set_offline(False)
    expect(walker.locator(".trk-role")).to_be_visible()
    assert len(filed(session, phrase)) == 1


def test_a_place_without_gps_is_chosen_on_the_map(phone, site):
    form(phone, site)
    phone.locator("#send").click(force=True)
    expect(phone.locator("[data-step=place]")).to_have_class(re.compile("wanting"))
    phone.locator("#gps").click()
    expect(phone.locator("#place-status")).not_to_be_empty()
    expect(phone.locator("#responsible")).to_be_hidden()
    box = phone.locator(".rep-map .folium-map").bounding_box()
    phone.mouse.move(box["x"] + 150, box["y"] + 120)
    phone.mouse.down()
    phone.mouse.move(box["x"] + 170, box["y"] + 135, steps=4)
    phone.mouse.up()
    expect(phone.locator("#responsible.located")).to_be_visible()
    phone.locator("#find").evaluate("one => { one.closest('details').open = true; }")
    phone.locator("#find").fill("垃圾")
    phone.locator('#groups [data-code="06010"]').click()
    expect(phone.locator('#chips [data-code="06010"]')).to_have_attribute("aria-pressed", "true")
    expect(phone.locator("#send")).to_have_attribute("aria-disabled", "false")


def test_a_few_words_are_enough_to_be_offered_the_kind(walker, site, served):
    description = "三单元门口的垃圾桶满了没人倒"
    likely = [
        item["code"]
        for item in served.get(f"/api/v1/categories/suggest?words={description}")["items"]
    ]
    form(walker, site)
    walker.locator("#description").fill(description)
    initial = walker.locator("#chips .rep-chip").first
    expect(initial).to_have_attribute("data-code", likely[0])
    expect(initial.locator("small")).to_contain_text("垃圾")  # because of this word
    initial.click()
    expect(initial).to_have_attribute("aria-pressed", "true")


def test_outside_every_grid_it_says_so_and_offers_the_nearest(walker, site):
    walker.context.set_geolocation(FAR)
    form(walker, site)
    walker.locator("#gps").click()
    expect(walker.locator("#responsible.wrong")).to_be_visible()
    walker.locator("#description").fill("灯不亮")
    expect(walker.locator("#send")).to_have_attribute("aria-disabled", "true")
    walker.locator("#responsible .link").click()
    expect(walker.locator("#responsible.located")).to_be_visible()
    expect(walker.locator("#send")).to_have_attribute("aria-disabled", "false")


def test_a_file_that_is_no_photo_is_named_and_left_out(walker, site):
    form(walker, site)
    walker.locator("#album").set_input_files(
        [picture("letter.jpg", b"Dear all"), picture("good.jpg")]
    )
    expect(walker.locator("#photos img")).to_have_count(1)
    expect(walker.locator("#photo-status")).to_contain_text("letter.jpg")
    walker.locator("#album").set_input_files([picture(f"{n}.jpg") for n in range(7)])
    expect(walker.locator("#photos img")).to_have_count(6)
    walker.locator("#photos button").first.click()
    expect(walker.locator("#photos img")).to_have_count(5)


def test_rated_unhappily_and_taken_up_again(walker, site, session):
    phrase = filled_in(walker, site)
    walker.locator("#send").click()
    expect(walker.locator(".trk-state")).to_be_visible()
    (incident,) = filed(session, phrase)
    for name in ("take", "handle"):
        moves.apply_move(
            session,
            system_principal("test"),
            incident,
            name,
            datetime.now(UTC),
            MovePayload(note="扫过了"),
        )
    session.commit()
    walker.reload()
    expect(walker.locator(".trk-where")).to_have_attribute("data-state", "handled")
    expect(walker.locator(".trk-line .trk-words").first).to_have_text("扫过了")
    walker.locator("#rate [type=submit]").click()
    expect(walker.locator("#rate [role=status]")).not_to_be_empty()
    walker.locator('#rate [name=rating][value="2"]').check(force=True)
    walker.locator('#rate [name=solved][value="false"]').check(force=True)
    walker.locator("#rate-words").fill("还有一半没扫")
    walker.locator("#rate [type=submit]").click()  # not solved: it is taken up again by itself
    expect(walker.locator(".trk-line > li").first).to_contain_text("还有一半没扫")
    expect(walker.locator(".trk-where")).to_have_attribute("data-state", "dispatched")
    walker.locator("#more-note summary").click()
    walker.locator("#note-words").fill("在三单元")
    walker.locator("#note input[type=file]").set_input_files(picture("more.jpg"))
    walker.locator("#note [type=submit]").click()
    expect(walker.locator(".trk-line > li").first).to_contain_text("在三单元")
    expect(walker.locator(".trk-line > li").first.locator("img")).to_be_visible()
    row = session.execute(
        text("SELECT rating, solved, state FROM incident WHERE id = :id"), {"id": incident}
    ).one()
    assert tuple(row) == (2, False, "dispatched")
    assert walker.said == []


def test_a_wrong_code_and_an_unknown_number_look_the_same(phone, site):
    messages = []
    for address in (f"/track/{uuid4()}#{'x' * 43}", f"/track/{uuid4()}#{'y' * 43}"):
        phone.goto(site + address)
        expect(phone.locator("#lookup-status")).to_be_visible()
        messages.append(phone.locator("#lookup").inner_text())
    assert messages[0] == messages[1]


def test_my_reports_are_on_this_device_until_forgotten(walker, site, session):
    phrase = filled_in(walker, site)
    walker.locator("#send").click()
    expect(walker.locator(".trk-state")).to_be_visible()
    walker.goto(f"{site}/track")
    walker.locator("#my-reports li a").click()
    expect(walker.locator(".trk-head")).to_contain_text(phrase)
    walker.goto(f"{site}/track")
    walker.on("dialog", lambda dialog: dialog.accept())
    walker.locator("#my-reports .trk-do button").click()
    expect(walker.locator(".trk-none")).to_be_visible()
    walker.goto(f"{site}/track/{filed(session, phrase)[0]}")
    expect(walker.locator("#lookup")).to_be_visible()


def test_the_map_hands_the_tapped_place_over(desk, site):
    desk.goto(f"{site}/?p={HERE['longitude']},{HERE['latitude']}")
    desk.locator("#answer a.button").click()
    expect(desk).to_have_url(re.compile(r"/report\?p=105\.9535"))
    expect(desk.locator("#responsible.located")).to_be_visible()
    column, beside = (desk.locator(name).bounding_box() for name in (".rep-send", ".rep-map"))
    assert (
        column["width"] <= 720 and beside["x"] >= column["x"] + column["width"]
    )  # the map stands beside


@pytest.mark.parametrize(
    "address",
    ["/report", "/report?lang=en", "/track", "/track/00000000-0000-4000-8000-000000000000"],
)
def test_axe_finds_nothing_serious_and_targets_are_large(walker, site, address):
    walker.goto(site + address)
    wait_until(walker, "document.readyState === 'complete'")
    wait_until(
        walker, "!document.querySelector('canvas') || document.querySelector('canvas').width > 0"
    )
    assert serious(walker) == []
    low = walker.evaluate(
        """[...document.querySelectorAll('main :is(button, a, summary, label.rep-pick, input:not([type=file], [type=radio]))')]
           .filter((one) => one.offsetParent && one.getBoundingClientRect().height < 44)
           .map((one) => one.outerHTML.slice(0, 80))"""
    )
    assert low == []
    assert walker.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1440, 900)])
def test_words_of_danger_name_the_number_while_one_writes(
    browser, site: str, width: int, height: int
) -> None:
    for page in opened(browser, viewport={"width": width, "height": height}):
        form(page, site)
        page.locator("#description").fill("楼道里一股煤气味，越来越浓")
        call = page.locator("#danger a")
        expect(call).to_have_attribute("href", "tel:119")
        expect(page.locator("#danger")).to_contain_text("请先拨打")
        expect(page.locator("#chips [data-code=F0102]")).to_be_visible()
        page.locator("#danger").scroll_into_view_if_needed()
        page.locator("#description").fill("楼下的路灯坏了")
        expect(call).to_have_count(0)


ROUGH = {**HERE, "accuracy": 5000}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_rough_position_is_still_rough_after_a_reload(walker, site, language):
    walker.context.set_geolocation(ROUGH)
    form(walker, site)
    walker.locator("#gps").click()
    expect(walker.locator("#place-status")).to_have_text(
        "定位较粗，精度约5公里。请拖动地图，让图钉对准地点。"
    )
    expect(walker.locator("#responsible.located")).to_be_visible()
    walker.locator("#description").fill("灯不亮")
    form(walker, site, f"/report?lang={language}")
    expect(walker.locator("#place-status")).to_contain_text(
        {"zh": "精度约5公里", "en": "accurate to about 5 km"}[language]
    )
    expect(walker.locator("#responsible.located")).to_be_visible()
    expect(walker.locator("#send")).to_have_attribute("aria-disabled", "true")


def test_a_rough_position_is_sent_only_once_it_is_confirmed(walker, site, session):
    walker.context.set_geolocation(ROUGH)
    description = f"路灯不亮 {uuid4().hex[:8]}"
    form(walker, site)
    walker.locator("#gps").click()
    expect(walker.locator("#responsible.located")).to_be_visible()
    walker.locator("#description").fill(description)
    expect(walker.locator("#status")).to_have_text("还差：准确地点（拖动地图，或确认图钉位置）")
    walker.locator("#send").click(force=True)
    expect(walker.locator("[data-step=place]")).to_have_class(re.compile("wanting"))
    assert filed(session, description) == []
    walker.get_by_role("button", name="图钉位置正确").click()
    expect(walker.locator("#place-status")).to_have_text("地点就是图钉所在处。")
    expect(walker.get_by_role("button", name="图钉位置正确")).to_be_hidden()
    walker.locator("#send").click()
    expect(walker.locator(".trk-role")).to_be_visible()
    assert len(filed(session, description)) == 1


def test_a_rough_position_is_a_place_once_the_map_is_moved(walker, site):
    walker.context.set_geolocation(ROUGH)
    form(walker, site)
    walker.locator("#gps").click()
    expect(walker.locator("#responsible.located")).to_be_visible()
    walker.locator("#description").fill("灯不亮")
    expect(walker.locator("#send")).to_have_attribute("aria-disabled", "true")
    box = walker.locator(".rep-map .folium-map").bounding_box()
    walker.mouse.move(box["x"] + 150, box["y"] + 120)
    walker.mouse.down()
    walker.mouse.move(box["x"] + 160, box["y"] + 128, steps=4)
    walker.mouse.up()
    expect(walker.locator("#place-status")).to_have_text("地点就是图钉所在处。")
    expect(walker.locator("#send")).to_have_attribute("aria-disabled", "false")


def test_a_fine_position_needs_no_confirmation(walker, site):
    form(walker, site)
    walker.locator("#gps").click()
    expect(walker.locator("#place-status")).to_have_text("已定位，精度约12米。")
    expect(walker.get_by_role("button", name="图钉位置正确")).to_be_hidden()
    form(walker, site)
    expect(walker.locator("#place-status")).to_have_text("已定位，精度约12米。")


def test_a_grid_far_away_is_named_but_not_offered(walker, site):
    walker.context.set_geolocation(BEIJING)
    form(walker, site)
    walker.locator("#gps").click()
    expect(walker.locator("#responsible.wrong")).to_contain_text(re.compile(r"相距1,\d{3}公里。"))
    expect(walker.locator("#responsible .link")).to_have_count(0)


def test_kinds_that_come_between_press_and_release_swallow_no_click(walker, site):
    held: list[Route] = []
    form(walker, site)
    walker.route("**/api/v1/categories/suggest?*", lambda route: held.append(route))
    walker.locator("#description").fill("三单元门口的垃圾桶满了没人倒")
    request = wait_for_held(walker, held)
    chip = walker.locator("#chips .rep-chip").last
    code = chip.get_attribute("data-code")
    chip.hover()
    walker.mouse.down()
    with walker.expect_response("**/api/v1/categories/suggest?*"):
        request.continue_()
    walker.wait_for_timeout(100)  # for what would be drawn
    walker.mouse.up()
    chosen = walker.locator("#chips [aria-pressed=true]")
    expect(walker.locator("#chips-title")).to_have_text("按你写的推荐")
    expect(chosen).to_have_attribute("data-code", code)
