"""Homes selected by building, stairwell, floors and doors."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from gis.errors import InvalidInput, invalid_field
from gis.messages import Message

MAX_SELECTIONS = 500  # in one move
MAX_ROOMS = 500  # named in one selection
MAX_NAMED_CODES = 5  # in an error

# The homes of a selection with their units. Raw SQL: a composite key, compared as a whole.
SELECTED_SQL = """
SELECT h.county, h.id, h.building_id, h.unit_id, h.room, s.name AS stairwell
FROM household h LEFT JOIN stairwell s ON s.id = h.stairwell_id
WHERE h.building_id = (SELECT id FROM building WHERE code = :building)
  AND (CAST(:stairwell AS text) IS NULL OR coalesce(s.name, '') = :stairwell)
  AND (CAST(:low AS int) IS NULL OR h.floor BETWEEN :low AND :high)
  AND (CAST(:rooms AS text[]) IS NULL OR h.room = ANY(:rooms))
"""


@dataclass(frozen=True)
class HomeSelection:
    """Homes of a building.

    Attributes
    ----------
    building
        Its code.
    stairwell
        Name of the stairwell; the empty text means homes without one, None all homes.
    floors
        Lowest and highest storey, inclusive, basements below zero; homes whose storey is not known
        are left out. None means every storey.
    rooms
        Only these doors, as registered. None means all.
    """

    building: str
    stairwell: str | None = None
    floors: tuple[int, int] | None = None
    rooms: tuple[str, ...] | None = None


def select_homes(session: Session, selections: Sequence[HomeSelection]) -> list[Row[Any]]:
    """Return the homes of some selections, each once.

    Raises
    ------
    InvalidInput
        A selection holds no home, or names an unknown or ambiguous door.
    """
    if not 0 < len(selections) <= MAX_SELECTIONS:
        raise InvalidInput("unit.selections_wrong", limit=MAX_SELECTIONS)
    homes: dict[tuple[str, int], Row[Any]] = {}
    for selection in selections:
        low, high = selection.floors or (None, None)
        rows = session.execute(
            text(SELECTED_SQL),
            {
                "building": selection.building,
                "stairwell": selection.stairwell,
                "low": low,
                "high": high,
                "rooms": None if selection.rooms is None else list(selection.rooms),
            },
        ).all()
        _check_selection(selection, rows)
        homes |= {(row.county, row.id): row for row in rows}
    return list(homes.values())


def _check_selection(selection: HomeSelection, rows: Sequence[Row[Any]]) -> None:
    """Refuse a selection that does not say which homes it means.

    Raises
    ------
    InvalidInput
        It holds no home, or a door is unknown or stands for several homes.
    """
    where = Message("unit.place", {"building": selection.building[:60]})
    doors = Counter(row.room for row in rows)
    if missing := sorted(set(selection.rooms or ()) - doors.keys()):
        raise invalid_field(
            "homes", "unit.unknown_rooms", place=where, rooms=missing[:MAX_NAMED_CODES]
        )
    if selection.rooms is not None and selection.stairwell is None:
        several = sorted(room for room, count in doors.items() if count > 1)
        if several:
            raise invalid_field(
                "homes", "unit.ambiguous_rooms", place=where, rooms=several[:MAX_NAMED_CODES]
            )
    if not rows:
        raise invalid_field("homes", "unit.no_home_there", place=where)
