"""Loading areas: every format, system and spelling of a real file, and what bad ones get."""

import json
import zipfile

import geopandas
import numpy as np
import pytest
import shapely
from shapely.geometry import MultiPolygon, Polygon, box
from sqlalchemy import text

from gis import crs
from gis.errors import InvalidInput, WanggeError
from gis.exchange.area_file import ReadOptions
from gis.exchange.areas import load_areas

WEST, SOUTH, STEP = 105.95, 26.23, 0.003
COMMUNITY = "520402007004"


def squares(count=3, columns=None):
    """Grids of one community, side by side from the west, sharing their borders vertex
    for vertex.
    """
    shapes = [
        box(WEST + i * STEP, SOUTH, WEST + (i + 1) * STEP, SOUTH + STEP) for i in range(count)
    ]
    names = columns or ("code", "name", "community_code", "community_name")
    rows = {
        names[0]: [f"{COMMUNITY}{i + 1:03d}" for i in range(count)],
        names[1]: [f"学苑第{i + 1}网格" for i in range(count)],
        names[2]: [COMMUNITY] * count,
        names[3]: ["学苑社区"] * count,
    }
    return geopandas.GeoDataFrame(rows, geometry=shapes, crs=4490)


def shapes_of(session, level="grid"):
    rows = session.execute(
        text("""SELECT a.code, ST_AsBinary(b.geom) FROM area a JOIN boundary b ON b.area_id = a.id
                WHERE a.level = :level AND upper_inf(b.valid_time) ORDER BY 1"""),
        {"level": level},
    ).all()
    return {code: shapely.from_wkb(bytes(wkb)) for code, wkb in rows}


def metres_apart(shape, other):
    return shapely.hausdorff_distance(shape, other) * 111_000


@pytest.mark.parametrize(
    ("name", "epsg"),
    [
        ("g.gpkg", 4544),
        ("g.gpkg", 4326),
        ("g.fgb", 4544),
        ("g.geojson", 4326),
        ("g.shp", 4490),
        ("g.gpkg", 3857),
    ],
)
def test_every_format_and_system_gives_the_same_grids(session, tmp_path, name, epsg):
    path = tmp_path / name
    frame = (
        squares()
        if name != "g.shp"
        else squares(columns=("code", "name", "comm_code", "comm_name"))
    )
    mapping = (
        {} if name != "g.shp" else {"community_code": "comm_code", "community_name": "comm_name"}
    )
    frame.to_crs(epsg).to_file(path, encoding="utf-8" if name == "g.shp" else None)
    report = load_areas(session, path, "grid", ReadOptions(mapping=mapping))
    assert report.refused == [] and report.counts["rows"] == 3
    stored_shapes = shapes_of(session)
    assert list(stored_shapes) == [f"{COMMUNITY}00{i}" for i in (1, 2, 3)]
    for shape, expected in zip(stored_shapes.values(), squares().geometry, strict=True):
        assert metres_apart(shape, expected) < 0.05
    assert shapely.coverage_is_valid(np.array(list(stored_shapes.values())))
    assert (
        session.scalar(text("SELECT name FROM area WHERE code = :code"), {"code": COMMUNITY})
        == "学苑社区"
    )
    west, south, east, north = report.bbox
    assert (west, south, east, north) == pytest.approx(
        (WEST, SOUTH, WEST + 3 * STEP, SOUTH + STEP), abs=1e-6
    )


@pytest.mark.parametrize("system", ["gcj02", "bd09"])
def test_a_map_drawn_on_a_shifted_basemap_is_told_and_moved_back(session, tmp_path, system):
    frame = squares()
    frame["geometry"] = shapely.transform(
        frame.geometry.values,
        lambda xy: np.column_stack(crs.from_storage(xy[:, 0], xy[:, 1], system)),
    )
    frame.set_crs(4326, allow_override=True).to_file(tmp_path / "shifted.geojson")
    report = load_areas(session, tmp_path / "shifted.geojson", "grid", ReadOptions(crs=system))
    assert report.refused == []
    for shape, expected in zip(shapes_of(session).values(), squares().geometry, strict=True):
        assert metres_apart(shape, expected) < 0.05


# GDAL, and so QGIS, cuts a name after ten bytes: in UTF-8 in the middle of its fourth character
@pytest.mark.filterwarnings("ignore:.*field name")
@pytest.mark.parametrize("encoding", ["GBK", "UTF-8"])
@pytest.mark.parametrize("names", ["社区", "所属社区"])
@pytest.mark.parametrize("cpg", [True, False])
def test_a_shapefile_with_chinese_names_is_read_with_and_without_its_cpg(
    session, tmp_path, cpg, names, encoding
):
    columns = ("网格编码", "网格名称", f"{names}编码", f"{names}名称")
    squares(columns=columns).to_file(tmp_path / "g.shp", encoding=encoding)
    if not cpg:
        (tmp_path / "g.cpg").unlink()
    load_areas(session, tmp_path / "g.shp", "grid")
    assert (
        session.scalar(text("SELECT name FROM area WHERE code = :c"), {"c": f"{COMMUNITY}001"})
        == "学苑第1网格"
    )


