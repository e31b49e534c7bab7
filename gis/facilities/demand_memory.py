"""Buildings with their households in memory, patched at each use by what the database says changed.

Reading and snapping the homes around a facility takes longer than all else of its circle. A server
that has called `keep` holds them beside the walking network. Every change of a home, door or
footprint is noted in the log `demand_change` by triggers, in the transaction of the change. Before
the homes in memory are used, the request's own transaction reads that log: so an answer is as old
as the transaction, behind a pooler and on a replica too (docs/decisions/0037).
"""

import logging
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from gis.db import cached_text
from gis.facilities.accessibility import DemandPoints, read_demand_points
from gis.facilities.circles import reachable_box, reachable_from
from gis.network.build import Network
from gis.network.snapping import Shapes

log = logging.getLogger(__name__)

MAX_PATCHED = 2000  # buildings beyond which all are read again
MAX_UNREAD = timedelta(hours=12)  # since the log was last read; its rows are kept for twice as long

# The rows of transactions that had not ended once. Of a replica one gets the oldest of these,
# not which of the later ones had; so all from there on are read. Rows behind the newest are new
# whatever their transactions are called: a database put back, or a standby that took over, uses
# their numbers again. What was committed last is the newest row's transaction, or one that ran
# beside it: where a row of each of these is still there, so is all that was committed before.
LOG_SQL = """
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS running, now() AS at,
  pg_current_xact_id_if_assigned() IS NOT NULL AS writes,
  (SELECT count(*) FROM demand_change
   JOIN unnest(CAST(:ids AS bigint[]), CAST(:stamps AS uuid[])) l(id, stamp) USING (id, stamp))
    AS still_there,
  ARRAY(SELECT id FROM demand_change WHERE transaction_id >= :running OR id > :newest) AS rows,
  last.ids, last.stamps
FROM (SELECT coalesce(array_agg(id), '{}') AS ids, coalesce(array_agg(stamp), '{}') AS stamps
  FROM (
    SELECT DISTINCT ON (transaction_id) id, stamp FROM demand_change WHERE transaction_id >= (
      SELECT running FROM demand_change ORDER BY id DESC LIMIT 1)
    ORDER BY transaction_id, id DESC) newest) last
"""
CHANGED_SQL = """
SELECT DISTINCT building FROM demand_change
LEFT JOIN LATERAL unnest(building_ids) building ON true
WHERE id = ANY(:ids) AND building_ids IS DISTINCT FROM '{}'
"""

_is_keeping = False
_reading = threading.Lock()


@dataclass(frozen=True)
class LogPosition:
    """Up to where the log has been read.

    Attributes
    ----------
    running
        Oldest transaction that ran then; all before it had ended.
    at
        Beginning of the transaction that read it, by the database's clock.
    last
        Stamps by id of the newest row, and of the newest of each transaction that ran when it was
        written.
    applied
        Rows of transactions from `running` on that were seen.
    """

    running: int
    at: datetime
    last: dict[int, UUID]
    applied: frozenset[int]


@dataclass(frozen=True)
class KeptDemand:
    """The buildings of a database on one network, as they were at a position of the log."""

    points: DemandPoints
    position: LogPosition


def keep(session: Session, network: Network) -> None:
    """Read all buildings and hold them beside the network, as from now on this process does.

    For the processes that this one forks: they share them.
    """
    global _is_keeping
    _is_keeping = True
    _read(session, network)


def demand_around(session: Session, network: Network, shapes: Shapes, limit: float) -> DemandPoints:
    """Return the buildings that can be reached from some places, and perhaps more.

    Parameters
    ----------
    shapes
        Metres; a missing or empty one reaches nothing.
    limit
        Of the walk, metres.

    Notes
    -----
    From memory where they are kept, else from the database.
    """
    kept = _current(session, network) if _is_keeping else None
    if kept is not None:
        return kept.within(reachable_box(shapes, limit))
    return read_demand_points(session, network, reachable_from(shapes, network, limit))


def _current(session: Session, network: Network) -> DemandPoints | None:
    """Return the kept buildings as this transaction sees them; None where they are not kept."""
    bind = session.get_bind()
    if not isinstance(bind, Engine):
        return None
    kept: KeptDemand | None = network.beside.get(str(bind.url))
    if kept is None:
        _read_beside(bind, network)
        return None
    position, writes, changed = _read_log(session, kept.position)
    if writes:  # what it has changed itself is nobody else's yet
        return None
    if changed is None:
        network.beside.pop(str(bind.url), None)
        _read_beside(bind, network)
        return None
    points = kept.points
    if changed:
        points = points.patch(changed, read_demand_points(session, network, ids=changed))
    network.beside[str(bind.url)] = KeptDemand(points, position)
    return points


def _read_log(
    session: Session, last: LogPosition | None
) -> tuple[LogPosition, bool, list[int] | None]:
    """Read the log from a position on.

    Returns
    -------
    The position reached, whether this transaction writes, and the ids of the buildings that
    changed; None: it may be any, or the log does not reach back.
    """
    known = last.last if last else {}
    row = session.execute(
        cached_text(LOG_SQL),
        {
            "ids": [*known],
            "stamps": [*known.values()],
            "newest": max(known, default=None),
            "running": last.running if last else 0,
        },
    ).one()
    last_rows = dict(zip(row.ids, row.stamps, strict=True))
    position = LogPosition(row.running, row.at, last_rows, frozenset(row.rows))
    # an empty log has lost its rows
    is_same = bool(known) and row.still_there == len(known)
    if last is None or not is_same or row.at - last.at > MAX_UNREAD:
        return position, row.writes, None
    new = sorted(position.applied - last.applied)
    if not new:
        return position, row.writes, []
    changed = session.scalars(cached_text(CHANGED_SQL), {"ids": new}).all()
    if None in changed or len(changed) > MAX_PATCHED:
        return position, row.writes, None
    return position, row.writes, list(changed)


def _read(session: Session, network: Network) -> None:
    bind = session.get_bind()
    if isinstance(bind, Engine):
        position = _read_log(session, None)[0]
        network.beside[str(bind.url)] = KeptDemand(read_demand_points(session, network), position)


def _read_beside(bind: Engine, network: Network) -> None:
    """Read all buildings in a thread, unless one does so already; requests do not wait for it."""
    if _reading.acquire(blocking=False):
        threading.Thread(target=_read_and_release, args=(bind, network), daemon=True).start()


def _read_and_release(bind: Engine, network: Network) -> None:
    try:
        with Session(bind) as session:
            _read(session, network)
    except Exception:  # whoever asks next tries again
        log.exception("the buildings are not kept in memory")
    finally:
        _reading.release()
