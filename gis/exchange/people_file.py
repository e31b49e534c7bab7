"""Writing people, their posts and their leave to a table that `load people` reads back the same."""

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas.identity import code_beginnings
from gis.errors import NotFound
from gis.exchange.columns import PEOPLE_COLUMNS
from gis.files.table_writer import require_target, write_table

PEOPLE_ENDINGS = (".csv", ".xlsx")
PEOPLE_KEYS = tuple(column.key for column in PEOPLE_COLUMNS)

# Raw SQL: three kinds of rows in one table. A post of an area that ended is in no file: there is
# nothing that it could be loaded for.
PEOPLE_ROWS_SQL = """
WITH listed AS (
  SELECT p.*, a.code AS area FROM post p LEFT JOIN area a ON a.id = p.area_id
  WHERE coalesce(a.code, p.county) ^@ ANY(:within)
    AND (a.retired_at IS NULL OR a.retired_at > now())
)
SELECT 1 AS nth, o.code AS person, o.name, o.phone, p.role,
  coalesce(k.zh, r.zh) AS title, p.area, b.code AS building,
  d.code AS deputy, p.grade, lower(p.valid_time) AS start, upper(p.valid_time) AS stop
FROM listed p
  JOIN role r ON r.key = p.role
  LEFT JOIN kind k ON k.id = p.kind_id
  LEFT JOIN personal.person o ON o.id = p.holder_id
  LEFT JOIN personal.person d ON d.id = p.deputy_id
  LEFT JOIN building b ON b.id = p.building_id
UNION ALL
SELECT 2, o.code, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
  lower(l.valid_time), upper(l.valid_time)
FROM leave l JOIN personal.person o ON o.id = l.person_id
WHERE '' = ANY(:within) OR EXISTS (SELECT FROM listed p WHERE p.holder_id = o.id)
UNION ALL
SELECT 0, o.code, o.name, o.phone, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM personal.person o
WHERE NOT EXISTS (SELECT FROM listed p WHERE p.holder_id = o.id)
  AND ('' = ANY(:within) OR EXISTS (SELECT FROM listed p WHERE p.deputy_id = o.id))
ORDER BY nth, area NULLS LAST, building, role, start, person
"""


def write_people(session: Session, path: Path, *, within: str = "", timezone: ZoneInfo) -> int:
    """Write who holds which post since when, and who is away; return how many rows.

    Parameters
    ----------
    path
        Ends in .csv or .xlsx.
    within
        Beginning of the codes of areas, or the code of a city or province; of posts of buildings
        that of their county.
    timezone
        Of the days in the file.

    Raises
    ------
    InvalidInput
        Another ending, or no such folder.
    NotFound
        There are none.
    """
    require_target(path, PEOPLE_ENDINGS)
    rows = session.execute(
        text(PEOPLE_ROWS_SQL), {"within": code_beginnings(session, within)}
    ).mappings()
    cells = [_cells(row, timezone) for row in rows]
    if not cells:
        raise NotFound("dump.no_rows", layer="people")
    write_table(
        path, PEOPLE_COLUMNS, [[row.get(key) or "" for key in PEOPLE_KEYS] for row in cells]
    )
    return len(cells)


def _cells(row: Any, timezone: ZoneInfo) -> dict[str, str]:
    kinds = next(column.choices for column in PEOPLE_COLUMNS if column.key == "kind")
    return {
        **{
            key: row[key]
            for key in ("person", "name", "phone", "area", "building", "deputy", "grade")
        },
        "role": row["title"],
        "kind": kinds[1] if row["nth"] == 2 else "",
        "from": _time(row["start"], timezone),
        "to": _time(row["stop"], timezone),
    }


def _time(moment: datetime | None, timezone: ZoneInfo) -> str:
    """Return a moment as loads read it: a day where it is the first moment of one."""
    if moment is None:
        return ""
    local = moment.astimezone(timezone).replace(tzinfo=None)
    return local.date().isoformat() if local.time() == datetime.min.time() else str(local)
