"""Loading areas beside and over the grids of another county."""

from datetime import UTC, datetime, timedelta

import geopandas
import pytest
from sqlalchemy import func, select

from gis.areas.models import Area, Boundary
from gis.boundaries.store import publish_shapes
from gis.exchange.areas import load_areas
from gis.messages import render
from tests.support import build

WEST, EAST = "520402007012", "520403001001"  # a community of each county
S = build.SIDE
M = 1 / 100_000  # degrees, about a metre


def square(column, width=1.0, height=1.0, east=0.0):
    """A square of the lattice, moved east by degrees."""
    return build.square(build.LON + column * S + east, build.LAT, width * S, height * S)


def load(session, tmp_path, shapes, level="grid", **options):
    """Load areas by code."""
    path = tmp_path / f"{level}.geojson"
    rows = {"code": list(shapes), "name": [f"区{code}" for code in shapes]}
    geopandas.GeoDataFrame(rows, geometry=list(shapes.values()), crs=4490).to_file(path)
    return load_areas(session, path, level, **options)


def grids(community, *shapes):
    return {f"{community}{number:03d}": shape for number, shape in enumerate(shapes, 1)}


def refusals(report):
    return [str(refusal.reason) for refusal in report.refused]


def count_boundaries(session):
    return session.scalar(select(func.count()).select_from(Boundary))


@pytest.fixture
def west(session, tmp_path):
    """Two grids of the county in the west."""
    report = load(session, tmp_path, grids(WEST, square(0), square(1)))
    assert not report.refused


def test_a_grid_over_another_county_is_refused_with_grids_and_square_metres(
    session, tmp_path, west
):
    stored = count_boundaries(session)
    report = load(session, tmp_path, grids(EAST, square(0, width=3)))
    assert [f"{WEST}00{number}" in text for number, text in enumerate(refusals(report), 1)] == [
        True,
        True,
    ]
    assert all("m² of grid" in text for text in refusals(report))
    assert count_boundaries(session) == stored
    assert session.scalar(select(Area.id).where(Area.code == "520403")) is None


@pytest.mark.parametrize("county, order", [(EAST, 1), (WEST, -1)])
def test_it_does_not_matter_which_county_comes_first(session, tmp_path, county, order):
    files = [grids(WEST, square(0)), grids(EAST, square(0.5))][::order]
    assert not load(session, tmp_path, files[0]).refused
    (reason,) = refusals(load(session, tmp_path, files[1]))
    assert f"{WEST if county == EAST else EAST}001 of another county" in reason


@pytest.mark.parametrize("overlap_m, refused", [(0.0, 0), (0.05, 0), (1.0, 1), (-5.0, 0)])
def test_a_county_beside_another_is_loaded_and_a_strip_is_refused(
    session, tmp_path, west, overlap_m, refused
):
    report = load(session, tmp_path, grids(EAST, square(2, east=-overlap_m * M)))
    assert len(report.refused) == refused


def test_cleaning_gives_no_land_of_another_county_away(session, tmp_path, west):
    report = load(session, tmp_path, grids(EAST, square(2, east=-2 * M)), clean=5.0)
    assert len(report.refused) == 1


def test_two_counties_in_one_file_are_compared_too(session, tmp_path):
    over = grids(WEST, square(0)) | grids(EAST, square(0.5))
    assert len(load(session, tmp_path, over).refused) == 2
    beside = grids(WEST, square(0)) | grids(EAST, square(1))
    assert not load(session, tmp_path, beside).refused
    # land may change hands when the file says what both have now
    moved = grids(WEST, square(0, width=0.5)) | grids(EAST, square(0.5, width=1.5))
    assert not load(session, tmp_path, moved).refused


@pytest.mark.parametrize(
    "level, code", [("community", EAST), ("street", EAST[:9]), ("county", EAST[:6])]
)
def test_an_outline_over_another_county_is_noted(session, tmp_path, west, level, code):
    assert not load(session, tmp_path, grids(EAST, square(2))).refused
    coarse = load(session, tmp_path, {code: square(1, width=2)}, level)
    notes = [message for message in coarse.messages if message.code == "area_shape.outline_note"]
    assert not coarse.refused and len(notes) == 1
    assert f"{WEST}002 of another county" in render(notes[0], "en")
    exact = load(session, tmp_path, {code: square(2)}, level)
    assert not [message for message in exact.messages if message.code == "area_shape.outline_note"]


def test_what_overlaps_already_can_be_loaded_again(session, tmp_path, west):

    assert not load(session, tmp_path, grids(EAST, square(2))).refused
    later = datetime.now(UTC) + timedelta(days=1)
    publish_shapes(
        session, {f"{EAST}001": square(1.5, width=1.5)}, title="t", author="a", effective=later
    )
    again = load(
        session,
        tmp_path,
        grids(EAST, square(1.5, width=1.0)),
        effective=later + timedelta(days=1),
    )
    assert not again.refused
