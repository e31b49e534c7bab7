"""Fields of forms: how they are written, and which value each means."""

import re
import unicodedata
from collections.abc import Iterable, Mapping

MAX_FORM_FIELD_CHARS = 60
ROW_PREFIX = "row."  # in front of the fields of the row that repeats
EMPTY = "-"  # chosen for a field that is to stay empty
# text, number or None, and its format in a workbook
Cell = tuple[str, int | float | None, str]

# other words for figures and columns on forms, beside those of the catalogue
SYNONYMS: dict[str, tuple[str, ...]] = {
    "title": ("标题", "表名"),
    "subject": ("区域", "单位", "填报单位", "社区", "街道", "网格", "社区名称", "所属社区"),
    "period": ("期间", "周期", "统计期", "统计周期", "第几周", "周次", "月份"),
    "first": ("开始日期", "起始日期", "开始", "起"),
    "last": ("截止日期", "结束日期", "截止", "止", "日期"),
    "made": ("制表日期", "制表时间", "填报日期", "填表日期", "填报时间"),
    "rows": ("总数", "合计", "总计", "件数", "条数", "户数合计", "回访数", "人数", "楼栋数"),
    "reported": ("新增", "新增事件", "新增数", "上报", "上报件数", "受理", "受理数", "受理件数",
                 "事件数", "事件总数", "本周新增", "本月新增", "今日新增", "接单数", "接单"),
    "closed": ("办结", "办结数", "办结件数", "已办结", "结案", "结案数", "完成数", "办结事件"),
    "open": ("在办", "在办数", "未办结", "未办结数", "办理中", "处理中", "剩余"),
    "overdue": ("超时", "超期", "逾期", "超时数", "超期数", "逾期数", "超时未办"),
    "supervised": ("督办", "督办件", "督办件数"),
    "response": ("及时响应率",),
    "completion": ("完成率", "结案率"),
    "in_time": ("按时办结率", "按期办结率", "及时率", "按时率"),
    "satisfaction": ("满意度", "群众满意度", "群众满意率"),
    "resolution": ("问题解决率",),
    "hours_to_take": ("平均接单用时", "响应时长"),
    "hours_to_handle": ("平均处理用时", "处理时长", "办理时长"),
    "reported_before": ("上期新增", "上周新增", "上月新增", "昨日新增", "上期上报"),
    "closed_before": ("上期办结", "上周办结", "上月办结", "昨日办结"),
    "name": ("名称", "单位", "区域", "社区", "网格", "楼号", "楼栋", "楼栋名称", "栋号"),
    "code": ("编码", "编号", "代码", "网格编码", "楼栋编码"),
    "area_name": ("网格", "区域", "所在网格", "所属网格", "所属区域", "社区"),
    "number": ("序号", "编号", "事件编号", "工单号"),
    "category": ("类别", "事件类别", "事件类型", "类型", "分类"),
    "description": ("内容", "事件内容", "描述", "事件描述", "问题描述", "情况"),
    "address": ("地址", "地点", "位置", "发生地点", "详细地址"),
    "state": ("状态", "办理状态", "进度", "办理情况"),
    "held_by": ("承办人", "处理人", "责任人", "办理人"),
    "reported_at": ("上报时间", "时间", "受理时间", "发生时间", "日期"),
    "at": ("时间", "日期", "走访时间", "回访时间", "回访日期"),
    "channel": ("来源", "渠道", "上报渠道"),
    "severity": ("等级", "紧急程度", "级别"),
    "due": ("期限", "截止时间", "办理期限"),
    "role": ("职务", "岗位", "角色"),
    "holder": ("姓名", "网格员", "任职人", "网格员姓名", "党员姓名"),
    "deputy": ("代理人", "副职", "AB岗"),
    "since": ("任职时间", "到岗时间", "报到时间", "任职日期"),
    "outcome": ("回访结果", "结果", "回访情况"),
    "solved": ("是否解决", "解决情况"),
    "rating": ("评分", "满意程度"),
    "note": ("备注", "内容", "记录", "走访内容", "办理结果", "情况记录"),
    "move": ("事项", "工作", "工作内容", "做了什么"),
    "estate": ("小区", "小区名称", "所属小区"),
    "kind": ("用途", "类型", "建筑类型"),
    "floors": ("层数", "楼层数"),
    "stairwells": ("单元数", "单元"),
    "households": ("户数", "总户数", "住户数"),
    "people": ("人口", "人口数", "总人口", "居住人数"),
    "building_head": ("楼栋长", "楼长"),
    "building_sponsor": ("包保干部", "包保人", "包保"),
    "vacant": ("空缺", "空岗", "空缺数"),
    "held": ("在岗", "在岗数", "在岗人数"),
    "grid_worker": ("网格员数", "网格员人数", "网格员"),
    "grid_leader": ("网格长数", "网格长人数", "网格长"),
    "unit_head": ("联户长数", "联户长人数", "联户长"),
    "reached": ("接通", "接通数", "成功回访"),
    "not_solved": ("未解决", "未解决数"),
    "satisfied": ("满意", "满意数"),
    "not_satisfied": ("不满意", "不满意数"),
    "active": ("接单人数", "参与人数"),
    "orders": ("接单总数", "认领数", "接单数"),
}  # fmt: skip


def field_name(written: str) -> str:
    """Return the name of a field as it is stored: `figures.` left out, 行. as `row.`."""
    text = " ".join(unicodedata.normalize("NFKC", written).split())
    match = re.fullmatch(r"(row|行|figures)\s*\.\s*(.+)", text)
    if not match:
        return text
    return match[2] if match[1] == "figures" else ROW_PREFIX + match[2]


def recognised(fields: Iterable[str], figures: Mapping[str, str], columns: Mapping[str, str]
) -> dict[str, str]:  # fmt: skip
    """Return the key of each field that is recognised.

    Parameters
    ----------
    figures, columns
        What there is by key, with what it is called.
    """
    mapping = {}
    for name in fields:
        is_row = name.startswith(ROW_PREFIX)
        choices = columns if is_row else figures
        wanted = _plain(name.removeprefix(ROW_PREFIX))
        key = next(
            (
                key
                for words in (_keys, _labels, _synonyms)
                for key in choices
                if wanted in map(_plain, words(key, choices))
            ),
            None,
        )
        if key is not None:
            mapping[name] = key
    return mapping


def _keys(key: str, choices: Mapping[str, str]) -> tuple[str, ...]:
    return (key,)


def _labels(key: str, choices: Mapping[str, str]) -> tuple[str, ...]:
    return (choices[key],)


def _synonyms(key: str, choices: Mapping[str, str]) -> tuple[str, ...]:
    return SYNONYMS.get(key, ())


def _plain(text: str) -> str:
    """Return the letters and digits of a word, in lower case."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text))).lower()
