"""The home that the cells of a row describe: building, stairwell, storey and room must agree."""

from dataclasses import dataclass

from gis.files.report import LoadReport
from gis.files.rooms import Door
from gis.files.tables import Row
from gis.labels import HIGHEST_FLOOR, floor_of_room
from gis.messages import Message
from gis.places.address import label_of_building

MAX_HOUSEHOLD_PEOPLE = 99

Fault = tuple[str, Message]
"""Key of the column at fault, and the reason."""


class HomeError(ValueError):
    """A row that names no home: its faults."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(faults)
        self.faults = faults


@dataclass(frozen=True)
class Home:
    """Where a home is, by its names; None where the row says nothing."""

    building: str | None
    stairwell: str | None
    floor: int | None
    room: str


# columns that count some of the people, with what is said of one that counts more
AMONG_PEOPLE = {
    "elders": "household_row.elders_not_among_people",
    "children": "household_row.children_not_among_people",
}


def combine(row: Row, report: LoadReport) -> Home:
    """Return the home of a row; what is assumed becomes a note of the report.

    Raises
    ------
    HomeError
        With every fault of the row.
    """
    door: Door | None = row["room"]
    named: str | Door | None = row["building_name"]
    building = named if isinstance(named, Door) else Door(building=named)
    faults = _faults(row, door)
    stairwell, fault = _stairwell(row["stairwell"], building, door)
    faults += fault
    if door and door.building:
        faults += _building_faults(row, building.building, door)
    if faults or door is None:
        raise HomeError(faults)
    floor = row["floor"] if row["floor"] is not None else door.floor
    by_room = floor_of_room(door.room) if floor is not None and floor > 0 else None
    implied = door.floor if door.floor is not None and door.floor != floor else by_room
    if implied is not None and implied != floor:
        params = {"room": door.room, "implied": str(implied), "floor": str(floor)}
        report.note_row(
            "household_row.storey_contradicts",
            row.number,
            Message("household_row.storey_detail", params),
        )
    name = building.building
    if name is None and door.building and not row["building"] and row["lon"] is None:
        name = door.building
        detail = Message("household_row.building_detail", {"name": name})
        report.note_row("household_row.building_from_room", row.number, detail)
    return Home(name, stairwell, floor, door.room)


def _faults(row: Row, door: Door | None) -> list[Fault]:
    """Return what is wrong with single cells."""
    people, floor = row["people"], row["floor"]
    faults: list[Fault] = []
    if door is None:
        faults.append(("room", Message("household_row.room_empty")))
    if people is None:
        faults.append(("people", Message("household_row.people_empty")))
    elif not 0 <= people <= MAX_HOUSEHOLD_PEOPLE:
        faults.append(
            (
                "people",
                Message(
                    "household_row.too_many_people",
                    {"people": str(people), "high": MAX_HOUSEHOLD_PEOPLE},
                ),
            )
        )
    else:
        for name, code in AMONG_PEOPLE.items():
            if row[name] is not None and not 0 <= row[name] <= people:
                params: dict[str, object] = {name: str(row[name]), "people": str(people)}
                faults.append((name, Message(code, params)))
    if (floor is not None and not -9 <= floor <= HIGHEST_FLOOR) or floor == 0:
        faults.append(("floor", Message("household_row.no_such_storey", {"floor": str(floor)})))
    if (
        door
        and door.is_floor_written
        and door.floor is not None
        and not -9 <= door.floor <= HIGHEST_FLOOR
    ):
        faults.append(
            ("room", Message("household_row.no_such_storey_in_room", {"floor": str(door.floor)}))
        )
    return faults


def _stairwell(
    written: str | None, building: Door, door: Door | None
) -> tuple[str | None, list[Fault]]:
    """Return the stairwell that the cells of a row agree on, or how they differ."""
    cells = {
        "stairwell": written,
        "building_name": building.stairwell,
        "room": door.stairwell if door else None,
    }
    named = {field: name for field, name in cells.items() if name is not None}
    if len(set(named.values())) > 1:
        (_, earlier), *_, (field, later) = named.items()
        return None, [
            (field, Message("household_row.two_stairwells", {"later": later, "earlier": earlier}))
        ]
    return next(iter(named.values()), None), []


def _building_faults(row: Row, name: str | None, door: Door) -> list[Fault]:
    """Return how the building that a room names differs from that of the row."""
    if name is not None and label_of_building(name) != door.building:
        return [
            ("room", Message("household_row.two_buildings", {"room": door.building, "row": name}))
        ]
    if name is None and (row["building"] or row["lon"] is not None):
        return [
            ("room", Message("household_row.building_named_twice", {"building": door.building}))
        ]
    return []
