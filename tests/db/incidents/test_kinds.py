"""Kinds that people add: what has one is shown by its name and works as its parent."""

from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from gis.areas.resolver import locate
from gis.errors import Conflict, Forbidden, InvalidInput
from gis.exchange.dump import dump
from gis.exchange.facilities import load_facilities
from gis.exchange.organisations import load_organisation_table, write_organisation_table
from gis.exchange.people import load_people
from gis.facilities import facility_edits, queries
from gis.incidents import devices, kind_edits
from gis.incidents.models import Incident, Organisation
from gis.incidents.organisations import OrganisationInput, save_organisation
from gis.incidents.reading.candidates import list_assignees
from gis.incidents.takers import TakerInput, save_taker
from gis.kinds import Kind, list_kinds, read_kinds
from gis.people.posts import posts_of
from gis.rights.actions import Action
from gis.rights.principal import Principal, account_principal, system_principal
from tests.support import build
from tests.support.incident_town import NOW, POINT, IncidentTown, taker
from tests.support.load_town import SHANGHAI, write_csv

US = system_principal("test")
# subject, name and parent of the kinds that the issue names
KINDS = (
    ("role", "楼层小组长", "building_head"),
    ("role", "治安网格长", "网格长"),
    ("role", "义务监督员", "property_company"),
    ("role", "执法二中队", "enforcement_squad"),
    ("skill", "心理咨询师", "care"),
    ("skill", "家政", "errands"),
    ("service", "家政", "S0107"),
    ("facility", "警务室", "police"),
    ("facility", "儿童之家", "文化活动"),
    ("device", "门磁二型", "door"),
)


@pytest.fixture
def scene(session: Session) -> IncidentTown:
    """A town, and the kinds."""
    town = IncidentTown(session)
    for subject, name, parent in KINDS:
        shared = True if name == "楼层小组长" else None
        kind_edits.add_kind(session, US, kind_edits.KindInput(subject, parent, name, shared=shared))
    return town


def load_roster(scene: IncidentTown, folder: Path) -> list[str]:
    """Load a roster with kinds of roles; return the role and kind of each post."""
    building = scene.town.building("3号楼", 0.0002, 0.0002)
    rows: list[dict[str, object]] = [
        {"工号": "f1", "姓名": "甲", "岗位": "楼层小组长", "楼栋编码": building.code},
        {"工号": "f2", "姓名": "乙", "岗位": "楼层小组长（兼）", "楼栋编码": building.code},
        {"工号": "b1", "姓名": "丙", "岗位": "楼栋长", "楼栋编码": building.code},
        {"工号": "z1", "姓名": "丁", "岗位": "治安网格长", "区域编码": scene.grid.code},
        {"工号": "q2", "姓名": "戊", "岗位": "执法二中队", "区域编码": scene.town.street.code},
        {"工号": "q1", "姓名": "己", "岗位": "执法中队", "区域编码": scene.town.street.code},
    ]
    rows = [row | {"自": "2026-01-01"} for row in rows]
    for _ in range(2):  # the second time nothing changes
        report = load_people(scene.session, write_csv(folder / "roster.csv", rows))
        assert report.refused == []
    assert (report.counts["new_posts"], report.counts["changed_posts"]) == (0, 0)
    query = text(
        "SELECT role || coalesce(':' || zh, '') FROM post p LEFT JOIN kind k"
        " ON k.id = kind_id JOIN personal.person o ON o.id = holder_id"
        " WHERE o.code ~ '^[a-z][0-9]$' ORDER BY o.code"
    )
    return list(scene.session.scalars(query))


def test_a_post_of_a_kind_is_shown_by_its_name_and_has_the_rights_of_its_parent(
    scene: IncidentTown, tmp_path: Path
) -> None:
    session = scene.session
    assert load_roster(scene, tmp_path) == [
        "building_head",
        "building_head:楼层小组长",
        "building_head:楼层小组长",
        "enforcement_squad",
        "enforcement_squad:执法二中队",
        "grid_leader:治安网格长",
    ]
    shown = {row.role_zh for row in posts_of(session, US, scene.grid.code, NOW, within=True)}
    assert {"楼层小组长", "楼栋长", "治安网格长", "网格长"} <= shown
    answer = locate(session, **POINT, at=NOW)
    assert "治安网格长" in [entry.role_zh for entry in answer.people]
    incident = scene.seen(scene.report().id)
    assert "治安网格长" in [row.role_zh for row in list_assignees(session, US, incident, NOW)]
    holder = session.scalar(text("SELECT id FROM personal.person WHERE code = 'z1'"))
    by = account_principal(session, -1, holder, "z1", NOW)
    assert by.is_allowed(Action.SUPERVISE, [scene.grid.id])


