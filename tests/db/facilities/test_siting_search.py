"""Siting through the whole path: a small town by brute force, files of candidates, the command."""

import itertools
import json
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import geopandas
import numpy as np
import openpyxl
import pytest
import shapely
from click.testing import CliRunner
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import Forbidden, InvalidInput, NotFound, TooLarge, Unavailable
from gis.exchange.candidates import read_candidates
from gis.facilities import siting_inputs
from gis.facilities.planning_land import land_of_area, planned_land
from gis.facilities.siting_inputs import (
    MAX_SITING_CANDIDATES,
    CandidatePlace,
    street_candidates,
    walking_table,
)
from gis.facilities.siting_problem import Status
from gis.facilities.siting_request import SitingRequest
from gis.facilities.siting_search import closures, pin, site
from gis.network.loading import load_network
from gis.network.profiled import network_for
from gis.network.profiles import get_profile
from gis.rights.actions import Action
from gis.rights.principal import ANONYMOUS, Principal
from tests.bench import city
from tests.support import brute_force, build, siting_town
from tests.support.machine import slowdown

MINUTES = 3
LIMIT_M = MINUTES * 60 * 1.25
HOMES_SQL = """
SELECT b.code, count(*), sum(h.people), ST_X(c), ST_Y(c)
FROM building b JOIN household h ON h.building_id = b.id
CROSS JOIN LATERAL (SELECT coalesce(b.entrance, ST_Centroid(b.geom)) AS c) p
WHERE CAST(:land AS geometry) IS NULL OR ST_Covers(CAST(:land AS geometry), c)
GROUP BY b.code, c ORDER BY b.code
"""


def by_brute_force(
    session: Session,
    sources: list[tuple[float, float]],
    land: str | None = None,
    profile: str = "adult",
):
    """Codes, people and the metres from each source to each home, shape (sources, homes)."""
    network = network_for(session, profile)
    rows = session.execute(text(HOMES_SQL), {"land": land}).all()
    homes = [shapely.Point(*xy) for xy in network.to_metric(*np.array([r[3:] for r in rows]).T)]
    edges = brute_force.edges_of(network)
    metres = [
        brute_force.distances(edges, [shapely.Point(*network.to_metric(*source)[0])], homes)
        for source in sources
    ]
    return [row[0] for row in rows], np.array([row[2] for row in rows], int), np.array(metres)


CLINIC = (build.LON + 0.0001, build.LAT + 0.0001)
ROOMS = [
    (build.LON + east * siting_town.STEP, build.LAT + north * siting_town.STEP)
    for east, north in [(1.2, 3.3), (3.1, 1.4), (4.4, 4.2), (2.2, 4.8), (4.8, 0.6), (0.3, 0.4)]
]


def rooms() -> list[CandidatePlace]:
    return [
        CandidatePlace(f"r{number}", f"{number}号门面", shapely.Point(*position))
        for number, position in enumerate(ROOMS)
    ]


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize(("seed", "profile"), [(1, "adult"), (2, "adult"), (2, "elder")])
def test_the_sites_are_the_best_of_all_choices(
    session: Session, seed: int, profile: str, count: int
) -> None:
    siting_town.make(session, seed)
    codes, people, metres = by_brute_force(session, [CLINIC, *ROOMS], profile=profile)
    within = metres <= MINUTES * 60 * get_profile(profile).speed_m_s
    waiting = ~within[0]

    def newly(choice: tuple[int, ...]) -> int:
        reached = np.logical_or.reduce([within[1 + number] for number in choice])
        return int(people[waiting & reached].sum())

    best = max(newly(choice) for choice in itertools.combinations(range(len(ROOMS)), count))
    answer = site(session, SitingRequest("clinic", count, MINUTES, profile), places=rooms())
    assert answer.status is Status.OPTIMAL and answer.gap == 0
    assert answer.objective == best == sum(s.newly_served.people for s in answer.sites)
    assert newly(tuple(int(chosen.code[1:]) for chosen in answer.sites)) == best
    assert answer.served.people == people[within[0]].sum() > 0
    assert answer.total.people == people.sum() and answer.total.buildings == len(codes)
    assert answer.curve[-1].newly_served == best
    for point in answer.curve:
        choices = itertools.combinations(range(len(ROOMS)), point.sites)
        assert point.newly_served == max(map(newly, choices))
    (closure,) = answer.closures
    assert (closure.code, closure.lose) == ("c1", answer.served)
    states = [state for *_, state in answer.homes]
    assert states.count("served") == within[0].sum()
    assert all(s.community == "西兴社区" and s.near for s in answer.sites)


