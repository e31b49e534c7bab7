"""Coordinate systems: published vectors, round trips, and what is refused."""

import csv
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS, Geod

from gis import crs
from gis.errors import InvalidInput
from gis.settings import ROOT

VECTORS = ROOT.parent / "shared" / "data" / "coord_vectors"
GEOD = Geod(ellps="GRS80")

# eviltransform's python/test.py (BSD-2): Shanghai, Shenzhen, Beijing; Anshun from PyPI prcoords
# 1.0.2
WGS84_GCJ02 = [
    (121.5272106, 31.1774276, 121.531541859215, 31.17530398364597),
    (113.912316, 22.543847, 113.9171764808363, 22.540796131694766),
    (116.377817, 39.911954, 116.38404722455657, 39.91334545536069),
    (105.9442359, 26.2566112, 105.94759404504538, 26.253072991804267),
]
# npm chncrs 0.1.6, test/Specs.js (WTFPL)
GCJ02_BD09 = [
    (114.68837663801743, 33.63312016454496, 114.69490414027017, 33.639096507711685),
    (114.68926112541861, 33.63194729708501, 114.69578412001135, 33.63793958798685),
]

places = st.tuples(st.floats(73.5, 135.0), st.floats(3.5, 53.5))


def metres(a: tuple[float, float], b: tuple[float, float]) -> float:
    return float(GEOD.inv(*a, *b)[2])


def rows(name: str) -> list[dict[str, str]]:
    path = VECTORS / name
    if not path.exists():
        pytest.skip(f"the shared data folder is not here: no {name}")
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(("lon", "lat", "shifted_lon", "shifted_lat"), WGS84_GCJ02)
def test_gcj02_meets_the_published_vectors(lon, lat, shifted_lon, shifted_lat):
    assert crs.from_storage(lon, lat, "gcj02") == pytest.approx(
        (shifted_lon, shifted_lat), abs=1e-12
    )
    assert metres(crs.to_storage(shifted_lon, shifted_lat, "gcj02"), (lon, lat)) < 1e-4


@pytest.mark.parametrize(("lon", "lat", "baidu_lon", "baidu_lat"), GCJ02_BD09)
def test_bd09_meets_the_published_vectors(lon, lat, baidu_lon, baidu_lat):
    through_storage = crs.from_storage(*crs.to_storage(lon, lat, "gcj02"), "bd09")
    assert through_storage == pytest.approx((baidu_lon, baidu_lat), abs=1e-9)
    assert crs.to_storage(baidu_lon, baidu_lat, "bd09") == pytest.approx(
        crs.to_storage(lon, lat, "gcj02"), abs=1e-9
    )


@pytest.mark.shared
def test_every_shared_wgs84_gcj02_vector_is_met():
    for row in rows("eviltransform_vectors.csv"):
        got = crs.from_storage(float(row["in_lng"]), float(row["in_lat"]), "gcj02")
        assert metres(got, (float(row["out_lng"]), float(row["out_lat"]))) < 1e-6


@pytest.mark.shared
def test_every_shared_gcj02_bd09_vector_is_met():
    for row in rows("chncrs_vectors.csv"):
        start, goal = (
            (float(row["in_lng"]), float(row["in_lat"])),
            (float(row["out_lng"]), float(row["out_lat"])),
        )
        got = crs.from_storage(*crs.to_storage(*start, row["from"]), row["to"])
        # the vectors from bd09 were made by a single-step inverse; PROVENANCE: up to 0.18 m off
        assert metres(got, goal) < (1e-3 if row["to"] == "bd09" else 0.18)
        assert metres(crs.from_storage(*crs.to_storage(*got, row["to"]), row["from"]), start) < 1e-4


