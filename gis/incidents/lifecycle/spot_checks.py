"""Draw spot checks (抽查) of what was closed, and write the verdicts down.

A draw is of one community and ISO week and is never repeated: a sample that can be drawn again
until it pleases proves nothing.
"""

import secrets
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from hashlib import sha256
from math import ceil
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select, text, update
from sqlalchemy.orm import Session

from gis.db import audit_context
from gis.errors import Conflict, Forbidden, InvalidInput, NotFound, invalid_field
from gis.incidents.models import VERDICTS, SpotCheck, SpotDraw
from gis.incidents.reading.spot_checks import (
    SpotSample,
    list_samples,
    supervised_communities,
    week_period,
)
from gis.messages import Message
from gis.rights.principal import Principal

DEFAULT_SHARE, DEFAULT_MINIMUM = 0.05, 5
MAX_NOTE_CHARS = 2000
MAX_SEED_CHARS = 80

# closed in the week, by its events; what was made void or linked to another since does not count
CLOSED_SQL = """
SELECT DISTINCT i.id, i.county FROM incident_event e
  JOIN incident i ON (i.county, i.id) = (e.county, e.incident_id)
WHERE e.move = 'close' AND e.at >= :since AND e.at < :until AND i.parent_id IS NULL
  AND i.state <> 'void' AND i.area_ids @> CAST(ARRAY[:community] AS bigint[])
"""


@dataclass(frozen=True)
class Sampling:
    """How a sample is drawn.

    share: Above 0 to 1. minimum: At least so many of each community, if so many were closed there.
    seed: Empty: a random one. It is stored with the draw.
    """

    share: float = DEFAULT_SHARE
    minimum: int = DEFAULT_MINIMUM
    seed: str = ""

    def validate(self) -> None:
        """Check the share, the minimum and the seed.

        Raises
        ------
        InvalidInput
            The share or the minimum is out of range, or the seed is too long.
        """
        if not 0 < self.share <= 1:
            raise invalid_field("share", "spot_check.share_out_of_range")
        if not 0 <= self.minimum <= 1000:
            raise invalid_field("minimum", "spot_check.minimum_out_of_range")
        if (count := len(self.seed)) > MAX_SEED_CHARS:
            raise invalid_field("seed", "field.too_long", count=count, limit=MAX_SEED_CHARS)

    def draw(self, ids: list[UUID]) -> list[UUID]:
        """Return the share of some incidents, at least the minimum, in the order of the seed.

        Those with the lowest SHA-256 of `seed:id`, so that anybody can check a draw without this
        program; an incident more or less moves the end of the sample only.
        """
        size = max(ceil(round(len(ids) * self.share, 9)), self.minimum)
        hashed = sorted(ids, key=lambda row_id: sha256(f"{self.seed}:{row_id}".encode()).digest())
        return hashed[:size]


def draw(
    session: Session,
    by: Principal,
    week: str,
    now: datetime,
    zone: ZoneInfo,
    *,
    area: str = "",
    sampling: Sampling = Sampling(),
) -> list[SpotSample]:
    """Draw a week's sample in each community that has none yet; return those drawn just now.

    Parameters
    ----------
    week
        ISO week that is over, in which the incidents were closed, as 2026-W48.
    area
        Code; only communities in it. Empty: all that the principal supervises.

    Raises
    ------
    InvalidInput
        The week is none or not over, no such area, the share or the minimum is out of range.
    Forbidden
        The principal does not supervise.
    """
    since, until = week_period(week, zone)
    if until > now:
        raise invalid_field("week", "spot_check.week_not_over", week=week)
    sampling.validate()
    communities = supervised_communities(session, by, now, area)
    if not communities:
        raise InvalidInput("spot_check.no_community")
    # one draw at a time: two at once would collide on the same community and week
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('spot_draw'))"))
    done = set(session.scalars(select(SpotDraw.area_id).where(SpotDraw.week == week)))
    if not sampling.seed:
        sampling = replace(sampling, seed=secrets.token_hex(4))
    with audit_context(session, by.actor, f"spot check {week}"):
        for community in communities:
            if community.id in done:
                continue
            closed = _closed_in(session, community.id, since, until)
            values = {"week": week, "area_id": community.id, **asdict(sampling)}
            values |= {"drawn_at": now, "drawn_by": by.actor}
            _store_draw(session, values, closed, sampling.draw([*closed]))
    new = {community.code for community in communities if community.id not in done}
    return [row for row in list_samples(session, by, week, now, area) if row.area in new]


def _closed_in(
    session: Session, community: int, since: datetime, until: datetime
) -> dict[UUID, str]:
    """Return the incidents closed in a community and period, each with its county."""
    params = {"since": since, "until": until, "community": community}
    return {row.id: row.county for row in session.execute(text(CLOSED_SQL), params)}


def _store_draw(
    session: Session, values: dict[str, Any], closed: dict[UUID, str], chosen: list[UUID]
) -> None:
    values |= {"population": len(closed), "size": len(chosen)}
    draw_id = session.scalar(insert(SpotDraw).values(values).returning(SpotDraw.id))
    rows = [
        {"draw_id": draw_id, "county": closed[incident_id], "incident_id": incident_id}
        for incident_id in chosen
    ]
    if rows:
        session.execute(insert(SpotCheck), rows)


def judge(
    session: Session,
    by: Principal,
    check_id: int,
    verdict: str,
    note: str,
    now: datetime,
    replaces: str | None = None,
) -> None:
    """Write the verdict on a drawn incident down; another one replaces it, and stays in history.

    Parameters
    ----------
    verdict
        One of VERDICTS. All but real need a note.
    replaces
        Moment (ISO 8601) of the verdict that one has seen, empty: there was none. None: whichever
        there is.

    Raises
    ------
    NotFound
        There is none, or it is not in a community that the principal supervises.
    Forbidden
        The principal handled the incident.
    InvalidInput
        The verdict is none, or the note is missing or too long.
    Conflict
        Somebody has given another verdict since.
    """
    week = session.scalar(
        select(SpotDraw.week)
        .join(SpotCheck, SpotCheck.draw_id == SpotDraw.id)
        .where(SpotCheck.id == check_id)
        .with_for_update(of=SpotCheck)
    )
    samples = list_samples(session, by, week or "", now)
    row = next((row for part in samples for row in part.incidents if row.id == check_id), None)
    if row is None:
        raise NotFound("spot_check.unknown")
    if row.mine:
        raise Forbidden("spot_check.own_work")
    if replaces is not None and replaces != (row.checked_at.isoformat() if row.checked_at else ""):
        raise Conflict(
            "spot_check.judged_meanwhile",
            who=(row.checked_by or "").removeprefix("account "),
            verdict=Message(f"spot_verdict.{row.verdict}"),
        )
    if verdict not in VERDICTS:
        raise invalid_field("verdict", "field.none_of", value=verdict[:40], allowed=list(VERDICTS))
    note = note.strip()
    if verdict != "real" and not note:
        raise invalid_field("note", "field.reason_missing")
    if len(note) > MAX_NOTE_CHARS:
        raise invalid_field("note", "field.too_long", count=len(note), limit=MAX_NOTE_CHARS)
    with audit_context(session, by.actor, "spot check"):
        session.execute(
            update(SpotCheck)
            .where(SpotCheck.id == check_id)
            .values(verdict=verdict, note=note, checked_by=by.actor, checked_at=now)
        )
