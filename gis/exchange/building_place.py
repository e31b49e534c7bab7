"""Which stored building each row of a register means, by its code, name, place or address."""

from collections.abc import Iterable, Sequence

from shapely import Point
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import STORAGE_SRID, copy_rows
from gis.exchange.building_match import BuildingNotFound, BuildingQuery, find_buildings
from gis.exchange.building_rows import BuildingRow, hex_ewkb, name_fault
from gis.files.report import LoadReport
from gis.files.tables import Table
from gis.labels import normalise_label, normalise_text
from gis.messages import Message
from gis.places.naming import same_estate

STORED_SQL = "SELECT id, code, estate, name, source FROM building WHERE id = ANY(:ids)"
BY_CODE_SQL = "SELECT code, id FROM building WHERE code = ANY(:codes)"

MAX_MOVE_M = 300.0  # metres from a building to where a row says that it stands
NAMESAKE_M = 2_000.0  # metres; one further away only has the same name
DISTANCES_SQL = """
SELECT w.row, b.id, b.code, ST_Distance(geography(ST_SetSRID(b.geom, 4326)),
  geography(ST_SetSRID(w.geom, 4326))) AS metres,
  b.county <> (SELECT g.county FROM grid_at(ST_PointOnSurface(w.geom), now()) g) AS is_elsewhere
FROM wanted_building w JOIN building b ON b.id = w.building_id
"""
# The drawn buildings under a point, or that share most of the smaller ground with an outline.
AT_PLACE_SQL = """
SELECT w.row, b.id
FROM wanted_building w
JOIN building b ON b.geom && w.geom AND b.outline = 'drawn'
CROSS JOIN LATERAL (SELECT CASE WHEN ST_Dimension(w.geom) = 0 THEN
    CASE WHEN ST_Covers(b.geom, w.geom) THEN 1 ELSE 0 END
  ELSE ST_Area(ST_Intersection(b.geom, w.geom)) / least(ST_Area(b.geom), ST_Area(w.geom))
  END AS share) s
WHERE s.share > 0.5
ORDER BY w.row, s.share, b.code DESC
"""


def match_buildings(
    session: Session,
    rows: Sequence[BuildingRow],
    table: Table,
    report: LoadReport,
    within: Sequence[int] | None = None,
) -> list[BuildingRow]:
    """Set the stored building of each row that means one; refuse rows that contradict it.

    A code is the surest, then estate and name, then an outline that nobody has named at the point,
    under the shape, or at the address of the row.

    Parameters
    ----------
    within
        Ids of the areas whose buildings names and addresses mean before others; None: all alike. A
        row may have "within": the name of its community and the grids where it is looked up first.

    Returns
    -------
    The rows that have no place at all: neither a stored building, nor a point or shape.
    """
    codes = [row["code"] for row in rows if row["code"]]
    by_code = {each.code: each.id for each in session.execute(text(BY_CODE_SQL), {"codes": codes})}
    for row in rows:
        row.building = by_code.get(row["code"])
    unknown = [row for row in rows if row.building is None]
    named = [row for row in unknown if row["estate"] and row["name"]]
    for community in dict.fromkeys(row["within"] for row in named if row["within"]):
        _by_name(session, [row for row in named if row["within"] == community], community[1])
    several = _by_name(session, [row for row in named if row.building is None], within)
    if within is not None:
        rest = [row for row in named if row.building is None and row.number not in several]
        elsewhere = _by_name(session, rest, None)
        placed = {row.number for row in rest if row.shape is not None or row.point is not None}
        several |= {number: elsewhere[number] for number in elsewhere.keys() - placed}
    report.refused += [table.refuse(number, "name", reason) for number, reason in several.items()]
    _leave_namesakes(session, [row for row in unknown if row.building], table, report)
    unknown = [row for row in unknown if row.building is None]
    located = {row.number: row for row in unknown if row.shape is not None or row.point is not None}
    for number, building in _at_places(session, located.values()):
        located[number].building = building
    by_address = [row for row in unknown if row["address"] and row.number not in located]
    queries = [BuildingQuery(address=row["address"]) for row in by_address]
    for row, match in zip(by_address, find_buildings(session, queries, within), strict=True):
        if not isinstance(match, BuildingNotFound):
            row.building = match
    _refuse_contradictions(session, rows, set(by_code), table, report)
    for row in unknown:
        if row.building is None and row["name"] and (fault := name_fault(row["name"])):
            report.refused.append(table.refuse(row.number, "name", fault))
    return [row for row in unknown if row.building is None and row.number not in located]