def test_text_cut_within_a_character_is_read_up_to_it(session, tmp_path):
    squares(columns=("code", "name", "comm_code", "comm_name")).to_file(
        tmp_path / "g.shp", encoding="utf-8"
    )
    table = (tmp_path / "g.dbf").read_bytes()
    whole = "学苑第2网格".encode()
    cut = whole[:-1] + b" "  # as programs do that count bytes
    (tmp_path / "g.dbf").write_bytes(table.replace(whole, cut))
    mapping = {"community_code": "comm_code", "community_name": "comm_name"}
    load_areas(session, tmp_path / "g.shp", "grid", ReadOptions(mapping))
    names = session.scalars(text("SELECT name FROM area WHERE level = 'grid' ORDER BY code"))
    assert names.all() == ["学苑第1网格", "学苑第2网", "学苑第3网格"]


def test_a_zipped_shapefile_is_opened(session, tmp_path):
    squares(columns=("code", "name", "comm_code", "comm_name")).to_file(
        tmp_path / "g.shp", encoding="utf-8"
    )
    with zipfile.ZipFile(tmp_path / "g.zip", "w") as packed:
        for part in tmp_path.glob("g.*"):
            if part.suffix != ".zip":
                packed.write(part, part.name)
    report = load_areas(
        session,
        tmp_path / "g.zip",
        "grid",
        ReadOptions({"community_code": "comm_code", "community_name": "comm_name"}),
    )
    assert report.refused == [] and len(shapes_of(session)) == 3


def test_twice_changes_nothing_and_upper_levels_are_the_union(session, tmp_path):
    squares(4).to_file(tmp_path / "g.gpkg")
    load_areas(session, tmp_path / "g.gpkg", "grid")
    earlier = session.execute(text("SELECT count(*), max(id) FROM history")).one()
    load_areas(session, tmp_path / "g.gpkg", "grid")
    assert session.execute(text("SELECT count(*), max(id) FROM history")).one() == earlier
    for level in ("community", "street", "county"):
        (shape,) = shapes_of(session, level).values()
        assert shape.equals(shapely.union_all(list(shapes_of(session).values())))


def test_a_border_drawn_twice_a_centimetre_apart_is_one_border(session, tmp_path):
    frame = squares(2)
    frame.loc[1, "geometry"] = box(WEST + STEP + 1e-7, SOUTH, WEST + 2 * STEP, SOUTH + STEP)
    frame.to_file(tmp_path / "g.gpkg")
    assert load_areas(session, tmp_path / "g.gpkg", "grid").refused == []
    assert shapely.coverage_is_valid(np.array(list(shapes_of(session).values())))


def test_a_neighbour_s_corner_on_a_long_side_becomes_a_vertex_of_both(session, tmp_path):
    frame = squares(3)
    frame.loc[2, "geometry"] = box(WEST, SOUTH + STEP, WEST + 2 * STEP, SOUTH + 2 * STEP)
    frame.to_file(tmp_path / "g.gpkg")
    assert load_areas(session, tmp_path / "g.gpkg", "grid").refused == []
    stored_shapes = np.array(list(shapes_of(session).values()))
    assert shapely.coverage_is_valid(stored_shapes)
    assert len(shapely.get_coordinates(stored_shapes[2])) == 6  # the corner between the two below


def overlapping(tmp_path, metres):
    frame = squares(2)
    frame.loc[1, "geometry"] = box(
        WEST + STEP - metres / 99_900, SOUTH, WEST + 2 * STEP, SOUTH + STEP
    )
    frame.to_file(tmp_path / "g.gpkg")
    return tmp_path / "g.gpkg"


def test_an_overlap_is_refused_with_its_size_and_place_and_clean_mends_it(session, tmp_path):
    path = overlapping(tmp_path, 3)
    report = load_areas(session, path, "grid")
    reasons = " ".join(f"{row.where} {row.reason}" for row in report.refused)
    assert (
        report.refused and "m²" in reasons and "105.95" in reasons and f"{COMMUNITY}001" in reasons
    )
    assert shapes_of(session) == {}
    mended = load_areas(session, path, "grid", clean=5.0)
    assert mended.refused == [] and any("m²" in note for note in mended.notes)
    assert shapely.coverage_is_valid(np.array(list(shapes_of(session).values())))


def test_a_gap_is_reported_in_square_metres_with_a_place(session, tmp_path):
    frame = squares(3)
    frame.loc[1, "geometry"] = box(WEST + STEP + 0.00002, SOUTH, WEST + 2 * STEP, SOUTH + STEP)
    frame.to_file(tmp_path / "g.gpkg")
    report = load_areas(session, tmp_path / "g.gpkg", "grid")
    assert report.refused == []
    assert any("gap" in note and "m²" in note for note in report.notes)


