"""Parts that external units and colleagues do, each with a clock of its own."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from gis.accounts import api_keys
from gis.errors import Conflict, Forbidden, InvalidInput, NotFound
from gis.incidents.lifecycle import joint
from gis.incidents.organisations import OrganisationInput, save_organisation
from gis.incidents.reading.organisations import list_organisations
from gis.incidents.reading.parts import PartView, list_parts
from gis.rights.principal import system_principal
from tests.support.incident_town import NOW, POINT, IncidentTown


@pytest.fixture
def scene(session: Session) -> IncidentTown:
    """The usual place, with a water company."""
    town = IncidentTown(session)
    water = OrganisationInput("water", "自来水公司", "water", phone="96000", limit_min=450)
    save_organisation(session, system_principal("test"), water, NOW)
    return town


def hand_out(scene: IncidentTown, incident: Any, kind: str = "external", **to: Any) -> int:
    """Hand a part out as the desk does."""
    to = to or {"organisation": "water"}
    part = joint.PartInput(kind, **to)
    return joint.hand_out(scene.session, scene.who("赵社工"), incident.id, part, NOW)


def parts(scene: IncidentTown, incident: Any) -> list[PartView]:
    """Return its parts, as they stand after a week."""
    later = NOW + timedelta(days=7)
    return list_parts(scene.session, system_principal("test"), incident.id, later)


def finish(scene: IncidentTown, incident: Any, part: int, by: str) -> None:
    """Say that a part is done."""
    joint.finish_part(scene.session, scene.who(by), incident.id, part, "修好了", NOW)


def test_a_unit_has_a_clock_of_its_own(scene: IncidentTown) -> None:
    incident = scene.report()
    due = scene.seen(incident.id).due
    part = hand_out(scene, incident)
    (row,) = parts(scene, incident)
    assert (row.organisation_name, row.late) == ("自来水公司", True)
    assert row.due == NOW + timedelta(days=1)  # a working day
    assert scene.seen(incident.id).due == due and scene.seen(incident.id).state == "dispatched"
    with pytest.raises(Conflict):
        hand_out(scene, incident)
    finish(scene, incident, part, "赵社工")
    (row,) = parts(scene, incident)
    assert (row.late, row.result, row.finished_at) == (False, "修好了", NOW)
    assert scene.moves(incident.id)[-2:] == ["hand_out", "finish_part"]
    with pytest.raises(Conflict):
        finish(scene, incident, part, "赵社工")


def test_it_is_handled_only_when_all_have_signed(scene: IncidentTown) -> None:
    incident = scene.report()
    scene.do(incident.id, "take", "王网格")
    leader = scene.town.person("李网格长")
    sign = hand_out(scene, incident, "sign", person=leader.code)
    hand_out(scene, incident, "assist", organisation="water")
    with pytest.raises(Conflict, match="1 still"):
        scene.do(incident.id, "handle", "王网格", note="好了")
    with pytest.raises(Forbidden):  # nobody signs for another
        finish(scene, incident, sign, "赵社工")
    finish(scene, incident, sign, "李网格长")
    assert scene.do(incident.id, "handle", "王网格", note="好了").state == "handled"


def test_the_desk_says_so_of_a_signer_who_has_no_post_there_any_more(scene: IncidentTown) -> None:
    incident = scene.report()
    leader = scene.town.person("李网格长")
    sign = hand_out(scene, incident, "sign", person=leader.code)
    beside = {"lon": POINT["lon"] + 0.001, "lat": POINT["lat"], "crs": "cgcs2000"}
    scene.do(incident.id, "relocate", **beside)
    scene.do(incident.id, "take", "邻网格员")
    with pytest.raises(Conflict):
        scene.do(incident.id, "handle", "邻网格员", note="好了")
    finish(scene, incident, sign, "赵社工")
    assert scene.do(incident.id, "handle", "邻网格员", note="好了").state == "handled"


@pytest.mark.parametrize(
    ("kind", "to"),
    [
        ("external", {"person": "x"}),
        ("assist", {"organisation": "water", "person": "x"}),
        ("assist", {"organisation": "nothing"}),
        ("assist", {"person": "nobody"}),
        ("other", {"organisation": "water"}),
        ("external", {"organisation": "water", "minutes": -1}),
    ],
)
def test_what_is_wrong_is_refused(scene: IncidentTown, kind: str, to: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        hand_out(scene, scene.report(), kind, **to)


def test_who_may_not_dispatch_hands_nothing_out(scene: IncidentTown) -> None:
    incident = scene.report()
    for name, error in (("王网格", Forbidden), ("邻网格员", NotFound)):
        with pytest.raises(error):
            part = joint.PartInput("external", organisation="water")
            joint.hand_out(scene.session, scene.who(name), incident.id, part, NOW)
    scene.do(incident.id, "take", "王网格")
    scene.do(incident.id, "handle", "王网格", note="好了")
    with pytest.raises(Conflict):
        hand_out(scene, incident)


def test_a_unit_that_is_gone_is_not_offered(scene: IncidentTown) -> None:
    us, water = system_principal("test"), OrganisationInput("water", "水", "供水", active=False)
    save_organisation(scene.session, us, water, NOW)
    assert list_organisations(scene.session, us, NOW) == []
    with pytest.raises(InvalidInput):
        hand_out(scene, scene.report())


def test_a_program_hands_out_and_finishes(scene: IncidentTown, client: FlaskClient) -> None:
    incident = scene.report()
    actions = ["incident.read", "incident.dispatch"]
    secret = api_keys.add(scene.session, "desk", actions, [scene.grid.code], NOW)
    headers = {"Authorization": f"Bearer {secret}"}
    path = f"/api/v1/incidents/{incident.id}/parts"
    body = {"kind": "external", "organisation": "water", "note": "停水"}
    units = client.get("/api/v1/organisations", headers=headers).get_json()["items"]
    assert [unit["code"] for unit in units] == ["water"]
    created = client.post(path, json=body, headers=headers)
    assert created.status_code == 201, created.text
    (part,) = created.get_json()["items"]
    done = client.post(f"{path}/{part['id']}/finish", json={"result": "来水了"}, headers=headers)
    assert done.get_json()["items"][0]["result"] == "来水了"
    assert client.get(path, headers=headers).get_json() == done.get_json()
