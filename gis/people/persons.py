"""People by their staff number, or by name and telephone where they have none."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import invalid_field
from gis.people.queries import area_chain
from gis.rights.actions import Action
from gis.rights.principal import Principal

FIND_PERSON_SQL = """
SELECT id, name FROM personal.person
WHERE CASE WHEN :code <> '' THEN code = :code ELSE name = :name AND phone = :phone END
ORDER BY id LIMIT 1
"""
# Without a staff number somebody is known by name and telephone.
ADD_PERSON_SQL = """
WITH new AS (SELECT nextval(pg_get_serial_sequence('personal.person', 'id')) AS id)
INSERT INTO personal.person (id, code, name, phone)
SELECT id, coalesce(nullif(:code, ''), 'p' || id), :name, :phone FROM new
RETURNING id
"""


def find_or_add_person(session: Session, code: str, name: str = "", phone: str = "") -> int:
    """Return the id of a person, who is entered where there is none yet.

    Parameters
    ----------
    code
        Staff number; empty: the person is known by name and telephone.

    Raises
    ------
    InvalidInput
        Neither number nor name and telephone say who it is, or the number is of somebody else.
    """
    params = {"code": code.strip(), "name": name.strip(), "phone": phone.strip()}
    row = session.execute(text(FIND_PERSON_SQL), params).one_or_none()
    if row is not None and params["name"] in ("", row.name):
        return int(row.id)
    if row is not None:
        raise invalid_field("name", "person.of_another", code=code[:40])
    if not params["name"] or not (params["code"] or params["phone"]):
        raise invalid_field("person", "person.not_known", code=code[:40])
    return int(session.execute(text(ADD_PERSON_SQL), params).scalar_one())


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
