"""Layers as tiles and GeoJSON, the saved map, and search, on tiny known shapes."""

import json
import re
from datetime import UTC, datetime, timedelta

import mapbox_vector_tile
import pytest
import shapely
from geoalchemy2.shape import from_shape
from sqlalchemy import text

from gis.errors import InvalidInput
from gis.facilities.models import BuildingAccess
from gis.ops.metadata import BasemapFeature, ServiceCircle
from gis.palette import TEXT_COLOURS, text_colour_on
from gis.search import search
from layers import features, icons, saved_map, tiles
from layers.layer import MapView
from layers.registry import LAYERS, TILE_SETS
from layers.service_area import service_layers
from tests.support import build
from tests.support.build import LAT, LON, SIDE, many_buildings
from tests.support.map_things import EVIL, facility, tile_of

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def decoded(session, name, z, x, y, at=NOW):
    data = tiles.tile(session, TILE_SETS[name], z, x, y, at)
    return mapbox_vector_tile.decode(data, default_options={"y_coord_down": True}) if data else {}


def to_degrees(shape, z, x, y):
    """A tile's shape back on the ground."""
    from math import atan, degrees, pi, sinh

    size = 2**z

    def place(column, row):
        return (x + column / 4096) / size * 360 - 180, degrees(
            atan(sinh(pi * (1 - 2 * (y + row / 4096) / size)))
        )

    return shapely.transform(
        shapely.geometry.shape(shape), lambda points: [place(*point) for point in points]
    )


@pytest.fixture
def town(session):
    return build.Town(session)


def test_a_place_is_drawn_at_the_same_numbers_as_from_its_own_system(session):
    of_both = text(
        "SELECT max(ST_Distance(ST_Transform(place, 3857),"
        " ST_Transform(ST_SetSRID(place, :drawn_as), 3857))), count(*)"
        " FROM generate_series(73, 135) lon, generate_series(3, 53) lat,"
        " LATERAL (SELECT ST_SetSRID(ST_MakePoint(lon + 0.123, lat + 0.456), 4490) AS place) p"
    )
    farthest, places = session.execute(of_both, {"drawn_as": tiles.WGS84_SRID}).one()
    assert (farthest, places) == (0.0, 63 * 51)


def test_a_grid_comes_back_from_its_tile_where_it_stands(session, town):
    town.grid("001")
    z, x, y = tile_of(LON + SIDE / 2, LAT + SIDE / 2, 15)
    (feature,) = decoded(session, "grids", z, x, y)["grids"]["features"]
    assert feature["properties"] == {"code": "520402007012001", "name": "第001网格"}
    drawn, true = to_degrees(feature["geometry"], z, x, y), build.square(LON, LAT)
    assert drawn.symmetric_difference(true).area / true.area < 0.01


def test_shapes_are_clipped_to_the_tile_and_a_small_margin(session, town):
    town.grid("001", shape=build.square(LON - 0.2, LAT - 0.2, 0.4))
    result = decoded(session, "grids", *tile_of(LON, LAT, 16))["grids"]["features"][0]["geometry"]
    west, south, east, north = shapely.geometry.shape(result).bounds
    assert (west, south, east, north) == (-64, -64, 4096 + 64, 4096 + 64)


def test_a_name_is_written_once_in_the_whole_map(session, town):
    town.grid("001", shape=build.square(LON - 0.01, LAT - 0.01, 0.02))
    z, x, y = tile_of(LON, LAT, 16)
    labels = sum(
        len(decoded(session, "grids", z, x + i, y + j).get("grids_label", {}).get("features", []))
        for i in range(-3, 4)
        for j in range(-3, 4)
    )
    assert labels == 1


def test_a_tile_holds_what_was_in_force_then(session, town):
    area = town.area("grid", town.community.code + "001", "第001网格", town.community)
    town.boundary(area, build.square(LON, LAT), end=NOW)
    tile = tile_of(LON + SIDE / 2, LAT + SIDE / 2, 15)
    assert decoded(session, "grids", *tile, at=NOW) == {}  # half-open: the end itself is out
    assert (
        len(decoded(session, "grids", *tile, at=NOW - timedelta(seconds=1))["grids"]["features"])
        == 1
    )


def test_a_set_brings_its_layers_in_one_tile(session, town):
    grid = town.grid("001")
    town.boundary(town.community, build.square(LON, LAT))
    facility(session, "n1", "clinic", LON + SIDE / 2, LAT + SIDE / 2, "社区卫生站")
    result = decoded(session, "city", *tile_of(LON + SIDE / 2, LAT + SIDE / 2, 15))
    assert {"grids", "communities", "facilities"} <= set(result)
    assert result["facilities"]["features"][0]["properties"]["category"] == "clinic"
    assert result["grids"]["features"][0]["properties"]["code"] == grid.code


