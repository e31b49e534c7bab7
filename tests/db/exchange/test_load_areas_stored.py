"""Loading areas onto what is stored: the same map in other systems, neighbours, units, upper
levels, hostile files.
"""

import json
import sqlite3
import struct
import zipfile
from contextlib import contextmanager
from datetime import UTC, datetime

import geopandas
import numpy as np
import pytest
import shapely
from click.testing import CliRunner
from shapely import box
from sqlalchemy import func, select, text

from gis import crs
from gis.areas.models import Area, Boundary
from gis.errors import Conflict, InvalidInput, TooLarge
from gis.exchange.area_file import ReadOptions
from gis.exchange.areas import load_areas
from gis.files import vector
from gis.ops.metadata import HistoryEntry
from gis.shapes.polygon_coverage import is_valid
from tests.support import build
from web.cli import load as command
from web.cli import load_run

COMMUNITY = "520402007012"
S = build.SIDE


def square(column, row=0.0, width=1.0, height=1.0):
    return build.square(build.LON + column * S, build.LAT + row * S, width * S, height * S)


def grids(path, shapes, epsg=4490, initial=1, **extra):
    """A file of grids, numbered from `first`."""
    codes = [f"{COMMUNITY}{initial + n:03d}" for n in range(len(shapes))]
    rows = {"code": codes, "name": [f"网格{code[-3:]}" for code in codes]} | extra
    geopandas.GeoDataFrame(rows, geometry=list(shapes), crs=epsg).to_file(path)
    return path


def stored(session, level="grid"):
    rows = session.execute(
        select(Area.code, func.ST_AsBinary(Boundary.geom))
        .join(Boundary, Boundary.area_id == Area.id)
        .where(Area.level == level, func.upper_inf(Boundary.valid_time))
        .order_by(Area.code)
    ).all()
    return {code: shapely.from_wkb(shape) for code, shape in rows}


def histories(session):
    return session.scalar(
        select(func.count()).select_from(HistoryEntry).where(HistoryEntry.table_name != "dataset")
    )


def refusals(report):
    return " | ".join(f"{row.where}, {row.field}: {row.reason}" for row in report.refused)


@pytest.mark.shared
@pytest.mark.parametrize("system", [3857, 4544, 4547, "gcj02", "bd09"])
def test_the_real_grids_in_another_system_are_the_grids_stored(session, shared, tmp_path, system):
    source = shared / "beijing_cau_2026" / "grids.geojson"
    assert load_areas(session, source, "grid").refused == []
    earlier, rows = stored(session), histories(session)
    frame = geopandas.read_file(source)
    shifted = system if isinstance(system, str) else None
    if shifted:
        frame["geometry"] = shapely.transform(
            frame.geometry.values,
            lambda xy: np.column_stack(crs.from_storage(xy[:, 0], xy[:, 1], shifted)),
        )
    else:
        frame = frame.to_crs(system)
    frame.to_file(tmp_path / "other.fgb")
    report = load_areas(session, tmp_path / "other.fgb", "grid", ReadOptions(crs=shifted))
    assert report.refused == [] and report.counts["unchanged"] == 9
    assert str(system) in report.crs
    assert stored(session) == earlier and histories(session) == rows


@pytest.mark.shared
def test_the_official_codes_load_from_the_top_down(session, shared):
    codes = shared / "anshun_division_codes" / "anshun_nbs2023_all_levels.csv"
    assert "county 520402 is not known" in refusals(load_areas(session, codes, "street"))
    for level, rows in (("county", 6), ("street", 92), ("community", 1231)):
        report = load_areas(session, codes, level)
        assert report.refused == [] and report.counts["new"] == rows
    parents = select(Area.parent_id).where(Area.code == "520402007012").scalar_subquery()
    assert session.scalar(select(Area.code).where(Area.id == parents)) == "520402007"
    rows = histories(session)
    assert load_areas(session, codes, "community").counts["unchanged"] == 1231
    assert histories(session) == rows


