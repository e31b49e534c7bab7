"""The page, the tiles and the search over HTTP: no outside address, only inert names,
kept answers.
"""

import json
import re
from html.parser import HTMLParser
from urllib.parse import urljoin

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from sqlalchemy.exc import OperationalError
from werkzeug.http import HTTP_STATUS_CODES

from gis.accounts import accounts
from gis.errors import CODE_PATTERN
from gis.ops.metadata import Dataset
from gis.palette import PAGE_COLOURS
from gis.rights.actions import ACCESS_ROLES as ACCESS
from gis.settings import ROOT
from layers import icons
from tests.support import build, sign_in
from tests.support.build import LAT, LON, SIDE
from tests.support.map_things import EVIL, facility, tile_of
from web.http.errors import DETAIL, PROBLEM_BY_ERROR
from web.http.observability import UNLOGGED
from web.pages.shell.assets import asset_url, list_assets
from web.pages.shell.script_messages import messages_json, script_msgids
from web.security.anonymous_budget import COST_BY_ENDPOINT
from web.security.guard import ALLOWED_BEFORE_PASSWORD_CHANGE, SIGN_IN
from web.security.sanitising import ITEMWISE_ENDPOINTS

HAN = re.compile(r"[\u4e00-\u9fff]")
LEAFLET = (icons.VENDOR_PATH / "leaflet" / "leaflet.js").read_text(encoding="utf-8")


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
    assert [
        address
        for address in Loads(page.text).addresses
        if address and re.match(r"(?:[a-z]+:)?//", address)
    ] == []


def test_the_page_runs_only_our_scripts_and_has_no_inline_handler(client, town):
    page = client.get("/")
    policy = page.headers["Content-Security-Policy"]
    nonce = re.search(r"script-src 'self' 'nonce-([^']+)'", policy)[1]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    loads = Loads(page.text)
    assert loads.handlers == []
    inline = [
        attrs
        for tag, attrs in loads.tags
        if tag == "script" and "src" not in attrs and attrs.get("type") != "application/json"
    ]
    assert [attrs.get("nonce") for attrs in inline] == [nonce, nonce]  # of every page; of the map
    assert client.get("/").headers["Content-Security-Policy"] != policy  # a nonce is used once


def test_everything_the_page_loads_is_there(client, town):
    for address in Loads(client.get("/").text).addresses:
        if address.startswith("/static/"):
            assert client.get(address).status_code == 200, address


def test_script_in_a_name_is_only_text_on_every_page(client, session, town):
    for area in (town.county, town.community):
        area.name = EVIL
    session.add(
        Dataset(kind="town", source="s", digest="d", attribution=EVIL, made_up=True, counts={})
    )
    session.commit()
    for path in ("/", "/map.html", "/?lang=en"):
        page = client.get(path)
        assert page.status_code == 200
        loads = Loads(page.text)
        assert not [tag for tag, attrs in loads.tags if tag == "img" and attrs.get("src") == "x"]
        assert not [tag for tag, name in loads.handlers if name == "onerror"]
        scripts = re.findall(
            r"<script(?![^>]*json)[^>]*>(.*?)</script>", page.text.replace(LEAFLET, ""), re.S
        )
        assert scripts and not [
            script
            for script in scripts
            if "${alert" in script or script.strip().startswith("alert")
        ]


def test_made_up_data_is_said_on_the_page_and_credits_are_printed(client, session, town):
    assert 'class="band" role="note"' not in client.get("/").text
    session.add(
        Dataset(
            kind="town", source="s", digest="d", attribution="© somebody", made_up=True, counts={}
        )
    )
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
    with app.test_request_context():
        chinese = json.loads(messages_json("zh"))
    assert len(chinese) > 300 and "Nobody holds a post here" in chinese
    arrows = {
        "%(from)s → %(to)s",
        "As of %(time)s",
        "to %(role)s",
    }  # nothing to translate but what is filled in
    assert (
        sorted(
            text
            for text, output in chinese.items()
            if text not in arrows and not HAN.search(output)
        )
        == []
    )
    for text, output in chinese.items():  # what the scripts fill in is in both
        assert set(re.findall(r"%\(\w+\)s", text)) == set(re.findall(r"%\(\w+\)s", output)), text


def test_the_scripts_say_nothing_but_whole_texts(app):
    for path in list_assets():
        if path.suffix == ".js" and path.name != "i18n.js":
            computed = re.findall(
                r"(?<![\w.$])t\((?!\s*['\"])[^)]*", path.read_text(encoding="utf-8")
            )
            assert computed == [], path


