"""The outbox: notices are written in the transaction they are about, and delivered later."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy.orm import Session

from gis.db import execute_raw

# One row for each person, account and matching target; an account whose person has a notice gets no
# second one.
ENQUEUE_SQL = """
INSERT INTO notice (topic, county, incident_id, target_id, person_id, account_id, body)
SELECT :topic, :county, CAST(:incident AS uuid), target, person, account, CAST(:body AS jsonb)
FROM (
  SELECT NULL::bigint AS target, p AS person, NULL::bigint AS account
  FROM unnest(CAST(:persons AS bigint[])) p
  UNION ALL
  SELECT NULL, NULL, a
  FROM unnest(CAST(:accounts AS bigint[])) a
  WHERE NOT EXISTS (
    SELECT FROM personal.account o
    WHERE o.id = a AND o.person_id = ANY(CAST(:persons AS bigint[])))
  UNION ALL
  SELECT t.id, NULL, NULL
  FROM notice_target t
  WHERE t.active AND (t.topics = '{}' OR :topic = ANY(t.topics))
    AND (t.area_id IS NULL OR in_counties(ARRAY[t.area_id]) && CAST(:areas AS bigint[]))
) receivers
"""


def enqueue_notice(
    session: Session,
    topic: str,
    *,
    county: str | None,
    incident_id: UUID | None,
    areas: Sequence[int],
    person_ids: Iterable[int] = (),
    account_ids: Iterable[int] = (),
    body: Mapping[str, Any],
) -> None:
    """Write notices in one statement, to be shown in the app and delivered after the commit.

    Parameters
    ----------
    topic
        As incident.dispatch.
    areas
        Ids of the areas it happened in; receivers of other areas get no notice.
    person_ids, account_ids
        Who is notified in the app, each of them once.
    body
        Content, without names, telephone numbers or words of residents.
    """
    execute_raw(
        session,
        ENQUEUE_SQL,
        enqueue_params(topic, county, incident_id, areas, person_ids, account_ids, body),
    )


def enqueue_params(
    topic: str,
    county: str | None,
    incident_id: UUID | None,
    areas: Sequence[int],
    person_ids: Iterable[int],
    account_ids: Iterable[int],
    body: Mapping[str, Any],
) -> dict[str, object]:
    """Return the parameters of ENQUEUE_SQL, from those of `enqueue_notice`."""
    return {
        "topic": topic,
        "county": county,
        "incident": incident_id,
        "areas": list(areas),
        "persons": sorted(set(person_ids)),
        "accounts": sorted(set(account_ids)),
        "body": orjson.dumps(body).decode(),
    }
