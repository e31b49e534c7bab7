"""Writing incidents to a file that `gis.exchange.incidents` loads back the same.

No contacts of reporters leave here; people are named only to who may have names there.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis import private
from gis.errors import NotFound
from gis.exchange.columns import INCIDENT_COLUMNS
from gis.files.table_writer import require_target, write_table
from gis.incidents.lifecycle.history import RATINGS
from gis.incidents.states import ENDED_STATES
from gis.rights.principal import Principal
from gis.rights.visibility import Fact, can_see, visibility_clause
from gis.settings import SHANGHAI

INCIDENT_EXTENSIONS = (".csv", ".xlsx", ".ndjson")
KEYS = tuple(column.key for column in INCIDENT_COLUMNS)

# raw SQL: a subquery beside each row, and the condition of visibility that every reading shares
ROWS_SQL = """
SELECT i.*, ST_X(i.geom) AS lon, ST_Y(i.geom) AS lat, post.code AS post_area, p.code AS person,
  coalesce(last.note, '') AS result, i.attributes - 'external_id' AS answers,
  coalesce(i.attributes ->> 'external_id', i.id::text) AS external_id, loaded.handler,
  (SELECT coalesce(x.attributes ->> 'external_id', x.id::text) FROM incident x
   WHERE x.id = i.parent_id AND {other}) AS parent
FROM incident i
  LEFT JOIN area post ON post.id = i.area_id
  LEFT JOIN personal.person p ON p.id = i.holder_id
  LEFT JOIN LATERAL (SELECT e.note FROM incident_event e
    WHERE (e.county, e.incident_id) = (i.county, i.id) AND e.move IN ('handle', 'load')
    ORDER BY e.id DESC LIMIT 1) last ON true
  LEFT JOIN LATERAL (SELECT max(e.detail ->> 'handler') AS handler FROM incident_event e
    WHERE (e.county, e.incident_id) = (i.county, i.id) AND e.detail ? 'handler') loaded ON true
WHERE {mine} AND (:within = '' OR i.area_ids && in_counties(
    ARRAY(SELECT a.id FROM area a WHERE a.code = :within)))
ORDER BY i.reported_at, i.id
"""


def write_incidents(
    session: Session,
    principal: Principal,
    path: Path,
    *,
    within: str = "",
    timezone: ZoneInfo = SHANGHAI,
) -> int:
    """Write the incidents that a principal sees to a file, and return how many there are.

    Parameters
    ----------
    path
        Ends in .csv, .xlsx or .ndjson.
    within
        Code of the area they lie in; empty means everywhere.

    Raises
    ------
    InvalidInput
        Another ending, or no such folder.
    NotFound
        There are none.
    """
    ending = require_target(path, INCIDENT_EXTENSIONS)
    rows = list(incident_rows(session, principal, within=within, timezone=timezone))
    if not rows:
        raise NotFound("dump.no_rows", layer="incidents")
    if ending == ".ndjson":
        with private.open_file(path, encoding="utf-8") as file:
            file.writelines(
                orjson.dumps({k: v for k, v in row.items() if v != ""}).decode() + "\n"
                for row in rows
            )
    else:
        write_table(path, INCIDENT_COLUMNS, [[_cell(row[key]) for key in KEYS] for row in rows])
    return len(rows)


def incident_rows(
    session: Session, principal: Principal, *, within: str = "", timezone: ZoneInfo = SHANGHAI
) -> Iterator[dict[str, Any]]:
    """Yield the incidents that a principal sees, oldest first, by the keys of INCIDENT_COLUMNS.

    Empty texts where there is nothing. Times are ISO 8601 in `timezone`.
    """
    mine, params = visibility_clause(principal, "i")
    query = ROWS_SQL.format(mine=mine, other=visibility_clause(principal, "x")[0])
    for row in session.execute(text(query), params | {"within": within}).mappings():
        yield _to_row({**row}, principal, timezone)


def _to_row(row: Mapping[str, Any], principal: Principal, timezone: ZoneInfo) -> dict[str, Any]:
    named = can_see(principal, Fact.NAMES, row["area_ids"], row["holder_id"])
    values: dict[str, Any] = {
        **{key: row[key] for key in KEYS if key in row},
        **_place(row),
        "reported_at": _time(row["reported_at"], timezone),
        "closed_at": _time(row["closed_at"], timezone),
        "due_at": _time(row["due_at"], timezone) if row["state"] not in ENDED_STATES else "",
        "suspended_until": _time(row["suspended_until"], timezone),
        "handler": (row["person"] or row["handler"]) if named else "",
        "attributes": row["answers"] or "",
        **{name: _yes_no(row[name]) if "solved" in name else row[name] for name in RATINGS},
    }
    return {key: "" if values[key] is None else values[key] for key in KEYS}


def _place(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the place as it was given, since what is decided from it depends on that."""
    location_input = row["location_input"]
    if "area" in location_input:
        return {"lon": "", "lat": "", "crs": "", "area": location_input["area"]}
    if "address" in location_input:
        return {"lon": "", "lat": "", "crs": "", "area": ""}
    point = {"lon": row["lon"], "lat": row["lat"], "crs": "cgcs2000"} | location_input
    return {"area": ""} | {name: point[name] for name in ("lon", "lat", "crs")}


def _time(moment: datetime | None, timezone: ZoneInfo) -> str:
    return moment.astimezone(timezone).isoformat(sep=" ") if moment else ""


def _yes_no(value: bool | None) -> str:
    return "" if value is None else "是" if value else "否"


def _cell(value: Any) -> str:
    return orjson.dumps(value).decode() if isinstance(value, dict) else str(value)
