"""Doors and gates over HTTP: where one plans, for one person at a time, and labels that follow."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.facilities.access_store import recompute_access
from tests.support import checkup_town
from tests.support.checkup_town import CheckupTown
from tests.support.sign_in import account, ask, signed_in

API = "/api/v1/entrances"
town, planner = checkup_town.town, checkup_town.planner  # the fixtures


def at_home(session: Session, dlon: float = 0.0) -> dict:
    """A place at the first building."""
    code, lon, lat = session.execute(
        text("SELECT code, ST_X(c), ST_Y(c) FROM building, ST_Centroid(geom) c ORDER BY id LIMIT 1")
    ).one()
    location = {"lon": round(lon + dlon, 7), "lat": round(lat, 7), "crs": "cgcs2000"}
    return {"owner": "building", "owner_code": code, **location}


def test_a_door_is_added_moved_and_taken_away(session: Session, planner: FlaskClient) -> None:
    recompute_access(session)
    created = ask(planner, "POST", API, at_home(session) | {"hours": "每天6:00-22:00"})
    assert created.status_code == 201, created.get_json()
    door = created.get_json()
    assert (door["kind"], door["source"], door["version"]) == ("side", "page", 1)
    assert door["hours"] == "Mo-Su 06:00-22:00"
    # the labels follow
    assert "clinic" in recompute_access(session).recomputed
    url = f"{API}/{door['id']}"
    location = {name: at_home(session, 0.0001)[name] for name in ("lon", "lat", "crs")}
    moved = ask(planner, "PATCH", url, location | {"kind": "main"}, **{"If-Match": '"1"'})
    assert moved.status_code == 200 and moved.headers["ETag"] == '"2"'
    assert moved.get_json()["lon"] == location["lon"]
    main = session.scalar(text("SELECT ST_X(entrance) FROM building ORDER BY id LIMIT 1"))
    assert main == location["lon"]
    assert [each["id"] for each in planner.get(API).get_json()["items"]] == [door["id"]]
    # somebody else saw the first version
    for method, body in (("PATCH", {"note": "x"}), ("DELETE", None)):
        late = ask(planner, method, url, body, **{"If-Match": '"1"'})
        assert late.status_code == 409 and late.get_json()["code"] == "entrance.version_changed"
    assert ask(planner, "DELETE", url, **{"If-Match": '"2"'}).status_code == 204
    assert planner.get(API).get_json()["items"] == []
    assert ask(planner, "PATCH", url, {"note": "x"}).status_code == 404
    assert session.scalar(text("SELECT entrance FROM building ORDER BY id LIMIT 1")) is None


def test_a_gate_of_a_facility_is_a_change_of_its_circles(
    session: Session, planner: FlaskClient
) -> None:
    lon, lat = session.execute(
        text("SELECT ST_X(c), ST_Y(c) FROM facility, ST_Centroid(geom) c WHERE code = 'c1'")
    ).one()
    last = text("SELECT max(id) FROM demand_change")
    before = session.scalar(last)
    gate = {"owner": "facility", "owner_code": "c1", "lon": lon, "lat": lat, "crs": "cgcs2000"}
    assert ask(planner, "POST", API, gate | {"kind": "gate"}).status_code == 201
    assert session.scalar(last) > before


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"lon": 200.0}, 422, None),
        ({"lon": 106.9}, 422, "entrance.too_far"),
        ({"crs": "mars"}, 422, None),
        ({"kind": "window"}, 422, "field.none_of"),
        ({"hours": "sometimes"}, 422, "entrance.hours_unreadable"),
        ({"note": "x" * 501}, 422, None),
        ({"owner_code": "nothing"}, 404, "entrance.no_building"),
        ({"owner": "tree"}, 422, None),
        ({"kind": 3}, 422, None),
    ],
)
def test_what_is_wrong_is_refused(
    session: Session, planner: FlaskClient, change: dict, status: int, code: str | None
) -> None:
    refused = ask(planner, "POST", API, at_home(session) | change)
    assert refused.status_code == status, refused.get_json()
    assert code is None or code in refused.get_data(as_text=True)
    assert session.scalar(text("SELECT count(*) FROM entrance")) == 0


def test_a_planner_of_elsewhere_neither_sees_nor_changes(
    session: Session, town: CheckupTown, client: FlaskClient
) -> None:
    area = (
        "INSERT INTO area (code, level, name, county) VALUES ('520403', 'county', '乙区', '520403')"
    )
    session.execute(text(area))
    number = session.scalar(
        text("""
            INSERT INTO entrance (building_id, kind, geom, source)
            SELECT id, 'main', ST_Centroid(geom), 'osm' FROM building ORDER BY id LIMIT 1
            RETURNING id""")
    )
    stranger = signed_in(client, account(session, "qian", "planner", "520403"))
    assert stranger.get(API).get_json()["items"] == []
    assert ask(stranger, "POST", API, at_home(session)).status_code == 403
    for method, body in (("PATCH", {"note": "x"}), ("DELETE", None)):
        assert ask(stranger, method, f"{API}/{number}", body).status_code == 404
        assert ask(stranger, method, f"{API}/{2**70}", body).status_code == 404
