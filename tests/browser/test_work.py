"""The grid worker's page on a phone: take, handle with a photo, a lost connection, what is begun
and not sent, and what is new.
"""

import re

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from tests.support.browser import (
    filed,
    moved,
    picture,
    serious,
    session,
    sign_in,
    signed,
    signed_in,
    wait_for_held,
)

pytestmark = pytest.mark.browser
__all__ = ["session"]  # a fixture

LISTS = "**/api/v1/incidents?*"
MOVES = "**/api/v1/incidents/*/moves"
BUSY = {"title": "Unavailable", "detail": "Not ready", "zh": "服务器正忙。"}
COUNTS = ("#tab-new b", "#tab-doing b")


def test_a_worker_takes_and_handles_with_a_photo(phone, site, served, session):
    number, phrase = filed(session)
    page = signed_in(phone, site, served, "worker", "/work")
    card = page.locator(".wrk-card", has_text=phrase)
    expect(card.locator(".inc-clock")).to_have_text(re.compile("."))
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    heights = "buttons => buttons.map((button) => button.getBoundingClientRect().height)"
    assert min(card.locator("button").evaluate_all(heights)) >= 43.5
    card.locator("[data-move=take]").tap()
    page.locator("#tab-doing").tap()
    card = page.locator(".wrk-card", has_text=phrase)
    card.locator("[data-move=handle]").tap()
    sheet = page.locator("#sheet")
    sheet.locator(".inc-form .inc-go").tap()
    expect(sheet.locator(".inc-wrong")).to_be_visible()  # a handling is told in words
    sheet.locator(".inc-chips button").first.tap()
    sheet.locator("input[type=file]").set_input_files(picture())
    expect(sheet.locator(".inc-form .inc-photos img")).to_have_count(1)
    assert serious(page) == []
    sheet.locator(".inc-form .inc-go").tap()
    expect(page.locator(".wrk-card", has_text=phrase)).to_have_count(0)
    page.locator("#tab-done").tap()
    expect(page.locator(".wrk-card", has_text=phrase)).to_have_count(1)
    assert (
        session.scalar(text("SELECT state FROM incident WHERE id = :id"), {"id": number})
        == "handled"
    )
    assert (
        session.scalar(text("SELECT count(*) FROM photo WHERE incident_id = :id"), {"id": number})
        == 1
    )
    assert page.said == []


def test_news_of_others_takes_no_button_from_under_the_finger(desk, site, served, session):
    number, phrase = filed(session)
    page = signed_in(desk, site, served, "worker", "/work")
    card = page.locator(".wrk-card", has_text=phrase)
    card.locator("[data-move=take]").hover()
    page.mouse.down()
    with page.expect_response("**/incidents?*state=open*"):  # as when the page is looked at again
        page.evaluate("document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))")
    page.wait_for_load_state("networkidle")
    page.mouse.up()
    expect(card).to_have_count(0)
    query = text("SELECT state FROM incident WHERE id = :id")
    assert session.scalar(query, {"id": number}) == "taken"


def test_the_focus_stays_in_a_card_that_is_drawn_anew(desk, site, served, session):
    _, phrase = filed(session)
    page = signed_in(desk, site, served, "worker", "/work")
    card = page.locator(".wrk-card", has_text=phrase)
    card.locator(".wrk-open").focus()
    card.evaluate("card => { card.dataset.version = '0'; card.dataset.old = 'yes'; }")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))")
    expect(card).not_to_have_attribute("data-old", "yes")
    expect(card.locator(".wrk-open")).to_be_focused()


def test_a_move_waits_for_the_connection_and_is_done_once(phone, site, served, session):
    number, phrase = filed(session)
    page = signed_in(phone, site, served, "worker", "/work")
    card = page.locator(".wrk-card", has_text=phrase)
    expect(card).to_be_visible()
    page.context.set_offline(True)
    card.locator("[data-move=take]").tap()
    expect(card.locator(".wrk-wait")).to_be_visible()
    assert (
        session.scalar(text("SELECT state FROM incident WHERE id = :id"), {"id": number})
        == "dispatched"
    )
    page.context.set_offline(False)
    expect(card).to_have_count(0)
    query = text("SELECT count(*) FROM incident_event WHERE incident_id = :id AND move = 'take'")
    session.rollback()
    assert session.scalar(query, {"id": number}) == 1


