"""Putting proposals to the homes of an area: slips drawn, votes cast, the end.

A slip is one home's vote. Its code is drawn by lot and stored nowhere, so nobody can say how a home
voted, and a slip votes once however many devices its holder has. The slips are those of the homes
at the moment of drawing: moving a border later changes no right to vote.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.orm import Session

from gis.areas.models import Area
from gis.discussions.models import CHOICES, Ballot, Discussion
from gis.discussions.queries import MIN_VOTES, state_of
from gis.errors import Conflict, NotFound, invalid_field
from gis.messages import Message
from gis.people.area_chains import area_chain
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.storable import is_blank

VOTING_LEVELS = ("community", "grid", "unit")
MAX_SUBJECT_CHARS, MAX_PROPOSAL_CHARS, MAX_ANSWER_CHARS = 100, 5000, 2000
MAX_SLIPS = 10_000
MAX_DURATION = timedelta(days=366)
# without letters and digits that look alike on paper; 12 of them cannot be guessed
CODE_ALPHABET, CODE_CHARS = "abcdefghjkmnpqrstuvwxyz23456789", 12

# The homes of an area that have people: a home belongs to the grid that its building stands on, and
# to its unit.
VOTING_HOMES_SQL = """
WITH RECURSIVE down AS (
  SELECT id, level FROM area WHERE id = :area
  UNION SELECT a.id, a.level FROM area a JOIN down ON a.parent_id = down.id
  WHERE a.retired_at IS NULL OR a.retired_at > :now
), stands_in AS (
  SELECT b.id FROM down JOIN boundary s ON s.area_id = down.id AND s.valid_time @> :now
    JOIN building b ON b.geom && s.geom
  WHERE down.level = 'grid'
    AND EXISTS (SELECT FROM grid_at(ST_PointOnSurface(b.geom), :now) g WHERE g.id = down.id)
)
SELECT count(*) FROM household h JOIN area site ON site.id = :area AND site.county = h.county
WHERE h.people > 0 AND h.building_id IN (SELECT id FROM stands_in)
"""
HOMES_OF_UNIT_SQL = """
SELECT count(*) FROM household h JOIN area site ON site.id = :area AND site.county = h.county
WHERE h.people > 0 AND h.unit_id = site.id
"""


@dataclass(frozen=True)
class Proposal:
    """A proposal as it is stated.

    Attributes
    ----------
    area
        Code of the community, grid or unit whose homes vote.
    quorum
        Percent of the homes that must vote for a result.
    opens_at
        None: at once.
    """

    area: str
    title: str
    proposal: str
    closes_at: datetime
    opens_at: datetime | None = None
    quorum: int = 50


def propose(session: Session, by: Principal, stated: Proposal, now: datetime) -> int:
    """Put a proposal to the homes of an area; return its id. Slips are drawn apart from it.

    Parameters
    ----------
    by
        Needs Action.DISPATCH in the area.

    Raises
    ------
    InvalidInput
        A text is missing or too long, the times are wrong, or the area is none that votes.
    Forbidden
        The area is not the principal's.
    """
    title = _text("title", stated.title, MAX_SUBJECT_CHARS)
    words = _text("proposal", stated.proposal, MAX_PROPOSAL_CHARS)
    opens_at = stated.opens_at or now
    if not 0 <= stated.quorum <= 100:
        raise invalid_field("quorum", "field.not_between", low="0", high="100")
    if not max(opens_at, now) < stated.closes_at <= opens_at + MAX_DURATION:
        raise invalid_field("closes_at", "discussion.end_wrong", days=MAX_DURATION.days)
    code = stated.area.strip()
    columns = select(Area.id, Area.county, Area.level).where(Area.code == code, Area.in_use(now))
    area = session.execute(columns).one_or_none()
    if area is None or area.level not in VOTING_LEVELS:
        raise invalid_field("area", "discussion.area_wrong", code=code[:40])
    by.require(Action.DISPATCH, area_chain(session, area.id, None, now))
    values = {"county": area.county, "area_id": area.id, "title": title, "proposal": words}
    values |= {"quorum": stated.quorum, "opens_at": opens_at, "closes_at": stated.closes_at}
    values |= {"created_by": by.actor}
    return int(session.scalars(insert(Discussion).values(values).returning(Discussion.id)).one())


def draw_slips(
    session: Session, by: Principal, discussion_id: int, now: datetime, *, base: int = 0
) -> list[str]:
    """Draw a slip for each home of the area that has people; return their codes, shown only now.

    Slips that were drawn before are void then; none of them may have voted.

    Parameters
    ----------
    base
        How often slips were drawn as whoever draws has seen it: a page that is sent again, or a
        colleague at the same time, voids no slips that are printed.

    Raises
    ------
    NotFound, Forbidden
        There is no such discussion, or it is not the principal's.
    Conflict
        It has ended, a slip has voted, or slips were drawn meanwhile.
    InvalidInput
        The area has fewer than MIN_VOTES homes, or too many.
    """
    row = _own(session, by, discussion_id, now)
    _require_state(row, now, ("planned", "open"))
    voted = select(func.count(Ballot.choice)).where(Ballot.discussion_id == row.id)
    if session.scalar(voted):
        raise Conflict("discussion.votes_cast")
    if base != row.draws:
        raise Conflict("discussion.drawn_meanwhile", count=row.draws)
    level = session.scalar(select(Area.level).where(Area.id == row.area_id))
    query = HOMES_OF_UNIT_SQL if level == "unit" else VOTING_HOMES_SQL
    homes = session.scalar(text(query), {"area": row.area_id, "now": now}) or 0
    if not MIN_VOTES <= homes <= MAX_SLIPS:
        raise invalid_field(
            "area",
            "discussion.homes_out_of_range",
            count=homes,
            least=MIN_VOTES,
            limit=MAX_SLIPS,
        )
    session.execute(delete(Ballot).where(Ballot.discussion_id == row.id))
    codes = set[str]()
    while len(codes) < homes:
        codes.add("".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_CHARS)))
    rows = [{"discussion_id": row.id, "digest": _digest(code)} for code in sorted(codes)]
    session.execute(insert(Ballot), rows)
    drawn = update(Discussion).where(Discussion.id == row.id).values(draws=row.draws + 1)
    session.execute(drawn)
    return [code_on_paper(code) for code in sorted(codes)]


def code_on_paper(code: str) -> str:
    """Return a code in groups of four."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def cast(session: Session, discussion_id: int, code: str, choice: str, now: datetime) -> None:
    """Cast the vote of a slip, which is final; whoever holds the slip may.

    Raises
    ------
    NotFound
        There is no such discussion.
    Conflict
        Votes do not count now, or the slip has voted.
    InvalidInput
        There is no such slip or choice.
    """
    if choice not in CHOICES:
        raise invalid_field("choice", "field.none_of", value=choice[:40], allowed=list(CHOICES))
    row = _locked(session, discussion_id, read=True)
    _require_state(row, now, ("open",))
    slip = (Ballot.discussion_id == row.id) & (Ballot.digest == _digest(code))
    # the second of two at once waits here for the first, and then changes nothing
    vote = update(Ballot).where(slip, Ballot.choice.is_(None)).values(choice=choice)
    if session.scalar(vote.returning(Ballot.discussion_id)) is not None:
        return
    if session.scalar(select(func.count()).where(slip)):
        raise Conflict("discussion.voted_already")
    raise invalid_field("code", "discussion.slip_unknown")


