"""Community workers: planned, filled and vacant posts, with grades from the roster."""

from datetime import UTC, datetime
from pathlib import Path

from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from gis.exchange.people import load_people
from gis.exchange.people_file import write_people
from tests.support import build
from tests.support.load_town import SHANGHAI, write_csv
from tests.support.sign_in import account, ask, send, signed_in


def test_posts_are_planned_filled_by_the_roster_and_listed(
    session: Session, client: FlaskClient, tmp_path: Path
) -> None:
    town = build.Town(session)
    code = town.community.code
    town.post("community_worker", town.community, "离任", end=datetime(2026, 1, 1, tzinfo=UTC))
    town.post("community_worker", town.community, None)  # a vacant post fills nothing
    elsewhere = build.Town(session, "520425001001").community.code
    post = {"岗位": "社区工作者", "区域编码": code, "自": "2026-01-01"}
    rows: list[dict[str, object]] = [
        post | {"工号": "s1", "姓名": "赵社工", "社工等级": "三级"},
        post | {"工号": "s2", "姓名": "钱社工"},
        {"工号": "s3", "姓名": "孙", "岗位": "联系点领导", "区域编码": code, "自": "2026-01-01"},
    ]
    for _ in range(2):  # the second time nothing changes
        report = load_people(session, write_csv(tmp_path / "r.csv", rows), timezone=SHANGHAI)
        assert report.refused == []
    assert (report.counts["new_posts"], report.counts["changed_posts"]) == (0, 0)
    rows[1] |= {"社工等级": "=2+2"}
    assert load_people(session, write_csv(tmp_path / "r.csv", rows)).counts["changed_posts"] == 1
    out = tmp_path / "out.xlsx"
    write_people(session, out, timezone=SHANGHAI)
    assert load_people(session, out, timezone=SHANGHAI).counts["changed_posts"] == 0
    desk = account(session, "desk", "dispatcher", code)
    abroad = account(session, "abroad", "dispatcher", elsewhere)

    signed_in(client, desk)
    plan = f"/api/v1/posts/plans/{code}"
    assert ask(client, "PUT", plan, {"planned": 3}).status_code == 204
    assert ask(client, "PUT", plan, {"planned": -1}).status_code == 422
    body = client.get(f"/api/v1/posts?area={code}").json
    assert body["plans"] == [
        {"area": code, "area_name": "西兴社区", "planned": 3, "filled": 2, "vacant": 1}
    ]
    grades = {row["holder"]["code"]: row["grade"] for row in body["items"] if row["holder"]}
    assert grades == {"s1": "三级", "s2": "=2+2", "s3": ""}
    assert "空缺 1" in client.get("/posts").text
    assert send(client, f"/posts/{code}", planned="1").status_code == 303
    assert "超编 1" in client.get("/posts").text
    assert send(client, f"/posts/{code}", planned="x").status_code == 422
    assert send(client, f"/posts/{code}", planned="").status_code == 303
    (unplanned,) = client.get(f"/api/v1/posts?area={code}").json["plans"]
    assert (unplanned["planned"], unplanned["filled"], unplanned["vacant"]) == (None, 2, None)
    assert client.get("/posts?format=xlsx").status_code == 200

    signed_in(client, abroad)
    assert code not in client.get("/posts").text
    assert ask(client, "PUT", plan, {"planned": 9}).status_code == 403
    assert ask(client, "PUT", "/api/v1/posts/plans/x", {"planned": 9}).status_code == 404