def worked_offline(phone, site, served, session, meanwhile):
    """The worker takes a matter and handles it in words without a connection, while somebody else
    does another move; the page, connected again, and the matter.
    """
    number, phrase = filed(session)
    page = signed_in(phone, site, served, "worker", "/work")
    card = page.locator(".wrk-card", has_text=phrase)
    card.locator("[data-move=take]").tap()
    expect(card).to_have_count(0)
    page.locator("#tab-doing").tap()
    page.evaluate("() => { window.EventSource = null; }")
    card.locator("[data-move=handle]").tap()
    page.locator("#sheet textarea").fill("清理了三车垃圾")
    page.context.set_offline(True)
    page.locator("#sheet .inc-form .inc-go").tap()
    expect(card.locator(".wrk-wait")).to_be_visible()
    session.rollback()
    moved(session, number, *meanwhile)
    page.context.set_offline(False)
    return page, number


def test_work_done_offline_is_sent_whatever_was_noted_meanwhile(phone, site, served, session):
    page, number = worked_offline(phone, site, served, session, ("note", "请加快"))
    expect(page.locator("#status")).to_contain_text("已发送")
    session.rollback()
    query = text("SELECT note FROM incident_event WHERE incident_id = :id AND move = 'handle'")
    assert session.scalar(query, {"id": number}) == "清理了三车垃圾"


def test_work_done_offline_that_is_refused_stays_with_its_words(phone, site, served, session):
    page, _ = worked_offline(phone, site, served, session, ("handle", "别人先办了"))
    refused = page.locator(".wrk-refused")
    expect(refused).to_contain_text("清理了三车垃圾")
    page.reload()
    expect(refused).to_contain_text("清理了三车垃圾")
    expect(refused).to_contain_text("未发送")
    refused.get_by_role("button", name="放弃").tap()
    expect(refused).to_have_count(0)
    page.reload()
    expect(page.locator("#panel")).not_to_have_attribute("aria-busy", "true")
    expect(refused).to_have_count(0)


def test_a_double_tap_is_one_move(phone, site, served, session):
    number, phrase = filed(session)
    page = signed_in(phone, site, served, "worker", "/work")
    card = page.locator(".wrk-card", has_text=phrase)
    card.locator("[data-move=take]").evaluate("button => { button.click(); button.click(); }")
    expect(card).to_have_count(0)
    expect(page.locator("#status.bad")).to_have_count(0)
    session.rollback()
    query = text("SELECT count(*) FROM incident_event WHERE incident_id = :id AND move = 'take'")
    assert session.scalar(query, {"id": number}) == 1


def test_a_connection_that_comes_back_behind_a_failing_request_is_used(
    phone, site, served, session
):
    number, phrase = filed(session)
    page = signed_in(phone, site, served, "worker", "/work")
    requests = []
    page.route(
        "**/api/v1/incidents/*/moves",
        lambda route: requests.append(route) if not requests else route.continue_(),
    )
    card = page.locator(".wrk-card", has_text=phrase)
    with page.expect_request("**/api/v1/incidents/*/moves"):
        card.locator("[data-move=take]").tap()
    expect(card.locator(".wrk-wait")).to_be_visible()
    page.evaluate("dispatchEvent(new Event('online'))")
    requests[0].abort()
    expect(card).to_have_count(0)  # well before the minute in which the page looks again by itself
    session.rollback()
    assert (
        session.scalar(text("SELECT state FROM incident WHERE id = :id"), {"id": number}) == "taken"
    )


def test_what_somebody_did_first_is_said_and_shown(phone, site, served, session):
    number, phrase = filed(session)
    page = signed_in(phone, site, served, "worker", "/work")
    card = page.locator(".wrk-card", has_text=phrase)
    expect(card).to_be_visible()
    page.evaluate("() => { window.EventSource = null; }")
    page.route(
        "**/api/v1/incidents/*/moves", lambda route: (moved(session, number), route.continue_())
    )
    card.locator("[data-move=take]").tap()
    expect(page.locator("#status.bad")).to_be_visible()
    expect(card).to_have_count(0)


def test_a_new_matter_appears_without_a_reload(phone, site, served, session):
    page = signed_in(phone, site, served, "worker", "/work")
    page.locator("#tab-new").tap()
    _, phrase = filed(session)
    expect(page.locator(".wrk-card", has_text=phrase)).to_be_visible()


def test_the_map_shows_the_patch_and_numbered_pins(phone, site, served, session):
    filed(session)
    page = signed_in(phone, site, served, "worker", "/work")
    page.locator("#show-map").tap()
    expect(page.locator(".wrk-pin svg text").first).to_have_text(re.compile(r"\d+"))
    expect(
        page.locator(".wrk-map path.leaflet-interactive, .wrk-map .leaflet-overlay-pane path").first
    ).to_be_attached()
    assert page.locator("#legend li").count() == 4


