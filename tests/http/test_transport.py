"""How answers travel: packed for whoever accepts it, kept for good where the address says so."""

import gzip
import re

import brotli
import pytest

from gis.accounts import accounts
from tests.support import build, sign_in
from tests.support.build import LAT, LON, SIDE
from tests.support.map_things import tile_of
from web.http import compression
from web.pages.shell.assets import asset_url

UNPACKED = {"br": brotli.decompress, "gzip": gzip.decompress}


@pytest.fixture
def town(session):
    town = build.Town(session)
    for column in range(12):
        town.grid(f"{column:03}", column)
    session.commit()
    return town


@pytest.mark.parametrize("encoding", ["br", "gzip"])
def test_text_and_tiles_come_packed_and_are_the_same_unpacked(client, town, encoding, monkeypatch):
    monkeypatch.setattr(compression, "MIN_BYTES", 100)  # the tile is one of a small town
    z, x, y = tile_of(LON + SIDE, LAT + SIDE / 2, 15)
    for path in ("/openapi.json", f"/tiles/city/{z}/{x}/{y}.mvt", "/static/shared/base.css"):
        plain = client.get(path)
        packed = client.get(path, headers={"Accept-Encoding": f"zstd, {encoding};q=0.9"})
        assert packed.headers["Content-Encoding"] == encoding
        assert "Accept-Encoding" in packed.headers["Vary"]
        assert int(packed.headers["Content-Length"]) == len(packed.data) < len(plain.data)
        assert UNPACKED[encoding](packed.data) == plain.data
        again = client.get(path, headers={"If-None-Match": packed.headers.get("ETag", "-")})
        assert "ETag" not in packed.headers or again.status_code == 304


@pytest.mark.parametrize("encoding", ["br", "gzip", "identity"])
def test_head_has_the_headers_of_get(client, town, encoding):
    for path in ("/openapi.json", "/static/shared/base.css", "/ogc/collections/grids/items"):
        headers = {"Accept-Encoding": encoding}
        head, get = client.head(path, headers=headers), client.get(path, headers=headers)
        for name in ("Content-Length", "Content-Encoding", "Content-Type", "ETag", "Vary"):
            assert head.headers.get(name) == get.headers.get(name), (path, name)
        assert head.data == b""


def test_what_gains_nothing_or_is_not_accepted_comes_as_it_is(client, town):
    for path, accepted in (
        ("/openapi.json", "br;q=0, gzip;q=0"),
        ("/openapi.json", "zstd"),
        ("/api/v1/search?q=xyz", "br"),
        ("/tiles/city/15/0/0.mvt", "br"),
    ):
        assert (
            "Content-Encoding"
            not in client.get(path, headers={"Accept-Encoding": accepted}).headers
        )


def test_a_page_with_a_token_against_forged_forms_is_not_packed(client, session, town):
    packed = {"Accept-Encoding": "br", "Accept": "text/html"}
    assert client.get("/", headers=packed).headers["Content-Encoding"] == "br"
    assert "Content-Encoding" not in client.get("/sign-in", headers=packed).headers
    account = sign_in.account(session, "packed")
    accounts.grant(session, sign_in.ADMIN, account, "dispatcher", town.community.code)
    session.commit()
    sign_in.signed_in(client, account)
    page = client.get("/", headers=packed)
    assert b"csrf_token" in page.data and "Content-Encoding" not in page.headers


def test_every_file_of_a_page_is_kept_for_good_under_an_address_that_changes_with_it(client, town):
    files = set(re.findall(r'"(/static/[^"]+\.(?:js|css)(?:\?[^"]*)?)"', client.get("/").text))
    assert len(files) > 5
    for file in files:
        assert "immutable" in client.get(file).headers["Cache-Control"], file


def test_a_file_under_an_older_address_is_checked_each_time(client, app):
    with app.test_request_context():
        address = asset_url("map/map.js")
    older = re.sub(r"/v/\w+/", "/v/0000000000/", address)
    assert "immutable" in client.get(address).headers["Cache-Control"]
    assert "no-cache" in client.get(older).headers["Cache-Control"]
    for path in ("pages/../base.py", "pages/map/../views.py", "nothing/x.js", "pages"):
        assert client.get(address.partition("pages/")[0] + path).status_code == 404


def test_the_browser_hears_of_every_module_at_once(client, town):
    page = client.get("/").text
    told = set(re.findall(r'<link rel="modulepreload" href="([^"]+)">', page))
    assert {address.rpartition("/")[2] for address in told} >= {
        *("panel.js", "emphasis.js", "controls.js", "search.js", "dom.js", "fill.js"),
    }
    assert [address for address in told if client.get(address).status_code != 200] == []
