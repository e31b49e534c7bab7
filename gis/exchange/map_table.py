"""A map file as a table: its attributes under the columns of a load, and its shapes."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shapely.geometry.base import BaseGeometry

from gis.files.cells import CellError, Guess, clean_text
from gis.files.column import Column
from gis.files.header import Meanings
from gis.files.report import LoadReport, RejectedRow
from gis.files.tables import Row, Table
from gis.files.vector import read_vector
from gis.messages import Message


@dataclass(frozen=True)
class MapTable(Table):
    """The features of a map file as rows, numbered from 1.

    shapes: Shape of each by its number; degrees, EPSG:4490.
    """

    shapes: dict[int, BaseGeometry | None] = field(default_factory=dict)

    def refuse(self, row: int, key: str, reason: Message | str, /, **params: object) -> RejectedRow:
        """Return the rejection of an attribute, or of the shape where the key is `geometry`."""
        message = reason if isinstance(reason, Message) else Message(reason, params)
        name = "" if key == "geometry" else self.columns.get(key, key)
        return RejectedRow(Message("load.feature", {"number": str(row)}), name, message)


def read_map_table(
    path: Path,
    columns: Sequence[Column],
    report: LoadReport,
    crs: str | None = None,
    layer: str | None = None,
    ignored: Collection[str] = (),
) -> MapTable:
    """Read a map file whose attributes are named like the columns of a table.

    Parameters
    ----------
    columns
        What the file may hold; other attributes are left out.
    report
        Where attributes that cannot be read, and shapes, are refused.
    ignored
        Keys of columns that the shape stands for.

    Raises
    ------
    InvalidInput, TooLarge
        As `read_vector`.
    """
    file = read_vector(path, crs, layer)
    report.messages += file.notes
    report.crs = file.crs
    report.counts["rows"] = len(file.shapes)
    meanings = Meanings([column for column in columns if column.key not in ignored])
    named: dict[str, str] = {}
    for header in file.columns:
        if key := meanings.key(header):
            named.setdefault(key, header)
    shapes = dict(enumerate(file.shapes.tolist(), 1))
    table = MapTable(named, iter(()), shapes)
    for number, fault in file.faults.items():
        report.refused.append(table.refuse(number + 1, "geometry", fault))
    parsers = {column.key: column.parse for column in columns}

    def rows() -> Iterator[Row]:
        for number in shapes:
            values: dict[str, Any] = {}
            for key, header in named.items():
                cell = file.columns[header][number - 1]
                if cell is None or not clean_text(cell):
                    continue
                try:
                    value = parsers[key](cell)
                except CellError as error:
                    report.refused.append(table.refuse(number, key, error.message))
                    continue
                if isinstance(value, Guess):
                    report.note_row(value.code, number, value.detail)
                    value = value.value
                values[key] = value
            yield Row(number, values)

    return MapTable(named, rows(), shapes)
