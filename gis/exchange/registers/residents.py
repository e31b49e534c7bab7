"""A register of residents as homes: person rows are counted, and names and numbers are dropped."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import text

from gis.errors import InvalidInput
from gis.exchange.building_match import BuildingNotFound, BuildingQuery
from gis.exchange.registers.area_names import NamedArea
from gis.exchange.registers.cells import CHILD_TO, ELDERLY_FROM, years_between
from gis.exchange.registers.filled_places import with_places_filled, with_registered
from gis.exchange.registers.reading import Register, status_of
from gis.exchange.registers.scope import Defaults, Scope
from gis.files.cells import CellError, Guess
from gis.files.report import LoadReport
from gis.files.rooms import Door, parse_building_name
from gis.files.table_rows import Row
from gis.files.tables import Table
from gis.labels import normalise_text
from gis.messages import Message
from gis.places.address import Address, parse_address
from gis.places.naming import BuildingLabel, label_building, readings

ONLY_ROOM = "1"  # of a house with one home
# columns of a list with a row for each person, one of which it must have
PERSON_FIELDS = frozenset({"relation", "identity", "person", "birth", "age"})
BUILDING_LABELS_SQL = "SELECT id, code, name, estate, address FROM building WHERE id = ANY(:ids)"


@dataclass
class Place:
    """Where a row says that somebody lives.

    query: The building as the row names it. door: Stairwell, storey and room of the row's cells; of
    an address once the building is known. community: Where the building is looked for first. grid:
    As the row names it.
    """

    query: BuildingQuery
    door: Door | None = None
    address: Address | None = None
    field: str = "address"
    community: NamedArea | None = None
    grid: NamedArea | None = None


@dataclass
class Home:
    """A home with who lives there.

    first: The first of its rows. ages: Of each person; None where the row does not say. names: What
    tells them apart.
    """

    first: Row
    building: str
    door: Door
    people: int = 0
    ages: list[int | None] = field(default_factory=list)
    households: set[str] = field(default_factory=set)
    names: set[int] = field(default_factory=set)


def to_households(scope: Scope, register: Register, report: LoadReport) -> Table:
    """Return the homes of a register for `gis.exchange.households`.

    Raises
    ------
    InvalidInput
        It has neither a number of people nor a row for each person.
    """
    by_person = is_by_person(register)
    if by_person and not PERSON_FIELDS & register.headers.keys():
        raise InvalidInput("register.no_people", file=report.source)
    register = with_registered(register, report)
    table = Table({**register.headers, "building": _place_header(register)}, iter(()))
    defaults = Defaults(scope, register, report)
    rows = with_places_filled(defaults.with_estates(register.rows, report), by_person, report)
    rows = [row for row in rows if not _is_out(row, scope.today, report)]
    places = _places(rows, defaults, table, report)
    buildings = _buildings(scope, rows, places, table, report)
    homes: dict[tuple[object, ...], Home] = {}
    seen: dict[int, tuple[int, object]] = {}  # row and home by identity
    for row in rows:
        if row.number not in buildings:
            continue
        code, door = buildings[row.number]
        key: tuple[object, ...] = (code, door.stairwell, door.room)
        if by_person and _is_known_person(row, key, seen, table, report):
            continue
        if not by_person:
            key = (row.number,)  # two rows of one home are refused by the loader
        home = homes.setdefault(key, Home(row, code, door))
        if by_person and row["person"] in home.names:
            report.note_row("register_row.same_name", row.number)
        home.names |= {row["person"]} - {None}
        home.people += 1
        home.ages.append(_age(row, scope.today))
        if row["household_number"]:
            home.households.add(row["household_number"])
    if by_person:
        _note_doubts(homes.values(), report)
    if by_person and "relation" not in register.headers:
        for home in homes.values():
            if home.people == 1:
                report.note_row("register_row.one_person", home.first.number)
    values = [_household(home, by_person, scope, table, report) for home in homes.values()]
    columns = {
        **table.columns,
        **{key: table.columns.get(key, table.columns["building"]) for key in ("room", "people")},
    }
    return Table(columns, iter(sorted(values, key=lambda row: row.number)))


def is_by_person(register: Register) -> bool:
    """Return whether each row is a person: somebody is a member of another row's home."""
    if "people" not in register.headers:
        return True
    return any(row["relation"] == "member" for row in register.rows)


