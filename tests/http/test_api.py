"""The HTTP API: areas, facilities, health, its description; and the service itself, served."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from pydantic import BaseModel
from shapely.geometry import shape
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from gis import crs
from gis.areas.models import Area, Boundary, Revision
from gis.db import allow_boundary_writes, engine, read_only_engine
from gis.facilities.circle_runs import store_run
from gis.facilities.models import Entrance, Facility, ServiceCircle
from gis.network.models import WalkNetwork
from gis.network.store import WalkEdgeRow, replace_network
from gis.ops import cluster
from gis.ops.cluster.setup import unused_port
from gis.ops.replica import Replica
from gis.settings import ROOT, Settings
from tests.support.forked import Forked
from tests.support.served import environment, started
from web.api.areas import schemas as areas_api
from web.api.facilities import schemas as facilities_api
from web.cli.test import BEHIND
from web.http import db, params

SPRING = datetime(2026, 3, 3, tzinfo=UTC)
SUMMER = datetime(2026, 6, 1, tzinfo=UTC)
COMMUNITY = "520402007004"
A, B = COMMUNITY + "001", COMMUNITY + "002"


def square(west: float, east: float) -> str:
    """A clockwise rectangle 0.01 degrees high."""
    return (
        f"SRID=4490;MULTIPOLYGON((({west} 26.23,{west} 26.24,{east} 26.24,{east} 26.23,{west}"
        f" 26.23)))"
    )


@pytest.fixture
def town(session: Session) -> Session:
    """A county with one community of two grids; in summer, grid A gave its eastern half to B."""
    allow_boundary_writes(session)
    initial = Revision(
        title="first", state="published", author="t", effective=SPRING, published_at=SPRING
    )
    second = Revision(
        title="moved",
        state="published",
        author="t",
        reason="new road",
        effective=SUMMER,
        published_at=SUMMER,
    )
    county = Area(code="520402", level="county", name="西秀区", county="520402")
    street = Area(code="520402007", level="street", name="西航街道", county="520402", parent=county)
    community = Area(
        code=COMMUNITY, level="community", name="学苑社区", county="520402", parent=street
    )
    a = Area(code=A, level="grid", name="第一网格", county="520402", parent=community)
    b = Area(code=B, level="grid", name="<b>100%_网格</b>", county="520402", parent=community)
    unit = Area(code=A + "01", level="unit", name="一号", county="520402", parent=a)
    session.add_all([initial, second, county, street, community, a, b, unit])
    session.flush()
    for where, revision, west, east, since, until in (
        (a, initial, 105.94, 105.96, SPRING, SUMMER),
        (b, initial, 105.96, 105.98, SPRING, SUMMER),
        (a, second, 105.94, 105.95, SUMMER, None),
        (b, second, 105.95, 105.98, SUMMER, None),
        *((top, initial, 105.94, 105.98, SPRING, None) for top in (county, street, community)),
    ):
        session.add(
            Boundary(
                area_id=where.id,
                revision_id=revision.id,
                geom=square(west, east),
                valid_time=Range(since, until),
            )
        )
    session.flush()
    return session


@pytest.fixture
def services(town: Session) -> Session:
    """Two clinics and a school; the school is a building with an entrance."""
    town.add_all(
        [
            Facility(
                code="n1",
                category="clinic",
                name="卫生站",
                county="520402",
                geom="SRID=4490;POINT(105.945 26.235)",
            ),
            Facility(
                code="n2",
                category="clinic",
                name="诊所",
                county="520402",
                geom="SRID=4490;POINT(105.955 26.235)",
            ),
            Facility(
                code="w3",
                category="school",
                name="小学",
                county="520402",
                geom=(
                    "SRID=4490;POLYGON((105.97 26.231,105.972 26.231,105.972 26.233,105.97"
                    " 26.233,105.97 26.231))"
                ),
            ),
        ]
    )
    town.flush()
    school = town.scalar(text("SELECT id FROM facility WHERE code = 'w3'"))
    door = "SRID=4490;POINT(105.97 26.232)"
    town.add(Entrance(facility_id=school, kind="main", geom=door, source="osm"))
    town.flush()
    return town


def codes(answer: Any) -> list[str]:
    """The codes of a list's answer."""
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return [item["code"] for item in answer.get_json()["items"]]


