"""Coverage of areas: who has a facility within a walk, who has not, and who cannot be judged."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import numpy as np
from sqlalchemy.orm import Session

from gis.areas.models import Level
from gis.facilities.accessibility import sum_elders
from gis.facilities.building_coverage import (
    STANDINGS,
    BuildingCoverage,
    Standing,
    read_buildings,
    require_level,
    within_straight_line,
)
from gis.facilities.circles import require_limit
from gis.network.snapping import Bools, Ints

CIRCLE_PARTS = ("plain_circle", "circle_only", "walk_only")


@dataclass(frozen=True)
class Tally:
    """How many buildings, households and people.

    Attributes
    ----------
    elders
        How many of the people are sixty or older, as far as households say; None: none says.
    """

    buildings: int
    households: int
    people: int
    elders: int | None = None


def flat_counts(parts: Mapping[str, Tally]) -> dict[str, object]:
    """Return counts under flat names: the key of the part before the name of the count."""
    return {
        f"{prefix}{name}": count
        for prefix, each in parts.items()
        for name, count in asdict(each).items()
    }


@dataclass(frozen=True)
class AreaCoverage:
    """Coverage of one area.

    Attributes
    ----------
    code, name
        The area; None and empty for buildings outside every grid, and for the total.
    total
        All buildings of the area.
    served, beyond, cannot_say, off_network
        They make up the total. Cannot say: the data end within the limit, or the hours of a
        facility within it do not tell, and no facility is certainly within it; off the network: no
        street is near.
    plain_circle
        Whom a circle as the crow flies would count as served.
    circle_only, walk_only
        Who is within the circle but certainly beyond the walk, and who is served though outside the
        circle (by another door than the main one).
    elders_unknown
        Households that do not say how many of them are sixty or older.
    """

    code: str | None
    name: str
    total: Tally
    served: Tally
    beyond: Tally
    cannot_say: Tally
    off_network: Tally
    plain_circle: Tally
    circle_only: Tally
    walk_only: Tally
    elders_unknown: int

    @property
    def share(self) -> float | None:
        """Share of households that are served among those of which it can be said; None: none."""
        return _share(self.served.households, self.beyond.households)

    @property
    def share_people(self) -> float | None:
        """Share of people that are served among those of whom it can be said; None: nobody."""
        return _share(self.served.people, self.beyond.people)

    def figures(self) -> dict[str, object]:
        """Return the figures under flat names, as `households` and `served_households`."""
        parts = {"": self.total}
        parts |= {f"{value}_": getattr(self, value) for value in STANDINGS}
        parts |= {f"{name}_": getattr(self, name) for name in CIRCLE_PARTS}
        return flat_counts(parts) | {
            "elders_unknown": self.elders_unknown,
            "share": self.share,
            "share_people": self.share_people,
        }


@dataclass(frozen=True)
class CoverageSummary:
    """Coverage by area.

    Attributes
    ----------
    categories, minutes, profile, open_at, by
        What was asked: the nearest facility of any of the categories counts.
    network_version, computed_at
        Of the labels.
    flat
        Whether walks are as on the level, since the network knows no heights.
    totals
        All buildings that were asked about.
    areas
        One entry an area with buildings, by code; those outside every grid come last.
    """

    categories: tuple[str, ...]
    minutes: float
    profile: str
    open_at: datetime | None
    by: str
    network_version: str
    computed_at: datetime
    flat: bool
    totals: AreaCoverage
    areas: tuple[AreaCoverage, ...]

    def as_json(self) -> dict[str, object]:
        """Return the summary as the API and the command show it."""
        return {
            "category": ",".join(self.categories),
            "minutes": self.minutes,
            "profile": self.profile,
            "open_at": None if self.open_at is None else self.open_at.isoformat(),
            "by": self.by,
            "network_version": self.network_version,
            "flat": self.flat,
            "computed_at": self.computed_at.isoformat(),
            "totals": self.totals.figures(),
            "areas": [{"code": row.code, "name": row.name} | row.figures() for row in self.areas],
        }


def coverage(
    session: Session,
    categories: Sequence[str],
    minutes: float = 15,
    profile: str = "adult",
    *,
    area: str | None = None,
    by: str = "community",
    moment: datetime | None = None,
    open_at: datetime | None = None,
) -> CoverageSummary:
    """Sum up who has a facility within a walk, by area.

    Parameters
    ----------
    categories
        Keys of `gis.facilities.categories`; of several the nearest facility of any counts.
    minutes
        1 to 60.
    profile
        Who walks.
    area
        Only the area with this code; None means everywhere.
    by
        county, street, community or grid.
    moment
        Whose boundaries count; None means now.
    open_at
        Only facilities open at this moment count, in the time zone of the place; None means all.

    Raises
    ------
    InvalidInput
        The limit, a category, the profile or the level is not possible, or the area is a unit.
    NotFound
        No area has the code.
    Unavailable
        No walking network is loaded.
    """
    require_limit(minutes)
    level = require_level(by)
    buildings = read_buildings(session, categories, profile, area, moment, open_at)
    return summarise(session, buildings, categories, minutes, level)


def summarise(
    session: Session,
    buildings: BuildingCoverage,
    categories: Sequence[str],
    minutes: float,
    level: Level,
) -> CoverageSummary:
    """Sum up some buildings by area; `categories` are those of their walks."""
    standing = buildings.standing(minutes)
    plain = within_straight_line(session, buildings, categories, minutes)
    number, areas = buildings.areas.at_level(level)
    rows = [
        _row(buildings, number == i, standing, plain, where.code, where.name)
        for i, where in enumerate(areas)
    ]
    if (number < 0).any():
        rows.append(_row(buildings, number < 0, standing, plain))
    return CoverageSummary(
        tuple(dict.fromkeys(categories)),
        minutes,
        buildings.walker.name,
        buildings.open_at,
        level.value,
        buildings.walker.network.version,
        buildings.computed_at,
        buildings.walker.network.flat,
        _row(buildings, np.ones(len(buildings.id), bool), standing, plain),
        tuple(each for each in rows if each.total.buildings),
    )


def sum_up(
    session: Session, buildings: BuildingCoverage, categories: Sequence[str], minutes: float
) -> AreaCoverage:
    """Return the coverage of all of some buildings; `categories` are those of their walks."""
    return _row(
        buildings,
        np.ones(len(buildings.id), bool),
        buildings.standing(minutes),
        within_straight_line(session, buildings, categories, minutes),
    )


def _row(
    buildings: BuildingCoverage,
    which: Bools,
    standing: Ints,
    plain: Bools,
    code: str | None = None,
    name: str = "",
) -> AreaCoverage:
    by_standing = {value.value: which & (standing == i) for i, value in enumerate(STANDINGS)}
    return AreaCoverage(
        code,
        name,
        total=tally(buildings, which),
        plain_circle=tally(buildings, which & plain),
        circle_only=tally(buildings, by_standing[Standing.BEYOND] & plain),
        walk_only=tally(buildings, by_standing[Standing.SERVED] & ~plain),
        elders_unknown=int(buildings.elders_unknown[which].sum()),
        **{name: tally(buildings, those) for name, those in by_standing.items()},
    )


def tally(buildings: BuildingCoverage, which: Bools) -> Tally:
    """Count some of the buildings, their households and people."""
    people = buildings.people[which]
    return Tally(
        int(which.sum()),
        int(buildings.households[which].sum()),
        int(people.sum()),
        sum_elders(buildings.elders[which], people),
    )


def _share(served: int, beyond: int) -> float | None:
    return served / (served + beyond) if served + beyond else None
