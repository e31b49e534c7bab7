"""The words that a table of incidents may hold in its columns, and what they mean."""

from collections.abc import Mapping
from typing import Any

from gis.files.tables import Row
from gis.incidents.models import CHANNELS, SEVERITIES
from gis.incidents.states import State
from gis.rights.roles import ROLES

SEVERITY_BY_WORD = {name: name for name in SEVERITIES} | {
    "低": "low",
    "轻微": "low",
    "一般": "normal",
    "普通": "normal",
    "正常": "normal",
    "中": "normal",
    "高": "high",
    "严重": "high",
    "较急": "high",
    "紧急": "urgent",
    "特急": "urgent",
}
CHANNEL_BY_WORD = {name: name for name in CHANNELS} | {
    "小程序": "mini_program",
    "微信": "mini_program",
    "网页": "web",
    "网站": "web",
    "电话": "phone",
    "热线": "phone",
    "12345": "phone",
    "来访": "in_person",
    "当面": "in_person",
    "上门": "in_person",
    "巡查": "patrol",
    "巡逻": "patrol",
    "啄木鸟": "woodpecker",
    "设备": "device",
    "导入": "import",
    "接口": "api",
}

# what other systems call their states; None: it is open, and goes to who is there now
WORDS_BY_STATE: dict[State | None, tuple[str, ...]] = {
    State.CLOSED: (
        *("已办结", "办结", "已结案", "结案", "已完成", "完成", "已处结", "处结"),
        *("已关闭", "关闭", "已归档", "归档", "done", "resolved"),
    ),
    State.VOID: ("已作废", "作废", "已撤销", "撤销", "cancelled"),
    None: (
        *("办理中", "处理中", "在办", "待办", "待处理", "待受理", "待派单", "未办结", "新建"),
        *("已受理", "已派单", "已派发", "已退回", "挂账", "open"),
    ),
}
STATE_BY_WORD: dict[str, State | None] = {
    **{state.value: state for state in State},
    **{word: state for state, words in WORDS_BY_STATE.items() for word in words},
}
RATING_BY_WORD = {
    word: number for number in range(1, 6) for word in (f"{number}", f"{number}.0")
} | {
    "非常满意": 5,
    "很满意": 5,
    "满意": 4,
    "基本满意": 3,
    "一般": 3,
    "不满意": 2,
    "非常不满意": 1,
    "很不满意": 1,
}
SOLVED_BY_WORD = {
    **dict.fromkeys(["是", "已解决", "解决", "yes", "true"], True),
    **dict.fromkeys(["否", "未解决", "没解决", "no", "false"], False),
}
# column -> the words it may hold
WORDS_BY_COLUMN: dict[str, Mapping[str, Any]] = {
    "severity": SEVERITY_BY_WORD,
    "channel": CHANNEL_BY_WORD,
    "state": STATE_BY_WORD,
    "rating": RATING_BY_WORD,
    "solved": SOLVED_BY_WORD,
    "office_rating": RATING_BY_WORD,
    "office_solved": SOLVED_BY_WORD,
    "role": {word: role.key for role in ROLES for word in (role.key, role.zh, role.en.lower())},
}


def word_of(row: Row, key: str) -> Any:
    """Return what the word of a column means, see WORDS_BY_COLUMN; None where it is empty."""
    return WORDS_BY_COLUMN[key].get(row[key].lower()) if row[key] else None