def test_a_facility_with_a_footprint_is_a_point_on_it(session, town):
    created = facility(session, "w1", "school", LON, LAT)
    created.geom = from_shape(build.square(LON, LAT, 0.002), 4490)
    session.flush()
    z, x, y = tile_of(LON + 0.001, LAT + 0.001, 15)
    (feature,) = decoded(session, "facilities", z, x, y)["facilities"]["features"]
    assert feature["geometry"]["type"] == "Point"
    assert build.square(LON, LAT, 0.002).covers(to_degrees(feature["geometry"], z, x, y))


def test_streets_are_graded_and_appear_from_their_zoom(session):
    line = shapely.LineString([(LON, LAT), (LON + 0.001, LAT + 0.001)])
    for subkind, lowest in (("primary", 9), ("footway", 15)):
        session.add(
            BasemapFeature(
                kind="street", subkind=subkind, min_zoom=lowest, geom=from_shape(line, 4490)
            )
        )
    session.flush()

    def classes(z):
        result = decoded(session, "roads", *tile_of(LON + 0.0005, LAT + 0.0005, z))["roads"][
            "features"
        ]
        return {feature["properties"]["class"] for feature in result}

    assert classes(13) == {"main"}
    assert classes(15) == {"main", "path"}


def test_the_tile_asks_the_index_and_not_every_row(session, town):
    """The tile is moved to the table's system; a moved column could not use the index."""
    many_buildings(session)
    queries = tiles.tile_query(TILE_SETS["buildings"], *tile_of(100.5, 30.0001, 15), NOW)
    plan = session.execute(
        text(
            "EXPLAIN "
            + str(queries.compile(session.connection(), compile_kwargs={"literal_binds": True}))
        )
    ).scalars()
    assert "Seq Scan on building" not in "\n".join(plan)


@pytest.mark.parametrize(("z", "x", "y"), [(-1, 0, 0), (21, 0, 0), (3, 8, 0), (3, 0, -1)])
def test_there_is_no_tile_beyond_the_world(session, z, x, y):
    with pytest.raises(InvalidInput, match="there is no tile"):
        tiles.tile(session, TILE_SETS["grids"], z, x, y, NOW)


def test_the_tiles_of_a_zoom_meet_without_a_gap():
    _, south, east, north = tiles.bounds(10, 800, 400)
    assert tiles.bounds(10, 801, 400)[0] == east
    assert tiles.bounds(10, 800, 401)[3] == pytest.approx(south, abs=1e-12)
    assert north > south


def test_geojson_of_a_rectangle_keeps_to_it_and_says_when_there_is_more(session, town):
    for column in range(3):
        town.grid(f"00{column}", column * 2)
    box = (LON - 0.0001, LAT - 0.0001, LON + 2.5 * SIDE, LAT + SIDE)
    result = features.feature_collection(session, LAYERS["grids"], NOW, bbox=box)
    assert [feature["properties"]["code"][-3:] for feature in result["features"]] == ["000", "001"]
    assert not result["truncated"]
    assert features.feature_collection(session, LAYERS["grids"], NOW, bbox=box, limit=1)[
        "truncated"
    ]
    assert shapely.geometry.shape(result["features"][0]["geometry"]).equals(build.square(LON, LAT))


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_every_layer_answers_in_every_form(session, town, layer):
    town.grid("001")
    z = max(layer.zooms.start, 14)
    assert isinstance(tiles.tile(session, (layer,), *tile_of(LON, LAT, z), NOW), bytes)
    assert (
        features.feature_collection(session, layer, NOW, bbox=(105, 26, 106, 27))["type"]
        == "FeatureCollection"
    )
    payload = json.loads(json.dumps(layer.as_json()))
    assert (
        payload["order"] == list(layer.styles) and payload["title"]["zh"] and payload["title"]["en"]
    )


