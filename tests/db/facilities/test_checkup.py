"""The check-up sheet of a community: by hand on a street of its own."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from gis.errors import Forbidden, InvalidInput, NotFound
from gis.facilities import checkup, checkup_table, checkup_visits
from gis.rights.principal import account_principal, system_principal
from tests.support.checkup_town import CheckupTown
from tests.support.incident_town import NOW

CODE = "520402007012"
SYSTEM = system_principal("test")


def sheet_of(session, tier="complete"):
    community = checkup.find_community(session, CODE)
    sheet = checkup.check_up(session, community, NOW, tier)
    return sheet, {finding.standard.item: finding for finding in sheet.findings}


def add(session, by=SYSTEM, **wish):
    values = {"tier": "complete", "item": "toilet", "result": "have", "visited_at": NOW}
    visit = checkup_visits.VisitInput(**(values | wish))
    return checkup_visits.add_visit(session, by, CODE, visit, NOW)


def test_each_item_says_who_is_left_out(session):
    town = CheckupTown(session)
    town.facility("c1", "clinic", 0.001)  # at the first building; 900 m from the third
    town.facility("k1", "kindergarten", -0.003)  # outside, 400 m from the first building
    town.facility("k2", "kindergarten", -0.0072)  # outside, over 750 m from every home
    town.facility("m1", "market", 0.014)  # outside, 400 m from the third, 900 m from the second
    town.facility("e1", "elder_care", 0.019)  # outside, 900 m from the third
    sheet, by_item = sheet_of(session)
    assert (sheet.households, sheet.people) == (6, 22)
    clinic = by_item["health_station"]
    assert clinic.result == "have"
    assert [(nearby.code, nearby.inside) for nearby in clinic.facilities] == [("c1", True)]
    assert clinic.facilities[0].walk_m == pytest.approx(33, abs=1)
    assert (clinic.reached, clinic.beyond, clinic.off_network) == ((3, 7), (3, 15), (0, 0))
    assert [(home.name, home.households) for home in clinic.left_out] == [("西兴苑3号楼", 3)]
    kindergarten = by_item["kindergarten"]
    assert [(nearby.code, nearby.inside) for nearby in kindergarten.facilities] == [("k1", False)]
    assert kindergarten.facilities[0].walk_m == pytest.approx(433, abs=2)
    assert (kindergarten.reached, kindergarten.beyond) == ((2, 5), (4, 17))
    assert [home.name for home in kindergarten.left_out] == ["西兴苑3号楼", "西兴苑2号楼"]
    market = by_item["supermarket"]
    assert (market.reached, market.beyond) == ((3, 15), (3, 7))
    # there is one in the county, too far for everybody
    elders = by_item["elder_station"]
    assert (elders.result, elders.facilities) == ("have_not", ())
    assert elders.beyond == (6, 22) and elders.left_out_count == 3
    # nothing of the kind in the data, or no kind of ours: nobody can say
    assert (by_item["toilet"].result, by_item["toilet"].reason) == ("cannot_say", "none_loaded")
    assert (by_item["utilities"].result, by_item["utilities"].reason) == (
        "cannot_say",
        "visit_only",
    )


def test_a_facility_inside_far_from_every_home_counts_as_there(session):
    town = CheckupTown(session, homes=False)
    town.town.household(town.far, "101", people=2)
    town.facility("c1", "clinic", 0.001)
    _, by_item = sheet_of(session)
    clinic = by_item["health_station"]
    assert clinic.result == "have" and clinic.facilities[0].walk_m is None
    assert (clinic.reached, clinic.beyond) == ((0, 0), (1, 2))


@pytest.mark.parametrize(("without", "reason"), [("network", "no_network"), ("homes", "no_homes")])
def test_what_is_not_loaded_makes_no_absence(session, without, reason):
    town = CheckupTown(session, **{without: False})
    town.facility("c1", "clinic", 0.019)
    town.facility("t1", "toilet", 0.002)
    _, by_item = sheet_of(session)
    assert (by_item["health_station"].result, by_item["health_station"].reason) == (
        "cannot_say",
        reason,
    )
    assert by_item["toilet"].result == "have" and by_item["toilet"].beyond is None


def test_homes_off_the_network_are_counted_apart(session):
    town = CheckupTown(session)
    town.town.household(town.town.building("远楼", 0.002, 0.0016), "101", people=7)
    town.facility("c1", "clinic", 0.001)
    _, by_item = sheet_of(session)
    assert by_item["health_station"].off_network == (1, 7)
    assert by_item["health_station"].beyond == (3, 15)


def test_a_community_without_a_boundary_says_so(session):
    town = CheckupTown(session)
    town.facility("c1", "clinic", 0.001)
    town.town.area("community", "520402007013", "新社区", town.town.street)
    community = checkup.find_community(session, "520402007013")
    sheet = checkup.check_up(session, community, NOW)
    by_item = {finding.standard.item: finding for finding in sheet.findings}
    assert by_item["health_station"].reason == "no_land"
    for code in (town.grid.code, "nothing"):
        with pytest.raises(NotFound):
            checkup.find_community(session, code)


def test_items_without_a_distance_are_sought_inside_only(session):
    town = CheckupTown(session)
    town.facility("p1", "parking", 0.002)
    town.facility("d1", "delivery", 0.0145)
    _, by_item = sheet_of(session, "neighbourhood")
    assert by_item["parking"].result == "have" and by_item["parking"].beyond is None
    assert by_item["parcels"].result == "have_not"


def test_a_visit_stands_beside_the_data(session):
    CheckupTown(session)
    old, _ = sheet_of(session)
    add(session, location="南门", note="新建", visited_at=NOW - timedelta(days=3))
    add(session, result="partly")
    new, by_item = sheet_of(session)
    assert new == old and by_item["toilet"].result == "cannot_say"
    community = checkup.find_community(session, CODE)
    visits = checkup_visits.list_visits(session, SYSTEM, community, "complete", NOW)
    assert [visit.result for visit in visits] == ["partly", "have"]
    assert visits[1].location == "南门"
    assert checkup_visits.list_visits(session, SYSTEM, community, "5", NOW) == []


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"item": "castle"}, "field.none_of"),
        ({"item": "market", "tier": "5"}, "field.none_of"),
        ({"result": "cannot_say"}, "field.none_of"),
        ({"location": "长" * 201}, "checkup.text_too_long"),
        ({"note": "长" * 2001}, "checkup.text_too_long"),
        ({"visited_at": NOW + timedelta(hours=1)}, "checkup.visit_in_future"),
    ],
)
def test_a_wrong_visit_is_refused(session, wish, code):
    CheckupTown(session)
    with pytest.raises(InvalidInput) as error:
        add(session, **wish)
    assert error.value.errors[0].code == code


def test_who_reads_and_who_writes(session):
    created = CheckupTown(session)
    town = created.town
    other = town.area("community", "520402007013", "别的社区", town.street)
    town.post("community_worker", town.community, "赵社工")
    town.post("grid_leader", created.grid, "李网格长")
    town.post("street_office", town.street, "街道")
    town.post("community_worker", other, "邻社工")

    def who(name):
        return account_principal(session, -1, town.person(name).id, name, NOW)

    for name in ("赵社工", "街道"):
        assert checkup_visits.read_community(session, who(name), CODE, NOW).code == CODE
        assert checkup_visits.may_write(
            session, who(name), checkup.find_community(session, CODE), NOW
        )
    for name in ("邻社工", "李网格长"):
        with pytest.raises(Forbidden):
            checkup_visits.read_community(session, who(name), CODE, NOW)
        with pytest.raises(Forbidden):
            add(session, by=who(name))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_spreadsheet_holds_every_item(session, tmp_path, language):
    town = CheckupTown(session)
    town.facility("c1", "clinic", 0.001)
    add(session, item="health_station", location="=1+1", note="门口")
    sheet, _ = sheet_of(session)
    visits = checkup_visits.list_visits(session, SYSTEM, sheet.community, "complete", NOW)
    path = tmp_path / "sheet.xlsx"
    zone = ZoneInfo("Asia/Shanghai")
    checkup_table.write_sheet(sheet, visits, path, language, zone, tmp_path)
    page = openpyxl.load_workbook(path).active
    rows = list(page.iter_rows(min_row=4, values_only=True))
    assert len(rows) == len(sheet.findings)
    clinic = next(row for row in rows if row[0] in ("社区卫生服务站", "community health station"))
    assert clinic[5:7] == (3, 15) and "3号楼 3" in clinic[7] and "门口" in clinic[8]
    assert not any(str(cell).startswith("=") for row in rows for cell in row)
    with pytest.raises(InvalidInput):
        checkup_table.write_sheet(sheet, visits, tmp_path / "sheet.pdf", language, zone, tmp_path)