def fits(model: type[BaseModel], body: Any) -> None:
    """The body is what the description promises, no field more."""
    model.model_validate(body, extra="forbid")


# areas


def test_areas_are_listed_by_code_so_that_children_follow(
    client: FlaskClient, town: Session
) -> None:
    answer = client.get("/api/v1/areas")
    assert codes(answer) == ["520402", "520402007", COMMUNITY, A, A + "01", B]
    fits(areas_api.AreasOut, answer.get_json())
    assert answer.get_json()["items"][3] | {"revision": 0} == {
        "code": A,
        "level": "grid",
        "name": "第一网格",
        "parent": COMMUNITY,
        "county": "520402",
        "revision": 0,
        "valid_from": "2026-06-01T00:00:00+00:00",
        "valid_to": None,
        "level_zh": "网格",
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("level=grid", [A, B]),
        ("level=unit", [A + "01"]),
        (f"parent={COMMUNITY}", [A, B]),
        (f"parent={COMMUNITY}&level=unit", []),
        (f"q={COMMUNITY}", [COMMUNITY, A, A + "01", B]),
        ("q=第一", [A]),
        ("q=100%25_", [B]),  # a percent sign or underscore means itself
        ("q=1__%25", []),
        ("q=' OR 1=1 --", []),
        ("at=2026-03-01", [A + "01"]),  # before the first boundary only what was never drawn
        ("at=2026-06-01T00:00:00Z&level=grid", [A, B]),
    ],
)
def test_lists_are_narrowed(
    client: FlaskClient, town: Session, query: str, expected: list[str]
) -> None:
    assert codes(client.get(f"/api/v1/areas?{query}")) == expected


def test_pages_hold_every_area_once_whatever_their_size(client: FlaskClient, town: Session) -> None:
    whole = codes(client.get("/api/v1/areas"))
    for limit in range(1, 8):
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            answer = client.get(
                f"/api/v1/areas?limit={limit}" + (f"&cursor={cursor}" if cursor else "")
            )
            page = codes(answer)
            assert 1 <= len(page) <= limit
            seen += page
            cursor = answer.get_json()["next"]
        assert seen == whole


def test_a_page_goes_on_behind_its_cursor_when_areas_are_added_before_it(
    client: FlaskClient, town: Session
) -> None:
    payload = client.get("/api/v1/areas?limit=2").get_json()
    town.add(Area(code="110108", level="county", name="早", county="110108"))
    town.flush()
    assert codes(client.get(f"/api/v1/areas?limit=1&cursor={payload['next']}")) == [COMMUNITY]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("level=planet", "level"),
        ("cursor=%25%25", "cursor"),
        ("cursor=AAAA", "cursor"),
        ("cursor=", "cursor"),
        ("at=yesterday", "at"),
        ("at=20261", "at"),
        ("at=0001-01-01", "at"),
        ("at=2026-13-01", "at"),
    ],
)
def test_wrong_questions_name_the_field(
    client: FlaskClient, town: Session, query: str, field: str
) -> None:
    answer = client.get(f"/api/v1/areas?{query}")
    assert answer.status_code == 422
    assert [error["field"] for error in answer.get_json()["errors"]] == [field]


def test_an_area_says_what_stands_above_and_below(client: FlaskClient, town: Session) -> None:
    answer = client.get(f"/api/v1/areas/{A}")
    body = answer.get_json()
    fits(areas_api.AreaDetailOut, body)
    assert [item["code"] for item in body["above"]] == ["520402", "520402007", COMMUNITY]
    assert body["children"] == 1
    assert body["bbox"] == pytest.approx([105.94, 26.23, 105.95, 26.24])
    assert body["area_m2"] == pytest.approx(
        999.6 * 1108, rel=0.01
    )  # 0.01 by 0.01 degrees at 26.2 N
    assert 105.94 < body["point"][0] < 105.95 and 26.23 < body["point"][1] < 26.24
    assert "geometry" not in body


@pytest.mark.parametrize(
    "moment", ["2026-04-01", "2026-05-31T23:59:59Z", "2026-06-01T07:59:59 08:00"]
)
def test_an_area_is_shown_as_it_was(client: FlaskClient, town: Session, moment: str) -> None:
    body = client.get(f"/api/v1/areas/{A}?at={moment}").get_json()
    assert body["bbox"][2] == pytest.approx(105.96)
    assert body["valid_to"] == "2026-06-01T00:00:00+00:00"


