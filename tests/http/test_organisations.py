"""`/organisations`, `/takers` and `/kinds`: what their forms show, keep and send again."""

import html
import io
import re
from dataclasses import replace
from datetime import datetime

import pytest
from flask.testing import FlaskClient
from openpyxl import load_workbook
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from gis.errors import InvalidFields
from gis.incidents import kind_edits
from gis.incidents.models import OrderTaker
from gis.incidents.organisations import OrganisationInput, save_organisation
from gis.incidents.reading.organisations import list_members, list_organisations
from gis.incidents.takers import TakerInput, save_taker
from gis.ops.metadata import Area
from gis.rights.principal import system_principal
from tests.support import build
from tests.support.incident_town import NOW
from tests.support.load_town import SHANGHAI
from tests.support.sign_in import account, send, signed_in

US = system_principal("test")
LATE = datetime(2026, 3, 1, 0, 30, tzinfo=SHANGHAI)  # the day before in UTC


@pytest.fixture
def town(session: Session) -> build.Town:
    """A town where 甲 leads a team and takes orders; the kind and the skill of both are retired."""
    town = build.Town(session)
    skill = kind_edits.add_kind(
        session, US, kind_edits.KindInput("skill", "errands", "理发", key="hair")
    )
    kind = kind_edits.add_kind(
        session, US, kind_edits.KindInput("organisation", "volunteer_team", "红袖标队", key="red")
    )
    community, head = town.community.code, town.person("甲").code
    team = OrganisationInput("v", "队", "red", area=community, skills=["hair"], limit_min=240)
    save_organisation(session, US, replace(team, head=head, head_name="甲"), NOW)
    taker = TakerInput(head, community, ["hair"], "甲", consent=LATE, consent_by="乙")
    save_taker(session, US, taker, NOW)
    for row in (skill, kind):
        kind_edits.change_kind(session, US, row.id, active=False)
    session.commit()
    return town


@pytest.fixture
def admin(session: Session, client: FlaskClient, town: build.Town) -> FlaskClient:
    """An administrator of the county, who dispatches nothing."""
    return signed_in(client, account(session, "chief", "administrator", town.county.code))


def values(page: str) -> dict[str, str | list[str]]:
    """Return what the form at the side of a page would send."""
    form = page.split('id="side"')[1].split("<form")[1].split("</form>")[0]
    fields: dict[str, str | list[str]] = {}
    for tag in re.findall("<input[^>]*>", form):
        name, value = (re.search(f' {key}="([^"]*)"', tag) for key in ("name", "value"))
        if name and value and 'type="checkbox"' not in tag:
            fields[name[1]] = html.unescape(value[1])
    fields |= dict(re.findall(r'<select id="(\w+)".*?<option value="(\w+)" selected', form))
    ticked = re.findall(r'name="(\w+)" value="(\w+)" checked', form)
    fields["skill"] = [value for name, value in ticked if name == "skill"]
    return fields | {name: value for name, value in ticked if name != "skill"}


def team(session: Session) -> tuple[object, ...]:
    """Return name, kind, skills, minutes and head of the team as they are stored."""
    (row,) = list_organisations(session, US, NOW)
    return row.name, row.kind, row.skills, row.limit_min, row.head_name


def test_a_form_sent_again_keeps_what_is_stored(
    session: Session, admin: FlaskClient, town: build.Town
) -> None:
    page = admin.get("/organisations?code=v").text
    assert 'href="/organisations"' in admin.get("/accounts").text  # in the menu, too
    answer = admin.post("/organisations", data=values(page) | {"name": "二队"})
    assert (answer.status_code, admin.get(answer.location).status_code) == (303, 200)
    assert team(session) == ("二队", "red", ["hair"], 240, "甲")
    page = admin.get("/organisations?new=1").text
    assert "理发" not in page and 'value="red"' not in page
    member = {"person": town.person("甲").code, "name": "甲", "takes_orders": "1"}
    for role in ("队长", ""):
        send(admin, "/organisations/v/members", **member, role=role)
    assert list_members(session, US, NOW)[0].role == "队长"