def test_the_pictograms_read_on_every_category_colour():
    def light(colour):
        channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        red, green, blue = (
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    for style in LAYERS["facilities"].styles.values():
        low, high = sorted((light(style.fill), light(style.glyph)))
        assert (high + 0.05) / (low + 0.05) >= 3, style.title  # WCAG 1.4.11
    assert (
        text_colour_on("#000000") == "#ffffff" and text_colour_on("#E69F00") == TEXT_COLOURS["loud"]
    )


def test_circles_are_a_layer_without_those_off_the_network(session, town):
    for code, off in (("n1", False), ("n2", True)):
        created = facility(session, code, "clinic", LON, LAT)
        shape = shapely.MultiPolygon() if off else build.square(LON, LAT)
        session.add(circle_of(created, shape))
    session.flush()
    result = features.feature_collection(session, LAYERS["circles"], NOW, bbox=(105, 26, 106, 27))[
        "features"
    ]
    assert [(item["properties"]["code"], item["properties"]["households"]) for item in result] == [
        ("n1", 5)
    ]


def test_what_a_category_serves_is_one_shape_and_the_homes_beyond_are_others(session, town):
    for number in range(3):
        created = facility(session, f"n{number}", "clinic", LON, LAT)
        session.add(circle_of(created, build.square(LON + number * SIDE / 2, LAT)))
    session.add(
        circle_of(facility(session, "other", "park", LON, LAT), build.square(LON, LAT + 0.1))
    )
    near, far = (
        town.building(name, x, 0.0001, code=name) for name, x in (("近", 0.0001), ("远", 0.0006))
    )
    for building, minutes in ((near, 3.0), (far, 16.0)):
        town.household(building, "101")
        session.add(
            BuildingAccess(
                building_id=building.id,
                profile="adult",
                category="clinic",
                minutes=minutes,
                within_5=0,
                within_10=0,
                within_15=0,
                off_network=False,
            )
        )
    session.flush()
    zxy = tile_of(LON + SIDE, LAT + SIDE / 2, 14)
    layers = service_layers("clinic", 15)
    decoded_tile = mapbox_vector_tile.decode(tiles.tile(session, layers, *zxy, NOW))
    (whole,) = decoded_tile["served"]["features"]
    assert whole["properties"] == {} and whole["geometry"]["type"] == "Polygon"
    assert [item["properties"]["code"] for item in decoded_tile["beyond"]["features"]] == ["远"]
    collection = features.feature_collection(session, layers[0], NOW, bbox=(105, 26, 106, 27))
    (feature,) = collection["features"]
    expected = shapely.union_all([build.square(LON + n * SIDE / 2, LAT) for n in range(3)])
    assert shapely.geometry.shape(feature["geometry"]).equals_exact(expected, 1e-6, normalize=True)
    assert tiles.tile(session, service_layers("police", 15), *zxy, NOW) == b""


def circle_of(created, shape):
    return ServiceCircle(
        facility_id=created.id,
        profile="adult",
        minutes=15,
        speed_m_s=1.25,
        network_version="v",
        origin_digest="o",
        off_network=shape.is_empty,
        households=5,
        people=12,
        geom=from_shape(
            shapely.MultiPolygon([shape]) if shape.geom_type == "Polygon" else shape, 4490
        ),
    )


def test_script_in_a_name_is_only_text_in_the_saved_map(session, town):
    grid = town.grid("001")
    grid.name = EVIL
    facility(session, "n1", "clinic", LON + SIDE / 2, LAT + SIDE / 2, EVIL)
    session.flush()
    drawn = [
        (
            LAYERS[name],
            features.feature_collection(session, LAYERS[name], NOW, bbox=(105, 26, 106, 27)),
        )
        for name in ("grids", "facilities")
    ]
    view = MapView((LON, LAT, LON, LAT), 16)
    page = saved_map.saved_map(drawn, view, language="zh", title=EVIL, notes=[EVIL])
    private = page.replace(
        (icons.VENDOR_PATH / "leaflet" / "leaflet.js").read_text(encoding="utf-8"), ""
    )
    assert (
        "<img src=x" not in private
        and "alert(2)</script>" not in private
        and "</script><script>alert" not in private
    )
    assert "${alert" not in private and "`${" not in private
    assert private.count("onerror") > 0  # it is there, as text
    assert (
        re.findall(r"""<(?:script|link|img|iframe)[^>]*(?:src|href)=["']?(?!data:)""", page) == []
    )


def test_among_what_fits_as_well_my_own_area_comes_first(session, town):
    grids = [town.grid(f"00{column}", column * 2) for column in range(3)]
    for column, name in enumerate(("甲药店", "乙药店", "丙药店")):
        facility(
            session, f"n{column}", "pharmacy", LON + (column * 2 + 0.5) * SIDE, LAT + SIDE / 2, name
        )
    assert [hit.code for hit in search(session, "药店", NOW)] == ["n2", "n1", "n0"]
    for grid, code in zip(grids, ("n0", "n1", "n2"), strict=True):
        assert search(session, "药店", NOW, mine=frozenset([grid.id]))[0].code == code


@pytest.fixture
def named(session, town):
    grid = town.grid("001")
    town.boundary(town.community, build.square(LON, LAT))
    town.boundary(town.street, build.square(LON, LAT))
    house = town.building("3号楼", 0.0002, 0.0002, estate="桂花苑", code="w3")
    town.building("3号楼", 0.01, 0.01, estate="别处小区", code="w9")
    facility(session, "n1", "pharmacy", LON + SIDE / 2, LAT + SIDE / 2, "百姓大药房")
    town.post("grid_leader", grid, "欧阳明")
    town.post("building_head", house, "司马兰")
    return grid


@pytest.mark.parametrize(
    ("message", "initial"),
    [
        ("520402007012001", ("area", "520402007012001")),
        ("52040200701", ("area", "520402007012")),  # the beginning of a code: the upper area first
        ("西兴", ("area", "520402007012")),
        ("药店", ("facility", "n1")),
        ("百姓", ("facility", "n1")),
        ("欧阳", ("person", "520402007012001")),
        ("司马兰", ("person", "w3")),
        ("桂花苑3号楼", ("building", "w3")),
        ("桂花苑三栋", ("building", "w3")),
        ("西兴社区3栋2单元501室", ("building", "w3")),
        ("西兴社区桂花苑3-2-501", ("building", "w3")),
        ("W3", ("building", "w3")),
        ("桂花 苑 3 号楼", ("building", "w3")),
        ("西 兴", ("area", "520402007012")),
        ("xxsq", ("area", "520402007012")),
        ("Gui Hua", ("building", "w3")),
        ("bxdyf", ("facility", "n1")),
        ("大药房", ("facility", "n1")),
        ("药品", ("facility", "n1")),
    ],
)
def test_search_finds_by_code_name_address_and_person(session, named, message, initial):
    hit = search(session, message, NOW)[0]
    assert (hit.kind, hit.code) == initial
    assert hit.bbox[0] <= hit.lon <= hit.bbox[2] and hit.bbox[1] <= hit.lat <= hit.bbox[3]


def test_a_room_in_the_words_goes_on_to_locate(session, named):
    assert search(session, "西兴社区3栋2单元501室", NOW)[0].address == "西兴社区3栋2单元501室"
    assert search(session, "桂花苑3号楼", NOW)[0].address is None


def test_a_community_in_the_words_keeps_to_it(session, named):
    assert [hit.code for hit in search(session, "西兴社区3号楼", NOW)] == ["w3"]
    assert {hit.code for hit in search(session, "3号楼", NOW)} == {"w3", "w9"}


def test_signs_of_patterns_are_letters(session, named):
    assert (
        search(session, "%", NOW) == []
        and search(session, "_", NOW) == []
        and search(session, "' OR 1=1", NOW) == []
    )


def test_a_post_of_yesterday_is_not_found(session, town):
    town.post("grid_leader", town.grid("001"), "旧网格长", end=NOW - timedelta(days=1))
    assert search(session, "旧网格长", NOW) == []


@pytest.mark.parametrize("message", ["", "   ", "长" * 101])
def test_empty_and_endless_words_are_refused(session, message):
    with pytest.raises(InvalidInput, match="q: "):
        search(session, message, NOW)


def test_no_plan_of_a_tile_is_prepared_for_any_moment(session, town):
    """Such a plan takes it for rare that a boundary holds, and reads a city the other way round."""
    town.grid("001")
    z, x, y = tile_of(LON + SIDE / 2, LAT + SIDE / 2, 15)
    for minute in range(12):
        assert decoded(session, "grids", z, x, y, NOW + timedelta(minutes=minute))
    query = text("SELECT count(*) FROM pg_prepared_statements WHERE statement ~ 'ST_AsMVT'")
    assert session.scalar(query) == 0


def test_a_tile_of_circles_holds_a_hundred(session, town):
    shape = build.square(LON, LAT, 4 * SIDE)
    for number in range(130):
        placed = facility(session, f"n{number}", "clinic", LON + SIDE / 2, LAT + SIDE / 2)
        session.add(circle_of(placed, shape))
    session.flush()
    z, x, y = tile_of(LON + SIDE / 2, LAT + SIDE / 2, 16)
    drawn = decoded(session, "circles", z, x, y)["circles"]["features"]
    assert len(drawn) == 100 == len({each["properties"]["code"] for each in drawn})
    assert decoded(session, "circles", *tile_of(LON, LAT, 12)) == {}