@pytest.mark.parametrize(
    "ask", [{"query_string": {"geometry": "true"}}, {"headers": {"Accept": "application/geo+json"}}]
)
def test_a_shape_is_a_geojson_feature_longitude_first(
    client: FlaskClient, town: Session, ask: dict[str, Any]
) -> None:
    answer = client.get(f"/api/v1/areas/{A}", **ask)
    assert answer.mimetype == "application/geo+json"
    body = answer.get_json()
    assert (body["type"], body["id"]) == ("Feature", A)
    assert "crs" not in body and "crs" not in body["geometry"]
    drawn = shape(body["geometry"])
    assert drawn.bounds == pytest.approx((105.94, 26.23, 105.95, 26.24))
    assert all(part.exterior.is_ccw for part in drawn.geoms)  # RFC 7946, 3.1.6; stored clockwise
    assert body["bbox"] == pytest.approx(drawn.bounds)
    fits(areas_api.AreaDetailOut, body["properties"])


def test_an_area_without_a_shape_is_a_feature_without_geometry(
    client: FlaskClient, town: Session
) -> None:
    body = client.get(f"/api/v1/areas/{A}01?geometry=1").get_json()
    assert body["geometry"] is None
    assert body["properties"]["area_m2"] is None and body["properties"]["revision"] is None


def test_children_are_those_directly_under(client: FlaskClient, town: Session) -> None:
    assert codes(client.get(f"/api/v1/areas/{COMMUNITY}/children")) == [A, B]
    assert codes(client.get(f"/api/v1/areas/{A}01/children")) == []


@pytest.mark.parametrize(
    "path", ["areas/no", "areas/no/children", "areas/no/history", "areas?parent=no"]
)
def test_unknown_areas_are_404_by_name(client: FlaskClient, town: Session, path: str) -> None:
    answer = client.get(f"/api/v1/{path}")
    assert answer.status_code == 404
    assert "there is no area with code" in answer.get_json()["detail"]


@pytest.mark.parametrize(
    "path",
    ["areas/%00", "areas?q=%00", "areas?parent=a%00b", "facilities/%00", "facilities?area=%00"],
)
def test_text_that_no_database_can_hold_is_refused(
    client: FlaskClient, town: Session, path: str
) -> None:
    assert client.get(f"/api/v1/{path}").status_code == 422


def test_an_area_that_did_not_stand_then_says_when_it_does(
    client: FlaskClient, town: Session
) -> None:
    answer = client.get(f"/api/v1/areas/{A}?at=2026-01-01")
    assert answer.status_code == 404
    assert "2026-03-03" in answer.get_json()["detail"]


def test_a_retired_area_leaves_the_lists_and_keeps_its_past(
    client: FlaskClient, town: Session
) -> None:
    town.execute(text("UPDATE area SET retired_at = '2026-09-01Z' WHERE code = :code"), {"code": B})
    assert codes(client.get("/api/v1/areas?level=grid")) == [A]
    assert codes(client.get("/api/v1/areas?level=grid&at=2026-08-31")) == [A, B]
    assert client.get(f"/api/v1/areas/{COMMUNITY}").get_json()["children"] == 1
    assert "retired" in client.get(f"/api/v1/areas/{B}").get_json()["detail"]
    assert client.get(f"/api/v1/areas/{B}/history").status_code == 200


def test_history_tells_every_shape_and_change_and_nobodys_name(
    client: FlaskClient, town: Session
) -> None:
    town.execute(
        text(
            "SELECT set_config('wangge.who', '张三', true), set_config('wangge.why', '改名', true)"
        )
    )
    town.execute(text("UPDATE area SET name = '新名' WHERE code = :code"), {"code": A})
    answer = client.get(f"/api/v1/areas/{A}/history")
    body = answer.get_json()
    fits(areas_api.HistoryOut, body)
    assert [
        (boundary["title"], boundary["valid_from"][:10]) for boundary in body["boundaries"]
    ] == [
        ("first", "2026-03-03"),
        ("moved", "2026-06-01"),
    ]
    assert body["boundaries"][0]["area_m2"] == pytest.approx(
        2 * body["boundaries"][1]["area_m2"], rel=1e-3
    )
    [change] = body["changes"]
    assert (change["field"], change["old"], change["new"], change["why"]) == (
        "name",
        "第一网格",
        "新名",
        "改名",
    )
    assert "张三" not in answer.get_data(as_text=True)