def test_a_bow_tie_is_repaired_and_listed(session, tmp_path):
    frame = squares(1)
    frame.loc[0, "geometry"] = Polygon(
        [(WEST, SOUTH), (WEST + STEP, SOUTH + STEP), (WEST + STEP, SOUTH), (WEST, SOUTH + STEP)]
    )
    frame.to_file(tmp_path / "g.gpkg")
    report = load_areas(session, tmp_path / "g.gpkg", "grid")
    assert report.refused == [] and any(f"{COMMUNITY}001" in note for note in report.notes)
    assert shapes_of(session)[f"{COMMUNITY}001"].is_valid


def change(frame, column, row, value):
    frame[column] = frame[column].astype(object)
    frame.loc[row, column] = value
    return frame


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: change(f, "code", 1, f"{COMMUNITY}001"), "001"),
        (lambda f: change(f, "code", 1, None), "code"),
        (lambda f: change(f, "code", 1, "12"), "code"),
        (lambda f: f.set_geometry([f.geometry[0], None, f.geometry[2]]), "shape"),
        (lambda f: f.set_geometry([f.geometry[0], MultiPolygon(), f.geometry[2]]), "shape"),
    ],
)
def test_a_bad_row_is_named_and_nothing_is_loaded(session, tmp_path, spoil, message):
    spoil(squares()).to_file(tmp_path / "g.gpkg")
    report = load_areas(session, tmp_path / "g.gpkg", "grid")
    assert report.refused
    assert message in " ".join(f"{row.where} {row.field} {row.reason}" for row in report.refused)
    assert session.scalar(text("SELECT count(*) FROM area")) == 0


def test_codes_that_became_numbers_are_text_again(session, tmp_path):
    frame = squares(2)
    frame["code"] = [520402007004001.0, 520402007004002.0]
    frame.to_file(tmp_path / "g.gpkg")
    load_areas(session, tmp_path / "g.gpkg", "grid")
    assert list(shapes_of(session)) == ["520402007004001", "520402007004002"]


def test_points_instead_of_polygons_are_refused(session, tmp_path):
    frame = squares()
    frame["geometry"] = frame.geometry.centroid
    frame.to_file(tmp_path / "g.gpkg")
    try:
        refused = load_areas(session, tmp_path / "g.gpkg", "grid").refused
    except InvalidInput as error:
        refused = [error.detail]
    assert refused and session.scalar(text("SELECT count(*) FROM area")) == 0


def test_a_file_without_a_system_says_how_to_tell_it(session, tmp_path):
    squares(columns=("code", "name", "comm_code", "comm_name")).to_file(tmp_path / "g.shp")
    (tmp_path / "g.prj").unlink()
    with pytest.raises(InvalidInput, match="say it as the crs"):
        load_areas(session, tmp_path / "g.shp", "grid")


@pytest.mark.parametrize("content", [b"", b"{", b"PK\x03\x04 no zip", b"not a map"])
@pytest.mark.parametrize("name", ["g.gpkg", "g.geojson", "g.zip", "g.shp"])
def test_a_broken_file_is_one_clear_sentence(session, tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WanggeError) as caught:
        load_areas(session, tmp_path / name, "grid")
    assert name.split(".")[0] in caught.value.detail and "Traceback" not in caught.value.detail
    assert str(tmp_path) not in caught.value.detail


def test_an_unknown_level_or_column_is_refused(session, tmp_path):
    squares().to_file(tmp_path / "g.gpkg")
    with pytest.raises(InvalidInput, match="grid"):
        load_areas(session, tmp_path / "g.gpkg", "village")
    with pytest.raises(InvalidInput, match="NOPE"):
        load_areas(session, tmp_path / "g.gpkg", "grid", ReadOptions(mapping={"code": "NOPE"}))


@pytest.mark.shared
def test_the_nine_real_street_cut_grids(session, shared):
    report = load_areas(session, shared / "beijing_cau_2026" / "grids.geojson", "grid")
    assert report.refused == [] and report.counts["rows"] == 9
    source = json.loads((shared / "beijing_cau_2026" / "grids.geojson").read_text())
    stored_shapes = shapes_of(session)
    assert set(stored_shapes) == {feature["properties"]["code"] for feature in source["features"]}
    union = shapely.union_all(
        [shapely.geometry.shape(feature["geometry"]) for feature in source["features"]]
    )
    assert shapely.union_all(list(stored_shapes.values())).symmetric_difference(union).area < 1e-9
    assert len(shapes_of(session, "community")) == 2


@pytest.mark.shared
def test_the_counties_of_anshun_load_as_a_level_above(session, shared, tmp_path):
    frame = geopandas.read_file(
        shared / "anshun_boundaries" / "anshun_counties_echarts_mit_wgs84.geojson"
    )
    name, code = (
        (c for c in frame.columns if c in options).__next__()
        for options in (("name", "NAME"), ("adcode", "id", "code", "cp"))
    )
    report = load_areas(
        session,
        shared / "anshun_boundaries" / "anshun_counties_echarts_mit_wgs84.geojson",
        "county",
        ReadOptions({"code": code, "name": name}),
    )
    assert report.counts["rows"] == 6