def withdraw(
    session: Session, by: Principal, discussion_id: int, reason: str, now: datetime
) -> None:
    """Withdraw a proposal that has not ended; its votes are never counted.

    Raises
    ------
    NotFound, Forbidden
        There is no such discussion, or it is not the principal's.
    Conflict
        It has ended, or is withdrawn.
    InvalidInput
        The reason is missing or too long.
    """
    words = _text("reason", reason, MAX_ANSWER_CHARS)
    row = _own(session, by, discussion_id, now)
    _require_state(row, now, ("planned", "open"))
    change = {"withdrawn_at": now, "withdrawn_reason": words}
    session.execute(update(Discussion).where(Discussion.id == row.id).values(change))


def conclude(
    session: Session, by: Principal, discussion_id: int, conclusion: str, now: datetime
) -> None:
    """Say what becomes of the result; a later word replaces it, and history keeps both.

    Raises
    ------
    NotFound, Forbidden
        There is no such discussion, or it is not the principal's.
    Conflict
        It has not ended.
    InvalidInput
        The words are missing or too long.
    """
    words = _text("conclusion", conclusion, MAX_ANSWER_CHARS)
    row = _own(session, by, discussion_id, now)
    _require_state(row, now, ("ended",))
    change = update(Discussion).where(Discussion.id == row.id).values(conclusion=words)
    session.execute(change)


def _text(field: str, words: str, limit: int) -> str:
    """Return a text without blanks around it.

    Raises
    ------
    InvalidInput
        It is missing or too long.
    """
    words = words.strip()
    if is_blank(words):
        raise invalid_field(
            field, "discussion.text_missing", name=Message(f"discussion_field.{field}")
        )
    if len(words) > limit:
        raise invalid_field(field, "field.too_long", count=len(words), limit=limit)
    return words


def _digest(code: str) -> str:
    return sha256(re.sub(r"[\s-]", "", code).lower().encode()).hexdigest()


def _locked(session: Session, discussion_id: int, *, read: bool = False) -> Any:
    """Return a discussion that nobody changes in this transaction.

    Raises
    ------
    NotFound
        There is none.
    """
    query = select(Discussion).where(Discussion.id == discussion_id).with_for_update(read=read)
    row = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if row is None:
        raise NotFound("discussion.unknown")
    return row


def _own(session: Session, by: Principal, discussion_id: int, now: datetime) -> Any:
    """Return a discussion that a principal may change, locked.

    Raises
    ------
    NotFound
        There is none.
    Forbidden
        Its area is not the principal's.
    """
    row = _locked(session, discussion_id)
    by.require(Action.DISPATCH, area_chain(session, row.area_id, None, now))
    return row


def _require_state(row: Any, now: datetime, states: Sequence[str]) -> None:
    """Raise unless a discussion is in one of some states.

    Raises
    ------
    Conflict
        It is in another.
    """
    state = state_of(row, now)
    if state not in states:
        raise Conflict(
            "discussion.wrong_state",
            state=Message(f"discussion_state.{state}"),
            states=[Message(f"discussion_state.{each}") for each in states],
        )
