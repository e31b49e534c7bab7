"""Access to revisions: which a principal may see, and where one may draft and publish."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas.models import Revision
from gis.db import cached_text
from gis.errors import Forbidden, NotFound
from gis.messages import Message
from gis.rights.actions import PLANNING, Action
from gis.rights.principal import Principal

DRAFT_ACTION_CODES = {Action.DRAFT: "draft.action_draft", Action.PUBLISH: "draft.action_publish"}


# a principal's revisions: their own, and those of grids they may draft or publish in; an invitation
# shows a draft that has no grids yet, after that the grids decide
VISIBLE_REVISION_SQL = """
(CAST(:everything AS boolean) OR r.author = :who OR EXISTS (
  SELECT FROM operation o, unnest(o.changed_codes) t, unnest(CAST(:within AS text[])) w
  WHERE o.revision_id = r.id AND starts_with(t, w))
OR EXISTS (SELECT FROM draft_editor e WHERE e.revision_id = r.id AND e.editor = :who)
  AND NOT EXISTS (SELECT FROM operation o WHERE o.revision_id = r.id))
"""


def get_revision(
    session: Session, principal: Principal, number: int, *, lock: bool = False
) -> Revision:
    """Return a revision that the principal may see.

    Raises
    ------
    NotFound
        The revision does not exist or is hidden from the principal.
    """
    query = f"SELECT r.id FROM revision r WHERE r.id = :id AND {VISIBLE_REVISION_SQL}"  # noqa: S608  our own text
    if session.scalar(text(query), {"id": number} | visibility_params(session, principal)) is None:
        raise NotFound("revision.unknown", number=str(number))
    return session.get_one(Revision, number, populate_existing=True, with_for_update=lock or None)


def visibility_params(session: Session, principal: Principal) -> dict[str, Any]:
    """Return the parameters of `VISIBLE_REVISION_SQL`."""
    areas = principal.areas_of(PLANNING)
    everything = principal.kind == "system" or areas is None
    ids = [] if everything else sorted(areas or ())
    return {"everything": everything, "who": principal.actor, "within": area_codes(session, ids)}


def area_codes(session: Session, ids: Sequence[int]) -> list[str]:
    """Return the codes of areas."""
    return (
        list(
            session.scalars(
                cached_text("SELECT code FROM area WHERE id = ANY(:ids)"), {"ids": list(ids)}
            )
        )
        if ids
        else []
    )


def touched_grids(session: Session, number: int) -> set[str]:
    """Return the codes of the grids that a revision changes."""
    query = cached_text(
        "SELECT DISTINCT t FROM operation o, unnest(o.changed_codes) t WHERE o.revision_id = :id"
    )
    return set(session.scalars(query, {"id": number}))


def require_on_grids(
    session: Session, principal: Principal, action: Action, codes: Iterable[str]
) -> None:
    """Raise Forbidden unless the principal may perform an action in all of some grids.

    A code begins with the codes of the areas above.

    Raises
    ------
    Forbidden
        The principal may not do it, or not in all of them; the first ones outside are named.
    """
    principal.require(action)
    allowed = principal.areas_by_action[action]
    if allowed is None:
        return
    within = tuple(area_codes(session, sorted(allowed)))
    if outside := sorted(code for code in codes if not code.startswith(within)):
        label = DRAFT_ACTION_CODES.get(action)
        raise Forbidden(
            "draft.action_not_allowed",
            action=Message(label) if label else action.value,
            areas=outside[:5],
        )
