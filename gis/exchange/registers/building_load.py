"""Load a register of buildings: where its reader may, and with what it changes."""

from collections.abc import Collection, Iterator, Sequence
from itertools import count

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.exchange.building_edits import close_buildings
from gis.exchange.building_place import STORED_SQL, may_be
from gis.exchange.building_posts import ROLE_OF
from gis.exchange.building_rows import BuildingRow
from gis.exchange.buildings import BuildingDefaults, load_buildings_table
from gis.exchange.people import VACANT_PATTERN
from gis.exchange.registers.area_names import AreaNames
from gis.exchange.registers.differences import Change
from gis.exchange.registers.reading import ROWS_OF_SHEET, rename_rows
from gis.exchange.registers.scope import Scope
from gis.files.report import LoadReport
from gis.files.table_rows import Row
from gis.files.tables import Table
from gis.rights.roles import ROLE_BY_KEY

# Buildings whose old or new place lies in none of some areas.
BUILDINGS_OUTSIDE_SQL = """
SELECT DISTINCT i.row FROM incoming_building_row i LEFT JOIN building b ON b.id = i.building_id
CROSS JOIN LATERAL (VALUES (b.geom), (i.geom)) p (geom)
LEFT JOIN LATERAL grid_at(ST_PointOnSurface(p.geom), now()) g ON true
WHERE p.geom IS NOT NULL AND (g.id IS NULL OR NOT g.id = ANY(:areas)) AND i.row = ANY(:rows)
ORDER BY i.row
"""
# Buildings that stand far, some 5 km, from all areas.
FAR_BUILDINGS_SQL = """
SELECT i.row FROM incoming_building_row i
WHERE i.geom IS NOT NULL AND EXISTS (SELECT FROM boundary WHERE valid_time @> now())
  AND NOT EXISTS (SELECT FROM boundary s
                  WHERE s.valid_time @> now() AND ST_DWithin(s.geom, i.geom, 0.05))
ORDER BY i.row
"""
# New buildings with one point, as of the estate that an address search returns.
ONE_POINT_SQL = """
SELECT row FROM (
  SELECT row, count(*) OVER (PARTITION BY ST_AsBinary(point)) AS number
  FROM incoming_building_row WHERE building_id IS NULL AND point IS NOT NULL) i
WHERE number > 1 ORDER BY row
"""
# What is stored, and what the row makes of it; an empty cell leaves the stored value. differs:
# in what the two texts do not hold: name, code or place.
BUILDING_FACTS_SQL = """
SELECT i.row, b.id, t.title,
  coalesce(concat(b.estate, b.name) <> t.title OR b.code <> i.code
    OR (b.outline = 'assumed' AND NOT ST_Covers(b.geom, i.point)), false) AS differs,
  concat_ws(' · ', nullif(nullif(concat(b.estate, b.name), t.title), ''), nullif(b.address, ''),
    nullif(b.kind, ''), s.number || '单元', b.floors || '层', b.homes || '户') AS old,
  concat_ws(' · ', coalesce(i.address, nullif(b.address, '')), coalesce(i.kind, nullif(b.kind, '')),
    greatest(s.number, nullif(i.stairwells, 0)) || '单元', coalesce(i.floors, b.floors) || '层',
    coalesce(i.homes, b.homes) || '户') AS new
FROM incoming_building_row i LEFT JOIN building b ON b.id = i.building_id
CROSS JOIN LATERAL (SELECT coalesce(nullif(concat(coalesce(i.estate, b.estate),
  coalesce(i.name, b.name)), ''), i.code, b.code) AS title) t
CROSS JOIN LATERAL (SELECT nullif(count(*), 0) AS number FROM stairwell
  WHERE building_id = b.id) s
ORDER BY i.row
"""
HOLDERS_OF_ROWS_SQL = """
SELECT i.row, o.role, p.name, p.phone FROM incoming_building_row i
JOIN post o ON o.building_id = i.building_id AND o.role = ANY(:roles) AND o.valid_time @> now()
JOIN personal.person p ON p.id = o.holder_id ORDER BY o.id
"""
# Those of earlier registers in the estates and communities of this one that it does not have.
BUILDINGS_GONE_SQL = """
WITH listed AS (
  SELECT DISTINCT coalesce(i.estate, b.estate) AS estate, c.parent_id AS community
  FROM incoming_building_row i LEFT JOIN building b ON b.id = i.building_id
  JOIN LATERAL grid_at(ST_PointOnSurface(coalesce(b.geom, i.geom)), now()) g ON true
  JOIN area c ON c.id = g.id
)
SELECT b.id, b.estate || b.name AS title FROM building b
JOIN LATERAL grid_at(ST_PointOnSurface(b.geom), now()) g ON true JOIN area c ON c.id = g.id
WHERE b.source LIKE 'buildings: %' AND (b.estate, c.parent_id) IN (SELECT * FROM listed)
  AND (CAST(:areas AS bigint[]) IS NULL OR g.id = ANY(CAST(:areas AS bigint[])))
  AND NOT EXISTS (SELECT FROM incoming_building_row i WHERE i.building_id = b.id)
ORDER BY title
"""
WAITING_BUILDINGS_SQL = """
SELECT u.area_id, u.code, u.estate, u.name, u.address, u.kind, u.floors, u.stairwells, u.homes,
  h.name AS head, s.name AS sponsor
FROM unplaced_building u
LEFT JOIN personal.person h ON h.id = u.head_id LEFT JOIN personal.person s ON s.id = u.sponsor_id
"""
# What nothing holds on to any more is taken away; see `gis.exchange.building_edits`.
CLOSABLE_SQL = """
SELECT id FROM building b WHERE id = ANY(:ids)
  AND NOT EXISTS (SELECT FROM household WHERE building_id = b.id)
  AND NOT EXISTS (SELECT FROM incident WHERE building_id = b.id)
  AND NOT EXISTS (SELECT FROM unit_part WHERE building_id = b.id)
"""
Holder = tuple[str, str]  # name and telephone


