"""Writing layers to files: what is in them, in every format, at any moment."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pyogrio
import pytest
import shapely
from click.testing import CliRunner
from shapely import MultiPolygon, Point, box
from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from gis.areas.models import LEVELS_OVER_COUNTY, Area, Boundary, Revision
from gis.basemap.models import Dataset
from gis.db import allow_boundary_writes
from gis.errors import InvalidInput, NotFound
from gis.exchange.dump import EXPORT_LAYERS, WRITERS, dump, list_attributions
from gis.exchange.entrances import load_entrances
from gis.exchange.facilities import load_facilities
from gis.exchange.households import load_households
from gis.exchange.organisation_columns import ORGANISATION_TABLES
from gis.facilities.models import Entrance, Facility, ServiceCircle
from gis.network.models import WalkEdit
from gis.people.models import Person
from gis.places.models import Building, Household, Stairwell
from tests.support.reading import reading_inside  # noqa: F401
from web.cli import dump as dump_command
from web.cli import template as template_command

pytestmark = pytest.mark.usefixtures("reading_inside")

GRID, UNIT = "520402007004001", "52040200700400101"
BEFORE, AFTER = datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
LAND = box(105.950, 26.230, 105.951, 26.231)
WIDER = box(105.950, 26.230, 105.952, 26.231)
SECRET = "不可外传"


def ewkt(shape: object) -> str:
    return f"SRID=4490;{shape}"


@pytest.fixture
def town(session: Session) -> Session:
    """One of everything; the grid grew to WIDER on 1 March, and somebody answers for it."""
    allow_boundary_writes(session)
    drawn = Revision(title="first", state="published", author="test", published_at=BEFORE)
    session.add(drawn)
    parent = None
    ids = {}
    for level, code in (
        ("province", "52"),
        ("city", "5204"),
        ("county", "520402"),
        ("street", "520402007"),
        ("community", "520402007004"),
        ("grid", GRID),
        ("unit", UNIT),
    ):
        name, county = f"名称{code}", code[:6]
        parent = Area(code=code, level=level, name=name, county=county, parent=parent)
        session.add(parent)
        session.flush()
        ids[level] = parent.id
        for shape, valid in ((LAND, "[2026-01-01,2026-03-01)"), (WIDER, "[2026-03-01,)")):
            if level in LEVELS_OVER_COUNTY:
                continue
            values = {
                "area_id": parent.id,
                "revision_id": drawn.id,
                "geom": ewkt(MultiPolygon([shape])),
            }
            session.execute(
                insert(Boundary).values(**values, valid_time=text(f"'{valid}'::tstzrange"))
            )
    footprint = MultiPolygon([box(105.9502, 26.2302, 105.9504, 26.2304)])
    building = Building(
        code="w1", county="520402", estate="桂花苑", name="3号楼", floors=6, geom=ewkt(footprint)
    )
    point = ewkt(Point(105.9505, 26.2305))
    facility = Facility(
        code="F1",
        county="520402",
        category="pharmacy",
        name="=1+1",
        contact="+86851",
        capacity=8,
        geom=point,
    )
    session.add_all([building, facility])
    session.flush()
    session.add(
        Entrance(facility_id=facility.id, kind="gate", hours="24/7", geom=point, source="page")
    )
    session.add(WalkEdit(kind="close", geom=point, source="page", author=SECRET))
    stairwell = Stairwell(building_id=building.id, name="2")
    session.add(stairwell)
    session.flush()
    session.add_all(
        [
            Household(
                county="520402",
                building_id=building.id,
                stairwell_id=stairwell.id,
                floor=5,
                room="501",
                people=3,
                elders=1,
            ),
            Household(
                county="520402", building_id=building.id, room="02", people=0, unit_id=ids["unit"]
            ),
            ServiceCircle(
                facility_id=facility.id,
                profile="adult",
                minutes=15,
                speed_m_s=1.25,
                network_version="v",
                origin_digest="d",
                off_network=False,
                households=2,
                people=3,
                geom=ewkt(MultiPolygon([WIDER])),
            ),
            Person(code="1", name=SECRET, phone="13800000001"),
        ]
    )
    session.flush()
    session.execute(
        text(
            "INSERT INTO post (county, role, area_id, holder_id, valid_time) "
            "SELECT '520402', 'grid_leader', :grid, id, '[2026-01-01,)' FROM personal.person"
        ),
        {"grid": ids["grid"]},
    )
    return session


def cells(path: Path) -> list[dict[str, object]]:
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [dict(row) for row in csv.DictReader(file)]
    sheet = openpyxl.load_workbook(path).active
    assert sheet is not None
    header, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(map(str, header), row, strict=True)) for row in rows]


@pytest.mark.parametrize("layer", EXPORT_LAYERS)
@pytest.mark.parametrize("ending", WRITERS)
def test_every_layer_is_written_in_every_format_without_names_of_people(
    town: Session, tmp_path: Path, layer: str, ending: str
) -> None:
    path = tmp_path / f"out{ending}"
    if (layer, ending) == ("edits", ".shp"):
        with pytest.raises(InvalidInput):  # points and lines
            dump(town, layer, path)
        return
    count = dump(town, layer, path)
    assert count == (2 if layer == "households" else 1)
    content = b"".join(item.read_bytes() for item in tmp_path.iterdir())
    assert SECRET.encode() not in content and b"13800000001" not in content
    if ending in (".csv", ".xlsx"):
        rows = cells(path)
        assert len(rows) == count and rows[0]["crs"] == "cgcs2000"
        assert SECRET not in str(rows)
    else:
        frame = pyogrio.read_dataframe(path)
        assert len(frame) == count and frame.geometry.is_valid.all()
        assert frame.crs.to_epsg() == (4326 if ending == ".geojson" else 4490)
        assert SECRET not in frame.to_csv()
    assert not [item for item in tmp_path.iterdir() if item.name.startswith(".")]


@pytest.mark.parametrize("ending", [".gpkg", ".geojson", ".fgb", ".shp"])
def test_shapes_and_codes_come_out_as_they_are_stored(
    town: Session, tmp_path: Path, ending: str
) -> None:
    dump(town, "grids", tmp_path / f"g{ending}", BEFORE)
    (row,) = pyogrio.read_dataframe(tmp_path / f"g{ending}").to_dict("records")
    assert (row["code"], row["parent"], row["name"]) == (GRID, "520402007004", f"名称{GRID}")
    assert row["geometry"].equals(LAND)
    assert row["area_m2"] == pytest.approx(11_070, rel=0.01)


def test_a_text_that_a_shapefile_would_cut_is_refused_by_its_column(
    town: Session, tmp_path: Path
) -> None:
    town.execute(text("UPDATE facility SET name = repeat('长', 85)"))  # 255 bytes
    with pytest.raises(InvalidInput, match=r"254 bytes.*name.*长长.*gpkg"):
        dump(town, "facilities", tmp_path / "f.shp")
    assert [*tmp_path.iterdir()] == []
    assert dump(town, "facilities", tmp_path / "f.gpkg") == 1
    town.execute(text("UPDATE facility SET name = repeat('长', 84)"))
    assert dump(town, "facilities", tmp_path / "f.shp") == 1


def test_areas_are_those_in_force_at_the_moment(town: Session, tmp_path: Path) -> None:
    for at, land in (
        (BEFORE, LAND),
        (AFTER, WIDER),
        (datetime(2026, 3, 1, tzinfo=UTC), WIDER),
        (None, WIDER),
    ):
        dump(town, "communities", tmp_path / "c.gpkg", at)
        assert pyogrio.read_dataframe(tmp_path / "c.gpkg").geometry[0].equals(land)


def test_geojson_is_longitude_first_and_counterclockwise(town: Session, tmp_path: Path) -> None:
    dump(town, "grids", tmp_path / "g.geojson")
    (feature,) = json.loads((tmp_path / "g.geojson").read_text(encoding="utf-8"))["features"]
    ring = feature["geometry"]["coordinates"][0][0]
    assert shapely.Polygon(ring).exterior.is_ccw
    assert shapely.Polygon(ring).equals(WIDER)


@pytest.mark.parametrize("ending", [".csv", ".xlsx"])
def test_texts_that_would_be_formulas_are_escaped_and_codes_stay_text(
    town: Session, tmp_path: Path, ending: str
) -> None:
    dump(town, "facilities", tmp_path / f"f{ending}")
    (row,) = cells(tmp_path / f"f{ending}")
    assert (row["name"], row["contact"]) == ("'=1+1", "'+86851")
    assert float(str(row["lon"])) == 105.9505 and str(row["capacity"]) == "8"
    dump(town, "grids", tmp_path / f"g{ending}")
    assert cells(tmp_path / f"g{ending}")[0]["code"] == GRID


@pytest.mark.parametrize("ending", [".csv", ".xlsx"])
def test_a_dumped_spreadsheet_loads_again_and_changes_nothing(
    town: Session, tmp_path: Path, ending: str
) -> None:
    dump(town, "facilities", tmp_path / f"f{ending}")
    report = load_facilities(town, tmp_path / f"f{ending}")
    assert report.refused == [] and report.counts["unchanged"] == 1
    dump(town, "entrances", tmp_path / f"e{ending}")
    report = load_entrances(town, tmp_path / f"e{ending}")
    assert report.refused == [] and report.counts["unchanged"] == 1
    dump(town, "households", tmp_path / f"h{ending}")
    report = load_households(town, tmp_path / f"h{ending}")
    assert report.refused == [] and report.counts["unchanged"] == 2


def test_an_existing_file_stays_when_the_new_one_fails(town: Session, tmp_path: Path) -> None:
    path = tmp_path / "g.csv"
    dump(town, "grids", path)
    earlier = path.read_bytes()
    with pytest.raises(NotFound, match="no grids at 2020-01-01"):
        dump(town, "grids", path, datetime(2020, 1, 1, tzinfo=UTC))
    assert path.read_bytes() == earlier and list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_is_said(town: Session, tmp_path: Path) -> None:
    for layer, name, at, phrase in (
        ("people", "a.csv", None, "no layer people; one of provinces"),
        ("grids", "a.pdf", None, "ending in .gpkg"),
        ("grids", "no/a.csv", None, "no such folder"),
        ("buildings", "a.csv", BEFORE, "no dates"),
    ):
        with pytest.raises(InvalidInput, match=phrase):
            dump(town, layer, tmp_path / name, at)
    assert list(tmp_path.iterdir()) == []


def test_credits_name_whom_to_thank_and_what_is_made_up(town: Session) -> None:
    town.add(
        Dataset(
            kind="osm",
            source="x.pbf",
            digest="",
            attribution="© OpenStreetMap contributors",
            counts={},
        )
    )
    town.add(Dataset(kind="town", source="seed 7", digest="", made_up=True, counts={}))
    town.flush()
    assert list_attributions(town) == ["© OpenStreetMap contributors", "seed 7 is made up"]


def test_the_commands_know_the_layers_and_kinds_of_the_library(tmp_path: Path) -> None:
    others = ["incidents", "people", *ORGANISATION_TABLES, "visits", "divisions"]
    assert dump_command.LAYER_NAMES.split() == [*EXPORT_LAYERS, *others]
    run = CliRunner().invoke(template_command.command, ["areas", str(tmp_path / "a.xlsx")])
    assert run.exit_code == 0 and (tmp_path / "a.xlsx").exists()
    run = CliRunner().invoke(
        dump_command.command, ["grids", "x.csv", "--at", "soon"], standalone_mode=True
    )
    assert run.exit_code == 2 and "not a date" in run.output
