"""A right in a city is that right in its counties, as they are now, and in no other."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.accounts import api_keys
from gis.accounts.models import AccessGrant, Account
from gis.areas.offered_areas import list_subtree
from gis.errors import Forbidden
from gis.exchange.people_file import write_people
from gis.facilities.building_coverage import require_area
from gis.incidents.lifecycle.events import desk_of
from gis.incidents.lifecycle.intake import IncidentReport
from gis.incidents.lifecycle.report import file_report
from gis.incidents.reading.filters import IncidentFilters
from gis.incidents.reading.incidents import list_incidents
from gis.incidents.reading.statistics import incident_statistics
from gis.incidents.reading.unanswered import unanswered
from gis.incidents.working_time import ZONE
from gis.papers.data import PaperData, PaperRequest
from gis.papers.fill import fill
from gis.rights.actions import Action
from gis.rights.principal import Principal, account_principal, system_principal
from layers.overview import overview, register_counts
from tests.support import build
from tests.support.three_counties import CITY, PROVINCE, ThreeCounties

NOW = datetime.now(UTC)
SYSTEM = system_principal("test")


class City(ThreeCounties):
    """The counties with one incident in each, none of them with a desk of its own."""

    def __init__(self, session: Session, folder: Path) -> None:
        super().__init__(session, folder)
        self.incidents: dict[str, UUID] = {}
        for column, (code, town) in enumerate(self.towns.items()):
            town.post("grid_worker", self.grids[code], f"网格员{code}")
            point = (build.LON + (column + 0.5) * build.SIDE, build.LAT + 0.0005)
            report = IncidentReport("06010", lon=point[0], lat=point[1], crs="cgcs2000")
            self.incidents[code] = file_report(session, SYSTEM, report, NOW).id

    def account(self, role: str, *codes: str) -> Principal:
        """Return the rights of a new account with a role in some areas."""
        name = f"{role}-{'-'.join(codes)}"
        account = Account(username=name[:60], password_hash="x")
        self.session.add(account)
        self.session.flush()
        for code in codes:
            area = self.area(code)
            self.session.add(AccessGrant(account_id=account.id, role=role, area_id=area.id))
        self.session.flush()
        return account_principal(self.session, account.id, None, account.username, NOW)

    def seen(self, by: Principal, area: str = "") -> list[str]:
        """Return the counties of the incidents that somebody is shown, also as they are counted."""
        later = NOW + timedelta(minutes=1)
        shown = list_incidents(self.session, by, IncidentFilters(area=area), 50, None, now=later)
        span = (NOW - timedelta(days=1), later)
        rows = incident_statistics(self.session, by, *span, "county", area, now=later)
        counties = sorted(code for code, each in self.incidents.items() if each in
                          {incident.id for incident in shown})  # fmt: skip
        assert sorted(str(row.key) for row in rows if row.reported) == counties
        return counties


@pytest.fixture
def city(session: Session, tmp_path: Path) -> City:
    return City(session, tmp_path)


def test_who_sees_which_county_and_what_follows_when_one_moves(city: City) -> None:
    city.load("city", "代码,名称\n5201,贵阳市\n")
    both = ["520402", "520425"]
    accounts = {
        codes: city.account("auditor", *codes)
        for codes in (("520402",), (CITY,), (PROVINCE,), ("5201",), (CITY, "520123"))
    }
    expected = {
        ("520402",): both[:1], (CITY,): both, (PROVINCE,): both, ("5201",): [],
        (CITY, "520123"): ["520123", *both],
    }  # fmt: skip
    assert {codes: city.seen(by) for codes, by in accounts.items()} == expected
    whole = accounts[CITY, "520123"]
    assert city.seen(whole, CITY) == city.seen(whole, PROVINCE) == both
    assert city.seen(whole, "520123") == ["520123"] and city.seen(whole, "5201") == []
    secret = api_keys.add(city.session, "city", ["incident.read", "reports.read"], [CITY], NOW)
    key = api_keys.authenticate_key(city.session, secret, NOW)
    assert key is not None and city.seen(key.principal) == both
    span = (NOW - timedelta(days=1), NOW + timedelta(minutes=1))
    rows = incident_statistics(city.session, whole, *span, "city", now=span[1])
    assert {(row.key, row.name): row.reported for row in rows} == {
        (CITY, "安顺市"): 2, (None, None): 1
    }  # fmt: skip
    city.load("county", "代码,名称,上级代码\n520425,紫云县,5201\n")
    assert city.seen(city.account("street", CITY)) == ["520402"]
    assert city.seen(city.account("street", "5201")) == ["520425"]
    with pytest.raises(Forbidden):
        city.seen(city.account("administrator", CITY))
    for code, names in ((CITY, ["网格员520402"]), ("5201", ["网格员520425"])):
        path = city.folder / f"{code}.csv"
        write_people(city.session, path, within=code, timezone=ZoneInfo("Asia/Shanghai"))
        people = path.read_text(encoding="utf-8-sig")
        assert [town for town in city.towns if f"网格员{town}" in people] == [
            name.removeprefix("网格员") for name in names
        ]


def test_the_desk_of_a_city_is_the_last_before_the_operator(city: City) -> None:
    assert len(unanswered(city.session, NOW).places) == 3
    centre = city.account("command_centre", CITY)
    open_ = unanswered(city.session, NOW)
    assert [place.code[:6] for place in open_.places] == ["520123"] and open_.waiting == 1
    chain = city.session.scalar(
        text("SELECT area_ids FROM incident WHERE id = :id"), {"id": city.incidents["520425"]}
    )
    assert desk_of(city.session, chain or [], NOW).accounts == [centre.account_id]
    operator = city.account("administrator", CITY)
    assert operator.is_allowed(Action.ACCOUNTS, [city.area("520425").id])
    assert not operator.is_allowed(Action.ACCOUNTS, [city.area("520123").id])


def test_a_paper_of_a_city_is_for_who_may_read_each_of_its_counties(city: City) -> None:
    year = f"{NOW.astimezone(ZONE):%Y}"

    def paper(key: str, by: Principal) -> PaperData:
        later = NOW + timedelta(minutes=1)
        return fill(city.session, by, PaperRequest(key, CITY, year), later, ZONE)

    centre = city.account("auditor", CITY)
    of_city = paper("ledger", centre)
    assert {row.incident for row in of_city.rows} == {
        city.incidents["520402"], city.incidents["520425"]
    }  # fmt: skip
    parts = paper("weekly", centre).rows
    assert {row.values["code"] for row in parts} == {"520402", "520425"}
    for key in ("weekly", "roster", "buildings", "follow_ups"):
        assert paper(key, centre).question.area == CITY
    roster = paper("roster", centre)
    assert {row.values["holder"] for row in roster.rows} == {"网格员520402", "网格员520425"}
    for codes in (("520402",), ("520123",), ("520402", "520123")):
        with pytest.raises(Forbidden):
            paper("weekly", city.account("auditor", *codes))


def test_what_opens_and_what_is_offered_is_the_own_area(city: City) -> None:
    session = city.session
    ids = {code: city.area(code).id for code in (CITY, "520402", "520425", "520123")}
    whole, own = overview(session, NOW), overview(session, NOW, [ids[CITY]])
    assert (whole.names, own.names) == ("修文县、安顺市", "安顺市")
    counts = [register_counts(session, each.counties)["grid"] for each in (whole, own)]
    assert counts == [3, 2]
    assert own.bbox is not None and whole.bbox is not None and own.version == whole.version
    assert own.bbox[2] - own.bbox[0] == pytest.approx(2 * build.SIDE)
    county = overview(session, NOW, [city.grids["520425"].id])
    assert county.names == "紫云县" and register_counts(session, county.counties)["grid"] == 1
    offered = list_subtree(session, [ids["520402"], ids["520425"]])
    assert [(row["code"], row["depth"]) for row in offered][:3] == [
        (CITY, 0), ("520402", 1), ("520402007", 2)
    ]  # fmt: skip
    assert list_subtree(session, [ids["520402"]])[0]["code"] == "520402"
    assert require_area(session, CITY) == ids[CITY]


def test_a_view_opens_on_the_own_grid_and_a_unit_on_that_of_its_grid(session: Session) -> None:
    town = build.Town(session)
    first, second = town.grid("001", 0), town.grid("002", 1)
    unit = town.unit(first, "01", [(town.building("1号楼", 0.0002, 0.0002), None, None, None)])
    boxes = [overview(session, NOW, ids).bbox for ids in ([], [first.id], [unit.id], [second.id])]
    assert all(box is not None for box in boxes)
    whole, *own = [tuple(round(value, 6) for value in box or ()) for box in boxes]
    assert own[0] == own[1] != own[2]
    assert whole == (*own[0][:2], *own[2][2:])


def test_an_empty_deployment_has_no_cities(session: Session) -> None:
    assert overview(session, NOW, [1]).bbox is None and list_subtree(session, [1]) == []
    assert session.scalar(text("SELECT in_counties('{1}')")) == []
