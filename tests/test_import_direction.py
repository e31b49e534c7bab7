"""gis/ knows nothing of layers, web or HTTP; layers/ knows gis; web/ knows both."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from gis.settings import ROOT

# package -> what it may not import
FORBIDDEN = {
    "gis": {
        "layers",
        "web",
        "tests",
        "flask",
        "apiflask",
        "folium",
        "branca",
        "click",
        "granian",
        "werkzeug",
        "jinja2",
    },
    "layers": {"web", "tests", "flask", "apiflask", "click", "granian", "werkzeug"},
    "web": {"tests"},
}


def imports(file: Path, package: str) -> Iterator[tuple[int, str]]:
    """Line and first name of every import of a file, those inside functions and relative ones too."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.Import():
                yield from ((node.lineno, one.name.split(".")[0]) for one in node.names)
            case ast.ImportFrom(level=0, module=str(module)):
                yield node.lineno, module.split(".")[0]
            case ast.ImportFrom():
                yield node.lineno, package
            case ast.Call(
                func=ast.Attribute(attr="import_module") | ast.Name(id="__import__"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                yield node.lineno, name.split(".")[0]


def wrong_imports(root: Path) -> list[str]:
    """Every import against the direction, as file:line: name."""
    return [
        f"{file.relative_to(root)}:{line}: {name}"
        for package, forbidden in FORBIDDEN.items()
        for file in sorted((root / package).rglob("*.py"))
        for line, name in imports(file, package)
        if name in forbidden
    ]


def test_every_import_points_down() -> None:
    assert wrong_imports(ROOT) == []


def test_all_packages_are_walked() -> None:
    for package in FORBIDDEN:
        assert list((ROOT / package).rglob("*.py")), package


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("gis/areas/queries.py", "import flask"),
        ("gis/areas/queries.py", "from web.http.params import moment"),
        ("gis/areas/queries.py", "def f():\n    from layers.areas import GRIDS"),
        ("gis/areas/queries.py", "import numpy, click"),
        ("gis/areas/queries.py", "importlib.import_module('web.http.db')"),
        ("layers/areas.py", "from web import db"),
        ("layers/areas.py", "import apiflask.fields as f"),
        ("web/http/db.py", "from tests import build"),
    ],
)
def test_a_wrong_import_is_found(tmp_path: Path, file: str, line: str) -> None:
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(line)
    assert [found.split(":")[0] for found in wrong_imports(tmp_path)] == [file]


def test_right_imports_are_let_through(tmp_path: Path) -> None:
    (tmp_path / "layers").mkdir()
    (tmp_path / "layers" / "areas.py").write_text("import folium\nfrom gis.areas import models\nfrom . import tiles\n")
    assert wrong_imports(tmp_path) == []