def test_facilities_and_devices_of_a_kind(scene: IncidentTown, tmp_path: Path) -> None:
    session, by = scene.session, US
    place = {"经度": build.LON + 0.0004, "纬度": build.LAT + 0.0004, "坐标系": "cgcs2000"}
    rows: list[dict[str, object]] = [
        {"编码": "p1", "名称": "西兴警务室", "类别": "警务室", **place},
        {"编码": "p2", "名称": "儿童之家", "类别": "文化活动", "细类": "儿童之家", **place},
        {"编码": "p3", "名称": "派出所", "类别": "派出所", **place},
    ]
    assert load_facilities(session, write_csv(tmp_path / "f.csv", rows)).refused == []
    found = {code: queries.facility(session, code) for code in ("p1", "p2", "p3")}
    assert [(row.category, row.kind_zh) for row in found.values()] == [
        ("police", "警务室"),
        ("culture", "儿童之家"),
        ("police", None),
    ]
    dump(session, "facilities", tmp_path / "out.csv")
    again = load_facilities(session, tmp_path / "out.csv")
    assert (again.refused, again.counts["changed"]) == ([], 0)
    key = found["p1"].kind
    listed = queries.facilities(session, category=key, at=NOW)
    assert [row.code for row in listed] == ["p1"]
    changed = facility_edits.change_facility(session, by, NOW, "p3", {"category": "警务室"})
    assert changed.kind == key
    secret = devices.add(session, devices.DeviceInput("d1", "门磁二型", "", **POINT), now=NOW)
    assert secret and devices.list_devices(session)[0].kind.startswith("kind_")


def test_a_service_of_a_kind_goes_to_who_has_its_skill(scene: IncidentTown) -> None:
    session = scene.session
    skill = read_kinds(session, "skill").find("家政")
    assert skill is not None
    taker(scene, "家政王", [skill.key])
    taker(scene, "跑腿李", ["errands"])
    for category, offered in (("家政", 1), ("S0107", 2)):  # a finer skill is one of its parent
        filed = scene.report(category=category)
        assert scene.seen(filed.id).offered == offered
        row = session.execute(select(Incident).where(Incident.id == filed.id)).scalar_one()
        assert row.category == "S0107"
    query = select(Incident.id).order_by(Incident.skill)
    named = [scene.seen(number).category_zh for number in session.scalars(query)]
    assert named == ["其他点单", "家政"]


def test_a_matter_of_another_category_is_of_its_service_or_of_none(scene: IncidentTown) -> None:
    filed = scene.report(category="S0107", attributes={"hotline": "12345-7"})
    scene.do(filed.id, "return", filed.assigned_to["name"], note="退")
    for category, service, skill in (
        ("家政", "家政", True), ("S0107", "家政", True), ("06010", None, False)
    ):  # fmt: skip
        scene.do(filed.id, "reclassify", category=category, note="改")
        row = scene.session.execute(
            select(Incident.attributes, Incident.skill).where(Incident.id == filed.id)
        ).one()
        assert row.attributes.get("service") == service
        assert row.attributes["hotline"] == "12345-7"
        assert row.skill.startswith("kind_") == skill


def test_names_and_rights(scene: IncidentTown) -> None:
    session, county = scene.session, scene.town.county.code
    with pytest.raises(Conflict):
        kind_edits.add_kind(session, US, kind_edits.KindInput("role", "grid_leader", "治安网格长"))
    for wrong in ({"zh": "网格长"}, {"zh": ""}, {"parent": "king"}, {"key": "Ä"}, {"county": "1"}):
        fields = {"parent": "grid_leader", "zh": "巡查员"} | wrong
        with pytest.raises(InvalidInput):
            kind_edits.add_kind(session, US, kind_edits.KindInput("role", **fields))  # type: ignore[arg-type]
    local = Principal("account", "a", {Action.ACCOUNTS: frozenset({scene.town.county.id})})
    with pytest.raises(Forbidden):
        kind_edits.add_kind(session, local, kind_edits.KindInput("role", "grid_leader", "巡查员"))
    row = kind_edits.add_kind(
        session, local, kind_edits.KindInput("role", "grid_leader", "巡查员", county=county)
    )
    other = Principal("account", "b", {Action.ACCOUNTS: frozenset({-1})})
    with pytest.raises(Forbidden):
        kind_edits.change_kind(session, other, row.id, zh="我的")
    kind_edits.change_kind(session, local, row.id, zh="巡防员", active=False)
    kinds = read_kinds(session, "role")
    assert kinds.find("巡防员", county) is None
    kind_edits.change_kind(session, local, row.id, active=True)
    kinds = read_kinds(session, "role")
    assert kinds.find("巡防员", county) and not kinds.find("巡防员", "520403")


