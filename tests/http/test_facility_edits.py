"""Facilities over HTTP as planners state them: added, changed, closed; loads leave them so."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.facilities.access_store import recompute_access
from gis.facilities.capacity import CapacityRequest, capacity_coverage
from tests.support import checkup_town
from tests.support.build import LON
from tests.support.checkup_town import STREET, CheckupTown
from tests.support.sign_in import account, ask, signed_in

API = "/api/v1/facilities"
PLACE = {"lon": round(LON + 0.002, 7), "lat": STREET, "crs": "cgcs2000"}
town, planner = checkup_town.town, checkup_town.planner  # the fixtures


def test_a_capacity_stated_on_the_page_is_shared(session: Session, planner: FlaskClient) -> None:
    def reached() -> int:
        return capacity_coverage(session, CapacityRequest("clinic")).totals.reached.people

    assert reached() == 0
    answer = ask(planner, "PATCH", f"{API}/c1", {"capacity": 3}, **{"If-Match": '"1"'})
    assert answer.status_code == 200, answer.get_json()
    assert (answer.get_json()["capacity"], answer.headers["ETag"]) == (3, '"2"')
    assert reached() > 0
    late = ask(planner, "PATCH", f"{API}/c1", {"capacity": 4}, **{"If-Match": '"1"'})
    assert (late.status_code, late.get_json()["code"]) == (409, "facility.version_changed")
    assert ask(planner, "PATCH", f"{API}/c1", {"capacity": None}).get_json()["capacity"] is None
    assert reached() == 0


def test_one_is_added_and_closed_and_labels_follow(session: Session, planner: FlaskClient) -> None:
    recompute_access(session)
    facts = {"category": "kindergarten", "name": "一幼", "opening_hours": "每天7:30-18:00"}
    added = ask(planner, "POST", API, PLACE | facts | {"capacity": 90})
    assert added.status_code == 201, added.get_json()
    row = added.get_json()
    assert (row["name"], row["opening_hours"]) == ("一幼", "Mo-Su 07:30-18:00")
    assert recompute_access(session).recomputed == ("kindergarten",)
    assert ask(planner, "DELETE", f"{API}/{row['code']}").status_code == 204
    assert planner.get(f"{API}/{row['code']}").status_code == 404
    assert recompute_access(session).recomputed == ("kindergarten",)
    closed = session.execute(text("SELECT category, name, author FROM closed_facility")).one()
    assert closed == ("kindergarten", "一幼", "account lin")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"capacity": -1}, "capacity"),
        ({"capacity": True}, "capacity"),
        ({"capacity": 10**12}, "capacity"),
        ({"category": "castle"}, "category"),
        ({"opening_hours": "when it suits"}, "opening_hours"),
        ({"name": "x" * 501}, "name"),
        ({"source": "osm"}, "source"),
    ],
)
def test_what_is_wrong_is_refused(planner: FlaskClient, body: dict, field: str) -> None:
    answer = ask(planner, "PATCH", f"{API}/c1", body)
    assert answer.status_code in (400, 422), answer.get_json()
    assert field in str(answer.get_json()["errors"])


def test_only_where_one_plans(session: Session, town: CheckupTown, client: FlaskClient) -> None:
    other = "INSERT INTO area (code, level, name, county) VALUES (:c, 'county', '乙区', :c)"
    session.execute(text(other), {"c": "520403"})
    elsewhere = signed_in(client, account(session, "hu", "planner", "520403"))
    assert ask(elsewhere, "PATCH", f"{API}/c1", {"capacity": 3}).status_code == 403
    assert ask(elsewhere, "DELETE", f"{API}/c1").status_code == 403
    assert ask(elsewhere, "POST", API, PLACE | {"category": "clinic"}).status_code == 403
