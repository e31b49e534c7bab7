"""A county whose people, posts and accounts come and go."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from gis.accounts.models import Account
from gis.errors import NotFound
from gis.incidents.lifecycle import deadlines, moves, report
from gis.incidents.lifecycle import handover as posts
from gis.incidents.lifecycle.boundary_follow import reassign_after_boundary_change
from gis.incidents.lifecycle.intake import IncidentReport
from gis.incidents.lifecycle.report import FiledIncident
from gis.incidents.reading import incidents
from gis.ops.metadata import Area, Post
from gis.rights.principal import ANONYMOUS, Principal, account_principal
from tests.support import build, sign_in

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)  # a Tuesday, ten in the morning


class World:
    """A county with a street, two communities and grids, where people and their accounts come and
    go.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.town = build.Town(session)
        self.grids = [self.town.grid(f"00{number}", column=number) for number in range(1, 4)]
        self.admin = sign_in.account(session, "admin", "administrator")

    def post(
        self, role: str, area: Area, name: str, deputy: str | None = None, login: bool = True
    ) -> Post:
        """A post; with `login`, its people have accounts."""
        created = self.town.post(role, area, name, deputy=deputy)
        for item in filter(None, [name, deputy] if login else []):
            self.login(item)
        return created

    def login(self, name: str) -> Account:
        """The account of a person, made when there is none."""
        code = self.town.person(name).code
        account = self.session.query(Account).filter_by(username=f"u-{code}".lower()).one_or_none()
        if account is None:
            account = Account(
                username=f"u-{code}".lower(), password_hash="x", person_id=self.town.person(name).id
            )
            self.session.add(account)
            self.session.flush()
        return account

    def who(self, account: Account, at: datetime = NOW) -> Principal:
        """Somebody signed in."""
        return account_principal(self.session, account.id, account.person_id, account.username, at)

    def report(self, at: datetime = NOW, column: float = 1.5, **extra: object) -> FiledIncident:
        """A matter in the grid of a column."""
        fields = {
            "lon": build.LON + column * build.SIDE,
            "lat": build.LAT + build.SIDE / 2,
            "crs": "cgcs2000",
        }
        fields |= {"category": "06010", "description": "楼下有一堆垃圾", "channel": "web"} | extra
        return report.file_report(
            self.session, ANONYMOUS, IncidentReport(**fields), at, look_alike=False
        )  # type: ignore[arg-type]

    def at(self, incident_id: UUID, now: datetime = NOW) -> str:
        """Who has it to act on, as its reporter is told."""
        queue = incidents.get_incident(
            self.session, moves.system_principal("test"), incident_id, now=now
        ).queue
        assert queue is not None
        return queue["at"]

    def sees(self, account: Account, incident_id: UUID, now: datetime = NOW) -> list[str]:
        """What an account may do with it; nothing where it is hidden."""
        try:
            return incidents.get_incident(
                self.session, self.who(account, now), incident_id, now=now
            ).moves
        except NotFound:
            return []

    def sweep(self, now: datetime) -> None:
        """What jobs do each minute."""
        posts.apply_due_handovers(self.session, now)
        reassign_after_boundary_change(self.session, now)
        for name in deadlines.DEADLINE_RULES:
            new = None
            while (
                batch := deadlines.run_deadline_batch(self.session, name, now, new)
            ).last is not None:
                new = batch.last
