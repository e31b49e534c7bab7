"""The entry to a made-up town: checks the database and writes the town once."""

import hashlib

import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.demo.households import (
    PILOT_HOUSEHOLDS,
)
from gis.demo.streets import (
    HOUSEHOLDS_PER_GRID,
    Plan,
    make_plan,
    to_degrees,
)
from gis.demo.town import Progress, TownWriter
from gis.errors import Conflict, InvalidInput
from gis.files.datasets import is_loaded, record_load
from gis.files.report import LoadReport

GENERATOR_VERSION = (
    2  # of the generator: part of the digest, raised when the same seed gives another town
)


MIN_HOUSEHOLDS, MAX_HOUSEHOLDS = 100, 2_000_000


def generate_town(
    session: Session,
    seed: int = 2026,
    households: int = PILOT_HOUSEHOLDS,
    progress: Progress | None = None,
) -> LoadReport:
    """Generate a made-up town; does nothing if it is there already.

    At the default size it is the Zone's pilot: 3 communities, 35 grids, 510 units, 8,800
    households, 24,000 people.

    Parameters
    ----------
    seed
        The same seed and size give the same town.
    households
        From 100 to 2,000,000.
    progress
        Called with (grids done, grids).

    Raises
    ------
    InvalidInput
        The size is out of range.
    Conflict
        The database holds another town, or areas that are not this town's.
    """
    if not MIN_HOUSEHOLDS <= households <= MAX_HOUSEHOLDS:
        raise InvalidInput(
            "demo.households_out_of_range",
            low=MIN_HOUSEHOLDS,
            high=MAX_HOUSEHOLDS,
            households=households,
        )
    description = f"seed {seed}, {households} households"
    digest = hashlib.sha256(f"town {GENERATOR_VERSION}: {description}".encode()).hexdigest()
    report = LoadReport("town", description, crs="EPSG:4490")
    if is_loaded(session, "town", digest):
        report.note("town.already_there")
        report.counts = dict(
            session.scalar(text("SELECT counts FROM dataset WHERE kind = 'town'")) or {}
        )
        return report
    if session.scalar(text("SELECT EXISTS (SELECT FROM area)")):
        raise Conflict("demo.areas_present")
    town = TownWriter(
        session, make_plan(seed, max(1, round(households / HOUSEHOLDS_PER_GRID))), seed, households
    )
    town.write(progress)
    report.counts, report.bbox = town.counts, _extent(town.plan)
    record_load(session, "town", description, digest, report.counts, "", made_up=True)
    return report


def _extent(plan: Plan) -> tuple[float, float, float, float]:
    """Return west, south, east and north of a plan, degrees."""
    corners = plan.corners.reshape(-1, 2)
    west, south, east, north = shapely.total_bounds(
        shapely.points(to_degrees(corners[:, 0], corners[:, 1]))
    ).tolist()
    return west, south, east, north
