"""Edits of the walking network over HTTP: where one plans, what is refused, labels that follow."""

from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.accounts.accounts import grant
from gis.facilities.access_store import recompute_access
from gis.facilities.service_circles import recompute as recompute_circles
from tests.support import checkup_town
from tests.support.build import LAT, LON, square
from tests.support.checkup_town import STREET, CheckupTown
from tests.support.sign_in import ADMIN, account, ask, signed_in

API = "/api/v1/network/edits"
COVERAGE = "/api/v1/coverage?category=clinic&minutes=15"
town, planner = checkup_town.town, checkup_town.planner  # the fixtures


def point(east: float, **facts) -> dict:
    """A gate on the street that is never open."""
    shape = {"type": "Point", "coordinates": [LON + east, STREET]}
    return {"kind": "gate", "geometry": shape, "crs": "cgcs2000", "hours": "closed"} | facts


def line(*places: tuple[float, float]) -> dict:
    return {"type": "LineString", "coordinates": [[LON + x, STREET + y] for x, y in places]}


def served(client: FlaskClient) -> int:
    return client.get(COVERAGE).get_json()["totals"]["served_households"]


def test_a_gate_is_stated_listed_and_withdrawn_and_coverage_follows(
    session: Session, planner: FlaskClient
) -> None:
    recompute_access(session)
    whole = served(planner)
    created = ask(planner, "POST", API, point(0.003, reason="围墙"))
    assert created.status_code == 201, created.get_json()
    edit = created.get_json()
    assert (edit["hours"], edit["state"], edit["problem"], edit["mine"]) == (
        "closed", "in_force", None, True,
    )  # fmt: skip
    assert edit["geometry"]["coordinates"] == [round(LON + 0.003, 7), round(STREET, 7)]
    assert served(planner) == 2 < whole  # of the first building only
    assert [each["id"] for each in planner.get(API).get_json()["items"]] == [edit["id"]]
    assert "clinic" in recompute_access(session).recomputed
    assert ask(planner, "DELETE", f"{API}/{edit['id']}").status_code == 204
    assert served(planner) == whole
    assert planner.get(API).get_json()["items"] == []
    assert ask(planner, "DELETE", f"{API}/{edit['id']}").status_code == 404
    row = session.execute(text("SELECT author, withdrawn_at IS NOT NULL, reason FROM walk_edit"))
    assert row.one() == ("account lin", True, "围墙")


def test_stored_circles_are_of_the_edits_in_force(session: Session, planner: FlaskClient) -> None:
    [clinic] = planner.get("/api/v1/facilities?category=clinic").get_json()["items"]

    def circle(minutes: int) -> dict:
        path = f"/api/v1/facilities/{clinic['code']}/circle?minutes={minutes}"
        [feature] = planner.get(path).get_json()["features"]
        return feature["properties"]

    recompute_circles(session)  # 5, 10 and 15 minutes are stored, 6 is not
    before = {minutes: circle(minutes) for minutes in (5, 6)}
    assert ask(planner, "POST", API, point(0.003)).status_code == 201
    shut = {minutes: circle(minutes) for minutes in (5, 6)}
    versions = {minutes: shut[minutes]["network_version"] for minutes in (5, 6)}
    assert versions[5] == versions[6] != before[5]["network_version"]
    assert shut[5]["households"] <= shut[6]["households"] < before[6]["households"]
    recompute_circles(session)
    assert circle(5)["households"] == shut[5]["households"]
    assert circle(5)["network_version"] == versions[5]


def test_a_path_is_added_and_one_to_come_holds_from_its_day(
    session: Session, planner: FlaskClient
) -> None:
    path = {
        "kind": "add",
        "crs": "cgcs2000",
        "geometry": line((0.001, 0), (0.001, 0.001), (0.004, 0.001), (0.004, 0)),
    }
    created = ask(planner, "POST", API, path)
    assert created.status_code == 201, created.get_json()
    tomorrow = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    later = ask(
        planner, "POST", API,
        point(0.002, kind="close", hours="", from_at=tomorrow.isoformat()),
    )  # fmt: skip
    assert later.status_code == 201 and later.get_json()["state"] == "to_come"
    assert datetime.fromisoformat(later.get_json()["from_at"]) == tomorrow


