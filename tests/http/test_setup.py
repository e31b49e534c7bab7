"""The steps from an empty deployment to one that works: by the page's forms and files alone."""

import re
from io import BytesIO
from pathlib import Path
from typing import Any

import geopandas
import pytest
from flask.testing import FlaskClient
from shapely import box
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.ops.setup import SETUP_STEPS, next_step, read_steps
from tests.support.build import FROM
from tests.support.sign_in import account, signed_in, token

STREET, COMMUNITY = "520402007", "520402007004"
GRID = f"{COMMUNITY}001"
NOW = FROM.replace(year=2030)


@pytest.fixture
def admin(session: Session, client: FlaskClient) -> FlaskClient:
    return signed_in(client, account(session, "root", "administrator"))


def post(client: FlaskClient, key: str, **form: Any) -> str:
    answer = client.post(f"/setup/{key}?lang=en", data={"csrf_token": token(client), **form})
    assert answer.status_code in (200, 422), answer.get_data(as_text=True)
    return answer.get_data(as_text=True)


def send(client: FlaskClient, key: str, content: str | bytes, name: str, do: str = "load") -> str:
    body = content.encode() if isinstance(content, str) else content
    return post(client, key, file=(BytesIO(body), name), do=do)


def upcoming(session: Session) -> str:
    step = next_step(read_steps(session, NOW, "zh"))
    return "" if step is None else step.step.key


def test_every_step_from_nothing(session: Session, admin: FlaskClient, tmp_path: Path) -> None:
    session.execute(text("DELETE FROM rule_set"))
    assert upcoming(session) == "county"
    assert "Next:" in admin.get("/setup?lang=en").get_data(as_text=True)
    post(admin, "county", level="city", code="520400", name="安顺市", do="load")
    assert upcoming(session) == "county"
    post(admin, "county", code="520402", name="西秀区", parent="520400", do="load")
    assert upcoming(session) == "streets"
    refused = post(admin, "streets", code=STREET, name="西航街道", parent="520499", do="load")
    assert 'role="status"' in refused and upcoming(session) == "streets"
    post(admin, "streets", code=STREET, name="西航街道", parent="520402", do="load")
    rows = f"code,name,parent\n{COMMUNITY},学苑社区,{STREET}\n"
    checked = send(admin, "communities", rows, "c.csv", do="check")
    assert "fits. Send it again" in checked and upcoming(session) == "communities"
    send(admin, "communities", rows, "c.csv")
    grids = geopandas.GeoDataFrame(
        {"code": [GRID], "name": ["学苑第1网格"], "community_code": [COMMUNITY]},
        geometry=[box(105.95, 26.23, 105.951, 26.231)],
        crs="EPSG:4490",
    )
    grids.to_file(tmp_path / "grids.gpkg")
    assert upcoming(session) == "grids"
    send(admin, "grids", (tmp_path / "grids.gpkg").read_bytes(), "grids.gpkg")
    assert upcoming(session) == "buildings"
    register = (
        "小区,楼栋,单元数,层数,总户数,楼栋长,楼栋长电话,经度,纬度,坐标系\n"
        "虹山花园,1号楼,2,7,28,示例甲,13900001001,105.9503,26.2303,cgcs2000\n"
        "虹山花园,2号楼,2,7,28,示例乙,13900001002,,,\n"
    )
    send(admin, "buildings", register, "楼栋台账.csv")
    page = admin.get("/setup?lang=en").get_data(as_text=True)
    assert "not placed yet: 虹山花园2号楼" in page
    homes = f"小区,楼栋,单元,房号,人数,十联户编码\n虹山花园,1号楼,1,101,3,{GRID}01\n"
    send(admin, "households", homes, "h.csv")
    wrong = send(admin, "people", "工号,姓名,岗位,区域编码\nA001,示例丙,网格长,1\n", "p.csv")
    assert "nothing was loaded" in wrong and "row 2" in wrong
    people = (
        f"工号,姓名,岗位,区域编码\nA001,示例丙,网格长,{GRID}\n示例工号,示例丁,网格员,{GRID}\n"
        f"A003,示例戊,community_secretary,{COMMUNITY}\n"
    )
    send(admin, "people", people, "p.csv")
    states = {each.step.key: each for each in read_steps(session, NOW, "zh")}
    assert states["accounts"].missing == 4 and states["answered"].missing == 1

    sheet = post(admin, "accounts")
    assert re.search(r"示例丙.*?a001.*?(\w{4}-){3}\w{4}", sheet, re.DOTALL)
    passwords = re.findall(r"<code>(\w{4}-\w{4}-\w{4}-\w{4})</code>", sheet)
    assert len(set(passwords)) == 4 and "示例乙" not in sheet
    stored = session.scalar(text("SELECT string_agg(c::text, '') FROM personal.account c"))
    assert not any(password in stored for password in passwords)
    assert not re.findall(r"<code>\w{4}-\w{4}", post(admin, "accounts"))
    states = {each.step.key: each for each in read_steps(session, NOW, "zh")}
    assert states["accounts"].state == "done" and states["answered"].missing == 0
    assert states["rules"].state == "empty"


def test_only_for_administrators_of_everything(session: Session, client: FlaskClient) -> None:
    area = "INSERT INTO area (code, level, name, county) VALUES (:c, 'county', '甲区', :c)"
    session.execute(text(area), {"c": "520402"})
    local = signed_in(client, account(session, "lo", "administrator", "520402"))
    assert local.get("/setup").status_code == 403
    form = {"csrf_token": token(local)}
    assert local.post("/setup/accounts", data=form).status_code == 403
    assert session.scalar(text("SELECT count(*) FROM personal.account")) == 1


def test_what_no_step_does_is_refused(admin: FlaskClient) -> None:
    form = {"csrf_token": token(admin)}
    assert admin.post("/setup/rules", data=form).status_code == 404
    assert admin.get("/setup/passwords.xlsx").status_code == 404
    assert admin.get("/setup/buildings.xlsx").status_code == 200
    assert 'role="alert"' in post(admin, "people")  # without a file
    assert len({step.key for step in SETUP_STEPS}) == len(SETUP_STEPS)
