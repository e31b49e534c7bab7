"""Who an incident can be given to."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from gis.areas.models import Area
from gis.incidents.clock import late_holders
from gis.incidents.models import Incident
from gis.incidents.reading.incidents import IncidentView
from gis.incidents.routing.claimants import read_candidates
from gis.incidents.routing.post_holders import list_post_holders, open_loads
from gis.kinds import read_kinds
from gis.people.models import Person
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.rights.roles import ROLE_BY_KEY
from gis.rights.visibility import Fact, can_see


@dataclass(frozen=True)
class AssigneeCandidate:
    """Somebody an incident can be given to.

    load: Open incidents held. away: On leave now. metres: Straight, for takers. late: Held the
    incident when its time passed. suggested: Whom to give it to first, at most one; never who is
    late.
    """

    code: str | None
    name: str | None
    role: str
    role_zh: str
    role_en: str
    area: str
    level: str
    load: int
    stands_in: bool
    away: bool
    metres: float | None
    skills: bool
    late: bool = False
    suggested: bool = False


def list_assignees(
    session: Session, by: Principal, incident: IncidentView, now: datetime
) -> list[AssigneeCandidate]:
    """List the people an incident can be given to.

    Posts of its place, nearest role first, then order takers.

    Raises
    ------
    Forbidden
        The asker may not dispatch there.
    """
    codes = [area["code"] for area in incident.areas]
    areas = session.execute(select(Area.code, Area.id).where(Area.code.in_(codes)))
    ids = {row.code: row.id for row in areas}
    by.require(Action.DISPATCH, ids.values())
    building = session.scalar(select(Incident.building_id).where(Incident.id == incident.id))
    holders = list_post_holders(session, list(ids.values()), building, now)
    loads = open_loads(session, holders)
    holders.sort(key=lambda seat: (ROLE_BY_KEY[seat.role].rank, loads.get(seat.person_id, 0)))
    named = can_see(by, Fact.NAMES, ids.values())
    people = [
        AssigneeCandidate(
            seat.person_code if named else None,
            seat.name if named else None,
            seat.role,
            seat.role_zh,
            seat.role_en,
            seat.code,
            seat.level,
            loads.get(seat.person_id, 0),
            bool(seat.absence and seat.person_id),
            seat.person_id is None and seat.absence == "leave",
            None,
            False,
        )
        for seat in holders
    ]
    if incident.skill and named:
        people += _list_takers(session, incident, ids, now)
    holder, late = _holder_and_late(session, incident, now)
    return _suggest(people, holder, incident.role, late)


def _holder_and_late(
    session: Session, incident: IncidentView, now: datetime
) -> tuple[str | None, frozenset[str | None]]:
    """Return the code of who holds an incident, and the codes of who let its time pass."""
    columns = (Incident.state, Incident.due_at, Incident.late_by, Incident.role, Incident.area_id)
    query = select(*columns, Incident.holder_id).where(Incident.id == incident.id)
    row = session.execute(query).one()
    late = late_holders(row, now)
    people = select(Person.id, Person.code).where(Person.id.in_([row.holder_id, *late]))
    codes = {person.id: person.code for person in session.execute(people)}
    return codes.get(row.holder_id), frozenset(codes[person] for person in late if person in codes)


def _suggest(
    people: list[AssigneeCandidate],
    holder: str | None,
    role: str | None,
    late: frozenset[str | None],
) -> list[AssigneeCandidate]:
    """Mark who is late, and whom to give it to: with the skill, else of its role or next up.

    Not who has it already, let its time pass or is away, nor a post with nobody.
    """
    people = [replace(person, late=person.code in late) for person in people]
    available = [
        person
        for person in people
        if person.code is not None and person.code != holder and not (person.late or person.away)
    ]
    rank = ROLE_BY_KEY[role].rank if role in ROLE_BY_KEY else 0
    best = min(
        available,
        key=lambda person: (not person.skills, ROLE_BY_KEY[person.role].rank < rank),
        default=None,
    )
    return [replace(person, suggested=person is best) for person in people]


def _list_takers(
    session: Session, incident: IncidentView, ids: Mapping[str, int], now: datetime
) -> list[AssigneeCandidate]:
    """List those who take orders of the incident's skill in its areas (code -> id)."""
    point = (incident.point["lon"], incident.point["lat"])
    skills = read_kinds(session, "skill").below(incident.skill)
    candidates = read_candidates(session, list(ids.values()), skills, point, now)
    rows = {row.person_id: row for row in reversed(candidates)}.values()
    query = select(Person.id, Person.code, Person.name)
    is_taker = Person.id.in_([row.person_id for row in rows])
    persons = {row.id: row for row in session.execute(query.where(is_taker))}
    codes = {number: code for code, number in ids.items()}
    return [
        AssigneeCandidate(
            persons[row.person_id].code,
            persons[row.person_id].name,
            row.role,
            ROLE_BY_KEY[row.role].zh,
            ROLE_BY_KEY[row.role].en,
            codes[row.area_id],
            "",
            row.load,
            False,
            False,
            row.straight,
            True,
        )
        for row in rows
    ]
