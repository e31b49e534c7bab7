"""Tiles that the service keeps: of the newest data alone, and no more of them than it may."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis import db
from gis.ops.cluster import DatabaseUrls
from gis.settings import Settings
from layers.overview import data_version
from tests.support.deployment import new_database
from web.api.tiles import kept
from web.app import create_app

BUILDING_SQL = """
INSERT INTO building (code, name, geom) VALUES
  ('B1', '1号楼', ST_Multi(ST_MakeEnvelope(105.95, 26.23, 105.9505, 26.2305, 4490)))
"""
RENAMED_SQL = "UPDATE building SET name = '改名楼', version = version + 1"
TILE = "/tiles/buildings/16/52055/27816.mvt"


@pytest.fixture
def own(settings: Settings, addresses: DatabaseUrls) -> Iterator[tuple[FlaskClient, Session]]:
    """A client of an application with a database of its own, and a session of it."""
    with new_database(addresses) as urls, Session(db.engine(urls.app)) as session:
        session.execute(text(BUILDING_SQL))
        session.commit()
        yield create_app(settings, urls.app).test_client(), session


def drawn(client: FlaskClient, version: str, **headers: str) -> bytes:
    answer = client.get(f"{TILE}?v={version}", headers=headers)
    assert answer.status_code == 200
    return answer.data


def test_a_tile_is_kept_for_the_version_it_is_of(
    own: tuple[FlaskClient, Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, session = own
    monkeypatch.setattr(kept, "VERSION_S", 3600.0)  # however slow the machine is
    version = data_version(session)
    assert "1号楼".encode() in drawn(client, version)
    session.execute(text(RENAMED_SQL))
    session.commit()
    assert data_version(session) != version
    # who has the page of before gets the tile of before, until the version is read again
    assert "1号楼".encode() in drawn(client, version)
    # whoever names another version gets what there is now, and it is kept for nobody
    assert "改名楼".encode() in drawn(client, data_version(session))
    assert "改名楼".encode() in drawn(client, "of-mine")
    monkeypatch.setattr(kept, "VERSION_S", 0.0)
    tiles = client.application.extensions["tiles"]
    tiles.read_again_at = 0.0
    assert "改名楼".encode() in drawn(client, version)
    assert tiles.version == data_version(session) and not tiles.tiles


def test_what_is_kept_is_sent_as_each_accepts_it(own: tuple[FlaskClient, Session]) -> None:
    client, session = own
    version = data_version(session)
    for _ in range(2):
        plain = client.get(f"{TILE}?v={version}")
        assert "Content-Encoding" not in plain.headers and plain.headers["Vary"]
        again = client.get(f"{TILE}?v={version}", headers={"If-None-Match": plain.headers["ETag"]})
        assert again.status_code == 304 and not again.data


def test_no_more_is_kept_than_may_be(
    own: tuple[FlaskClient, Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, session = own
    size = len(drawn(client, ""))
    monkeypatch.setattr(kept, "KEPT_BYTES", 2 * size)
    version, tiles = data_version(session), client.application.extensions["tiles"]
    for day in (1, 2, 3):
        answer = client.get(f"{TILE}?v={version}&at=2026-11-0{day}")
        assert answer.status_code == 200
    assert len(tiles.tiles) == 2 and tiles.kept_bytes == 2 * size
    assert not any("2026-11-01" in address for address, _ in tiles.tiles)


def test_empty_tiles_are_kept_only_so_many(
    own: tuple[FlaskClient, Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, session = own
    monkeypatch.setattr(kept, "MAX_KEPT_TILES", 3)
    version, tiles = data_version(session), client.application.extensions["tiles"]
    for x in (*range(8), "0007", "007"):  # the last three are one tile
        answer = client.get(f"/tiles/buildings/16/{x}/7.mvt?v={version}")
        assert answer.status_code == 204
    assert [address.strip() for address, _ in tiles.tiles] == [
        f"buildings/16/{x}/7" for x in (5, 6, 7)
    ]
