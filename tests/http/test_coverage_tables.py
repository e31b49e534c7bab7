"""Tables of walkers and standards on the page: read by planners, edited by who may edit rules."""

from io import BytesIO

import openpyxl
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from gis.network.profile_table import read_profiles
from tests.support.checkup_town import CheckupTown
from tests.support.sign_in import account, send, signed_in

URL = "/coverage/tables"


def edited(data: bytes, value: object) -> BytesIO:
    """The spreadsheet with another number in its first row."""
    book = openpyxl.load_workbook(BytesIO(data))
    book.active.cell(2, 3).value = value
    changed = BytesIO()
    book.save(changed)
    changed.seek(0)
    return changed


def test_a_table_is_read_edited_and_put_in_force(client: FlaskClient, session: Session) -> None:
    CheckupTown(session)
    admin = signed_in(client, account(session, "gao", "command_centre", "520402"))
    page = admin.get(URL).text
    assert "1.25" in page and "GB 50180" in page
    sheet = admin.get(f"{URL}/profiles.xlsx").data
    answer = send(admin, f"{URL}/profiles", file=(edited(sheet, "1.5"), "walkers.xlsx"))
    assert answer.status_code == 303, answer.text
    assert next(iter(read_profiles(session).values())).speed_m_s == 1.5
    refused = send(admin, f"{URL}/profiles", file=(edited(sheet, "<b>fast"), "walkers.xlsx"))
    assert refused.status_code == 200
    assert "&lt;b&gt;fast" in refused.text and "<b>fast" not in refused.text
    assert next(iter(read_profiles(session).values())).speed_m_s == 1.5
    none = send(admin, f"{URL}/standards", file=(BytesIO(b"not a table"), "x.xlsx"))
    assert 'role="alert"' in none.text
