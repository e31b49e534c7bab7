"""A town of two grids with everybody in it, whose incidents can be reported and moved."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from gis.incidents.lifecycle import moves
from gis.incidents.lifecycle.intake import IncidentReport
from gis.incidents.lifecycle.payload import EMPTY_PAYLOAD, MovePayload
from gis.incidents.lifecycle.report import FiledIncident, file_report
from gis.incidents.models import OrderTaker
from gis.incidents.reading import incidents, timeline
from gis.ops.metadata import Area
from gis.rights.principal import ANONYMOUS, Principal, account_principal, system_principal
from tests.support import build

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)  # a Tuesday, ten in the morning
POINT = {"lon": build.LON + 0.0005, "lat": build.LAT + 0.0005, "crs": "cgcs2000"}


class IncidentTown:
    """A grid with everybody in it, another one beside it, and who may do what."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.town = build.Town(session)
        self.grid = self.town.grid("001")
        self.beside = self.town.grid("002", column=1)
        self.town.post("grid_worker", self.grid, "王网格")
        self.town.post("grid_leader", self.grid, "李网格长")
        self.town.post("community_worker", self.town.community, "赵社工")
        self.town.post("street_office", self.town.street, "街道办")
        self.town.post("grid_worker", self.beside, "邻网格员")

    def who(self, name: str, at: datetime = NOW) -> Principal:
        """Somebody signed in, with the rights of their posts."""
        return account_principal(self.session, -1, self.town.person(name).id, name, at)

    def report(
        self,
        category: str = "06010",
        by: Principal = ANONYMOUS,
        at: datetime = NOW,
        **extra: object,
    ) -> FiledIncident:
        """Rubbish in the first grid."""
        fields = (
            POINT
            | {"category": category, "description": "楼下有一堆垃圾", "channel": "web"}
            | extra
        )
        if by is ANONYMOUS and not {"severity", "channel", "attributes"}.isdisjoint(extra):
            by = system_principal("test")  # what strangers may not say, the office writes down
        return file_report(self.session, by, IncidentReport(**fields), at)  # type: ignore[arg-type]

    def do(
        self, incident_id: UUID, name: str, by: str = "赵社工", at: datetime = NOW, **wish: object
    ) -> incidents.IncidentView:
        """A move by somebody of the town; a suspension is for a month unless it says."""
        if name == "request_suspend":
            wish.setdefault("until", at + timedelta(days=30))
        payload = MovePayload(**wish)  # type: ignore[arg-type]
        return move_and_see(self.session, self.who(by), incident_id, name, at, payload)

    def seen(self, incident_id: UUID, at: datetime = NOW) -> incidents.IncidentView:
        """As we ourselves see it."""
        return incidents.get_incident(self.session, system_principal("test"), incident_id, now=at)

    def moves(self, incident_id: UUID) -> list[str]:
        """The names of its events."""
        return [
            event.move
            for event in timeline.events(self.session, system_principal("test"), incident_id)
        ]


def move_and_see(
    session: Session,
    by: Principal,
    incident_id: UUID,
    name: str,
    at: datetime,
    payload: MovePayload = EMPTY_PAYLOAD,
    version: int | None = None,
) -> incidents.IncidentView:
    """A move, and the incident as its author is shown it then."""
    moved = moves.apply_move(session, by, incident_id, name, at, payload, version=version)
    return incidents.get_incident(session, by, incident_id, now=at, moved=moved)


def to_state(incident_town: IncidentTown, incident_id: UUID, *names: str) -> incidents.IncidentView:
    """Bring an incident along the chain."""
    result = None
    for name in names:
        by = "王网格" if name in ("take", "handle") else "赵社工"
        result = incident_town.do(incident_id, name, by, note="按要求" if name == "handle" else "")
    assert result is not None
    return result


def taker(
    incident_town: IncidentTown, name: str, skills: list[str], area: Area | None = None
) -> None:
    """Somebody who takes orders."""
    person = incident_town.town.person(name)
    incident_town.session.add(
        OrderTaker(
            person_id=person.id,
            role="volunteer_team",
            area_id=(area or incident_town.town.community).id,
            skills=skills,
            consent_at=NOW,
        )
    )
    incident_town.session.flush()