def test_only_the_inhabitants_of_the_area_count(session: Session) -> None:
    town = siting_town.make(session)
    east = town.community.code + "002"
    land = land_of_area(session, east, build.FROM)
    _, people, metres = by_brute_force(session, [CLINIC, *ROOMS], f"SRID=4490;{land.wkt}")
    answer = site(session, SitingRequest("clinic", 2, MINUTES), land=land, places=rooms())
    inside = [n for n, room in enumerate(ROOMS) if land.contains(shapely.Point(*room))]
    assert 1 < len(inside) < len(ROOMS) and answer.candidate_count == len(inside)
    assert answer.total.people == people.sum()
    within = metres <= LIMIT_M
    best = max(
        people[~within[0] & (within[1 + a] | within[1 + b])].sum()
        for a, b in itertools.combinations(inside, 2)
    )
    assert answer.objective == best
    assert all(chosen.grid == east for chosen in answer.sites)


@pytest.mark.parametrize("model", ["lscp", "p-median", "p-centre"])
def test_the_other_models_answer_too(session: Session, model: str) -> None:
    siting_town.make(session)
    _, people, metres = by_brute_force(session, [CLINIC, *ROOMS])
    answer = site(session, SitingRequest("clinic", 2, MINUTES, model=model), places=rooms())
    assert answer.status is Status.OPTIMAL
    if model == "lscp":
        left = ~(metres <= LIMIT_M).any(axis=0)
        assert answer.out_of_reach.people == people[left].sum()
        return
    pairs = list(itertools.combinations(range(1, 1 + len(ROOMS)), 2))
    walks = [np.minimum(metres[0], metres[list(pair)].min(axis=0)) for pair in pairs]
    best = (
        min((people * walk).sum() for walk in walks)
        if model == "p-median"
        else min(walk.max() for walk in walks)
    )
    assert answer.objective == pytest.approx(best, abs=0.5)


def test_a_pin_newly_serves_whom_nobody_served(session: Session) -> None:
    siting_town.make(session)
    for room in ROOMS:
        codes, people, metres = by_brute_force(session, [CLINIC, room])
        within = metres <= LIMIT_M
        newly = np.flatnonzero(within[1] & ~within[0])
        answer = pin(session, "clinic", *room, minutes=MINUTES)
        assert answer.newly_served.people == people[newly].sum()
        assert answer.within.people == people[within[1]].sum()
        assert {b.code for b in answer.buildings} == {codes[n] for n in newly}
        nearest = [metres[1][codes.index(b.code)] / 75 for b in answer.buildings]
        assert [b.minutes for b in answer.buildings] == pytest.approx(nearest, abs=0.06)
    assert pin(session, "clinic", 106.5, 26.9).off_network


def test_who_loses_a_facility_has_no_other(session: Session) -> None:
    siting_town.make(session)
    for number, (lon, lat) in enumerate(ROOMS[:3]):
        session.execute(
            text(
                "INSERT INTO facility (code, category, name, geom) VALUES"
                f" ('x{number}', 'clinic', '', 'SRID=4490;POINT({lon!r} {lat!r})')"
            )
        )
    _, people, metres = by_brute_force(session, [CLINIC, *ROOMS[:3]])
    within = metres <= LIMIT_M
    alone = within.sum(axis=0) == 1
    losses = {row.code: row.lose.people for row in closures(session, "clinic", MINUTES)}
    assert losses == {
        code: people[within[n] & alone].sum() for n, code in enumerate(["c1", "x0", "x1", "x2"])
    }
    assert list(losses.values()) == sorted(losses.values(), reverse=True)


def test_at_night_a_closed_clinic_does_not_count(session: Session) -> None:
    siting_town.make(session)
    night = datetime(2026, 11, 28, 23, tzinfo=UTC)
    hours = text("UPDATE facility SET opening_hours = :hours WHERE category = 'clinic'")
    served = [site(session, SitingRequest("clinic", 2, MINUTES)).served.people]
    at = SitingRequest("clinic", 2, MINUTES, open_at=night)
    for opening in ("", "Mo-Su 08:00-18:00"):
        session.execute(hours, {"hours": opening})
        answer = site(session, at)
        served.append(answer.served.people)
        place = pin(session, "clinic", *CLINIC, minutes=MINUTES, open_at=night)
        assert (place.newly_served.people > 0) == bool(opening)
        lose = [row.lose.people for row in closures(session, "clinic", MINUTES, open_at=night)]
        assert lose == ([] if opening else [served[0]])
    assert served[0] == served[1] > served[2] == 0
    assert answer.to_dict()["open_at"] == night.isoformat()


