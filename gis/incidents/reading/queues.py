"""Who has an incident to act on now, as the codes `queue.*` of the catalogue."""

from collections.abc import Mapping

from gis.messages import Message, render
from gis.rights.roles import ROLE_BY_KEY

IN_HAND = ("holder", "post", "offered", "posts")
WAITING_AREAS = ("unit", "grid", "community", "street", "county")
QUEUES = (*IN_HAND, "operator", "nobody", *WAITING_AREAS)


def queue_to_json(
    owner: str, role_key: str | None, area_names: Mapping[str, str]
) -> dict[str, str]:
    """Return who has an incident to act on now, as the API has it: at, zh and en.

    Parameters
    ----------
    owner
        One of QUEUES.
    role_key
        Role of who holds it.
    area_names
        Name of each of its areas by level.
    """
    code = "queue.area" if owner in WAITING_AREAS else f"queue.{owner}"
    role = ROLE_BY_KEY.get(role_key or "")
    roles = (
        {"zh": role.zh, "en": role.en}
        if role
        else dict.fromkeys(("zh", "en"), Message("queue.responsible"))
    )
    area = area_names.get(owner, "")
    texts = {
        language: render(Message(code, {"role": roles[language], "area": area}), language)
        for language in roles
    }
    return {"at": owner, **texts}
