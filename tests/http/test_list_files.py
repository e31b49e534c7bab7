"""List pages give what they show as a spreadsheet."""

import io
from datetime import UTC, datetime

from flask.testing import FlaskClient
from openpyxl import load_workbook
from sqlalchemy.orm import Session

from gis.boundaries import drafts
from gis.incidents.lifecycle import spot_checks
from gis.incidents.working_time import ZONE
from gis.rights.principal import account_principal, system_principal
from tests.support.paper_town import PaperTown
from tests.support.sign_in import account, signed_in


def rows(client: FlaskClient, address: str) -> list[tuple[object, ...]]:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    return list(load_workbook(io.BytesIO(answer.data)).worksheets[0].values)


def test_each_list_page_gives_its_rows_as_a_spreadsheet(
    session: Session, client: FlaskClient
) -> None:
    town = PaperTown(session)
    street = town.town.street.code
    me = system_principal("test")
    spot_checks.draw(session, me, "2026-W48", datetime(2026, 12, 1, tzinfo=UTC), ZONE)
    session.commit()
    admin = signed_in(client, account(session, "admin", "administrator"))
    assert [row[0] for row in rows(admin, "/accounts?format=xlsx")] == ["账号", "admin"]
    assert rows(admin, "/keys?format=xlsx")[0][0] == "程序"
    assert len(rows(admin, "/unanswered?format=xlsx")) == 3  # nobody there has an account
    plans = account(session, "plans", "planner", street)
    by = account_principal(session, plans.id, None, "plans", datetime.now(UTC))
    drafts.create_draft(session, by, "=新草案")
    session.commit()
    planner = signed_in(client, plans)
    assert "'=新草案" in [row[2] for row in rows(planner, "/revisions?format=xlsx&state=draft")]
    office = signed_in(client, account(session, "office", "street", street))
    drawn = rows(office, "/spot-checks?week=2026-W48&format=xlsx")
    assert [row[2] for row in drawn[1:]] == [str(town.ids[0])]
    paper = f"paper=weekly&area={street}&period=2026-W48"
    assert office.get(f"/papers/file.xlsx?{paper}").status_code == 200
    auditor = signed_in(client, account(session, "audits", "auditor", street))
    written = rows(auditor, "/disclosures?format=xlsx&kind=export")
    assert written[1][3] == f"paper weekly-{street}-2026-W48.xlsx"
