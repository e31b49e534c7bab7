"""The page of duties: writing visits down, linking what they led to, saving the lists."""

import io
from datetime import datetime

import pytest
from flask.testing import FlaskClient
from openpyxl import load_workbook
from sqlalchemy.orm import Session

from gis.incidents import kind_edits
from gis.incidents.lifecycle.intake import IncidentReport
from gis.incidents.lifecycle.report import file_report
from gis.incidents.working_time import ZONE
from gis.rights.principal import account_principal, system_principal
from tests.support import build
from tests.support.forms import sheet_rows
from tests.support.incident_town import POINT
from tests.support.sign_in import account, send, signed_in

NOTE = "=1+1 {{7*7}} <b>灯不亮</b>"


def test_a_leader_writes_a_visit_down_and_nobody_abroad_sees_it(
    session: Session, client: FlaskClient
) -> None:
    town, now = build.Town(session), datetime.now(ZONE)
    grid = town.grid("001")
    town.post("grid_worker", grid, "王网格")
    town.post("contact_leader", town.community, "陈书记")
    town.post("contact_leader", grid, "陈书记")
    town.post("building_sponsor", town.building("3号楼", 0.0002, 0.0002), None)
    code = town.person("陈书记").code
    leads = account(session, "leads", person=code)
    elsewhere = build.Town(session, "520425001001")
    abroad = account(session, "abroad", "dispatcher", elsewhere.community.code)
    by = account_principal(session, leads.id, town.person("陈书记").id, "leads", now)
    report = IncidentReport(category="06010", description="灯不亮", channel="web", **POINT)
    filed = file_report(session, by, report, now)
    session.commit()

    signed_in(client, leads)
    page = client.get("/duties").text
    assert f'value="grid|{grid.code}|{code}"' in page and str(filed.id) in page
    form = {"place": f"grid|{grid.code}|{code}", "day": f"{now:%Y-%m-%d}", "note": NOTE}
    answer = send(client, "/duties/visits", **form)
    assert (answer.status_code, answer.location) == (303, f"/duties?year={now.year}")
    assert send(client, "/duties/visits", **form).status_code == 409
    wrong = form | {"place": f"grid|{grid.code}|{town.person('王网格').code}"}
    assert send(client, "/duties/visits", **wrong).status_code == 403
    (visit,) = client.get("/api/v1/duties/visits").json["items"]
    assert (visit["note"], visit["may_change"]) == (NOTE, True)
    link = {"do": "link", "incident": str(filed.id)}
    change = f"/duties/visits/{visit['id']}"
    assert send(client, change, **link).status_code == 303
    page = client.get("/duties").text
    assert "&lt;b&gt;灯不亮&lt;/b&gt;" in page and str(filed.id)[:8] in page
    listed = sheet_rows(client, "/duties?format=xlsx")[1]
    assert (listed[1:3], listed[4:8]) == (("陈书记", code), (1, 3, 0, 2))
    _, row = sheet_rows(client, "/duties/visits.xlsx")
    assert (row[0], row[5], row[6]) == (code, f"'{NOTE}", str(filed.id))
    for address in ("/duties?year=1999", "/duties?year=x"):
        assert client.get(address).status_code == 422
    assert "年份须在 2000 到" in client.get("/duties?year=1999&lang=zh").text

    signed_in(client, abroad)
    assert client.get("/api/v1/duties").json["items"] == []
    assert client.get("/api/v1/duties/visits").json["items"] == []
    assert send(client, "/duties/visits", **form).status_code == 403
    assert send(client, change, do="remove").status_code == 404

    signed_in(client, leads)
    assert send(client, change, do="remove").status_code == 303
    assert client.get("/api/v1/duties/visits").json["items"] == []


def test_an_administrator_sets_what_a_duty_asks(session: Session, client: FlaskClient) -> None:
    signed_in(client, account(session, "admin", "administrator"))
    number = kind_edits.find_kind_id(session, "duty", "duty_sponsor")
    form = {"do": "rename", "zh": "包保走访", "en": "", "visits_target": "12", "solved_target": ""}
    assert send(client, f"/kinds/{number}", **form).status_code == 303
    assert send(client, f"/kinds/{number}", **(form | {"visits_target": "x"})).status_code == 422
    new = {"subject": "duty", "parent": "unit_head", "zh": "入户", "visits_target": "4"}
    assert send(client, "/kinds", **new).status_code == 303
    items = client.get("/api/v1/kinds?subject=duty").json["items"]
    assert {row["zh"]: (row["visits_target"], row["solved_target"]) for row in items} == {
        "联系点走访": (3, 2),
        "包保走访": (12, None),
        "“1+1+2”走访": (None, None),
        "入户": (4, None),
    }
    file = client.get("/kinds?format=xlsx", headers={"Accept-Language": "zh"}).data
    sheet = load_workbook(io.BytesIO(file)).active
    assert sheet is not None
    listed = {row[1]: row[3] for row in sheet.iter_rows(min_row=2, values_only=True)}
    assert listed["入户"] == "联户长"
    me = system_principal("test")
    assert kind_edits.change_kind(session, me, number, zh="包保").visits_target == 12


def test_of_many_duties_the_first_are_shown_and_others_looked_for(
    session: Session, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.pages.duties.views.MAX_SHOWN_DUTIES", 2)
    town = build.Town(session)
    for number, name in enumerate(("陈一", "陈二", "陈三"), 1):
        town.post("contact_leader", town.grid(f"00{number}", number, 0), name)
    leader = account(session, "third", person=town.person("陈三").code)
    desk = account(session, "desk", "command_centre", town.county.code)
    session.commit()

    signed_in(client, desk)
    page = client.get("/duties?lang=zh").text
    assert "共 3 人，显示前 2 人" in page and page.count('<option value="grid|') == 2
    other = client.get("/duties?lang=zh&words=陈三").text
    assert "共 3 人" not in other and town.person("陈三").code in other and "陈一" not in other
    assert "没有符合的职责人" in client.get("/duties?lang=zh&words=没有").text
    signed_in(client, leader)  # who has one always writes visits down
    assert 'value="grid|' in client.get("/duties?words=没有").text
