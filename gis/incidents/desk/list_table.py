"""The list of incidents as a table to be handed out, in the order and with the filters shown."""

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from pathlib import Path

from sqlalchemy.orm import Session

from gis.errors import TooLarge
from gis.files.cells import parse_text
from gis.files.column import Column
from gis.files.table_writer import write_table
from gis.incidents.clock import CLOCKS
from gis.incidents.models import channel_label
from gis.incidents.reading.counts import exceeds
from gis.incidents.reading.filters import IncidentFilters
from gis.incidents.reading.incidents import IncidentView, list_incidents
from gis.messages import label
from gis.rights.principal import Principal

MAX_ROWS = 5000  # of one file
LIST_COLUMNS = (
    "number",
    "severity",
    "due",
    "left_working_min",
    "left_wall_min",
    "category",
    "description",
    "address",
    "place",
    "state",
    "held_by",
    "role",
    "reported_at",
    "channel",
    "supervised",
)


def write_list(
    session: Session,
    by: Principal,
    filters: IncidentFilters,
    path: Path,
    *,
    now: datetime,
    zone: tzinfo,
    language: str,
) -> int:
    """Write the visible incidents that filters select as .csv or .xlsx; return how many.

    Moments are of the zone, to the minute. The minutes left stand in the column of the clock that
    an incident runs by.

    Raises
    ------
    TooLarge
        They are more than `MAX_ROWS`.
    """
    if exceeds(session, by, filters, MAX_ROWS, now=now):
        raise TooLarge("incident_list.too_many", limit=MAX_ROWS)
    rows = list_incidents(session, by, filters, MAX_ROWS, None, now=now)
    columns = [
        Column(key, label(f"list_column.{key}", language), parse_text, (), "", "")
        for key in LIST_COLUMNS
    ]
    write_table(path, columns, [list(list_cells(row, zone, language)) for row in rows])
    return len(rows)


def list_cells(incident: IncidentView, zone: tzinfo, language: str) -> Iterator[str]:
    """Yield the text of each of LIST_COLUMNS for an incident."""

    def in_language(name: str) -> str:
        return getattr(incident, f"{name}_{language}") or ""

    yield str(incident.id)
    yield label(f"severity.{incident.severity}", language)
    yield _minute(incident.due, zone)
    for name in CLOCKS:
        runs = incident.left_min is not None and incident.clock == name
        yield f"{incident.left_min:.0f}" if runs else ""
    yield in_language("category")
    yield incident.description
    yield incident.address
    yield _place(incident.areas)
    yield in_language("state")
    yield incident.assigned_to or ""
    yield in_language("role")
    yield _minute(incident.reported_at, zone)
    yield channel_label(incident.channel, language)
    yield label("list_column.supervised", language) if incident.supervised else ""


def _minute(moment: datetime | None, zone: tzinfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}" if moment else ""


def _place(areas: Sequence[dict[str, str]]) -> str:
    return " ".join(area["name"] for area in areas if area["level"] in ("community", "grid"))
