"""A community from files alone: the made-up town, dumped by commands and loaded by commands into an
empty deployment, is the same town there.
"""

import csv
import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from itertools import zip_longest
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.facilities.nearby import find_nearby, find_start
from gis.facilities.opening import network_at
from gis.ops import cluster
from gis.settings import SHANGHAI, Settings
from tests.support.deployment import PreparedDeployments
from tests.support.reading import reading_inside  # noqa: F401
from tests.support.served import Deployment
from tests.support.town_files import run, session_of, write_streets

pytestmark = [pytest.mark.slow, pytest.mark.served, pytest.mark.usefixtures("reading_inside")]

COUNTY, SINCE = "520402", "2026-01-01"
TABLES = (
    *("counties", "streets", "communities", "grids", "units", "buildings", "buildings_with_names"),
    *("households", "people", "facilities", "entrances", "organisations", "members", "takers"),
    *("visits", "incidents", "circles"),
)
FORMULAS, YEAR = ("points", "stars"), str(datetime.now(SHANGHAI).year)
EDITIONS = ["rules", "catalogue", "danger", "standards", "profiles"]
# name the load that a row came from, or the map that was loaded
NOT_SAME = {"source", "network"}
# what happened, told to whom, by which load and set of rules, is of a deployment itself; scenery of
# the map, and flats of units where nobody lives, of the made-up town
OF_THEIR_OWN = """
basemap_feature dataset demand_change disclosure history incident_event notice order_offer
routing_rule rule_set spatial_ref_sys unit_change unit_part
"""
# in the order of docs/guide-administrators.md
LOADS = (
    "areas counties.csv --level county",
    "areas streets.csv --level street",
    "areas communities.csv --level community",
    f"areas grids.gpkg --level grid --effective {SINCE}",
    f"areas units.gpkg --level unit --effective {SINCE}",
    "buildings buildings.csv",
    "households households.csv",
    "people people.csv",
)
LATER_LOADS = (
    "facilities facilities.csv",
    "entrances entrances.csv",
    "osm streets.osm",
    "organisations organisations.csv",
    "members members.csv",
    "takers takers.csv",
    "visits visits.csv",
    "incidents incidents.csv",
)
ACCOUNTS = (  # of who holds no post
    "resident resident",
    "admin administrator",
    f"planner planner {COUNTY}",
    f"auditor auditor {COUNTY}",
)


def dump(deployment: Deployment, folder: Path) -> None:
    folder.mkdir()
    for layer in TABLES:
        run(deployment, "dump", layer, folder / f"{layer}.csv")
    for name in EDITIONS:
        run(deployment, name, "dump", folder / f"{name}.csv")
    for kind in FORMULAS:
        words = ("--county", COUNTY, "--year", YEAR)
        run(deployment, "formula", "dump", kind, folder / f"{kind}.csv", *words)
    for level in ("grids", "units"):  # with their shapes
        run(deployment, "dump", level, folder / f"{level}.gpkg")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    return [{key: row[key] for key in row if key not in NOT_SAME} for row in rows]


