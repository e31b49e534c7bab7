"""Ten-household units that a planner settled on a grid, which the majority does not move again."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import shapely
from sqlalchemy.orm import Session

from gis.areas import codes as patterns
from gis.areas import successors
from gis.areas.models import Level, Operation
from gis.boundaries import draft_grids, draft_identity
from gis.boundaries.household_counts import read_unit_households
from gis.boundaries.identity_operations import holds_part
from gis.boundaries.preview_grids import as_grids, boxes_around
from gis.db import cached_text
from gis.shapes.polygon_coverage import PolygonLike

# The last published decision on each of some units.
LAST_SETTLEMENTS_SQL = """
SELECT DISTINCT ON (o.op ->> 'unit') o.op ->> 'unit' AS unit, o.op ->> 'grid' AS grid
FROM operation o JOIN revision r ON r.id = o.revision_id
WHERE o.op ->> 'op' = 'settle' AND o.op ->> 'unit' = ANY(:units) AND r.state = 'published'
ORDER BY o.op ->> 'unit', r.published_at DESC, o.step DESC
"""
FOOTPRINTS_SQL = """
SELECT DISTINCT b.id, ST_AsBinary(b.geom) FROM area u JOIN unit_part p ON p.unit_id = u.id
  JOIN building b ON b.id = p.building_id WHERE u.code = ANY(:units) ORDER BY b.id
"""


class Decisions(NamedTuple):
    """What is decided on units, by code.

    settled: Grid by unit, of the draft. withdrawn: Units whose decision the draft takes back.
    standing: Grid by unit, as published before.
    """

    settled: Mapping[str, str]
    withdrawn: Collection[str]
    standing: Mapping[str, str]

    def grid_of(self, unit: str, households: Mapping[str, int]) -> str | None:
        """Return the grid that a unit is settled on; None where the majority decides.

        A published decision is void once the grid holds no part of the unit.
        """
        if unit in self.settled:
            return self.settled[unit]
        grid = None if unit in self.withdrawn else self.standing.get(unit)
        return grid if grid is not None and holds_part(grid, households) else None


def decisions(
    session: Session, done: Sequence[Operation], units: Collection[str], at: datetime
) -> Decisions:
    """Return what is decided on some units by a draft, and by publications before."""
    rows = session.execute(cached_text(LAST_SETTLEMENTS_SQL), {"units": list(units)}).all()
    goes_on = draft_identity.recoded(done)
    earlier = successors.successor_codes(session, at) if rows else {}
    standing = {row.unit: earlier.get(row.grid, row.grid) for row in rows if row.grid}
    return Decisions(
        draft_identity.settled_grids(done),
        draft_identity.left_to_majority(done),
        {unit: goes_on.get(grid, grid) for unit, grid in standing.items()},
    )


def decided_footprints(session: Session, done: Sequence[Operation]) -> list[Any]:
    """Return the buildings of the units that a draft decides on: degrees, EPSG:4490."""
    units = {str(item.op["unit"]) for item in done if item.op["op"] == "settle"}
    return unit_footprints(session, units) if units else []


def grids_around(
    session: Session, done: Sequence[Operation], footprints: Sequence[Any]
) -> dict[str, PolygonLike]:
    """Return the newest grids around the buildings of the units that a draft decides on."""
    unit = next(str(item.op["unit"]) for item in done if item.op["op"] == "settle")
    county = patterns.ancestor_code(unit, Level.COUNTY)
    boxes = boxes_around(footprints)
    return draft_grids.neighbouring_grids(session, county, {}, [], boxes).geometries


def unit_footprints(session: Session, units: Collection[str]) -> list[Any]:
    """Return the buildings of some units: degrees, EPSG:4490."""
    rows = session.execute(cached_text(FOOTPRINTS_SQL), {"units": sorted(units)})
    return list(shapely.from_wkb([row[1] for row in rows]))


def unit_grids(
    session: Session,
    county: str,
    drawn: Mapping[str, PolygonLike | None],
    unit: str,
    at: datetime,
) -> dict[str, int]:
    """Return the households of a unit by the grid of a draft they live in.

    Parameters
    ----------
    session
        Open session; only read.
    county
        Code of the county.
    drawn
        Shapes of the draft so far, by code.
    unit
        Code of the unit.
    at
        Moment whose parents apply.
    """
    footprints = unit_footprints(session, [unit])
    if not footprints:
        return {}
    around = draft_grids.neighbouring_grids(session, county, drawn, [], boxes_around(footprints))
    grids = as_grids(around.geometries, {})
    for item in read_unit_households(session, [county], grids, footprints, at):
        if item.code == unit:
            return {grids.codes[row]: count for row, count in item.households.items()}
    return {}
