"""Questions about jobs."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

LAST = """
SELECT max(e.at) FROM jobs.procrastinate_events e WHERE e.type = 'succeeded' AND e.job_id = (
  SELECT id FROM jobs.procrastinate_jobs WHERE task_name = :name AND status = 'succeeded'
      ORDER BY id DESC LIMIT 1)
"""


def last_run(session: Session, name: str = "sweep") -> datetime | None:
    """When a job last ended well; None: never, or so long ago that it is forgotten."""
    found: datetime | None = session.scalar(text(LAST), {"name": name})
    return found
