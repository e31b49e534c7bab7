"""The floors of the house: a package imports itself and what stands before it in the list, nothing
else.
"""

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from gis.settings import ROOT
from tests.support import syntax

# bottom first
FLOORS = [
    "gis.palette",
    "gis.messages",
    "gis.errors",
    "gis.settings",
    "gis.private",
    "gis.obfuscation",
    "gis.crs",
    "gis.years",
    "gis.storable",
    "gis.arrow_arrays",
    "gis.office_calendar",
    "gis.db",
    "gis.sql",
    "gis.spread",
    "gis.labels",
    "gis.bigrams",
    "gis.pinyin",
    "gis.basemap",
    "gis.files",
    "gis.rights",
    "gis.kinds",
    "gis.shapes",
    "gis.people",
    "gis.places",
    "gis.network",
    "gis.areas",
    "gis.facilities",
    "gis.accounts",
    "gis.notices",
    "gis.search",
    "gis.incidents",
    "gis.duties",
    "gis.discussions",
    "gis.credit",
    "gis.boundaries",
    "gis.frames",
    "gis.papers",
    "gis.exchange",
    "gis.demo",
    "gis.ops",
    "gis.jobs",
    "gis.migrations",
    "layers",
    "web.docstrings",
    "web.http",
    "web.security",
    "web.service",
    "web.api",
    "web.open311",
    "web.ogc",
    "web.pages",
    "web.cli",
    "web.app",
    "web.shards",
    "web.gateway",
    "web.wsgi",
    "web.vendor",
    "web.__main__",
]
INCIDENT_ROOMS = [
    "states",
    "workflow",
    "models",
    "working_time",
    "clock",
    "calendar_file",
    "policy",
    "danger",
    "catalogue",
    "routing",
    "reading",
    "photo_files",
    "photos",
    "lifecycle",
    "devices",
    "kind_edits",
    "organisations",
    "takers",
    "desk",
]
THIRD_PARTY = {
    "gis": {
        "flask",
        "apiflask",
        "folium",
        "branca",
        "click",
        "granian",
        "werkzeug",
        "jinja2",
        "flask_babel",
    },
    "layers": {"flask", "apiflask", "click", "granian", "werkzeug"},
}
# forms of Word are filled by a template engine, which is held to a sandbox
ALLOWED_THIRD_PARTY = {("gis.papers.template_document", "jinja2.sandbox")}
PACKAGES = ("gis", "layers", "web")
SQL_PATTERN = re.compile(r"(?<![\w.])(text|cached_text)\(|\.(execute|exec_driver_sql)\(")
SQL_IN_WEB = {"web/cli/dev.py"}  # the text of a migration


def modules(root: Path) -> dict[str, Path]:
    """Return the files of the packages by module, migrations apart: they are history."""
    files = (file for package in PACKAGES for file in sorted((root / package).rglob("*.py")))
    names = {
        ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): file
        for file in files
    }
    return {
        name: file for name, file in names.items() if not name.startswith("gis.migrations.versions")
    }


