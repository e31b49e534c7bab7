"""Review of a draft: requested of a named colleague, who approves a version or asks for changes.

An approval holds for the version that was looked at: any later change of the draft takes it back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from gis.areas.models import Operation, Revision, RevisionState
from gis.boundaries import colleagues, draft_locks
from gis.boundaries.models import DraftReview
from gis.boundaries.revision_access import (
    VISIBLE_REVISION_SQL,
    get_revision,
    require_on_grids,
    touched_grids,
    visibility_params,
)
from gis.errors import Conflict, Forbidden, InvalidInput, invalid_field
from gis.rights.actions import Action
from gis.rights.principal import Principal

MAX_REASON_CHARS = 1000  # characters


@dataclass(frozen=True)
class Review:
    """Where the review of a draft stands.

    state: requested, changes_requested, approved, or lapsed (approved, then changed).
    version: Version of the draft that the reviewer was shown.
    """

    state: str
    reviewer: str
    reason: str
    version: int
    at: datetime


def find_review(session: Session, draft: Revision) -> Review | None:
    """Return where the review of a draft stands; None if nobody was asked."""
    step = _last_step(session, draft.id)
    if step is None:
        return None
    lapsed = step.state == "approved" and step.version != drawn_version(draft)
    return Review(
        "lapsed" if lapsed else step.state, step.reviewer, step.reason, step.version, step.at
    )


def drawn_version(draft: Revision) -> int:
    """Return the version that a draft had when it was last drawn.

    Publishing and withdrawing raise it by one and change nothing that was looked at.
    """
    return draft.version - (draft.state != RevisionState.DRAFT)


def notify_lapse(session: Session, draft: Revision) -> None:
    """Notify author and reviewer of a draft that is about to change after its approval.

    Once: later changes find the approval lapsed already.
    """
    review = find_review(session, draft)
    if review is not None and review.state == "approved":
        colleagues.notify(session, draft, "draft.lapse", {draft.author, review.reviewer})


def _last_step(session: Session, number: int) -> DraftReview | None:
    return session.scalars(
        select(DraftReview)
        .where(DraftReview.revision_id == number)
        .order_by(DraftReview.id.desc())
        .limit(1)
    ).one_or_none()


def request_review(
    session: Session, principal: Principal, number: int, username: str, version: int | None = None
) -> Review:
    """Ask a colleague to review a draft as it is, and notify them; who was asked before is not.

    Raises
    ------
    NotFound, Forbidden, Conflict
        As `draft_locks.lock_as_author`.
    InvalidInput
        The draft has no operations; there is no such account, it may not publish all grids of the
        draft, or it draws the draft itself.
    """
    draft = draft_locks.lock_as_author(session, principal, number, version)
    if not touched_grids(session, number):
        raise InvalidInput("publish.no_operations", number=str(number))
    if f"account {username.strip().lower()}" in _drafters(session, draft):
        raise invalid_field("reviewer", "review.needs_another_person")
    reviewer = colleagues.find_colleague(session, principal, draft, username, Action.PUBLISH)
    review = _add_step(session, draft, "requested", reviewer.actor)
    colleagues.notify(session, draft, "draft.review", [reviewer.actor])
    return review


def decide(
    session: Session,
    principal: Principal,
    number: int,
    *,
    approved: bool,
    version: int,
    reason: str = "",
) -> Review:
    """Approve a draft, or request changes, as its reviewer, and notify its author and editors.

    Parameters
    ----------
    session
        Open session; the caller commits.
    principal
        The reviewer.
    number
        Number of the draft.
    approved
        False requests changes.
    version
        Version of the draft that the reviewer has looked at.
    reason
        What is to change; needed then.

    Raises
    ------
    NotFound
        The draft does not exist or is hidden from the principal.
    Forbidden
        The principal is not the reviewer, draws the draft, or may no longer publish there.
    Conflict
        It is no longer a draft, or has changed since that version.
    InvalidInput
        The reason is missing or too long.
    """
    draft = get_revision(session, principal, number, lock=True)
    draft_locks.require_draft(draft)
    review = find_review(session, draft)
    if review is None or review.reviewer != principal.actor:
        raise Forbidden("review.of_somebody_else", number=str(number))
    if principal.actor in _drafters(session, draft):
        raise Forbidden("review.needs_another_person")
    require_on_grids(session, principal, Action.PUBLISH, touched_grids(session, number))
    if version != draft.version:
        raise draft_locks.stale_version(draft.version, version)
    stated = reason.strip()
    if len(stated) > MAX_REASON_CHARS or not (stated or approved):
        raise invalid_field("reason", "review.reason_wrong", limit=str(MAX_REASON_CHARS))
    state = "approved" if approved else "changes_requested"
    decided = _add_step(session, draft, state, principal.actor, stated)
    topic = "draft.approve" if approved else "draft.request_changes"
    editors = draft_locks.list_editors(session, number)
    colleagues.notify(session, draft, topic, [draft.author, *editors])
    return decided


def _add_step(
    session: Session, draft: Revision, state: str, reviewer: str, reason: str = ""
) -> Review:
    step = DraftReview(
        revision_id=draft.id, state=state, reviewer=reviewer, reason=reason, version=draft.version
    )
    session.add(step)
    session.flush()
    session.refresh(step, ["at"])
    return Review(state, reviewer, reason, draft.version, step.at)


def drawn_by(done: Sequence[Operation], draft: Revision) -> set[str]:
    """Return who drew a draft: its author, and whoever did an operation."""
    return {draft.author, *(operation.author for operation in done)}


def _drafters(session: Session, draft: Revision) -> set[str]:
    """Return who has drawn a draft or may: none of them is another person for its review."""
    authors = session.scalars(select(Operation.author).where(Operation.revision_id == draft.id))
    return {draft.author, *authors, *draft_locks.list_editors(session, draft.id)}


def require_approval(session: Session, draft: Revision) -> None:
    """Raise Conflict unless another person has approved a draft as it is now.

    Raises
    ------
    Conflict
        Nobody else has approved it, or the approval has lapsed with a later change.
    """
    review = find_review(session, draft)
    if review is None or review.state != "approved" or review.reviewer in _drafters(session, draft):
        raise Conflict(
            "publish.lapsed_approval"
            if review and review.state == "lapsed"
            else "publish.needs_approval",
            number=str(draft.id),
        )


# the newest step of the review of each draft that waits for somebody: for the reviewer who was
# asked, for the author when changes are requested, for both when an approval has lapsed
WAITING_SQL = f"""
SELECT r.id, r.title, r.author, CASE v.state WHEN 'approved' THEN 'lapsed' ELSE v.state END
  AS state, v.reviewer, v.reason, v.at
FROM revision r JOIN LATERAL (
  SELECT * FROM draft_review v WHERE v.revision_id = r.id ORDER BY v.id DESC LIMIT 1) v ON true
WHERE r.state = 'draft' AND {VISIBLE_REVISION_SQL}
  AND (v.state = 'requested' AND v.reviewer = :who
    OR v.state = 'changes_requested' AND r.author = :who
    OR v.state = 'approved' AND v.version <> r.version AND :who IN (r.author, v.reviewer))
ORDER BY v.at DESC, r.id DESC LIMIT :limit
"""  # noqa: S608  our own text


def list_waiting(session: Session, principal: Principal, limit: int = 50) -> list[Row[Any]]:
    """List the drafts that wait for the principal: to review, to change, to approve again.

    Returns
    -------
    Rows of id, title, author, state, reviewer, reason and at; the newest first.
    """
    params = visibility_params(session, principal) | {"limit": limit}
    return list(session.execute(text(WAITING_SQL), params))
