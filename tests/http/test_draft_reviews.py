"""The API of a draft under several people: the setting of approval, refusals in both languages."""

import io
from dataclasses import replace

import openpyxl
import pytest

from tests.support import draft_town, sign_in
from tests.support.draft_town import code, line

town = draft_town.town  # the fixture


@pytest.fixture
def ask(client, session, town):
    """Ask as an account: ask(name, method, path, json) -> the answer."""
    accounts = {
        name: sign_in.account(session, name, "planner", "520402") for name in ("zhao", "qian")
    }

    def ask(name, method, path, json=None, **headers):
        sign_in.signed_in(client, accounts[name])
        return sign_in.ask(client, method, f"/api/v1{path}", json, **headers)

    return ask


def draft(ask, grid, cut):
    number = ask("zhao", "POST", "/revisions", {"title": "x"}).json["id"]
    operation = {"op": "split", "code": code(grid), "line": line(*cut)}
    assert ask("zhao", "POST", f"/revisions/{number}/operations", operation).status_code == 201
    return number


def test_where_the_setting_says_nothing_is_published_unapproved(ask, app, monkeypatch):
    settings = replace(app.config["SETTINGS"], publication_approval=True)
    monkeypatch.setitem(app.config, "SETTINGS", settings)
    number = draft(ask, 5, ((1.4, 0.9), (1.4, 2.1)))
    path = f"/revisions/{number}"
    for reason in ({"reason": "好"}, {"reason": "好", "effective": "2099-01-01T00:00:00+08:00"}):
        refused = ask("zhao", "POST", f"{path}/publish", reason)
        assert (refused.status_code, refused.json["code"]) == (409, "publish.needs_approval")
        assert "须经他人审核" in refused.json["zh"]
    assert ask("zhao", "POST", f"{path}/review", {"reviewer": "qian"}).json["state"] == "requested"
    told = ask("qian", "GET", "/notices").json["items"][0]
    assert (told["topic"], told["revision"], told["zh"]) == ("draft.review", number, "请您审核草案")
    version = ask("qian", "GET", path).json["version"]
    decision = {"decision": "approve", "version": version - 1}
    assert ask("qian", "POST", f"{path}/review/decision", decision).status_code == 409
    decision["version"] = version
    assert ask("qian", "POST", f"{path}/review/decision", decision).json["state"] == "approved"
    assert ask("zhao", "GET", path).json["review"]["reviewer"] == "account qian"
    assert ask("zhao", "POST", f"{path}/publish", {"reason": "好"}).status_code == 200


def test_what_ends_hands_on_or_redraws_a_draft_holds_for_the_version_looked_at(ask):
    number = draft(ask, 5, ((1.4, 0.9), (1.4, 2.1)))
    ask("zhao", "POST", f"/revisions/{number}/editors", {"account": "qian"})
    stale = {"If-Match": '"2"'}
    step = {"op": "rename", "code": code(9), "name": "花园网格"}
    assert ask("qian", "POST", f"/revisions/{number}/operations", step).status_code == 201
    for action, body in (
        ("withdraw", {}),
        ("rebase", {}),
        ("review", {"reviewer": "qian"}),
        ("publish", {"reason": "好"}),
    ):
        refused = ask("zhao", "POST", f"/revisions/{number}/{action}", body, **stale)
        assert (refused.status_code, refused.json["code"]) == (409, "draft.stale_version"), action


def test_a_comment_has_one_place_and_two_drafts_are_two(ask):
    a, b = draft(ask, 5, ((1.4, 0.9), (1.4, 2.1))), draft(ask, 9, ((2.4, 1.9), (2.4, 3.1)))
    comments = f"/revisions/{a}/comments"
    for place in ({}, {"lon": 105.9}, {"lon": 105.9, "lat": 26.2, "grid": code(5)}):
        refused = ask("qian", "POST", comments, {"text": "好"} | place)
        assert refused.status_code == 422 and "经纬度" in str(refused.json)
    [comment] = ask("qian", "POST", comments, {"text": "<b>", "grid": code(5)}).json["items"]
    assert (comment["text"], comment["author"]) == ("<b>", "account qian")
    assert (comment["grid"], comment["grid_name"]) == (code(5), "第005网格")
    named = {"op": "rename", "code": code(5), "name": "花园网格"}
    assert ask("zhao", "POST", f"/revisions/{a}/operations", named).status_code == 201
    assert ask("qian", "GET", comments).json["items"][0]["grid_name"] == "花园网格"
    resolve = f"{comments}/{comment['id']}/resolve"
    assert ask("zhao", "POST", resolve).json["items"][0]["resolved_by"] == "account zhao"
    assert ask("qian", "POST", resolve).json["code"] == "comment.resolved_already"

    compared = ask("qian", "GET", f"/revisions/{a}/difference/{b}").json
    assert [grid["code"] for grid in compared["grids"]] == [code(i) for i in (5, 9, 10, 11)]
    file = ask("qian", "GET", f"/revisions/{a}/difference/{b}?format=xlsx").data
    rows = list(openpyxl.load_workbook(io.BytesIO(file)).active.values)
    assert len(rows) == 5 and rows[0][2:6] == (
        "户数·已发布",
        f"户数·草案{a}",
        f"户数·草案{b}",
        f"户数·草案{b}减草案{a}",
    )
    for other in (a, 2**70):
        assert ask("qian", "GET", f"/revisions/{a}/difference/{other}").status_code in (404, 422)
