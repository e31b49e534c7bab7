"""Drafts locked for a change: whose they are, in which state and version."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from gis.areas.models import Revision, RevisionState
from gis.boundaries.models import DraftEditor
from gis.boundaries.revision_access import (
    get_revision,
)
from gis.errors import Conflict, Forbidden
from gis.messages import Message
from gis.rights.actions import Action
from gis.rights.principal import Principal


def lock_own_draft(
    session: Session, principal: Principal, number: int, version: int | None
) -> Revision:
    """Return a draft that the principal may edit, locked.

    Raises
    ------
    NotFound
        There is no such draft, or it is hidden.
    Forbidden
        It belongs to others, or the principal may not draft.
    Conflict
        It is not a draft, or not of that version.
    """
    draft = get_revision(session, principal, number, lock=True)
    if not may_edit(session, principal, draft):
        raise Forbidden("draft.of_somebody_else", number=str(number))
    principal.require(Action.DRAFT)
    require_draft(draft)
    if version is not None and version != draft.version:
        raise stale_version(draft.version, version)
    return draft


def lock_as_author(
    session: Session, principal: Principal, number: int, version: int | None = None
) -> Revision:
    """Return a draft of which the principal is the author, locked.

    Raises
    ------
    NotFound, Conflict
        As `lock_own_draft`.
    Forbidden
        As there, or the principal was only let edit it.
    """
    draft = lock_own_draft(session, principal, number, version)
    if not is_author(principal, draft):
        raise Forbidden("draft.author_only", number=str(number))
    return draft


def is_author(principal: Principal, draft: Revision) -> bool:
    """Return whether a draft is the principal's own."""
    return principal.kind == "system" or draft.author == principal.actor


def may_edit(session: Session, principal: Principal, draft: Revision) -> bool:
    """Return whether the principal is the author of a draft, or was let edit it by them."""
    return is_author(principal, draft) or principal.actor in list_editors(session, draft.id)


def list_editors(session: Session, number: int) -> list[str]:
    """List who may edit a draft besides its author, in order of invitation."""
    query = select(DraftEditor.editor).where(DraftEditor.revision_id == number)
    return list(session.scalars(query.order_by(DraftEditor.id)))


def list_invitations(session: Session, principal: Principal) -> set[int]:
    """Return the numbers of the drafts that others let the principal edit."""
    query = select(DraftEditor.revision_id).where(DraftEditor.editor == principal.actor)
    return set(session.scalars(query))


def stale_version(current: int, version: int) -> Conflict:
    """Return the error for a draft whose version is not the one the caller knows."""
    return Conflict(
        "draft.stale_version",
        extra={"version": current},
        current=str(current),
        version=str(version),
    )


def require_draft(revision: Revision, *, to_read: bool = False) -> None:
    """Raise Conflict unless the revision is a draft, to be changed or to be read as one.

    Raises
    ------
    Conflict
        It is published or withdrawn.
    """
    if revision.state != RevisionState.DRAFT:
        raise Conflict(
            "revision.no_draft_to_read" if to_read else "revision.not_draft",
            number=str(revision.id),
            state=Message(f"revision_state.{revision.state}"),
        )