def test_a_change_of_parent_is_told_by_code(client: FlaskClient, town: Session) -> None:
    town.execute(
        text("UPDATE area SET parent_id = (SELECT id FROM area WHERE code = :b) WHERE code = :u"),
        {"b": B, "u": A + "01"},
    )
    [change] = client.get(f"/api/v1/areas/{A}01/history").get_json()["changes"]
    assert (change["field"], change["old"], change["new"]) == ("parent", A, B)


def test_reads_are_kept_and_checked(client: FlaskClient, town: Session) -> None:
    response = client.get(f"/api/v1/areas/{A}")
    assert response.headers["Cache-Control"] == "private, no-cache"
    again = client.get(f"/api/v1/areas/{A}", headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    town.execute(text("UPDATE area SET name = 'x' WHERE code = :code"), {"code": A})
    assert (
        client.get(
            f"/api/v1/areas/{A}", headers={"If-None-Match": response.headers["ETag"]}
        ).status_code
        == 200
    )


# facilities


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["n1", "n2", "w3"]),
        ("category=clinic", ["n1", "n2"]),
        ("bbox=105.95,26.23,105.98,26.24", ["n2", "w3"]),
        ("bbox=105.9719,26.2329,105.98,26.24", ["w3"]),  # touches its building, not its entrance
        (f"area={A}", ["n1"]),
        (f"area={A}&at=2026-04-01", ["n1", "n2"]),
        (f"area={COMMUNITY}&category=school", ["w3"]),
        (f"area={A}01", []),
        ("limit=1&cursor=bjE", ["n2"]),
    ],
)
def test_facilities_are_narrowed(
    client: FlaskClient, services: Session, query: str, expected: list[str]
) -> None:
    answer = client.get(f"/api/v1/facilities?{query}")
    assert codes(answer) == expected
    fits(facilities_api.FacilitiesOut, answer.get_json())


@pytest.mark.parametrize(
    "box",
    [
        "",
        "1,2,3",
        "1,2,3,4,5",
        "a,b,c,d",
        "nan,26,106,27",
        "106,26,105,27",
        "105,27,106,26",
        "-181,0,1,1",
        "26,105,27,106",
    ],
)
def test_wrong_rectangles_are_refused(client: FlaskClient, services: Session, box: str) -> None:
    answer = client.get(f"/api/v1/facilities?bbox={box}")
    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["field"] == "bbox"


def test_unknown_categories_are_answered_with_the_known(
    client: FlaskClient, services: Session
) -> None:
    answer = client.get("/api/v1/facilities?category=pub")
    assert answer.status_code == 422
    assert "clinic" in answer.get_json()["detail"]


def test_a_facility_stands_at_its_entrance(client: FlaskClient, services: Session) -> None:
    body = client.get("/api/v1/facilities/w3").get_json()
    fits(facilities_api.FacilityOut, body)
    assert (body["lon"], body["lat"]) == pytest.approx((105.97, 26.232))
    assert body["category_zh"] == "学校"


@pytest.mark.parametrize("path", ["facilities/no", "facilities/no/circle", "facilities?area=no"])
def test_unknown_facilities_are_404(client: FlaskClient, services: Session, path: str) -> None:
    assert client.get(f"/api/v1/{path}").status_code == 404


def test_a_stored_circle_is_answered_as_it_is(client: FlaskClient, services: Session) -> None:
    clinic = services.execute(text("SELECT id FROM facility WHERE code = 'n1'")).scalar_one()
    services.add(WalkNetwork(version="v1", nodes=0, edges=0, source="t"))
    services.add(
        ServiceCircle(
            facility_id=clinic,
            profile="adult",
            minutes=15,
            speed_m_s=1.25,
            network_version="v1",
            origin_digest="d",
            off_network=False,
            households=120,
            people=333,
            geom=square(105.94, 105.95),
        )
    )
    services.flush()
    # as if by a run of later: the log has this transaction, which is none of its own snapshot
    store_run(services, "adult", "v1", "999999999:999999999:")
    answer = client.get("/api/v1/facilities/n1/circle")
    assert (answer.status_code, answer.mimetype) == (200, "application/geo+json")
    body = answer.get_json()
    fits(facilities_api.CircleOut, body)
    [feature] = body["features"]
    assert shape(feature["geometry"]).bounds == pytest.approx((105.94, 26.23, 105.95, 26.24))
    assert (feature["properties"]["households"], feature["properties"]["people"]) == (120, 333)
    assert (feature["properties"]["network_version"], feature["properties"]["speed"]) == (
        "v1",
        1.25,
    )


