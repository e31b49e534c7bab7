"""What changed in a draft since a version of it, as the history has it: for approvals that lapsed.

The steps of a draft are not enough: one that was taken back is no longer there.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from gis.areas.models import Revision
from gis.boundaries import drafts, operations, preview_grids
from gis.boundaries.reviews import drawn_version
from gis.db import cached_text

# Steps of the transactions that raised the version. The history has the moment at which each
# transaction began, which is one for all its rows.
CHANGES_SQL = """
WITH raised AS (
  SELECT at FROM history
  WHERE table_name = 'revision' AND row_key = CAST(:number AS text)
    AND (new ->> 'version')::int > :since AND (new ->> 'version')::int <= :drawn
)
SELECT h.op AS kind, h.at, h.who, coalesce(h.new, h.old) -> 'op' AS spec,
  (coalesce(h.new, h.old) ->> 'step')::int AS step
FROM history h JOIN raised USING (at)
WHERE h.table_name = 'operation'
  AND (coalesce(h.new, h.old) ->> 'revision_id')::bigint = :number
ORDER BY h.id
"""


class ChangeKind(StrEnum):
    """What became of a step."""

    ADDED = "added"
    TAKEN_BACK = "taken_back"
    REDRAWN = "redrawn"  # on newer boundaries


KIND_BY_HISTORY = {
    "insert": ChangeKind.ADDED,
    "delete": ChangeKind.TAKEN_BACK,
    "update": ChangeKind.REDRAWN,
}


@dataclass(frozen=True)
class ChangeSince:
    """A step that was added, taken back or done again.

    zh, en: What the step does, with its grids by name.
    who: Who changed it, as the history names them.
    """

    change: ChangeKind
    step: int
    zh: str
    en: str
    who: str
    at: datetime


def changes_since(session: Session, draft: Revision, version: int) -> list[ChangeSince]:
    """List what was changed in a draft after a version, in the order in which it was done."""
    params = {"number": draft.id, "since": version, "drawn": drawn_version(draft)}
    rows = session.execute(cached_text(CHANGES_SQL), params).all()
    steps = drafts.list_operations(session, draft.id)
    names = preview_grids.grid_names(session, _codes([row.spec for row in rows]), steps)
    result = []
    for row in rows:
        zh, en = operations.describe_operation(row.spec, names)
        result.append(ChangeSince(KIND_BY_HISTORY[row.kind], row.step, zh, en, row.who, row.at))
    return result


def _codes(specs: list[Any]) -> set[str]:
    mentioned = {str(spec.get(field, "")) for spec in specs for field in ("unit", "parent")}
    return mentioned | {code for spec in specs for code in operations.grids_named(spec)}
