"""An estate of two buildings in two named grids, and registers of it as offices write them."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from shapely import box
from sqlalchemy import select
from sqlalchemy.orm import Session

from gis.areas.models import Area
from gis.exchange.registers import load as loading
from gis.exchange.registers.load import KIND_LOADS, Options, RegisterLoad, load_register
from gis.files.tables import Row, Table
from gis.places.models import Building
from gis.settings import ROOT, SHANGHAI
from tests.support import load_town
from tests.support.load_town import shape

CASES = ROOT.parent / "shared" / "cases" / "registers"
NOW = datetime(2026, 11, 27, tzinfo=UTC)

town = load_town.town  # the fixture

Sheet = Sequence[Sequence[object]]


@pytest.fixture
def estate(town: Session) -> Session:
    """The town with 学苑第6网格 and 第7网格; in the first 虹山花园 1号楼 to 3号楼 and a house."""
    grids = town.scalars(select(Area).where(Area.level == "grid").order_by(Area.code))
    for number, grid in enumerate(grids, 6):
        grid.name = f"学苑第{number}网格"
    for number in (1, 2, 3):
        west = 105.9500 + 0.0002 * number
        land = shape(box(west, 26.2306, round(west + 0.0001, 7), 26.2308))
        town.add(
            Building(
                code=f"h{number}",
                county="520402",
                estate="虹山花园",
                name=f"{number}号楼",
                floors=7,
                geom=land,
            )
        )
    lane = shape(box(105.9502, 26.2308, 105.9503, 26.2309))
    town.add(Building(code="lane", county="520402", name="3号", address="石板巷3号", geom=lane))
    town.flush()
    return town


@dataclass
class Loaded(RegisterLoad):
    """A load with its rows as the loader of the kind got them."""

    loaded: list[Row] = field(default_factory=list)


def load(session: Session, path: Path, **options: Any) -> Loaded:
    """Load a register with the usual options."""
    rows: list[Row] = []

    def keeping(convert: Callable[..., Table]) -> Callable[..., Table]:
        def run(*given: Any) -> Table:
            table = convert(*given)
            rows[:] = table.rows
            return Table(table.columns, iter(rows))

        return run

    kinds = {key: replace(kind, convert=keeping(kind.convert)) for key, kind in KIND_LOADS.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "KIND_LOADS", kinds)
        result = load_register(session, path, path.name, Options(NOW, SHANGHAI, **options))
    return Loaded(**vars(result), loaded=rows)


def write(path: Path, sheets: Sheet | dict[str, Sheet], merged: Sequence[str] = ()) -> Path:
    """Write rows, or sheets of rows, to a .csv or .xlsx."""
    tables = sheets if isinstance(sheets, dict) else {"Sheet1": sheets}
    if path.suffix == ".csv":
        text = StringIO()
        csv.writer(text).writerows(next(iter(tables.values())))
        path.write_text(text.getvalue(), "gb18030")
        return path
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in tables.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
        for cells in merged:
            sheet.merge_cells(cells)
    book.save(path)
    return path


def homes(loaded: Loaded) -> dict[str, object]:
    """The homes of a load: people by door, with elders and children where they are known."""
    return {
        f"{row['building']}-{row['stairwell'] or ''}-{row['room'].room}": (
            row["people"]
            if row["elders"] is None
            else (row["people"], row["elders"], row["children"])
        )
        for row in loaded.loaded
    }


def posts(loaded: Loaded) -> list[str]:
    """The posts of a load: role, place, holder and telephone."""
    return sorted(
        " ".join(
            str(part)
            for part in (
                row["role"],
                (row["area"] or row["building"])[-3:],
                row["name"] or "-",
                row["phone"] or "-",
            )
        )
        for row in loaded.loaded
    )


def buildings(loaded: Loaded) -> list[tuple[object, ...]]:
    """The buildings of a load, with what is said of them."""
    keys = ("stairwells", "floors", "homes", "head", "head_phone", "sponsor")
    return [
        (f"{row['estate'] or ''}{row['name']}", *(row[key] for key in keys))
        for row in loaded.loaded
    ]