def test_coverage_nearby_and_walk_keep_a_gate_shut_at_its_hours(
    session: Session, town: CheckupTown, planner: FlaskClient
) -> None:
    distant = town.facility("c2", "market", 0.014)
    session.execute(text("UPDATE facility SET opening_hours = '24/7'"))
    assert ask(planner, "POST", API, point(0.003, hours="06:00-22:00")).status_code == 201
    location = f"lon={LON + 0.001}&lat={STREET}&crs=cgcs2000"
    walk = f"/api/v1/walk?from_lon={LON + 0.001}&from_lat={STREET}&crs=cgcs2000&to={distant.code}"

    def reach(at: str) -> float:
        rings = planner.get(f"/api/v1/nearby/reach?{location}{at}").get_json()["features"]
        return max(x for ring in rings for part in ring["geometry"]["coordinates"]
                   for x, _ in part[0])  # fmt: skip

    def markets(at: str) -> list:
        body = planner.get(f"/api/v1/nearby?{location}&minutes=30{at}").get_json()
        return next(each["items"] for each in body["categories"] if each["category"] == "market")

    night, day = "2026-11-24T23:00", "2026-11-24T12:00"
    for at in ("", f"&at={day}"):
        assert planner.get(walk + at).status_code == 200
        assert len(markets(at)) == 1
        assert reach(at) > LON + 0.01
        assert planner.get(COVERAGE + at).get_json()["totals"]["served_households"] == 6
    assert planner.get(f"{walk}&at={night}").get_json()["code"] == "walk.no_way"
    assert markets(f"&at={night}") == []
    assert reach(f"&at={night}") < LON + 0.0045  # the lattice is 25 m and more
    shut = planner.get(f"{COVERAGE}&at={night}").get_json()["totals"]
    assert shut["served_households"] == 2
    # words that the hours are not read from close nothing
    session.execute(text("UPDATE walk_edit SET hours = 'by appointment'"))
    assert planner.get(f"{walk}&at={night}").status_code == 200
    assert planner.get(f"{walk}&at=soon").status_code == 422


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"geometry": {"type": "Point", "coordinates": [LON + 0.003, STREET + 0.001]}},
         "path_edit.no_path_near"),
        ({"kind": "add", "hours": "", "geometry": line((0.001, 0.0005), (0.001, 0.001))},
         "path_edit.joins_nothing"),
        ({"kind": "add", "hours": "", "geometry": line((0.001, 0), (0.001, 0))},
         "path_edit.length"),
        ({"kind": "add", "hours": "", "geometry": line((0, 0), (0.2, 0))}, "path_edit.length"),
        ({"kind": "add", "hours": ""}, "field.none_of"),
        ({"geometry": line((0, 0), (0.001, 0))}, "field.none_of"),
        ({"hours": ""}, "path_edit.hours_of_gate"),
        ({"kind": "close"}, "path_edit.hours_of_gate"),
        ({"hours": "sometimes"}, "entrance.hours_unreadable"),
        ({"kind": "door"}, "field.none_of"),
        ({"until_at": "2020-01-01"}, "path_edit.over_already"),
        ({"from_at": "2090-01-02", "until_at": "2090-01-01"}, "path_edit.over_already"),
        ({"from_at": "soon"}, "input.not_time"),
        ({"crs": "mars"}, None),
        ({"reason": "x" * 501}, None),
        ({"geometry": {"type": "Point", "coordinates": [200, 95]}}, None),
        ({"geometry": {"type": "Point", "coordinates": [LON]}}, None),
        ({"geometry": {"type": "Point", "coordinates": ["x", None]}}, None),
        ({"geometry": {"type": "Point", "coordinates": [float("nan"), 26.0]}}, None),
        ({"geometry": {"type": "Polygon", "coordinates": []}}, None),
        ({"geometry": "POINT(1 1)"}, None),
        ({"more": 1}, None),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused(
    session: Session, planner: FlaskClient, change: dict, code: str | None
) -> None:
    refused = ask(planner, "POST", API, point(0.003) | change)
    assert refused.status_code in (400, 422), refused.get_json()
    assert code is None or code in refused.get_data(as_text=True)
    session.rollback()
    assert session.scalar(text("SELECT count(*) FROM walk_edit")) == 0


def test_a_planner_of_elsewhere_neither_sees_nor_changes(
    session: Session, town: CheckupTown, client: FlaskClient
) -> None:
    session.execute(
        text(
            "INSERT INTO area (code, level, name, county)"
            " VALUES ('520403', 'county', '乙区', '520403')"
        )
    )
    number = session.scalar(
        text("""
            INSERT INTO walk_edit (kind, geom, source, author)
            VALUES ('close', ST_SetSRID(ST_MakePoint(:lon, :lat), 4490), 'page', 'account lin')
            RETURNING id"""),
        {"lon": LON + 0.002, "lat": STREET},
    )
    stranger = signed_in(client, account(session, "qian", "planner", "520403"))
    assert stranger.get(API).get_json()["items"] == []
    assert ask(stranger, "POST", API, point(0.003)).status_code == 403
    assert ask(stranger, "DELETE", f"{API}/{number}").status_code == 404
    assert ask(stranger, "DELETE", f"{API}/{2**70}").status_code == 404


def test_a_line_that_leaves_the_planned_areas_is_refused(
    session: Session, planner: FlaskClient
) -> None:
    leaving = {"kind": "close", "crs": "cgcs2000", "geometry": line((0.008, 0), (0.015, 0))}
    refused = ask(planner, "POST", API, leaving)
    assert refused.status_code == 403, refused.get_json()


def test_a_line_through_areas_of_others_is_for_who_plans_all_along(
    session: Session, town: CheckupTown, client: FlaskClient
) -> None:
    """From one grid of the planner through another to the next, without a point in this."""
    third = town.town.grid("003", shape=square(LON + 0.012, LAT - 0.001, 0.006, 0.003))
    wang = account(session, "wang", "planner", town.grid.code)
    grant(session, ADMIN, wang, "planner", third.code)
    between = {"kind": "close", "crs": "cgcs2000", "geometry": line((0.004, 0), (0.014, 0))}
    assert ask(signed_in(client, wang), "POST", API, between).status_code == 403
    grant(session, ADMIN, wang, "planner", town.east.code)
    session.commit()
    created = ask(signed_in(client, wang), "POST", API, between)
    assert created.status_code == 201, created.get_json()
    assert session.scalar(text("SELECT count(*) FROM history WHERE table_name = 'walk_edit'")) == 1