@pytest.mark.shared
def test_332_chinese_cities_are_met_within_the_vectors_own_error():
    cities = rows("china_city_vectors.csv")
    assert len(cities) == 332
    at = {
        name: np.array([[float(c[f"{name}_lng"]), float(c[f"{name}_lat"])] for c in cities]).T
        for name in ("wgs", "gcj", "bd")
    }
    for start, system, goal, tolerance in (
        (
            "gcj",
            "gcj02",
            "wgs",
            1.0,
        ),  # metres; PROVENANCE: these vectors are a steady 0.67 m off the formula
        ("bd", "bd09", "wgs", 1.0),
    ):
        lon, lat = crs.to_storage(*at[start], system)
        assert GEOD.inv(lon, lat, *at[goal])[2].max() < tolerance
    lon, lat = crs.from_storage(*crs.to_storage(*at["gcj"], "gcj02"), "bd09")
    assert GEOD.inv(lon, lat, *at["bd"])[2].max() < 0.02


@pytest.mark.parametrize("system", crs.SUPPORTED_CRS)
@given(location=places)
def test_there_and_back_is_the_same_place(system, location):
    assert metres(crs.to_storage(*crs.from_storage(*location, system), system), location) < 0.001
    assert metres(crs.from_storage(*crs.to_storage(*location, system), system), location) < 0.001


@given(location=places)
def test_gcj02_moves_every_place_in_china_and_never_more_than_a_kilometre(location):
    assert 10 < metres(crs.from_storage(*location, "gcj02"), location) < 1000


@given(st.lists(places, min_size=1, max_size=40), st.sampled_from(crs.SUPPORTED_CRS))
def test_arrays_and_single_points_agree(points, system):
    lon, lat = np.array(points).T
    together = np.array(crs.to_storage(lon, lat, system)).T
    alone = np.array([crs.to_storage(*point, system) for point in points])
    assert np.abs(together - alone).max() < 1e-9


def test_arrays_longer_than_a_block_keep_order_and_shape():
    lon, lat = (
        np.linspace(80, 130, 40_000).reshape(200, 200),
        np.linspace(20, 50, 40_000).reshape(200, 200),
    )
    back = crs.to_storage(*crs.from_storage(lon, lat, "bd09"), "bd09")
    assert back[0].shape == lon.shape
    assert np.abs(back[0] - lon).max() < 1e-9 and np.abs(back[1] - lat).max() < 1e-9


def test_the_input_arrays_are_left_as_they_were():
    lon, lat = np.array([105.95, 106.0]), np.array([26.23, 26.3])
    crs.to_storage(lon, lat, "bd09")
    assert lon.tolist() == [105.95, 106.0] and lat.tolist() == [26.23, 26.3]


def test_single_points_come_back_as_plain_floats():
    assert [type(value) for value in crs.to_storage(105.95, 26.23, "gcj02")] == [float, float]


def test_nothing_is_shifted_outside_china():
    assert crs.from_storage(24.94, 60.17, "gcj02") == (24.94, 60.17)
    assert crs.to_storage(24.94, 60.17, "gcj02") == (24.94, 60.17)


def test_wgs84_and_cgcs2000_are_stored_as_they_come():
    assert (
        crs.to_storage(105.95, 26.23, "wgs84")
        == crs.to_storage(105.95, 26.23, "cgcs2000")
        == (105.95, 26.23)
    )


@pytest.mark.parametrize("system", crs.SUPPORTED_CRS)
def test_a_good_point_is_let_through(system):
    crs.validate_points(105.9501, 26.2302, system)
    crs.validate_points([105.9501, 116.35], [26.2302, 40.003], system)