def test_the_texts_of_the_scripts_are_kept_by_their_digest(client, town):
    data = json.loads(re.search(r'id="page">(.*?)</script>', client.get("/").text, re.S)[1])
    answer = client.get(data["messages"])
    assert HAN.search(answer.json["Nobody holds a post here"])
    assert "immutable" in answer.headers["Cache-Control"]
    plain = client.get("/static/messages/zh.json")
    assert plain.headers["Cache-Control"] == "no-cache"
    assert (
        client.get(
            "/static/messages/zh.json", headers={"If-None-Match": plain.headers["ETag"]}
        ).status_code
        == 304
    )
    assert client.get("/static/messages/xx.json").status_code == 404
    english = json.loads(
        re.search(r'id="page">(.*?)</script>', client.get("/?lang=en").text, re.S)[1]
    )
    assert english["messages"] is None


def test_every_page_finds_its_scripts_and_styles(client, session, town):
    actor = sign_in.account(session, "everybody")
    for role in ACCESS:
        if role != "resident":
            accounts.grant(session, sign_in.ADMIN, actor, role, town.county.code)
    session.commit()
    sign_in.signed_in(client, actor)
    seen = set()
    for path in sorted(
        {rule.rule for rule in client.application.url_map.iter_rules() if not rule.arguments}
    ):
        page = (
            client.get(path, headers={"Accept": "text/html"})
            if not path.startswith("/api/")
            else None
        )
        if page is not None and page.status_code == 200 and page.mimetype == "text/html":
            seen |= {
                address
                for address in Loads(page.text).addresses
                if address and address.startswith("/static/")
            }
    scripts = {address.split("?")[0] for address in seen if ".js" in address}
    while scripts:
        script = scripts.pop()
        for imported in re.findall(
            r"""(?:from |import\()'([./\w-]+\.js)'""", client.get(script).text
        ):
            address = urljoin(script, imported)
            if address not in seen:
                seen.add(address)
                scripts.add(address)
    with client.application.test_request_context():
        assert {
            asset_url(f"shared/{name}.js")
            for name in ("dom", "i18n", "image", "incident", "request")
        } <= seen
    assert (
        len(seen) > 30
        and [address for address in seen if client.get(address).status_code != 200] == []
    )


def test_every_word_of_the_pages_is_in_the_chinese_catalogue():
    keywords = {"_": None, "gettext": None, "lazy_gettext": None}
    extracted = extract_from_dir(
        ROOT / "web", [("pages/**.py", "python"), ("**.html", "jinja2")], keywords=keywords
    )
    expected = {message for _, _, message, _, _ in extracted} | set(script_msgids())
    expected |= {cls.title for cls in PROBLEM_BY_ERROR} | {
        HTTP_STATUS_CODES[code] for code in DETAIL
    }
    with (ROOT / "gis/messages/locales/zh_Hans_CN/LC_MESSAGES/messages.po").open("rb") as file:
        catalogue = read_po(file, locale="zh_Hans_CN", abort_invalid=True)
    chinese = {
        phrase: entry.string if isinstance(entry.id, str) else " ".join(entry.string)
        for entry in catalogue
        for phrase in ([entry.id] if isinstance(entry.id, str) else entry.id)
        if phrase and not CODE_PATTERN.fullmatch(phrase)
    }
    assert len(expected) > 300
    assert sorted(expected - {phrase for phrase, output in chinese.items() if output}) == []
    filled = re.compile(r"\{\w+\}|%\(\w+\)[sd]")  # what is filled in is in both
    assert [
        phrase
        for phrase, output in chinese.items()
        if set(filled.findall(phrase)) != set(filled.findall(output))
    ] == []


def test_the_page_data_cannot_end_its_script(client, session, town):
    town.community.name = EVIL
    session.commit()
    text = client.get("/").text
    data = re.search(r'<script type="application/json" id="page">(.*?)</script>', text, re.S)[1]
    assert json.loads(data)["language"] == "zh"


@pytest.mark.parametrize(
    "address", ["/api/v1/layers/grids?bbox=105,26,106,27", "/tiles/city/15/26027/13888.mvt"]
)
def test_answers_are_kept_by_version_or_checked_by_etag(client, town, address):
    z, x, y = tile_of(LON + SIDE / 2, LAT + SIDE / 2, 15)
    address = address.replace("15/26027/13888", f"{z}/{x}/{y}")
    response = client.get(address)
    assert response.status_code == 200 and "no-cache" in response.headers["Cache-Control"]
    again = client.get(address, headers={"If-None-Match": response.headers["ETag"]})
    assert again.status_code == 304 and again.data == b""
    join = "&" if "?" in address else "?"
    assert "immutable" in client.get(f"{address}{join}v=abc").headers["Cache-Control"]
    town.grid("002", 0.5)
    assert (
        client.get(address, headers={"If-None-Match": response.headers["ETag"]}).status_code == 200
    )