def test_candidates_on_streets_lie_on_them_and_apart(session: Session) -> None:
    siting_town.make(session)
    network = load_network(session)
    candidates = street_candidates(network, None)
    points = shapely.points(candidates.points)
    assert (shapely.distance(points, network.lines[candidates.snaps.edge]) < 1e-6).all()
    cells = {tuple(cell) for cell in np.floor(candidates.points / 50).astype(int).tolist()}
    assert len(cells) == len(candidates) > 60
    land = shapely.box(*(network.nodes.min(axis=0)), *(network.nodes.mean(axis=0)))
    part = street_candidates(network, land)
    assert (
        0 < len(part) < len(candidates) and shapely.covers(land, shapely.points(part.points)).all()
    )
    assert len(street_candidates(network, None, most=20)) <= 20


@pytest.mark.parametrize("kind", ["network", "buildings"])
def test_sites_of_streets_and_buildings_have_names(session: Session, kind: str) -> None:
    siting_town.make(session)
    answer = site(session, SitingRequest("clinic", 2, MINUTES, candidates=kind))
    assert answer.status is Status.OPTIMAL and len(answer.sites) == 2
    for chosen in answer.sites:
        assert chosen.name.startswith("桂花苑" if kind == "buildings" else "第")
        assert bool(chosen.code) == (kind == "buildings")
    at_site = pin(session, "clinic", answer.sites[0].lon, answer.sites[0].lat, minutes=MINUTES)
    assert at_site.newly_served == answer.sites[0].newly_served


def test_candidates_come_from_a_map_file_or_a_table(session: Session, tmp_path: Path) -> None:
    siting_town.make(session)
    frame = geopandas.GeoDataFrame(
        {"编号": ["p1", "p2"], "名称": ["东地块", "西地块"]},
        geometry=[shapely.Point(*ROOMS[2]).buffer(0.0003), shapely.Point(*ROOMS[0])],
        crs="EPSG:4490",
    )
    frame.to_file(tmp_path / "parcels.gpkg")
    frame.to_crs(4326).to_file(tmp_path / "parcels.geojson")
    for name in ("parcels.gpkg", "parcels.geojson"):
        places = read_candidates(session, tmp_path / name)
        assert [(location.code, location.name) for location in places] == [
            ("p1", "东地块"),
            ("p2", "西地块"),
        ]
        answer = site(session, SitingRequest("clinic", 2, MINUTES), places=places)
        assert {chosen.code for chosen in answer.sites} == {"p1", "p2"}
    book = openpyxl.Workbook()
    book.active.append(["编号", "名称", "经度", "纬度", "坐标系", "地址"])
    book.active.append(["t1", "门面", *ROOMS[0], "cgcs2000", None])
    book.active.append(["t2", None, None, None, None, "桂花苑3号楼"])
    book.save(tmp_path / "rooms.xlsx")
    room, house = read_candidates(session, tmp_path / "rooms.xlsx")
    assert (room.code, room.shape.coords[0]) == ("t1", pytest.approx(ROOMS[0], abs=1e-6))
    door = session.scalar(
        text("SELECT ST_AsText(ST_PointOnSurface(geom)) FROM building WHERE name = '3号楼'")
    )
    assert house.shape.distance(shapely.from_wkt(door)) < 1e-9 and house.name == "桂花苑3号楼"


def test_files_that_name_no_places_are_refused(session: Session, tmp_path: Path) -> None:
    siting_town.make(session)
    (tmp_path / "x.pdf").write_text("x")
    (tmp_path / "x.csv").write_text("编号,经度,纬度\na,105.95,\n")
    (tmp_path / "y.csv").write_text("编号,经度,纬度,地址\na,,,没有的小区9号楼\n")
    lines = geopandas.GeoDataFrame(
        geometry=[shapely.LineString([ROOMS[0], ROOMS[1]])], crs="EPSG:4490"
    )
    lines.to_file(tmp_path / "lines.gpkg")
    for name, word in (
        ("x.pdf", "gpkg"),
        ("none.csv", "none.csv"),
        ("x.csv", "row 2"),
        ("y.csv", "row 2"),
        ("lines.gpkg", "polygon"),
    ):
        with pytest.raises(InvalidInput, match=word):
            read_candidates(session, tmp_path / name)
    many = [
        CandidatePlace(str(n), "", shapely.Point(*ROOMS[0]))
        for n in range(MAX_SITING_CANDIDATES + 1)
    ]
    with pytest.raises(TooLarge):
        site(session, SitingRequest("clinic"), places=many)


