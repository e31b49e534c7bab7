"""The world of access_table with secrets in it, and what to read there."""

import re
from typing import Any
from uuid import UUID

from apiflask import APIFlask
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.accounts import disclosures
from gis.accounts.models import AccessGrant
from gis.areas.models import Area
from gis.credit.formulas import publish
from gis.credit.rules import DEFAULT_RULES
from gis.incidents.lifecycle import moves
from gis.incidents.lifecycle.intake import IncidentReport
from gis.incidents.lifecycle.payload import MovePayload
from gis.incidents.lifecycle.report import FiledIncident, file_report
from gis.incidents.working_time import ZONE
from gis.messages import Message
from gis.ops.metadata import Account
from gis.rights.actions import Action
from gis.rights.principal import Principal, account_principal, reporter_principal, system_principal
from gis.years import Year
from tests.support import build
from tests.support.access_table import NOW, POINT, TABLE, Asker, World
from web.api.events import views

CLOSE = {"lon": 105.9502837, "lat": 26.2307719}  # reported by a resident, of public space
FINDING = {"lon": 105.9507613, "lat": 26.2303917}  # found on patrol, of the same category
ABROAD = {"lon": 105.9501739, "lat": 26.2306648}  # reported by somebody who works elsewhere


INSIDE_WORDS, FINDING_WORDS = "内部说的话一二三", "巡查发现四五六"


OTHER_WORDS = "外县的事辛壬"  # in another county of the city


PHONE = "13911112222"


class SecretWorld(World):
    """Besides the world of test_access: a neighbouring grid, another street, findings,
    organisations, words inside.
    """

    def __init__(self, app: APIFlask, session: Session, client: FlaskClient) -> None:
        super().__init__(app, session, client)
        town = self.home
        tower = town.building("7号楼", 0.0007, 0.0007, estate="祥福里")
        town.post("property_company", tower, "钱物业经理")
        town.post("enforcement_squad", town.street, "赵中队长")
        squad = town.person("赵中队长").id
        session.add(
            Account(username="squad", person_id=squad, password_hash="x")
        )  # lives, so it can be dispatched to
        neighbour = town.grid("002", column=1)
        town.post("grid_worker", neighbour, "邻格孙网格员")
        street = town.area("street", "520402008", "东关街道", town.county)
        community = town.area("community", "520402008001", "东山社区", street)
        other = town.area("grid", "520402008001001", "第一网格", community)
        town.boundary(other, build.square(build.LON + 10 * build.SIDE, build.LAT))
        town.post("community_worker", community, "别街周调度员")
        town.post("grid_worker", other, "别街吴网格员")
        self.askers += [
            self._person("neighbouring grid worker", "邻格孙网格员"),
            self._person("dispatcher of another street", "别街周调度员"),
            self._person("grid worker of another street", "别街吴网格员"),
        ]
        self.askers += self._city()
        self.chain = set(
            session.scalars(
                text("SELECT unnest(area_ids) FROM incident WHERE id = :id"), {"id": self.incident}
            )
        )
        self.finding = self._at(
            FINDING,
            system_principal("test"),
            channel="patrol",
            description=FINDING_WORDS,
            attributes={},
        )
        self.public = self._at(
            CLOSE,
            system_principal("test"),
            channel="web",
            description="路灯坏了丁卯",
            name="报事人乙",
            phone=PHONE,
        )
        resident = self.who("resident")
        filed = self._filed(
            CLOSE, resident.by, channel="web", description="居民自己报的", phone=PHONE
        )
        self.own, self.secret = filed.id, filed.tracking_secret
        desk = self.who("community dispatcher").by
        abroad = self.who("grid worker of another street")
        self.abroad = self._at(
            ABROAD, abroad.by, channel="web", description="外街人报的", phone=PHONE
        )
        for number in (self.own, self.finding, self.abroad):
            moves.apply_move(
                session,
                desk,
                number,
                "request_extend",
                NOW,
                MovePayload(note=INSIDE_WORDS, minutes=60),
            )
        self.inside_photo, self.abroad_photo = self._photo(self.own), self._photo(self.abroad)
        disclosures.record(
            session,
            desk,
            "contact",
            Message("shown.contact"),
            source="192.0.2.7",
            areas=self.chain,
            incident_id=self.own,
            reason="查看理由七八九",
        )
        moves.apply_move(session, desk, self.finding, "note", NOW, MovePayload(note=INSIDE_WORDS))
        for kind, rules in DEFAULT_RULES.items():
            year = Year(NOW.astimezone(ZONE).year, ZONE)
            us, county = system_principal("test"), self.home.county.code
            publish(session, us, kind, county, year, rules, base=0, now=NOW)
        visible = {"X-Tracking-Secret": self.secret}
        nobody = self.who("anonymous")
        self.askers.append(
            Asker("reporter", reporter_principal(self.own), nobody.client, nobody.headers | visible)
        )
        session.commit()
        for number in (self.own, self.finding, self.public, self.abroad):
            last = session.scalar(
                text("SELECT max(id) FROM incident_event WHERE incident_id = :id"), {"id": number}
            )
            views.feed(app)._add(
                views.FeedEvent(int(last or 0), number, NOW.timestamp(), read=False)
            )

    def _city(self) -> list[Asker]:
        """A city over the home county and another one, and who works in them.

        The far county stands in no city.
        """
        session, home = self.session, self.home.county
        city = Area(code="5204", level="city", name="安顺市", county="5204")
        town = build.Town(session, "520425007012")
        home.parent = town.county.parent = city
        session.add(city)
        place = build.square(build.LON + 20 * build.SIDE, build.LAT)
        grid = town.grid("001", shape=place)
        town.post("grid_worker", grid, "外县何网格员")
        town.post("community_worker", town.community, "外县林调度员")
        self.home.persons |= town.persons
        chain = (town.county, town.street, town.community, grid)
        self.other_chain = {area.id for area in chain}
        # lives, so what nobody in the county accepts is not the operator's
        centre = self._given("command centre of the city", "command_centre", city)
        point = {"lon": build.LON + 20.5 * build.SIDE, "lat": build.LAT + 0.0005}
        self._at(point, system_principal("test"), channel="patrol", description=OTHER_WORDS)
        return [
            self._person("dispatcher of another county", "外县林调度员"),
            centre,
        ]

    def _given(self, name: str, role: str, area: Area) -> Asker:
        account = Account(username=f"user-{name.replace(' ', '-')}", password_hash="x")
        self.session.add(account)
        self.session.flush()
        self.session.add(AccessGrant(account_id=account.id, role=role, area_id=area.id))
        self.session.flush()
        by = account_principal(self.session, account.id, None, account.username, NOW)
        return self._client(name, by, {})

    def _at(self, point: dict[str, float], by: Principal, **args: Any) -> UUID:
        return self._filed(point, by, **args).id

    def _filed(self, point: dict[str, float], by: Principal, **args: Any) -> FiledIncident:
        return file_report(
            self.session, by, IncidentReport("06010", crs="cgcs2000", **point, **args), NOW
        )

    def _person(self, name: str, person: str) -> Asker:
        holder = self.home.person(person).id
        account = Account(username=f"user-{name.replace(' ', '-')}", person_id=holder)
        self.session.add(account)
        self.session.flush()
        return self._client(
            name, account_principal(self.session, account.id, holder, account.username, NOW), {}
        )

    def reads(self, asker: Asker) -> bool:
        """Whether somebody reads the incidents of the home grid."""
        return asker.by.is_allowed(Action.READ, self.chain)

    def names(self, asker: Asker) -> bool:
        """Whether somebody is told who answers in the home grid."""
        return asker.by.is_allowed(Action.NAMES, self.chain)


