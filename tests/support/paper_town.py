"""A community with a week of incidents, for papers."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from gis.credit.formulas import publish
from gis.credit.rules import DEFAULT_RULES
from gis.incidents.lifecycle import intake, moves
from gis.incidents.lifecycle.payload import MovePayload
from gis.incidents.lifecycle.report import file_report
from gis.incidents.working_time import ZONE
from gis.papers.data import PaperData, PaperRequest
from gis.papers.fill import PAPER_TABLE, fill
from gis.rights.principal import Principal, account_principal, system_principal
from gis.years import Year
from tests.support import build

HOSTILE = "{{7*7}} =HYPERLINK(1) {% for x in y %} <b>&amp;"  # the words of a report
WEEK = "2026-W48"


def at(clock: str) -> datetime:
    """A time of Tuesday of that week."""
    return datetime.fromisoformat(f"2026-11-24 {clock}").replace(tzinfo=ZONE)


class PaperTown:
    """A street with a community of two grids, each with a worker and two incidents."""

    def __init__(self, session: Session) -> None:
        self.session, self.town = session, build.Town(session)
        self.grids = [self.town.grid(f"00{number}", number) for number in (1, 2)]
        for number, grid in enumerate(self.grids, 1):
            self.town.post("grid_worker", grid, f"网格员{number}")
        self.town.post("grid_leader", self.grids[0], "网格长")
        self.town.post("community_worker", self.town.community, "赵社工")
        self.town.post("street_office", self.town.street, "街道")
        self.town.post("party_member", self.town.community, "党员")
        house = self.town.building("3号楼", 0.0012, 0.0002, estate="幸福里")
        self.town.household(house, "101", people=4)
        self.town.household(house, "102", people=2)
        self.town.building("4号楼", 0.0015, 0.0002, estate="幸福里")
        self.town.post("building_head", house, "楼长")
        self.ids = [
            self.report(1, "09:00", HOSTILE),
            self.report(1, "09:30"),
            self.report(2, "10:00"),
        ]
        self.do(self.ids[0], "take", "09:20", "网格员1")
        self.do(self.ids[0], "handle", "11:00", "网格员1", note="=清走了")
        self.do(self.ids[0], "check", "14:00", "赵社工")
        self.do(
            self.ids[0], "follow_up", "14:10", "赵社工", outcome="reached", solved=True, rating=5
        )
        self.do(self.ids[0], "close", "14:20", "赵社工")
        self.do(self.ids[2], "take", "10:10", "网格员2")

    def who(self, name: str) -> Principal:
        """Somebody who holds a post."""
        return account_principal(self.session, -1, self.town.person(name).id, name, at("15:00"))

    def report(self, grid: int, clock: str, description: str = "路面有坑") -> UUID:
        """Report something in a grid."""
        told = intake.IncidentReport(
            category="06010",
            lon=build.LON + (grid + 0.5) * build.SIDE,
            lat=build.LAT + 0.0005,
            crs="cgcs2000",
            description=description,
        )
        return file_report(self.session, system_principal("test"), told, at(clock)).id

    def do(self, one: UUID, move: str, clock: str, by: str, **wish: Any) -> None:
        """Move an incident on."""
        moves.apply_move(self.session, self.who(by), one, move, at(clock), MovePayload(**wish))

    def each_paper(self) -> list[tuple[str, dict[str, Any]]]:
        """Return key and question of every paper; the formula that stars need is published."""
        year = Year(2026, ZONE)
        county, rules = self.town.county.code, DEFAULT_RULES["stars"]
        by = system_principal("test")
        publish(self.session, by, "stars", county, year, rules, base=0, now=at("08:00"))
        own = {"diary": {"person": self.town.person("网格员1").code}, "stars": {"period": "2026"}}
        return [(paper.key, own.get(paper.key, {})) for paper in PAPER_TABLE]

    def fill(
        self, key: str, by: Principal | None = None, language: str = "zh", **others: Any
    ) -> PaperData:
        """Fill in a paper of the community and the week, as the system sees it."""
        asked: dict[str, Any] = {"area": self.town.community.code, "period": WEEK, **others}
        by = by or system_principal("test")
        return fill(self.session, by, PaperRequest(key, **asked), at("15:00"), ZONE, language)
