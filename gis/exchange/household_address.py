"""What the cells of a row say together about one home: building, stairwell, storey and room must agree."""

from dataclasses import dataclass

from gis.files.report import LoadReport
from gis.files.rooms import Door
from gis.files.tables import Row
from gis.labels import HIGHEST_FLOOR, floor_of_room
from gis.places.address import label_of_building

MAX_PEOPLE = 99


@dataclass(frozen=True)
class Home:
    """Where a home is, by its names; None where the row says nothing."""

    building: str | None
    stairwell: str | None
    floor: int | None
    room: str


def combine(row: Row, report: LoadReport) -> Home:
    """Return the home of a row; what is assumed becomes a note of the report.

    Raises:
        ValueError: Its argument lists the faults, field and reason of each.
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
        raise ValueError(faults)
    floor = row["floor"] if row["floor"] is not None else door.floor
    by_room = floor_of_room(door.room) if floor is not None and floor > 0 else None
    implied = door.floor if door.floor is not None and door.floor != floor else by_room
    if implied is not None and implied != floor:
        detail = f"room {door.room} is on storey {implied}, the storey says {floor}; {floor} is stored"
        report.note_row("the storey contradicts the room", row.number, detail)
    name = building.building
    if name is None and door.building and not row["building"] and row["lon"] is None:
        name = door.building
        report.note_row("the building is read from the room", row.number, f"building {name}")
    return Home(name, stairwell, floor, door.room)


def _faults(row: Row, door: Door | None) -> list[tuple[str, str]]:
    """What is wrong with single cells: field and reason."""
    people, floor = row["people"], row["floor"]
    faults = []
    if door is None:
        faults.append(("room", "is empty; write the number at the door, or 1 for a house of one home"))
    if people is None:
        faults.append(("people", "is empty; write how many live there, 0 when nobody does"))
    elif not 0 <= people <= MAX_PEOPLE:
        faults.append(("people", f"{people} people cannot live in one home; 0 to {MAX_PEOPLE} are taken"))
    if (floor is not None and not -9 <= floor <= HIGHEST_FLOOR) or floor == 0:
        faults.append(("floor", f"{floor} is not a storey; they count from 1, below ground from -1"))
    if door and door.is_floor_written and door.floor is not None and not -9 <= door.floor <= HIGHEST_FLOOR:
        faults.append(("room", f"{door.floor} is not a storey; write the room as 501"))
    return faults


def _stairwell(written: str | None, building: Door, door: Door | None) -> tuple[str | None, list[tuple[str, str]]]:
    """Return the stairwell that the cells of a row agree on, or how they differ."""
    cells = {"stairwell": written, "building_name": building.stairwell, "room": door.stairwell if door else None}
    named = {field: name for field, name in cells.items() if name is not None}
    if len(set(named.values())) > 1:
        (_, first), *_, (field, last) = named.items()
        return None, [(field, f"names stairwell {last}, but the row says stairwell {first} too; write one of them")]
    return next(iter(named.values()), None), []


def _building_faults(row: Row, name: str | None, door: Door) -> list[tuple[str, str]]:
    """How the building that a room names differs from that of the row."""
    if name is not None and label_of_building(name) != door.building:
        return [("room", f"names building {door.building}, but the row says {name}; write one of them")]
    if name is None and (row["building"] or row["lon"] is not None):
        return [("room", f"names building {door.building}, and the row names it otherwise; write the room alone")]
    return []
