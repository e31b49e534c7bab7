"""OGC API – Features: the requirements of Parts 1 to 3 that it declares, and ready-made clients."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import quote

import geopandas
import pyogrio
import pytest
import shapely
from flask.testing import FlaskClient
from owslib.ogcapi.features import Features
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import allow_boundary_writes
from tests.support import build
from tests.support.served import Deployment
from web.ogc.schemas import CONFORMANCE, CRS84, STORAGE_CRS

pytestmark = pytest.mark.usefixtures("town")
SIDE, LON, LAT = build.SIDE, build.LON, build.LAT
ITEMS = "/ogc/collections/grids/items"
MOVED = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def town(session: Session) -> build.Town:
    """Twelve grids in a row; the border between the first two moved east at the start of 2026."""
    town = build.Town(session)
    for column in range(2, 12):
        town.grid(f"{column + 1:03}", column)
    a, b = (
        town.area("grid", f"{town.community.code}{n}", f"第{n}网格", town.community)
        for n in ("001", "002")
    )
    town.boundary(a, build.square(LON, LAT), end=MOVED)
    town.boundary(b, build.square(LON + SIDE, LAT), end=MOVED)
    town.boundary(a, build.square(LON, LAT, 1.5 * SIDE, SIDE), start=MOVED)
    town.boundary(b, build.square(LON + 1.5 * SIDE, LAT, 0.5 * SIDE, SIDE), start=MOVED)
    town.building("1号楼", 0.0001, 0.0001, estate="桂花苑", code="b-1")
    town.building("2号楼", 0.0005, 0.0001, estate="金桂园", code="b-2")
    session.flush()
    return town


def get(client: FlaskClient, path: str, status: int = 200):
    response = client.get(path)
    assert response.status_code == status, response.text
    return response


def codes(document) -> list[str]:
    return [feature["id"][-3:] for feature in document["features"]]


# --- Part 1, core ---------------------------------------------------------------------------------


def test_every_link_of_the_documents_leads_somewhere(client):
    landing = get(client, "/ogc/").json
    assert {"self", "service-desc", "service-doc", "conformance", "data"} == {
        one["rel"] for one in landing["links"]
    }
    assert get(client, "/ogc/conformance").json["conformsTo"] == [*CONFORMANCE]
    collections = get(client, "/ogc/collections").json["collections"]
    assert [one["id"] for one in collections] == [
        *("counties", "streets", "communities", "grids", "units", "buildings"),
        *("facilities", "circles"),
    ]
    described = [get(client, f"/ogc/collections/{one['id']}").json for one in collections]
    assert described == collections
    for document in (landing, *collections):
        for one in document["links"]:
            response = client.get(one["href"].removeprefix("http://localhost"))
            assert response.status_code == 200, one
            assert response.mimetype == one["type"].split(";")[0] or "openapi" in one["type"], one
    grids = next(one for one in collections if one["id"] == "grids")
    assert grids["extent"]["temporal"]["interval"] == [["2020-01-01T00:00:00Z", None]]
    assert grids["extent"]["spatial"]["bbox"] == [
        pytest.approx([LON, LAT, LON + 12 * SIDE, LAT + SIDE], abs=1e-6)
    ]


def test_pages_follow_each_other_and_hold_everything_once(client):
    path, seen, pages = f"{ITEMS}?limit=5", [], 0
    while path:
        document = get(client, path).json
        assert document["numberMatched"] == 12
        assert document["numberReturned"] == len(document["features"])
        seen, pages = seen + codes(document), pages + 1
        links = {one["rel"]: one["href"] for one in document["links"]}
        path = links.get("next", "").removeprefix("http://localhost")
    assert pages == 3 and seen == [f"{n:03}" for n in range(1, 13)]


def test_a_box_selects_what_touches_it_in_either_system(client):
    west, south, east, north = (
        LON + 2.5 * SIDE,
        LAT + 0.1 * SIDE,
        LON + 3.5 * SIDE,
        LAT + 0.9 * SIDE,
    )
    document = get(client, f"{ITEMS}?bbox={west},{south},{east},{north}").json
    assert codes(document) == ["003", "004"]
    with_heights = f"{west},{south},-5,{east},{north},5"
    assert get(client, f"{ITEMS}?bbox={with_heights}").json == document | {
        "links": get(client, f"{ITEMS}?bbox={with_heights}").json["links"]
    }
    swapped = get(
        client, f"{ITEMS}?bbox={south},{west},{north},{east}&bbox-crs={quote(STORAGE_CRS)}"
    )
    assert codes(swapped.json) == ["003", "004"]
    # over 180 degrees: all but what lies between
    around = get(client, f"{ITEMS}?bbox={LON + 11.5 * SIDE},-90,{LON - 1},90").json
    assert codes(around) == ["012"]
    # the edge belongs to the box
    edge, middle = LON + 3 * SIDE, LAT + SIDE / 2
    on_edge = get(client, f"{ITEMS}?bbox={edge - 1e-9},{middle},{edge + 1e-9},{middle}").json
    assert codes(on_edge) == ["003", "004"]
    point = get(client, f"{ITEMS}?bbox={LON},{middle},{LON},{middle}").json
    assert codes(point) == ["001"]


def test_an_instant_and_an_interval_give_the_areas_of_then(client):
    def shape(document, code: str) -> shapely.Geometry:
        found = next(one for one in document["features"] if one["id"].endswith(code))
        return shapely.from_geojson(json.dumps(found["geometry"]))

    then = get(client, f"{ITEMS}?datetime=2025-06-01T00:00:00Z").json
    assert shape(then, "001").bounds[2] == pytest.approx(LON + SIDE)
    now = get(client, ITEMS).json
    assert shape(now, "001").bounds[2] == pytest.approx(LON + 1.5 * SIDE)
    # the newest in the interval, once
    over = get(client, f"{ITEMS}?datetime=2025-06-01T00:00:00Z/2026-06-01T00:00:00Z").json
    assert codes(over) == codes(now) and shape(over, "001").equals(shape(now, "001"))
    before = get(client, f"{ITEMS}?datetime=../2025-06-01T00:00:00%2B08:00").json
    assert shape(before, "002").bounds[0] == pytest.approx(LON + SIDE)
    assert codes(get(client, f"{ITEMS}?datetime=../2019-01-01T00:00:00Z").json) == []
    assert len(codes(get(client, f"{ITEMS}?datetime=2019-01-01T00:00:00Z/..").json)) == 12
    first = now["features"][0]["properties"]
    assert (first["valid_from"], first["valid_to"]) == ("2026-01-01T00:00:00Z", None)
    # what is not dated is the same at every moment
    buildings = "/ogc/collections/buildings/items"
    assert codes(get(client, f"{buildings}?datetime=1999-01-01T00:00:00Z").json) == ["b-1", "b-2"]


def test_a_retired_area_is_in_the_interval_in_which_it_was(client, session, town):
    allow_boundary_writes(session)
    query = text(
        "UPDATE boundary SET valid_time = tstzrange(lower(valid_time), '2026-02-01')"
        " WHERE area_id = (SELECT id FROM area WHERE code = :code)"
    )
    session.execute(query, {"code": f"{town.community.code}012"})
    assert "012" not in codes(get(client, ITEMS).json)
    during = f"{ITEMS}?datetime=2026-01-15T00:00:00Z/2026-03-01T00:00:00Z"
    assert "012" in codes(get(client, during).json)
    after = f"{ITEMS}?datetime=2026-02-01T00:00:00Z/2026-03-01T00:00:00Z"
    assert "012" not in codes(get(client, after).json)


def test_one_feature_by_its_code(client, town):
    code = f"{town.community.code}003"
    response = get(client, f"{ITEMS}/{code}")
    assert response.mimetype == "application/geo+json"
    assert response.json["id"] == response.json["properties"]["code"] == code
    assert {one["rel"] for one in response.json["links"]} == {"self", "collection"}
    get(client, f"{ITEMS}/000", 404)
    get(client, "/ogc/collections/nothing/items", 404)
    get(client, "/ogc/collections/nothing", 404)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=x", "limit"),
        ("offset=-1", "offset"),
        ("bbox=", "bbox"),
        ("datetime=", "datetime"),
        ("bbox=1,2,3", "bbox"),
        ("bbox=1,2,3,4,5", "bbox"),
        ("bbox=a,b,c,d", "bbox"),
        ("bbox=nan,0,1,1", "bbox"),
        ("bbox=0,5,1,4", "bbox"),
        ("bbox=0,0,1,91", "bbox"),
        ("bbox=0,0,1,1&bbox-crs=EPSG:4490", "bbox-crs"),
        ("crs=http://www.opengis.net/def/crs/EPSG/0/3857", "crs"),
        ("datetime=yesterday", "datetime"),
        ("datetime=2026-01-02T00:00:00Z/2026-01-01T00:00:00Z", "datetime"),
        ("datetime=../..", "datetime"),
        ("datetime=/", "datetime"),
        ("datetime=2026-01-01/2026-01-02/2026-01-03", "datetime"),
        ("colour=red", "colour"),
        ("geom=x", "geom"),
    ],
)
def test_what_is_wrong_is_400_and_named(client, query, field):
    problem = get(client, f"{ITEMS}?{query}", 400).json
    assert problem["status"] == 400
    assert [one["field"] for one in problem["errors"]] == [field]


def test_an_unknown_parameter_is_answered_with_those_there_are(client):
    code = get(client, f"{ITEMS}?limit=1").json["features"][0]["id"]
    for address, there, absent in (
        (ITEMS, ("bbox-crs", "datetime", "name"), ()),
        (f"{ITEMS}/{code}", ("crs", "lang"), ("bbox", "name")),
    ):
        detail = get(client, f"{address}?colour=red", 400).json["errors"][0]["message"]
        allowed = detail.split("there are ")[1].split(", ")
        assert {*there} <= {*allowed} and not {*absent} & {*allowed}, detail


def test_a_page_longer_than_allowed_is_the_longest(client):
    document = get(client, f"{ITEMS}?limit=1000000").json
    assert document["numberReturned"] == 12


# --- Part 2, coordinate reference systems ---------------------------------------------------------


def test_coordinates_have_the_axes_of_their_system_and_the_answer_says_which(client):
    for crs, axes in ((CRS84, (0, 1)), (STORAGE_CRS, (1, 0))):
        response = get(client, f"{ITEMS}?crs={quote(crs)}&limit=1")
        assert response.headers["Content-Crs"] == f"<{crs}>"
        ring = response.json["features"][0]["geometry"]["coordinates"][0][0]
        assert [ring[0][axis] for axis in axes] == [
            pytest.approx(LON, abs=0.01),
            pytest.approx(LAT, abs=0.01),
        ]
        code = response.json["features"][0]["id"]
        single = get(client, f"{ITEMS}/{code}?crs={quote(crs)}")
        assert single.headers["Content-Crs"] == f"<{crs}>"
        assert single.json["geometry"] == response.json["features"][0]["geometry"]
    assert get(client, ITEMS).headers["Content-Crs"] == f"<{CRS84}>"
    described = get(client, "/ogc/collections/grids").json
    assert described["crs"] == [CRS84, STORAGE_CRS] and described["storageCrs"] == STORAGE_CRS


# --- Part 3, queryables ---------------------------------------------------------------------------


def test_each_queryable_is_a_parameter(client):
    buildings = "/ogc/collections/buildings"
    schema = get(client, f"{buildings}/queryables")
    assert schema.mimetype == "application/schema+json"
    properties = schema.json["properties"]
    assert properties["estate"]["type"] == "string" and properties["floors"]["type"] == "integer"
    assert codes(get(client, f"{buildings}/items?estate={quote('金桂园')}").json) == ["b-2"]
    assert codes(get(client, f"{buildings}/items?code=b-1&estate={quote('金桂园')}").json) == []
    for name in properties:
        get(client, f"{buildings}/items?{name}=1")
    hostile = quote("' OR true --")
    assert codes(get(client, f"{buildings}/items?estate={hostile}").json) == []


def test_an_unchanged_page_is_304(client):
    first = get(client, ITEMS)
    again = client.get(ITEMS, headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304


def test_an_empty_deployment_has_empty_collections(client, session):
    described = get(client, "/ogc/collections/facilities").json
    assert "extent" not in described
    document = get(client, "/ogc/collections/facilities/items").json
    assert (document["numberMatched"], document["features"]) == (0, [])


# --- ready-made clients on a served town ----------------------------------------------------------


@pytest.fixture(scope="module")
def address(served: Deployment) -> Iterator[str]:
    yield f"{served.url}/ogc"


@pytest.mark.xdist_group("served")
def test_owslib_reads_collections_queryables_and_items(address):
    api = Features(f"{address}/")
    assert "grids" in api.feature_collections()
    assert api.collection("grids")["storageCrs"] == STORAGE_CRS
    assert api.collection_queryables("grids")["properties"].keys() >= {"code", "name"}
    first = api.collection_items("grids", limit=3)
    assert first["numberReturned"] == 3 < first["numberMatched"]
    code = first["features"][0]["id"]
    assert api.collection_item("grids", code)["id"] == code
    box = [*shapely.from_geojson(json.dumps(first["features"][0]["geometry"])).bounds]
    inside = api.collection_items("grids", bbox=box, limit=100)
    assert code in [one["id"] for one in inside["features"]]
    assert api.collection_items("facilities", category="hospital", limit=1)["features"]


@pytest.mark.xdist_group("served")
@pytest.mark.parametrize("crs", ["", "EPSG:4490"])
def test_gdal_and_with_it_qgis_reads_every_page_in_either_system(address, crs):
    names = {name for name, _ in pyogrio.list_layers(f"OAPIF:{address}")}
    assert names >= {"grids", "communities", "buildings", "facilities"}
    options = {"PAGE_SIZE": "7"} | ({"CRS": crs} if crs else {})
    grids = geopandas.read_file(f"OAPIF:{address}", layer="grids", engine="pyogrio", **options)
    total = Features(f"{address}/").collection_items("grids", limit=1)["numberMatched"]
    assert len(grids) == total > 7 and grids["code"].is_unique
    west, south, _, _ = grids.total_bounds
    assert 70 < west < 140 and 15 < south < 55  # longitude first in GeoPandas, whatever was sent
    assert grids.geometry.is_valid.all()