# ---- no list, or an older one


def test_a_list_that_never_comes_is_told_and_asked_again_by_hand(own_phone, site, served, session):
    _, phrase = filed(session)
    held = []
    own_phone.clock.install()
    own_phone.route(LISTS, lambda route: held.append(route))
    sign_in(own_phone, site, served.var, "worker")
    own_phone.goto(f"{site}/work", wait_until="commit")
    wait_for_held(own_phone, held)
    expect(own_phone.locator("#panel")).to_have_text("加载中…")
    own_phone.clock.fast_forward(21_000)
    line = own_phone.locator("#unlisted")
    expect(line).to_contain_text("事件列表未能加载：没有网络")
    expect(own_phone.locator("#panel")).to_have_text("还没有事件列表，会自动重试。")
    for count in COUNTS:
        expect(own_phone.locator(count)).to_have_text("")
    assert serious(own_phone) == []
    own_phone.unroute(LISTS)
    line.get_by_role("button", name="重试").tap()
    expect(own_phone.locator(".wrk-card", has_text=phrase)).to_be_visible()
    expect(line).to_be_hidden()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda route: route.abort(), "没有网络"),
        (lambda route: route.fulfill(status=503, json=BUSY), "服务器正忙。"),
    ],
    ids=["reset", "503"],
)
def test_a_first_list_that_fails_is_not_an_empty_one_and_comes_by_itself(
    own_phone, site, served, session, answer, why
):
    _, phrase = filed(session)
    own_phone.clock.install()
    own_phone.route(LISTS, answer)
    page = signed_in(own_phone, site, served, "worker", "/work")
    expect(page.locator("#unlisted")).to_contain_text(f"事件列表未能加载：{why}")
    for name in ("#tab-doing", "#tab-new"):
        page.locator(name).tap()
        expect(page.locator("#panel")).to_have_text("还没有事件列表，会自动重试。")
        expect(page.locator(f"{name} b")).to_have_text("")
    page.unroute(LISTS)
    page.clock.fast_forward(21_000)
    expect(page.locator(".wrk-card", has_text=phrase)).to_be_visible()
    expect(page.locator("#tab-new b")).to_have_text(re.compile(r"[1-9]"))
    expect(page.locator("#unlisted")).to_be_hidden()


def test_the_list_last_seen_says_since_when_it_is(phone, site, served, session):
    _, phrase = filed(session)
    page = signed_in(phone, site, served, "worker", "/work")
    card = page.locator(".wrk-card", has_text=phrase)
    expect(card).to_be_visible()
    page.route(LISTS, lambda route: route.fulfill(status=503, json=BUSY))
    page.reload()
    expect(card).to_be_visible()
    line = page.locator("#unlisted")
    expect(line).to_contain_text(re.compile(r"这是 .*\d\d:\d\d 的列表，未能更新（服务器正忙。）"))
    expect(line).not_to_contain_text("没有网络")
    page.unroute(LISTS)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))")
    expect(line).to_be_hidden()
    expect(card).to_be_visible()


# ---- signing out


def kept_keys(page: Page) -> list[str]:
    """What pages keep in localStorage, by its keys."""
    keys: list[str] = page.evaluate("Object.keys(localStorage)")
    return keys


def test_signing_out_removes_the_list_and_nothing_unsent(phone, site, served, session):
    number, phrase = filed(session)
    page = signed_in(phone, site, served, "worker", "/work")
    card = page.locator(".wrk-card", has_text=phrase)
    assert "wangge.work.account worker" in kept_keys(page)
    card.locator(".wrk-open").tap()
    page.locator("#sheet [data-move=note]").tap()
    page.locator("#sheet textarea").fill("门口已看过")
    page.locator("#sheet .wrk-x").tap()
    page.route(MOVES, lambda route: route.fulfill(status=503, json=BUSY))
    card.locator("[data-move=take]").tap()
    expect(page.locator("#unsent")).to_contain_text("（服务器正忙。）")
    del signed[site, "worker"]  # its session ends here
    page.locator(".me summary").tap()
    page.locator(".me-list form button").tap()
    expect(page.locator(".me-in")).to_be_visible()
    assert [key for key in kept_keys(page) if "wangge.work." in key] == []
    page = signed_in(page, site, served, "worker", "/work")
    expect(card.locator(".wrk-wait")).to_be_visible()  # the move is still there
    expect(card.locator(".wrk-begun")).to_have_text("已填写，未发送：补充")
    page.unroute(MOVES)
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(card).to_have_count(0)
    session.rollback()
    query = text("SELECT state FROM incident WHERE id = :id")
    assert session.scalar(query, {"id": number}) == "taken"


