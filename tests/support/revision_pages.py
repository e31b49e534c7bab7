"""A planner's desk on the pages of revisions, and drafts to look at there."""

import pyogrio
import pytest

from tests.support.browser import sign_in


@pytest.fixture
def planner(desk, planned):
    """A planner's desk, with `ask(method, path, body)` of the API."""
    sign_in(desk, planned.url, planned.var, "planner", "/revisions")
    token = desk.evaluate("JSON.parse(document.getElementById('page').textContent).csrf")

    def ask(method, path, body=None):
        sent = {
            "method": method,
            "headers": {"X-CSRFToken": token, "Accept": "application/json"},
            "data": body,
        }
        answer = desk.request.fetch(f"{planned.url}/api/v1{path}", **sent)
        assert answer.ok, answer.text()
        return answer.json()

    desk.api, desk.root = ask, planned.url
    desk.on("dialog", lambda dialog: dialog.accept())
    return desk


def three(desk, tmp_path, within=("",)):
    """Codes of a grid and of two that touch it and not each other's code, in some areas."""
    codes = desk.locator(".rev-get option").evaluate_all("all => all.map((one) => one.value)")
    community = [code for code in codes if len(code) == 12 and code.startswith(tuple(within))][-1]
    file = tmp_path / "now.gpkg"
    file.write_bytes(
        desk.request.get(f"{desk.root}/api/v1/export/grids.gpkg?within={community}").body()
    )
    grids = pyogrio.read_dataframe(file)
    for shape, code in zip(grids.geometry, grids.code, strict=True):
        beside = [
            other
            for land, other in zip(grids.geometry, grids.code, strict=True)
            if other != code and shape.intersection(land).length > 1e-4
        ]
        if len(beside) > 1:
            return code, *beside[:2]
    raise AssertionError("no grid with two neighbours")


def merge(desk, title, into, other):
    """The number of a draft that merges two grids."""
    number = desk.api("POST", "/revisions", {"title": title})["id"]
    desk.api(
        "POST",
        f"/revisions/{number}/operations",
        {"op": "merge", "codes": [into, other], "into": into},
    )
    return number
