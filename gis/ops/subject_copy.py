"""A copy of what is held of a person who asks for it (个人信息保护法 45), without others' data."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.ops.data_subject import Subject
from gis.ops.metadata import Base  # with every table
from gis.rights.visibility import reveal_contacts

SECRETS = ("password_hash", "session_version")
# Of what an official did for others: which, and no more. The words are of or about somebody else.
HELD_COLUMNS = {
    "incident": ("county", "id", "category", "state", "reported_at"),
    "joint_part": ("county", "incident_id", "kind", "asked_at", "due_at", "finished_at"),
    "duty_visit": ("county", "id", "day", "place", "recorded_at"),
    "coverage_snapshot": ("id", "name", "saved_at"),
}
REPORT_ROWS_SQL = """
SELECT i.county, i.id, i.reported_at, i.state, c.zh AS category, i.description, i.address,
  ST_X(i.geom) AS lon, ST_Y(i.geom) AS lat, i.channel, i.attributes, i.rating,
  r.name, r.phone, r.email,
  (SELECT coalesce(jsonb_agg(jsonb_build_object('at', e.at, 'move', e.move, 'note', e.note)
      ORDER BY e.id), '[]')
    FROM incident_event e WHERE (e.county, e.incident_id) = (i.county, i.id)
      AND (e.move = 'report' OR e.role IN ('reporter', 'anonymous', 'resident'))) AS steps,
  (SELECT coalesce(jsonb_agg(p.id ORDER BY p.at, p.id), '[]') FROM photo p
    JOIN incident_event e ON (e.county, e.id) = (p.county, p.event_id)
    WHERE (p.county, p.incident_id) = (i.county, i.id)
      AND (e.move = 'report' OR e.role IN ('reporter', 'anonymous', 'resident'))) AS photos
FROM incident i JOIN incident_category c ON (c.edition_id, c.code) = (i.edition_id, i.category)
  LEFT JOIN personal.reporter r ON (r.county, r.incident_id) = (i.county, i.id)
WHERE i.id = ANY(:reports) ORDER BY i.reported_at, i.id
"""
DISCLOSURES_SQL = """
SELECT at, who, kind, subject, incident_id, reason FROM personal.disclosure
WHERE incident_id = ANY(:reports) ORDER BY id
"""
HISTORY_SQL = """
SELECT at, who, why, table_name, op, old, new FROM history
WHERE table_name IN ('person', 'order_taker') AND row_key = ANY(CAST(:people AS text[]))
  OR table_name = 'personal.account' AND row_key = ANY(CAST(:accounts AS text[]))
ORDER BY at, id
"""
SIGN_INS_SQL = """
SELECT at, succeeded, network FROM personal.sign_in WHERE username = ANY(:usernames) ORDER BY id
"""
# what an official did, without what was said
DONE_SQL = """
SELECT at, county, incident_id, move, role FROM incident_event
WHERE who = ANY(:signed) OR person_id = ANY(:people) ORDER BY at, id
"""
EARNED_SQL = """
SELECT at, incident_id, fact, points FROM credit_entry WHERE person_id = ANY(:people)
ORDER BY at, event_id, fact
"""
LOOKS_SQL = """
SELECT at, kind, incident_id FROM personal.disclosure WHERE who = ANY(:signed) ORDER BY id
"""


def export_subject(session: Session, subject: Subject, now: datetime) -> dict[str, Any]:
    """Return all that is held of a subject: rows by table, reports, looks at them, and changes.

    Of an official also what they did, their points, and whose contact they looked at.

    Rows are as the tables have them, without secrets; a row of an area has its code and name, too.
    """
    params = subject.params
    reveal_contacts(session)
    rows = {
        table: _rows(session, table, columns, params) for table, columns in _own_columns().items()
    }
    queries = {
        "sign_ins": SIGN_INS_SQL,
        "reports": REPORT_ROWS_SQL,
        "disclosures": DISCLOSURES_SQL,
        "history": HISTORY_SQL,
        "done": DONE_SQL,
        "points": EARNED_SQL,
        "looks": LOOKS_SQL,
    }
    return {
        "exported_at": now,
        "held": {table: entries for table, entries in rows.items() if entries},
        **{
            name: [dict(row) for row in session.execute(text(query), params).mappings()]
            for name, query in queries.items()
        },
    }


def references(table: str) -> dict[str, list[str]]:
    """Return the tables that refer to rows of a table, each with the columns that do."""
    return {
        str(each.fullname): columns  # SQLAlchemy has a kind of text of its own
        for each in Base.metadata.tables.values()
        if (
            columns := sorted(
                key.parent.name for key in each.foreign_keys if key.target_fullname == f"{table}.id"
            )
        )
    }


def _own_columns() -> dict[str, dict[str, str]]:
    """Return the tables that hold rows of a subject: the columns, and the ids to look for in each.

    The ids are named as in `Subject.params`.
    """
    columns = {"personal.person": {"id": "people"}, "personal.account": {"id": "accounts"}}
    for table, ids in (("personal.person", "people"), ("personal.account", "accounts")):
        for other, names in sorted(references(table).items()):
            columns.setdefault(other, {}).update(dict.fromkeys(names, ids))
    del columns["personal.account"]["person_id"]  # in a shard a copy of the main database's
    del columns["incident"]["account_id"]  # among the reports
    return columns


def _rows(
    session: Session, table: str, columns: Mapping[str, str], params: Mapping[str, Any]
) -> list[dict[str, Any]]:
    model = Base.metadata.tables[table]
    query = "to_jsonb(t) - CAST(:secrets AS text[])"
    if table in HELD_COLUMNS:
        pairs = ", ".join(f"'{name}', t.{name}" for name in HELD_COLUMNS[table])
        query = f"jsonb_build_object({pairs})"
    if "area_id" in model.columns:
        query += """ || coalesce((SELECT jsonb_build_object('area', a.code, 'area_name', a.name)
            FROM area a WHERE a.id = t.area_id), '{}')"""
    condition = " OR ".join(f"t.{column} = ANY(:{ids})" for column, ids in columns.items())
    key = ", ".join(f"t.{column.name}" for column in model.primary_key.columns)
    statement = text(f"SELECT {query} FROM {table} t WHERE {condition} ORDER BY {key}")  # noqa: S608
    return list(session.scalars(statement, {**params, "secrets": [*SECRETS]}))