def test_who_signs_in_finds_no_list_of_another(phone, site, served):
    sign_in(phone, site, served.var, "worker", "/work")
    keep = "localStorage.setItem('wangge.work.account other', '[]')"
    phone.evaluate(keep)
    page = signed_in(phone, site, served, "worker", "/work")
    expect(page.locator("#panel")).not_to_have_attribute("aria-busy", "true")
    assert "wangge.work.account other" not in kept_keys(page)
    assert "wangge.work.account worker" in kept_keys(page)


# ---- begun and not sent


def begun(phone, site, served, session) -> tuple[Page, str, object]:
    """A worker's page with a taken matter, its handling written and photographed, not sent."""
    number, phrase = filed(session)
    moved(session, number)
    page = signed_in(phone, site, served, "worker", "/work")
    page.locator("#tab-doing").tap()
    page.locator(".wrk-card", has_text=phrase).locator("[data-move=handle]").tap()
    page.locator("#sheet textarea").fill("清理了三车垃圾")
    page.locator("#sheet input[type=file]").set_input_files(picture())
    expect(page.locator("#sheet .inc-form .inc-photos img")).to_have_count(1)
    return page, phrase, number


def expect_begun(page: Page) -> None:
    sheet = page.locator("#sheet")
    expect(sheet.locator("textarea")).to_have_value("清理了三车垃圾")
    expect(sheet.locator(".inc-form .inc-photos img")).to_have_count(1)
    expect(sheet.locator(".inc-kept")).to_contain_text("尚未发送")


def test_what_is_begun_is_there_again_until_it_is_sent(phone, site, served, session):
    page, phrase, number = begun(phone, site, served, session)
    page.locator("#sheet .wrk-x").tap()
    card = page.locator(".wrk-card", has_text=phrase)
    expect(card.locator(".wrk-begun")).to_have_text("已填写，未发送：处理")
    card.locator("[data-move=handle]").tap()
    expect_begun(page)
    assert serious(page) == []
    page.reload()  # as a phone does after its camera
    expect_begun(page)
    page.locator("#sheet .inc-form .inc-go").tap()
    page.locator("#tab-done").tap()
    expect(card).to_be_visible()
    expect(card.locator(".wrk-begun")).to_have_count(0)
    query = text("SELECT note FROM incident_event WHERE incident_id = :id AND move = 'handle'")
    session.rollback()
    assert session.scalar(query, {"id": number}) == "清理了三车垃圾"
    query = text("SELECT count(*) FROM photo WHERE incident_id = :id")
    assert session.scalar(query, {"id": number}) == 1
    assert [key for key in kept_keys(page) if "draft" in key] == []


def test_what_is_begun_can_be_dropped(phone, site, served, session):
    page, phrase, _ = begun(phone, site, served, session)
    page.reload()
    page.locator("#sheet .inc-kept").get_by_role("button", name="放弃").tap()
    page.locator("#sheet [data-move=handle]").tap()
    expect(page.locator("#sheet textarea")).to_have_value("")
    expect(page.locator("#sheet .inc-form .inc-photos img")).to_have_count(0)
    page.locator("#sheet .wrk-x").tap()
    page.locator("#tab-doing").tap()
    expect(page.locator(".wrk-card", has_text=phrase)).to_be_visible()
    expect(page.locator(".wrk-begun")).to_have_count(0)


def test_what_is_begun_for_a_move_that_others_did_is_there_to_read_and_drop(
    phone, site, served, session
):
    page, phrase, number = begun(phone, site, served, session)
    page.locator("#sheet .wrk-x").tap()
    moved(session, number, "handle", "别人先办了")
    page.locator("#tab-done").tap()
    card = page.locator(".wrk-card", has_text=phrase)
    card.locator(".wrk-open").tap()
    expect(page.locator("#sheet .wrk-left")).to_contain_text("清理了三车垃圾")
    page.locator("#sheet .wrk-left").get_by_role("button", name="放弃").tap()
    expect(page.locator("#sheet .wrk-left")).to_have_count(0)
    page.locator("#sheet .wrk-x").tap()
    expect(card.locator(".wrk-begun")).to_have_count(0)


