"""The text of a notice in one language, for mails and for the list in the app.

The label of a topic is the code `notice.TOPIC` of the message catalogue.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from gis.messages import Message, has_label, label, render
from gis.rights.roles import ROLE_BY_KEY, role_label

TEST = "test"
MOVES = (
    "report",
    "accept",
    "reclassify",
    "dispatch",
    "expire",
    "take",
    "return",
    "handle",
    "check",
    "send_back",
    "close",
    "rate",
    "follow_up",
    "reopen",
    "request_suspend",
    "request_extend",
    "request_limit",
    "request_void",
    "approve_suspend",
    "approve_extend",
    "approve_limit",
    "approve_void",
    "refuse_suspend",
    "refuse_extend",
    "refuse_limit",
    "refuse_void",
    "withdraw",
    "resume",
    "supervise",
    "release",
    "escalate",
    "link",
    "unlink",
    "relocate",
    "split",
    "load",
    "hand_out",
    "finish_part",
    "pass_on",
    "hand_over",
    "follow",
    "note",
)
DRAFT_TOPICS = (
    "draft.invite",
    "draft.review",
    "draft.approve",
    "draft.request_changes",
    "draft.lapse",
    "draft.comment",
)
TOPICS = (
    *(f"incident.{move}" for move in MOVES),
    "incident.suspension_ends",
    "incident.danger",
    *DRAFT_TOPICS,
)


class NoticeText(NamedTuple):
    """A notice in one language: what happened, to what, and the lines under it (heading, value)."""

    event: str
    subject: str
    lines: list[tuple[str, str]]


def render_notice(
    topic: str,
    body: Mapping[str, Any],
    language: str,
    *,
    area_name: str = "",
    category_en: str = "",
) -> NoticeText:
    """Return a notice as text in a language.

    Parameters
    ----------
    topic
        As incident.dispatch; a topic that is not in the catalogue stands for itself.
    body
        As stored: category, category_zh, state, severity, area (code) and role, each of them
        optional; of a danger danger_zh and danger_en; of a draft its revision.
    language
        A key of gis.messages.LOCALES.
    area_name, category_en
        Names, if the reader may see more than the notice holds.
    """
    event = label_or_key("notice", topic, language)
    if danger := body.get(f"danger_{language}"):
        event = render(Message("notice.danger", {"kind": str(danger)}), language)
    if topic == TEST:
        return NoticeText(event, label("notice.test_subject", language), [])
    if topic in DRAFT_TOPICS:
        draft = Message("notice.draft_subject", {"number": str(body.get("revision"))})
        return NoticeText(event, render(draft, language), [])
    category, category_zh = (
        str(body.get("category") or ""),
        str(body.get("category_zh") or body.get("category") or ""),
    )
    role = str(body.get("role"))
    lines = (
        ("notice_line.state", label_of("state", body.get("state"), language)),
        ("notice_line.severity", label_of("severity", body.get("severity"), language)),
        ("notice_line.area", area_name or str(body.get("area") or "")),
        ("notice_line.role", role_label(role, language) if role in ROLE_BY_KEY else ""),
    )
    subject = (
        category_zh if language == "zh" else category_en or f"{category} {category_zh}".strip()
    )
    return NoticeText(
        event, subject, [(label(heading, language), value) for heading, value in lines if value]
    )


def label_of(family: str, key: object, language: str) -> str:
    """Return the label of a key, such as `state.taken`; empty if the catalogue has none."""
    code = f"{family}.{key}"
    return label(code, language) if key and has_label(code, language) else ""


def label_or_key(family: str, key: str, language: str) -> str:
    """Return the label of a key; the key itself if the catalogue has none."""
    return label_of(family, key, language) or key