def retire_all(session: Session) -> None:
    """Retire every kind."""
    for kind in list_kinds(session, active=True):
        kind_edits.change_kind(session, US, kind.id, active=False)


def test_a_post_of_a_retired_kind_is_loaded_again(scene: IncidentTown, tmp_path: Path) -> None:
    post = {"工号": "z1", "姓名": "丁", "岗位": "治安网格长", "自": "2026-01-01"}
    here: dict[str, object] = post | {"区域编码": scene.grid.code}
    file = write_csv(tmp_path / "p.csv", [here])
    load_people(scene.session, file)
    retire_all(scene.session)
    again = load_people(scene.session, file)
    assert (again.refused, again.counts["changed_posts"], again.counts["new_posts"]) == ([], 0, 0)
    elsewhere = here | {"区域编码": scene.beside.code}
    (refused,) = load_people(scene.session, write_csv(tmp_path / "q.csv", [elsewhere])).refused
    assert refused.field == "岗位"


def test_what_has_a_retired_kind_is_saved_again(scene: IncidentTown, tmp_path: Path) -> None:
    session, community = scene.session, scene.town.community.code
    kind_edits.add_kind(
        session, US, kind_edits.KindInput("organisation", "volunteer_team", "红袖标队")
    )
    team = OrganisationInput("v", "队", "红袖标队", area=community, skills=["家政"])
    person = scene.town.person("甲").code
    save_organisation(session, US, team, NOW)
    save_taker(session, US, TakerInput(person, community, ["家政"], "甲"), NOW)
    place = {"经度": build.LON + 0.0004, "纬度": build.LAT + 0.0004, "坐标系": "cgcs2000"}
    room: dict[str, object] = {"编码": "p1", "名称": "警务室", "类别": "警务室", **place}
    load_facilities(session, write_csv(tmp_path / "f.csv", [room]))
    retire_all(session)
    for kind in ("organisations", "takers"):
        write_organisation_table(session, US, kind, tmp_path / "o.csv", NOW, SHANGHAI)
        report = load_organisation_table(session, kind, tmp_path / "o.csv", now=NOW)
        assert (report.refused, report.counts["unchanged"]) == ([], 1)
    again = load_facilities(session, write_csv(tmp_path / "f.csv", [room]))
    assert (again.refused, again.counts["unchanged"]) == ([], 1)
    key = queries.facility(session, "p1").kind
    assert facility_edits.change_facility(session, US, NOW, "p1", {"category": key}).kind == key
    save_organisation(session, US, team, NOW)
    with pytest.raises(InvalidInput):  # what has it not
        save_organisation(session, US, OrganisationInput("w", "队", "红袖标队"), NOW)
    load_facilities(session, write_csv(tmp_path / "f.csv", [room | {"编码": "p2"}]))
    assert queries.facility(session, "p2").kind is None


def test_a_kind_is_the_one_of_the_county(scene: IncidentTown) -> None:
    """Two counties have kinds of one name."""
    session, county = scene.session, scene.town.county.code
    names = {"facility": "police", "device": "door", "organisation": "volunteer_team"}
    for subject, parent in names.items():
        for code in (county, "520999"):
            session.add(Kind(subject=subject, key=f"k{code}", parent=parent, zh="甲", county=code))
    session.flush()
    point = (build.LON + 0.0004, build.LAT + 0.0004)
    facts = {"category": "甲", "name": "甲"}
    assert facility_edits.add_facility(session, US, NOW, point, facts).kind == f"k{county}"
    devices.add(session, devices.DeviceInput("d1", "甲", "", **POINT), now=NOW)
    assert devices.list_devices(session)[0].kind == f"k{county}"
    team = OrganisationInput("v", "队", "甲", area=scene.town.community.code)
    save_organisation(session, US, team, NOW)
    kind = select(Kind.county).join(Organisation, Organisation.kind_id == Kind.id)
    assert session.scalar(kind) == county
