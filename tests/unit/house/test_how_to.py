"""Every page of docs/how-to is true: one of each is added in a copy of the code, touching only the
files of the page.

An entry of a table is added by copying the one of another key, label and message with it, so that
the proof stays the same when tables gain a field.
"""

import ast
import fnmatch
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gis.settings import ROOT

HOW_TO = ROOT / "docs" / "how-to"
MAX_FILES = 3
COPIED = ("gis", "layers", "web")
LOCALES = "gis/messages/locales"
EN, ZH = f"{LOCALES}/en/LC_MESSAGES/messages.po", f"{LOCALES}/zh_Hans_CN/LC_MESSAGES/messages.po"


def touched_files(page: Path) -> list[str]:
    """Return the files that a page says to touch, in order; `<…>` stands for any name."""
    section = page.read_text(encoding="utf-8").split("## Touch")[1].split("\n## ")[0]
    return re.findall(r"^\d\. `([^`]+)`", section, re.MULTILINE)


class Scratch:
    """A copy of the code in which a page of docs/how-to is followed.

    changed: The files that were changed so far.
    """

    def __init__(self, root: Path, page: str) -> None:
        self.root = root
        page_text = (HOW_TO / f"{page}.md").read_text(encoding="utf-8")
        self.allowed = [
            re.sub(r"<[^>]+>", "*", name) for name in touched_files(HOW_TO / f"{page}.md")
        ]
        if f"{LOCALES}/<locale>" in page_text:
            self.allowed.append(f"{LOCALES}/*/LC_MESSAGES/messages.po")
        self.changed: set[str] = set()
        for folder in COPIED:
            # with what Python has compiled, so that only what changes is compiled anew
            shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("vendor"))

    def read(self, name: str) -> str:
        """Return the text of a file."""
        return (self.root / name).read_text(encoding="utf-8")

    def write(self, name: str, text: str) -> None:
        """Write a file that the page names."""
        assert any(fnmatch.fnmatch(name, pattern) for pattern in self.allowed), (
            f"{name} is not on the page"
        )
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text, encoding="utf-8")
        self.changed.add(name)

    def edit(self, name: str, pattern: str, replacement: str) -> None:
        """Replace the one place of a file that a pattern matches."""
        text, count = re.subn(pattern, replacement, self.read(name), count=1, flags=re.MULTILINE)
        assert count == 1, f"{name} has no {pattern}"
        self.write(name, text)

    def copy_entry(self, name: str, key: str, new: str) -> None:
        """Add to the tables of a module, behind each entry with a key, the same entry with another
        key.
        """
        source = self.read(name)
        entries = [
            node
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.Dict | ast.Tuple | ast.List)
        ]
        additions: dict[int, str] = {}
        for node in entries:
            for item, value in (
                zip(node.keys, node.values, strict=True) if isinstance(node, ast.Dict) else ()
            ):
                if item is not None and is_key(item, key):
                    additions[offset(source, value)] = segment(source, item, value)
            for element in node.elts if not isinstance(node, ast.Dict) else ():
                if isinstance(element, ast.Call) and element.args and is_key(element.args[0], key):
                    additions[offset(source, element)] = segment(source, element, element)
        assert additions, f"{name} has no table with {key!r}"
        for end, text in sorted(additions.items(), reverse=True):
            renamed = re.sub(rf"\b{key}\b", new, text, count=1)
            renamed = re.sub(rf"\b{key.upper()}\b", new.upper(), renamed, count=1)
            source = f"{source[:end]}, {renamed}{source[end:]}"
        self.write(name, source)

    def copy_label(self, key: str, new: str) -> None:
        """Give a key the labels of another one in every language, if it has any."""
        for name in (EN, ZH):
            text = self.read(name)
            for code in re.findall(rf'msgid "(\w+\.{key})"', text):
                text += f'\nmsgid "{code.replace(key, new)}"\nmsgstr "{new}"\n'
            if text != self.read(name):
                self.write(name, text)

    def run(self, code: str) -> None:
        """Run code in the copy, with its catalogue compiled; what it asserts must hold."""
        compile_all = ["-m", "babel.messages.frontend", "-q", "compile", "-f", "-d", LOCALES]
        commands = [compile_all] if any(name.startswith(LOCALES) for name in self.changed) else []
        environment = {**os.environ, "PYTHONPATH": str(self.root), "PYTHONDONTWRITEBYTECODE": "1"}
        for words in (*commands, ["-c", code]):
            done = subprocess.run(
                [sys.executable, *words],
                cwd=self.root,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr


def is_key(node: ast.expr, key: str) -> bool:
    """Return whether an expression is the key of an entry: "returned", or State.RETURNED."""
    return is_constant(node, key) or (isinstance(node, ast.Attribute) and node.attr == key.upper())


def is_constant(node: ast.expr, key: str) -> bool:
    """Return whether an expression is a text."""
    return isinstance(node, ast.Constant) and node.value == key


def offset(source: str, node: ast.expr) -> int:
    """Return where a node ends, in characters."""
    lines = source.splitlines(keepends=True)
    assert node.end_lineno is not None and node.end_col_offset is not None
    in_line = len(lines[node.end_lineno - 1].encode()[: node.end_col_offset].decode())
    return sum(map(len, lines[: node.end_lineno - 1])) + in_line


def segment(source: str, start: ast.expr, end: ast.expr) -> str:
    """Return the source from a node to another."""
    source_segment = ast.get_source_segment(source, start)
    assert source_segment is not None
    return source[offset(source, start) - len(source_segment) : offset(source, end)]


@pytest.fixture
def follow(tmp_path: Path) -> Callable[[str], Scratch]:
    """Return a maker of copies, for the page that is followed."""
    return lambda page: Scratch(tmp_path, page)


@pytest.mark.parametrize("page", sorted(HOW_TO.glob("add-*.md")), ids=lambda page: page.stem)
def test_a_page_names_at_most_three_files_that_are_there(page: Path) -> None:
    files = touched_files(page)
    assert 0 < len(files) <= MAX_FILES
    assert [name for name in files if "<" not in name and not (ROOT / name).exists()] == []
    assert f"({page.name})" in (HOW_TO / "README.md").read_text(encoding="utf-8")


def test_a_facility_category(follow: Callable[[str], Scratch]) -> None:
    scratch = follow("add-a-facility-category")
    scratch.copy_entry("gis/facilities/categories.py", "toilet", "library_box")
    scratch.copy_label("toilet", "library_box")
    scratch.run("""
from gis.exchange.columns import COLUMNS_BY_KIND
from gis.facilities.categories import CATEGORIES, CATEGORY_BY_KEY
from layers.facilities import FACILITIES
from layers.icons import ICON_BY_CATEGORY
from web import vendor
assert "library_box" in CATEGORY_BY_KEY
assert "library_box" in FACILITIES.styles
assert ICON_BY_CATEGORY["library_box"] == ICON_BY_CATEGORY["toilet"]
category = next(column for column in COLUMNS_BY_KIND["facilities"] if column.key == "category")
assert len(category.choices) == len(CATEGORIES)
""")


def test_a_role(follow: Callable[[str], Scratch]) -> None:
    scratch = follow("add-a-role")
    scratch.copy_entry("gis/rights/roles.py", "grid_leader", "grid_gardener")
    scratch.copy_label("grid_leader", "grid_gardener")
    scratch.run("""
from gis.exchange.columns import COLUMNS_BY_KIND
from gis.rights.roles import ROLE_BY_KEY, ROLES
assert ROLE_BY_KEY["grid_gardener"].rank == ROLE_BY_KEY["grid_leader"].rank
assert len(next(c for c in COLUMNS_BY_KIND["people"] if c.key == "role").choices) == len(ROLES)
role = ROLE_BY_KEY["grid_gardener"]
if hasattr(role, "access_role"):
    from gis.rights.roles import ACCESS_ROLE_BY_POST, FIRST_CONTACT_ROLES
    assert ACCESS_ROLE_BY_POST["grid_gardener"] == "grid_leader"
    assert "grid_gardener" in FIRST_CONTACT_ROLES
    assert role.en == "grid_gardener"
""")


def test_a_language(follow: Callable[[str], Scratch]) -> None:
    scratch = follow("add-a-language")
    english = scratch.read(EN).replace('"Language: en\\n"', '"Language: fr\\n"')
    scratch.write(
        f"{LOCALES}/fr/LC_MESSAGES/messages.po",
        english.replace('msgstr "note"', 'msgstr "remarque"', 1),
    )
    scratch.edit("gis/messages/__init__.py", r"^(LOCALES = \{)", r'\1"fr": "fr", ')
    scratch.edit("gis/messages/__init__.py", r"^(LIST_SEPARATORS = \{)", r'\1"fr": ", ", ')
    scratch.run("""
from flask import Flask
from gis.errors import FieldError
from gis.messages import label
from web.http import i18n
assert label("field_label.note", "fr") == "remarque"
app = Flask("x")
i18n.init_app(app)
with app.test_request_context("/?lang=fr"):
    assert i18n.chosen() == "fr"
""")


def test_a_map_layer(follow: Callable[[str], Scratch]) -> None:
    scratch = follow("add-a-map-layer")
    scratch.write(
        "layers/benches.py",
        '"""Benches."""\n\nfrom dataclasses import replace\n\nfrom layers.facilities import'
        " FACILITIES\n\n"
        'BENCHES = replace(FACILITIES, name="benches")\n',
    )
    scratch.edit(
        "layers/registry.py",
        r"^(from layers\.facilities )",
        r"from layers.benches import BENCHES\n\1",
    )
    scratch.edit(
        "layers/registry.py", r"^(        FACILITIES,\n)(    \)|\))", r"\1        BENCHES,\n\2"
    )
    scratch.run("""
from layers.registry import LAYERS, TILE_SETS
assert LAYERS["benches"].as_json()["name"] == "benches"
assert [layer.name for layer in TILE_SETS["benches"]] == ["benches"]
""")


def test_a_walking_profile(follow: Callable[[str], Scratch]) -> None:
    scratch = follow("add-a-walking-profile")
    table = scratch.read("gis/network/profiles.csv")
    scratch.write(
        "gis/network/profiles.csv", f"{table}toddler,speed_m_s,0.4,m/s,measured,holds a hand\n"
    )
    scratch.copy_label("adult", "toddler")
    scratch.run("""
from gis.messages import label
from gis.network.profiles import get_profile
assert get_profile("toddler").speed_m_s == 0.4 and get_profile("toddler").steps
assert label("profile.toddler") == "toddler"
""")


def test_a_household_column(follow: Callable[[str], Scratch]) -> None:
    scratch = follow("add-a-household-column")
    scratch.copy_entry("gis/exchange/columns.py", "unit_name", "remark")
    scratch.edit("gis/exchange/columns.py", r'(Column\(\s*"remark",\s*)"十联户名称"', r'\1"备注"')
    scratch.edit(
        "gis/exchange/columns.py",
        r'(Column\(\s*"remark",\s*"备注",\s*[\w".]+,\s*)\([^)]*\)',
        r"\1()",
    )
    scratch.run("""
from pathlib import Path
import openpyxl
from gis.exchange.templates import write_template
write_template("households", Path("households.xlsx"))
sheet = openpyxl.load_workbook("households.xlsx").worksheets[0]
assert "备注" in [cell.value for cell in sheet[1]]
""")


def test_an_incident_state(follow: Callable[[str], Scratch]) -> None:
    scratch = follow("add-an-incident-state")
    scratch.edit(
        "gis/incidents/states.py", r'^(    RETURNED = "returned")$', r'\1\n    PARKED = "parked"'
    )
    scratch.copy_entry("gis/incidents/states.py", "returned", "parked")
    scratch.copy_label("returned", "parked")
    scratch.run("""
from gis.incidents.states import OPEN_STATES, STATES, TRANSITION_ROWS, State
assert State("parked") in OPEN_STATES
assert State.PARKED in STATES
assert ("note", "parked", "", "parked", "") in TRANSITION_ROWS
""")


def test_a_page(follow: Callable[[str], Scratch]) -> None:
    scratch = follow("add-a-page")
    scratch.write(
        "web/pages/benches/views.py",
        '"""`/benches`."""\n\nfrom flask import Blueprint,'
        " Response\n\nfrom web.pages.shell.page import render_page\n\n"
        'bp = Blueprint("benches_page",'
        ' __name__)\n\n\n@bp.get("/benches")\ndef benches() -> Response:\n'
        '    """Return the page."""\n    return render_page("benches/benches.html")\n',
    )
    scratch.write(
        "web/pages/benches/benches.html",
        '{% extends "shell/shell.html" %}\n{% block content %}Benches{% endblock %}\n',
    )
    scratch.edit(
        "web/app.py", r'^(    "web\.pages\.map\.views",)', r'\1\n    "web.pages.benches.views",'
    )
    scratch.run("""
from pathlib import Path
from gis.settings import Settings
from web.app import create_app
app = create_app(Settings(var=Path("var")), "postgresql://nobody@127.0.0.1:1/none")
assert "/benches" in {rule.rule for rule in app.url_map.iter_rules()}
assert "benches/benches.html" in app.jinja_env.list_templates()
""")


def test_an_api_operation(follow: Callable[[str], Scratch]) -> None:
    scratch = follow("add-an-api-operation")
    scratch.write(
        "gis/facilities/benches.py",
        '"""Benches."""\n\n\ndef count_benches() -> int:\n    """Return 3."""\n    return 3\n',
    )
    views = scratch.read("web/api/search/views.py")
    scratch.write(
        "web/api/search/views.py",
        views
        + '\n\n@bp.get("/benches")\n@bp.doc(summary="Count benches")\ndef benches() -> dict[str,'
        " int]:\n"
        '    """Count the benches."""\n    from gis.facilities.benches import count_benches\n\n'
        '    return {"benches": count_benches()}\n',
    )
    scratch.run("""
from pathlib import Path
from gis.settings import Settings
from web.app import create_app
app = create_app(Settings(var=Path("var")), "postgresql://nobody@127.0.0.1:1/none")
with app.app_context():
    assert app.spec["paths"]["/api/v1/benches"]["get"]["summary"] == "Count benches"
""")


def test_an_error(follow: Callable[[str], Scratch]) -> None:
    scratch = follow("add-an-error")
    scratch.edit(
        "gis/facilities/queries.py",
        r"\Z",
        '\n\ndef refuse(name: str) -> None:\n    """Raise Conflict."""\n'
        '    from gis.errors import Conflict\n\n    raise Conflict("bench.name_taken",'
        " name=name)\n",
    )
    entry = '\n#, python-format\nmsgid "bench.name_taken"\nmsgstr "{}"\n'
    scratch.write(EN, scratch.read(EN) + entry.format("There is a bench %(name)s already."))
    scratch.write(ZH, scratch.read(ZH) + entry.format("已有长椅 %(name)s。"))
    scratch.run("""
from gis.errors import WanggeError
from gis.facilities.queries import refuse
try:
    refuse("A")
except WanggeError as error:
    assert error.detail_in("en") == "There is a bench A already."
    assert error.detail_in("zh") == "已有长椅 A。"
else:
    raise AssertionError
""")
    assert len(scratch.changed) == MAX_FILES
