"""Queries about jobs."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

LAST_RUN_SQL = """
SELECT max(e.at)
FROM jobs.procrastinate_events e
WHERE e.type = 'succeeded' AND e.job_id = (
  SELECT id
  FROM jobs.procrastinate_jobs
  WHERE task_name = :name AND status = 'succeeded'
  ORDER BY id DESC
  LIMIT 1)
"""


def last_run(session: Session, name: str = "sweep") -> datetime | None:
    """Return when a job last succeeded; None if never, or if its record is deleted."""
    finished_at: datetime | None = session.scalar(text(LAST_RUN_SQL), {"name": name})
    return finished_at
