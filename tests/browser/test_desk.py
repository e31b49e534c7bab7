"""The dispatcher's desk beside a worker's phone, in a real Chromium: live, filtered by its address,
several at once.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import quote
from uuid import UUID

import pytest
from playwright.sync_api import Locator, Page, Route, expect
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.incidents.lifecycle import moves
from gis.incidents.lifecycle.payload import MovePayload
from tests.support.browser import (
    BY,
    filed,
    moved,
    opened,
    picture,
    serious,
    session,
    sign_in,
    signed_in,
    wait_for_held,
)
from tests.support.served import Deployment

pytestmark = pytest.mark.browser
__all__ = ["session"]  # a fixture

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}


@pytest.fixture
def worker(browser) -> Iterator[Page]:
    """The phone of the grid worker, beside the desk."""
    yield from opened(browser, **PHONE)


def at(words: str) -> str:
    """The address of the desk with one matter."""
    return f"/desk?words={quote(words)}"


# a photo is ready only after its form has been sent, as on a slow phone
SLOW_PHOTOS = """
const decode = createImageBitmap, sent = new Promise((go) => addEventListener('submit', go, true));
window.createImageBitmap = async (...all) => (await sent, decode(...all));
"""


def row(page: Page, words: str):
    return page.locator("#rows tr", has_text=words)


def state(session: Session, number: UUID) -> str:
    session.rollback()
    return str(session.scalar(text("SELECT state FROM incident WHERE id = :id"), {"id": number}))


def handled(session: Session, how_many: int) -> list[str]:
    """Reports that somebody has handled; their words."""
    messages = []
    for _ in range(how_many):
        number, phrase = filed(session)
        moved(session, number)
        moves.apply_move(
            session, BY, number, "handle", datetime.now(UTC), MovePayload(note="清完了")
        )
        messages.append(phrase)
    session.commit()
    return messages


def test_the_contact_is_shown_for_a_reason(
    desk: Page, site: str, served: Deployment, session: Session
) -> None:
    number, phrase = filed(session)
    county = session.scalar(text("SELECT county FROM incident WHERE id = :id"), {"id": number})
    session.execute(
        text(
            "INSERT INTO personal.reporter (county, incident_id, name, phone, email)"
            " VALUES (:county, :id, :name, :phone, :email)"
        ),
        {"county": county, "id": number, "name": "", "phone": "13700001234", "email": ""},
    )
    session.commit()
    signed_in(desk, site, served, "dispatcher", "/desk")
    desk.locator("#filters [name=words]").fill(phrase)
    row(desk, phrase).locator(".dsk-open").click()
    form = desk.locator(".dsk-contact")
    form.locator("button").click()  # the browser itself asks for the reason
    expect(form.locator("input:invalid")).to_be_focused()
    form.locator("input").fill("。")
    form.locator("button").click()
    expect(form.locator("[role=alert]")).to_have_text("理由“。”太短，请写明为什么需要联系方式。")
    assert serious(desk) == []
    form.locator("input").fill("回访")
    form.locator("input").press("Enter")
    expect(desk.locator("#detail a[href='tel:13700001234']")).to_be_visible()
    session.rollback()
    query = "SELECT kind, reason FROM personal.disclosure WHERE incident_id = :id"
    assert session.execute(text(query), {"id": number}).all() == [("contact", "回访")]


def test_what_the_worker_does_is_seen_at_the_desk_and_closed_there(
    desk: Page, worker: Page, site: str, served: Deployment, session: Session
) -> None:
    number, phrase = filed(session)
    signed_in(desk, site, served, "dispatcher", "/desk")
    desk.locator("#filters [name=words]").fill(phrase)
    expect(desk.locator("#rows tr")).to_have_count(1)
    row(desk, phrase).locator(".dsk-open").click()
    detail = desk.locator("#detail")
    expect(detail.locator(".inc-line li")).to_have_count(3)
    expect(detail.locator(".leaflet-marker-icon")).to_have_count(1)
    assert serious(desk) == []

    worker.add_init_script(SLOW_PHOTOS)
    signed_in(worker, site, served, "worker", "/work")
    worker.locator(".wrk-card", has_text=phrase).locator("[data-move=take]").tap()
    expect(row(desk, phrase).locator(".inc-state")).to_have_text(
        "处理中"
    )  # nobody loaded the page again
    worker.locator("#tab-doing").tap()
    worker.locator(".wrk-card", has_text=phrase).locator("[data-move=handle]").tap()
    worker.locator("#sheet textarea").fill("清完了")
    worker.locator("#sheet input[type=file]").set_input_files(picture())
    worker.locator("#sheet .inc-form .inc-go").tap()
    expect(row(desk, phrase).locator(".inc-state")).to_have_text("已处理")
    expect(detail.locator(".inc-photos img").first).to_be_visible()

    detail.locator("[data-move=check]").click()
    detail.locator("[data-move=close]").click()
    expect(detail.locator(".dsk-line .inc-state")).to_have_text("已结案")
    assert state(session, number) == "closed"
    assert desk.said == []


def test_the_filters_are_in_the_address(
    desk: Page, site: str, served: Deployment, session: Session
) -> None:
    _, phrase = filed(session)
    page = signed_in(desk, site, served, "dispatcher", "/desk")
    page.locator("#filters [name=category]").select_option("06010")
    page.locator("#tabs [data-state=dispatched]").click()
    page.locator("#filters [name=words]").fill(phrase)
    expect(page.locator("#rows tr")).to_have_count(1)
    expect(page).to_have_url(re.compile("state=dispatched.*words="))
    row(page, phrase).locator(".dsk-open").click()
    expect(page).to_have_url(re.compile("incident="))
    page.reload()
    expect(page.locator("#rows tr")).to_have_count(1)
    expect(page.locator("#filters [name=category]")).to_have_value("06010")
    expect(page.locator("#tabs [aria-current]")).to_contain_text("已派单")
    expect(page.locator("#detail blockquote")).to_have_text(phrase)
    page.locator("#tabs [data-state=closed]").click()
    expect(page.locator("#none")).to_be_visible()
    page.go_back()
    expect(page.locator("#tabs [aria-current]")).to_contain_text("已派单")
    expect(page.locator("#rows tr")).to_have_count(1)
    page.locator("#clear").click()
    expect(page.locator("#filters [name=words]")).to_have_value("")


def test_three_are_checked_at_once(
    desk: Page, site: str, served: Deployment, session: Session
) -> None:
    output = handled(session, 3)
    page = signed_in(desk, site, served, "dispatcher", "/desk?state=handled&sort=newest")
    for phrase in output:
        row(page, phrase).locator("input").check()
    expect(page.locator("#bulk b")).to_contain_text("3")
    assert serious(page) == []
    page.locator("#bulk [data-move=check]").click()
    for phrase in output:
        expect(row(page, phrase).locator(".inc-state")).to_have_text("已核查")
        expect(row(page, phrase).locator(".dsk-went")).to_be_visible()
    expect(page.locator("#bulk")).to_be_hidden()


def test_one_of_several_that_cannot_be_done_says_why(
    desk: Page, site: str, served: Deployment, session: Session
) -> None:
    output = handled(session, 2)
    page = signed_in(desk, site, served, "dispatcher", "/desk?state=handled&sort=newest")
    for phrase in output:
        row(page, phrase).locator("input").check()
    number = row(page, output[0]).get_attribute("data-id")

    def first(route) -> None:

        moves.apply_move(session, BY, UUID(number), "check", datetime.now(UTC))
        session.commit()
        route.continue_()

    page.route("**/api/v1/incidents/moves/bulk", first)
    page.locator("#bulk [data-move=check]").click()
    expect(row(page, output[1]).locator(".dsk-went")).to_be_visible()
    expect(row(page, output[0]).locator(".dsk-failed")).to_be_visible()


def test_it_is_given_to_somebody_else_with_the_keyboard_and_the_mouse(
    desk: Page, site: str, served: Deployment, session: Session
) -> None:
    number, phrase = filed(session)
    page = signed_in(desk, site, served, "dispatcher", at(phrase))
    expect(page.locator("#rows tr")).to_have_count(1)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    detail = page.locator("#detail")
    detail.locator("[data-move=dispatch]").click()
    expect(detail.locator(".dsk-who em")).to_have_count(1)  # one is suggested
    choices = detail.locator(".dsk-who", has_text="网格长")
    choices.first.click()
    assert serious(page) == []
    detail.locator(".inc-form .inc-go").click()
    expect(row(page, phrase).locator(".dsk-held")).to_contain_text("网格长")
    page.keyboard.press("/")
    expect(page.locator("#filters [name=words]")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page.locator(".dsk-choose")).to_be_visible()
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    assert state(session, number) == "dispatched"


def offered(page: Page, phrase: str, move: str) -> Locator:
    """Open a matter; the button of a move of it."""
    row(page, phrase).locator(".dsk-open").click()
    # all of it is there: until then the buttons stand elsewhere
    expect(page.locator("#detail .inc-line")).to_be_visible()
    button = page.locator(f"#detail [data-move={move}]")
    expect(button).to_be_visible()
    return button


def test_news_between_press_and_release_swallows_no_click(
    desk: Page, site: str, served: Deployment, session: Session
) -> None:
    number, phrase = filed(session)
    page = signed_in(desk, site, served, "dispatcher", at(phrase))
    button = offered(page, phrase, "dispatch")
    button.hover()
    page.mouse.down()
    with page.expect_response(f"**/api/v1/incidents/{number}"):
        moved(session, number)  # somebody takes it
    page.wait_for_timeout(100)  # for what would be drawn
    page.mouse.up()
    expect(page.locator("#detail .inc-form")).to_be_visible()


def test_who_was_too_late_is_told_what_happened(
    desk: Page, site: str, served: Deployment, session: Session
) -> None:
    number, phrase = filed(session)
    page = signed_in(desk, site, served, "dispatcher", at(phrase))
    button = offered(page, phrase, "take")
    page.route(
        "**/api/v1/incidents/*/moves", lambda route: (moved(session, number), route.continue_())
    )
    button.click()
    expect(page.locator("#detail .inc-wrong:visible")).to_contain_text("处理中")
    expect(page.locator("#detail .dsk-line .inc-state")).to_have_text("处理中")


def test_what_is_new_waits_until_it_is_asked_for(
    desk: Page, site: str, served: Deployment, session: Session
) -> None:
    _, phrase = filed(session)
    page = signed_in(desk, site, served, "dispatcher", at("垃圾没人清"))
    expect(row(page, phrase)).to_be_visible()
    _, extra = filed(session)
    expect(page.locator("#news")).to_contain_text("1")
    expect(row(page, extra)).to_have_count(0)
    page.keyboard.press("r")
    expect(row(page, extra)).to_be_visible()
    expect(page.locator("#news")).to_be_hidden()


def test_who_may_only_read_moves_nothing(
    desk: Page, site: str, served: Deployment, session: Session
) -> None:
    _, phrase = filed(session)
    page = signed_in(desk, site, served, "auditor", at(phrase))
    row(page, phrase).locator(".dsk-open").click()
    expect(page.locator("#detail .inc-line li")).to_have_count(3)
    expect(page.locator("#detail [data-move]")).to_have_count(0)


def test_on_a_phone_the_matter_covers_the_list(
    phone: Page, site: str, served: Deployment, session: Session
) -> None:
    _, phrase = filed(session)
    page = signed_in(phone, site, served, "dispatcher", at(phrase))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    row(page, phrase).locator(".dsk-open").tap()
    expect(page.locator("#detail blockquote")).to_have_text(phrase)
    expect(page.locator("#rows")).to_be_hidden()
    assert serious(page) == []
    page.locator("#detail .dsk-x").tap()
    expect(row(page, phrase)).to_be_visible()


def test_a_reporter_is_called_from_the_queue(
    desk: Page, site: str, served: Deployment, session: Session
) -> None:
    (phrase,) = handled(session, 1)
    number = session.scalar(text("SELECT id FROM incident WHERE description = :d"), {"d": phrase})
    session.execute(
        text("UPDATE incident SET follow_up_due_at = now() WHERE id = :id"), {"id": number}
    )
    session.commit()
    page = signed_in(desk, site, served, "dispatcher", "/desk?state=follow_up")
    row(page, phrase).locator(".dsk-open").click()
    form = page.locator("#detail .inc-form")
    expect(page.locator("#contact-reason")).to_have_value("回访")
    form.locator(".inc-go").click()
    expect(form.locator("[role=alert]")).to_have_text("请选择通话结果。")
    form.get_by_label("已接通").check()
    form.locator("[name=solved][value=true]").check()
    form.locator("[name=rating][value='5']").check()
    assert serious(page) == []
    form.locator(".inc-go").click()
    expect(row(page, phrase)).to_have_count(0)
    session.rollback()
    query = "SELECT state, office_solved, office_rating FROM incident WHERE id = :id"
    assert session.execute(text(query), {"id": number}).one() == ("handled", True, 5)


def test_a_wrong_place_is_put_right_by_a_click_on_the_map(
    desk: Page, site: str, served: Deployment, session: Session
) -> None:
    number, phrase = filed(session)
    where = "SELECT ST_AsText(geom) FROM incident WHERE id = :id"
    before = session.scalar(text(where), {"id": number})
    page = signed_in(desk, site, served, "dispatcher", at(phrase))
    row(page, phrase).locator(".dsk-open").click()
    page.locator("#detail [data-move=relocate]").click()
    page.locator("#ground").scroll_into_view_if_needed()
    page.locator("#ground").click(position={"x": 150, "y": 60})
    expect(page.locator(".dsk-new-place")).to_be_visible()
    page.locator("#detail .inc-form .inc-go").click()
    expect(page.locator("#detail .inc-line")).to_contain_text("更正地点")
    session.rollback()
    assert session.scalar(text(where), {"id": number}) != before


def test_a_bulk_dispatch_says_to_whom_before_it_acts(
    desk: Page, site: str, served: Deployment, session: Session
) -> None:
    number, phrase = filed(session)
    page = signed_in(desk, site, served, "dispatcher", at(phrase))
    row(page, phrase).locator("input").check()
    page.locator("#bulk [data-move=dispatch]").click()
    expect(page.locator(".dsk-preview li")).to_have_count(1)
    assert serious(page) == []
    page.locator("#bulk [data-confirm]").click()
    expect(row(page, phrase).locator(".dsk-went")).to_be_visible()
    assert state(session, number) == "dispatched"


def test_a_list_that_never_comes_is_told(own_desk, site, served, session):
    _, phrase = filed(session)
    held: list[Route] = []
    own_desk.clock.install()
    own_desk.route("**/api/v1/incidents?*", lambda route: held.append(route))
    sign_in(own_desk, site, served.var, "dispatcher")
    own_desk.goto(site + at(phrase), wait_until="commit")
    wait_for_held(own_desk, held)
    own_desk.clock.fast_forward(21_000)
    retry = own_desk.get_by_role("button", name="重试")
    expect(own_desk.locator("#status", has=retry)).to_contain_text("没有网络")
    own_desk.unroute("**/api/v1/incidents?*")
    retry.click()
    expect(row(own_desk, phrase)).to_be_visible()


def test_a_list_that_comes_between_press_and_release_swallows_no_click(
    desk: Page, site: str, served: Deployment, session: Session
) -> None:
    _, phrase = filed(session)
    page = signed_in(desk, site, served, "dispatcher", at(phrase))
    held: list[Route] = []
    page.route("**/api/v1/incidents?*", lambda route: held.append(route))
    page.locator("#filters [name=sort]").select_option("newest")
    request = wait_for_held(page, held)
    row(page, phrase).locator(".dsk-open").hover()
    page.mouse.down()
    with page.expect_response("**/api/v1/incidents?*"):
        request.continue_()
    page.wait_for_timeout(100)  # for what would be drawn
    page.mouse.up()
    expect(page.locator("#detail blockquote")).to_have_text(phrase)
    expect(page.locator(".dsk-table[aria-busy]")).to_have_count(0)  # and it is drawn
    assert page.said == []


def test_news_while_a_list_is_on_its_way_keeps_it_from_nobody(
    desk: Page, site: str, served: Deployment, session: Session
) -> None:
    number, phrase = filed(session)
    _, other = filed(session)
    page = signed_in(desk, site, served, "dispatcher", at(phrase))
    expect(row(page, phrase)).to_be_visible()
    held: list[Route] = []
    page.route(
        "**/api/v1/incidents/counts?*",
        lambda route: route.continue_() if held else held.append(route),
    )
    page.locator("#filters [name=words]").fill(other)
    wait_for_held(page, held)
    with page.expect_response("**/api/v1/incidents/counts?*"):
        moved(session, number)  # somebody takes it
    expect(row(page, other)).to_be_visible()
    expect(page.locator("#rows tr")).to_have_count(1)
