"""Whether the stored service circles are those of now.

Every change of homes, doors, footprints and facilities is a row of the log `demand_change`, written
in the transaction of the change. A run that brings circles in step notes which transactions it
counted in. Where the log has another one, circles are computed when asked for, and a job runs
again: nobody who edits waits for another, whoever commits first.
"""

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from gis.errors import Unavailable
from gis.network.edits import find_edits

CIRCLE_MINUTES = (5, 10, 15)  # the limits whose circles are stored

# Whether the log has what a run did not count in, or may have forgotten it: its rows are kept for
# twice as long.
CHANGED_SINCE_SQL = """(r.checked_at < now() - interval '12 hours' OR EXISTS (
  SELECT FROM demand_change d
  WHERE d.transaction_id >= CAST(CAST(
      pg_snapshot_xmin(CAST(r.snapshot AS pg_snapshot)) AS text) AS bigint)
    AND NOT pg_visible_in_snapshot(
      CAST(CAST(d.transaction_id AS text) AS xid8), CAST(r.snapshot AS pg_snapshot))))"""
IN_STEP_SQL = f"""EXISTS (
  SELECT FROM circle_run r
  WHERE r.profile = :profile AND r.network_version = :version AND NOT {CHANGED_SINCE_SQL})"""
RENEWED_RUNS_SQL = """
UPDATE circle_run r SET snapshot = CAST(pg_current_snapshot() AS text), checked_at = now()
"""
RENEW_SQL = f"{RENEWED_RUNS_SQL} WHERE NOT {CHANGED_SINCE_SQL}"
CHANGED_RUNS_SQL = f"DELETE FROM circle_run r WHERE {CHANGED_SINCE_SQL}"  # noqa: S608  ours
STORE_SNAPSHOT_SQL = """
INSERT INTO circle_run (profile, network_version, snapshot)
VALUES (:profile, :version, :snapshot)
ON CONFLICT (profile) DO UPDATE SET network_version = excluded.network_version,
  snapshot = excluded.snapshot, checked_at = now()
"""
# Of every profile and limit that is stored, and of those that always are.
OUTDATED_SQL = f"""
WITH wanted AS (
  SELECT DISTINCT profile, minutes FROM service_circle
  UNION SELECT 'adult', unnest(CAST(:minutes AS int[]))
)
SELECT w.profile, array_agg(w.minutes ORDER BY w.minutes) AS minutes
FROM wanted w
LEFT JOIN circle_run r ON r.profile = w.profile
GROUP BY w.profile, r.profile  -- its key
HAVING r.profile IS NULL OR r.network_version <> :version OR {CHANGED_SINCE_SQL}
  OR bool_or(EXISTS (
    SELECT FROM facility f
    WHERE NOT EXISTS (
      SELECT FROM service_circle c
      WHERE c.facility_id = f.id AND (c.profile, c.minutes) = (w.profile, w.minutes))))
ORDER BY w.profile
"""  # noqa: S608  ours


def find_outdated(session: Session) -> dict[str, tuple[int, ...]]:
    """Return the profiles whose circles may not be those of now, with the limits that are stored.

    None without a walking network.
    """
    try:
        version = find_edits(session).version
    except Unavailable:
        return {}
    rows = session.execute(
        text(OUTDATED_SQL), {"minutes": list(CIRCLE_MINUTES), "version": version}
    )
    return {row.profile: tuple(row.minutes) for row in rows}


def renew_runs(session: Session) -> None:
    """Note of the runs since which nothing changed that they are right up to now."""
    session.execute(text(RENEW_SQL))


def in_step(profile: str, version: str) -> TextClause:
    """Return the condition that the stored circles of a profile are those of now.

    Parameters
    ----------
    version
        Of the present network, with the edits in force.
    """
    return text(IN_STEP_SQL).bindparams(profile=profile, version=version)


def read_snapshot(session: Session) -> str:
    """Return which transactions a run counts in, as `pg_snapshot`; before it reads anything."""
    return str(session.scalar(text("SELECT CAST(pg_current_snapshot() AS text)")))


def store_run(session: Session, profile: str, version: str, snapshot: str) -> None:
    """Note that the stored circles of a profile are right, up to a snapshot."""
    run = {"profile": profile, "version": version, "snapshot": snapshot}
    session.execute(text(STORE_SNAPSHOT_SQL), run)