def _place_header(register: Register) -> str:
    return next(
        (register.headers[key] for key in ("building", "building_name", "address")
         if key in register.headers), "")  # fmt: skip


def _is_out(row: Row, today: date, report: LoadReport) -> bool:
    """Return whether a row is of somebody who does not live there, which is noted."""
    left = row["left_day"] is not None and row["left_day"] <= today
    reason = status_of(row) or (str(row["left_day"]) if left else "")
    if reason:
        report.note_row("register_row.not_counted", row.number, reason)
    return bool(reason)


def _is_known_person(
    row: Row,
    home: object,
    seen: dict[int, tuple[int, object]],
    table: Table,
    report: LoadReport,
) -> bool:
    """Return whether a person was in an earlier row, by the identity number.

    In the same home that is noted; in another one the row is refused.
    """
    if row["identity"] is None:
        return False
    earlier, other = seen.setdefault(row["identity"].same, (row.number, home))
    if earlier == row.number:
        return False
    if other == home:
        detail = Message("load.row", {"row": str(earlier)})
        report.note_row("register_row.same_person", row.number, detail)
    else:
        report.refused.append(
            table.refuse(row.number, "identity", "register_row.in_two_homes", row=str(earlier))
        )
    return True


def _places(
    rows: Sequence[Row], defaults: Defaults, table: Table, report: LoadReport
) -> dict[int, Place]:
    """Return where each row says that a home is, by its number; refuse those that do not."""
    places: dict[int, Place] = {}
    for row in rows:
        community = defaults.community(row)
        if isinstance(community, Message):
            report.refused.append(table.refuse(row.number, "community", community))
        elif place := _place(row, table, report):
            place.community, place.grid = community, defaults.grid(row, community)
            places[row.number] = place
    return places


def _place(row: Row, table: Table, report: LoadReport) -> Place | None:
    """Return where a row says that a home is; None, refused, where it does not."""
    if row["building"] or row["building_name"] or (row["room"] and not row["address"]):
        return _of_cells(row, table, report)
    if not row["address"]:
        key = next((key for key in ("address", "building_name") if key in table.columns), "address")
        report.refused.append(table.refuse(row.number, key, "register_row.no_address"))
        return None
    address = parse_address(row["address"])
    if address.several or len(address.storeys) > 1:
        report.refused.append(table.refuse(row.number, "address", "register_row.several_places"))
        return None
    return Place(BuildingQuery(address=row["address"]), row["room"], address)


def _of_cells(row: Row, table: Table, report: LoadReport) -> Place | None:
    """Return the place of estate, building and room in cells of their own."""
    door = row["room"]
    try:
        read = parse_building_name(row["building_name"]) if row["building_name"] else None
    except CellError as error:
        report.refused.append(table.refuse(row.number, "building_name", error.message))
        return None
    if isinstance(read, Guess):
        report.note_row(read.code, row.number, read.detail)
        read = read.value
    named = read if isinstance(read, Door) else Door(building=read)
    stairwell, name = row["stairwell"] or named.stairwell, named.building
    if door is None:
        report.refused.append(table.refuse(row.number, "room", "household_row.room_empty"))
        return None
    if door.stairwell and stairwell and door.stairwell != stairwell:
        reason = Message(
            "household_row.two_stairwells", {"later": door.stairwell, "earlier": stairwell}
        )
        report.refused.append(table.refuse(row.number, "room", reason))
        return None
    name = name or door.building
    if not name and not row["building"]:
        report.refused.append(table.refuse(row.number, "building_name", "register_row.no_building"))
        return None
    floor = row["floor"] if row["floor"] is not None else door.floor
    merged = Door(door.room, name, stairwell or door.stairwell, floor)
    return Place(BuildingQuery(row["building"], row["estate"], name), merged, field="building_name")