def test_a_neighbour_loaded_later_shares_the_border_and_both_files_again_change_nothing(
    session, tmp_path
):
    initial = grids(tmp_path / "a.gpkg", [square(0, 0, 1, 2)])
    off = 0.05 / 99.9  # five centimetres
    second = grids(tmp_path / "b.gpkg", [square(1 + off), square(1 + off, 1)], initial=2)
    for path in (initial, second):
        assert load_areas(session, path, "grid").refused == []
    assert is_valid(list(stored(session).values()))
    earlier, rows = stored(session), histories(session)
    for path in (initial, second):
        assert load_areas(session, path, "grid").counts["unchanged"] > 0
    assert stored(session) == earlier and histories(session) == rows


def test_a_file_mended_by_clean_changes_nothing_the_second_time(session, tmp_path):
    path = grids(
        tmp_path / "a.gpkg", [square(0, 0, 1.02), square(1), square(2.01), square(0, 1, 3.01)]
    )
    assert "overlaps feature 2" in refusals(load_areas(session, path, "grid"))
    assert stored(session) == {}
    report = load_areas(session, path, "grid", clean=2.5)
    assert report.refused == [] and is_valid(list(stored(session).values()))
    earlier, rows = stored(session), histories(session)
    assert load_areas(session, path, "grid", clean=2.5).counts["unchanged"] == 4
    assert stored(session) == earlier and histories(session) == rows


def test_an_overlap_wider_than_clean_is_still_refused(session, tmp_path):
    path = grids(tmp_path / "a.gpkg", [square(0, 0, 1.1), square(1)])
    assert "m²" in refusals(load_areas(session, path, "grid", clean=2.0))
    assert stored(session) == {}


def test_an_overlap_with_a_stored_grid_names_it(session, tmp_path):
    load_areas(session, grids(tmp_path / "a.gpkg", [square(0)]), "grid")
    report = load_areas(session, grids(tmp_path / "b.gpkg", [square(0.5)], initial=2), "grid")
    assert f"the stored grid {COMMUNITY}001" in refusals(report)


def test_a_moved_border_is_a_new_boundary_from_then_on(session, tmp_path):
    start, later = datetime(2024, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)
    load_areas(session, grids(tmp_path / "a.gpkg", [square(0), square(1)]), "grid", effective=start)
    moved = grids(tmp_path / "b.gpkg", [square(0, 0, 0.7), square(0.7, 0, 1.3)])
    report = load_areas(session, moved, "grid", effective=later)
    assert report.counts["changed"] == report.counts["shapes"] == 2
    spans = session.scalars(
        select(func.lower(Boundary.valid_time))
        .join(Area)
        .where(Area.level == "grid")
        .order_by(Boundary.id)
    ).all()
    assert spans == [start, start, later, later]
    with pytest.raises(Conflict, match="holds from"):
        load_areas(
            session,
            grids(tmp_path / "c.gpkg", [square(0, 0, 0.4), square(1)]),
            "grid",
            effective=start,
        )


def test_a_renamed_grid_is_changed_and_its_shape_is_not(session, tmp_path):
    load_areas(session, grids(tmp_path / "a.gpkg", [square(0)]), "grid")
    report = load_areas(session, grids(tmp_path / "b.gpkg", [square(0)], name=["新名"]), "grid")
    assert (report.counts["changed"], report.counts["shapes"]) == (1, 0)
    assert session.scalar(select(Area.name).where(Area.code == f"{COMMUNITY}001")) == "新名"


def test_names_with_script_in_them_are_kept_as_text(session, tmp_path):
    name = "<script>alert(1)</script>${x}`"
    load_areas(session, grids(tmp_path / "a.gpkg", [square(0)], name=[name]), "grid")
    assert session.scalar(select(Area.name).where(Area.code == f"{COMMUNITY}001")) == name


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"community_code": ["520402007004"]}, "its code begins with 520402007012"),
        ({"code": ["5.20402E+14"]}, "lost digits"),
        ({"code": ["520402007012.5"]}, "15 digits"),
        ({"name": ["长" * 101]}, "longer than 100"),
    ],
)
def test_a_row_that_contradicts_itself_is_refused_by_attribute(session, tmp_path, extra, message):
    assert message in refusals(
        load_areas(session, grids(tmp_path / "a.gpkg", [square(0)], **extra), "grid")
    )


