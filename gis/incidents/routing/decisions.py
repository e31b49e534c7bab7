"""Steps of a routing decision, as codes of the catalogue."""

from typing import Any

from gis.areas.explanation import DecisionStep

# rule -> the sentence. No names of people: these are kept with the incident and shown to its reporter.
WORDS = {
    "area": ("按区域代码{code}取{name}内一点", "by area code {code}: a point inside {name}"),
    "address": ("按地址取{name}", "by the address: {name}"),
    "rule": ("路由规则“{name}”：先派{role_zh}", "routing rule “{name}”: {role_en} first"),
    "vacant": ("{role_zh}（{area}）空缺，上一级", "{role_en} ({area}) is vacant: one step up"),
    "away": ("{role_zh}（{area}）请假且无人代理，上一级", "{role_en} ({area}) is on leave and nobody stands in: one step up"),
    "no_post": ("此处未设{role_zh}，上一级", "there is no post of {role_en} here: one step up"),
    "found": ("派给{role_zh}（{area}）", "goes to {role_en} ({area})"),
    "deputy": ("派给{role_zh}（{area}）的代理人", "goes to the deputy of {role_en} ({area})"),
    "least_busy": (
        "派给{role_zh}（{area}）：同岗{count}人中在办最少者",
        "goes to {role_en} ({area}): of {count} in that post, who has the least open",
    ),
    "no_account": (
        "{role_zh}（{area}）没有可登录的账号，上一级",
        "{role_en} ({area}) has no account to act with: one step up",
    ),
    "office": ("目前无人在岗，由{name}（{code}）的账号受理", "nobody is there: it waits at {name} ({code})"),
    "operator": ("本地各级均无可处理的账号，由平台管理员待派", "no account of the place can act on it: it waits at the operator"),
    "nobody": (
        "本地各级均无人可处理，也没有管理员账号：只能在命令行查看",
        "nobody of the place can act on it and there is no operator's account: it is seen at the command line only",
    ),
    "offered": ("按技能“{skill_zh}”推送给步行最近的{count}人", "offered to the {count} nearest on foot with the skill {skill}"),
    "offered_straight": (
        "按技能“{skill_zh}”推送给直线最近的{count}人（未载入步行路网）",
        "offered to the {count} nearest in a straight line with the skill {skill} (no walking network is loaded)",
    ),
    "no_taker": ("无人可接“{skill_zh}”，改派负责人", "nobody takes orders for {skill}: it goes to who answers for the place"),
    "suggested": ("按描述归类为{zh}（{because}）", "by its words: {en} ({because})"),
    "danger": (
        "{zh}（{because}）：按紧急处理，全天计时；报警电话{call}",
        "{en} ({because}): urgent, around the clock; emergency call {call_en}",
    ),
    "danger_kind": ("险情，归入{zh}", "danger, filed as {en}"),
    "unclear": ("描述未能归类，由社区受理时选择", "its words name no category: the community chooses when accepting"),
}  # fmt: skip


def step(kind: str, rule: str, **values: Any) -> DecisionStep:
    """A reason in words."""
    zh, en = WORDS[rule]
    return DecisionStep(kind, rule, zh.format_map(values), en.format_map(values))
