"""The buildings of which something has changed between two states of coverage, one by one."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import invalid_field
from gis.facilities.accessibility import stated_count
from gis.facilities.snapshot_difference import CHANGES, Change, CoverageDifference

BUILDING_NAMES_SQL = "SELECT code, concat(estate, name) FROM building WHERE code = ANY(:codes)"


@dataclass(frozen=True)
class ChangedBuilding:
    """A building of which something has changed.

    Attributes
    ----------
    minutes_before, minutes_after
        Walk to the nearest; None: none within an hour, or there was no such building.
    """

    code: str
    name: str
    community: str
    households: int
    people: int
    elders: int | None
    change: str
    minutes_before: float | None
    minutes_after: float | None
    lon: float
    lat: float


def list_changes(
    session: Session,
    answer: CoverageDifference,
    item: str | None = None,
    within: Collection[int] | None = None,
) -> list[ChangedBuilding]:
    """List the buildings where people live and something has changed, the weightiest first.

    Parameters
    ----------
    item
        Of the items compared; None means the only one.
    within
        Ids of the areas whose buildings may be listed; None means all.

    Raises
    ------
    InvalidInput
        There is no such item.
    """
    by_item = {each.item: each for each in answer.items}
    if item is None and len(by_item) == 1:
        item = next(iter(by_item))
    if item not in by_item:
        raise invalid_field("item", "input.not_among", value=item or "", allowed=[*by_item])
    walks = by_item[item]
    residents = answer.residents
    which = (walks.change != CHANGES.index(Change.SAME)) & (residents.households > 0)
    if within is not None:
        which &= answer.areas.in_any(frozenset(within))
    number, communities = answer.areas.at_level("community")
    order = np.lexsort((answer.code, -residents.people, walks.change))
    order = order[which[order]]
    names = {
        row[0]: row[1]
        for row in session.execute(text(BUILDING_NAMES_SQL), {"codes": answer.code[order].tolist()})
    }
    return [
        ChangedBuilding(
            str(answer.code[i]),
            names.get(str(answer.code[i]), ""),
            "" if number[i] < 0 else communities[number[i]].code,
            int(residents.households[i]),
            int(residents.people[i]),
            stated_count(residents.elders[i]),
            CHANGES[walks.change[i]].value,
            _minutes(walks.walk_before[i]),
            _minutes(walks.walk_after[i]),
            round(float(answer.lon[i]), 7),
            round(float(answer.lat[i]), 7),
        )
        for i in order.tolist()
    ]


def _minutes(walk: float) -> float | None:
    return round(float(walk), 2) if np.isfinite(walk) else None
