"""Grids as a GeoPackage over HTTP: who may have which, of when, and that the file comes back as it
went.
"""

from datetime import UTC, datetime, timedelta
from io import BytesIO

import pyogrio
import pytest
from itsdangerous import URLSafeTimedSerializer

from gis.boundaries import drafts, publish
from gis.boundaries.store import publish_shapes
from gis.rights.principal import system_principal
from tests.support import build
from tests.support.sign_in import account, signed_in

COMMUNITY = "520402007012"
ADDRESS = "/api/v1/export/grids.gpkg"


@pytest.fixture
def town(session):
    """Two grids side by side, published a month ago; a grid of another county far off."""
    town = build.Town(session)
    grids = [town.grid(f"{i + 1:03d}", column=i) for i in range(2)]
    distant = build.Town(session, "520499001001")
    distant.grid("001", column=50)
    shapes = {
        grid.code: build.square(build.LON + i * build.SIDE, build.LAT)
        for i, grid in enumerate(grids)
    }
    month_ago = datetime.now(UTC) - timedelta(days=30)
    publish_shapes(session, shapes, title="base", author="test", effective=month_ago)
    session.commit()
    return town


def read(response, tmp_path):
    """The table in an answer."""
    assert response.status_code == 200, response.text
    path = tmp_path / "came.gpkg"
    path.write_bytes(response.data)
    return pyogrio.read_dataframe(path, layer="grids")


@pytest.mark.parametrize(
    ("role", "within"), [("planner", "520402"), ("dispatcher", COMMUNITY), ("street", "520402007")]
)
def test_who_may_export_or_draft_gets_the_grids_of_the_area(
    session, client, town, tmp_path, role, within
):
    signed_in(client, account(session, "wang", role, within))
    came = client.get(f"{ADDRESS}?within={within}")
    assert list(read(came, tmp_path).code) == [COMMUNITY + "001", COMMUNITY + "002"]
    assert pyogrio.read_info(tmp_path / "came.gpkg")["crs"] == "EPSG:4490"
    assert came.mimetype == "application/geopackage+sqlite3"
    assert came.headers["Content-Disposition"] == f'attachment; filename="grids-{within}.gpkg"'
    assert came.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("role", "location", "within", "status"),
    [
        ("", "", COMMUNITY, 403),  # a resident
        ("grid_worker", COMMUNITY, COMMUNITY, 403),
        ("dispatcher", COMMUNITY, "520402007", 403),  # more than what is theirs
        ("planner", "520402", "520499", 403),  # another county
        ("planner", "520402", "520499001001001", 403),
        ("planner", "520402", "520402999", 404),  # there is nothing
        ("planner", "520402", "5204", 403),
        ("planner", "520402", "", 403),
        ("planner", "520402", "520402%25", 422),
    ],
)
def test_others_and_other_areas_are_refused(session, client, town, role, location, within, status):
    signed_in(client, account(session, "wang", role, location))
    came = client.get(f"{ADDRESS}?within={within}")
    assert came.status_code == status, came.text
    assert came.mimetype == "application/problem+json"


def test_nobody_is_asked_to_sign_in(client, town):
    assert client.get(f"{ADDRESS}?within={COMMUNITY}").status_code == 401


def test_a_moment_or_what_is_planned(session, client, town, tmp_path):
    signed_in(client, account(session, "wang", "planner", "520402"))
    by, middle = system_principal("test"), build.LON + 0.5 * build.SIDE
    number = drafts.create_draft(session, by, "一分为二").id
    line = {
        "type": "LineString",
        "coordinates": [[middle, build.LAT - 1e-4], [middle, build.LAT + build.SIDE + 1e-4]],
    }
    drafts.add_operation(
        session, by, number, {"op": "split", "code": COMMUNITY + "001", "line": line}
    )
    soon = datetime.now(UTC) + timedelta(days=7)
    publish.publish(session, by, number, "新楼", soon)
    session.commit()

    planned = client.get(f"{ADDRESS}?within={COMMUNITY}")
    assert len(read(planned, tmp_path)) == 3  # what a draft is based on, also before it is in force
    today = datetime.now(UTC)
    came = client.get(f"{ADDRESS}?within={COMMUNITY}&at={today:%Y-%m-%dT%H:%M:%SZ}")
    assert len(read(came, tmp_path)) == 2
    assert f"-{today:%Y}" in came.headers["Content-Disposition"]
    assert client.get(f"{ADDRESS}?within={COMMUNITY}&at=1999-01-01").status_code == 404
    assert client.get(f"{ADDRESS}?within={COMMUNITY}&at=soon").status_code == 422

    # and back as it went: no draft
    with client.session_transaction() as cookie:
        cookie["csrf_token"] = "0" * 40
    token = URLSafeTimedSerializer(client.application.secret_key, salt="wtf-csrf-token").dumps(
        "0" * 40
    )
    back = client.post(
        "/api/v1/revisions/from-file?title=same",
        headers={"X-CSRFToken": token},
        data={"file": (BytesIO(planned.data), "grids.gpkg")},
    )
    assert back.status_code == 200, back.text
    assert back.json["revision"] is None
