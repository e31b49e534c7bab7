"""What a notice says, in Chinese and English: for mails and for the list in the app."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from gis.incidents.workflow import MOVES, STATES, State
from gis.people.roles import BY_KEY

SEVERITIES = {
    "low": ("低", "low"),
    "normal": ("一般", "normal"),
    "high": ("较重", "high"),
    "urgent": ("紧急", "urgent"),
}
TEST = "test"
TOPICS = {f"incident.{name}": (move.zh, move.en) for name, move in MOVES.items()}


class Said(NamedTuple):
    """A notice in words: what happened, to what, and the lines under it (what each is about, and what it is)."""

    what: tuple[str, str]
    of: tuple[str, str]
    lines: list[tuple[tuple[str, str], tuple[str, str]]]


def said(topic: str, body: Mapping[str, Any]) -> Said:
    """A notice in words, each as (Chinese, English)."""
    if topic == TEST:
        return Said(("测试", "test"), ("一条测试通知", "a notice to try things out"), [])
    what = TOPICS.get(topic, (topic, topic))
    code, zh = str(body.get("category") or ""), str(body.get("category_zh") or body.get("category") or "")
    lines = [
        (("状态", "State"), _of(STATES, _state(body))),
        (("轻重", "Severity"), SEVERITIES.get(str(body.get("severity")), ("", ""))),
        (("区域", "Area"), (str(body.get("area") or ""),) * 2),
        (("岗位", "Role"), _role(body.get("role"))),
    ]
    return Said(what, (zh, f"{code} {zh}".strip()), [(name, value) for name, value in lines if value[0]])


def _state(body: Mapping[str, Any]) -> State | None:
    given = body.get("state")
    return State(given) if given in set(State) else None


def _of(table: Mapping[State, tuple[str, str]], key: State | None) -> tuple[str, str]:
    return table[key] if key else ("", "")


def _role(key: object) -> tuple[str, str]:
    role = BY_KEY.get(str(key))
    return (role.zh, role.en) if role else ("", "")
