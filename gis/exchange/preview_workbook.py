"""The preview of a boundary draft as an Excel workbook to hand round."""

from collections.abc import Iterable, Sequence
from typing import IO

from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from gis.boundaries.statistics import Preview
from gis.files.formulas import cell_text

CHANGES = {"new": "新增", "gone": "停用", "changed": "调整"}
SEVERITY = {"refused": "不能发布", "warning": "提醒"}
# sheet -> kind of thing that changes its grid
KINDS = {"楼栋": "building", "十联户": "unit", "岗位": "post", "设施": "facility"}
MAX_COLUMN_CHARS = 60  # characters of a column


def write(preview: Preview, out: IO[bytes]) -> None:
    """Write a preview as a workbook.

    It has sheets of grids, of each kind of moved feature, of open incidents, and of issues.
    """
    book = Workbook()
    book.remove(book.worksheets[0])

    def called(code: str | None) -> str:
        return "无网格" if code is None else f"{preview.names.get(code, code)}（{code}）"

    pairs = ("面积（平方米）", "户数", "人数", "楼栋", "十联户", "紧凑度")
    head = ("网格", "编码", "变化", *(f"{name}{side}" for name in pairs for side in ("·前", "·后")))
    _sheet(
        book,
        "网格",
        head,
        (
            (
                grid.name,
                grid.code,
                CHANGES[grid.change],
                *(
                    value
                    for pair in (
                        grid.area_m2,
                        grid.households,
                        grid.people,
                        grid.buildings,
                        grid.units,
                        grid.compactness,
                    )
                    for value in pair
                ),
            )
            for grid in preview.grids
        ),
    )
    _sheet(
        book,
        "地块",
        ("由", "至", "面积（平方米）", "户数", "人数"),
        (
            (called(piece.start), called(piece.end), piece.area_m2, piece.households, piece.people)
            for piece in preview.pieces
        ),
    )
    for title, kind in KINDS.items():
        _sheet(
            book,
            title,
            ("名称", "编码", "由", "至", "户数", "任职人"),
            (
                (
                    moved.name,
                    moved.code,
                    called(moved.start),
                    called(moved.end),
                    moved.households,
                    moved.holder or "",
                )
                for moved in preview.moved
                if moved.kind == kind
            ),
        )
    if preview.incidents is not None:
        _sheet(
            book,
            "未结事件",
            ("由", "至", "件数"),
            (
                (called(start), called(end), count)
                for (start, end), count in preview.incidents.items()
            ),
        )
    _sheet(
        book,
        "提示",
        ("级别", "内容", "涉及", "经度", "纬度"),
        (
            (SEVERITY[issue.severity], issue.zh, "、".join(issue.codes), *(issue.place or ("", "")))
            for issue in preview.problems
        ),
    )
    book.save(out)


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
