"""What analysts get as GeoDataFrames: the rows of the database, in EPSG:4490, with the columns
their docstrings name.
"""

import json
import re
import socket
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import networkx
import numpy as np
import pytest
from geopandas import GeoDataFrame
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from gis import frames
from gis.areas.models import Level
from gis.demo.generate import generate_town
from gis.demo.town_areas import COUNTY, PILOT_COMMUNITIES
from gis.errors import InvalidInput, Unavailable
from gis.exchange.dump import dump
from gis.facilities.access_store import recompute_access
from gis.facilities.categories import CATEGORY_BY_KEY
from gis.facilities.service_circles import recompute
from gis.files.vector import read_vector
from gis.frames import read
from gis.incidents.lifecycle.intake import IncidentReport
from gis.incidents.lifecycle.report import file_report
from gis.incidents.reading.incidents import IncidentFilters
from gis.ops import sessions
from gis.ops.cluster import DatabaseUrls
from gis.rights.principal import ANONYMOUS, account_principal, system_principal
from gis.settings import ROOT, Settings
from tests.support import build

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)  # a Tuesday, ten in the morning
PHONE, WORDS = "13911112222", "楼下有一堆垃圾"
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))


@pytest.fixture
def town(session: Session) -> Session:
    """A small made-up town."""
    generate_town(session, households=600)
    return session


def documented(function: object, frame: GeoDataFrame) -> None:
    """Check CRS, index and geometry, and that the docstring names exactly the columns there are."""
    assert frame.crs.to_epsg() == 4490 and frame.geometry.name == "geometry"
    assert frame.index.is_unique
    returns = (function.__doc__ or "").partition("Returns\n    -------")[2].partition("\n\n")[0]
    names = {*frame.index.names, *frame.columns}
    assert names <= set(re.findall(r"`(\w+)`", returns)), function


def count(session: Session, query: str) -> int:
    return int(session.execute(text(query)).scalar_one())


@pytest.mark.parametrize("level", Level)
def test_areas_of_every_level_have_their_parents_and_areas(town: Session, level: Level) -> None:
    frame = frames.areas(town, level)
    documented(frames.areas, frame)
    assert len(frame) == count(town, f"SELECT count(*) FROM area WHERE level = '{level}'")
    assert list(frame.index) == sorted(frame.index)
    assert frame["parent"].isna().all() if level is Level.COUNTY else frame["parent"].notna().all()
    geodesic = frame.to_crs(4527 if frame.empty else frame.estimate_utm_crs()).area
    assert frame["area_m2"].to_numpy() == pytest.approx(geodesic.to_numpy(), rel=0.01, abs=1)


def test_areas_are_those_of_the_moment_and_of_the_area_asked_for(town: Session) -> None:
    old = town.execute(
        text("SELECT min(lower(valid_time)) FROM boundary")
    ).scalar_one() - timedelta(seconds=1)
    assert frames.grids(town, old).empty
    code = PILOT_COMMUNITIES[0][0]
    assert set(frames.communities(town, within=code).index) == {code}
    inside = frames.grids(town, within=code)
    assert len(inside) and set(inside["parent"]) == {code}
    assert frames.units(town, within=COUNTY[0])["level"].eq("unit").all()
    assert str(inside["since"].dt.tz) == "UTC"


def test_buildings_and_households_count_what_is_stored(town: Session) -> None:
    buildings, households = frames.buildings(town), frames.households(town)
    documented(frames.buildings, buildings)
    documented(frames.households, households)
    assert len(buildings) == count(town, "SELECT count(*) FROM building")
    assert households["households"].sum() == 600
    assert households["people"].sum() == count(town, "SELECT sum(people) FROM household")
    assert set(households.index.get_level_values("building")) <= set(buildings.index)
    assert set(households.geom_type) == {"Point"}


def test_facilities_and_circles(town: Session) -> None:
    facilities = frames.facilities(town)
    documented(frames.facilities, facilities)
    assert len(facilities) == count(town, "SELECT count(*) FROM facility") and set(
        facilities.geom_type
    ) == {"Point"}
    clinics = frames.facilities(town, "clinic")
    assert len(clinics) and set(clinics["category"]) == {"clinic"}
    recompute(town, minutes=(5,))
    circles = frames.service_circles(town, 5, "adult")
    documented(frames.service_circles, circles)
    assert set(circles.index.get_level_values("facility")) == set(facilities.index)
    assert set(circles["speed_m_s"]) == {1.25}
    assert frames.service_circles(town, 7).empty


