"""Drafts locked for a change: whose they are, in which state and version."""

from sqlalchemy.orm import Session

from gis.areas.models import Revision, RevisionState
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
    """Return a draft of the principal, locked.

    Raises
    ------
    NotFound, Forbidden, Conflict
        The draft is hidden, belongs to another author, or is not a draft of that version.
    """
    draft = get_revision(session, principal, number, lock=True)
    if principal.kind != "system" and draft.author != principal.actor:
        raise Forbidden("draft.of_somebody_else", number=str(number))
    principal.require(Action.DRAFT)
    require_draft(draft)
    if version is not None and version != draft.version:
        raise stale_version(draft.version, version)
    return draft


def stale_version(current: int, version: int) -> Conflict:
    """Return the error for a draft whose version is not the one the caller knows."""
    return Conflict(
        "draft.stale_version",
        extra={"version": current},
        current=str(current),
        version=str(version),
    )


def require_draft(revision: Revision) -> None:
    """Raise Conflict unless the revision is a draft."""
    if revision.state != RevisionState.DRAFT:
        raise Conflict(
            "revision.not_draft",
            number=str(revision.id),
            state=Message(f"revision_state.{revision.state}"),
        )
