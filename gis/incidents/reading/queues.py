"""Who has an incident to act on now."""

from collections.abc import Mapping

from gis.rights.roles import ROLE_BY_KEY

# who has a matter to act on now -> the words; {role} of who holds it, {area} where it waits
QUEUES = {
    "holder": ("由{role}办理", "with the {role_en}"),
    "post": ("由{role}岗位在岗人员办理", "with whoever stands in as {role_en}"),
    "offered": ("已推送，等待接单", "offered to those who may claim it"),
    "posts": ("按岗位办理，尚无登录账号", "with the posts of the place; there are no accounts yet"),
    "operator": ("在平台管理员处等待处理", "waiting at the operator"),
    "nobody": ("暂无账号可处理，等待平台管理员", "waiting: no account can act on it yet"),
} | dict.fromkeys(("unit", "grid", "community", "street", "county"), ("在{area}等待处理", "waiting at {area}"))


IN_HAND = ("holder", "post", "offered", "posts")


def in_words(owner: str, role_key: str | None, areas: Mapping[str, str]) -> dict[str, str]:
    """Who has a matter to act on now, as the API tells it.

    Args:
        owner: One of QUEUES. areas: Level of each of its areas -> the name.
    """
    role = ROLE_BY_KEY.get(role_key or "")
    values = {"role": role.zh if role else "责任人", "role_en": role.en if role else "person responsible",
              "area": areas.get(owner, "")}  # fmt: skip
    zh, en = (words.format_map(values) for words in QUEUES[owner])
    return {"at": owner, "zh": zh, "en": en}