def test_a_community_of_two_names_is_refused(session, tmp_path):
    path = grids(
        tmp_path / "a.gpkg", [square(0), square(1)], community_name=["西兴社区", "东兴社区"]
    )
    assert "is called 东兴社区 here and 西兴社区 before" in refusals(
        load_areas(session, path, "grid")
    )


def test_retired_codes_are_never_used_again(session, tmp_path):
    town = build.Town(session)
    town.grid("001").retired_at = datetime(2024, 1, 1, tzinfo=UTC)
    session.flush()
    report = load_areas(session, grids(tmp_path / "a.gpkg", [square(3)]), "grid")
    assert "retired" in refusals(report)


def test_an_outline_of_a_community_is_compared_with_its_grids(session, tmp_path):
    load_areas(session, grids(tmp_path / "a.gpkg", [square(0), square(1)]), "grid")
    frame = geopandas.GeoDataFrame(
        {"社区编码": [COMMUNITY], "社区名称": ["西兴社区"]}, geometry=[square(0, 0, 2.5)], crs=4490
    )
    frame.to_file(tmp_path / "c.geojson")
    report = load_areas(session, tmp_path / "c.geojson", "community")
    assert "off the union of its grids" in " ".join(report.notes)
    assert session.scalar(select(Area.name).where(Area.code == COMMUNITY)) == "西兴社区"
    assert stored(session, "community")[COMMUNITY].equals(square(0, 0, 2))


def units(path, shapes, numbers):
    codes = [f"{COMMUNITY}{number}" for number in numbers]
    geopandas.GeoDataFrame({"十联户编码": codes, "name": codes}, geometry=shapes, crs=4490).to_file(
        path
    )
    return path


def test_units_need_their_grid_and_keep_the_shape_of_their_buildings(session, tmp_path):
    town = build.Town(session)
    grid = town.grid("001")
    stands = town.unit(grid, "01", [(town.building("1号楼", 0.0001, 0.0001), None, None, None)])
    path = units(tmp_path / "u.gpkg", [square(0, 0, 0.5), square(0.5, 0, 0.6)], ["00101", "00102"])
    report = load_areas(session, path, "unit")
    assert report.refused == []
    assert list(stored(session, "unit")) == [f"{COMMUNITY}00102"]
    assert f"leaves its grid by {report.notes[-1].split(' by ')[1]}" in report.notes[-1]
    assert session.get(Area, stands.id).name == f"{COMMUNITY}00101"
    report = load_areas(session, units(tmp_path / "v.gpkg", [square(0)], ["00901"]), "unit")
    assert f"grid {COMMUNITY}009 is not known" in refusals(report)


def test_units_may_come_from_a_table(session, tmp_path):
    build.Town(session).grid("001")
    (tmp_path / "u.csv").write_text(f"十联户编码,十联户名称\n{COMMUNITY}00101,一号\n", "gb18030")
    assert load_areas(session, tmp_path / "u.csv", "unit").counts["new"] == 1
    with pytest.raises(InvalidInput, match="without shapes"):
        load_areas(session, tmp_path / "u.csv", "grid")


# --- files that are not what they seem


def test_a_geopackage_of_mixed_systems_is_refused(session, tmp_path):
    path = grids(tmp_path / "a.gpkg", [square(0), square(1)])
    with sqlite3.connect(path) as db:
        db.execute("DROP TRIGGER IF EXISTS rtree_a_geom_update6")
        db.execute("DROP TRIGGER IF EXISTS rtree_a_geom_update7")
        for (name,) in db.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            db.execute(f'DROP TRIGGER "{name}"')
        blob = db.execute("SELECT geom FROM a WHERE fid = 2").fetchone()[0]
        db.execute(
            "UPDATE a SET geom = ? WHERE fid = 2", [blob[:4] + struct.pack("<i", 3857) + blob[8:]]
        )
    with pytest.raises(InvalidInput, match="different systems"):
        load_areas(session, path, "grid")


