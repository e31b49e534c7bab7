"""A browser in New York, in English, on Chinese pages of a community in Shanghai: what is read and
typed is of the community's clock.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.support.browser import (
    filed,
    moved,
    opened,
    planned_session,
    ready,
    session,
    sign_in,
    signed_in,
)
from tests.support.served import Deployment

pytestmark = pytest.mark.browser
__all__ = ["planned_session", "session"]  # fixtures

SHANGHAI = ZoneInfo("Asia/Shanghai")
DESK = {"viewport": {"width": 1440, "height": 900}}


@pytest.fixture
def abroad(browser) -> Iterator[Page]:
    """A desk in New York whose browser speaks English."""
    yield from opened(browser, **DESK, timezone_id="America/New_York", locale="en-US")


def whole(at: datetime | str) -> str:
    """A moment as a Chinese page writes it."""
    local = read(at)
    return f"{local.year}年{local.month}月{local.day}日 {local:%H:%M}"


def short(at: datetime | str) -> str:
    """A moment as a Chinese page writes it without the year."""
    return whole(at).partition("年")[2]


def read(at: datetime | str) -> datetime:
    moment = at if isinstance(at, datetime) else datetime.fromisoformat(at)
    return moment.astimezone(SHANGHAI)


def moments(session: Session, number: UUID) -> tuple[datetime, datetime]:
    """When an incident was reported and when its next step is due."""
    session.rollback()
    query = text("SELECT reported_at, due_at FROM incident WHERE id = :id")
    row = session.execute(query, {"id": number}).one()
    return row.reported_at, row.due_at


def test_the_desk_shows_times_and_days_of_the_community(
    abroad: Page, site: str, served: Deployment, session: Session
) -> None:
    number, phrase = filed(session)
    reported_at, due_at = moments(session, number)
    page = signed_in(abroad, site, served, "dispatcher", f"/desk?words={phrase}")
    row = page.locator("#rows tr", has_text=phrase)
    reported = row.locator(".dsk-when time")
    expect(reported).to_have_text(re.compile(f"{read(reported_at):%H:%M}$"))  # of today
    expect(reported).to_have_attribute("title", whole(reported_at))
    due = row.locator(".dsk-clock .inc-clock")
    expect(due).to_have_attribute("title", re.compile(re.escape(whole(due_at))))
    expect(due).to_contain_text(f"{read(due_at):%H:%M}")
    row.locator(".dsk-open").click()
    filed_at = page.locator("#detail .inc-line time").first
    expect(filed_at).to_have_attribute("title", whole(reported_at))


def test_a_call_to_come_is_typed_by_the_clock_of_the_community(
    abroad: Page, site: str, served: Deployment, session: Session
) -> None:
    number, phrase = filed(session)
    for name in ("take", "handle"):
        moved(session, number, name, "扫过了")
    session.execute(
        text("UPDATE incident SET follow_up_due_at = now() WHERE id = :id"), {"id": number}
    )
    session.commit()
    later = (read(datetime.now(UTC)) + timedelta(days=2)).replace(
        hour=9, minute=30, second=0, microsecond=0
    )
    page = signed_in(abroad, site, served, "dispatcher", "/desk?state=follow_up")
    page.locator("#rows tr", has_text=phrase).locator(".dsk-open").click()
    form = page.locator("#detail .inc-form")
    form.locator("[name=outcome][value=call_later]").check()
    form.locator("#again-at").fill(f"{later:%Y-%m-%dT%H:%M}")
    with page.expect_request("**/moves") as sent:
        form.locator(".inc-go").click()
    assert sent.value.post_data_json["again_at"] == f"{later:%Y-%m-%dT09:30}"
    row = page.locator("#rows tr", has_text=phrase)
    expect(row.locator(".dsk-clock time")).to_have_attribute("title", whole(later))
    expect(row.locator(".dsk-clock time")).to_have_text(re.compile(rf"{later:%m-%d} 09:30$"))
    session.rollback()
    query = text("SELECT follow_up_due_at FROM incident WHERE id = :id")
    assert session.scalar(query, {"id": number}) == later


def test_the_worker_reads_the_deadline_and_chooses_a_day_of_the_community(
    abroad: Page, site: str, served: Deployment, session: Session
) -> None:
    number, phrase = filed(session)
    moved(session, number)
    reported_at, due_at = moments(session, number)
    page = signed_in(abroad, site, served, "worker", "/work")
    page.locator("#tab-doing").click()
    card = page.locator(".wrk-card", has_text=phrase)
    due = re.compile(re.escape(whole(due_at)))
    expect(card.locator(".inc-clock")).to_have_attribute("title", due)
    # half past midnight in the community: there it is the 2nd, in New York the 1st
    page.clock.set_fixed_time(datetime(2030, 1, 1, 16, 30, tzinfo=UTC))
    card.locator(".wrk-open").click()
    sheet = page.locator("#sheet")
    reported = sheet.locator("dl time")
    expect(reported).to_have_attribute("title", whole(reported_at))
    expect(reported).to_have_text(f"{read(reported_at):%Y-%m-%d %H:%M}")
    sheet.locator("[data-move=request_suspend]").click()
    expect(sheet.locator("#inc-until")).to_have_attribute("min", "2030-01-03")


def test_who_reported_reads_the_deadline_of_the_community(
    abroad: Page, site: str, session: Session
) -> None:
    place = {"lon": 105.9535, "lat": 26.2267, "crs": "wgs84"}
    answer = abroad.request.post(
        f"{site}/api/v1/incidents",
        data={**place, "category": "06010", "description": "楼道口的垃圾"},
    ).json()
    reported_at, due_at = moments(session, answer["id"])
    abroad.goto(f"{site}/track/{answer['id']}?lang=zh#{answer['tracking_secret']}")
    expect(abroad.locator(".trk-due time")).to_have_text(short(due_at))
    expect(abroad.locator(".trk-when time")).to_have_text(short(reported_at))


@pytest.fixture
def planner(abroad: Page, planned: Deployment, planned_session: Session) -> Page:
    """The page of coverage of a planner abroad, over a path of the walking network."""
    lon, lat = planned_session.execute(
        text(
            "SELECT ST_X(p), ST_Y(p) FROM"
            " (SELECT ST_StartPoint(geom) AS p FROM walk_edge ORDER BY id LIMIT 1) e"
        )
    ).one()
    sign_in(abroad, planned.url, planned.var, "planner")
    abroad.goto(f"{planned.url}/coverage?category=clinic&at=2099-12-02T01:00Z&c={lon},{lat},18")
    expect(abroad.locator("body[data-ready]")).to_be_attached()
    return abroad


def test_a_path_is_closed_by_the_clock_of_the_community(
    planner: Page, planned_session: Session
) -> None:
    planner.locator("#paths summary").click()
    planner.locator("#paths-close").press("Enter")  # by the keyboard: in the middle of the map
    form = planner.locator(".cov-door-form")
    form.locator("[name=from]").fill("2099-12-02T08:00")
    form.locator("[name=until]").fill("2099-12-02T18:00")
    with planner.expect_request("**/api/v1/network/edits") as sent:
        form.locator("[type=submit]").click()
    body = sent.value.post_data_json
    assert (body["from_at"], body["until_at"]) == ("2099-12-02T08:00", "2099-12-02T18:00")
    expect(form).to_have_count(0)
    stored = text("SELECT from_at, until_at FROM walk_edit ORDER BY id DESC LIMIT 1")
    assert list(planned_session.execute(stored).one()) == [
        datetime(2099, 12, 2, hour, tzinfo=SHANGHAI) for hour in (8, 18)
    ]
    planner.locator(".cov-edit.close").last.click()
    expect(form.locator("dd").nth(0)).to_have_text("2099年12月2日 08:00")
    expect(form.locator("dd").nth(1)).to_have_text("2099年12月2日 18:00")
    form.get_by_text("撤回").click()
    expect(planner.locator("#map-status")).to_contain_text("已撤回")


def test_coverage_says_when_it_was_computed_and_asks_for_a_time_of_the_community(
    planner: Page,
) -> None:
    with planner.expect_response(re.compile(r"/api/v1/coverage\?")) as answered:
        planner.reload()
    computed_at = answered.value.json()["computed_at"]
    expect(planner.locator(".cov-dates")).to_contain_text(f"计算于 {whole(computed_at)}")
    expect(planner.locator("#controls [name=then]")).to_have_value("2099-12-02T09:00")
    expect(planner.locator("#answer")).to_contain_text("2099年12月2日 09:00")


def test_the_map_and_what_is_near_have_the_day_and_time_of_the_community(
    abroad: Page, site: str
) -> None:
    moment = "2026-11-29T21:14:00Z"
    ready(abroad, f"{site}/?lang=zh&at={moment}&c=105.9535,26.2267,17")
    abroad.locator(".folium-map").press("Enter")  # asks for the middle of the map
    expect(abroad.locator("#panel .foot")).to_contain_text("2026年11月30日 05:14")
    ready(abroad, f"{site}/?lang=zh&at={moment}&compare=2026-11-28T20:00:00Z")
    expect(abroad.locator("#difference h2")).to_contain_text("2026-11-29")
    expect(abroad.locator("#difference h2")).to_contain_text("2026-11-30")
    abroad.goto(f"{site}/nearby?lang=zh&p=105.9535,26.2267&at={moment}")
    expect(abroad.locator("#at")).to_have_value("2026-11-30T05:14")
