"""Requests that can be approved at all: by another living account than the one that asks."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from gis.db import cached_text
from gis.rights.living import LIVING

QUERY = f"""
SELECT EXISTS (SELECT FROM ({LIVING.desk_accounts(":at", "CAST(:areas AS bigint[])")}) d
    WHERE 'account ' || d.username <> :who)
  OR :unowned AND EXISTS (SELECT FROM ({LIVING.operator_accounts("CAST(:areas AS bigint[])")}) o
    WHERE 'account ' || o.username <> :who)
"""  # noqa: S608  our own text


def has_approver(
    session: Session, areas: Sequence[int], requester: str, unowned: bool, at: datetime
) -> bool:
    """Return whether a living account other than the requester's may approve in some areas.

    Parameters
    ----------
    requester
        Who asks, as events name them. unowned: Whether the matter is in the operator's queue, where
        operators approve.
    """
    params = {"areas": list(areas), "who": requester, "unowned": unowned, "at": at}
    return bool(session.scalar(cached_text(QUERY), params))