def _buildings(
    scope: Scope,
    rows: Sequence[Row],
    places: dict[int, Place],
    table: Table,
    report: LoadReport,
) -> dict[int, tuple[str, Door]]:
    """Return the code of the building and the door of each row that names one of the reader's."""
    ids = scope.match([(place.query, place.community) for place in places.values()])
    matched = {match for match in ids.values() if isinstance(match, int)}
    labels = {
        row.id: (row.code, label_building(row.name, row.estate, row.address))
        for row in scope.session.execute(text(BUILDING_LABELS_SQL), {"ids": sorted(matched)})
    }
    foreign = scope.foreign_buildings(matched)
    inside = {
        area: scope.standing_in(area, matched)
        for area in {area for each in places.values() for area in (each.community, each.grid)}
        if area is not None
    }
    doors: dict[int, tuple[str, Door]] = {}
    for row in rows:
        if (place := places.get(row.number)) is None:
            continue
        match = ids[place.query, place.community]
        reason: Message | None = None
        if isinstance(match, BuildingNotFound):
            reason = match.reason
        elif match in foreign:
            reason = Message("register_row.not_yours")
        else:
            code, label = labels[match]
            door = _door(place, label)
            if isinstance(door, Guess):
                report.note_row(door.code, row.number, door.detail)
                door = door.value
            if isinstance(door, Message):
                reason = door
            else:
                doors[row.number] = (code, door)
            for area in (place.community, place.grid):
                if area is not None and match not in inside[area]:
                    report.note_row("register_row.outside_community", row.number, area.name)
        if reason is not None:
            report.refused.append(table.refuse(row.number, place.field, reason))
    return doors


def _door(place: Place, label: BuildingLabel) -> Door | Guess | Message:
    """Return the door of a place, once its building is known; or why there is none."""
    if place.address is None:
        assert place.door is not None
        return place.door
    options = readings(place.address, label)
    if len(options) != 1:
        return Message("register_row.several_places")
    address = options[0]
    room, stairwell = address.room, address.stairwell
    if place.door is not None:  # a room in a cell of its own
        if room and room != place.door.room:
            return Message("register_row.two_rooms")
        room, stairwell = place.door.room, place.door.stairwell or stairwell
    if not room and address.house and not address.building:
        return Guess(Door(ONLY_ROOM), "register_row.whole_house", address.house)
    if not room:
        return Message("register_row.no_room")
    return Door(room, address.building, stairwell or None, address.floor)


def _age(row: Row, today: date) -> int | None:
    born = row["identity"].born if row["identity"] else None
    born = born or row["birth"]
    return years_between(born, today) if born else row["age"]


def _note_doubts(homes: Iterable[Home], report: LoadReport) -> None:
    """Note homes of several households, and households of several homes."""
    homes_by_number: dict[str, list[Home]] = defaultdict(list)
    for home in homes:
        if len(home.households) > 1:
            report.note_row("register_row.two_households", home.first.number)
        for number in home.households:
            homes_by_number[number].append(home)
    for several in homes_by_number.values():
        for home in several[1:]:
            report.note_row("register_row.household_in_two_homes", home.first.number)


def _household(home: Home, by_person: bool, scope: Scope, table: Table, report: LoadReport) -> Row:
    """Return the row of a home for the loader."""
    row = home.first
    values = {
        "building": home.building,
        "stairwell": home.door.stairwell,
        "floor": home.door.floor,
        "room": Door(home.door.room),
        "people": row["people"],
        "elders": row["elders"],
        "children": row["children"],
        **_unit(row, scope, table, report),
    }
    if by_person:
        if row["people"] is not None and row["people"] != home.people:
            params = {"stated": row["people"], "rows": home.people}
            detail = Message("register_row.people_detail", params)
            report.note_row("register_row.other_count", row.number, detail)
        known = None not in home.ages
        ages = [age for age in home.ages if age is not None]
        values |= {
            "people": home.people,
            "elders": sum(age >= ELDERLY_FROM for age in ages) if known else row["elders"],
            "children": sum(age <= CHILD_TO for age in ages) if known else row["children"],
        }
    return Row(row.number, values)


def _unit(row: Row, scope: Scope, table: Table, report: LoadReport) -> dict[str, str]:
    """Return the ten-household unit of a row: a code, or the name of one that is known."""
    words = row["unit"]
    if not words or (normalise_text(words).isdecimal() and len(words) > 12):
        return {"unit": words} if words else {}
    within = []
    for level in ("grid", "community"):
        if row[level] and not isinstance(area := scope.areas.find(row[level], level), Message):
            within = [area]
            break
    unit = scope.areas.find(words, "unit", within)
    if isinstance(unit, Message):
        report.refused.append(table.refuse(row.number, "unit", unit))
        return {}
    return {"unit": unit.code}