def load_buildings_register(
    session: Session,
    scope: Scope,
    table: Table,
    report: LoadReport,
    defaults: BuildingDefaults,
    *,
    post_areas: Collection[int] | None,
    name_areas: Collection[int] | None,
    complete: bool,
) -> list[Change]:
    """Load the buildings of a register, and return what they change.

    Parameters
    ----------
    post_areas, name_areas
        Where heads and sponsors may get posts, and where those of now may be named; None:
        everywhere.
    complete
        Whether the table has all rows of the register, so that others have gone.
    """
    changes: list[Change] = []
    rows, numbers = _numbered_once(list(table.rows))

    def check(staged: Sequence[BuildingRow], unplaced: Sequence[BuildingRow]) -> None:
        foreign = _refuse_foreign(session, scope, table, report, staged)
        _refuse_other_names(session, table, report, staged)
        report.refused += [
            table.refuse(number, "lon", "register_row.far_away")
            for number in session.scalars(text(FAR_BUILDINGS_SQL))
        ]
        for number in session.scalars(text(ONE_POINT_SQL)):
            report.note_row("register_row.one_point", number)
        _refuse_posts(session, table, report, staged, unplaced, post_areas)
        _note_communities(session, report, staged)
        own = [row for row in staged if row.number not in foreign]
        changes.extend(_changed(session, own, name_areas))
        changes.extend(_waiting(session, unplaced))
        if complete and not report.refused:
            changes.extend(_gone(session, scope))

    load_buildings_table(
        session,
        Table(table.columns, iter(rows)),
        report,
        defaults,
        within=scope.areas.grids_in(None) if scope.limited else None,
        check=check,
    )
    rename_rows(report, lambda number: str(numbers.get(number, number)))
    return changes


def remove_buildings(session: Session, ids: Sequence[int], report: LoadReport) -> None:
    """Close buildings; note how many stay since homes, a unit or incidents hold on to them."""
    closable = list(session.scalars(text(CLOSABLE_SQL), {"ids": list(ids)}))
    close_buildings(session, closable, "load")
    if len(closable) < len(ids):
        report.note("register.buildings_in_use", count=len(ids) - len(closable))


