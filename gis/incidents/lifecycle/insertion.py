"""Writing a new incident: its row, its first events and its notice, in one statement."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from gis.accounts.credentials import hash_secret
from gis.areas.explanation import DecisionStep
from gis.db import as_json, execute_raw
from gis.incidents.lifecycle.events import INSERT_EVENTS_SQL, events_param
from gis.incidents.lifecycle.intake import Assessed, IncidentReport
from gis.incidents.reading.duplicates import Duplicate, duplicate_of
from gis.incidents.states import ENDED_STATES, State
from gis.notices.outbox import ENQUEUE_SQL
from gis.rights.principal import Principal


@dataclass(frozen=True)
class TrackingKey:
    """What a reporter follows an incident with: its id, and a secret of which the hash is kept."""

    incident_id: UUID = field(default_factory=uuid4)
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(24))


def incident_row(
    principal: Principal,
    report: IncidentReport,
    case: Assessed,
    columns: Mapping[str, Any],
    how: list[DecisionStep],
    tracking: TrackingKey,
    events: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Return the row of a report as its first events leave it.

    Parameters
    ----------
    columns
        Those that routing decides.
    events
        As for `insert_incident`.
    """
    location = case.where
    return {
        "county": location.county,
        "id": tracking.incident_id,
        "reported_at": case.at,
        "edition_id": case.edition_id,
        "category": case.kind.code,
        "severity": case.severity,
        "description": report.description.strip(),
        "address": report.address.strip(),
        "channel": report.channel,
        "attributes": {
            **report.attributes,
            **({"service": case.service} if case.service else {}),
        },
        **location.columns,
        "explanation": how,
        **columns,
        **_left_by(events),
        "account_id": principal.account_id,
        "key_id": principal.key_id,
        "tracking_hash": f"\\x{hash_secret(tracking.secret).hex()}",
    }


@cache
def _insert_sql(names: tuple[str, ...], with_notice: bool, duplicates: str) -> str:
    """Return the statement of `insert_incident`: one round trip for everything of a report.

    Its rows are the numbers of the events and the columns of a duplicate, one row for each.
    """
    columns = ", ".join(names)
    return f"""
WITH incident_row AS (
  INSERT INTO incident ({columns}) SELECT {columns}
  FROM jsonb_populate_record(NULL::incident, CAST(:row AS jsonb))
), event AS ({INSERT_EVENTS_SQL}), notice_row AS ({ENQUEUE_SQL if with_notice else "SELECT"})
SELECT ARRAY(SELECT id FROM event ORDER BY id), duplicate.*
FROM (SELECT) one LEFT JOIN ({duplicates or "SELECT WHERE false"}) duplicate ON true
"""  # noqa: S608  our own text


def insert_incident(
    session: Session,
    row: Mapping[str, Any],
    events: Sequence[Mapping[str, Any]],
    notice: Mapping[str, Any] | None,
    duplicates: tuple[str, Mapping[str, Any]] | None = None,
) -> tuple[list[int], list[Duplicate]]:
    """Write the row of a report, its first events and its notice.

    Returns the numbers of the events, and what the report may repeat. One statement; triggers
    check row and events against each other.

    Parameters
    ----------
    row
        As `incident_row` returns it.
    events
        In their order; what one does not say is as in EVENT.
    notice
        Parameters of ENQUEUE_SQL; None: it is told to nobody.
    duplicates
        As `duplicates_query` returns it; None: they are not looked for.
    """
    keys = {"county": row["county"], "incident_id": row["id"]}
    query, params = duplicates or ("", {})
    rows = execute_raw(
        session,
        _insert_sql(tuple(row), notice is not None, query),
        {
            "row": as_json(row),
            "events": events_param([{**keys, **event} for event in events]),
            **(notice or {}),
            **params,
        },
    ).fetchall()
    alike = [duplicate for _, *duplicate in rows if duplicate and duplicate[0] is not None]
    return rows[0][0], [duplicate_of(*duplicate) for duplicate in alike]


def _left_by(events: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the columns that events set, as they leave a new incident; as `apply_events.sql`."""
    state, before, closed_at = State.REPORTED.value, "", None
    for event in events:
        to_state = event["to_state"]
        if to_state == State.SUSPENDED and state != State.SUSPENDED:
            before = state
        elif event["move"] == "resume":
            before = ""
        if to_state not in ENDED_STATES:
            closed_at = None
        elif to_state != state:
            closed_at = event["at"]
        state = to_state
    return {
        "state": state,
        "pending_request": events[-1].get("to_request", ""),
        "state_before_suspension": before,
        "closed_at": closed_at,
        "version": len(events) + 1,
        "changed_at": events[-1]["at"],
    }
