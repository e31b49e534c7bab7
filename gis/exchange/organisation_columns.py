"""The columns of tables of organisations, their members, and who takes orders."""

import re

from gis.exchange.columns import POINT_COLUMNS
from gis.files import cells, dates, telephones
from gis.files.column import Column
from gis.files.person_names import parse_person_name
from gis.incidents.models.values import ORGANISATION_KINDS
from gis.messages import label
from gis.rights.roles import ROLE_BY_KEY

TAKER_ROLE_NAMES = tuple(
    ROLE_BY_KEY[key].zh for key in ("volunteer_team", "party_member", "property_company")
)
ADDRESS_COLUMN = Column(
    "address", "地址", cells.parse_text, ("详细地址", "住址", "门牌地址", "出发地"),
    "没有经纬度时按地址找楼栋，如 桂花苑3号楼；从这里算步行距离",
    "Finds the building when there is no point; walks are measured from here.",
)  # fmt: skip
SKILLS_HELP = (
    "会做什么，用顿号隔开，如 维修、送水；可写“种类”页上添加的技能",
    "What they can do, with commas between; also skills added on the page /kinds.",
)
HOURS_COLUMN = Column(
    "hours", "服务时间", cells.parse_text, ("可接单时间", "opening_hours"),
    "如 周一至周五 8:30-17:30 或 Mo-Fr 08:30-17:30；留空为任何时间",
    "As Mo-Fr 08:30-17:30; empty: at any time.",
)  # fmt: skip
IS_WORD = {"是": True, "否": False, "在用": True, "停用": False}


def _parse_is(value: object) -> bool:
    """Return what 是, 否, 在用 or 停用 says.

    Raises
    ------
    CellError
        It is another word.
    """
    word = cells.clean_text(value)
    if word not in IS_WORD:
        raise cells.CellError("field.none_of", value=word[:40], allowed=tuple(IS_WORD))
    return IS_WORD[word]


STATE_COLUMN = Column(
    "active", "状态", _parse_is, ("是否在用", "active"),
    "在用（可不填）或停用", "在用 (or empty): in use; 停用: not.", choices=("在用", "停用"),
)  # fmt: skip
PERSON_COLUMNS = (
    Column("person", "工号", cells.parse_code, ("人员编码", "人员编号", "person_code"),
           "没有工号时填姓名和电话", "Staff number; without one, name and telephone."),
    Column("name", "姓名", parse_person_name, ("人员姓名", "志愿者", "志愿者姓名"),
           "新人员必填", "Needed for a new person."),
    Column("phone", "电话", telephones.parse_telephone,
           ("手机", "手机号", "手机号码", "联系电话", "telephone", "mobile"),
           "与姓名一起识别没有工号的人", "With the name it says who has no number."),
)  # fmt: skip


def _parse_hours(value: object) -> float:
    """Return hours, with or without a decimal point."""
    written = cells.clean_text(value)
    is_decimal = re.fullmatch(r"\d{1,6}\.\d+", written)
    return float(written) if is_decimal else cells.parse_count(value)


