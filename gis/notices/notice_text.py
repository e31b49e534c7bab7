"""What a notice says, in Chinese and English: for mails and for the list in the app."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from gis.incidents.states import TRANSITIONS, State, move_labels, state_labels
from gis.rights.roles import ROLE_BY_KEY

SEVERITIES = {
    "low": ("低", "low"),
    "normal": ("一般", "normal"),
    "high": ("较重", "high"),
    "urgent": ("紧急", "urgent"),
}
TEST = "test"
# what was done, where the move's own words say what is to be done
DONE = {
    "report": ("新上报", "reported"), "accept": ("已受理", "accepted"), "reclassify": ("已改类", "reclassified"),
    "dispatch": ("已派单", "dispatched"), "take": ("已接单", "taken"), "return": ("已退回", "returned"),
    "handle": ("已处理", "handled"), "check": ("已核查", "checked"), "send_back": ("退回重办", "sent back"),
    "close": ("已结案", "closed"), "rate": ("已评价", "rated"), "reopen": ("已重启", "reopened"),
    "request_suspend": ("申请挂账", "suspension asked for"), "request_extend": ("申请延时", "more time asked for"),
    "request_void": ("申请作废", "making void asked for"), "approve_suspend": ("已挂账", "suspended"),
    "approve_extend": ("已延时", "more time given"), "approve_void": ("已作废", "made void"),
    "refuse_suspend": ("不同意挂账", "not suspended"), "refuse_extend": ("不同意延时", "no more time given"),
    "refuse_void": ("不同意作废", "not made void"), "resume": ("已恢复", "resumed"),
    "withdraw": ("申请已撤回", "request withdrawn"), "request_limit": ("申请调整时限", "another time limit asked for"),
    "approve_limit": ("已调整时限", "time limit changed"), "refuse_limit": ("不同意调整时限", "time limit not changed"), "supervise": ("已督办", "supervised"),
    "release": ("已解除督办", "no longer supervised"), "link": ("已并案", "linked"), "unlink": ("已拆案", "unlinked"),
    "note": ("有补充", "note added"),
}  # fmt: skip
TOPICS = {f"incident.{name}": DONE.get(name, move_labels(name)) for name in TRANSITIONS}
TOPICS["incident.danger"] = ("险情", "danger")


class NoticeText(NamedTuple):
    """A notice in words: what happened, to what, and the lines under it (what each is about, and what it is)."""

    what: tuple[str, str]
    of: tuple[str, str]
    lines: list[tuple[tuple[str, str], tuple[str, str]]]


def render_notice(topic: str, body: Mapping[str, Any], area: str = "", category_en: str = "") -> NoticeText:
    """A notice in words, each as (Chinese, English).

    Args:
        area, category_en: Names, where the asker knows more than the notice says.
    """
    if topic == TEST:
        return NoticeText(("测试", "test"), ("一条测试通知", "a notice to try things out"), [])
    what = TOPICS.get(topic, (topic, topic))
    code, zh = str(body.get("category") or ""), str(body.get("category_zh") or body.get("category") or "")
    lines = [
        (("状态", "State"), _state(body)),
        (("轻重", "Severity"), SEVERITIES.get(str(body.get("severity")), ("", ""))),
        (("区域", "Area"), (area or str(body.get("area") or ""),) * 2),
        (("岗位", "Role"), _role(body.get("role"))),
    ]
    return NoticeText(
        what, (zh, category_en or f"{code} {zh}".strip()), [(name, value) for name, value in lines if value[0]]
    )


def _state(body: Mapping[str, Any]) -> tuple[str, str]:
    given = body.get("state")
    return state_labels(given) if given in set(State) else ("", "")


def _role(key: object) -> tuple[str, str]:
    role = ROLE_BY_KEY.get(str(key))
    return (role.zh, role.en) if role else ("", "")