@pytest.mark.parametrize(
    ("name", "phone", "head"), [("乙", "13800000002", "乙"), ("", "", None), ("乙", "", "甲")]
)
def test_another_head_replaces_the_stored_one(
    session: Session, admin: FlaskClient, name: str, phone: str, head: str | None
) -> None:
    fields = values(admin.get("/organisations?code=v").text)
    answer = admin.post("/organisations", data=fields | {"head_name": name, "head_phone": phone})
    assert answer.status_code == (422 if name and not phone else 303)
    assert team(session)[-1] == head


def test_a_refused_form_comes_back_as_it_was_sent(admin: FlaskClient, town: build.Town) -> None:
    for address, page in (("/organisations", "code=v"), ("/takers", f"person={first(admin)}")):
        sent = values(admin.get(f"{address}?{page}").text)
        sent |= {"area": "nowhere", "inactive": "1", "skill": ["hair", "care"]}
        sent |= {"consent": "2026-02-02"} if address == "/takers" else {}
        answer = admin.post(address, data=sent)
        assert answer.status_code == 422
        back = values(answer.text)
        assert {*back["skill"]} == {"hair", "care"}
        names = ("csrf_token", "skill")
        assert {key: back[key] for key in back if key not in names} == {
            key: sent[key] for key in sent if key not in names
        }


def first(admin: FlaskClient) -> str:
    """Return the staff number of the first taker."""
    match = re.search(r"/takers\?person=([^#\"]+)#side", admin.get("/takers").text)
    assert match
    return html.unescape(match[1])


def test_the_day_of_consent_is_that_of_the_deployment(session: Session, admin: FlaskClient) -> None:
    session.execute(text("SET LOCAL timezone TO 'UTC'"))
    page = f"/takers?person={first(admin)}"
    for day, moment in (("2026-03-01", LATE), ("2026-03-02", LATE.replace(day=2, minute=0))):
        fields = values(admin.get(page).text)
        assert fields["consent"] == "2026-03-01"
        assert admin.post("/takers", data=fields | {"consent": day}).status_code == 303
        session.expire_all()
        assert session.scalars(select(OrderTaker.consent_at)).one() == moment
    assert "2026-03-02" in admin.get("/takers").text


def test_kinds_are_offered_to_counties(session: Session, admin: FlaskClient) -> None:
    session.add(Area(code="5204029", name="开发区", level="county", county="5204029"))
    session.commit()
    page = admin.get("/kinds?new=1").text
    assert 'value="5204029"' in page and 'value="520402"' in page


def test_members_are_shown_with_their_organisation_only(
    session: Session, client: FlaskClient, town: build.Town
) -> None:
    """A planner may see names, but neither dispatches nor hands posts over."""
    planner = signed_in(client, account(session, "plans", "planner", town.county.code))
    assert planner.get("/organisations").status_code == 403
    members = planner.get("/api/v1/organisations/v/members")
    assert members.json == {"items": []}
    sheet = load_workbook(io.BytesIO(planner.get("/organisations/members.xlsx").data))
    assert sheet.worksheets[0].max_row == 1
    assert [row.name for row in list_members(session, US, NOW, "v")] == ["甲"]


@pytest.mark.parametrize("code", ["..", "a/b", ".", "v\u2028w"])
def test_a_code_that_no_file_could_bring_back_is_refused(
    session: Session, town: build.Town, code: str
) -> None:
    stated = OrganisationInput(code, "队", "volunteer_team", area=town.community.code)
    with pytest.raises(InvalidFields, match="code"):
        save_organisation(session, US, stated, NOW)


def test_who_hands_posts_over_lists_organisations_on_the_page_and_by_the_api(
    admin: FlaskClient,
) -> None:
    assert admin.get("/organisations").status_code == 200
    listed = admin.get("/api/v1/organisations").json
    assert listed is not None and [row["code"] for row in listed["items"]] == ["v"]