def test_what_another_account_began_is_not_shown(phone, site, served, session):
    page, phrase, _ = begun(phone, site, served, session)
    page.evaluate("""() => {
        for (const [key, value] of Object.entries(localStorage)) {
            if (!key.startsWith('wangge.work-draft/account%20worker/')) continue;
            localStorage.setItem(key.replace('worker', 'worker2'), value);
            localStorage.removeItem(key);
        } }""")
    page.reload()
    page.locator("#sheet [data-move=handle]").tap()
    expect(page.locator("#sheet textarea")).to_have_value("")
    page.locator("#sheet .wrk-x").tap()
    page.locator("#tab-doing").tap()
    expect(page.locator(".wrk-card", has_text=phrase)).to_be_visible()
    expect(page.locator(".wrk-begun")).to_have_count(0)
    assert len([key for key in kept_keys(page) if "worker2" in key]) == 1


def test_back_closes_the_matter_and_keeps_what_is_begun(phone, site, served, session):
    page, phrase, _ = begun(phone, site, served, session)
    page.go_back()
    expect(page.locator("#sheet")).to_be_hidden()
    assert page.url == f"{site}/work"
    card = page.locator(".wrk-card", has_text=phrase)
    card.locator("[data-move=handle]").tap()
    expect_begun(page)
    page.locator("#sheet .wrk-x").tap()
    expect(page).to_have_url(f"{site}/work")
    card.locator(".wrk-open").tap()
    expect(page.locator("#sheet")).to_be_visible()
    page.go_back()
    expect(page.locator("#sheet")).to_be_hidden()
    assert page.url == f"{site}/work"
    assert page.said == []


def test_a_matter_opened_at_once_after_another_was_closed_is_closed_by_back(
    phone, site, served, session
):
    _, phrase = filed(session)
    page = signed_in(phone, site, served, "worker", "/work")
    opener = page.locator(".wrk-card", has_text=phrase).locator(".wrk-open")
    opener.tap()
    expect(page.locator("#sheet .inc-line")).to_be_visible()  # all of it is there
    opener.evaluate("button => { document.getElementById('sheet').close(); button.click(); }")
    page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)))")
    expect(page.locator("#sheet")).to_be_visible()
    assert "incident=" in page.url
    page.go_back()
    expect(page.locator("#sheet")).to_be_hidden()
    assert page.url == f"{site}/work"


@pytest.mark.parametrize("way", ["back", "close"])
def test_a_matter_that_was_closed_before_all_of_it_came_stays_closed(
    phone, site, served, session, way
):
    _, phrase = filed(session)
    page = signed_in(phone, site, served, "worker", "/work")
    held = []
    page.route("**/api/v1/incidents/*-*", lambda route: held.append(route))
    page.locator(".wrk-card", has_text=phrase).locator(".wrk-open").tap()
    expect(page.locator("#sheet")).to_be_visible()
    wait_for_held(page, held)
    # the browser tells of it late, as it does where frames are rare
    page.locator("#sheet").evaluate(
        "sheet => sheet.addEventListener('close', event => event.stopImmediatePropagation(), true)"
    )
    if way == "back":
        page.go_back()
    else:
        page.locator("#sheet .wrk-x").tap()
    expect(page.locator("#sheet")).to_be_hidden()
    answer = held[-1].fetch()
    for route in held:
        route.fulfill(response=answer)
    page.wait_for_timeout(500)  # it would be drawn
    expect(page.locator("#sheet")).to_be_hidden()


def test_by_keyboard_a_matter_takes_the_focus_and_gives_it_back(desk, site, served, session):
    _, phrase = filed(session)
    page = signed_in(desk, site, served, "worker", "/work")
    opener = page.locator(".wrk-card", has_text=phrase).locator(".wrk-open")
    opener.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#sheet .inc-line")).to_be_visible()  # all of it is there
    expect(page.locator("#sheet-title")).to_be_focused()
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()


def test_what_waits_to_be_sent_is_told_in_each_tab(own_phone, site, served, session):
    _, phrase = filed(session)
    own_phone.clock.install()
    page = signed_in(own_phone, site, served, "worker", "/work")
    held = []
    page.route(MOVES, lambda route: held.append(route))
    page.locator("#tab-new").tap()
    card = page.locator(".wrk-card", has_text=phrase)
    card.locator("[data-move=take]").tap()
    move = wait_for_held(page, held)
    page.clock.fast_forward(3_000)
    for name in ("#tab-new", "#tab-doing", "#tab-done"):
        page.locator(name).tap()
        expect(page.locator("#unsent")).to_have_text("1 个操作等待发送")
    move.fulfill(status=503, json=BUSY)
    expect(page.locator("#unsent")).to_have_text("1 个操作尚未发送（服务器正忙。），会自动重试。")
    page.unroute(MOVES)
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator("#unsent")).to_be_hidden()
    expect(page.locator("#status")).to_contain_text("已发送")
