"""Read a file of areas, map or table, into entries with text by key and the shape as drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gis.areas import codes
from gis.areas.models import LEVELS, LEVELS_OVER_COUNTY, Level
from gis.boundaries.operation_fields import MAX_AREA_NAME_CHARS
from gis.errors import FieldError, InvalidInput
from gis.files import cells, tables, vector
from gis.files.cells import CellError, clean_text
from gis.files.column import CUT, Column
from gis.files.header import Meanings
from gis.files.report import LoadReport, RejectedRow, row_label
from gis.messages import Message
from gis.shapes.polygon_coverage import PolygonLike

# Names of levels and attributes in files; `gis.files.tables.plain_name` strips case and
# signs.
LEVEL_NAMES: dict[Level, tuple[str, ...]] = {
    Level.PROVINCE: ("省", "省份", "province"),
    Level.CITY: ("市", "地市", "市州", "city", "prefecture"),
    Level.COUNTY: ("区县", "县区", "县", "区", "county", "district"),
    Level.STREET: ("街道", "乡镇", "镇街", "街镇", "street", "town"),
    Level.COMMUNITY: ("社区", "村居", "村", "社区村", "community", "village"),
    Level.GRID: ("网格", "grid"),
    Level.UNIT: ("十联户", "联户", "联户单元", "unit"),
}
CODE_ENDS = ("编码", "代码", "编号", "code")
NAME_ENDS = ("名称", "名", "name")
ANY_CODE = (
    "编码",
    "代码",
    "编号",
    "区域编码",
    "区域代码",
    "区划代码",
    "行政区划代码",
    "adcode",
    "code12",
)
ANY_NAME = ("名称", "区域名称", "区划名称", "行政区划名称")
# further attributes of files written by Wangge
OWN_ATTRIBUTES = (
    "county",
    "revision",
    "since",
    "area_m2",
)
PARENT_HEADERS = ("上级", "上级代码", "所属上级", "parentcode", "parentcode12")
LEVEL_LABELS = {
    Level.PROVINCE: Message("load.level_province"),
    Level.CITY: Message("load.level_city"),
    Level.COUNTY: Message("load.level_county"),
    Level.STREET: Message("load.level_street"),
    Level.COMMUNITY: Message("load.level_community"),
    Level.GRID: Message("load.level_grid"),
    Level.UNIT: Message("load.level_unit"),
}
NO_ATTRIBUTES = Message("area_file.no_attributes")
LEVEL_OF = {name: level for level, names in LEVEL_NAMES.items() for name in names}


@dataclass(frozen=True)
class ReadOptions:
    """How to read a file of areas.

    mapping: Name of the file's attribute by key, as {"code": "GRIDCODE"}; others are recognised by
    name. crs: A name of `gis.crs.SUPPORTED_CRS` or EPSG:number; needed where the file names none.
    layer: Needed where a file has several. code_list: The list of division codes that the codes
    down to the community are from.
    """

    mapping: Mapping[str, str] = field(default_factory=dict)
    crs: str | None = None
    layer: str | None = None
    code_list: str = ""


@dataclass
class AreaRecord:
    """One row or feature of the file.

    location: As its author finds it: "feature 3" or "row 12".
    values: Text by key of `columns`; only what the file has.
    drawn: Its shape as read, degrees, EPSG:4490; None where it has none.
    repairs: What was mended in the shape.
    fault: Why the shape cannot be read; None when it can.
    shape: The shape as it may be stored, set once it is known to be good.
    """

    location: Message
    values: dict[str, str]
    drawn: Any = None
    repairs: list[Message] = field(default_factory=list)
    fault: Message | None = None
    shape: PolygonLike | None = None

    @property
    def code(self) -> str:
        """Return its code; empty when it has none."""
        return self.values.get("code", "")

    @property
    def location_with_code(self) -> Message:
        """Return where it is, with its code."""
        return (
            Message("load.place_with_code", {"place": self.location, "code": self.code})
            if self.code
            else self.location
        )


@dataclass(frozen=True)
class AreaFile:
    """A file of areas: its headers by key, entries, and coordinate system (None: no shapes)."""

    headers: Mapping[str, str]
    entries: list[AreaRecord]
    crs: str | None

    def refuse(
        self, entry: AreaRecord, key: str, reason: Message | str, /, **params: object
    ) -> RejectedRow:
        """Return a refusal of one attribute, called as in the file.

        Parameters
        ----------
        entry
            The row or feature.
        key
            Key of the column.
        reason
            What is wrong, as a code of the catalogue, or a message.
        params
            Parameters of the code.
        """
        message = reason if isinstance(reason, Message) else Message(reason, params)
        return RejectedRow(entry.location_with_code, self.headers.get(key, key), message)


def columns(level: Level) -> tuple[Column, ...]:
    """Return the attributes that a file of a level may have, with the names they go by."""

    def joined(names: Sequence[str], ends: Sequence[str], front: str = "") -> tuple[str, ...]:
        return tuple(front + name + end for name in names for end in ends)

    names, zh = LEVEL_NAMES[level], level.zh
    attributes = [
        Column(
            "code",
            f"{zh}编码",
            cells.parse_code,
            (*joined(names, CODE_ENDS), *ANY_CODE),
            "",
            "",
            needed=True,
        ),
        Column(
            "name",
            f"{zh}名称",
            cells.parse_text,
            (
                *joined(names, NAME_ENDS),
                *(name for name in names if name not in OWN_ATTRIBUTES),
                *ANY_NAME,
            ),
            "",
            "",
        ),
        Column("parent", "上级编码", cells.parse_code, PARENT_HEADERS, "", ""),
        Column("level", "层级", cells.parse_text, ("级别",), "", ""),
    ]
    for above in codes.stated_levels(level) or codes.coded_levels(level):
        names = LEVEL_NAMES[above]
        code = (*joined(names, CODE_ENDS), *joined(names, CODE_ENDS, "所属"))
        attributes.append(
            Column(f"{above}_code", f"{above.zh}编码", cells.parse_code, code, "", "")
        )
        if above in LEVELS_OVER_COUNTY:  # they are loaded by themselves
            continue
        name = (*joined(names, NAME_ENDS), *names, *joined(names, ("", *NAME_ENDS), "所属"))
        attributes.append(
            Column(f"{above}_name", f"{above.zh}名称", cells.parse_text, name, "", "")
        )
    return tuple(attributes)


def name_fault(name: str) -> Message | None:
    """Return what is wrong with a name: too long, or with a mark that nobody sees."""
    if len(name) > MAX_AREA_NAME_CHARS:
        return Message("area_row.name_too_long", {"limit": MAX_AREA_NAME_CHARS})
    hidden = next((mark for mark in name if not mark.isprintable()), None)
    if hidden is None:
        return None
    return Message("area_row.name_hidden", {"mark": f"U+{ord(hidden):04X}"})


def read_area_file(path: Path, level: Level, options: ReadOptions, report: LoadReport) -> AreaFile:
    """Read the entries of a level into `report` too.

    Rows with a cell that cannot be read are refused there.

    Raises
    ------
    InvalidInput
        The file as a whole cannot be taken, or the mapping names a column that the level has not.
    TooLarge
        The file is beyond the limits of its format.
    """
    by_key = {column.key: column for column in columns(level)}
    level_label, mapping = LEVEL_LABELS[level], options.mapping
    if unknown := sorted(set(mapping) - set(by_key)):
        keys = list(by_key)
        params = {"keys": unknown, "level": level_label, "columns": keys}
        errors = [FieldError("map", "area_file.key_unknown", params)]
        raise InvalidInput(
            "area_file.key_unknown", errors, keys=unknown, level=level_label, columns=keys
        )
    is_table = path.suffix.lower() in tables.TEXTS + tables.WORKBOOKS
    if is_table and level is Level.GRID:
        raise InvalidInput(
            "area_file.table_of_grids", file=path.name, formats=Message("map_file.formats")
        )
    file = (
        _table(path, by_key, mapping, report) if is_table else _map(path, by_key, options, report)
    )
    file = _of_level(file, level, report)
    report.crs, report.counts = file.crs, {"rows": len(file.entries)}
    if not file.entries and not report.refused:
        report.refused.append(
            RejectedRow(path.name, "", Message("area_file.no_area", {"level": level_label}))
        )
    return file


def _table(
    path: Path, by_key: Mapping[str, Column], mapping: Mapping[str, str], report: LoadReport
) -> AreaFile:
    mapped = [
        Column(key, mapping[key], column.parse, (), "", "", column.needed)
        if key in mapping
        else column
        for key, column in by_key.items()
    ]
    table = tables.read_table(path, mapped, report)
    entries = [
        AreaRecord(row_label(row.number), {key: str(value) for key, value in row.values.items()})
        for row in table.rows
    ]
    return AreaFile(table.columns, entries, None)


def _map(
    path: Path, by_key: Mapping[str, Column], options: ReadOptions, report: LoadReport
) -> AreaFile:
    features = vector.read_vector(path, options.crs, options.layer)
    report.messages += features.notes
    headers = _headers(path.name, list(features.columns), by_key, options.mapping, report)
    entries = []
    for i, drawn in enumerate(features.shapes.tolist()):
        location = Message("load.feature", {"number": str(i + 1)})
        entry = AreaRecord(location, {}, drawn, fault=features.faults.get(i))
        if i in features.repairs:
            entry.repairs.append(features.repairs[i])
        for key, header in headers.items():
            cell = features.columns[header][i]
            if cell is None or not clean_text(cell):
                continue
            try:
                entry.values[key] = str(by_key[key].parse(cell))
            except CellError as error:
                report.refused.append(RejectedRow(entry.location, header, error.message))
        entries.append(entry)
    return AreaFile(headers, entries, features.crs)


def _headers(
    name: str,
    headers: Sequence[str],
    by_key: Mapping[str, Column],
    mapping: Mapping[str, str],
    report: LoadReport,
) -> dict[str, str]:
    """Return the attribute of the file by key.

    A mapping of the user comes first, then the first name of the column that the file has.

    Raises
    ------
    InvalidInput
        The file lacks an attribute of the mapping, or none holds the code.
    """
    plain = {tables.plain_name(name.removesuffix(CUT)): name for name in reversed(headers)}
    meanings = Meanings(list(by_key.values()))
    cut = {meanings.key(header): header for header in reversed(headers) if header.endswith(CUT)}
    header_by_key = {}
    for key, column in by_key.items():
        if key in mapping:
            if (header := plain.get(tables.plain_name(mapping[key]))) is None:
                raise InvalidInput(
                    "area_file.no_attribute",
                    file=name,
                    attribute=mapping[key],
                    attributes=headers or NO_ATTRIBUTES,
                )
            header_by_key[key] = header
            continue
        names = map(tables.plain_name, (column.key, column.zh, *column.names))
        matches = (
            plain[text] for text in names if text in plain and plain[text] not in mapping.values()
        )
        if header := next(matches, cut.get(key)):
            header_by_key[key] = header
    if "code" not in header_by_key and not name.lower().endswith(vector.DRAWINGS):
        errors = [FieldError("map", "area_file.code_not_mapped")]
        raise InvalidInput(
            "area_file.no_code", errors, file=name, attributes=headers or NO_ATTRIBUTES
        )
    used = {*header_by_key.values(), *OWN_ATTRIBUTES}
    if unused := [header for header in headers if header not in used]:
        report.note("area_file.attributes_unused", attributes=unused)
    return header_by_key


def _of_level(file: AreaFile, level: Level, report: LoadReport) -> AreaFile:
    """Leave out rows that say they are of another level.

    Bring division codes to their own length.
    """
    entries = []
    for entry in file.entries:
        for key in [key for key in entry.values if key.endswith("_name")]:
            if entry.values[key].isdecimal():  # the code of the county, as dumps have it
                del entry.values[key]
        level_name = entry.values.pop("level", "")
        if level_name and LEVEL_OF.get(tables.plain_name(level_name)) is not level:
            continue
        for key, levels in (
            ("code", (level,)),
            ("parent", codes.stated_levels(level) or (codes.parent_level(level),)),
            *((f"{other}_code", (other,)) for other in LEVELS),
        ):
            for of in levels:  # a province before a city: 520000 is not 5200
                if of is not None and (code := entry.values.get(key)):
                    entry.values[key] = codes.normalise_division_code(code, of)
        entries.append(entry)
    if left_out := len(file.entries) - len(entries):
        report.note("area_file.other_levels", count=left_out)
    return AreaFile(file.headers, entries, file.crs)
