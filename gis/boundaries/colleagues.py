"""Colleagues of the author of a draft: whom they may let edit it, or ask to review it."""

from collections.abc import Iterable

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from gis.accounts.models import Account
from gis.accounts.sessions import normalise_username
from gis.areas import codes as patterns
from gis.areas.models import Level, Revision
from gis.boundaries import draft_locks
from gis.boundaries.models import DraftEditor
from gis.boundaries.revision_access import area_codes, get_revision, require_on_grids, touched_grids
from gis.db import cached_text
from gis.errors import Conflict, Forbidden, invalid_field
from gis.messages import Message
from gis.notices.outbox import enqueue_notice
from gis.rights.actions import ACCESS_ROLES, Action
from gis.rights.living import SIGNS_IN
from gis.rights.principal import Principal, account_principal
from gis.rights.roles import ACCESS_ROLE_BY_POST

MAX_EDITORS = 20  # of one draft, besides its author
MAX_COLLEAGUES = 100  # colleagues of a list

# accounts that may sign in, with an access role of a list by grant or post
COLLEAGUES_SQL = f"""
SELECT c.id, c.person_id, c.username FROM personal.account c
WHERE {SIGNS_IN.format(a="c")} AND (
  EXISTS (SELECT FROM personal.access_grant g WHERE g.account_id = c.id AND g.role = ANY(:roles))
  OR EXISTS (SELECT FROM post p WHERE c.person_id IN (p.holder_id, p.deputy_id)
    AND p.role = ANY(:posts) AND p.valid_time @> now()))
  AND (CAST(:username AS text) IS NULL OR c.username = :username)
ORDER BY c.username LIMIT :limit
"""  # noqa: S608  our own text


def list_colleagues(
    session: Session, principal: Principal, number: int, action: Action
) -> list[str]:
    """List the user names of those who may draft (or publish) where a draft changes grids.

    The author and the principal are left out.

    Raises
    ------
    NotFound
        The draft does not exist or is hidden from the principal.
    """
    draft = get_revision(session, principal, number)
    return [
        other.name
        for other in _candidates(session, action)
        if other.actor not in (draft.author, principal.actor)
        and _fits(session, principal, other, action, draft)
    ]


def find_colleague(
    session: Session, principal: Principal, draft: Revision, username: str, action: Action
) -> Principal:
    """Return a colleague who may draft (or publish) where a draft changes grids.

    Raises
    ------
    InvalidInput
        There is no such account, or it may not; which of both is not said.
    """
    candidates = _candidates(session, action, normalise_username(username))
    for other in candidates:
        if _fits(session, principal, other, action, draft):
            return other
    raise invalid_field(
        "account",
        "colleague.unfit",
        name=username[:40],
        action=Message(f"action_name.{action.value}"),
    )


def _candidates(session: Session, action: Action, username: str | None = None) -> list[Principal]:
    roles = [role for role, actions in ACCESS_ROLES.items() if action in actions]
    params = {
        "roles": roles,
        "posts": [post for post, role in ACCESS_ROLE_BY_POST.items() if role in roles],
        "username": username,
        "limit": MAX_COLLEAGUES,
    }
    now = session.execute(cached_text("SELECT now()")).scalar_one()
    return [
        account_principal(session, row.id, row.person_id, row.username, now)
        for row in session.execute(text(COLLEAGUES_SQL), params)
    ]


def _fits(
    session: Session, principal: Principal, other: Principal, action: Action, draft: Revision
) -> bool:
    """Return whether a colleague may draft in a grid of a draft, or publish in all of them.

    A draft without grids has those where its author may draft.
    """
    touched = touched_grids(session, draft.id)
    if action == Action.PUBLISH:
        return is_allowed_on(session, other, action, touched)
    if not touched:
        theirs, ours = (
            area_codes(session, sorted(who.areas_of([Action.DRAFT]) or ()))
            for who in (other, principal)
        )
        everywhere = None in (other.areas_of([action]), principal.areas_of([action]))
        return everywhere or any(
            prefix.startswith(other_code) or other_code.startswith(prefix)
            for prefix in theirs
            for other_code in ours
        )
    return any(is_allowed_on(session, other, action, [code]) for code in touched)


def is_allowed_on(
    session: Session, principal: Principal, action: Action, codes: Iterable[str]
) -> bool:
    """Return whether the principal may perform an action in all of some grids."""
    try:
        require_on_grids(session, principal, action, codes)
    except Forbidden:
        return False
    return True


def invite(session: Session, principal: Principal, number: int, username: str) -> list[str]:
    """Let a colleague edit a draft, notify them, and return who may edit it now.

    Raises
    ------
    NotFound, Forbidden
        As `draft_locks.lock_as_author`.
    Conflict
        As there; or the colleague may edit it already, or too many may.
    InvalidInput
        There is no such account, or it may not draft there.
    """
    draft = draft_locks.lock_as_author(session, principal, number)
    colleague = find_colleague(session, principal, draft, username, Action.DRAFT)
    editors = draft_locks.list_editors(session, number)
    if colleague.actor in (draft.author, *editors):
        raise Conflict("colleague.edits_already", name=colleague.name)
    if len(editors) >= MAX_EDITORS:
        raise Conflict("colleague.too_many", limit=MAX_EDITORS)
    session.add(DraftEditor(revision_id=number, editor=colleague.actor))
    session.flush()
    notify(session, draft, "draft.invite", [colleague.actor])
    return [*editors, colleague.actor]


def withdraw_invitation(
    session: Session, principal: Principal, number: int, username: str
) -> list[str]:
    """Take back that a colleague may edit a draft; what they drew stays. Return who still may.

    Raises
    ------
    NotFound, Forbidden, Conflict
        As `draft_locks.lock_as_author`.
    InvalidInput
        The colleague was not invited.
    """
    draft_locks.lock_as_author(session, principal, number)
    editor = f"account {normalise_username(username)}"
    row = session.scalar(
        select(DraftEditor).where(DraftEditor.revision_id == number, DraftEditor.editor == editor)
    )
    if row is None:
        raise invalid_field("account", "colleague.not_invited", name=username[:40])
    session.delete(row)
    session.flush()
    return draft_locks.list_editors(session, number)


def notify(session: Session, draft: Revision, topic: str, actors: Iterable[str]) -> None:
    """Write notices about a draft to accounts, and to the receivers of its areas.

    The notice has the number of the draft and nothing of what is in it.
    """
    accounts = session.scalars(
        select(Account.id).where(("account " + Account.username).in_(list(actors)))
    ).all()
    touched = touched_grids(session, draft.id)
    chain = {
        patterns.ancestor_code(code, level)
        for code in touched
        for level in (*patterns.coded_levels(Level.GRID), Level.GRID)
    }
    query = cached_text("SELECT id FROM area WHERE code = ANY(:codes) ORDER BY id")
    enqueue_notice(
        session,
        topic,
        county=min((patterns.ancestor_code(code, Level.COUNTY) for code in touched), default=None),
        incident_id=None,
        areas=list(session.scalars(query, {"codes": sorted(chain)})),
        account_ids=accounts,
        body={"revision": draft.id},
    )
