"""What who reports may say about a report: by which channel it came, how severe it is, and which
questions it answers.
"""

import orjson

from gis.errors import FieldError, invalid_fields
from gis.incidents.catalogue.editions import CategoryRow
from gis.rights.actions import Action
from gis.rights.principal import Principal

MAX_ATTRIBUTES_BYTES = 20_000
OPEN311_ATTRIBUTES = frozenset({"media_url"})  # GeoReport v2 has them for every service

# kind of principal -> channels it may name; who works on incidents may also say how a resident came
# to them
CHANNELS_BY_KIND = {
    "anonymous": frozenset({"api", "web", "mini_program"}),
    "reporter": frozenset({"api", "web", "mini_program"}),
    "account": frozenset({"api", "web", "mini_program"}),
    "key": frozenset({"api", "web", "mini_program", "open311", "phone", "in_person"}),
}
STAFF_CHANNELS = frozenset({"phone", "in_person", "patrol", "woodpecker", "import"})
STAFF_ACTIONS = (Action.READ, Action.HANDLE, Action.DISPATCH)


def require_admissible(
    principal: Principal,
    area_ids: list[int],
    channel: str,
    severity: str,
    attributes: dict[str, object],
    category: CategoryRow,
) -> None:
    """Check what a report says of itself against who sends it, and its answers against the
    category's questions.

    The system's own jobs (devices, imports, the command line) may say everything.

    Raises
    ------
    InvalidInput The channel is another kind of caller's; the severity is not given by who
        dispatches there; an attribute is none of the category's questions.
    """
    if principal.kind == "system":
        return
    errors = []
    channels = CHANNELS_BY_KIND[principal.kind]
    if any(principal.is_allowed(action, area_ids) for action in STAFF_ACTIONS):
        channels |= STAFF_CHANNELS
    if channel not in channels:
        errors.append(
            FieldError(
                "channel",
                "report.channel_not_yours",
                {"channel": channel, "allowed": sorted(channels)},
            )
        )
    if severity and not principal.is_allowed(Action.DISPATCH, area_ids):
        errors.append(FieldError("severity", "report.severity_not_yours"))
    questions = OPEN311_ATTRIBUTES | {str(question["code"]) for question in category.attributes}
    errors += [
        FieldError(
            f"attributes.{name[:40]}", "report.attribute_unknown", {"category": category.code}
        )
        for name in attributes
        if name not in questions
    ]
    if errors:
        raise invalid_fields(errors[:20])


def attributes_error(attributes: object) -> FieldError | None:
    """Return what is wrong with the size or nesting of attributes."""
    try:
        size = len(orjson.dumps(attributes))
    except TypeError:
        return FieldError("attributes", "report.attributes_nested")
    if size > MAX_ATTRIBUTES_BYTES:
        return FieldError(
            "attributes",
            "report.attributes_too_large",
            {"size": size, "limit": MAX_ATTRIBUTES_BYTES},
        )
    return None
