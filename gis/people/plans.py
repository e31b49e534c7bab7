"""Community workers: how many posts a community is to have, how many are filled and vacant."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gis.errors import NotFound, invalid_field
from gis.people.area_chains import area_chain
from gis.people.models import PostPlan
from gis.people.posts import require_area
from gis.rights.actions import Action
from gis.rights.principal import Principal

MAX_PLANNED_POSTS = 1000

# raw SQL: recursive; areas None: everywhere
PLANS_SQL = """
WITH RECURSIVE down AS (
  SELECT id FROM area WHERE CASE WHEN CAST(:area AS text) IS NULL
    THEN CAST(:areas AS bigint[]) IS NULL OR id = ANY(:areas) ELSE code = :area END
  UNION SELECT a.id FROM area a JOIN down ON a.parent_id = down.id
)
SELECT a.code AS area, a.name AS area_name, n.planned, held.filled,
  CASE WHEN n.planned IS NOT NULL THEN greatest(n.planned - held.filled, 0) END AS vacant,
  held.holders
FROM area a LEFT JOIN post_plan n ON n.area_id = a.id
CROSS JOIN LATERAL (
  SELECT count(DISTINCT p.holder_id) AS filled,
    coalesce(jsonb_agg(jsonb_build_object('name', o.name, 'code', o.code, 'grade', p.grade)
      ORDER BY p.grade, o.name, o.id), '[]') AS holders
  FROM post p JOIN personal.person o ON o.id = p.holder_id
  WHERE p.area_id = a.id AND p.role = 'community_worker'
    AND p.valid_time @> CAST(:at AS timestamptz)
) held
WHERE a.level = 'community' AND a.id IN (SELECT id FROM down)
  AND (a.retired_at IS NULL OR a.retired_at > :at)
ORDER BY a.code
"""
COMMUNITY_SQL = """
SELECT id FROM area WHERE code = :code AND level = 'community'
  AND (retired_at IS NULL OR retired_at > :at)
"""


@dataclass(frozen=True)
class PostPlanRow:
    """A community with its posts of community workers.

    Attributes
    ----------
    planned
        None: no number is set.
    filled
        Who holds the post at the moment; a deputy does not fill it.
    vacant
        Planned less filled, not below 0; None without a number.
    holders
        Code, name and grade of each.
    """

    area: str
    area_name: str
    planned: int | None
    filled: int
    vacant: int | None
    holders: list[dict[str, Any]]


def list_plans(
    session: Session, principal: Principal, at: datetime, *, area: str | None = None
) -> list[PostPlanRow]:
    """List communities by code with planned, filled and vacant posts at a moment.

    Parameters
    ----------
    principal
        Has those in its areas of Action.NAMES; of an area that is named, the caller has asked.
    area
        Code; only those in it. None: all of the principal's.

    Raises
    ------
    NotFound
        No area has the code.
    """
    if area is not None:
        require_area(session, area)
    areas = principal.areas_of([Action.NAMES])
    params = {"areas": None if areas is None else sorted(areas), "area": area, "at": at}
    return [PostPlanRow(**row) for row in session.execute(text(PLANS_SQL), params).mappings()]


def set_plan(
    session: Session, principal: Principal, area: str, planned: int | None, now: datetime
) -> None:
    """Set how many community workers a community is to have; None: no number.

    Parameters
    ----------
    principal
        Needs Action.POSTS there.

    Raises
    ------
    NotFound
        No community has the code.
    Forbidden
        The principal hands over no posts there.
    InvalidInput
        The number is none of posts.
    """
    area_id = session.scalar(text(COMMUNITY_SQL), {"code": area, "at": now})
    if area_id is None:
        raise NotFound("post_plan.community_unknown", code=area[:40])
    principal.require(Action.POSTS, area_chain(session, area_id, None, now))
    if planned is None:
        session.execute(delete(PostPlan).where(PostPlan.area_id == area_id))
        return
    if not 0 <= planned <= MAX_PLANNED_POSTS:
        raise invalid_field("planned", "field.not_between", low=0, high=MAX_PLANNED_POSTS)
    row = insert(PostPlan).values(area_id=area_id, planned=planned)
    session.execute(
        row.on_conflict_do_update(index_elements=["area_id"], set_={"planned": planned})
    )
