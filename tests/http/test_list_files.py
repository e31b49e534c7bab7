"""List pages give what they show as a spreadsheet."""

from datetime import UTC, datetime

from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from gis.boundaries import drafts
from gis.incidents.lifecycle import spot_checks
from gis.incidents.working_time import ZONE
from gis.rights.principal import account_principal, system_principal
from tests.support.forms import sheet_rows
from tests.support.paper_town import PaperTown
from tests.support.sign_in import account, signed_in


def test_each_list_page_gives_its_rows_as_a_spreadsheet(
    session: Session, client: FlaskClient
) -> None:
    town = PaperTown(session)
    street = town.town.street.code
    me = system_principal("test")
    spot_checks.draw(session, me, "2026-W48", datetime(2026, 12, 1, tzinfo=UTC), ZONE)
    session.commit()
    admin = signed_in(client, account(session, "admin", "administrator"))
    assert [row[0] for row in sheet_rows(admin, "/accounts?format=xlsx")] == ["账号", "admin"]
    assert sheet_rows(admin, "/keys?format=xlsx")[0][0] == "程序"
    assert len(sheet_rows(admin, "/unanswered?format=xlsx")) == 3  # nobody there has an account
    plans = account(session, "plans", "planner", street)
    by = account_principal(session, plans.id, None, "plans", datetime.now(UTC))
    drafts.create_draft(session, by, "=新草案")
    session.commit()
    planner = signed_in(client, plans)
    listed = sheet_rows(planner, "/revisions?format=xlsx&state=draft")
    assert "'=新草案" in [row[2] for row in listed]
    office = signed_in(client, account(session, "office", "street", street))
    drawn = sheet_rows(office, "/spot-checks?week=2026-W48&format=xlsx")
    assert [row[2] for row in drawn[1:]] == [str(town.ids[0])]
    paper = f"paper=weekly&area={street}&period=2026-W48"
    assert office.get(f"/papers/file.xlsx?{paper}").status_code == 200
    auditor = signed_in(client, account(session, "audits", "auditor", street))
    written = sheet_rows(auditor, "/disclosures?format=xlsx&kind=export")
    assert written[1][3] == f"台账报表 weekly-{street}-2026-W48.xlsx"
    written = sheet_rows(auditor, "/disclosures?format=xlsx&kind=export&lang=en")
    assert written[2][3] == f"paper weekly-{street}-2026-W48.xlsx"