@pytest.fixture
def street(services: Session) -> Session:
    """A street of about 3 km past both clinics, and a lane of 300 m from its end to the school's
    entrance.
    """
    places = [(105.94, 26.2351), (105.955, 26.2351), (105.97, 26.2351), (105.97, 26.232)]
    edges = [
        WalkEdgeRow(i, i, i + 1, [places[i], places[i + 1]], "residential", "", False, "")
        for i in range(3)
    ]
    replace_network(services, [(i, *location) for i, location in enumerate(places)], edges, "t")
    return services


def test_a_circle_that_is_not_stored_is_computed(client: FlaskClient, street: Session) -> None:
    answer = client.get("/api/v1/facilities/n2/circle?minutes=5")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    body = answer.get_json()
    fits(facilities_api.CircleOut, body)
    [feature] = body["features"]
    west, _, east, _ = shape(feature["geometry"]).bounds
    reach = (
        5 * 60 * 1.25 - 11
    ) / 99_600  # metres along the street, in degrees of longitude at 26.2 N
    assert (west, east) == pytest.approx((105.955 - reach, 105.955 + reach), abs=0.0003)
    assert len(feature["properties"]["network_version"]) > 8


def test_a_circle_of_an_older_network_is_not_answered(client: FlaskClient, street: Session) -> None:
    clinic = street.execute(text("SELECT id FROM facility WHERE code = 'n1'")).scalar_one()
    street.add(
        ServiceCircle(
            facility_id=clinic,
            profile="adult",
            minutes=15,
            speed_m_s=1.25,
            network_version="old",
            origin_digest="d",
            off_network=False,
            households=120,
            people=333,
            geom=square(105.94, 105.95),
        )
    )
    street.flush()
    [feature] = client.get("/api/v1/facilities/n1/circle").get_json()["features"]
    assert (
        feature["properties"]["households"],
        feature["properties"]["network_version"] == "old",
    ) == (
        0,
        False,
    )


def test_without_streets_circles_and_nearest_are_503(
    client: FlaskClient, services: Session
) -> None:
    for path in ("n1/circle", "nearest?lon=105.945&lat=26.235&crs=wgs84"):
        answer = client.get(f"/api/v1/facilities/{path}")
        assert answer.status_code == 503
        assert "walking network" in answer.get_json()["detail"]


def test_the_nearest_of_each_category_is_told_with_its_walk(
    client: FlaskClient, street: Session
) -> None:
    answer = client.get(
        "/api/v1/facilities/nearest?lon=105.947&lat=26.2351&crs=cgcs2000&minutes=60"
    )
    body = answer.get_json()
    fits(facilities_api.NearestOut, body)
    clinic, school = body["items"]
    assert (clinic["code"], clinic["category_zh"], school["code"]) == ("n1", "卫生服务", "w3")
    assert clinic["walk_m"] == pytest.approx(0.002 * 99_900 + 11, abs=2)
    assert clinic["minutes"] == pytest.approx(clinic["walk_m"] / 75, abs=0.1)
    payload = client.get(
        "/api/v1/facilities/nearest?lon=105.947&lat=26.2351&crs=cgcs2000&minutes=5"
    ).get_json()
    assert [item["code"] for item in payload["items"]] == ["n1"]


def test_the_same_place_in_another_system_has_the_same_nearest(
    client: FlaskClient, street: Session
) -> None:
    lon, lat = crs.from_storage(105.947, 26.2351, "gcj02")
    answer = [
        client.get(f"/api/v1/facilities/nearest?lon={x}&lat={y}&crs={name}").get_json()["items"][0][
            "walk_m"
        ]
        for x, y, name in ((105.947, 26.2351, "cgcs2000"), (lon, lat, "gcj02"))
    ]
    assert answer[0] == pytest.approx(answer[1], abs=0.2)


