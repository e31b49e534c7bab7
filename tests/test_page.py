"""The page, the tiles and the search over HTTP: no outside address, only inert names, kept answers."""

import json
import re
from html.parser import HTMLParser

import pytest

from gis.models import Dataset
from layers import saved_map
from tests import build
from tests.build import LAT, LON, SIDE
from tests.test_layers import EVIL, facility, tile_of
from web.pages.words import words

HAN = re.compile(r"[\u4e00-\u9fff]")
LEAFLET = (saved_map.VENDOR / "leaflet" / "leaflet.js").read_text(encoding="utf-8")


class Loads(HTMLParser):
    """What a page loads, its inline handlers and styles, and its scripts."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.handlers, self.tags = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        for name, value in attrs:
            if name in ("src", "href", "action", "data", "poster"):
                self.addresses.append(value)
            if name.startswith("on") or name == "style":
                self.handlers.append((tag, name))


@pytest.fixture
def town(session):
    town = build.Town(session)
    grid = town.grid("001")
    town.boundary(town.community, build.square(LON, LAT))
    town.post("grid_leader", grid, "欧阳明")
    facility(session, "n1", "clinic", LON + SIDE / 2, LAT + SIDE / 2, "社区卫生站")
    session.commit()
    return town


@pytest.mark.parametrize("path", ["/", "/?lang=en", "/?area=520402007012001", "/map.html", "/docs"])
def test_no_page_loads_anything_from_another_host(client, town, path):
    page = client.get(path)
    assert page.status_code == 200
    assert [one for one in Loads(page.text).addresses if one and re.match(r"(?:[a-z]+:)?//", one)] == []


def test_the_page_runs_only_our_scripts_and_has_no_inline_handler(client, town):
    page = client.get("/")
    policy = page.headers["Content-Security-Policy"]
    nonce = re.search(r"script-src 'self' 'nonce-([^']+)'", policy)[1]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    found = Loads(page.text)
    assert found.handlers == []
    inline = [
        attrs
        for tag, attrs in found.tags
        if tag == "script" and "src" not in attrs and attrs.get("type") != "application/json"
    ]
    assert [attrs.get("nonce") for attrs in inline] == [nonce]
    assert client.get("/").headers["Content-Security-Policy"] != policy  # a nonce is used once


def test_everything_the_page_loads_is_there(client, town):
    for address in Loads(client.get("/").text).addresses:
        if address.startswith("/static/"):
            assert client.get(address).status_code == 200, address


def test_script_in_a_name_is_only_text_on_every_page(client, session, town):
    for area in (town.county, town.community):
        area.name = EVIL
    session.add(Dataset(kind="town", source="s", digest="d", attribution=EVIL, made_up=True, counts={}))
    session.commit()
    for path in ("/", "/map.html", "/?lang=en"):
        page = client.get(path)
        assert page.status_code == 200
        found = Loads(page.text)
        assert not [tag for tag, attrs in found.tags if tag == "img" and attrs.get("src") == "x"]
        assert not [tag for tag, name in found.handlers if name == "onerror"]
        scripts = re.findall(r"<script(?![^>]*json)[^>]*>(.*?)</script>", page.text.replace(LEAFLET, ""), re.S)
        assert scripts and not [one for one in scripts if "${alert" in one or one.strip().startswith("alert")]


def test_made_up_data_is_said_on_the_page_and_credits_are_printed(client, session, town):
    assert 'class="band" role="note"' not in client.get("/").text
    session.add(Dataset(kind="town", source="s", digest="d", attribution="© somebody", made_up=True, counts={}))
    session.commit()
    for path in ("/", "/map.html"):
        page = client.get(path).text
        assert "示例数据" in page and "© somebody" in page


def test_an_empty_deployment_says_what_to_do_next(client):
    page = client.get("/")
    assert page.status_code == 200
    assert "./wangge demo" in page.text and "尚未导入数据" in page.text
    assert client.get("/map.html").status_code == 404


def test_chinese_by_default_english_when_asked_and_remembered(client, town):
    assert '<html lang="zh-Hans-CN">' in client.get("/").text
    english = client.get("/?lang=en")
    assert '<html lang="en">' in english.text and "Who answers" in english.text
    assert '<html lang="en">' in client.get("/").text  # the cookie
    assert '<html lang="zh-Hans-CN">' in client.get("/?lang=zh").text
    assert client.get("/?lang=xx").status_code == 200


def test_every_word_of_the_scripts_is_translated(app):
    from flask_babel import force_locale

    with app.test_request_context():
        with force_locale("en"):
            english = words()
        with force_locale("zh_Hans_CN"):
            chinese = words()
    assert [
        key for key in english if english[key] == chinese[key] or (key != "as_of" and not HAN.search(chinese[key]))
    ] == []
    for key in english:  # what the scripts fill in is in both
        assert set(re.findall(r"\{\w+\}", english[key])) == set(re.findall(r"\{\w+\}", chinese[key])), key


def test_the_scripts_use_only_words_that_are_there(app):
    from web.pages.map import OWN

    used = {key for file in OWN.glob("*.js") for key in re.findall(r"\bt\('(\w+)'", file.read_text(encoding="utf-8"))}
    with app.test_request_context():
        assert used <= set(words())


def test_the_page_data_cannot_end_its_script(client, session, town):
    town.community.name = EVIL
    session.commit()
    text = client.get("/").text
    data = re.search(r'<script type="application/json" id="page">(.*?)</script>', text, re.S)[1]
    assert json.loads(data)["language"] == "zh"


@pytest.mark.parametrize("address", ["/api/v1/layers/grids?bbox=105,26,106,27", "/tiles/city/15/26027/13888.mvt"])
def test_answers_are_kept_by_version_or_checked_by_etag(client, town, address):
    z, x, y = tile_of(LON + SIDE / 2, LAT + SIDE / 2, 15)
    address = address.replace("15/26027/13888", f"{z}/{x}/{y}")
    first = client.get(address)
    assert first.status_code == 200 and "no-cache" in first.headers["Cache-Control"]
    again = client.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304 and again.data == b""
    join = "&" if "?" in address else "?"
    assert "immutable" in client.get(f"{address}{join}v=abc").headers["Cache-Control"]
    town.grid("002", 0.5)
    assert client.get(address, headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_an_empty_tile_is_204(client, town):
    answer = client.get("/tiles/city/15/0/0.mvt")
    assert answer.status_code == 204 and answer.data == b""


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/tiles/nothing/1/0/0.mvt", 404, "there is no layer"),
        ("/tiles/grids/3/9/0.mvt", 422, "there is no tile"),
        ("/tiles/grids/99/0/0.mvt", 422, "there is no tile"),
        ("/api/v1/layers/grids", 422, "bbox"),
        ("/api/v1/layers/grids?bbox=1,2,3", 422, "bbox"),
        ("/api/v1/layers/grids?bbox=nan,0,1,1", 422, "bbox"),
        ("/api/v1/layers/grids?bbox=106,26,105,27", 422, "bbox"),
        ("/api/v1/layers/grids?bbox=105,26,106,27&limit=0", 422, "limit"),
        ("/api/v1/layers/nothing?bbox=105,26,106,27", 404, "there is no layer"),
        ("/api/v1/layers/grids?code=nobody", 404, "nobody"),
        ("/api/v1/layers/roads?code=1", 422, "code"),
        ("/api/v1/search?q=", 422, "q"),
        ("/api/v1/search", 422, "q"),
        ("/map.html?zoom=close", 422, "zoom"),
    ],
)
def test_bad_questions_get_a_problem_that_names_the_field(client, town, path, status, says):
    answer = client.get(path, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert says in answer.get_data(as_text=True)


def test_search_answers_with_what_and_where(client, town):
    item = client.get("/api/v1/search?q=欧阳明").json["items"][0]
    assert (item["kind"], item["kind_zh"], item["code"]) == ("person", "网格长", "520402007012001")
    assert LON < item["lon"] < LON + SIDE and len(item["bbox"]) == 4


def test_unknown_addresses_get_a_page_for_people(client):
    answer = client.get("/nowhere", headers={"Accept": "text/html"})
    assert answer.status_code == 404 and answer.mimetype == "text/html" and "404" in answer.text
    assert Loads(answer.text).handlers == []