def test_coverage_is_that_of_the_circles(town: Session) -> None:
    recompute(town, minutes=(5,))
    circles = frames.service_circles(town, 5)
    frame = frames.coverage(town, "clinic", 5)
    documented(frames.coverage, frame)
    assert len(frame) == count(town, "SELECT count(*) FROM building")
    assert frame["covered"].equals(frame["distance_m"] <= 5 * 60 * 1.25)
    if len(clinics := circles[circles["category"] == "clinic"]) == 1:
        assert frame.loc[frame["covered"], "households"].sum() == clinics["households"].iloc[0]
    assert frame.loc[frame["covered"], "households"].sum() > 0
    assert np.isinf(frame.loc[~frame["covered"], "distance_m"]).all()
    with pytest.raises(InvalidInput):
        frames.coverage(town, "clinic", 5, "giant")


def test_households_have_the_stored_walks_of_their_buildings(town: Session) -> None:
    assert frames.household_access(town).empty  # nothing is stored yet
    recompute_access(town)
    town.execute(text("UPDATE household SET elders = 1 WHERE id % 2 = 0 AND people > 0"))
    access = frames.household_access(town, "clinic")
    names = {*access.index.names, *access.columns}
    assert names == set(
        re.findall(r"`(\w+)`", frames.household_access.__doc__.split("index", 1)[1])
    )
    assert len(access) == 600 and access.index.is_unique
    assert access["people"].sum() == count(town, "SELECT sum(people) FROM household")
    assert access["elders"].sum() == count(town, "SELECT sum(elders) FROM household")
    minutes = frames.coverage(town, "clinic")["minutes"].replace(np.inf, np.nan)
    expected = minutes.loc[access["building"]].to_numpy()
    np.testing.assert_allclose(access["minutes"].to_numpy(), expected, rtol=1e-6)
    assert len(frames.household_access(town)) == 600 * len(CATEGORY_BY_KEY)
    assert frames.household_access(town, "clinic", "elder").empty


def test_the_view_of_households_has_only_the_rights_of_who_reads_it(session: Session) -> None:
    options, comment, bare = session.execute(
        text("""
        SELECT c.reloptions, obj_description(c.oid),
          (SELECT count(*) FROM pg_attribute a
           WHERE a.attrelid = c.oid AND a.attnum > 0 AND col_description(c.oid, a.attnum) IS NULL)
        FROM pg_class c
        WHERE c.oid = 'household_access'::regclass
        """)
    ).one()
    assert options == ["security_invoker=true"] and comment and bare == 0


def test_coverage_needs_a_network(session: Session) -> None:
    with pytest.raises(Unavailable):
        frames.coverage(session, "clinic")


def test_the_walking_network_is_a_graph_of_metres(town: Session) -> None:
    nodes, edges = frames.walk_network(town)
    returns = (frames.walk_network.__doc__ or "").partition("Returns")[2]
    for frame in (nodes, edges):
        assert frame.crs.to_epsg() == 4490 and frame.index.is_unique
        assert {*frame.index.names, *frame.columns} <= set(re.findall(r"`(\w+)`", returns))
    assert edges.index.names == ["u", "v", "key"] and nodes.index.name == "osmid"
    graph = networkx.MultiGraph()
    graph.add_nodes_from(nodes.index)
    graph.add_edges_from((*ends, {"length": length}) for ends, length in edges["length"].items())
    assert len(graph) == len(nodes) and graph.number_of_edges() == len(edges)
    assert (
        len(max(networkx.connected_components(graph), key=len)) == (nodes["component"] == 0).sum()
    )
    u = nodes.loc[edges.index.get_level_values("u")]
    assert all(
        line.coords[0] == (x, y) for line, x, y in zip(edges.geometry, u["x"], u["y"], strict=True)
    )