def test_a_file_with_metres_among_degrees_names_the_row(session, tmp_path):
    distant = shapely.transform(square(1), lambda xy: xy * 1000)
    report = load_areas(session, grids(tmp_path / "a.gpkg", [square(0), distant]), "grid")
    assert "feature 2" in refusals(report) and "one for all" in refusals(report)


def test_latitude_first_is_seen(session, tmp_path):
    swapped = shapely.transform(square(0), lambda xy: xy[:, ::-1])
    assert "latitude first" in refusals(
        load_areas(session, grids(tmp_path / "a.gpkg", [swapped]), "grid")
    )


def test_a_shifted_system_outside_china_is_refused(session, tmp_path):
    path = grids(tmp_path / "a.gpkg", [box(24.9, 60.1, 24.91, 60.11)], 4326)
    assert "only for places in China" in refusals(
        load_areas(session, path, "grid", ReadOptions(crs="gcj02"))
    )


def test_a_told_system_against_the_files_own_is_refused(session, tmp_path):
    path = grids(tmp_path / "a.gpkg", [square(0)], 4490)
    with pytest.raises(InvalidInput, match="says EPSG:4490"):
        load_areas(session, path, "grid", ReadOptions(crs="EPSG:4544"))
    assert load_areas(session, path, "grid", ReadOptions(crs="cgcs2000")).refused == []


def test_a_wrong_cpg_is_seen_from_the_bytes(session, tmp_path):
    frame = geopandas.GeoDataFrame(
        {"网格编码": [f"{COMMUNITY}001"], "网格名称": ["西兴第一网格"]},
        geometry=[square(0)],
        crs=4490,
    )
    frame.to_file(tmp_path / "g.shp", encoding="GBK")
    (tmp_path / "g.cpg").write_text("UTF-8")
    report = load_areas(session, tmp_path / "g.shp", "grid")
    assert "the .cpg says utf-8, but the text is gb18030" in " ".join(report.notes)
    assert session.scalar(select(Area.name).where(Area.level == "grid")) == "西兴第一网格"


def test_grids_far_from_the_others_of_their_county_are_listed(session, tmp_path):
    far = square(3 / S)  # the next zone of 3 degrees
    report = load_areas(session, grids(tmp_path / "a.gpkg", [square(0), square(1), far]), "grid")
    [note] = [note for note in report.notes if " km from " in note]
    assert f"{COMMUNITY}003" in note and "300 km from the other grids of 520402" in note
    assert not report.refused
    again = load_areas(session, grids(tmp_path / "a.gpkg", [square(0), square(1), far]), "grid")
    assert note in again.notes
    path = grids(tmp_path / "b.gpkg", [square(2)], initial=4)
    assert " km from " not in " ".join(load_areas(session, path, "grid").notes)


def test_a_file_in_the_wrong_zone_is_listed_beside_what_is_stored(session, tmp_path):
    load_areas(session, grids(tmp_path / "a.gpkg", [square(0)]), "grid")
    shifted = [square(n + 3 / S) for n in (1, 2)]
    report = load_areas(session, grids(tmp_path / "b.gpkg", shifted, initial=2), "grid")
    assert ["300 km from the other grids" in note for note in report.notes[:2]] == [True, True]


