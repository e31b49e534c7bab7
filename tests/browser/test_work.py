"""The grid worker's page on a phone: take, handle with a photo, a lost connection, and what is new."""

import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import engine
from gis.demo import accounts
from gis.incidents.lifecycle import moves, report
from gis.incidents.lifecycle.effects import MovePayload
from gis.incidents.lifecycle.intake import IncidentReport
from gis.ops import cluster
from gis.rights.principal import system_principal
from gis.settings import Settings
from tests.browser.test_sign_in import serious
from tests.served import Deployment

pytestmark = pytest.mark.browser

BY = system_principal("test")
MINE = "SELECT person_id FROM personal.account WHERE username = 'worker'"
GRID = f"SELECT a.code FROM post p JOIN area a ON a.id = p.area_id WHERE p.holder_id = ({MINE}) AND a.level = 'grid' LIMIT 1"


@pytest.fixture
def session(served: Deployment) -> Iterator[Session]:
    """The served deployment's own database."""
    with Session(engine(cluster.database_urls(Settings(var=served.var)).app)) as made:
        yield made


def filed(session: Session) -> tuple[UUID, str]:
    """A report that lies with the demo's grid worker; its number and the words to tell it by."""
    words, now = f"垃圾没人清 {uuid4().hex[:8]}", datetime.now(UTC)
    made = report.file_report(
        session, BY, IncidentReport(category="06010", area=session.scalar(text(GRID)), description=words), now
    )
    # of several in one post the least busy goes first: it is to be this one
    session.execute(text(f"UPDATE incident SET holder_id = ({MINE}) WHERE id = :id"), {"id": made.id})
    session.commit()
    return made.id, words


def signed_in(page: Page, site: str, served: Deployment, username: str, address: str) -> Page:
    who = next(one for one in accounts.read(served.var / accounts.FILE) if one.username == username)
    page.goto(f"{site}/sign-in?lang=zh&next={address}")
    page.locator("#username").fill(who.username)
    page.locator("#password").fill(who.password)
    page.keyboard.press("Enter")
    expect(page.locator("body[data-ready]")).to_be_attached()
    return page


def picture() -> dict[str, object]:
    target = io.BytesIO()
    Image.new("RGB", (1200, 900), "#5070a0").save(target, "JPEG")
    return {"name": "after.jpg", "mimeType": "image/jpeg", "buffer": target.getvalue()}


def test_a_worker_takes_and_handles_with_a_photo(phone, site, served, session):
    number, words = filed(session)
    page = signed_in(phone, site, served, "worker", "/work")
    card = page.locator(".wrk-card", has_text=words)
    expect(card.locator(".inc-clock")).to_have_text(re.compile("."))
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert all(one.bounding_box()["height"] >= 43.5 for one in card.locator("button").all())
    card.locator("[data-move=take]").tap()
    page.locator("#tab-doing").tap()
    card = page.locator(".wrk-card", has_text=words)
    card.locator("[data-move=handle]").tap()
    sheet = page.locator("#sheet")
    sheet.locator(".inc-form .inc-go").tap()
    expect(sheet.locator(".inc-wrong")).to_be_visible()  # a handling is told in words
    sheet.locator(".inc-chips button").first.tap()
    sheet.locator("input[type=file]").set_input_files(picture())
    expect(sheet.locator(".inc-form .inc-photos img")).to_have_count(1)
    assert serious(page) == []
    sheet.locator(".inc-form .inc-go").tap()
    expect(page.locator(".wrk-card", has_text=words)).to_have_count(0)
    page.locator("#tab-done").tap()
    expect(page.locator(".wrk-card", has_text=words)).to_have_count(1)
    assert session.scalar(text("SELECT state FROM incident WHERE id = :id"), {"id": number}) == "handled"
    assert session.scalar(text("SELECT count(*) FROM photo WHERE incident_id = :id"), {"id": number}) == 1
    assert page.said == []


def test_a_move_waits_for_the_connection_and_is_done_once(phone, site, served, session):
    number, words = filed(session)
    page = signed_in(phone, site, served, "worker", "/work")
    card = page.locator(".wrk-card", has_text=words)
    expect(card).to_be_visible()
    page.context.set_offline(True)
    card.locator("[data-move=take]").tap()
    expect(card.locator(".wrk-wait")).to_be_visible()
    assert session.scalar(text("SELECT state FROM incident WHERE id = :id"), {"id": number}) == "dispatched"
    page.context.set_offline(False)
    expect(card).to_have_count(0)
    query = text("SELECT count(*) FROM incident_event WHERE incident_id = :id AND move = 'take'")
    session.rollback()
    assert session.scalar(query, {"id": number}) == 1


def test_what_somebody_did_first_is_said_and_shown(phone, site, served, session):
    number, words = filed(session)
    page = signed_in(phone, site, served, "worker", "/work")
    card = page.locator(".wrk-card", has_text=words)
    expect(card).to_be_visible()
    page.evaluate("() => { window.EventSource = null; }")
    page.route("**/api/v1/incidents/*/moves", lambda route: (moved(session, number), route.continue_()))
    card.locator("[data-move=take]").tap()
    expect(page.locator("#said.bad")).to_be_visible()
    expect(card).to_have_count(0)


def moved(session: Session, number: UUID) -> None:
    moves.apply_move(session, BY, number, "take", datetime.now(UTC), MovePayload())
    session.commit()


def test_a_new_matter_appears_without_a_reload(phone, site, served, session):
    page = signed_in(phone, site, served, "worker", "/work")
    _, words = filed(session)
    expect(page.locator(".wrk-card", has_text=words)).to_be_visible(timeout=9000)


def test_the_map_shows_the_patch_and_numbered_pins(phone, site, served, session):
    filed(session)
    page = signed_in(phone, site, served, "worker", "/work")
    page.locator("#show-map").tap()
    expect(page.locator(".wrk-pin svg text").first).to_have_text(re.compile(r"\d+"))
    expect(
        page.locator(".wrk-map path.leaflet-interactive, .wrk-map .leaflet-overlay-pane path").first
    ).to_be_attached()
    assert page.locator("#legend li").count() == 4
