"""A household's quarter of an hour: times, hours, addresses, walks, and what is refused."""

import pytest
import shapely
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis import crs
from gis.db import STORAGE_SRID
from gis.facilities.models import Entrance, Facility
from gis.facilities.nearby import BUILDING_SQL
from gis.network.store import WalkEdgeRow, replace_network
from gis.places.models import Building
from gis.shapes.measure import GEOD
from tests.support.build import many_buildings
from web.api.nearby import schemas
from web.cli import load

PLACE = "lon=105.947&lat=26.2351&crs=cgcs2000"
WALK = "from_lon=105.947&from_lat=26.2351&crs=cgcs2000"


@pytest.fixture
def services(session: Session) -> Session:
    """Two clinics, and a school with an entrance; no streets."""
    ground = "105.97 26.231,105.972 26.231,105.972 26.233,105.97 26.233,105.97 26.231"
    for code, category, name, shape in (
        ("n1", "clinic", "卫生站", "POINT(105.945 26.235)"),
        ("n2", "clinic", "诊所", "POINT(105.955 26.235)"),
        ("w3", "school", "小学", f"POLYGON(({ground}))"),
    ):
        facility = Facility(code=code, category=category, name=name, geom=f"SRID=4490;{shape}")
        session.add(facility)
    session.flush()
    door = "SRID=4490;POINT(105.97 26.232)"
    session.add(Entrance(facility_id=facility.id, kind="main", geom=door, source="osm"))
    session.flush()
    return session


@pytest.fixture
def street(services: Session) -> Session:
    """A street of 3 km past both clinics, and a lane of 300 m to the school's entrance."""
    places = [(105.94, 26.2351), (105.955, 26.2351), (105.97, 26.2351), (105.97, 26.232)]
    edges = [
        WalkEdgeRow(i, i, i + 1, [places[i], places[i + 1]], "residential", "", False, "")
        for i in range(3)
    ]
    replace_network(services, [(i, *location) for i, location in enumerate(places)], edges, "t")
    return services


@pytest.fixture
def homes(street: Session) -> Session:
    """Two buildings of one number in two estates, and hours and a telephone of the near clinic."""
    for i, (estate, lon) in enumerate((("桂花苑", 105.950), ("玉兰苑", 105.960))):
        low, high = lon - 0.0002, lon + 0.0002
        street.add(
            Building(
                code=f"B{i}",
                name="3号楼",
                estate=estate,
                geom=(
                    f"SRID=4490;MULTIPOLYGON((({low} 26.2352,{high} 26.2352,{high} 26.2356,"
                    f"{low} 26.2356,{low} 26.2352)))"
                ),
                entrance=f"SRID=4490;POINT({lon} 26.2352)",
            )
        )
    street.flush()
    street.execute(
        text(
            "UPDATE facility SET opening_hours = '周一至周五 8:30-12:00,14:00-17:30',"
            " contact = '0851-3333', address = '中路1号' WHERE code = 'n1'"
        )
    )
    return street


def get(client: FlaskClient, path: str, status: int = 200):
    answer = client.get(f"/api/v1/{path}")
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.get_json()


def items(body) -> dict[str, dict]:
    return {item["code"]: item for category in body["categories"] for item in category["items"]}


def test_facilities_come_by_category_with_time_hours_and_telephone(client, homes):
    body = get(client, f"nearby?{PLACE}&at=2026-11-26T10:00&minutes=60")
    schemas.NearbyOut.model_validate(body, extra="forbid")
    clinic, dentist, school = (items(body)[code] for code in ("n1", "n2", "w3"))
    assert clinic["walk_m"] == pytest.approx(0.002 * 99_900 + 11, abs=2)
    assert clinic["minutes"] == pytest.approx(clinic["walk_m"] / 75, abs=0.1)
    assert (clinic["within"], dentist["within"], school["within"]) == (5, 15, None)
    assert (clinic["open"], dentist["open"]) == (True, None)
    assert (clinic["telephone"], clinic["address"]) == ("0851-3333", "中路1号")
    groups = {item["category"]: item for item in body["categories"]}
    assert [item["code"] for item in groups["clinic"]["items"]] == ["n1", "n2"]  # nearest first
    assert groups["pharmacy"]["items"] == []
    assert groups["clinic"]["category_zh"] == "卫生服务"
    at_noon = get(client, f"nearby?{PLACE}&at=2026-11-26T13:00")
    assert items(at_noon)["n1"]["open"] is False and "w3" not in items(at_noon)
    assert items(get(client, f"nearby?{PLACE}&at=2026-11-28T10:00"))["n1"]["open"] is False


