"""Names, codes and communities over HTTP: steps of a draft, its preview, and files of grids."""

from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from gis.ops.metadata import Area
from tests.support import draft_town
from tests.support.draft_town import BASE, code
from tests.support.sign_in import account, signed_in, token

town = draft_town.town  # the fixture
EAST = "520402007013"


@pytest.fixture
def planner(session, client, town):
    """A function that posts as the planner of the county, with 东关社区 beside the town."""
    street = session.query(Area).filter_by(code=BASE[:9]).one()
    town.area("community", EAST, "东关社区", street)
    session.commit()
    signed_in(client, account(session, "wang", "planner", "520402"))
    headers = {"X-CSRFToken": token(client)}

    def post(path, json=None, file=None):
        form = None if file is None else {"file": (BytesIO(file[1]), file[0])}
        return client.post(f"/api/v1/revisions{path}", json=json, data=form, headers=headers)

    return post


def test_steps_of_names_and_codes_and_what_the_preview_says(client, planner):
    number = planner("", {"title": "春季"}).json["id"]
    steps = f"/{number}/operations"
    named = planner(steps, {"op": "rename", "code": code(5), "name": "<b>花园</b>"})
    assert named.status_code == 201, named.text
    (feature,) = named.json["changed"]["features"]
    assert feature["properties"]["name"] == "<b>花园</b>"
    moved = planner(steps, {"op": "move_to", "code": code(6), "parent": EAST})
    assert moved.json["op"]["new_code"] == EAST + "001"
    taken = planner(steps, {"op": "rename", "code": code(4), "name": "第007网格"})
    assert (taken.status_code, taken.json["errors"][0]["field"]) == (422, "name")
    assert "已是" in taken.json["zh"]
    seen = client.get(f"/api/v1/revisions/{number}/preview").json
    assert seen["renamed"] == [
        {"code": code(5), "level": "grid", "old": "第005网格", "new": "<b>花园</b>"}
    ]
    assert seen["recoded"] == [{"old": code(6), "new": EAST + "001", "name": "第006网格"}]
    assert [(item["code"], item["grids"]) for item in seen["communities"]] == [
        (BASE, [9, 8]),
        (EAST, [0, 1]),
    ]
    texts = client.get(f"/api/v1/revisions/{number}").json["operations"]
    assert texts[0]["zh"] == "第005网格改名为<b>花园</b>"
    assert texts[1]["en"].endswith(f"goes to 东关社区, code {EAST}001")
    book = client.get(f"/api/v1/revisions/{number}/preview?format=xlsx")
    assert book.status_code == 200
    page = client.get(f"/revisions/{number}?lang=zh")
    assert page.status_code == 200 and "<b>花园</b>" not in page.text


def test_a_table_renames_and_a_file_that_omits_grids_asks_what_becomes_of_them(client, planner):
    table = f"编码,名称\n{code(5)},花园网格\n{code(66)},幽灵\n".encode()
    refused = planner("/from-file?title=x", file=("names.csv", table))
    assert refused.status_code == 422 and refused.json["errors"][0]["field"].startswith("row 3")
    table = table.replace(code(66).encode(), code(6).encode())
    renamed = planner("/from-file?title=x", file=("names.csv", table))
    assert renamed.status_code == 201 and renamed.json["renamed"] == {
        code(5): "花园网格",
        code(6): "幽灵",
    }
    grids = client.get(f"/api/v1/revisions/{renamed.json['revision']['id']}/coverage?within={BASE}")
    kept = grids.json | {
        "features": [item for item in grids.json["features"] if item["id"] != code(9)]
    }
    for item in kept["features"]:
        item["properties"] = {"code": item["id"]}
    body = client.application.json.dumps(kept).encode()
    asked = planner("/from-file?title=x", file=("grids.geojson", body))
    assert asked.status_code == 422
    assert asked.json["missing"] == [{"code": code(9), "name": "第009网格"}]
    ended = planner(f"/from-file?title=x&missing={code(9)}", file=("grids.geojson", body))
    assert ended.status_code == 201 and ended.json["gone"] == [code(9)]
    dxf = planner("/from-file?title=x", file=("grids.dxf", b"0\nSECTION\n2\nENTITIES\n0\nENDSEC\n"))
    assert dxf.status_code == 422 and dxf.json["errors"][0]["field"] == "crs"
    assert dxf.json["detail"].startswith("grids.dxf")
    with ZipFile(bomb := BytesIO(), "w", ZIP_DEFLATED) as archive:
        archive.writestr("doc.kml", bytes(21_000_000))
    large = planner("/from-file?title=x", file=("网格.kmz", bomb.getvalue()))
    assert (
        large.status_code == 413 and "网格.kmz unpacks to more than 20 MB" in large.json["detail"]
    )
