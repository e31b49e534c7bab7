"""A small town to site facilities in: a ragged lattice of streets, thirty homes, one clinic."""

from random import Random

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.network.store import WalkEdgeRow, replace_network
from tests.support import build

SIDE = 6  # crossings a side
STEP = 0.001  # degrees between crossings, about 100 m


def make(session: Session, seed: int = 1) -> build.Town:
    """Community 520402007012 with grids 001 (west) and 002 (east), and a clinic in the corner.

    Streets are missing here and there, so that walks are longer than they look; every building
    holds one to three homes.
    """
    dice = Random(seed)
    town = build.Town(session)
    half = SIDE * STEP / 2
    for number, west in (("001", 0.0), ("002", half)):
        shape = build.square(build.LON + west - STEP / 2, build.LAT - STEP / 2, half, SIDE * STEP)
        town.grid(number, shape=shape)
    town.boundary(
        town.community,
        build.square(build.LON - STEP / 2, build.LAT - STEP / 2, SIDE * STEP, SIDE * STEP),
    )
    nodes, edges = _streets(dice)
    replace_network(session, nodes, edges, "test")
    for number in range(30):
        east, north = (dice.uniform(-0.3, SIDE - 1 + 0.3) * STEP for _ in range(2))
        building = town.building(f"{number}号楼", east, north, 0.0001, estate="桂花苑")
        for room in range(dice.randint(1, 3)):
            town.household(building, f"{room + 1}01", people=dice.randint(1, 5))
    session.execute(
        text(
            "INSERT INTO facility (code, county, category, name, geom) VALUES"
            " ('c1', '520402', 'clinic', '西门诊所',"
            f" 'SRID=4490;POINT({build.LON + 0.0001} {build.LAT + 0.0001})')"
        )
    )
    session.flush()
    return town


def _streets(dice: Random) -> tuple[list[tuple[int, float, float]], list[WalkEdgeRow]]:
    places = {
        row * SIDE + column: (
            round(build.LON + (column + dice.uniform(-0.2, 0.2)) * STEP, 7),
            round(build.LAT + (row + dice.uniform(-0.2, 0.2)) * STEP, 7),
        )
        for row in range(SIDE)
        for column in range(SIDE)
    }
    pairs = [(a, a + 1) for a in places if a % SIDE < SIDE - 1]
    pairs += [(a, a + SIDE) for a in places if a + SIDE in places]
    edges = [
        WalkEdgeRow(None, a, b, [places[a], places[b]], "residential", f"第{a}街", False, "")
        for a, b in pairs
        if dice.random() < 0.8
    ]
    used = {end for edge in edges for end in (edge.u, edge.v)}
    return [(number, *places[number]) for number in sorted(used)], edges
