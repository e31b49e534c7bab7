"""Discussions as they stand, and their results.

The count of votes is secret until the end; then it never changes, whatever becomes of the area.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas.identity import find_area_id
from gis.discussions.models import CHOICES
from gis.errors import NotFound, invalid_field
from gis.rights.actions import Action
from gis.rights.principal import Principal

DISCUSSION_STATES = ("planned", "open", "ended", "withdrawn")
OUTCOMES_OF_VOTES = ("passed", "rejected", "tie", "no_quorum", "no_votes")
MAX_LISTED_DISCUSSIONS = 100
MIN_VOTES = 3  # fewer would tell who voted how: they are no result, and their counts stay hidden

# raw SQL: the areas above by recursion; parameters: id (None: all), area (None: everywhere), limit
DISCUSSIONS_SQL = """
WITH RECURSIVE up AS (
  SELECT d.id AS discussion_id, d.area_id AS id FROM discussion d
  WHERE CAST(:id AS bigint) IS NULL OR d.id = :id
  UNION SELECT up.discussion_id, a.parent_id FROM area a JOIN up ON a.id = up.id
  WHERE a.parent_id IS NOT NULL
), picked AS (
  SELECT discussion_id AS id, array_agg(id) AS area_ids FROM up GROUP BY discussion_id
  HAVING CAST(:area AS bigint) IS NULL OR :area = ANY(array_agg(id))
)
SELECT d.*, a.code AS area, a.name AS area_name, votes.*
FROM (
  SELECT d.*, p.area_ids FROM picked p JOIN discussion d ON d.id = p.id
  ORDER BY d.closes_at DESC, d.id DESC LIMIT :limit
) d JOIN area a ON a.id = d.area_id
CROSS JOIN LATERAL (
  SELECT count(*) AS slips, count(choice) AS votes, count(*) FILTER (WHERE choice = 'yes') AS yes,
    count(*) FILTER (WHERE choice = 'no') AS no,
    count(*) FILTER (WHERE choice = 'abstain') AS abstain
  FROM discussion_ballot b WHERE b.discussion_id = d.id) votes
ORDER BY d.closes_at DESC, d.id DESC
"""


@dataclass(frozen=True)
class DiscussionView:
    """A discussion.

    Attributes
    ----------
    state
        One of DISCUSSION_STATES.
    slips
        How many were drawn: one for each home of the area at that moment.
    draws
        How often slips were drawn; those of the last time count.
    votes
        How many slips have voted, abstentions too.
    counts
        By choice; None until it has ended, and of fewer than MIN_VOTES.
    outcome
        One of OUTCOMES_OF_VOTES; None until it has ended.
    may_change
        Whether the principal draws its slips, withdraws and concludes it.
    """

    id: int
    area: str
    area_name: str
    title: str
    proposal: str
    quorum: int
    opens_at: datetime
    closes_at: datetime
    state: str
    slips: int
    draws: int
    votes: int
    counts: dict[str, int] | None
    outcome: str | None
    withdrawn_reason: str
    conclusion: str
    may_change: bool


def list_discussions(
    session: Session, by: Principal, now: datetime, area: str = ""
) -> list[DiscussionView]:
    """List discussions, what ends last first; everybody may read them.

    Parameters
    ----------
    area
        Code; only discussions of areas in it.

    Raises
    ------
    InvalidInput
        There is no such area.
    """
    within = find_area_id(session, area) if area else None
    if area and within is None:
        raise invalid_field("area", "area.unknown_code", code=area[:40])
    return _read(session, by, now, None, within)


def get_discussion(
    session: Session, by: Principal, discussion_id: int, now: datetime
) -> DiscussionView:
    """Return a discussion.

    Raises
    ------
    NotFound
        There is none.
    """
    for row in _read(session, by, now, discussion_id, None):
        return row
    raise NotFound("discussion.unknown")


def outcome_of(slips: int, quorum: int, counts: Mapping[str, int]) -> str:
    """Return what votes decide: more for than against, if enough homes voted at all."""
    votes = sum(counts.values())
    if not votes:
        return "no_votes"
    if votes < MIN_VOTES or votes * 100 < quorum * slips:
        return "no_quorum"
    if counts["yes"] == counts["no"]:
        return "tie"
    return "passed" if counts["yes"] > counts["no"] else "rejected"


def state_of(row: Any, now: datetime) -> str:
    """Return the state of a row of the table at a moment."""
    if row.withdrawn_at is not None:
        return "withdrawn"
    if now < row.opens_at:
        return "planned"
    return "open" if now < row.closes_at else "ended"


def _read(
    session: Session, by: Principal, now: datetime, discussion_id: int | None, area: int | None
) -> list[DiscussionView]:
    params = {"id": discussion_id, "area": area, "limit": MAX_LISTED_DISCUSSIONS}
    return [_view(row, by, now) for row in session.execute(text(DISCUSSIONS_SQL), params)]


def _view(row: Any, by: Principal, now: datetime) -> DiscussionView:
    state = state_of(row, now)
    ended = {choice: getattr(row, choice) for choice in CHOICES} if state == "ended" else None
    derived = ("state", "counts", "outcome", "may_change")
    stored = {
        name: getattr(row, name)
        for name in DiscussionView.__dataclass_fields__
        if name not in derived
    }
    return DiscussionView(
        **stored,
        state=state,
        counts=ended if row.votes >= MIN_VOTES else None,
        outcome=None if ended is None else outcome_of(row.slips, row.quorum, ended),
        may_change=by.is_allowed(Action.DISPATCH, row.area_ids),
    )
