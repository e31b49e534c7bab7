"""What the registers of a community may say, by kind: a table of fields with their headers.

A field that a loader has too takes its headers and its parser from gis/exchange/columns.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gis.exchange import columns
from gis.exchange.registers import cells as register_cells
from gis.files import cells
from gis.files.column import Column, Parser

COLUMNS = {
    (kind, column.key): column
    for kind, table in columns.COLUMNS_BY_KIND.items()
    for column in table
}


@dataclass(frozen=True)
class Field:
    """One thing that a register may say; its label is `register_field.KEY` of the catalogue.

    names: Headers that mean it, the usual one first.
    content: Key of `gis.exchange.registers.content.PATTERNS` that its cells look like.
    is_loaded: Whether it goes on to a loader; else it is only read to count or to compare.
    """

    key: str
    names: tuple[str, ...]
    parse: Parser
    content: str = ""
    is_loaded: bool = True

    def column(self, header: str, *, needed: bool = False, each: bool = False) -> Column:
        """Return the column of a file that holds the field under a header."""
        return Column(self.key, header, self.parse, (header,), "", "", needed=needed, each=each)


def _of(kind: str, key: str, *more: str, parse: Parser | None = None, content: str = "") -> Field:
    """Return the field of a loader's column, with further headers."""
    column = COLUMNS[kind, key]
    return Field(key, (column.zh, *more, *column.names), parse or column.parse, content)


_AREAS = (
    Field(
        "street",
        ("街道", "所属街道", "乡镇", "镇街", "街道（乡镇）", "乡镇（街道）", "镇（街道）"),
        cells.parse_text,
    ),
    Field(
        "community",
        (
            "社区", "所属社区", "社区名称", "村", "村（社区）", "社区（村）", "所在社区", "村居",
            "村（居）",
            "报到社区", "社区编码",
        ),
        cells.parse_text,
        "community",
    ),
    Field(
        "grid",
        (
            "网格", "网格名称", "所属网格", "所在网格", "负责网格", "网格编码", "网格编号",
            "网格号",
            "责任网格", "服务网格", "区域编码", "包保网格",
        ),
        cells.parse_text,
        "grid",
    ),
)  # fmt: skip
_PLACE = (
    _of("households", "estate", "小区（院落）", "所在小区", "楼盘", "居住小区名称", "小区/院落"),
    replace(
        _of(
            "households", "building_name", "楼号（栋）", "楼宇名称", "楼幢号", "楼栋名", "座", "楼",
            content="building",
        ),
        parse=cells.parse_text,
    ),
    Field(
        "address",
        (
            "住址", "家庭住址", "现住址", "居住地址", "现居住地址", "现居住地", "详细地址",
            "详细住址",
            "地址", "居住地", "家庭地址", "常住地址", "房屋地址", "门牌地址", "实际居住地址",
            "位置", "现住地址", "现住地", "现居地", "现居地址", "居住详址", "实际住址",
            "实际居住地",
        ),
        cells.parse_text,
        "address",
    ),
)  # fmt: skip
_POINT_FIELDS = tuple(_of("facilities", column.key) for column in columns.POINT_COLUMNS)

