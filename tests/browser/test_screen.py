"""The big screen of a command centre, which nobody sits at: what it shows, and when it moves."""

from datetime import UTC, datetime
from uuid import UUID

import orjson
import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy.orm import Session

from gis.incidents.lifecycle import report
from gis.incidents.lifecycle.intake import IncidentReport
from tests.support.browser import BY, filed, serious, session, signed_in, wait_until
from tests.support.served import Deployment

pytestmark = pytest.mark.browser
__all__ = ["session"]  # a fixture

CENTRE = "[wangge.map.getCenter().lat, wangge.map.getCenter().lng, wangge.map.getZoom()].join()"
SECRET = "三楼王大爷家"


@pytest.fixture
def wall(desk: Page, site: str, served: Deployment) -> Page:
    """The screen, signed in."""
    return signed_in(desk, site, served, "centre", "/screen")


def numbers(page: Page) -> dict[str, int]:
    """The seven as they stand there."""
    cells = page.locator("[data-number]")
    return {
        cell.get_attribute("data-number"): int(cell.locator("dd").inner_text().replace(",", ""))
        for cell in cells.all()
    }


def danger(session: Session) -> report.FiledIncident:
    """A report of danger, committed."""
    place = {"lon": 105.9501, "lat": 26.2302, "crs": "cgcs2000"}
    words = f"{SECRET}燃气漏气,有人晕倒了"
    created = report.file_report(
        session, BY, IncidentReport(**place, description=words), datetime.now(UTC)
    )
    session.commit()
    return created


def test_it_shows_numbers_marks_and_what_is_urgent_but_no_names(wall: Page, site: str) -> None:
    situation = wall.request.get(f"{site}/api/v1/incidents/situation").json()
    assert numbers(wall) == {key: situation[key] for key in numbers(wall)}
    assert len(numbers(wall)) == 7
    listed = wall.request.get(f"{site}/api/v1/incidents?state=open&sort=urgent&limit=12").json()
    rows = wall.locator("#list li")
    assert 0 < rows.count() <= len(listed["items"])
    expect(rows.first).to_contain_text(listed["items"][0]["category_zh"])
    expect(wall.locator(".scr-mark").first).to_be_visible()
    shown = wall.locator("body").inner_text()
    assert "centre" not in shown  # nor who is signed in
    for incident in listed["items"]:
        for hidden in (incident["description"], incident["assigned_to"]):
            assert not hidden or hidden not in shown
    assert serious(wall) == []
    assert wall.said == []


def test_the_map_moves_for_what_is_urgent_only(
    own_desk: Page, site: str, served: Deployment, session: Session
) -> None:
    events: list[str] = []

    def tell(route: Route) -> None:  # the town's own jobs are silent here
        body = "".join(["retry: 100\n\n", *events])
        route.fulfill(content_type="text/event-stream", body=body)

    def happened(number: UUID) -> None:
        data = orjson.dumps({"id": str(number), "move": "report"}).decode()
        events.append(f"id: {len(events) + 1}\nevent: incident\ndata: {data}\n\n")

    own_desk.route("**/api/v1/events*", tell)
    own_desk.clock.install()
    wall = signed_in(own_desk, site, served, "centre", "/screen")
    before, view = numbers(wall), wall.evaluate(CENTRE)
    happened(filed(session)[0])
    wait_until(
        wall,
        "n => Number(document.querySelector('[data-number=reported] dd').textContent) > n",
        before["reported"],
    )
    wall.wait_for_timeout(300)  # for what would move
    assert wall.evaluate(CENTRE) == view  # it can wait: the number says it
    happened(danger(session).id)
    news = wall.locator("#news article")
    expect(news).to_contain_text("新上报")
    expect(news).to_contain_text("紧急")
    expect(wall.locator(".scr-ring")).to_be_visible()
    wait_until(wall, "() => wangge.map.getZoom() === 17")
    assert SECRET not in wall.locator("body").inner_text()
    wall.clock.fast_forward(16_000)
    expect(news).to_have_count(0)
    wait_until(wall, f"view => {CENTRE} === view", view)


def test_what_is_old_says_so(wall: Page, site: str) -> None:
    lost = wall.locator("#lost")
    expect(lost).to_be_hidden()
    wall.route("**/api/v1/**", lambda route: route.abort())
    wall.evaluate("dispatchEvent(new Event('resize'))")  # it asks at once
    expect(lost).to_contain_text("没有网络")
    expect(lost).to_contain_text("的情况")
    assert len(numbers(wall)) == 7  # what was there stays
    wall.unroute("**/api/v1/**")
    wall.evaluate("dispatchEvent(new Event('resize'))")
    expect(lost).to_be_hidden()
    wall.context.clear_cookies()
    wall.evaluate("dispatchEvent(new Event('resize'))")
    expect(lost).to_contain_text("登录已失效")
    assert "next=%2Fscreen" in lost.get_by_role("link", name="登录").get_attribute("href")
