"""The grid worker's page on a phone: take, handle with a photo, a lost connection, and what
is new.
"""

import re

import pytest
from playwright.sync_api import expect
from sqlalchemy import text

from tests.support.browser import filed, moved, picture, serious, session, signed_in

pytestmark = pytest.mark.browser
__all__ = ["session"]  # a fixture


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