def write_places(files: Path) -> None:
    """Write places to ask for: points, and homes by their address."""
    points = [(row["lon"], row["lat"], "") for row in rows_of(files / "buildings.csv")[::20]]
    points += [
        (row["lon"], row["lat"], f"{row['estate']}{row['building_name']}{row['room']}室")
        for row in rows_of(files / "households.csv")[::200]
    ]
    with (files / "places.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "lon", "lat", "crs", "address"])
        table.writerows(
            [number, lon, lat, "cgcs2000", address]
            for number, (lon, lat, address) in enumerate(points, 1)
        )


@pytest.fixture(scope="module")
def demo(prepared: PreparedDeployments) -> Iterator[Deployment]:
    with prepared.demo() as var:
        cluster.start(Settings(var=var), throw_away=True)
        yield Deployment(var)


@pytest.fixture(scope="module")
def files(demo: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that the made-up town hands out."""
    folder = tmp_path_factory.mktemp("town") / "files"
    dump(demo, folder)
    with session_of(demo) as session:
        write_streets(session, folder / "streets.osm")
    write_places(folder)
    return folder


@pytest.fixture(scope="module")
def built(prepared: PreparedDeployments) -> Iterator[Deployment]:
    """An empty deployment; the first test fills it."""
    with prepared.migrated() as var:
        cluster.start(Settings(var=var), throw_away=True)
        yield Deployment(var)


def test_the_made_up_town_is_built_from_files_alone(
    demo: Deployment, built: Deployment, files: Path, tmp_path: Path
) -> None:
    for words in LOADS:
        load(built, files, words)
    run(built, "setup", "--accounts", tmp_path / "passwords.html")
    for account in ACCOUNTS:
        name, role, *area = account.split()
        run(built, "account", "add", name, "--role", role, *(f"--area={code}" for code in area))
    for name in ("rules", "catalogue"):
        loaded = run(built, name, "load", files / f"{name}.csv", "--name", "town", "--commit")
        assert name != "catalogue" or "the same as the edition in force" in loaded
    run(built, "rules", "activate", "town")
    for name in ("danger", "standards", "profiles"):
        run(built, name, "load", files / f"{name}.csv", "--commit")
    for words in LATER_LOADS:
        load(built, files, words)
    for kind in FORMULAS:
        words = (kind, COUNTY, YEAR, files / f"{kind}.csv")
        run(built, "formula", "publish", *words, "--commit")

    again = tmp_path / "files"
    dump(built, again)
    differing = {}
    for name in (*TABLES, *EDITIONS, *FORMULAS):
        old, new = rows_of(files / f"{name}.csv"), rows_of(again / f"{name}.csv")
        if old != new:
            pairs = zip_longest(old, new)
            differing[name] = next(pair for pair in pairs if pair[0] != pair[1])
    assert differing == {}


def load(deployment: Deployment, files: Path, words: str) -> None:
    kind, file, *options = words.split()
    run(deployment, "load", kind, files / file, *options, "--commit")


def test_both_answer_the_same(
    demo: Deployment, built: Deployment, files: Path, tmp_path: Path
) -> None:
    at = datetime.now(SHANGHAI).isoformat()
    answers = [answers_of(town, files, tmp_path, at) for town in (demo, built)]
    for asked in answers[0]:
        assert answers[0][asked] == answers[1][asked], asked


def answers_of(town: Deployment, files: Path, folder: Path, at: str) -> dict[str, object]:
    """What a deployment says of places, matters, orders and itself."""
    located = folder / f"{town.var.name}.csv"
    run(town, "locate", files / "places.csv", located, "--batch", "--at", at)
    places = rows_of(files / "places.csv")
    listed = json.loads(run(town, "incidents", "list", "--json", "--limit", "10000"))
    filed = [report(town, place) for place in places[:60:20]]
    steps = json.loads(run(town, "setup", "--json"))
    with session_of(town) as session:
        return {
            "places": located.read_text("utf-8"),
            "services": [services(session, place, at) for place in places[::40]],
            "open": sorted(
                (row["reported_at"], row["state"], str(row.get("assigned_to"))) for row in listed
            ),
            "offers": [offers(session, number) for number in filed],
            "kinds": run(town, "kind", "list"),
            "policy": run(town, "policy", "show", COUNTY),
            "setup": {step["step"]: step["state"] for step in steps},
            "counts": counts(session),
        }


def services(session: Session, place: dict[str, str], at: str) -> object:
    """What is near a place on foot."""
    moment = datetime.fromisoformat(at)
    start = find_start(session, moment, point=(float(place["lon"]), float(place["lat"])))
    network = network_at(session, "adult", moment)
    return asdict(find_nearby(session, network, start, at=moment, timezone=SHANGHAI))


def report(town: Deployment, place: dict[str, str]) -> str:
    """File an order at a place; its number."""
    point = [f"--{name}={place[name]}" for name in ("lon", "lat", "crs")]
    words = ("incidents", "report", *point, "--category=S0107", "--json", "代取一下快递")
    return str(json.loads(run(town, *words))["id"])


def offers(session: Session, number: str) -> list[object]:
    """To whom an order is offered, and how far they are."""
    query = (
        "SELECT p.code, round(o.distance_m) FROM order_offer o"
        " JOIN personal.person p ON p.id = o.person_id WHERE o.incident_id = :id ORDER BY 1"
    )
    return [tuple(row) for row in session.execute(text(query), {"id": number})]


def counts(session: Session) -> dict[str, int]:
    """How many rows each table has."""
    tables = session.scalars(
        text(
            "SELECT schemaname || '.' || tablename FROM pg_tables"
            " WHERE schemaname IN ('public', 'personal') AND NOT tablename = ANY(:own) ORDER BY 1"
        ),
        {"own": OF_THEIR_OWN.split()},
    ).all()
    return {table: session.scalar(text(f"SELECT count(*) FROM {table}")) or 0 for table in tables}
