"""Areas that go on under another code: which area answers for a retired one today."""

from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar

from sqlalchemy.orm import Session

from gis.db import cached_text

Key = TypeVar("Key", int, str)

# Retired areas and the area that goes on for each, by the last revision that recoded it.
SUCCESSORS_SQL = """
SELECT DISTINCT ON (l.from_id) l.from_id, l.to_id, f.code, t.code AS new_code
FROM lineage l JOIN revision r ON r.id = l.revision_id
  JOIN area f ON f.id = l.from_id JOIN area t ON t.id = l.to_id
WHERE l.kind = 'recoded' AND r.effective <= :at AND f.retired_at <= :at
ORDER BY l.from_id, r.published_at DESC
"""


def successor_ids(session: Session, at: datetime) -> dict[int, int]:
    """Return the area that goes on for each recoded one at a moment, by id."""
    rows = session.execute(cached_text(SUCCESSORS_SQL), {"at": at})
    return _last({row.from_id: row.to_id for row in rows})


def successor_codes(session: Session, at: datetime) -> dict[str, str]:
    """Return the code of the area that goes on for each recoded one at a moment, by code."""
    rows = session.execute(cached_text(SUCCESSORS_SQL), {"at": at})
    return _last({row.code: row.new_code for row in rows})


def _last(direct: Mapping[Key, Key]) -> dict[Key, Key]:
    """Return the end of the chain that begins at each key."""
    last = {}
    for start, end in direct.items():
        passed = {start}
        while end in direct and end not in passed:
            passed.add(end)
            end = direct[end]
        last[start] = end
    return last