def test_the_same_place_in_another_system_has_the_same_times(client, homes):
    lon, lat = crs.from_storage(105.947, 26.2351, "gcj02")
    shifted = items(get(client, f"nearby?lon={lon}&lat={lat}&crs=gcj02"))
    plain = items(get(client, f"nearby?{PLACE}"))
    assert shifted.keys() == plain.keys() != set()
    assert shifted["n1"]["walk_m"] == pytest.approx(plain["n1"]["walk_m"], abs=0.3)


def test_an_address_begins_at_the_door_of_its_building(client, homes):
    start = get(client, "nearby?address=桂花苑3号楼2单元501室")["start"]
    assert (start["building"], start["name"]) == ("B0", "桂花苑3号楼")
    assert (start["lon"], start["lat"]) == pytest.approx((105.950, 26.2352))
    # stood on, or the nearer of two that the words may mean
    on = get(client, "nearby?lon=105.96&lat=26.2354&crs=cgcs2000")["start"]
    assert on["building"] == "B1" and on["lat"] == pytest.approx(26.2352)
    nearby = get(client, "nearby?address=3号楼&lon=105.9595&lat=26.2351&crs=cgcs2000")["start"]
    assert nearby["building"] == "B1"
    several = get(client, "nearby?address=3号楼", 404)
    assert several["code"] == "nearby.address_ambiguous" and "玉兰苑3号楼" in several["detail"]
    assert get(client, "nearby?address=北京路7号", 404)["code"] == "nearby.address_unknown"


def test_rings_hold_each_other_and_the_walk_is_as_long_as_its_time_says(client, homes):
    body = get(client, f"nearby/reach?{PLACE}")
    schemas.ReachOut.model_validate(body, extra="forbid")
    wide, middle, small = (shapely.geometry.shape(ring["geometry"]) for ring in body["features"])
    assert [ring["properties"]["minutes"] for ring in body["features"]] == [15, 10, 5]
    assert middle.difference(wide).area < 1e-9 and small.difference(middle).area < 1e-9
    assert small.covers(shapely.Point(105.947, 26.2351))
    for code, facility in items(get(client, f"nearby?{PLACE}&minutes=60")).items():
        walk = get(client, f"walk?{WALK}&to={code}")
        schemas.WalkOut.model_validate(walk, extra="forbid")
        assert walk["properties"]["walk_m"] == facility["walk_m"]
        assert walk["properties"]["minutes"] == facility["minutes"]
        lon, lat = zip(*walk["geometry"]["coordinates"], strict=True)
        assert GEOD.line_length(lon, lat) == pytest.approx(facility["walk_m"], rel=1e-3, abs=0.5)
        assert (lon[0], lat[0]) == pytest.approx((105.947, 26.2351), abs=1e-6)


def test_off_the_network_nothing_is_reached_and_it_says_so(client, homes):
    body = get(client, "nearby?lon=105.947&lat=26.245&crs=cgcs2000")
    assert body["off_network"] and not body["island"] and not items(body)
    assert get(client, "nearby/reach?lon=105.947&lat=26.245&crs=cgcs2000")["features"] == []
    refused = get(client, "walk?from_lon=105.947&from_lat=26.245&crs=cgcs2000&to=n1", 404)
    assert refused["code"] == "walk.start_off_network" and "100 m" in refused["detail"]
    homes.execute(
        text("UPDATE facility SET geom = 'SRID=4490;POINT(105.947 26.25)' WHERE code = 'n1'")
    )
    refused = get(client, f"walk?{WALK}&to=n1", 404)
    assert refused["code"] == "walk.facility_off_network" and "卫生站" in refused["zh"]
    assert get(client, f"walk?{WALK}&to=none", 404)["code"] == "facility.unknown"
    refused = get(client, "walk?from_lon=1070&from_lat=26.2&crs=cgcs2000&to=n1", 422)
    assert refused["errors"][0]["field"] == "from_lon"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "lon"),
        ("lon=105.95&lat=26.23", "crs"),
        ("lat=26.23&crs=wgs84", "lon"),
        ("lon=105.95&crs=wgs84&address=3号楼", "lat"),
        ("lon=105.95&lat=26.23&crs=epsg", "crs"),
        ("lon=nan&lat=26.23&crs=wgs84", "lon"),
        (f"{PLACE}&minutes=61", "minutes"),
        (f"{PLACE}&profile=bird", "profile"),
        (f"{PLACE}&at=noon", "at"),
    ],
)
def test_wrong_questions_are_refused(client, homes, query, field):
    answer = get(client, f"nearby?{query}", 422)
    assert field in {error["field"] for error in answer["errors"]}


