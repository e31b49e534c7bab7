"""Organisations, who takes orders, whom an order is offered to, and how evenly."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from gis.errors import Forbidden, InvalidInput
from gis.exchange.organisations import load_organisation_table, write_organisation_table
from gis.incidents.lifecycle import upkeep
from gis.incidents.models import Incident, OrderOffer
from gis.incidents.organisations import (
    MembershipInput,
    OrganisationInput,
    save_member,
    save_organisation,
)
from gis.incidents.reading import incidents
from gis.incidents.reading.organisations import (
    fairness,
    list_members,
    list_organisations,
    list_takers,
)
from gis.incidents.routing import claimants
from gis.incidents.takers import TakerInput, save_taker
from gis.people.models import Leave
from gis.people.persons import find_or_add_person
from gis.rights.actions import Action
from gis.rights.principal import Principal, system_principal
from tests.support import build
from tests.support.incident_town import NOW, IncidentTown
from tests.support.load_town import SHANGHAI, write_csv

US = system_principal("test")
ORDER = "S0105"  # repairs


@pytest.fixture
def scene(session: Session) -> IncidentTown:
    """The usual town."""
    return IncidentTown(session)


def enter(scene: IncidentTown, name: str, **stated: object) -> int:
    """Enter somebody who repairs; with consent unless it is stated otherwise."""
    scene.town.person(name)
    fields = {"skills": ["维修"], "area": scene.town.community.code, "consent": NOW} | stated
    code = scene.town.person(name).code
    return save_taker(scene.session, US, TakerInput(code, **fields), NOW)  # type: ignore[arg-type]


def offered(scene: IncidentTown, incident_id: object) -> list[str]:
    """Return whom an order is offered to, in the order of entering."""
    query = text(
        "SELECT p.name FROM order_offer o JOIN personal.person p ON p.id = o.person_id"
        " WHERE o.incident_id = :id ORDER BY o.offered_at, p.id"
    )
    return list(scene.session.scalars(query, {"id": incident_id}))


def load(scene: IncidentTown, kind: str, path: Path) -> dict[str, int]:
    """Load a table without refusals; return what it counted."""
    report = load_organisation_table(scene.session, kind, path, now=NOW, timezone=SHANGHAI)
    assert report.refused == []
    return {name: report.counts[name] for name in ("new", "changed", "unchanged")}


def test_tables_load_dump_and_load_again_unchanged(scene: IncidentTown, tmp_path: Path) -> None:
    building = scene.town.building("3号楼", 0.0002, 0.0002, estate="桂花苑")
    community, street = scene.town.community.code, scene.town.street.code
    tables: dict[str, list[dict[str, object]]] = {
        "organisations": [
            {"编码": "v2", "名称": "=二队", "类别": "志愿服务队", "队号": "2", "上级编码": "v",
             "区域编码": community, "技能": "维修、送水", "服务时间": "周一至周五 8:30-17:30",
             "负责人": "王队长", "负责人电话": "13800000001", "地址": "桂花苑3号楼"},
            {"编码": "v", "名称": "总队", "类别": "志愿服务队", "区域编码": street},
            {"编码": "gas", "名称": "燃气公司", "类别": "燃气", "办理时限（小时）": "4"},
            {"编码": "water", "名称": "自来水公司", "类别": "供水", "办理时限（小时）": "0.75"},
        ],
        "members": [
            {"组织编码": "v2", "姓名": "李队员", "电话": "13800000002", "职务": "副队长"},
            {"组织编码": "v2", "姓名": "赵队员", "电话": "13800000003", "接单": "否",
             "自": "2026-01-01", "至（不含当天）": "2027-01-01"},
        ],
        "takers": [
            {"姓名": "孙师傅", "电话": "13800000004", "区域编码": community, "技能": "维修",
             "地址": "桂花苑3号楼", "同意日期": "2026-03-01", "登记人": "赵社工"},
            {"姓名": "钱师傅", "电话": "13800000005", "区域编码": community, "技能": "送水",
             "经度": build.LON, "纬度": build.LAT, "坐标系": "cgcs2000"},
        ],
    }  # fmt: skip
    assert building.code
    for kind, rows in tables.items():
        count = load(scene, kind, write_csv(tmp_path / f"{kind}.csv", rows))
        assert count == {"new": len(rows), "changed": 0, "unchanged": 0}
        for ending in ("csv", "xlsx"):
            path = tmp_path / f"again-{kind}.{ending}"
            written = write_organisation_table(scene.session, US, kind, path, NOW, SHANGHAI)
            again = load(scene, kind, path)
            assert again == {"new": 0, "changed": 0, "unchanged": written}
    views = {view.code: view for view in list_organisations(scene.session, US, NOW)}
    team = views["v2"]
    assert (team.parent, team.head_name, team.members, team.name) == ("v", "王队长", 3, "=二队")
    assert (views["gas"].limit_min, team.skills) == (240, ["repairs", "water"])
    takers = {view.name: view for view in list_takers(scene.session, US, NOW, NOW)}
    assert takers["孙师傅"].consent_at and not takers["钱师傅"].consent_at
    assert takers["孙师傅"].lon == pytest.approx(build.LON + 0.0003)
    wrong = [{"编码": "x", "名称": "", "类别": "国王", "技能": "飞行", "服务时间": "有时"}]
    refused = load_organisation_table(
        scene.session, "organisations", write_csv(tmp_path / "w.csv", wrong), now=NOW
    ).refused
    assert {row.field for row in refused} == {"名称", "类别", "技能", "服务时间"}
    unclear = {
        "organisations": {"编码": "v", "名称": "总队", "类别": "志愿服务队", "状态": "停了"},
        "members": {"组织编码": "v", "姓名": "李队员", "电话": "13800000002", "接单": "也许"},
    }
    for kind, row in unclear.items():
        path = write_csv(tmp_path / f"unclear-{kind}.csv", [row])
        [refused_row] = load_organisation_table(scene.session, kind, path, now=NOW).refused
        assert refused_row.message.code == "field.none_of"
    nowhere = OrganisationInput("x", "总队", "志愿服务队", skills=["维修"])  # nobody would be asked
    with pytest.raises(InvalidInput) as error:
        save_organisation(scene.session, US, nowhere, NOW)
    assert error.value.errors[0].field == "area"


def test_an_order_goes_to_the_nearest_and_least_loaded_who_can_come(scene: IncidentTown) -> None:
    near = {"lon": build.LON + 0.0005, "lat": build.LAT + 0.0005}
    enter(scene, "近", **near)
    enter(scene, "远", lon=build.LON + 0.003, lat=build.LAT)
    enter(scene, "没有同意", consent=None, **near)
    enter(scene, "停用", active=False, **near)
    enter(scene, "周末", hours="周末 9:00-18:00", **near)
    away = enter(scene, "请假", **near)
    scene.session.add(Leave(person_id=away, valid_time=build.span()))
    scene.session.flush()
    filed = scene.report(category=ORDER)
    assert offered(scene, filed.id) == ["近", "远"]
    scene.do(filed.id, "take", "近")
    second = scene.report(category=ORDER)  # one open order counts as half a kilometre
    query = select(OrderOffer.person_id).where(OrderOffer.incident_id == second.id)
    assert len(scene.session.scalars(query).all()) == 2
    where = upkeep.stored_location(scene.session, upkeep.lock_incident(
        scene.session, US, second.id))  # fmt: skip
    ranked, _ = claimants.list_claimants(scene.session, where, "repairs", NOW)
    assert [one.load for one in ranked] == [0, 1]


def test_who_does_not_take_it_in_time_is_followed_by_the_next(
    scene: IncidentTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claimants, "MAX_CLAIMANTS", 1)
    for number in range(4):
        enter(scene, f"师傅{number}", lon=build.LON + number * 0.001, lat=build.LAT)
    filed = scene.report(category=ORDER)
    for round_number in range(1, 4):
        assert offered(scene, filed.id) == [f"师傅{number}" for number in range(round_number)]
        due = scene.seen(filed.id).due
        assert due is not None
        assert not upkeep.expire_order(scene.session, filed.id, due - timedelta(minutes=1))
        assert upkeep.expire_order(scene.session, filed.id, due)
    assert offered(scene, filed.id) == []  # three were asked
    assert scene.seen(filed.id).state == "accepted"
    assert scene.moves(filed.id)[-3:] == ["note", "note", "expire"]


def test_a_team_takes_an_order_as_a_team(scene: IncidentTown) -> None:
    session, community = scene.session, scene.town.community.code
    team = OrganisationInput("v2", "二队", "志愿服务队", area=community, skills=["维修"])
    save_organisation(session, US, team, NOW)
    for name in ("队长", "队员", "文书"):
        code = scene.town.person(name).code
        save_member(session, US, MembershipInput("v2", code, takes_orders=name != "文书"), NOW)
    filed = scene.report(category=ORDER)
    assert offered(scene, filed.id) == ["队长", "队员"]
    scene.do(filed.id, "take", "队员")
    row = session.execute(select(Incident).where(Incident.id == filed.id)).scalar_one()
    assert (row.role, row.organisation_id is not None) == ("volunteer_team", True)
    assert list_organisations(session, US, NOW)[0].load == 1
    captain = scene.who("队长")
    assert incidents.get_incident(session, captain, filed.id, now=NOW).state == "taken"
    # who holds it goes on leave: the team goes on
    session.add(Leave(person_id=scene.town.person("队员").id, valid_time=build.span()))
    session.flush()
    assert upkeep.pass_on(session, filed.id, NOW)
    session.expire_all()
    row = session.execute(select(Incident).where(Incident.id == filed.id)).scalar_one()
    assert row.holder_id == scene.town.person("队长").id and row.organisation_id is not None
    repeated = scene.report(category=ORDER)
    scene.do(repeated.id, "link", parent=filed.id)
    child = session.execute(select(Incident).where(Incident.id == repeated.id)).scalar_one()
    assert (child.holder_id, child.organisation_id) == (row.holder_id, row.organisation_id)
    done = scene.do(filed.id, "handle", "队长", note="修好了")
    assert done.state == "handled"


def test_who_did_not_agree_is_not_assigned(scene: IncidentTown) -> None:
    enter(scene, "没有同意", consent=None)
    filed = scene.report()
    scene.do(filed.id, "return", "王网格", note="退")
    scene.do(filed.id, "accept")
    with pytest.raises(InvalidInput):
        scene.do(filed.id, "dispatch", to=scene.town.person("没有同意").code)
    enter(scene, "没有同意")
    scene.do(filed.id, "dispatch", to=scene.town.person("没有同意").code)
    assert scene.seen(filed.id).role == "volunteer_team"


def test_a_team_out_of_use_takes_over_nothing(scene: IncidentTown) -> None:
    session = scene.session
    team = OrganisationInput("v", "队", "志愿服务队", area=scene.town.community.code,
                             skills=["维修"])  # fmt: skip
    save_organisation(session, US, team, NOW)
    for name in ("甲", "乙"):
        save_member(session, US, MembershipInput("v", scene.town.person(name).code), NOW)
    filed = scene.report(category=ORDER)
    scene.do(filed.id, "take", "甲")
    save_organisation(session, US, replace(team, active=False), NOW)
    session.add(Leave(person_id=scene.town.person("甲").id, valid_time=build.span()))
    session.flush()
    assert upkeep.pass_on(session, filed.id, NOW)
    assert scene.seen(filed.id).assigned_to == "街道办"


def test_a_circle_of_others_ends(scene: IncidentTown) -> None:
    """Two writers at once can make one."""
    session = scene.session
    for code, parent in (("a", ""), ("b", "a"), ("c", "")):
        stated = OrganisationInput(code, code, "志愿服务队", parent=parent)
        save_organisation(session, US, stated, NOW)
    circle = "UPDATE organisation a SET parent_id = b.id FROM organisation b"
    session.execute(text(f"{circle} WHERE a.code = 'a' AND b.code = 'b'"))
    save_organisation(session, US, OrganisationInput("c", "c", "志愿服务队", parent="b"), NOW)
    with pytest.raises(InvalidInput):
        save_organisation(session, US, OrganisationInput("a", "a", "志愿服务队", parent="b"), NOW)


def test_rights_over_organisations_and_takers(scene: IncidentTown) -> None:
    session, community = scene.session, scene.town.community
    by = scene.who("赵社工")
    save_organisation(session, by, OrganisationInput("v", "队", "志愿服务队", area=community.code,
        head_name="甲", head_phone="13800000001"), NOW)  # fmt: skip
    with pytest.raises(Forbidden):
        save_organisation(session, by, OrganisationInput("v", "队", "志愿服务队"), NOW)
    with pytest.raises(InvalidInput):  # below itself
        save_organisation(session, by, OrganisationInput("v", "队", "其他单位", parent="v",
            area=community.code), NOW)  # fmt: skip
    rights = (Action.POSTS, Action.DISPATCH, Action.NAMES)
    other = Principal("account", "b", dict.fromkeys(rights, frozenset({-1})))
    theirs = TakerInput("", community.code, ["维修"], "乙", "13800000002")
    for write in (
        lambda: save_member(
            session, other, MembershipInput("v", "", name="乙", phone="13800000002"), NOW
        ),
        lambda: save_taker(session, other, theirs, NOW),
        lambda: save_organisation(session, other, OrganisationInput("v", "队", "志愿服务队"), NOW),
    ):
        with pytest.raises(Forbidden):
            write()
    assert list_organisations(session, other, NOW) == []
    assert list_members(session, other, NOW) == [] != list_members(session, by, NOW)
    grid = Principal("account", "c", dict.fromkeys(rights, frozenset({scene.grid.id})))
    # the number of somebody elsewhere does not tell the name
    elsewhere = find_or_add_person(session, US, "x9", "外县人")
    for number in ("x9", "x8"):
        with pytest.raises(InvalidInput, match="give a name"):
            save_member(session, by, MembershipInput("v", number), NOW)
    save_member(session, by, MembershipInput("v", "x9", name="外县人"), NOW)
    assert elsewhere
    (seen,) = list_organisations(session, grid, NOW)  # the team above, without its people
    assert (seen.code, seen.head_name) == ("v", None)
    assert list_members(session, grid, NOW) == []


@pytest.mark.parametrize(
    ("orders", "gini"),
    [([], None), ([0, 0], None), ([3, 3, 3], 0.0), ([0, 0, 0, 8], 0.75), ([1, 2, 3, 4], 0.25)],
)
def test_the_gini_coefficient_of_orders(orders: list[int], gini: float | None) -> None:
    assert fairness(orders).gini == gini
    if sum(orders):  # by its definition: half the mean difference of any two over the mean
        mean = sum(orders) / len(orders)
        pairs = [abs(a - b) for a in orders for b in orders]
        assert fairness(orders).gini == pytest.approx(sum(pairs) / len(pairs) / 2 / mean)


def test_a_start_point_stays_until_the_address_is_another(scene: IncidentTown) -> None:
    """A page states addresses only."""
    scene.town.building("9号楼", 0.0004, 0.0004, estate="试点苑")
    places: list[tuple[float, float] | None] = []
    for stated in (
        {"lon": build.LON, "lat": build.LAT, "address": "家里"},
        {"address": "家里"},
        {"address": "试点苑9号楼"},
        {"address": "无此处"},
    ):
        person = enter(scene, "丁志愿", **stated)
        query = text("SELECT ST_X(geom), ST_Y(geom) FROM order_taker WHERE person_id = :id")
        lon, lat = scene.session.execute(query, {"id": person}).one()
        places.append(None if lon is None else (round(lon, 5), round(lat, 5)))
    assert places[0] == places[1] == (round(build.LON, 5), round(build.LAT, 5))
    assert places[2] is not None and places[2] != places[0] and places[3] is None


def test_what_is_not_stated_stays(scene: IncidentTown, tmp_path: Path) -> None:
    session = scene.session
    person = scene.town.person("甲").code
    head = {"head": person, "head_name": "甲"}
    team = OrganisationInput("v", "队", "志愿服务队", limit_min=31, **head)
    save_organisation(session, US, team, NOW)
    end = NOW + timedelta(days=9)
    save_member(session, US, MembershipInput("v", person, name="甲", role="队长", ends=end), NOW)
    for again in (team, OrganisationInput("v", "二队", "志愿服务队", **head)):
        save_organisation(session, US, again, NOW)
    save_member(session, US, MembershipInput("v", person, name="甲"), NOW)
    (member,) = list_members(session, US, NOW)
    assert (member.role, member.ends) == ("队长", end)
    (row,) = list_organisations(session, US, NOW)
    assert (row.name, row.limit_min) == ("二队", 31)
    dumped = tmp_path / "o.csv"
    write_organisation_table(session, US, "organisations", dumped, NOW, SHANGHAI)
    assert load(scene, "organisations", dumped)["unchanged"] == 1
    still: list[dict[str, object]] = [{"组织编码": "v", "工号": person, "至（不含当天）": "至今"}]
    assert load(scene, "members", write_csv(tmp_path / "m.csv", still))["changed"] == 1
    assert list_members(session, US, NOW)[0].ends is None


def test_a_name_alone_is_nobody(scene: IncidentTown) -> None:
    find_or_add_person(scene.session, US, "x1", "甲")
    with pytest.raises(InvalidInput, match="name and telephone"):
        find_or_add_person(scene.session, US, "", "甲")


def test_every_dot_of_a_name_is_one(scene) -> None:
    number = find_or_add_person(scene.session, US, "x7", "古丽巴哈尔•艾力")
    assert find_or_add_person(scene.session, US, "x7", "古丽巴哈尔・艾力") == number
