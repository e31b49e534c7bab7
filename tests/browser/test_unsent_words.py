"""Words that were typed at the desk and not sent, in a real Chromium: nothing takes them away
unasked.
"""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy.orm import Session

from tests.support.browser import filed, moved, session, signed_in
from tests.support.served import Deployment

pytestmark = pytest.mark.browser
__all__ = ["session"]  # a fixture

NOTE = "#detail #inc-note"
WORDS = "楼下的王阿姨说三单元也有"
# Escape as browsers send it while an input method still has a candidate
CANDIDATE = """field => field.dispatchEvent(new KeyboardEvent('keydown',
  { key: 'Escape', bubbles: true, cancelable: true, isComposing: %s, keyCode: %s }))"""


OpenDesk = Callable[[], Page]


@pytest.fixture
def open_desk(desk: Page, site: str, served: Deployment) -> OpenDesk:
    """Open the dispatcher's desk, the newest first; once what it is to show is filed."""
    return lambda: signed_in(desk, site, served, "dispatcher", "/desk?sort=newest")


def row(page: Page, words: str) -> Locator:
    return page.locator("#rows tr", has_text=words)


def opened(page: Page, words: str) -> None:
    """Open a matter and wait until its moves are those of the answer."""
    with page.expect_response(lambda response: response.url.endswith(number_of(page, words))):
        row(page, words).locator(".dsk-open").click()
    expect(page.locator("#detail blockquote")).to_have_text(words)


def number_of(page: Page, words: str) -> str:
    return f"/api/v1/incidents/{row(page, words).get_attribute('data-id')}"


def written(page: Page, words: str, move: str = "note") -> Locator:
    """Open a matter, and write a note for a move without sending it."""
    opened(page, words)
    page.locator(f"#detail [data-move={move}]").click()
    note = page.locator(NOTE)
    note.fill(WORDS)
    return note


def answered(page: Page, accept: bool) -> list[str]:
    """Answer what the page asks from now on; the questions so far."""
    questions: list[str] = []

    def answer(dialog) -> None:
        questions.append(dialog.message)
        if accept:
            dialog.accept()
        else:
            dialog.dismiss()

    page.on("dialog", answer)
    return questions


def test_escape_asks_before_it_drops_a_note(open_desk: OpenDesk, session: Session) -> None:
    _, phrase = filed(session)
    page = open_desk()
    note = written(page, phrase)
    questions = answered(page, accept=False)
    note.press("Escape")
    expect(note).to_have_value(WORDS)
    assert questions == ["放弃已写的内容？"]
    note.fill("")
    note.press("Escape")  # nothing to lose: it closes
    expect(note).to_have_count(0)
    assert len(questions) == 1


def test_a_note_given_up_is_gone(open_desk: OpenDesk, session: Session) -> None:
    _, phrase = filed(session)
    page = open_desk()
    note = written(page, phrase)
    answered(page, accept=True)
    note.press("Escape")
    expect(note).to_have_count(0)
    page.locator("#detail [data-move=note]").click()
    expect(note).to_have_value("")


@pytest.mark.parametrize(("composing", "code"), [("true", 229), ("true", 27), ("false", 229)])
def test_a_candidate_of_the_input_method_is_dropped_alone(
    open_desk: OpenDesk, session: Session, composing: str, code: int
) -> None:
    _, phrase = filed(session)
    page = open_desk()
    note = written(page, phrase)
    questions = answered(page, accept=True)
    note.evaluate(CANDIDATE % (composing, code))
    expect(note).to_have_value(WORDS)
    expect(note).to_be_focused()
    assert questions == []


