"""Tables of organisations, their members, and who takes orders: loaded, and written again."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import InvalidInput
from gis.exchange.building_match import BuildingNotFound, BuildingQuery, find_buildings
from gis.exchange.organisation_columns import ORGANISATION_TABLES
from gis.exchange.row_saving import save_rows
from gis.files import datasets
from gis.files.dates import ONGOING
from gis.files.points import read_points
from gis.files.report import LoadReport
from gis.files.table_writer import write_table
from gis.files.tables import Row, Table, finish_reading, read_table
from gis.incidents.organisations import (
    MembershipInput,
    OrganisationInput,
    save_member,
    save_organisation,
)
from gis.incidents.reading.organisations import (
    list_members,
    list_organisations,
    list_takers,
)
from gis.incidents.takers import TakerInput, save_taker
from gis.rights.principal import Principal, system_principal
from gis.settings import Settings

SEPARATORS_PATTERN = re.compile(r"[、,，;；/\s]+")
POINT_OF_BUILDING_SQL = """
SELECT id, ST_X(p) AS lon, ST_Y(p) AS lat FROM building b,
  LATERAL (SELECT coalesce(b.entrance, ST_PointOnSurface(b.geom)) AS p) spot
WHERE id = ANY(:ids)
"""
# what is stored of each, to say what a load changed
STATE_SQL = {
    "organisations": "SELECT code AS key, md5(o::text) AS state FROM organisation o",
    "members": "SELECT id AS key, md5(m::text) AS state FROM organisation_member m",
    "takers": "SELECT person_id AS key, md5(t::text) AS state FROM order_taker t",
}
Point = tuple[float, float] | None


def load_organisation_table(
    session: Session,
    kind: str,
    path: Path,
    crs: str | None = None,
    *,
    now: datetime,
    timezone: tzinfo = Settings.timezone,
) -> LoadReport:
    """Load organisations, members or takers from a table.

    Known ones are changed where the row differs; an empty cell leaves what is stored; what is not
    in the table stays.

    Parameters
    ----------
    kind
        A key of `gis.exchange.organisation_columns.ORGANISATION_TABLES`.
    crs
        System of the points of rows that name none.
    timezone
        In which the days of the file begin.

    Returns
    -------
    The report. Where a row is refused the caller keeps nothing.

    Raises
    ------
    InvalidInput, TooLarge
        The file cannot be read as such a table.
    """
    report = LoadReport(kind, path.name)
    table = read_table(path, ORGANISATION_TABLES[kind], report)
    load_rows(session, kind, table, report, crs, now=now, timezone=timezone)
    datasets.record_report(session, path, report)
    return report


def load_rows(
    session: Session,
    kind: str,
    table: Table,
    report: LoadReport,
    crs: str | None = None,
    *,
    now: datetime,
    timezone: tzinfo = Settings.timezone,
) -> None:
    """Load the rows of a table; as `load_organisation_table`."""
    by = system_principal("load")
    rows = list(table.rows)
    points: Sequence[Point] = [None] * len(rows)
    if kind != "members":
        points = _places(session, table, rows, crs, report)
    rows, points = _in_order(rows, points)
    if not finish_reading(report):
        return
    save = SAVERS[kind](session, by, now, timezone)
    save_rows(
        session, table, rows, lambda nth: save(rows[nth], points[nth]), STATE_SQL[kind], report
    )


def _in_order(rows: Sequence[Row], points: Sequence[Point]) -> tuple[list[Row], list[Point]]:
    """Return rows with their points, each organisation after the one above it."""
    pairs = list(zip(rows, points, strict=True))
    by_code = {row.values.get("code"): row for row in rows}

    def depth(row: Row) -> int:
        above: list[Row] = []
        parent = by_code.get(row.values.get("parent"))
        while parent is not None and parent not in above:
            above.append(parent)
            parent = by_code.get(parent.values.get("parent"))
        return len(above)

    pairs.sort(key=lambda pair: depth(pair[0]))
    return [row for row, _ in pairs], [point for _, point in pairs]


def _places(
    session: Session, table: Table, rows: Sequence[Row], crs: str | None, report: LoadReport
) -> list[Point]:
    """Return the place of each row: its point, else that of the building its address means."""
    points, pointless = read_points(table, rows, crs, report)
    places: list[Point] = list(points)
    named = [nth for nth in pointless if rows[nth]["address"]]
    queries = [BuildingQuery(address=rows[nth]["address"]) for nth in named]
    matches = dict(zip(named, find_buildings(session, queries), strict=True))
    ids = [match for match in matches.values() if not isinstance(match, BuildingNotFound)]
    spots = {
        row.id: (row.lon, row.lat)
        for row in session.execute(text(POINT_OF_BUILDING_SQL), {"ids": ids})
    }
    for nth, match in matches.items():
        if isinstance(match, BuildingNotFound):  # it still serves, and is asked last
            report.note_row("taker_row.address_unknown", rows[nth].number, rows[nth]["address"])
        else:
            places[nth] = spots[match]
    return places


def _stated(row: Row, point: Point, names: Sequence[str]) -> dict[str, Any]:
    """Return the fields that the cells of a row state; empty ones are left out."""
    fields = {name: row[name] for name in names if row[name]}
    if row["skills"]:
        fields["skills"] = tuple(filter(None, SEPARATORS_PATTERN.split(row["skills"])))
    if row["active"] is not None:
        fields["active"] = row["active"]
    if point is not None:
        fields |= {"lon": point[0], "lat": point[1]}
    return fields


Saver = Callable[[Row, Point], object]


def _organisation_saver(session: Session, by: Principal, now: datetime, timezone: tzinfo) -> Saver:
    stored = {
        view.code: _as_input(view, OrganisationInput)
        for view in list_organisations(session, system_principal("load"), now, active=False)
    }
    names = [
        "code", "name", "kind", "number", "parent", "area", "estate", "facility", "head",
        "head_name", "head_phone", "phone", "address", "hours",
    ]  # fmt: skip

    def save(row: Row, point: Point) -> object:
        code = row["code"] or ""
        base = stored.get(code, OrganisationInput(code, "", ""))
        fields = _stated(row, point, names)
        if fields.keys() & {"head", "head_name"}:  # another head is another person
            base = replace(base, head="", head_name="")
        if row["limit_hours"] is not None:
            # hours of 31 minutes, times 60, are not quite 31
            fields["limit_min"] = round(row["limit_hours"] * 60, 6)
        return save_organisation(session, by, replace(base, **fields), now)

    return save


def _member_saver(session: Session, by: Principal, now: datetime, timezone: tzinfo) -> Saver:
    def save(row: Row, point: Point) -> None:
        begins, ends = (
            moment if moment in (None, ONGOING) else moment.replace(tzinfo=timezone)
            for moment in (row["from"], row["to"])
        )
        save_member(
            session,
            by,
            MembershipInput(
                row["organisation"] or "",
                row["person"] or "",
                name=row["name"] or "",
                phone=row["phone"] or "",
                role=row["role"],
                takes_orders=row["takes_orders"],
                begins=begins,
                ends=ends,
            ),
            now,
        )

    return save


def _taker_saver(session: Session, by: Principal, now: datetime, timezone: tzinfo) -> Saver:
    views = list_takers(session, system_principal("load"), now, now)
    stored = {view.person: _as_input(view, TakerInput) for view in views}
    codes = {(view.name, view.phone): view.person for view in views}
    names = ["name", "phone", "area", "role", "hours", "address", "consent_by"]

    def save(row: Row, point: Point) -> object:
        code = row["person"] or codes.get((row["name"], row["phone"]), "")
        fields = _stated(row, point, names)
        if row["consent"]:
            fields["consent"] = row["consent"].replace(tzinfo=timezone)
        base = stored.get(code, TakerInput(code, "", ()))
        return save_taker(session, by, replace(base, **fields), now)

    return save


SAVERS: Mapping[str, Callable[[Session, Principal, datetime, tzinfo], Saver]] = {
    "organisations": _organisation_saver,
    "members": _member_saver,
    "takers": _taker_saver,
}


def _as_input(view: Any, kind: type[Any]) -> Any:
    """Return what is stored as it would be stated."""
    values = {name: "" if value is None else value for name, value in asdict(view).items()}
    values |= {"lon": view.lon, "lat": view.lat, "skills": tuple(view.skills)}
    if kind is TakerInput:
        values["consent"] = view.consent_at
    return kind(**{name: values[name] for name in kind.__dataclass_fields__ if name in values})


def write_organisation_table(
    session: Session, principal: Principal, kind: str, path: Path, now: datetime, zone: tzinfo
) -> int:
    """Write organisations, members or takers as a table that loads again; return how many rows.

    Parameters
    ----------
    principal
        Whose areas count, and who may see names there.
    path
        Ends in .csv or .xlsx.

    Raises
    ------
    InvalidInput
        It ends otherwise.
    """
    if path.suffix.lower() not in (".csv", ".xlsx"):
        raise InvalidInput("dump.wrong_ending", file=path.name, endings=[".csv", ".xlsx"])
    columns = ORGANISATION_TABLES[kind]
    lines = [
        [values.get(column.key) or "" for column in columns]
        for values in _values(session, principal, kind, now, zone)
    ]
    write_table(path, columns, lines)
    return len(lines)


def _values(
    session: Session, principal: Principal, kind: str, now: datetime, zone: tzinfo
) -> Iterator[dict[str, Any]]:
    """Yield the cells of each row by key."""

    def day(moment: datetime | None) -> str:
        return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}" if moment else ""

    views: Sequence[Any] = (
        list_organisations(session, principal, now, active=False)
        if kind == "organisations"
        else list_members(session, principal, now)
        if kind == "members"
        else list_takers(session, principal, now, now)
    )
    for view in views:
        values = vars(view) | {"crs": "cgcs2000"}
        if kind == "members":
            values |= {"takes_orders": "是" if view.takes_orders else "否"}
            values |= {"from": day(view.begins), "to": day(view.ends)}
        else:
            values |= {
                "skills": "、".join(view.skills),
                "active": "在用" if view.active else "停用",
            }
            values |= {} if view.lon is not None else {"crs": ""}
        if kind == "takers":
            values |= {"consent": day(view.consent_at)}
        if kind == "organisations":
            values |= {"limit_hours": view.limit_min / 60}
        yield values
