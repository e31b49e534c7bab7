"""A register of buildings as rows of the loader of buildings; a range is a building each."""

from collections.abc import Iterator, Sequence

from gis.exchange.registers.cells import Contact
from gis.exchange.registers.ranges import split_buildings
from gis.exchange.registers.reading import Register, status_of
from gis.exchange.registers.scope import Defaults, Scope
from gis.files.report import LoadReport
from gis.files.table_rows import Row
from gis.files.tables import Table
from gis.labels import building_of, normalise_text
from gis.messages import Message
from gis.places.address import label_of_building, normalise_label, parse_address
from gis.places.naming import name_before, short_estate

# figures that one row of several buildings cannot be shared out among them
SHARED_OUT = ("homes", "stairwells")
USUAL_MOST = {"floors": 34, "stairwells": 12, "homes": 1_000}  # 34 storeys: 100 m
VACANT_HOLDER = "空缺"  # what the loader of buildings ends a post for
PLAIN = ("code", "lon", "lat", "crs", "address", "kind", "floors", "stairwells", "homes")


def to_buildings(scope: Scope, register: Register, report: LoadReport) -> Table:
    """Return the buildings of a register for the loader of buildings."""
    columns = {"name": register.headers.get("building_name", ""), **register.headers}
    table = Table(columns, iter(()))
    defaults = Defaults(scope, register, report)
    rows: dict[tuple[str, str], Row] = {}
    seen: dict[tuple[str, str], Row] = {}
    for row in defaults.with_estates(register.rows, report):
        if reason := status_of(row):
            report.note_row("register_row.not_standing", row.number, reason)
            continue
        if isinstance(community := defaults.community(row), Message):
            report.refused.append(table.refuse(row.number, "community", community))
            continue
        for building in _buildings(row, table, report):
            key = (short_estate(building["estate"] or ""), label_of(building["name"] or ""))
            key = (building["code"] or key[0], "" if building["code"] else key[1])
            if (first := seen.setdefault(key, building)) is not building:
                twice = [(row.number, first.number)]
                if _facts(first) != _facts(building) and key in rows:
                    del rows[key]  # nobody knows which is right
                    twice.append((first.number, row.number))
                report.refused += [
                    table.refuse(number, "name", "register_row.same_building", row=str(other))
                    for number, other in twice
                ]
                continue
            named = defaults.grid(row, community) or community
            within = named and (named.name, tuple(scope.areas.grids_in(named)))
            area = community.id if community else scope.owner
            values = {**building.values, "within": within, "area": area}
            rows[key] = Row(row.number, values)
            _note_unusual(rows[key], table, report)
    return Table(columns, iter(rows.values()))


def _facts(building: Row) -> dict[str, object]:
    return {key: value for key, value in building.values.items() if key != "name"}


def _note_unusual(row: Row, table: Table, report: LoadReport) -> None:
    """Note figures that may be of another column; more storeys than homes, too."""
    for key, most in USUAL_MOST.items():
        homes = row["homes"] if key == "floors" else None
        if row[key] is not None and (row[key] > most or row[key] > (homes or row[key])):
            detail = Message(
                "load.column_detail", {"column": table.columns[key], "detail": row[key]}
            )
            report.note_row("register_row.unusual", row.number, detail)


def label_of(name: str) -> str:
    """Return the number of a building, or its whole name where it has none."""
    return label_of_building(name) or normalise_text(name)


def _buildings(row: Row, table: Table, report: LoadReport) -> Iterator[Row]:
    """Yield the buildings of a row, or refuse it."""
    faults: list[tuple[str, Message]] = []
    estate, names = _names(row, report)
    if not names and not row["code"]:
        faults.append(("name", Message("register_row.no_building")))
    if len(names) > 1:
        faults += [
            (key, Message("register_row.not_shared_out", {"count": len(names)}))
            for key in SHARED_OUT
            if row[key] is not None
        ]
    report.refused += [table.refuse(row.number, *fault) for fault in faults]
    if faults:
        return
    if len(names) > 1:
        detail = Message("register_row.buildings_of", {"names": names})
        report.note_row("register_row.several_buildings", row.number, detail)
    for name in names or [""]:
        values = {
            **{key: row[key] for key in PLAIN},
            "estate": estate,
            "name": name or None,
            **_contact(row, "head"),
            **_contact(row, "sponsor"),
        }
        yield Row(row.number, values)


def _names(row: Row, report: LoadReport) -> tuple[str | None, Sequence[str]]:
    """Return the estate and the buildings of a row, from its cells or from its address."""
    estate, words = row["estate"], row["building_name"]
    if not words and row["address"]:
        address = parse_address(row["address"])
        words = building_of(address.building) if address.building and not address.several else None
        estate = estate or name_before(address) or None
        if words:
            detail = f"{row['address']}: {estate or ''}{words}"
            report.note_row("register_row.building_of_address", row.number, detail)
    if not words:
        return estate, []
    names = split_buildings(words) or [words]
    read = [_without_estate(name, estate) for name in names]
    inside = next((inner for inner, _ in read if inner), None)
    return estate or inside, [name for _, name in read]


def _without_estate(name: str, estate: str | None) -> tuple[str | None, str]:
    """Return the estate in the name of a building, and the name without it: 3栋 is 3号楼."""
    plain = normalise_text(name)
    if estate:
        plain = plain.removeprefix(normalise_text(estate)) or plain
    number = normalise_label(plain)
    if number != plain:
        return None, building_of(number)
    if plain.isdecimal():
        return None, f"{int(plain)}号楼"
    address = parse_address(plain)
    if address.building and not address.is_inside and address.prefix and not estate:
        return address.prefix, building_of(address.building)
    return None, plain


def _contact(row: Row, key: str) -> dict[str, str | None]:
    """Return name and telephone of a head or sponsor, also of one cell; 空缺 for a vacant post."""
    contact: Contact | None = row[key]
    phone = row[f"{key}_phone"]
    if contact == Contact("", ""):
        return {key: VACANT_HOLDER, f"{key}_phone": None}
    name, own_phone = contact or (None, None)
    return {key: name, f"{key}_phone": own_phone or phone or None}