RESIDENT_FIELDS = (
    *_AREAS,
    *_PLACE,
    Field("household_number",
          ("户号", "户编号", "家庭编号", "户籍号", "户口号", "户口簿号", "住户编号"),
          cells.parse_code, is_loaded=False),
    _of("households", "building"),
    _of("households", "stairwell", "单元数号", "所在单元", "单元名称", content="stairwell"),
    _of("households", "floor"),
    _of("households", "room", "房号（室）", "室号（房号）", "户室号", content="room"),
    _of("households", "people", "家庭人口（人）", "户内人数", "家庭成员数", "居住人口",
    "人口数（人）",
        parse=cells.parse_count),
    _of("households", "elders", "60岁以上老人数", "60岁以上"),
    _of("households", "children", "0-6岁", "0-6岁儿童"),
    Field("unit", ("十联户编码", "十联户", "十联户代码", "联户编码", "联户单元编码", "所属十联户",
                   "联户单元"), cells.parse_text),
    Field("relation", ("与户主关系", "关系", "家庭关系", "与户主的关系", "和户主关系", "户主关系"),
          register_cells.parse_relation, "relation", is_loaded=False),
    Field("identity",
          ("身份证号", "身份证号码", "身份证", "公民身份号码", "公民身份证号", "证件号码",
          "证件号"),
          register_cells.parse_identity, "identity", is_loaded=False),
    Field("birth", ("出生日期", "出生年月日", "出生年月", "生日"), register_cells.parse_birth,
          is_loaded=False),
    Field("age", ("年龄", "周岁", "年龄（岁）"), register_cells.parse_age, is_loaded=False),
    Field("person", ("姓名", "成员姓名", "居民姓名", "家庭成员", "家庭成员姓名", "人员姓名"),
          register_cells.parse_sameness, is_loaded=False),
    Field("head_of_home", ("户主姓名", "户主"), register_cells.parse_presence, is_loaded=False),
    Field("registered_address",
          ("户籍地址", "户籍地", "户籍所在地", "户籍住址", "户籍地详址", "户籍详址", "户口所在地",
           "户口地址"), cells.parse_text),
    Field("status",
          ("备注", "人员状态", "居住状态", "户籍状态", "状态", "居住情况", "人口状态", "人户状态",
           "在册状态"), register_cells.parse_status, is_loaded=False),
    Field("left_day",
          ("退租日期", "退租时间", "搬离日期", "搬离时间", "搬走日期", "离开日期", "离开时间",
           "迁出日期", "迁出时间", "注销日期", "死亡日期", "死亡时间"),
          register_cells.parse_left_day, is_loaded=False),
)  # fmt: skip

BUILDING_FIELDS = (
    *_AREAS,
    *_PLACE,
    Field("code", (*columns.BUILDING_NAMES, "楼栋编码", "编码"), cells.parse_own_code),
    *_POINT_FIELDS,
    _of("buildings", "kind", "房屋类型", "楼栋性质"),
    Field("floors", ("层数", "楼层数", "总层数", "总楼层", "地上层数", "楼层", "层"),
          register_cells.parse_amount, "floors"),
    Field("stairwells", ("单元数", "单元数量", "单元个数", "单元", "梯数"),
          register_cells.parse_stairwells, "stairwells"),
    Field("homes", ("总户数", "户数", "住户数", "总户数（户）", "户数（户）", "总住户数",
    "房屋总数",
                    "总套数", "套数"), register_cells.parse_amount, "homes"),
    Field("head",
          ("楼栋长", "楼栋长姓名", "楼长", "楼长姓名", "楼栋长及电话", "楼栋长及联系电话",
           "楼栋长（电话）", "楼栋长/电话", "楼栋长联系方式", "楼栋长信息", "姓名",
           "楼栋长姓名及电话"),
          register_cells.parse_contact, "name"),
    Field("head_phone",
          ("楼栋长电话", "楼栋长联系电话", "楼长电话", "楼栋长手机", "楼栋长手机号", "联系电话",
          "电话",
           "手机", "手机号", "手机号码", "联系方式"), register_cells.parse_phone, "telephone"),
    Field("sponsor",
          ("包保干部", "包保干部姓名", "包保人", "包保领导", "包保责任人", "两委包保",
          "包保两委成员",
           "包联干部", "包楼干部", "两委成员", "包保干部及电话", "包保人员"),
          register_cells.parse_contact, "name"),
    Field("sponsor_phone",
          ("包保干部电话", "包保干部联系电话", "包保人电话", "包联干部电话", "包楼干部电话"),
          register_cells.parse_phone, "telephone"),
    Field("status", ("备注", "状态", "楼栋状态", "建设情况", "建设状态"), register_cells.parse_gone,
          is_loaded=False),
)  # fmt: skip