@pytest.mark.parametrize(
    ("lon", "lat", "system", "field", "message"),
    [
        (105.95, 26.23, None, "crs", "missing"),
        (105.95, 26.23, "", "crs", "missing"),
        (105.95, 26.23, "epsg:4326", "crs", "wgs84, cgcs2000, gcj02, bd09"),
        (105.95, 26.23, "WGS84", "crs", "one of wgs84"),
        (None, 26.23, "wgs84", "lon", "missing"),
        (105.95, None, "wgs84", "lat", "missing"),
        (math.nan, 26.23, "wgs84", "lon", "not a number"),
        (105.95, math.inf, "gcj02", "lat", "not a number"),
        (26.23, 105.95, "wgs84", "lon", "latitude first"),
        (40.003, 116.35, "gcj02", "lon", "latitude first"),
        (39.47, 75.99, "wgs84", "lon", "latitude first"),  # Kashgar: in range both ways round
        (181.0, 26.23, "wgs84", "lon", "-180 to 180"),
        (105.95, -90.5, "wgs84", "lat", "-90 to 90"),
        (24.94, 60.17, "gcj02", "crs", "only for places in China"),
        (24.94, 60.17, "bd09", "crs", "give the point as wgs84"),
        (0.0, 0.0, "gcj02", "crs", "only for places in China"),
    ],
)
def test_a_point_that_cannot_be_right_is_refused_by_field(lon, lat, system, field, message):
    with pytest.raises(InvalidInput) as refused:
        crs.validate_points(lon, lat, system)
    assert field in [error.field for error in refused.value.errors]
    assert message in refused.value.detail


def test_places_outside_china_are_fine_in_wgs84():
    crs.validate_points([24.94, -70.0, 179.9], [60.17, -33.0, 89.0], "wgs84")


def test_refusal_of_many_names_the_rows_and_counts_the_rest():
    lon = np.full(100, 26.23)
    lon[3] = 105.95
    lat = np.where(lon == 26.23, 105.95, 26.23)
    with pytest.raises(InvalidInput) as refused:
        crs.validate_points(lon, lat, "wgs84")
    assert [error.field for error in refused.value.errors[:4]] == [
        "row 1, lon",
        "row 2, lon",
        "row 3, lon",
        "row 5, lon",
    ]
    assert "98 more" in refused.value.detail


def test_a_point_has_one_fault_only_and_faults_are_in_order():
    invalid_points = crs.find_invalid_points(
        [math.nan, 105.95, 200.0], [math.nan, 26.23, 95.0], "gcj02"
    )
    assert [(item.index, item.field) for item in invalid_points] == [(0, "lon"), (2, "lon")]


@pytest.mark.parametrize(
    ("lon", "lat", "code"),
    [
        (105.95, 26.23, 4544),  # Anshun
        (116.35, 40.0, 4548),
        (73.6, 39.0, 4534),
        (135.0, 48.0, 4554),
        (106.49999, 26.0, 4544),
        (106.5, 26.0, 4545),
        (24.94, 60.17, 32635),
        (-70.6, -33.4, 32719),
        (180.0, 10.0, 32601),
    ],
)
def test_the_metric_system_of_a_place(lon, lat, code):
    assert crs.metric_epsg(lon, lat) == code


@given(places)
def test_the_chosen_zone_is_the_nearest_and_measures_true(location):
    lon, lat = location
    code = crs.metric_epsg(lon, lat)
    meridian = CRS(code).coordinate_operation.params[1].value
    assert abs(meridian - lon) <= 1.5 + 1e-9
    x, y = crs.get_transformer(4490, code).transform([lon, lon + 0.001], [lat, lat])
    assert math.dist((x[0], y[0]), (x[1], y[1])) == pytest.approx(
        metres(location, (lon + 0.001, lat)), rel=5e-4
    )


def test_transformers_are_longitude_first_and_made_once():
    item = crs.get_transformer(4490, 4544)
    assert item is crs.get_transformer(4490, 4544)
    east, north = item.transform(105.0, 26.0)
    assert east == pytest.approx(500_000, abs=1e-3) and 2_870_000 < north < 2_880_000


@given(st.floats(70, 140), st.floats(0, 58), st.sampled_from(("gcj02", "bd09")))
def test_one_point_alone_is_where_it_is_among_many(lon, lat, system):
    alone = crs.to_storage(lon, lat, system)
    among = crs.to_storage(np.array([lon]), np.array([lat]), system)
    assert alone == pytest.approx((among[0][0], among[1][0]), abs=2e-9)