@pytest.mark.parametrize("query", ["minutes=0", "minutes=61", "minutes=x", "profile=bird"])
def test_wrong_circles_are_refused(client: FlaskClient, services: Session, query: str) -> None:
    assert client.get(f"/api/v1/facilities/n1/circle?{query}").status_code == 422


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("lon=105.95&lat=26.23", "crs"),
        ("lat=26.23&crs=wgs84", "lon"),
        ("lon=105.95&lat=26.23&crs=epsg", "crs"),
        ("lon=nan&lat=26.23&crs=wgs84", "lon"),
        ("lon=26.23&lat=105.95&crs=wgs84", "lon"),
        ("lon=2.35&lat=48.85&crs=gcj02", "crs"),
        ("lon=105.95&lat=26.23&crs=wgs84&minutes=0", "minutes"),
    ],
)
def test_nearest_needs_a_place_with_its_system(
    client: FlaskClient, services: Session, query: str, field: str
) -> None:
    answer = client.get(f"/api/v1/facilities/nearest?{query}")
    assert answer.status_code == 422
    assert field in {error["field"] for error in answer.get_json()["errors"]}


# sessions


def test_a_request_that_reads_cannot_write(
    app: APIFlask, settings: Settings, database_url: str, session: Session
) -> None:
    private = db.session_factory(database_url)
    with private(True) as reading, pytest.raises(Exception, match="read-only transaction"):
        reading.execute(text("DELETE FROM leave"))
    with private(False) as writing:
        writing.execute(text("DELETE FROM leave"))
        writing.rollback()


@pytest.mark.skipif(
    os.environ.get(BEHIND) == "pgbouncer", reason="behind a pooler nothing is prepared"
)
def test_what_is_prepared_for_writing_outlasts_what_reads_between(
    app: APIFlask, database_url: str
) -> None:
    url = f"{database_url}&application_name=prepared"  # pools of their own
    private = db.session_factory(url)
    for _ in range(8):  # a statement is prepared when it is sent the sixth time
        with private(False) as writing:
            writing.execute(text("SELECT 1 AS prepared_or_not"))
            writing.commit()
        with private(True) as reading:
            reading.execute(text("SELECT 1"))
    query = text("SELECT count(*) FROM pg_prepared_statements WHERE statement ~ 'or_not$'")
    with private(False) as writing:
        assert writing.scalar(query) == 1
    for pool in (engine(url), read_only_engine(url)):
        pool.dispose()


def test_what_anybody_reads_goes_to_the_replica_and_nothing_else(
    app: APIFlask, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Replica, "is_usable", lambda _: True)
    replica = Replica(f"{database_url}&application_name=replica", database_url)
    opens = db.session_factory(database_url, replica)

    def is_there(reading: bool, path: str, **headers: str) -> bool:
        with app.test_request_context(path, headers=headers), opens(reading) as opened:
            return "replica" in str(opened.get_bind().engine.url)

    assert is_there(True, "/ogc/collections")
    assert not is_there(False, "/ogc/collections")
    assert not is_there(True, "/ogc/collections", Authorization="Bearer a")
    assert not is_there(True, "/ogc/collections", Cookie="wangge_session=a")
    assert is_there(True, "/ogc/collections", Cookie="wangge_lang=en")
    for path in ("/api/v1/incidents", "/track/x", "/api/v1/photos/x", "/account", "/healthz"):
        assert not is_there(True, path), path
    read_only_engine(replica.url).dispose()