def test_a_note_waits_while_another_matter_is_looked_at(
    open_desk: OpenDesk, session: Session
) -> None:
    _, phrase = filed(session)
    _, other = filed(session)
    page = open_desk()
    note = written(page, phrase)
    opened(page, other)
    expect(note).to_have_count(0)
    page.locator("#detail [data-move=note]").click()
    expect(note).to_have_value("")  # of this matter nothing was written
    opened(page, phrase)
    expect(note).to_have_value(WORDS)
    page.locator("#detail .inc-form .inc-go").click()
    expect(page.locator("#detail .inc-line")).to_contain_text(WORDS)
    expect(note).to_have_count(0)
    opened(page, other)
    opened(page, phrase)
    expect(note).to_have_count(0)  # it was sent


def test_a_note_outlives_leaving_the_desk(
    desk: Page, site: str, served: Deployment, open_desk: OpenDesk, session: Session
) -> None:
    _, phrase = filed(session)
    signed_in(desk, site, served, "dispatcher", "/desk")
    page = open_desk()
    written(page, phrase)
    page.go_back()
    expect(page.locator("#detail .dsk-choose")).to_be_visible()
    page.go_forward()
    expect(page.locator(NOTE)).to_have_value(WORDS)


def test_what_was_chosen_for_a_move_waits_too(open_desk: OpenDesk, session: Session) -> None:
    _, phrase = filed(session)
    _, other = filed(session)
    page = open_desk()
    opened(page, phrase)
    page.locator("#detail [data-move=dispatch]").click()
    leader = page.locator("#detail .dsk-who", has_text="网格长").first
    leader.click()
    page.locator(NOTE).fill(WORDS)
    opened(page, other)
    opened(page, phrase)
    expect(page.locator(NOTE)).to_have_value(WORDS)
    expect(leader.locator("input")).to_be_checked()


def test_who_was_too_late_keeps_the_words(open_desk: OpenDesk, session: Session) -> None:
    number, phrase = filed(session)
    page = open_desk()
    note = written(page, phrase)
    page.route(
        "**/api/v1/incidents/*/moves", lambda route: (moved(session, number), route.continue_())
    )
    page.locator("#detail .inc-form .inc-go").click()
    expect(page.locator("#detail .inc-wrong:visible")).to_contain_text("处理中")
    expect(note).to_have_value(WORDS)


def test_news_takes_no_note_for_several(open_desk: OpenDesk, session: Session) -> None:
    _, phrase = filed(session)
    other, another = filed(session)
    page = open_desk()
    row(page, phrase).locator("input").check()
    page.locator("#bulk [data-move=note]").click()
    note = page.locator("#bulk input")
    note.fill(WORDS)
    moved(session, other)  # somebody takes another one
    expect(row(page, another).locator(".inc-state")).to_have_text("处理中")
    expect(note).to_have_value(WORDS)
    expect(note).to_be_focused()
    row(page, another).locator("input").check()
    expect(page.locator("#bulk b")).to_contain_text("2")
    expect(note).to_have_value(WORDS)


def test_a_request_to_others_and_a_reason_wait_too(open_desk: OpenDesk, session: Session) -> None:
    _, phrase = filed(session)
    _, other = filed(session)
    page = open_desk()
    opened(page, phrase)
    page.locator("#detail [data-hand-out]").click()
    asked_for = page.locator("#detail .inc-joint form textarea")
    asked_for.fill(WORDS)
    reason = page.locator("#contact-reason")
    reason.fill("回访")
    opened(page, other)
    expect(asked_for).to_have_count(0)
    expect(reason).to_have_value("")
    opened(page, phrase)
    expect(asked_for).to_have_value(WORDS)
    expect(reason).to_have_value("回访")


def test_escape_asks_before_it_drops_a_template(desk: Page, site: str, served: Deployment) -> None:
    page = signed_in(desk, site, served, "dispatcher", "/desk")
    page.locator("#open-templates").click()
    field = page.locator("#template-text")
    field.fill(WORDS)
    questions = answered(page, accept=False)
    field.press("Escape")
    expect(field).to_have_value(WORDS)
    assert questions == ["放弃已写的内容？"]
