"""Gaps of coverage: the buildings without a facility within some minutes' walk, one by one."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas.snapshot import Area
from gis.facilities.access_classes import class_of
from gis.facilities.accessibility import stated_count
from gis.facilities.building_coverage import (
    STANDINGS,
    BuildingCoverage,
    Standing,
    read_buildings,
)
from gis.facilities.circles import require_limit
from gis.facilities.planned import planned_id


@dataclass(frozen=True)
class Gap:
    """A building that no facility serves, or of which that cannot be said.

    Attributes
    ----------
    code, name
        The building: code, and estate with number.
    grid, community, community_name
        Where it stands: codes, and the name; empty outside every grid.
    households, people
        Who lives there.
    elders
        How many of the people are sixty or older, as far as households say; None: none says.
    minutes
        Walk to the nearest facility; None: none within an hour.
    missing_minutes
        Minutes beyond the limit; None where `minutes` is.
    facility, facility_name
        The nearest facility; empty for none.
    standing
        beyond, cannot_say (the data end nearer than the facility) or off_network.
    access_class
        Its class of `gis.facilities.access_classes`.
    lon, lat
        The door, else the middle of the footprint, degrees, EPSG:4490.
    """

    code: str
    name: str
    grid: str
    community: str
    community_name: str
    households: int
    people: int
    elders: int | None
    minutes: float | None
    missing_minutes: float | None
    facility: str
    facility_name: str
    standing: str
    access_class: str
    lon: float
    lat: float


def gaps(
    session: Session,
    categories: Sequence[str],
    minutes: int = 15,
    profile: str = "adult",
    *,
    area: str | None = None,
    moment: datetime | None = None,
    open_at: datetime | None = None,
    within: Iterable[Collection[int] | None] = (),
) -> list[Gap]:
    """List the buildings that are not served, those with most people first.

    Parameters
    ----------
    categories, minutes, profile, area, moment, open_at
        As in `gis.facilities.coverage_summary.coverage`.
    within
        Sets of ids of areas; a building is listed if it lies in an area of each. None means all.

    Raises
    ------
    InvalidInput, NotFound, Unavailable
        As in `coverage`.

    Notes
    -----
    Buildings where nobody lives are left out; but where no household at all is known, every
    building is listed.
    """
    require_limit(minutes)
    buildings = read_buildings(session, categories, profile, area, moment, open_at)
    return list_gaps(session, buildings, minutes, within)


def list_gaps(
    session: Session,
    buildings: BuildingCoverage,
    minutes: int,
    within: Iterable[Collection[int] | None] = (),
) -> list[Gap]:
    """List those of some buildings that are not served; see `gaps`."""
    which = buildings.standing(minutes) != STANDINGS.index(Standing.SERVED)
    if buildings.households.any():
        which &= buildings.households > 0
    for areas in within:
        if areas is not None:
            which &= buildings.areas.in_any(frozenset(areas))
    lacking = buildings.select(which)
    standing = lacking.standing(minutes)
    classes = class_of(lacking, minutes)
    number, communities = lacking.areas.at_level("community")
    facilities = {
        row[0]: (row[1], row[2])
        for row in session.execute(
            text("SELECT id, code, name FROM facility WHERE id = ANY(:ids)"),
            {"ids": np.unique(lacking.facility).tolist()},
        )
    }
    facilities |= {
        planned_id(index): (each.code, each.name) for index, each in enumerate(lacking.planned)
    }
    order = np.lexsort((lacking.code, -lacking.minutes, -lacking.people))
    return [
        _gap(
            lacking,
            i,
            minutes,
            communities[number[i]] if number[i] >= 0 else None,
            facilities.get(int(lacking.facility[i]), ("", "")),
            STANDINGS[standing[i]],
            str(classes[i]),
        )
        for i in order.tolist()
    ]


def _gap(
    buildings: BuildingCoverage,
    i: int,
    minutes: int,
    community: Area | None,
    facility: tuple[str, str],
    standing: Standing,
    access_class: str,
) -> Gap:
    walk = float(buildings.minutes[i])
    grid = int(buildings.areas.grid[i])
    return Gap(
        str(buildings.code[i]),
        str(buildings.name[i]),
        "" if grid < 0 else buildings.areas.chains[grid][-1].code,
        "" if community is None else community.code,
        "" if community is None else community.name,
        int(buildings.households[i]),
        int(buildings.people[i]),
        stated_count(buildings.elders[i]),
        round(walk, 2) if np.isfinite(walk) else None,
        round(max(walk - minutes, 0.0), 2) if np.isfinite(walk) else None,
        *facility,
        standing.value,
        access_class,
        round(float(buildings.lon[i]), 7),
        round(float(buildings.lat[i]), 7),
    )