ORGANISATION_COLUMNS = (
    Column("code", "编码", cells.parse_own_code, ("组织编码", "代码"),
           "唯一且不变的编码", "A code of its own, which it keeps.", needed=True),
    Column("name", "名称", cells.parse_text, ("组织名称", "队伍名称", "单位名称"),
           "如 学苑社区志愿服务队", "As 学苑社区志愿服务队.", needed=True),
    Column("kind", "类别", cells.parse_text, ("组织类别", "类型", "性质"),
           "从列表中选，或“种类”页上添加的组织", "One of the list, or added on the page /kinds.",
           needed=True,
           choices=tuple(label(f"organisation_kind.{key}", "zh") for key in ORGANISATION_KINDS)),
    Column("number", "队号", cells.parse_code, ("中队号", "number"),
           "同类中的序号，如 2", "Its number among those of its kind, as 2."),
    Column("parent", "上级编码", cells.parse_code, ("上级组织", "总队编码"),
           "上级组织的编码，在本表中或已登记", "Code of the one above; in this table or known."),
    Column("area", "区域编码", cells.parse_code, ("社区编码", "服务区域", "area_code"),
           "服务的社区、街道等；留空为全部", "Where it serves; empty: everywhere."),
    Column("estate", "小区", cells.parse_text, ("服务小区",), "可不填", "The estate it serves."),
    Column("facility", "设施编码", cells.parse_code, ("驻地设施",),
           "驻地设施的编码，可不填", "Code of the facility it works from."),
    Column("head", "负责人工号", cells.parse_code, ("队长工号", "书记工号"),
           "没有工号时填负责人和负责人电话", "Staff number; or name and telephone."),
    Column("head_name", "负责人", parse_person_name, ("队长", "书记", "负责人姓名"),
           "可不填", "Who leads it."),
    Column("head_phone", "负责人电话", telephones.parse_telephone, ("队长电话",),
           "可不填", "Of who leads it."),
    Column("phone", "电话", telephones.parse_telephone, ("联系电话", "值班电话"),
           "对外电话", "Duty telephone."),
    *POINT_COLUMNS,
    ADDRESS_COLUMN,
    Column("skills", "技能", cells.parse_text, ("服务项目", "特长"), *SKILLS_HELP),
    HOURS_COLUMN,
    Column("limit_hours", "办理时限（小时）", _parse_hours, ("时限", "办理时限"),
           "交办给它的部分有多少工作小时；留空：不变，新组织为 15",
           "Working hours it has for a part; empty: as it is, of a new one 15."),
    STATE_COLUMN,
)  # fmt: skip

MEMBERSHIP_COLUMNS = (
    Column("organisation", "组织编码", cells.parse_code, ("队伍编码", "单位编码"),
           "组织的编码，须已登记", "Code of the organisation.", needed=True),
    *PERSON_COLUMNS,
    Column("role", "职务", cells.parse_text, ("身份", "角色"),
           "如 队长、副队长；可不填", "As what; need not be filled in."),
    Column("takes_orders", "接单", _parse_is, ("是否接单",),
           "能否代表组织接单：是（可不填）或否", "May take its orders: 是 (or empty) or 否.",
           choices=("是", "否")),
    Column("from", "自", dates.parse_first_day, ("起", "加入日期", "开始日期"),
           "首日；留空：从导入时起", "First day; empty: from the moment of loading."),
    Column("to", "至（不含当天）", dates.parse_end_day, ("离开日期", "结束日期"),
           "从这一天起不再是成员；至今：没有终止日期；留空：不变",
           "From this day on no member any more; 至今: no such day; empty: as it is."),
)  # fmt: skip

TAKER_COLUMNS = (
    *PERSON_COLUMNS,
    Column("area", "区域编码", cells.parse_code, ("社区编码", "服务区域", "area_code"),
           "接哪个社区或街道的单", "Community or street served.", needed=True),
    Column("skills", "技能", cells.parse_text, ("服务项目", "特长", "专业"), *SKILLS_HELP,
           needed=True),
    Column("role", "身份", cells.parse_text, ("角色", "类别"),
           "从列表中选；留空为志愿服务队", "One of the list; empty: volunteers.",
           choices=TAKER_ROLE_NAMES),
    HOURS_COLUMN,
    *POINT_COLUMNS,
    ADDRESS_COLUMN,
    Column("consent", "同意日期", dates.parse_first_day, ("同意接单日期", "授权日期", "consent_at"),
           "本人同意接单的日期；没有同意就不派单",
           "When they agreed; without it nothing is offered."),
    Column("consent_by", "登记人", cells.parse_text, ("经办人",),
           "谁登记的同意；可不填", "Who wrote the consent down."),
    STATE_COLUMN,
)  # fmt: skip

ORGANISATION_TABLES = {
    "organisations": ORGANISATION_COLUMNS,
    "members": MEMBERSHIP_COLUMNS,
    "takers": TAKER_COLUMNS,
}
