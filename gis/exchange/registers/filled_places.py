"""Where people live whose row does not say it: under their head, by number, or as registered."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from gis.exchange.registers.reading import Register
from gis.files.report import LoadReport
from gis.files.table_rows import Row

PLACE_FIELDS = ("building", "estate", "building_name", "address", "stairwell", "floor", "room")
SAME_ADDRESS_PATTERN = re.compile("(?:同|与)?(?:户籍|户口).{0,6}|同上|同左|一致")


def with_registered(register: Register, report: LoadReport) -> Register:
    """Return a register whose addresses are the registered ones where it says no other.

    Where people live counts; a row without that is noted.
    """
    header = register.headers.get("registered_address")
    others = {"address", "room", "building_name", "building"} & register.headers.keys()
    if header is None:
        return register
    rows = []
    for row in register.rows:
        said = [row[key] for key in others if row[key]]
        is_same = row["address"] and SAME_ADDRESS_PATTERN.fullmatch(row["address"])
        if row["registered_address"] and (not said or (is_same and len(said) == 1)):
            if others:
                report.note_row("register_row.registered_address", row.number)
            row = Row(row.number, {**row.values, "address": row["registered_address"]})
        rows.append(row)
    return replace(register, rows=rows, headers={"address": header, **register.headers})


def with_places_filled(rows: Sequence[Row], by_person: bool, report: LoadReport) -> list[Row]:
    """Fill the place of who is listed under the head of the home, with a note."""
    filled: list[Row] = []
    heads = _by_household_number(rows)
    for row in rows:
        head = heads.get(row["household_number"])
        last = head or (filled[-1] if filled else None)
        is_blank = not any(row[key] for key in PLACE_FIELDS)
        if is_blank and by_person and last is not None and _belongs(row, last):
            values = {key: last[key] for key in (*PLACE_FIELDS, "household_number", "unit")}
            row = Row(row.number, {**values, **row.values})
            code = "register_row.place_of_number" if head else "register_row.place_above"
            report.note_row(code, row.number)
        filled.append(row)
    return filled


def _by_household_number(rows: Sequence[Row]) -> dict[str, Row]:
    """Return the first row with a place of each household that has one place only."""
    placed: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["household_number"] and any(row[key] for key in PLACE_FIELDS):
            placed[row["household_number"]].append(row)
    return {
        number: several[0]
        for number, several in placed.items()
        if len({tuple(str(row[key]) for key in PLACE_FIELDS) for row in several}) == 1
    }


def _belongs(row: Row, last: Row) -> bool:
    """Return whether a row without a place is of the home above.

    By its household's number; or as a member, if no row between them was refused or passed over.
    """
    if row["household_number"]:
        return bool(row["household_number"] == last["household_number"])
    return bool(row["relation"] == "member" and row.number == last.number + 1)