def test_incidents_are_those_the_principal_sees_without_contacts(session: Session) -> None:
    town = build.Town(session)
    grid, beside = town.grid("001"), town.grid("002", column=1)
    town.post("grid_worker", grid, "王网格")
    town.post("grid_worker", beside, "邻网格员")
    for column in (0, 1):
        point = {
            "lon": build.LON + build.SIDE * column + 0.0005,
            "lat": build.LAT + 0.0005,
            "crs": "cgcs2000",
        }
        report = IncidentReport("06010", **point, description=WORDS, name="报事人甲", phone=PHONE)  # type: ignore[arg-type]
        file_report(session, ANONYMOUS, report, NOW)
    everybody = frames.incidents(session, system_principal("test"), now=NOW)
    documented(frames.incidents, everybody)
    assert set(everybody["grid"]) == {grid.code, beside.code}
    assert set(everybody["due_status"]) == {"green"}
    assert all(len(number) == 36 for number in everybody.index)
    for secret in (PHONE, WORDS, "报事人甲", "王网格"):
        assert secret not in everybody.reset_index().to_csv()
    worker = account_principal(session, -1, town.person("王网格").id, "wang", NOW)
    assert list(frames.incidents(session, worker, now=NOW)["grid"]) == [grid.code]
    assert frames.incidents(session, ANONYMOUS, now=NOW).empty
    late = frames.incidents(
        session, worker, IncidentFilters(state=["open"], overdue=True), NOW + timedelta(days=90)
    )
    assert list(late["due_status"]) == ["red"]
    with pytest.raises(InvalidInput):
        frames.incidents(session, worker, IncidentFilters(colour="blue"), NOW)


def test_posts_say_roles_and_areas_and_no_names(town: Session) -> None:
    posts = frames.posts(town)
    documented(frames.posts, posts)
    assert len(posts) == count(town, "SELECT count(*) FROM post WHERE valid_time @> now()")
    assert posts["area"].notna().ne(posts["building"].notna()).all()
    assert posts.loc[posts["role"] == "grid_worker", "geometry"].notna().all()
    names = town.scalars(text("SELECT name FROM personal.person")).all()
    assert names and not set(names) & set(posts.astype(str).to_numpy().ravel())


def test_an_empty_database_gives_empty_frames(session: Session) -> None:
    for function in (
        frames.grids,
        frames.communities,
        frames.units,
        frames.buildings,
        frames.households,
        frames.facilities,
        frames.service_circles,
        frames.posts,
    ):
        frame = function(session)
        assert frame.empty and frame.crs.to_epsg() == 4490
    assert frames.incidents(session, system_principal("test")).empty
    assert frames.walk_network(session).edges.empty


@pytest.mark.parametrize("ending", [".gpkg", ".fgb"])
def test_a_file_holds_what_the_frame_holds(
    town: Session, tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "FRAME_BATCH_ROWS", 7)
    path = tmp_path / f"buildings{ending}"
    assert dump(town, "buildings", path) == len(stored := frames.buildings(town))
    content = read_vector(path).to_frame().set_index("code").sort_index()
    assert content.crs.to_epsg() == 4490 and list(content.index) == list(stored.index)
    assert content.geometry.geom_equals(stored.geometry).all()
    assert content["floors"].astype("Int32").equals(stored["floors"])
    assert list(content["estate"]) == list(stored["estate"])


def test_a_session_of_a_notebook_reads_and_does_not_write(
    addresses: DatabaseUrls, tmp_path: Path
) -> None:
    with sessions.open_session(Settings(var=tmp_path, database_url=addresses.app)) as session:
        assert frames.grids(session).empty
        with pytest.raises(DBAPIError, match="read-only"):
            session.execute(text("DELETE FROM dataset"))


def serialise(frame: GeoDataFrame, column: str | None = None, **options: object) -> str:
    """Stand in for `explore` where matplotlib and mapclassify, which it needs, are
    not installed.
    """
    return str(frame[[frame.geometry.name, *filter(None, [column])]].to_crs(4326).to_json())


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_run_without_a_network(
    path: Path, town: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    if find_spec("mapclassify") is None or find_spec("matplotlib") is None:  # which `explore` needs
        monkeypatch.setattr(GeoDataFrame, "explore", serialise)

    def refuse(*arguments: object, **named: object) -> None:
        raise AssertionError("a notebook asked the network")

    recompute(town)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(sessions, "open_session", lambda: town)
    names: dict[str, object] = {}
    cells = [
        cell
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
        if cell["cell_type"] == "code"
    ]
    assert cells and not any(cell["outputs"] for cell in cells)
    for number, cell in enumerate(cells, 1):
        exec(compile("".join(cell["source"]), f"{path.name}, cell {number}", "exec"), names)