def test_a_replica_that_died_is_stepped_over(
    app: APIFlask, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    replica = Replica("postgresql://a@127.0.0.1:1/replica", database_url)
    steps = []
    monkeypatch.setattr(replica, "is_usable", lambda: True)
    monkeypatch.setattr(replica, "step_over", lambda: steps.append(1))
    with (
        app.test_request_context("/ogc/"),
        db.session_factory(database_url, replica)(True) as opened,
    ):
        assert opened.scalar(text("SELECT 1")) == 1
    assert steps == [1]


def test_a_request_that_asks_nothing_opens_no_session(app: APIFlask) -> None:
    def none(_: bool) -> Session:
        raise AssertionError("a session was opened")

    private, app.config["SESSION_FACTORY"] = app.config["SESSION_FACTORY"], none
    try:
        assert app.test_client().get("/healthz").status_code == 200
    finally:
        app.config["SESSION_FACTORY"] = private


# parameters


def test_times_are_local_unless_they_say_otherwise(app: APIFlask) -> None:
    shanghai = ZoneInfo("Asia/Shanghai")
    with app.app_context():
        assert params.parse_datetime("2026-03-03") == datetime(2026, 3, 3, tzinfo=shanghai)
        assert params.parse_datetime("2026-03-03T10:00") == datetime(
            2026, 3, 3, 10, tzinfo=shanghai
        )
        assert params.parse_datetime("2026-03-03T10:00Z") == datetime(2026, 3, 3, 10, tzinfo=UTC)
        assert params.parse_datetime("2026-03-03T10:00 08:00") == params.parse_datetime(
            "2026-03-03T10:00+08:00"
        )


@pytest.mark.parametrize("key", ["a", "520402007004001", "第一", "x" * 200, "a?b&c=d/é"])
def test_a_cursor_comes_back_as_the_key_it_was(key: str) -> None:
    assert params.decode_cursor(params.encode_cursor(key)) == key
    assert re.fullmatch(r"[\w-]+", params.encode_cursor(key))


# running it


def test_readiness_names_what_is_missing(client: FlaskClient, session: Session) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert [error["field"] for error in answer.get_json()["errors"]] == ["areas"]
    assert client.get("/healthz").status_code == 200


def test_ready_when_areas_are_loaded_and_the_schema_is_ours(
    client: FlaskClient, town: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = client.get("/readyz").get_json()
    assert ready["status"] == "ready" and ready["free_bytes"] > 1_000_000
    roomy = client.application.config["SETTINGS"]
    monkeypatch.setitem(
        client.application.config, "SETTINGS", replace(roomy, min_free_mb=100_000_000)
    )
    full = client.get("/readyz")
    assert full.status_code == 503 and full.get_json()["errors"][0]["field"] == "disk"
    assert full.get_json()["free_bytes"] > 0
    monkeypatch.setitem(client.application.config, "SETTINGS", roomy)
    monkeypatch.setattr("web.service.health.newest_migration", lambda: "later")
    assert [error["field"] for error in client.get("/readyz").get_json()["errors"]] == ["schema"]


def test_figures_count_by_route_and_hold_no_places(client: FlaskClient, town: Session) -> None:
    client.get(f"/api/v1/areas/{A}?at=2026-04-01")
    client.open("/healthz", method="BREW")
    data = client.get("/metrics").get_data(as_text=True)
    assert re.search(
        r'wangge_requests_total\{endpoint="areas.area",method="GET",status="200"\} [1-9]', data
    )
    assert 'method="other"' in data and "BREW" not in data
    assert A not in data and "2026-04-01" not in data


def test_the_description_is_valid_openapi(client: FlaskClient) -> None:
    validate = pytest.importorskip("openapi_spec_validator").validate
    validate(client.get("/openapi.json").get_json())


@pytest.mark.parametrize(
    ("operation", "headers"),
    [
        ("post /api/v1/incidents", ["Idempotency-Key"]),
        (
            "post /api/v1/incidents/{incident_id}/moves",
            ["Idempotency-Key", "If-Match", "X-Tracking-Secret"],
        ),
        ("get /api/v1/incidents/{incident_id}/track", ["X-Tracking-Secret"]),
        ("post /api/v1/revisions", ["Idempotency-Key"]),
        ("patch /api/v1/facilities/{code}", ["If-Match"]),
        (
            "post /api/v1/devices/{code}/alarms",
            ["X-Wangge-Timestamp", "X-Wangge-Signature"],
        ),
        ("get /api/v1/events", ["Last-Event-ID"]),
        ("get /api/v1/locate", []),
    ],
)
def test_the_description_names_the_headers_that_are_read(
    client: FlaskClient, operation: str, headers: list[str]
) -> None:
    method, path = operation.split()
    parameters = client.get("/openapi.json").get_json()["paths"][path][method]["parameters"]
    assert [each["name"] for each in parameters if each["in"] == "header"] == headers


def test_the_description_holds_every_address_of_the_api(app: APIFlask, client: FlaskClient) -> None:
    spec = client.get("/openapi.json", headers={"Host": "evil.example"}).get_json()
    assert spec["openapi"].startswith("3.1")
    assert "evil" not in json.dumps(spec["servers"])
    rules = {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule) for rule in app.url_map.iter_rules()}
    assert {rule for rule in rules if rule.startswith("/api/")} <= set(spec["paths"])
    operations = [operation for path in spec["paths"].values() for operation in path.values()]
    assert all(operation["summary"] and operation["responses"] for operation in operations)
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))
    referred = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(spec)))
    assert referred <= set(spec["components"]["schemas"])
    errors = [
        (status, response)
        for operation in operations
        for status, response in operation["responses"].items()
        if status >= "400"
    ]
    assert errors and all(
        list(response["content"]) == ["application/problem+json"] for _, response in errors
    )