# asked besides the table: each incident, photo and near place by itself
NEAR = "/api/v1/incidents/near?crs=cgcs2000&category=06010"
EXTRA = [
    *(f"/api/v1/incidents/{{{name}}}" for name in ("own", "public", "finding", "abroad")),
    *(f"/api/v1/incidents/{{{name}}}/track" for name in ("own", "public", "finding")),
    *(f"/api/v1/incidents/{{{name}}}/candidates" for name in ("own", "finding")),
    *(
        f"/open311/v2/requests/{{{name}}}.{kind}"
        for name in ("own", "public", "finding")
        for kind in ("json", "xml")
    ),
    *(f"{NEAR}&lon={point['lon']}&lat={point['lat']}" for point in (CLOSE, FINDING, POINT)),
    "/open311/v2/requests.xml",
    "/api/v1/incidents?words=巡查",
    "/api/v1/incidents?area=520402008",
    "/api/v1/search?q=赵中",
    "/api/v1/search?q=别街周",
    "/api/v1/search?q=钱物业",
    "/api/v1/figures?since=2026-01-01&per=person",
    "/figures.csv?per=person",
    "/figures?per=person",
    "/api/v1/posts?area=520402&within=true",
    "/api/v1/posts?area=520402008&within=true",
    "/api/v1/photos/{inside_photo}",
    "/api/v1/photos/{abroad_photo}",
    "/disclosures",
    "/api/v1/locate?lon=105.9607&lat=26.2305&crs=cgcs2000",
    "/api/v1/locate?lon=105.9705&lat=26.2305&crs=cgcs2000",
    "/api/v1/incidents?area=5204",
    "/api/v1/figures?since=2026-01-01&per=city",
    "/api/v1/figures?since=2026-01-01&per=person&area=5204",
    "/api/v1/search?q=外县",
    "/api/v1/posts?area=5204&within=true",
]


# the same for everybody, whoever asks and whatever there is
SAME_FOR_ALL = {
    "GET /openapi.json",
    "GET /docs",
    "GET /static/<path:filename>",
    "GET /static/v/<digest>/<path:filename>",
    "GET /static/messages/<language>.json",
    "GET /static/tokens.css",
    "GET /api/v1/categories",
    "GET /api/v1/categories/suggest",
    "GET /api/v1/layers",
    "GET /sign-in",
    "GET /metrics",
}


# pages are made the same way for all; those of them with the fewest rights, and one with every
# right, are enough
PAGE_READERS = (
    "anonymous",
    "resident",
    "planner",
    "dispatcher of another street",
    "auditor",
    "command centre of the city",
    "street",
)


def is_walked(name: str, asker: Asker) -> bool:
    """Whether the walk of test_visibility asks a readable row of the table for somebody."""
    return "/api/" in name or "/open311/" in name or asker.name in PAGE_READERS


# of the writes, those whose answers show what there was before
READING_WRITES = re.compile(
    r"POST /api/v1/(locate|incidents(/<uuid:incident_id>/(moves|contact))?)$"
)


def readable() -> list[str]:
    """The rows of the table that show something."""
    return [
        name
        for name in TABLE
        if name not in SAME_FOR_ALL and (name.startswith("GET ") or READING_WRITES.match(name))
    ]