ROSTER_FIELDS = (
    *_AREAS,
    *_PLACE[:1],
    Field("person",
          ("工号", "人员编码", "人员编号", "员工编号", "任职人工号", "person_code"),
          cells.parse_code),
    Field("name",
          ("姓名", "人员姓名", "任职人", "网格员姓名", "网格员", "网格长", "联户长", "联户长姓名",
           "党员姓名", "志愿者姓名", "姓名及电话", "姓名（电话）", "负责人", "社工姓名"),
          register_cells.parse_contact, "name"),
    Field("phone",
          ("联系电话", "电话", "手机", "手机号", "手机号码", "联系方式", "电话号码", "联系手机",
           "telephone", "mobile"), register_cells.parse_phone, "telephone"),
    Field("role",
          ("岗位", "职务", "角色", "岗位名称", "岗位类别", "人员类别", "类别", "身份", "担任职务",
           "人员类型", "网格职务"), cells.parse_text, "role"),
    Field("unit",
          ("十联户", "十联户编码", "十联户名称", "联户单元", "负责十联户",
          "所属十联户"), cells.parse_text),
    Field("building",
          ("负责楼栋", "楼栋", "包保楼栋", "分管楼栋", "管理楼栋", "责任楼栋", "楼栋号",
          "所在楼栋"),
          cells.parse_text, "building"),
    Field("status", ("备注", "在岗状态", "状态", "任职状态", "在职状态"), register_cells.parse_left,
          is_loaded=False),
    _of("people", "grade"),
    _of("people", "from", "入职时间", "入职日期", "聘用时间"),
    _of("people", "to"),
    _of("people", "last_day"),
)  # fmt: skip

FACILITY_FIELDS = (
    *_AREAS,
    _of("facilities", "code"),
    _of("facilities", "name", "场所名称", "网点名称", "单位名称", "商铺名称", "店名", "机构名称",
        "门店名称", "学校名称"),
    _of("facilities", "category", "设施类型", "场所类型", "行业", "业态", "经营类别", "行业类别"),
    *_POINT_FIELDS,
    _of("facilities", "address", "场所地址", "所在地址", "地点", "经营地址", content="address"),
    _of("facilities", "opening_hours", "开放时段"),
    _of("facilities", "contact", "负责人电话", "手机", "手机号码", content="telephone"),
    _of("facilities", "capacity"),
    Field("status", ("状态", "营业状态", "经营状态", "使用状态", "运营状态", "备注"),
          register_cells.parse_closed, is_loaded=False),
)  # fmt: skip

REGISTER_KINDS: Mapping[str, Sequence[Field]] = {
    "residents": RESIDENT_FIELDS,
    "buildings": BUILDING_FIELDS,
    "roster": ROSTER_FIELDS,
    "facilities": FACILITY_FIELDS,
    "members": ROSTER_FIELDS,
    "volunteers": ROSTER_FIELDS,
}

# What makes a list one of a kind: words of its title, and headers that others do not have.
TITLES: Mapping[str, str] = {
    "buildings": "楼栋|楼宇|楼幢|房屋",
    "residents": "户籍|居民|人口|住户|户口|常住",
    "roster": "^(?!.*(?:党员|志愿)).*(?:花名册|网格员|网格长|联户长|楼栋长|工作人员|社工|队伍)",
    "facilities": "设施|场所|网点|商铺|便民|服务点",
    "members": "党员|双报到",
    "volunteers": "志愿",
}
MARKS: Mapping[str, str] = {
    "buildings": "单元数|层数|户数|楼栋长|包保",
    "residents": "户主|户号|身份证|房号|房间号|室号|人口数|家庭人口|居住人数|^人数",
    "roster": "职务|岗位|网格员|网格长|工号|任职|人员类",
    "facilities": "类别|开放时间|营业|设施|场所|经营|容量|床位",
    "members": "党支部|党组织|入党|报到",
    "volunteers": "志愿|特长|技能|服务时长|服务类",
}
# the role of who is listed, where the list names none
DEFAULT_ROLES = {"members": "party_member", "volunteers": "volunteer_team"}

# fields that a list may have several of: a leader and a worker with their telephones in one row,
# a state and remarks
REPEATED_FIELDS = frozenset({"name", "phone", "status"})

# headers of what no purpose asks for: said as "not kept", whatever the kind
PERSONAL_PATTERN = (
    "姓名|户主|身份证|证件|性别|民族|政治面貌|学历|文化|婚姻|职业|籍贯|出生|年龄|健康|宗教|工作单位"
    "|电话|手机"
)


def fields_of(kind: str) -> dict[str, Field]:
    """Return the fields of a kind by key."""
    return {field.key: field for field in REGISTER_KINDS[kind]}


def header_columns(kind: str) -> tuple[Column, ...]:
    """Return the fields of a kind as columns, by whose headers a table is recognised."""
    return tuple(
        Column(field.key, field.names[0], field.parse, field.names, "", "")
        for field in REGISTER_KINDS[kind]
    )
