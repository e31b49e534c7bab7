"""People by their staff number, or by name and telephone where they have none."""

from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import invalid_field
from gis.files.person_names import one_dot
from gis.people.area_chains import area_chain
from gis.rights.actions import Action
from gis.rights.principal import Principal

FIND_PERSON_SQL = """
SELECT id, name FROM personal.person
WHERE CASE WHEN :code <> '' THEN code = :code ELSE name = :name AND phone = :phone END
ORDER BY id LIMIT 1
"""
ADD_PERSON_SQL = """
INSERT INTO personal.person (code, name, phone) VALUES (:code, :name, :phone) RETURNING id
"""
NEW_PERSON_CODES_SQL = """
SELECT c.code FROM (
  SELECT 'p' || nextval(pg_get_serial_sequence('personal.person', 'id')) AS code
  FROM generate_series(1, :n) OFFSET 0
) c WHERE NOT EXISTS (SELECT FROM personal.person p WHERE p.code = c.code)
"""

# People of a principal's areas; of others a number alone must not tell the name.
KNOWN_PERSON_SQL = """
WITH RECURSIVE down AS (
  SELECT id FROM area WHERE id = ANY(:areas)
  UNION SELECT a.id FROM area a JOIN down ON a.parent_id = down.id
)
SELECT EXISTS (SELECT FROM post p WHERE :person IN (p.holder_id, p.deputy_id)
    AND p.area_id IN (SELECT id FROM down))
  OR EXISTS (SELECT FROM order_taker t WHERE t.person_id = :person
    AND t.area_id IN (SELECT id FROM down))
  OR EXISTS (SELECT FROM organisation o LEFT JOIN organisation_member m ON m.organisation_id = o.id
    WHERE :person IN (o.head_id, m.person_id) AND o.area_id IN (SELECT id FROM down))
"""


def find_person(session: Session, code: str, name: str = "", phone: str = "") -> Any:
    """Return id and name of the person of a number, else of name and telephone; None: nobody."""
    params = {"code": code.strip(), "name": one_dot(name.strip()), "phone": phone.strip()}
    return session.execute(text(FIND_PERSON_SQL), params).one_or_none()


def find_or_add_person(
    session: Session, principal: Principal, code: str, name: str = "", phone: str = ""
) -> int:
    """Return the id of a person, who is entered where there is none yet.

    Parameters
    ----------
    principal
        Needs the name beside the number of somebody who is not of its areas of Action.NAMES.
    code
        Staff number; empty: the person is known by name and telephone.

    Raises
    ------
    InvalidInput
        Neither number nor name and telephone say who it is, or the number is of somebody else.
    """
    params = {"code": code.strip(), "name": one_dot(name.strip()), "phone": phone.strip()}
    if not params["code"] and not (params["name"] and params["phone"]):
        raise invalid_field("person", "person.not_known", code="")
    row = find_person(session, **params)
    if row is not None and (
        params["name"] == row.name or (not params["name"] and _is_known(session, principal, row.id))
    ):
        return int(row.id)
    if row is not None and params["name"]:
        raise invalid_field("name", "person.of_another", code=code[:40])
    if not params["name"]:
        raise invalid_field("person", "person.not_known", code=code[:40])
    params["code"] = params["code"] or new_person_codes(session, 1)[0]
    return int(session.execute(text(ADD_PERSON_SQL), params).scalar_one())


def new_person_codes(session: Session, count: int) -> list[str]:
    """Return codes for people without a staff number; nobody has them, nor will get them again."""
    codes: list[str] = []
    while len(codes) < count:  # a staff number may look like one of ours
        codes += session.scalars(text(NEW_PERSON_CODES_SQL), {"n": count - len(codes)})
    return codes


def _is_known(session: Session, principal: Principal, person_id: int) -> bool:
    areas = None if principal.kind == "system" else principal.areas_of([Action.NAMES])
    if areas is None:
        return True
    params = {"areas": sorted(areas), "person": person_id}
    return bool(session.scalar(text(KNOWN_PERSON_SQL), params))


def may_change_at(
    session: Session, principal: Principal, area_id: int | None, now: datetime
) -> bool:
    """Return whether a principal may change posts in an area; None: in all areas."""
    if area_id is None:
        return principal.kind == "system" or (
            Action.ACCOUNTS in principal.areas_by_action
            and principal.areas_by_action[Action.ACCOUNTS] is None
        )
    return principal.is_allowed(Action.POSTS, area_chain(session, area_id, None, now))
