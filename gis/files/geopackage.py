"""Check of a GeoPackage for views, triggers and virtual tables, which SQLite runs on opening.

The file is read without write access before GDAL opens it, in the child process of
`gis.files.vector`.
"""

import re
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from gis.errors import InvalidInput

QUOTED_REGEX = r"""(?:"(?:[^"]|"")*"|'(?:[^']|'')*'|`[^`]*`|\[[^\]]*\])"""
NAME = rf"(?:{QUOTED_REGEX}|\w+)"
RTREE = r"""["'`\[]?rtree_(?:[^"'`\]]|""|'')*["'`\]]?"""
CREATE = re.compile(
    r"\s*create\s+(?:unique\s+)?(virtual\s+table|table|index|view|trigger|\w+)", re.I
)
SPATIAL_INDEX = re.compile(
    rf"\s*create\s+virtual\s+table\s+(?:if\s+not\s+exists\s+)?{RTREE}\s+using\s+rtree\s*\(", re.I
)
# triggers that GDAL, QGIS and the standard itself write: they keep the spatial index and the number
# of features, or refuse a wrong value (OGC 12-128r19, annexes D and F.3)
STANDARD_TRIGGER = re.compile(r"(?:rtree|gpkg|trigger_(?:insert|delete)_feature_count)_", re.I)
STANDARD_STATEMENT = re.compile(
    rf"(?:(?:insert(?:\s+or\s+replace)?\s+into|delete\s+from|update)\s+{RTREE}\s|update\s+[\"'`]?gpkg_ogr_contents\b"
    r"|select\s+raise\s*\()",
    re.I,
)
TRIGGER_BODY = re.compile(r"\bbegin\b(.*)\bend\b", re.I | re.S)
STATEMENT = re.compile(rf"(?:{QUOTED_REGEX}|[^;])+")


def check_schema(file: Path) -> None:
    """Raise InvalidInput for a GeoPackage with more than tables, indexes and standard triggers.

    Raises
    ------
    InvalidInput
        There is a view, another trigger, a virtual table that is not a spatial index, or no
        database.
    """
    with _opened(file) as database:
        entries = database.execute(
            "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"
        ).fetchall()
    for name, sql in entries:
        kind = " ".join(match[1].lower().split()) if (match := CREATE.match(str(sql))) else "thing"
        if kind in ("table", "index"):
            continue
        if kind == "trigger" and _is_standard_trigger(str(name), str(sql)):
            continue
        if kind == "virtual table" and SPATIAL_INDEX.match(str(sql)):
            continue
        raise InvalidInput(
            "map_file.not_only_tables", file=file.name, kind=kind, name=str(name)[:60]
        )


def _is_standard_trigger(name: str, sql: str) -> bool:
    body = TRIGGER_BODY.search(sql)
    if body is None or not STANDARD_TRIGGER.match(name):
        return False
    statements = (statement.strip() for statement in STATEMENT.findall(body[1]))
    return all(STANDARD_STATEMENT.match(statement) for statement in statements if statement)


def check_one_system(file: Path, layer: str | None, column: str) -> None:
    """Refuse a GeoPackage layer whose shapes say different systems.

    Source: OGC 12-128, geometry BLOB.

    Raises
    ------
    InvalidInput
        They do, or the file is damaged.
    """
    table, shape = ('"' + name.replace('"', '""') + '"' for name in (layer or "", column))
    question = f"SELECT DISTINCT substr({shape}, 4, 5) FROM {table} WHERE {shape} IS NOT NULL"  # noqa: S608
    with _opened(file) as database:
        heads = database.execute(question).fetchall()
    systems = {
        struct.unpack("<i" if head[0] & 1 else ">i", head[1:5])[0]
        for (head,) in heads
        if len(head) == 5
    }
    if len(systems) > 1:
        names = [f"EPSG:{srid}" for srid in sorted(systems)]
        raise InvalidInput("map_file.several_systems", layer=layer, systems=names)


@contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    """Open the database read-only, without trust in its functions and tables.

    Raises
    ------
    InvalidInput
        The file is damaged.
    """
    address = f"{file.absolute().as_uri()}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(address, uri=True)) as database:
            database.execute("PRAGMA trusted_schema = OFF")
            yield database
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise InvalidInput("map_file.damaged", file=file.name) from error