def test_the_docs_load_from_here_alone(client: FlaskClient) -> None:
    page = client.get("/docs")
    data = page.get_data(as_text=True)
    loaded = re.findall(r'(?:src|href)="([^"]*)"', data)
    assert len(loaded) >= 3
    for address in loaded:
        assert not re.match(r"(https?:)?//", address), address
        if address.startswith("/static/"):
            assert client.get(address).status_code == 200, address
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "unsafe-eval" not in page.headers["Content-Security-Policy"]


# the service


@pytest.fixture(scope="module")
def served(
    addresses: cluster.DatabaseUrls, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Forked, Path]]:
    """`serve` with two workers on the throw-away database; its address, process and log."""
    folder = tmp_path_factory.mktemp("served")
    port = unused_port()
    env = environment(folder) | {"DATABASE_URL": addresses.app}
    with started(port, env, folder / "log", "--no-jobs", path="/healthz") as process:
        yield f"http://127.0.0.1:{port}", process, folder / "log"


def fetch(address: str) -> tuple[int, str]:
    """Status and body."""
    try:
        with urllib.request.urlopen(address, timeout=120) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_two_workers_serve_and_add_up_their_figures(
    served: tuple[str, Forked, Path],
) -> None:
    base, _, log = served
    for _ in range(20):
        assert fetch(base + "/api/v1/areas/none?at=2026-04-01")[0] == 404
    visible = fetch(base + "/metrics")[1]
    assert 'wangge_requests_total{endpoint="areas.area",method="GET",status="404"} 20.0' in visible
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    assert sum(line.get("route") == "/api/v1/areas/<code>" for line in lines) == 20
    assert "2026-04-01" not in log.read_text()


def memory_kb(process: int) -> dict[str, int]:
    """What the kernel says of the memory of a process, by name."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]
    return {line.split(":")[0]: int(line.split()[1]) for line in lines}


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="no /proc of Linux")
def test_workers_share_the_memory_of_the_server(served: tuple[str, Forked, Path]) -> None:
    # the server of tests is itself started by a process whose children would share nothing
    server = served[1].pid
    workers = Path(f"/proc/{server}/task/{server}/children").read_text().split()
    assert len(workers) == 2
    for memory in map(memory_kb, map(int, workers)):
        assert memory["Private_Dirty"] < memory["Rss"] / 2


def test_workers_do_not_share_a_connection(
    served: tuple[str, Forked, Path],
) -> None:
    base, _, log = served
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(fetch, [base + "/api/v1/areas/none", base + "/api/v1/areas?level=grid"] * 150)
        )
    assert {(status, body[:9]) for status, body in answers} == {
        (404, '{"type":"'),
        (200, '{"items":'),
    }
    assert "exception" not in log.read_text()


def test_a_taken_port_is_one_clear_sentence(
    served: tuple[str, Forked, Path],
    addresses: cluster.DatabaseUrls,
    tmp_path: Path,
) -> None:
    port = served[0].rsplit(":", 1)[1]
    env = {
        "PATH": "/usr/bin:/bin",
        "DATABASE_URL": addresses.app,
        "WANGGE_VAR": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-m", "web", "serve", "--port", port],
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and f":{port}" in done.stderr and "--port" in done.stderr


def test_a_stop_is_graceful(served: tuple[str, Forked, Path]) -> None:
    _, process, log = served
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 0
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize(
    "address",
    [
        "/api/v1/locate?lon=1_05.95&lat=26.23&crs=wgs84",
        "/api/v1/areas?limit=1_0",
        "/api/v1/facilities?bbox=1_05,26,106,27",
        "/api/v1/nearby?lon=105.95&lat=2_6.23&crs=wgs84",
    ],
)
def test_an_underscore_makes_no_number(client, address):
    refused = client.get(address)
    assert refused.status_code == 422, refused.text
    assert client.get(address.replace("_", "")).status_code != 422