def ring_file(path, ring):
    """A GeoJSON file of one grid with a ring as it stands, which no library would write."""
    feature = {
        "type": "Feature",
        "properties": {"code": f"{COMMUNITY}001", "name": "x"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    return path


def test_a_coordinate_that_is_no_number_is_refused_without_a_warning(session, tmp_path, recwarn):
    ring = [list(point) for point in shapely.get_coordinates(square(0))]
    ring[1][0] = float("nan")
    report = load_areas(session, ring_file(tmp_path / "a.geojson", ring), "grid")
    assert [rejected.message.code for rejected in report.refused] == ["geometry.not_finite"]
    assert not [warning for warning in recwarn if warning.category is RuntimeWarning]


def test_an_unclosed_ring_is_closed_and_listed(session, tmp_path):
    ring = [list(point) for point in shapely.get_coordinates(square(0))][:-1]
    report = load_areas(session, ring_file(tmp_path / "a.geojson", ring), "grid")
    assert "unclosed ring was closed" in " ".join(report.notes)
    assert stored(session)[f"{COMMUNITY}001"].equals(square(0))


def test_a_zip_bomb_is_stopped_while_unpacking(session, tmp_path, monkeypatch):
    monkeypatch.setattr(vector, "MAX_UNZIPPED_BYTES", 3_000_000)
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.shp", b"\0" * 10_000_000)
    assert (tmp_path / "b.zip").stat().st_size < 20_000
    with pytest.raises(TooLarge, match="unpacks to more than 3 MB"):
        load_areas(session, tmp_path / "b.zip", "grid")


def test_a_file_of_another_reader_is_not_opened(session, tmp_path):
    (tmp_path / "a.geojson").write_text(
        "<OGRVRTDataSource><OGRVRTLayer name='x'/></OGRVRTDataSource>"
    )
    with pytest.raises(InvalidInput, match="does not begin as"):
        load_areas(session, tmp_path / "a.geojson", "grid")


def test_of_several_layers_one_must_be_told(session, tmp_path):
    for layer, column in (("one", 0), ("two", 1)):
        frame = geopandas.GeoDataFrame(
            {"code": [f"{COMMUNITY}00{column + 1}"]}, geometry=[square(column)], crs=4490
        )
        frame.to_file(tmp_path / "a.gpkg", layer=layer)
    with pytest.raises(InvalidInput, match="one, two; say which"):
        load_areas(session, tmp_path / "a.gpkg", "grid")
    load_areas(session, tmp_path / "a.gpkg", "grid", ReadOptions(layer="two"))
    assert list(stored(session)) == [f"{COMMUNITY}002"]


# --- the command


@pytest.fixture
def run(session, monkeypatch):
    @contextmanager
    def scope(reason=""):
        with session.begin_nested() as point:
            yield session
            if point.is_active:
                point.rollback()

    monkeypatch.setattr(load_run, "session_scope", scope)
    return lambda *phrase: CliRunner().invoke(command.command, [str(word) for word in phrase])


def test_the_command_rehearses_then_commits(session, tmp_path, run):
    path = grids(tmp_path / "a.gpkg", [square(0)])
    rehearsed = run("areas", path, "--level", "grid")
    assert rehearsed.exit_code == 0 and "nothing was changed" in rehearsed.output
    assert session.scalar(select(func.count()).select_from(Area)) == 0
    done = run("areas", path, "--level", "grid", "--commit", "--json")
    assert done.exit_code == 0, (done.output, done.exception)
    report = json.loads(done.stdout)
    assert report["committed"] and report["crs"] == "EPSG:4490" and report["counts"]["new"] == 1
    assert session.scalar(text("SELECT count(*) FROM dataset WHERE kind = 'areas:grid'")) == 1


def test_a_refused_row_exits_1_with_the_reason_on_stderr(session, tmp_path, run):
    path = grids(tmp_path / "a.gpkg", [square(0), square(0.5)])
    done = run("areas", path, "--level", "grid", "--commit")
    assert done.exit_code == 1
    assert "overlaps feature 2" in done.stderr and "Nothing was loaded" in done.stderr
    assert session.scalar(select(func.count()).select_from(Area)) == 0


def test_wrong_words_exit_2(tmp_path, run):
    path = grids(tmp_path / "a.gpkg", [square(0)])
    assert run("areas", path).exit_code == 2
    assert run("areas", path, "--level", "block").exit_code == 2
    assert run("areas", path, "--level", "grid", "--map", "code").exit_code == 2
