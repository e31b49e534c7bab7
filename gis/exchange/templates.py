"""Empty spreadsheets for loading: text-formatted codes, drop-down lists, examples and notes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from openpyxl import Workbook
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from gis import private
from gis.errors import InvalidInput
from gis.exchange.columns import COLUMNS_BY_KIND
from gis.exchange.organisation_columns import ORGANISATION_TABLES
from gis.exchange.visits import DUTY_VISIT_COLUMNS, DUTY_VISIT_EXAMPLES, DUTY_VISIT_NOTES
from gis.files import cells, dates, positions
from gis.files.column import Column, Parser

TEMPLATE_COLUMNS = COLUMNS_BY_KIND | ORGANISATION_TABLES | {"visits": DUTY_VISIT_COLUMNS}
SHEETS = {"data": "数据", "example": "示例", "notes": "说明", "lists": "列表"}
CELL_FORMATS: Mapping[Parser, str] = {  # all others are text: @
    cells.parse_integer: "0",
    cells.parse_count: "0",
    positions.parse_longitude: "0.0000000",
    positions.parse_latitude: "0.0000000",
    dates.parse_first_day: "yyyy-mm-dd",
    dates.parse_end_day: "yyyy-mm-dd",
    dates.parse_last_day: "yyyy-mm-dd",
}
LAST_ROW = 1_048_576

# Invented examples; the codes of the communities are real, those below are not.
TEMPLATE_EXAMPLES: Mapping[str, Sequence[Mapping[str, object]]] = {
    "households": (
        {
            "building": "w1001",
            "stairwell": "2",
            "floor": 5,
            "room": "501",
            "people": 3,
            "elders": 1,
            "children": 1,
            "unit": "52040200700400301",
        },
        {
            "estate": "桂花苑",
            "building_name": "3号楼",
            "stairwell": "1",
            "room": "102",
            "people": 2,
            "unit": "52040200700400302",
            "unit_name": "桂花苑第二十联户",
        },
        {"lon": 105.9535, "lat": 26.2267, "crs": "gcj02", "room": "1", "people": 5},
    ),
    "buildings": (
        {
            "estate": "桂花苑",
            "name": "3号楼",
            "lon": 105.9535,
            "lat": 26.2267,
            "crs": "gcj02",
            "kind": "住宅",
            "floors": 7,
            "stairwells": 2,
            "homes": 28,
            "head": "示例甲",
            "head_phone": "13800000001",
            "sponsor": "示例己",
            "sponsor_phone": "13800000006",
        },
        {"code": "w1001", "estate": "桂花苑", "name": "4号楼", "stairwells": 3, "homes": 42},
    ),
    "people": (
        {
            "person": "A001",
            "name": "示例甲",
            "phone": "13800000001",
            "role": "网格长",
            "area": "520402007004003",
            "deputy": "A002",
            "from": "2026-03-01",
        },
        {
            "person": "A002",
            "name": "示例乙",
            "phone": "13800000002",
            "role": "网格员",
            "area": "520402007004003",
            "from": "2026-03-01",
        },
        {
            "person": "A003",
            "name": "示例丙",
            "phone": "13800000003",
            "role": "楼栋长",
            "building": "w1001",
            "from": "2026-03-01",
            "to": "2026-09-01",
        },
        {"role": "联户长", "area": "52040200700400301", "deputy": "A002", "from": "2026-03-01"},
        {"person": "A001", "kind": "请假", "from": "2026-05-01", "to": "2026-05-08"},
        {"person": "A002", "kind": "请假", "from": "2026-06-01", "last_day": "2026-06-07"},
    ),
    "facilities": (
        {
            "code": "AS0001",
            "name": "示例党群服务中心",
            "category": "党群服务中心",
            "lon": 105.9535,
            "lat": 26.2267,
            "crs": "gcj02",
            "opening_hours": "Mo-Fr 09:00-17:00",
            "contact": "0851-00000000",
            "capacity": 60,
        },
        {"code": "AS0002", "name": "示例药店", "category": "药店", "address": "桂花苑3号楼"},
    ),
    "entrances": (
        {
            "code": "1",
            "building": "w1001",
            "lon": 105.9535,
            "lat": 26.2267,
            "crs": "gcj02",
            "kind": "主入口",
        },
        {
            "code": "南门",
            "facility": "AS0001",
            "lon": 105.9536,
            "lat": 26.2265,
            "crs": "gcj02",
            "kind": "大门",
            "hours": "06:00-22:00",
        },
    ),
    "edits": (
        {
            "code": "1",
            "kind": "门",
            "lon": 105.9535,
            "lat": 26.2267,
            "crs": "gcj02",
            "hours": "06:00-22:00",
        },
        {
            "code": "2",
            "kind": "新增",
            "crs": "gcj02",
            "line": "LINESTRING (105.9535 26.2267, 105.9541 26.2271)",
            "reason": "新修的便道",
        },
    ),
    "areas": (
        {
            "code": "520402007004003",
            "name": "学苑第三网格",
            "community_code": "520402007004",
            "community_name": "学苑社区",
        },
    ),
    "incidents": (
        {
            "external_id": "RX20260301001",
            "reported_at": "2026-03-01 08:30",
            "category": "06010",
            "description": "3号楼后面垃圾堆了两天没人清",
            "lon": 105.9535,
            "lat": 26.2267,
            "crs": "gcj02",
            "address": "桂花苑3号楼",
            "channel": "电话",
        },
        {
            "external_id": "RX20260301002",
            "reported_at": "2026-03-01 09:05",
            "category": "噪声扰民",
            "description": "夜里广场音响太大",
            "area": "520402007004003",
            "severity": "一般",
            "channel": "来访",
        },
    ),
    "organisations": (
        {
            "code": "zy-vol",
            "name": "示例志愿服务总队",
            "kind": "志愿服务队",
            "area": "520402007",
            "head_name": "示例甲",
            "head_phone": "13800000001",
        },
        {
            "code": "zy-vol-2",
            "name": "示例志愿服务二队",
            "kind": "志愿服务队",
            "number": "2",
            "parent": "zy-vol",
            "area": "520402007004",
            "skills": "维修、送水",
            "hours": "周一至周五 8:30-17:30",
            "address": "桂花苑3号楼",
        },
    ),
    "members": (
        {"organisation": "zy-vol-2", "name": "示例乙", "phone": "13800000002", "role": "队长"},
        {"organisation": "zy-vol-2", "person": "A003", "takes_orders": "否", "from": "2026-03-01"},
    ),
    "takers": (
        {
            "name": "示例乙",
            "phone": "13800000002",
            "area": "520402007004",
            "skills": "维修、送水",
            "hours": "周末 9:00-18:00",
            "address": "桂花苑3号楼",
            "consent": "2026-03-01",
        },
    ),
    "visits": DUTY_VISIT_EXAMPLES,
}

NOTES: Mapping[str, Sequence[str]] = {
    "households": (
        "一行一户。楼栋用编码、小区加楼栋、或经纬度三种方式之一指明，须已经导入。",
        "同一户（同楼栋、同单元、同房号）再次导入时更新，留空的单元格不改动原有内容；表中没有的户不变。",
        "房号写一户：501、501号、501室是同一户，2-501 是 2 单元 501；501-502 是两户，请分两行写。",
        "表上方的标题、合并的单元格、小计和合计行、表下的备注都能识别，导入报告会逐行说明。",
        "老人数只登记人数，指满六十周岁的人（《老年人权益保障法》第二条）；留空是不知道，不是零。",
        "本表不登记姓名。",
    ),
    "buildings": (
        "一行一栋。已经导入的楼栋以编码、或小区加楼栋识别。",
        "没有名称的轮廓（如来自 OSM），点落在其中就是这一栋。",
        "新的楼栋要有经纬度（必须写坐标系）、形状或地址；只有经纬度的先画一个小方块（示意），以后可换成实测轮廓。",
        "再次导入时更新，留空的单元格不改动原有内容；表中没有的楼栋不变。单元按单元数从 1 起建立。",
        "楼栋长和包保干部以姓名加电话识别，从导入时起任职。",
        "换人时原任职人到此为止；写 空缺 表示没有人。",
    ),
    "people": (
        "一行一个岗位；类型为“请假”的行是一次请假。人员以工号识别。",
        "换人时写新任职人和首日，原任职人的任期到这一天为止；网格员、社区工作者、在职党员、志愿服务队、联络员可多人同时任职，"
        "不互相替换，离任要写“至”。",
        (
            "“自”含当天，“至”不含当天，“结束日期”是最后一天、含当天：结束日期 2026-03-31 与 至"
            " 2026-04-01 相同。仍在任写 至今。"
        ),
        "表中没有的人员、岗位和请假不变。",
    ),
    "facilities": (
        "一行一个设施。有经纬度时必须写坐标系；没有经纬度时按地址找楼栋。",
        "同一编码再次导入时更新，留空的单元格不改动原有内容；表中没有的设施不变。",
    ),
    "entrances": (
        "一行一个出入口，属于一栋楼或一处设施；经纬度必须写坐标系，离其轮廓不超过 50 米。",
        "同一编码再次导入时更新，留空的单元格不改动原有内容；表中没有的出入口不变。",
    ),
    "edits": (
        "一行一条对步行路网的修改：封闭一段路、新增一条路，或路上的一道门及其开放时间。",
        "点离路不超过 15 米；封闭的是相邻两个路口之间的整段路。",
        "新增的路与所穿过的路相接，端点接到 15 米内最近的路。",
        "同一编码再次导入时撤回原来的修改、按新的内容登记；表中没有的修改不变。",
    ),
    "areas": (
        (
            "网格的形状由地图文件（GeoPackage、Shapefile 等）导入：./wangge load areas 文件"
            " --level grid。"
        ),
        "本表是地图属性表应有的列，可在 QGIS 中按编码连接到图形。",
        (
            "其他层级只需编码、名称和上级编码，可直接导入：./wangge load areas 文件 --level"
            " community。"
        ),
    ),
    "incidents": (
        "一行一件，导入后与现场上报一样定位、派单并开始计时；上报时间在过去的，时限仍从导入时算起。",
        "地点三选一：经纬度（必须写坐标系）、地址、区域编码。类别填代码或名称，留空时按描述归类。",
        "同一编号只导入一次，再次导入不改动已有事件；没有编号的行按整行内容识别。有一行不能导入，整个文件都不导入。",
        "本表不登记上报人的姓名和电话，描述中也请不要写。",
    ),
    "organisations": (
        "一行一个组织：党支部、志愿服务队、物业公司、执法队、共建单位等；上级可在本表任意一行。",
        "写了区域和技能的组织作为队伍接单：单子推送给能接单的成员，由一人承接、全队可办。",
        "同一编码再次导入时更新，留空的单元格不改动原有内容；表中没有的组织不变。",
    ),
    "members": (
        "一行一名成员。有工号填工号，没有工号填姓名和电话；姓名和电话相同的是同一个人。",
        "写了“至”的从那天起不再是成员；表中没有的成员不变。",
    ),
    "takers": (
        "一行一名接单人。没有工号填姓名和电话；姓名和电话相同的是同一个人。",
        "没有同意日期的人不会收到派单；请假、不在服务时间的人也不会。",
        "出发地写经纬度或地址，步行距离从这里算；写不出的最后才派。",
    ),
    "visits": DUTY_VISIT_NOTES,
}
FIRST_NOTES = (
    "在“数据”页填写，带 * 的列必填；编码列已设为文本，请勿改成数字。",
    "填好后运行 ./wangge load {kind} 文件，先看报告，再加 --commit 写入。",
)


def write_template(kind: str, path: Path) -> None:
    """Write the empty table of a kind.

    The first sheet is to be filled in: its headers are Chinese, with comments that give the English
    key and the content.

    Parameters
    ----------
    kind
        A key of TEMPLATE_COLUMNS.
    path
        A new .xlsx file.

    Raises
    ------
    InvalidInput
        The kind, the ending or the folder is unknown, or the file exists and may hold work.
    """
    if kind not in TEMPLATE_COLUMNS:
        raise InvalidInput("template.unknown", kind=kind, kinds=list(TEMPLATE_COLUMNS))
    if path.suffix.lower() != ".xlsx":
        raise InvalidInput("template.wrong_ending", file=path.name)
    if path.exists():
        raise InvalidInput("template.file_exists", file=str(path))
    if not path.parent.is_dir():
        raise InvalidInput("file.no_such_folder", folder=str(path.parent))
    columns = TEMPLATE_COLUMNS[kind]
    book = Workbook()
    data = book.active
    assert isinstance(data, Worksheet)
    data.title = SHEETS["data"]
    _fill(data, columns, ())
    _fill(book.create_sheet(SHEETS["example"]), columns, TEMPLATE_EXAMPLES[kind])
    _note(book.create_sheet(SHEETS["notes"]), kind, columns)
    _choices(data, book.create_sheet(SHEETS["lists"]), columns)
    book.save(private.create_file(path))


def _fill(
    sheet: Worksheet, columns: Sequence[Column], rows: Sequence[Mapping[str, object]]
) -> None:
    for index, column in enumerate(columns, 1):
        letter = get_column_letter(index)
        head = sheet.cell(1, index, column.zh + ("*" if column.needed else ""))
        head.font = Font(bold=True)
        head.fill = PatternFill("solid", fgColor="DCE6F1")
        head.comment = Comment(
            f"{column.key}\n{column.help}\n{column.en}", "wangge", width=320, height=120
        )
        sheet.column_dimensions[letter].width = max(12, 2 * len(column.zh) + 4)
        sheet.column_dimensions[letter].number_format = CELL_FORMATS.get(column.parse, "@")
        for number, row in enumerate(rows, 2):
            sheet.cell(number, index, row.get(column.key)).number_format = CELL_FORMATS.get(
                column.parse, "@"
            )
    sheet.freeze_panes = "A2"


def _note(sheet: Worksheet, kind: str, columns: Sequence[Column]) -> None:
    lines = [line.format(kind=kind) for line in FIRST_NOTES] + list(NOTES[kind])
    for line in lines[1:] if kind == "areas" else lines:
        sheet.append([line])
    sheet.append([])
    sheet.append(["列", "英文列名", "必填", "填写说明", "What to write", "也可写作"])
    for cell in sheet[sheet.max_row]:
        cell.font = Font(bold=True)
    for column in columns:
        needed = "必填" if column.needed else ""
        sheet.append(
            [column.zh, column.key, needed, column.help, column.en, "、".join(column.names)]
        )
    for letter, width in zip("ABCDEF", (16, 16, 8, 50, 50, 40), strict=True):
        sheet.column_dimensions[letter].width = width
        for cell in sheet[letter][len(lines) + 1 :]:
            cell.alignment = Alignment(wrap_text=True, vertical="top")


def _choices(data: Worksheet, lists: Worksheet, columns: Sequence[Column]) -> None:
    """Add drop-down lists.

    On a hidden sheet, since a list in place may not be longer than 255 characters.
    """
    chosen = [(index, column) for index, column in enumerate(columns, 1) if column.choices]
    for nth, (index, column) in enumerate(chosen, 1):
        for number, choice in enumerate(column.choices, 1):
            lists.cell(number, nth, choice)
        source = get_column_letter(nth)
        rule = DataValidation(
            "list", formula1=f"'{lists.title}'!${source}$1:${source}${len(column.choices)}"
        )
        rule.errorTitle, rule.error = column.zh, "请从列表中选择"
        rule.showErrorMessage = True
        rule.add(f"{get_column_letter(index)}2:{get_column_letter(index)}{LAST_ROW}")
        data.add_data_validation(rule)
    lists.sheet_state = "hidden"
