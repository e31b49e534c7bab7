"""A list of facilities as rows of `gis.exchange.facilities`, also without codes of their own."""

import hashlib
from collections.abc import Sequence

from sqlalchemy import text

from gis.exchange.registers.reading import Register, status_of
from gis.exchange.registers.scope import Scope
from gis.facilities.category_words import key_of_word
from gis.files.report import LoadReport
from gis.files.table_rows import Row
from gis.files.tables import Table
from gis.labels import normalise_text
from gis.messages import Message

FACILITIES_OF_NAME_SQL = "SELECT code, name, address FROM facility WHERE name = ANY(:names)"
LOADED_KEYS = (
    "name",
    "category",
    "lon",
    "lat",
    "crs",
    "address",
    "opening_hours",
    "contact",
    "capacity",
)


def to_facilities(scope: Scope, register: Register, report: LoadReport) -> Table:
    """Return the facilities of a register for `gis.exchange.facilities`.

    Without a code one is known by its name, and among several of that name by its address.
    """
    table = Table({"code": register.headers.get("name", ""), **register.headers}, iter(()))
    names = sorted({row["name"] for row in register.rows if row["name"]})
    stored = scope.session.execute(text(FACILITIES_OF_NAME_SQL), {"names": names}).all()
    rows: list[Row] = []
    seen: dict[str, int] = {}
    for row in register.rows:
        if reason := status_of(row):
            report.note_row("register_row.closed", row.number, reason)
            continue
        if not row["name"]:
            report.refused.append(table.refuse(row.number, "name", "register_row.no_facility_name"))
            continue
        values = {key: row[key] for key in LOADED_KEYS}
        category = row["category"]
        if category is None and (key := key_of_word(row["name"])):
            values["category"] = key
            report.note_row("register_row.category_of_name", row.number, row["name"])
        code = row["code"] or _code(row, stored)
        if not row["code"] and (earlier := seen.setdefault(code, row.number)) != row.number:
            params = {"row": str(earlier)}
            report.refused.append(
                table.refuse(row.number, "name", Message("register_row.same_facility", params))
            )
            continue
        rows.append(Row(row.number, {**values, "code": code}))
    return Table(table.columns, iter(rows))


def _code(row: Row, stored: Sequence[object]) -> str:
    """Return the code of the stored facility of a name, or a new one made of name and address."""
    named = [facility for facility in stored if facility.name == row["name"]]  # type: ignore[attr-defined]
    address = normalise_text(row["address"] or "")
    same = [f for f in named if normalise_text(f.address) == address] or (  # type: ignore[attr-defined]
        [] if address else [f for f in named if f.code.startswith("r")]  # type: ignore[attr-defined]
    )
    if len(same) == 1:
        return str(same[0].code)  # type: ignore[attr-defined]
    digest = hashlib.sha256(f"{row['name']}\n{address}".encode()).hexdigest()
    return f"r{digest[:12]}"
