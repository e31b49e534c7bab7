"""Refusals in Chinese: the one table from what was refused to the sentence that pages show in place of the English.

The first sentence of `SENTENCES` whose pattern fits counts, then the field's, then the kind's. Problems carry it as
`zh`, beside `detail`, which stays in English for programs.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from gis.errors import FieldError
from gis.incidents.states import STATES, TRANSITIONS, move_labels, state_labels

# key in a message -> its words
MOVE = {name: move_labels(name)[0] for name in TRANSITIONS}
REQUEST = {"suspend": "挂账", "extend": "延时", "void": "作废", "limit": "调整时限"}
ACTION = {
    "incident.report": "上报", "incident.read": "查看事件", "incident.note": "补充", "incident.rate": "评价",
    "incident.handle": "处理事件", "incident.dispatch": "派单", "incident.approve": "审批", "incident.supervise": "督办",
    "contacts.read": "查看联系方式", "names.read": "查看姓名", "reports.read": "查看统计", "export": "导出",
    "history.read": "查看历史", "boundary.draft": "起草边界", "boundary.publish": "发布边界", "posts.hand_over": "移交岗位",
    "rules.edit": "修改路由规则", "accounts.manage": "管理账号",
}  # fmt: skip
FIELD = {
    "note": "说明", "description": "描述", "name": "姓名或名称", "phone": "电话", "email": "邮箱", "address": "地址",
    "category": "类别", "severity": "紧急程度", "channel": "渠道", "way": "派单方式", "area": "区域", "state": "状态",
    "colour": "时限颜色", "sort": "排序", "words": "关键词", "since": "起始时间", "until": "截止时间", "at": "时间",
    "minutes": "工作分钟数", "rating": "评分", "parent": "关联事件", "to": "派给的人", "role": "角色", "lon": "经度",
    "lat": "纬度", "crs": "坐标系", "attributes": "补充问题", "photo": "照片", "photos": "照片", "file": "文件",
    "json": "提交的内容", "body": "提交的内容", "move": "操作", "username": "用户名", "password": "密码", "q": "搜索词",
    "limit": "条数", "per": "分组", "days": "天数", "set": "规则集", "rules": "规则", "code": "代码",
    "reason": "理由", "kind": "种类", "who": "何人", "incident": "事件",
}  # fmt: skip

# pattern of the English detail -> sentence; {1} is the first group, looked up in WORDS
SENTENCES = tuple(
    (re.compile(pattern), zh)
    for pattern, zh in {

        r"there is no such incident": "没有这个事件，或您看不到它。",

        r"the desk is for those who": "调度台供派单和查看事件的人使用。",
        r"keys are for administrators": "程序密钥由总管理员管理。",
        r"there is a key named": "已有同名的密钥。",
        r"the identity provider cannot be reached": "统一身份认证暂时连不上，请稍后再试，或用密码登录。",
        r"signing in at an identity provider is not set up": "这里没有接入统一身份认证。",
        r"([\w.]+) is not allowed to": "您在这里无权{1}。",
        r"nothing is loaded yet": "还没有载入数据。",
        r"area: no area": "没有这个代码的区域。",
        r"photos?(\[\d+\])?:? there are": "照片太多了。",
        r"photos?(\[\d+\])?:? (has|is|a photo)": "照片没有被接受，请换一张 JPEG、PNG 或 WebP 照片。",
        r"kind: .* is none of": "没有这个种类。",

        r"(file: )?.*is empty$": "文件是空的。",
        r"(?:[\w-]+(?:\.[\w-]+)*): is missing; say why": "请写明原因。",
    }.items()
)  # fmt: skip

# pattern of a field's message -> sentence about the field
ABOUT = tuple(
    (re.compile(pattern), zh)
    for pattern, zh in {
        r"is missing|Field required|was not provided|is empty": "{field}没有填写。",
        r"has [\d,]+ characters|is longer than|String should have at most": "{field}太长了。",
        r"holds a NUL": "{field}中有无法保存的字符，请删去。",
        r"has [\d,]+ bytes; at most": "{field}内容太多了。",
        r"is beyond the numbers|is not a finite number|is not a number|should be a valid number": "{field}的数值不对。",
        r".* is not a (time|moment)": "{field}不是有效的时间。",
        r".* is none of |.* is neither |.*is no role|Input should be": "{field}的值不对，请重新选择。",
        r"Extra inputs": "提交的内容有多余的项，请刷新页面后再试。",
    }.items()
)

KIND = {
    "invalid-input": "填写的内容有误，请检查后再试。",
    "not-found": "没有找到。",
    "outside-grids": "这个位置不在任何网格内。",
    "conflict": "与现在的情况不符，请刷新后再试。",
    "sign-in-needed": "请先登录。",
    "not-allowed": "您无权进行这项操作。",
    "too-many": "操作太频繁，请稍后再试。",
    "too-large": "内容太大了。",
    "not-available": "服务暂时不可用，请稍后再试。",
    "bad-request": "无法处理这项请求。",
}
STATUS = {400: "请求无法读取，请刷新页面后再试。", 404: "这个网址没有内容。", 408: "内容没有及时传完，请再试一次。", 405: "这个网址不接受这种操作。",
          413: KIND["too-large"], 415: "提交的内容格式不对。"}  # fmt: skip
WORDS: dict[str, str] = MOVE | REQUEST | ACTION | {state_labels(state)[0]: state_labels(state)[0] for state in STATES}


def chinese(
    kind: str, status: int, detail: str, errors: Iterable[FieldError] = (), extra: Mapping[str, Any] | None = None
) -> str:
    """A refusal as one or more Chinese sentences; always something, never English.

    Args:
        kind: What the problem's `type` ends with, or about:blank.
        detail, errors, extra: As in the problem.
    """
    if kind == "too-many" and isinstance(wait := (extra or {}).get("retry_after"), int):
        return f"操作太频繁，请 {wait} 秒后再试。" if wait < 120 else f"操作太频繁，请 {-(-wait // 60)} 分钟后再试。"
    if kind == "outside-grids":
        return KIND[kind]
    for pattern, zh in SENTENCES:
        if found := pattern.match(detail):
            return re.sub(r"\{(=?)(\d)\}", lambda place: _filled(found[int(place[2])], bool(place[1])), zh)
    about = list(dict.fromkeys(filter(None, map(_about, errors))))[:3]
    return (
        "".join(about)
        or KIND.get(kind)
        or STATUS.get(status)
        or ("系统出错，请稍后再试。" if status >= 500 else KIND["bad-request"])
    )


def _filled(given: str, as_it_stands: bool) -> str:
    return given if as_it_stands else WORDS.get(given, "进行这项操作")


def _about(error: FieldError) -> str:
    """What is wrong with one field; nothing where it is not known."""
    head = re.split(r"[.\[ ]", error.field)[0]
    if head in ("Idempotency-Key", "If-Match", "cursor"):
        return "页面已过时，请刷新后再试。"
    zh = next((zh for pattern, zh in ABOUT if pattern.match(error.message)), "{field}不对，请检查。")
    return zh.format(field=FIELD[head]) if head in FIELD else ""
