"""Check-up sheets over HTTP: the same for the page, the API and the spreadsheet."""

import io
import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import openpyxl
import pytest
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.support.checkup_town import CheckupTown
from tests.support.sign_in import account, signed_in, token

CODE = "520402007012"
API, PAGE = f"/api/v1/checkups/{CODE}", f"/checkup/{CODE}"


@pytest.fixture
def desk(session: Session, client: FlaskClient) -> FlaskClient:
    """The worker of the community, on a street with a clinic for some of its homes."""
    created = CheckupTown(session)
    created.facility("c1", "clinic", 0.001)
    return signed_in(client, account(session, "zhao", "dispatcher", CODE))


def write(client: FlaskClient, **visit: str):
    """Write a visit down by the API."""
    headers = {"X-CSRFToken": token(client, "/password")}
    return client.post(f"{API}/visits", json=visit, headers=headers)


def items(client: FlaskClient, tier: str = "complete") -> dict:
    """The items of the sheet by their key."""
    answer = client.get(f"{API}?tier={tier}").get_json()
    return {item["item"]: item for item in answer["items"]}


def test_the_sheet_by_the_api(desk: FlaskClient) -> None:
    answer = desk.get(API).get_json()
    assert (answer["name"], answer["households"], answer["people"]) == ("西兴社区", 6, 22)
    assert answer["may_write"] is True
    clinic = items(desk)["health_station"]
    assert clinic["result"] == "have" and clinic["beyond"] == {"households": 3, "people": 15}
    assert [home["name"] for home in clinic["left_out"]] == ["西兴苑3号楼"]
    assert [nearby["code"] for nearby in clinic["facilities"]] == ["c1"]
    assert items(desk, "5")["health_station"]["beyond"] == {"households": 4, "people": 17}
    assert desk.get(f"{API}?tier=20").status_code == 422
    assert desk.get("/api/v1/checkups/520402007999").status_code == 404


def test_a_visit_is_written_beside_the_data(session: Session, desk: FlaskClient) -> None:
    old = items(desk)["toilet"]
    created = write(desk, item="toilet", result="have", where="南门", visited_at="2026-11-02")
    assert created.status_code == 201 and created.get_json()["author"] == "account zhao"
    new = items(desk)["toilet"]
    assert [visit["where"] for visit in new.pop("visits")] == ["南门"]
    assert old.pop("visits") == [] and new == old
    stored = session.execute(text("SELECT account_id IS NOT NULL, author FROM checkup_visit"))
    assert [tuple(row) for row in stored] == [(True, "account zhao")]
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    for wrong in (
        {"item": "castle"},
        {"result": "cannot_say"},
        {"note": "长" * 2001},
        {"visited_at": tomorrow},
        {"visited_at": "yesterday"},
        {"tier": "20"},
        {"photo": "x"},
    ):
        refused = write(desk, **({"item": "toilet", "result": "have"} | wrong))
        assert refused.status_code == 422, wrong
    assert session.scalar(text("SELECT count(*) FROM checkup_visit")) == 1


def test_the_page_shows_the_sheet_and_takes_a_visit(desk: FlaskClient) -> None:
    page = desk.get(PAGE).text
    assert "社区卫生服务站" in page and "西兴苑3号楼 3" in page and "说不准" in page
    english = desk.get(f"{PAGE}?lang=en").text
    assert "community health station" in english and "cannot say" in english
    form = {
        "csrf_token": token(desk, PAGE),
        "tier": "complete",
        "item": "toilet",
        "result": "partly",
        "where": "<b>北门</b>",
        "visited_at": "2026-11-02",
    }
    assert desk.post(PAGE, data=form).status_code == 303
    displayed = desk.get(PAGE).text
    assert "&lt;b&gt;北门&lt;/b&gt;" in displayed and "<b>北门" not in displayed
    wrong = desk.post(PAGE, data=form | {"item": "castle", "note": "留着的话"})
    assert wrong.status_code == 422 and "留着的话" in wrong.text
    assert desk.get(f"{PAGE}?tier=20").status_code == 422
    assert PAGE in desk.get("/checkup").text


def test_the_spreadsheet_is_written_down_as_an_export(session: Session, desk: FlaskClient) -> None:
    answer = desk.get(f"{API}.xlsx?lang=zh")
    page = openpyxl.load_workbook(io.BytesIO(answer.data)).active
    assert "西兴社区" in page["A1"].value and page["A3"].value == "项目"
    subjects = session.scalars(text("SELECT subject FROM personal.disclosure")).all()
    assert subjects == [f"checkup {CODE} (.xlsx)"]


def picture(colour: str = "green", kind: str = "JPEG", size: tuple[int, int] = (400, 300)) -> bytes:
    """A photo with a position in its EXIF."""
    exif = Image.Exif()
    exif.get_ifd(0x8825)[1] = "N"
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, kind, exif=exif)
    return file.getvalue()


def write_with_photos(client: FlaskClient, *photos: bytes, key: str | None = None, **visit: str):
    """Write a visit down by the API, with photos; `key` is its Idempotency-Key."""
    form = {
        "json": json.dumps({"item": "toilet", "result": "have"} | visit),
        "photo": [(io.BytesIO(photo), f"{number}.jpg") for number, photo in enumerate(photos)],
    }
    headers = {"X-CSRFToken": token(client, "/password")}
    if key is not None:
        headers["Idempotency-Key"] = key
    return client.post(f"{API}/visits", data=form, headers=headers)


