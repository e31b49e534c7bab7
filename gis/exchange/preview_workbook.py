"""The preview of a boundary draft as an Excel workbook to hand round."""

from collections.abc import Iterable, Sequence
from typing import IO

from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from gis.boundaries.statistics import GridChange, MovedFeature, Preview, PreviewIssue
from gis.files.formulas import cell_text

CHANGE_LABELS = {"new": "新增", "gone": "停用", "changed": "调整"}
SEVERITY_LABELS = {"refused": "不能发布", "warning": "提醒"}
# sheet -> kind of thing that changes its grid
KIND_BY_SHEET = {"楼栋": "building", "十联户": "unit", "岗位": "post", "设施": "facility"}
MAX_COLUMN_CHARS = 60  # characters of a column
PAIRS = ("面积（平方米）", "户数", "人数", "楼栋", "十联户", "紧凑度")
NAME_HEADERS = ("编码·前", "编码·后", "名称·前", "名称·后")
COMMUNITY_PAIRS = ("网格", "户数", "人数", "面积（平方米）")
COMMUNITY_HEADERS = (
    "社区",
    "编码",
    *(name + side for name in COMMUNITY_PAIRS for side in ("·前", "·后")),
)
GRID_HEADERS = (
    "网格",
    "编码",
    "变化",
    *(f"{name}{side}" for name in PAIRS for side in ("·前", "·后")),
)


def write(preview: Preview, out: IO[bytes]) -> None:
    """Write a preview as a workbook.

    It has sheets of grids, of each kind of moved feature, of open incidents, and of issues.
    """
    book = Workbook()
    book.remove(book.worksheets[0])
    _sheet(book, "网格", GRID_HEADERS, map(_grid_row, preview.grids))
    _sheet(
        book,
        "地块",
        ("由", "至", "面积（平方米）", "户数", "人数"),
        (
            (
                _grid_label(preview, piece.start),
                _grid_label(preview, piece.end),
                piece.area_m2,
                piece.households,
                piece.people,
            )
            for piece in preview.pieces
        ),
    )
    for title, kind in KIND_BY_SHEET.items():
        _sheet(
            book,
            title,
            ("名称", "编码", "由", "至", "户数", "任职人"),
            (_moved_row(preview, moved) for moved in preview.moved if moved.kind == kind),
        )
    _identity_sheets(book, preview)
    if preview.incidents is not None:
        _sheet(
            book,
            "未结事件",
            ("由", "至", "件数"),
            (
                (_grid_label(preview, start), _grid_label(preview, end), count)
                for (start, end), count in preview.incidents.items()
            ),
        )
    _sheet(
        book,
        "提示",
        ("级别", "内容", "涉及", "经度", "纬度"),
        map(_issue_row, preview.problems),
    )
    book.save(out)


def _identity_sheets(book: Workbook, preview: Preview) -> None:
    """Write the other names and codes, and communities before and after; no sheet without any."""
    if preview.renamed or preview.recoded:
        names = [(item.code, item.code, item.old, item.new) for item in preview.renamed]
        recoded = [(item.old, item.new, item.name, item.name) for item in preview.recoded]
        _sheet(book, "名称与编码", NAME_HEADERS, (*names, *recoded))
    if preview.communities:
        rows = (
            (item.name, item.code, *item.grids, *item.households, *item.people, *item.area_m2)
            for item in preview.communities
        )
        _sheet(book, "社区", COMMUNITY_HEADERS, rows)


def _grid_label(preview: Preview, code: str | None) -> str:
    return "无网格" if code is None else f"{preview.names.get(code, code)}（{code}）"


def _grid_row(grid: GridChange) -> tuple[object, ...]:
    return (
        grid.name,
        grid.code,
        CHANGE_LABELS[grid.change],
        *grid.area_m2,
        *grid.households,
        *grid.people,
        *grid.buildings,
        *grid.units,
        *grid.compactness,
    )


def _issue_row(issue: PreviewIssue) -> tuple[object, ...]:
    label = SEVERITY_LABELS[issue.severity]
    return (label, issue.zh, "、".join(issue.codes), *(issue.place or ("", "")))


def _moved_row(preview: Preview, moved: MovedFeature) -> tuple[object, ...]:
    return (
        moved.name,
        moved.code,
        _grid_label(preview, moved.start),
        _grid_label(preview, moved.end),
        moved.households,
        moved.holder or "",
    )


def _sheet(
    book: Workbook, title: str, head: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    sheet = book.create_sheet(title)
    sheet.append(list(head))
    for row in rows:
        sheet.append([cell_text(value) for value in row])
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    sheet.freeze_panes = "A2"
    for number, cells in enumerate(sheet.columns, 1):
        widest = max(
            sum(2 if ord(sign) > 255 else 1 for sign in str(cell.value or "")) for cell in cells
        )
        sheet.column_dimensions[get_column_letter(number)].width = min(widest + 2, MAX_COLUMN_CHARS)