def _by_name(
    session: Session, rows: Sequence[BuildingRow], within: Sequence[int] | None
) -> dict[int, Message]:
    """Set the building of rows by estate and name; return why not, of those that mean several.

    A map may have both in the name of a building: 虹山花园3号楼.
    """
    several: dict[int, Message] = {}
    for estate_apart in (True, False):
        rest = [row for row in rows if row.building is None and row.number not in several]
        queries = [
            BuildingQuery(estate=row["estate"], name=row["name"])
            if estate_apart
            else BuildingQuery(name=f"{row['estate']}{row['name']}")
            for row in rest
        ]
        for row, match in zip(rest, find_buildings(session, queries, within), strict=True):
            if not isinstance(match, BuildingNotFound):
                row.building = match
            elif match.reason.code == "building_match.several":
                several[row.number] = match.reason
    return several


def _leave_namesakes(
    session: Session, rows: Sequence[BuildingRow], table: Table, report: LoadReport
) -> None:
    """Take a building of the same name far from the place of a row for another; refuse between.

    Another county's is another.
    """
    located = {row.number: row for row in rows if row.shape is not None or row.point is not None}
    _stage(session, located.values())
    for number, building, code, metres, is_elsewhere in session.execute(text(DISTANCES_SQL)):
        if located[number].building != building or metres <= MAX_MOVE_M:
            continue
        located[number].building = None
        if metres <= NAMESAKE_M and not is_elsewhere:
            params = {"code": code, "metres": round(metres)}
            report.refused.append(table.refuse(number, "lon", "building_row.far_away", **params))


def _at_places(session: Session, rows: Iterable[BuildingRow]) -> Iterable[tuple[int, int]]:
    """Yield the number of each row that stands on a drawn building, and its id; the best last."""
    _stage(session, rows)
    for row in session.execute(text(AT_PLACE_SQL)):
        yield row.row, row.id


def _stage(session: Session, rows: Iterable[BuildingRow]) -> None:
    """Put the places of rows into a temporary table."""
    session.execute(text("DROP TABLE IF EXISTS pg_temp.wanted_building"))
    session.execute(
        text(
            "CREATE TEMP TABLE wanted_building (row int, building_id bigint,"
            f" geom geometry(GEOMETRY, {STORAGE_SRID})) ON COMMIT DROP"
        )
    )
    places = ((row.number, row.building, hex_ewkb(row.shape or Point(row.point))) for row in rows)
    copy_rows(session, "wanted_building", ("row", "building_id", "geom"), places)


def _refuse_contradictions(
    session: Session, rows: Sequence[BuildingRow], known: set[str], table: Table, report: LoadReport
) -> None:
    """Refuse two rows of one building, and rows that stand on one of another name or code."""
    ids = [row.building for row in rows if row.building]
    stored = {each.id: each for each in session.execute(text(STORED_SQL), {"ids": ids})}
    first: dict[int, int] = {}
    for row in rows:
        if row.building is None:
            continue
        building = stored[row.building]
        params: dict[str, object] = {
            "code": building.code,
            "name": f"{building.estate}{building.name}",
        }
        if first.setdefault(row.building, row.number) != row.number:
            params["row"] = str(first[row.building])
            report.refused.append(
                table.refuse(row.number, "name", "building_row.same_building", **params)
            )
        elif row["code"] in known:
            continue
        elif not may_be(row, building.estate, building.name):
            report.refused.append(
                table.refuse(row.number, "name", "building_row.stands_on_other", **params)
            )
        elif row["code"] and building.source != "osm":
            report.refused.append(
                table.refuse(row.number, "code", "building_row.known_as", **params)
            )


def may_be(row: BuildingRow, estate: str, name: str) -> bool:
    """Return whether a stored building may be the one of a row: it has no name, or that one."""
    return (
        not (row["name"] and name)
        or normalise_label(normalise_text(row["name"])) == normalise_label(normalise_text(name))
        or f"{row['estate'] or ''}{row['name']}" == name
    ) and (not (row["estate"] and estate) or same_estate(estate, row["estate"]))