def test_an_empty_tile_is_204(client, town):
    answer = client.get("/tiles/city/15/0/0.mvt")
    assert answer.status_code == 204 and answer.data == b""


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/tiles/nothing/1/0/0.mvt", 404, "there is no layer"),
        ("/tiles/grids/3/9/0.mvt", 422, "there is no tile"),
        ("/tiles/service/nothing/15/1/0/0.mvt", 404, "there is no category"),
        ("/tiles/service/clinic/7/1/0/0.mvt", 404, "limit of 7 minutes"),
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
    loads = Loads(answer.text)
    assert loads.handlers == []
    assert ("body", {"class": "page error"}) in loads.tags
    assert ("nav", {"class": "tools", "aria-label": "账号"}) in loads.tags
    assert "<h1>没有找到</h1>" in answer.text and '<html lang="zh-Hans-CN">' in answer.text
    assert (
        "<h1>Not Found</h1>" in client.get("/nowhere?lang=en", headers={"Accept": "text/html"}).text
    )


def test_without_a_database_the_page_of_an_error_stands_alone(client, monkeypatch):
    def fail(*_):
        raise OperationalError("SELECT 1", {}, Exception("the server is gone"))

    monkeypatch.setattr("web.pages.shell.page.has_made_up_data", fail)
    answer = client.get("/nowhere", headers={"Accept": "text/html"})
    assert answer.status_code == 404 and "<h1>没有找到</h1>" in answer.text
    assert ("body", {"class": "plain"}) in Loads(answer.text).tags


def test_what_is_not_allowed_gets_a_page_for_people(client, session, town):
    sign_in.signed_in(client, sign_in.account(session, "nobody"))
    answer = client.get("/accounts", headers={"Accept": "text/html"})
    assert answer.status_code == 403 and answer.mimetype == "text/html"
    assert ("body", {"class": "page error"}) in Loads(answer.text).tags
    assert "<h1>没有权限</h1>" in answer.text and "返回地图" in answer.text


def test_every_view_named_by_a_string_exists(app):
    named = (
        set(COST_BY_ENDPOINT)
        | SIGN_IN
        | ALLOWED_BEFORE_PASSWORD_CHANGE
        | ITEMWISE_ENDPOINTS
        | UNLOGGED
    )
    for file in [*(ROOT / "web").rglob("*.html"), *(ROOT / "web").rglob("*.py")]:
        named |= set(
            re.findall(r"url_for\(\s*['\"]([\w.]+)['\"]", file.read_text(encoding="utf-8"))
        )
    assert len(named) > 40 and sorted(named - set(app.view_functions)) == []


def test_the_palette_is_the_only_home_of_colours():
    files = [
        file
        for top in ("gis", "layers", "web")
        for kind in ("css", "js", "html", "py")
        for file in (ROOT / top).rglob(f"*.{kind}")
    ]
    private = [
        file for file in files if "vendor" not in file.parts and file != ROOT / "gis" / "palette.py"
    ]
    colour = re.compile(r"#(?:[0-9a-fA-F]{6}|[0-9a-fA-F]{3})\b")
    assert len(private) > 300
    assert [
        (str(file), result)
        for file in private
        if (result := colour.findall(file.read_text(encoding="utf-8")))
    ] == []


def test_every_variable_of_the_stylesheets_is_a_colour_or_a_size(client):
    styles = [path.read_text(encoding="utf-8") for path in list_assets() if path.suffix == ".css"]
    tokens = client.get("/static/tokens.css")
    assert tokens.mimetype == "text/css"
    defined = {name for text in [tokens.text, *styles] for name in re.findall(r"--([\w-]+):", text)}
    used = {name for text in styles for name in re.findall(r"var\(--([\w-]+)", text)}
    scripts = [path.read_text(encoding="utf-8") for path in list_assets() if path.suffix == ".js"]
    used |= {name for text in scripts for name in re.findall(r"\bcolour\('([\w-]+)'\)", text)}
    assert len(used) > 60 and used - defined == set()
    assert set(PAGE_COLOURS) - used == set()