def test_what_cannot_be_asked_is_refused(session: Session) -> None:
    with pytest.raises(Unavailable):
        site(session, SitingRequest("clinic"))
    town = siting_town.make(session)
    for request, word in (
        (SitingRequest("castle"), "castle"),
        (SitingRequest("clinic", 0), "between 1"),
        (SitingRequest("clinic", 51), "between 1"),
        (SitingRequest("clinic", minutes=61), "1 to 60"),
        (SitingRequest("clinic", profile="bird"), "bird"),
        (SitingRequest("clinic", model="best"), "best"),
        (SitingRequest("clinic", weights="cats"), "cats"),
        (SitingRequest("clinic", candidates="sea"), "sea"),
    ):
        with pytest.raises(InvalidInput, match=word):
            site(session, request)
    with pytest.raises(InvalidInput, match="nobody"):
        site(session, SitingRequest("clinic"), land=shapely.box(100, 20, 100.1, 20.1))
    with pytest.raises(InvalidInput, match="no candidate"):
        site(
            session, SitingRequest("clinic"), places=[CandidatePlace("a", "", shapely.Point())][:0]
        )
    with pytest.raises(NotFound):
        land_of_area(session, "999999", build.FROM)
    with pytest.raises(InvalidInput, match="no land"):
        land_of_area(session, town.county.code, build.FROM)


def test_land_is_where_one_may_plan(session: Session) -> None:
    town = siting_town.make(session)
    east = town.community.code + "002"
    ids = frozenset({town.community.id})
    planner = Principal("account", "account p", {Action.DRAFT: ids})
    assert planned_land(session, planner, east, build.FROM).area > 0
    whole = planned_land(session, planner, None, build.FROM)
    assert whole.equals(land_of_area(session, town.community.code, build.FROM))
    with pytest.raises(Forbidden):
        planned_land(session, planner, town.street.code, build.FROM)
    with pytest.raises(Forbidden):
        planned_land(session, ANONYMOUS, None, build.FROM)
    nowhere = Principal("account", "account q", {Action.PUBLISH: frozenset({town.county.id})})
    assert planned_land(session, nowhere, None, build.FROM).is_empty
    assert pin(session, "clinic", *ROOMS[0], land=shapely.MultiPolygon()).within.people == 0


def test_the_command_says_it_and_draws_it(
    session: Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from web.cli import siting

    town = siting_town.make(session)

    @contextmanager
    def scope(reason: str = ""):
        yield session

    monkeypatch.setattr(siting, "session_scope", scope)
    arguments = ["--category", "clinic", "--sites", "2", "--minutes", str(MINUTES)]
    page = tmp_path / "sites.html"
    output = CliRunner().invoke(siting.command, [*arguments, "--json", "--map", str(page)])
    assert output.exit_code == 0, output.output
    answer = json.loads(output.output)
    assert len(answer["sites"]) == 2 and answer["status"] == "optimal"
    assert answer["objective"] == sum(chosen["people"] for chosen in answer["sites"])
    html = page.read_text(encoding="utf-8")
    assert "选址" in html and 'src="http' not in html and 'href="http' not in html
    assert all(json.dumps(chosen["name"])[1:-1] in html for chosen in answer["sites"])
    output = CliRunner().invoke(siting.command, [*arguments, "--area", town.community.code])
    assert output.exit_code == 0 and "newly served" in output.output and "西门诊所" in output.output


def test_a_city_takes_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """200 candidates and 30,000 buildings in the city of 31,000 crossings, distances and all."""
    town = city.make(177)
    rng = np.random.default_rng(3)
    homes = town.network.snap_degrees(*town.places(rng, 30_000).T)
    doors = town.network.snap_degrees(*town.places(rng, 200).T)
    begun = time.monotonic()
    table = walking_table(town.network, doors, np.arange(200), 200, homes, 1125.0)
    assert time.monotonic() - begun < 10 * slowdown()  # 0.1 s alone on a machine
    from gis.network.walk import network_distances

    for number in (0, 77, 199):
        truth = network_distances(town.network, doors[[number]], homes, 1125.0)
        column = table[:, [number]].toarray().ravel()
        assert np.allclose(np.where(column > 0, column, np.inf), truth, atol=1e-5)


def test_a_door_of_several_counts_by_the_best(session: Session) -> None:
    siting_town.make(session)
    network = load_network(session)
    doors = network.snap_degrees(*np.array(ROOMS[:4]).T)
    homes = network.snap_degrees(*np.array(ROOMS[2:]).T)
    apart = walking_table(network, doors, np.arange(4), 4, homes, 2000.0).toarray()
    apart[apart == 0] = np.inf
    joined = walking_table(network, doors, np.array([0, 0, 1, 1]), 2, homes, 2000.0).toarray()
    best = np.stack([apart[:, :2].min(axis=1), apart[:, 2:].min(axis=1)], axis=1)
    assert np.allclose(np.where(joined > 0, joined, np.inf), best)
    assert siting_inputs.nearest_of(
        walking_table(network, doors[[]], np.empty(0, np.int64), 0, homes, 500.0)
    ).tolist() == [np.inf] * len(homes)