def _numbered_once(rows: Sequence[Row]) -> tuple[list[Row], dict[int, int]]:
    """Return rows with numbers of their own, and the row of the file of each other number.

    The buildings of a range stand in one row of the file.
    """
    last = max((row.number for row in rows), default=0)
    spare = count((last // ROWS_OF_SHEET + 1) * ROWS_OF_SHEET)
    seen: set[int] = set()
    numbers: dict[int, int] = {}
    result: list[Row] = []
    for row in rows:
        number = row.number
        if number in seen:
            number = next(spare)
            numbers[number] = row.number
        seen.add(number)
        result.append(Row(number, row.values))
    return result, numbers


def _outside(session: Session, areas: Sequence[int], rows: Sequence[BuildingRow]) -> set[int]:
    params = {"areas": list(areas), "rows": [row.number for row in rows]}
    return set(session.scalars(text(BUILDINGS_OUTSIDE_SQL), params))


def _refuse_foreign(
    session: Session, scope: Scope, table: Table, report: LoadReport, rows: Sequence[BuildingRow]
) -> set[int]:
    """Refuse the rows of other areas, of whose buildings nothing is said; return their numbers."""
    foreign = _outside(session, scope.areas.own_ids(), rows) if scope.limited else set()
    report.refused += [
        table.refuse(number, "name", "register_row.not_yours") for number in sorted(foreign)
    ]
    return foreign


def _refuse_other_names(
    session: Session, table: Table, report: LoadReport, rows: Sequence[BuildingRow]
) -> None:
    """Refuse codes of buildings of other names: an office may number those of each estate anew."""
    coded = {row.building: row for row in rows if row["code"] and row.building}
    for stored in session.execute(text(STORED_SQL), {"ids": list(coded)}):
        row = coded[stored.id]
        if not may_be(row, stored.estate, stored.name):
            params = {"code": stored.code, "name": f"{stored.estate}{stored.name}"}
            report.refused.append(
                table.refuse(row.number, "code", "register_row.other_code", **params)
            )


def _refuse_posts(
    session: Session,
    table: Table,
    report: LoadReport,
    rows: Sequence[BuildingRow],
    unplaced: Sequence[BuildingRow],
    post_areas: Collection[int] | None,
) -> None:
    """Refuse heads and sponsors where the reader may give no posts."""
    if post_areas is None:
        return
    own = AreaNames.load(session, post_areas).own_ids()
    naming, waiting = (
        [row for row in part if row["head"] or row["sponsor"]] for part in (rows, unplaced)
    )
    numbers = _outside(session, own, naming)
    numbers |= {row.number for row in waiting if row["area"] not in own}
    for row in [*naming, *waiting]:
        if row.number in numbers:
            column = "head" if row["head"] else "sponsor"
            report.refused.append(table.refuse(row.number, column, "register_row.no_posts"))


def _note_communities(session: Session, report: LoadReport, rows: Sequence[BuildingRow]) -> None:
    """Note buildings that stand in another community than their row says."""
    for name, grids in dict.fromkeys(row["within"] for row in rows if row["within"]):
        of_community = [row for row in rows if row["within"] == (name, grids)]
        for number in sorted(_outside(session, grids, of_community)):
            report.note_row("register_row.outside_community", number, name)


def _changed(
    session: Session, rows: Sequence[BuildingRow], name_areas: Collection[int] | None
) -> Iterator[Change]:
    """Yield the buildings that come or change; with heads and sponsors where they may be named."""
    nameless = (
        set()
        if name_areas is None
        else _outside(session, AreaNames.load(session, name_areas).own_ids(), rows)
    )
    holders: dict[tuple[int, str], list[Holder]] = {}
    for each in session.execute(text(HOLDERS_OF_ROWS_SQL), {"roles": list(ROLE_OF.values())}):
        holders.setdefault((each.row, each.role), []).append((each.name, each.phone))
    by_number = {row.number: row for row in rows}
    for each in session.execute(text(BUILDING_FACTS_SQL)):
        if each.row not in by_number:
            continue
        old, new = [each.old], [each.new]
        for column, role in () if each.row in nameless else ROLE_OF.items():
            former = holders.get((each.row, role), [])
            old.append(_names(former))
            new.append(_names(_next_holders(by_number[each.row], column, role, former)))
        before, after = (" · ".join(filter(None, parts)) for parts in (old, new))
        if each.id is None:
            yield Change("came", each.title, new=after)
        elif each.differs or before != after:
            yield Change("changed", each.title, old=before, new=after)


def _names(holders: Sequence[Holder]) -> str:
    return "、".join(" ".join(filter(None, holder)) for holder in holders)


def _next_holders(
    row: BuildingRow, column: str, role: str, former: Sequence[Holder]
) -> Sequence[Holder]:
    """Return who holds a post after the load."""
    name, phone = row[column], row[f"{column}_phone"]
    if not name:
        return former
    if VACANT_PATTERN.fullmatch(name):
        return []
    if any(other == name for other, _ in former):
        return [(other, phone or old if other == name else old) for other, old in former]
    return [*(former if ROLE_BY_KEY[role].shared else []), (name, phone or "")]


def _waiting(session: Session, rows: Sequence[BuildingRow]) -> Iterator[Change]:
    """Yield the buildings without a place that are new to the list of those, or changed."""
    waiting = {
        (u.area_id, u.code, u.estate, u.name): u
        for u in session.execute(text(WAITING_BUILDINGS_SQL))
    }
    facts = ("address", "kind", "stairwells", "floors", "homes", "head", "sponsor")
    for row in rows:
        key = (row["area"], row["code"], row["estate"] or "", row["name"] or "")
        stored = waiting.get(key)
        new = " · ".join(str(row[key]) for key in facts if row[key] is not None)
        if stored is None:
            yield Change("came", row.title, new=new)
        elif any(row[key] not in (None, getattr(stored, key)) for key in facts):
            values = [getattr(stored, key) for key in facts if key not in ROLE_OF]
            old = " · ".join(str(value) for value in values if value)
            yield Change("changed", row.title, old=old, new=new)


def _gone(session: Session, scope: Scope) -> Iterator[Change]:
    areas = scope.areas.own_ids() if scope.limited else None
    for each in session.execute(text(BUILDINGS_GONE_SQL), {"areas": areas}):
        yield Change("went", each.title, id=each.id)
