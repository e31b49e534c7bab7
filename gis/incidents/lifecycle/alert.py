"""What danger in somebody's words brings about.

Urgency, clocks around the clock, and notice to those above at once.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from gis.areas.explanation import DecisionStep, routing_step
from gis.db import cached_text
from gis.incidents.catalogue.danger import URGENT
from gis.incidents.danger.reader import Danger
from gis.incidents.routing.post_holders import PostHolder
from gis.notices.outbox import enqueue_notice

TOPIC = "incident.danger"
ALERTED_ROLES = (
    "grid_leader",
    "community_worker",
    "community_secretary",
    "command_centre",
)  # told at once, holder or deputy
ACCESS = (
    "grid_leader",
    "dispatcher",
    "command_centre",
)  # access roles of accounts that are told, too


def danger_step(danger: Danger) -> DecisionStep:
    """Return the decision step that names the words which made an incident urgent."""
    because = "、".join(danger.because)
    return routing_step(
        "severity",
        "danger",
        zh=danger.zh,
        en=danger.en,
        because=because,
        call="、".join(danger.call),
        call_en=" or ".join(danger.call),
    )


RECEIVERS = """
SELECT DISTINCT c.id FROM personal.access_grant g JOIN personal.account c ON c.id = g.account_id
WHERE g.role = ANY(:roles) AND c.active
  AND in_counties(ARRAY[g.area_id]) && CAST(:areas AS bigint[])
"""


def alarm(
    session: Session,
    county: str,
    incident_id: UUID,
    areas: Sequence[int],
    post_holders: Iterable[PostHolder],
    body: Mapping[str, Any],
    *,
    informed: Collection[int] = (),
    danger: Danger,
) -> None:
    """Notify the grid leader, the community and the command centre of a danger.

    Parameters
    ----------
    post_holders
        The posts of the areas and the building, with who is responsible now.
    informed
        Ids of persons who are notified otherwise.
    danger
        What the words tell of.
    """
    people = {
        holder.person_id
        for holder in post_holders
        if holder.role in ALERTED_ROLES and holder.person_id
    }
    accounts = session.scalars(
        cached_text(RECEIVERS), {"roles": list(ACCESS), "areas": list(areas)}
    ).all()
    enqueue_notice(
        session,
        TOPIC,
        county=county,
        incident_id=incident_id,
        areas=areas,
        person_ids=people - set(informed),
        account_ids=accounts,
        body={
            **body,
            "severity": URGENT,
            "danger": danger.kinds[0],
            "danger_zh": danger.zh,
            "danger_en": danger.en,
        },
    )