def test_photos_of_a_visit_are_shown_to_who_reads_the_sheet(
    session: Session, desk: FlaskClient
) -> None:
    answer = write_with_photos(desk, picture(), picture("red", "WEBP"))
    assert answer.status_code == 201
    initial, second = answer.get_json()["photos"]
    assert items(desk)["toilet"]["visits"][0]["photos"] == [initial, second]
    sent = desk.get(f"/api/v1/checkups/photos/{initial}")
    assert sent.mimetype == "image/jpeg" and sent.headers["Cache-Control"] == "no-store"
    displayed = Image.open(io.BytesIO(sent.data))
    assert displayed.size == (400, 300) and not displayed.getexif()
    assert desk.get(f"/api/v1/checkups/photos/{second}/thumbnail").mimetype == "image/webp"
    page = desk.get(PAGE).text
    assert page.count("<img ") == 2 and f"/api/v1/checkups/photos/{initial}/thumbnail" in page
    assert desk.get(f"/api/v1/checkups/photos/{uuid4()}").status_code == 404
    # another community's worker gets neither the sheet nor the photo
    session.execute(
        text("""INSERT INTO area (code, level, name, county, parent_id)
          SELECT '520402007013', 'community', '别的社区', county, id
          FROM area WHERE code = '520402007'""")
    )
    signed_in(desk, account(session, "other", "dispatcher", "520402007013"))
    assert desk.get(f"/api/v1/checkups/photos/{initial}").status_code == 404
    assert desk.get(f"/api/v1/checkups/photos/{initial}/thumbnail").status_code == 404


def test_photos_are_drawn_in_the_spreadsheet(desk: FlaskClient) -> None:
    for colour in ("red", "green"):
        assert write_with_photos(desk, *[picture(colour, "PNG")] * 6).status_code == 201
    page = openpyxl.load_workbook(io.BytesIO(desk.get(f"{API}.xlsx?lang=zh").data)).active
    title = next(cell for cell in page[3] if cell.value == "照片")
    row = next(row for row in page.iter_rows(min_row=4) if row[0].value == "公共厕所")
    assert row[title.column - 1].value == "另有 2 张"
    anchors = [image.anchor for image in page._images]
    assert len(anchors) == 10
    location = {(anchor._from.row + 1, anchor._from.col + 1) for anchor in anchors}
    assert location == {(row[0].row, title.column)}
    height = page.row_dimensions[row[0].row].height * 12_700  # a point in EMU
    assert all(anchor._from.rowOff + anchor.ext.height <= height for anchor in anchors)


def test_another_photo_under_the_same_key_is_not_taken_for_the_first(desk: FlaskClient) -> None:
    initial = write_with_photos(desk, picture("red"), key="visit-0001")
    again = write_with_photos(desk, picture("red"), key="visit-0001")
    assert again.headers["Idempotency-Replayed"] == "true" and again.json == initial.json
    assert write_with_photos(desk, picture("blue"), key="visit-0001").status_code == 422
    assert len(items(desk)["toilet"]["visits"]) == 1


def test_a_bad_photo_writes_no_visit(session: Session, desk: FlaskClient) -> None:
    assert write_with_photos(desk, picture(), b"%PDF-1.4").status_code == 422
    assert write_with_photos(desk, *[picture(size=(8, 8))] * 7).status_code == 413
    form = {"csrf_token": token(desk, PAGE), "item": "toilet", "result": "have", "note": "留着"}
    files = {"photo": [(io.BytesIO(b"GIF89a"), "a.gif")]}
    refused = desk.post(PAGE, data=form | files)
    assert refused.status_code == 422 and "GIF" in refused.text and "留着" in refused.text
    assert session.scalar(text("SELECT count(*) FROM checkup_visit")) == 0
    # a form whose field of files is left empty has no photo
    empty = {"photo": (io.BytesIO(b""), "")}
    assert desk.post(PAGE, data=form | empty).status_code == 303
    files = {"photo": [(io.BytesIO(picture()), "a.jpg")]}
    assert desk.post(PAGE, data=form | files).status_code == 303
    assert session.scalar(text("SELECT count(*) FROM checkup_photo")) == 1


@pytest.mark.parametrize(
    ("role", "area", "read", "written"),
    [
        ("street", "520402007", 200, 201),
        ("auditor", "520402007", 200, 403),
        ("planner", "520402", 200, 403),
        ("dispatcher", "520402007013", 403, 403),
        ("grid_leader", "520402007012001", 403, 403),
        ("order_taker", CODE, 403, 403),
    ],
)
def test_who_may(
    session: Session, client: FlaskClient, role: str, area: str, read: int, written: int
) -> None:
    town = CheckupTown(session).town
    town.area("community", "520402007013", "别的社区", town.street)
    signed_in(client, account(session, "somebody", role, area))
    assert [client.get(path).status_code for path in (API, f"{API}.xlsx", PAGE)] == [read] * 3
    assert write(client, item="toilet", result="have").status_code == written
    if read == 200:
        form = "csrf_token" in client.get(PAGE).text.partition("chk-visit")[2]
        assert form == (written == 201)