def imports(
    file: Path, names: dict[str, Path], module: str, *, at_once: bool = False
) -> Iterator[tuple[int, str]]:
    """Yield line and module of every import of a file, those inside functions and relative ones
    too; or only of those that are done when it is imported itself.
    """
    nodes = syntax.nodes(file.read_text(encoding="utf-8"))
    module_node = nodes[0]
    assert isinstance(module_node, ast.Module)
    for node in module_node.body if at_once else nodes:
        match node:
            case ast.Import():
                yield from ((node.lineno, alias.name) for alias in node.names)
            case ast.ImportFrom():
                package = module if file.name == "__init__.py" else module.rpartition(".")[0]
                parts = package.split(".")[: len(package.split(".")) - max(node.level - 1, 0)]
                base = ".".join(
                    filter(None, [".".join(parts) if node.level else "", node.module or ""])
                )
                for alias in node.names:
                    submodule = f"{base}.{alias.name}"
                    yield node.lineno, submodule if submodule in names else base
            case ast.Call(
                func=ast.Attribute(attr="import_module") | ast.Name(id="__import__"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                yield node.lineno, name


def floor(module: str) -> int:
    """Return the floor of a module.

    -1 for a package without one (`gis`, `web`, and their folders).
    """
    return max(
        (i for i, name in enumerate(FLOORS) if f"{module}.".startswith(f"{name}.")), default=-1
    )


def room(module: str) -> int:
    """Return the room of a module of `gis.incidents`; -1 for others."""
    parts = module.split(".")
    return (
        INCIDENT_ROOMS.index(parts[2])
        if parts[:2] == ["gis", "incidents"] and len(parts) > 2
        else -1
    )


def is_wrong(module: str, target: str) -> bool:
    """Return whether a module may not import another."""
    package, other = module.split(".")[0], target.split(".")[0]
    if other not in PACKAGES:
        forbidden = other == "tests" or other in THIRD_PARTY.get(package, ())
        return forbidden and (module, target) not in ALLOWED_THIRD_PARTY
    if floor(target) > floor(module):
        return True
    if target.endswith(".views") and module != "web.app" and module.startswith("web."):
        return True
    return room(target) > room(module) >= 0


def wrong_imports(root: Path) -> list[str]:
    """Return every import against the order, as file:line: module."""
    names = modules(root)
    return [
        f"{file.relative_to(root)}:{line}: {target}"
        for module, file in names.items()
        for line, target in imports(file, names, module)
        if is_wrong(module, target)
    ]


def sql_in_web(root: Path) -> list[str]:
    """Return every line of `web` that holds SQL, as file:line."""
    return [
        f"{file.relative_to(root)}:{number}"
        for file in sorted((root / "web").rglob("*.py"))
        if str(file.relative_to(root)) not in SQL_IN_WEB
        for number, line in enumerate(file.read_text(encoding="utf-8").split("\n"), 1)
        if SQL_PATTERN.search(line)
    ]


def test_every_import_points_down() -> None:
    assert wrong_imports(ROOT) == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Else whether a module can be imported depends on which came first."""
    names = modules(ROOT)
    graph = {
        name: names.keys() & {target for _, target in imports(file, names, name, at_once=True)}
        for name, file in names.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_web_asks_and_holds_no_sql() -> None:
    assert sql_in_web(ROOT) == []


def test_every_module_has_a_floor() -> None:
    assert [
        name
        for name, file in modules(ROOT).items()
        if floor(name) < 0 and file.name != "__init__.py"
    ] == []


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("gis/areas/queries.py", "import flask"),
        ("gis/areas/queries.py", "from web.http.params import moment"),
        ("gis/areas/queries.py", "def f():\n    from layers.areas import GRIDS"),
        ("gis/areas/queries.py", "import numpy, click"),
        ("gis/areas/queries.py", "importlib.import_module('web.http.db')"),
        ("gis/areas/queries.py", "from gis.boundaries import drafts"),
        ("gis/shapes/edits/move.py", "from ...areas import models"),
        ("gis/incidents/states.py", "from gis.incidents.lifecycle import moves"),
        ("layers/areas.py", "from web.http import db"),
        ("layers/areas.py", "import apiflask.fields as f"),
        ("web/http/db.py", "from tests import build"),
        ("web/pages/desk/views.py", "from web.pages.map.views import base_map"),
    ],
)
def test_a_wrong_import_is_named(tmp_path: Path, file: str, line: str) -> None:
    for name in (
        file,
        "gis/areas/models.py",
        "gis/boundaries/drafts.py",
        "gis/incidents/lifecycle/moves.py",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / file).write_text(line)
    assert [wrong.split(":")[0] for wrong in wrong_imports(tmp_path)] == [file]


def test_sql_in_a_view_is_named(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "views.py").write_text('rows = session().execute(text("SELECT 1"))\n')
    assert sql_in_web(tmp_path) == ["web/views.py:1"]


def test_right_imports_are_let_through(tmp_path: Path) -> None:
    (tmp_path / "layers").mkdir()
    (tmp_path / "layers" / "areas.py").write_text(
        "import folium\nfrom gis.areas import models\nfrom . import tiles\n"
    )
    assert wrong_imports(tmp_path) == []
