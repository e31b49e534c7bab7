"""The pages, interface and command of discussions: put, draw, vote, count, conclude."""

import re
from datetime import UTC, datetime, timedelta

from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.incidents.working_time import ZONE
from tests.support import build
from tests.support.forms import sheet_rows
from tests.support.sign_in import account, ask, send, signed_in

SCRIPT = "<script>alert(1)</script>{{7*7}}"


def test_a_proposal_is_put_voted_on_and_concluded(session: Session, client: FlaskClient) -> None:
    town = build.Town(session)
    grid = town.grid("001")
    building = town.building("3号楼", 0.0002, 0.0002)
    for room in ("101", "102", "103", "104"):
        town.household(building, room)
    desk = account(session, "desk", "dispatcher", town.community.code)
    resident = account(session, "resident")
    session.commit()
    until = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%dT%H:%M}"
    form = {"area": grid.code, "title": SCRIPT, "proposal": "装一部电梯。\n第二行"}
    form |= {"closes_at": until, "quorum": "60"}

    signed_in(client, resident)
    assert send(client, "/discussions", **form).status_code == 403
    signed_in(client, desk)
    for wrong in ({"title": ""}, {"closes_at": "2026-02-30"}, {"quorum": "x"}, {"area": "9"}):
        refused = send(client, "/discussions", **(form | wrong))
        assert refused.status_code == 422 and "第二行" in refused.text
    answer = send(client, "/discussions", **form)
    assert answer.status_code == 303
    address = answer.location
    page = client.get(address).text
    assert "&lt;script&gt;" in page and SCRIPT not in page and 'name="code"' not in page
    slips = send(client, f"{address}/slips")
    codes = re.findall(r"<code>([a-z2-9-]{14})</code>", slips.text)
    assert len(codes) == 4 and SCRIPT not in slips.text
    assert send(client, f"{address}/slips").status_code == 409  # loaded again

    with client.session_transaction() as cookie:
        cookie.clear()
    ballot = {"code": codes[0]}
    assert client.post(f"{address}/vote", data=ballot | {"choice": "yes"}).status_code == 303
    again = client.post(f"{address}/vote", data=ballot | {"choice": "no"})
    assert again.status_code == 409 and "不能更改" in again.text
    number = address.rsplit("/", 1)[1]
    for code in codes[1:3]:
        vote = {"code": code, "choice": "yes"}
        assert client.post(f"/api/v1/discussions/{number}/votes", json=vote).status_code == 204
    seen = client.get(f"/api/v1/discussions/{number}").get_json()
    assert (seen["votes"], seen["slips"], seen["counts"], seen["may_change"]) == (3, 4, None, False)
    assert client.get("/discussions?area=9").status_code == 422

    past = "UPDATE discussion SET opens_at = now() - interval '2 days', closes_at = now()"
    session.execute(text(past))
    session.commit()
    assert client.get("/api/v1/discussions").get_json()["items"][0]["counts"]["yes"] == 3
    signed_in(client, desk)
    assert send(client, address, do="conclude", conclusion="下月开工").status_code == 303
    page = client.get(f"{address}?lang=zh").text
    assert "下月开工" in page and "通过" in page
    _header, row = sheet_rows(client, "/discussions?format=xlsx")
    assert row[5:] == (4, 3, 3, 0, 0, "通过", "下月开工")
    assert send(client, address, do="withdraw", reason="错").status_code == 409
    assert client.get("/discussions/99999999999999999999").status_code == 404


def test_a_program_puts_draws_and_withdraws(session: Session, client: FlaskClient) -> None:
    town = build.Town(session)
    grid = town.grid("001")
    building = town.building("3号楼", 0.0002, 0.0002)
    for room in ("101", "102", "103"):
        town.household(building, room)
    desk = account(session, "desk", "dispatcher", town.community.code)
    session.commit()
    signed_in(client, desk)
    until = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    body = {"area": grid.code, "title": "甲", "proposal": "乙", "closes_at": until}
    key = {"Idempotency-Key": "proposal-1"}
    first, again = (ask(client, "POST", "/api/v1/discussions", body, **key) for _ in range(2))
    number = first.get_json()["id"]
    assert (first.status_code, again.get_json()["id"]) == (201, number)
    address, reason = f"/api/v1/discussions/{number}", {"reason": "写错了"}
    drawn = ask(client, "POST", f"{address}/slips", {})
    assert drawn.status_code == 201 and len(drawn.get_json()["codes"]) == 3
    assert ask(client, "POST", f"{address}/withdraw", reason).status_code == 204
    assert ask(client, "POST", f"{address}/withdraw", reason).status_code == 409
    refused = ask(client, "PUT", f"{address}/conclusion", {"conclusion": "x"})
    assert refused.status_code == 409 and "已撤回" in refused.get_json()["zh"]
    assert client.get(address).get_json()["state"] == "withdrawn"
    day = f"{datetime.now(ZONE) + timedelta(days=2):%Y-%m-%d}"
    other = ask(client, "POST", "/api/v1/discussions", body | {"closes_at": day}).get_json()["id"]
    seen = client.get(f"/api/v1/discussions/{other}").get_json()
    ends = datetime.fromisoformat(seen["closes_at"]).astimezone(ZONE)
    assert f"{ends - timedelta(days=1):%Y-%m-%dT%H:%M}" == f"{day}T00:00"  # through that day