def test_without_a_network_it_says_so(client, services):
    assert get(client, f"nearby?{PLACE}", 503)["code"] == "network.not_loaded"


def test_now_is_the_default(client, homes):
    homes.execute(text("UPDATE facility SET opening_hours = '24/7' WHERE code = 'n1'"))
    assert items(get(client, f"nearby?{PLACE}"))["n1"]["open"] is True


def test_answers_say_whether_slopes_count_and_times_follow(
    client: FlaskClient, street: Session
) -> None:
    def ask() -> list[tuple[bool, float]]:
        nearby = client.get(f"/api/v1/nearby?{PLACE}").json
        walk = client.get(f"/api/v1/walk?{WALK}&to=n2").json["properties"]
        minutes = next(c for c in nearby["categories"] if c["category"] == "clinic")["items"][-1]
        return [(nearby["flat"], minutes["minutes"]), (walk["flat"], walk["minutes"])]

    level = ask()
    rise = "UPDATE walk_edge SET rise_m = length_m / 10, fall_m = 0, steepest_pct = 10"
    street.execute(text(rise))
    street.execute(text("UPDATE walk_network SET version = version || '-hills'"))
    sloped = ask()
    assert [flat for flat, _ in (*level, *sloped)] == [True, True, False, False]
    for (_, old), (_, new) in zip(level, sloped, strict=True):
        assert old * 1.15 < new < old * 1.21  # the legs to the street stay level


def test_the_command_takes_a_raster_or_none_of_both() -> None:
    for message in (["elevation"], ["elevation", "--none", __file__]):
        assert CliRunner().invoke(load.command, message).exit_code == 2


def test_a_walk_begins_at_the_best_door(homes: Session, client: FlaskClient) -> None:
    """The building in the middle has a back door, put by a person beside its outline."""

    def minutes() -> tuple[float, float]:
        at = "lon=105.950&lat=26.2352&crs=cgcs2000"
        body = client.get(f"/api/v1/nearby?{at}&minutes=30").get_json()
        start = body["start"]
        to = f"from_lon={start['lon']}&from_lat={start['lat']}&crs=cgcs2000&to=n2"
        walk = client.get(f"/api/v1/walk?{to}").get_json()
        clinics = next(each for each in body["categories"] if each["category"] == "clinic")
        minutes_by_code = {each["code"]: each["minutes"] for each in clinics["items"]}
        return minutes_by_code["n2"], walk["properties"]["minutes"]

    by_main = minutes()
    assert by_main[0] == by_main[1]
    for kind, lon in (("main", 105.950), ("side", 105.9503)):
        homes.execute(
            text("""
                INSERT INTO entrance (building_id, kind, geom, source)
                SELECT id, :kind, ST_SetSRID(ST_MakePoint(:lon, 26.2352), 4490), 'page'
                FROM building WHERE code = 'B0'"""),
            {"kind": kind, "lon": lon},
        )
    by_side = minutes()
    assert by_side[0] == by_side[1] < by_main[0]


@pytest.mark.parametrize("code", [None, "x7"])
def test_the_building_is_found_by_an_index_and_not_among_all(session: Session, code) -> None:
    many_buildings(session)
    place = {"code": code, "lon": 100.5001, "lat": 30.0001, "srid": STORAGE_SRID}
    plan = session.execute(text(f"EXPLAIN {BUILDING_SQL.text}"), place).scalars()
    assert "Seq Scan on building" not in "\n".join(plan)
    assert session.execute(BUILDING_SQL, place).one().code == (code or "x500")
