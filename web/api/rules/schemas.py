"""Routing rules as the API takes and shows them."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field

from gis.incidents.catalogue import editions
from gis.incidents.routing import rules, rules_file, rules_text
from gis.settings import SHANGHAI
from web.http.db import session

Minutes = Annotated[int, Field(ge=1, le=rules.MAX_STAGE_MINUTES, description="Minutes")]


ShortText = Annotated[str, Field(max_length=100)]


class RuleIn(BaseModel):
    """A rule; what is empty or left out fits anything."""

    model_config = {"extra": "forbid"}

    name: ShortText
    category: Annotated[str, Field(max_length=10, description="A code or its beginning, as 06")] = (
        ""
    )
    severity: Annotated[str, Field(max_length=20, description="low, normal, high or urgent")] = ""
    area: Annotated[
        str, Field(max_length=40, description="Code of an area; all within it counts")
    ] = ""
    time_from: Annotated[str, Field(max_length=8, examples=["22:00"])] = ""
    time_to: Annotated[
        str, Field(max_length=8, description="Itself not in it; may be past midnight")
    ] = ""
    days: Annotated[str, Field(max_length=20, description="any, working or rest")] = "any"
    channel: ShortText = ""
    way: Annotated[str, Field(max_length=20, description="assign, or order to be claimed")]
    first_role: Annotated[str, Field(max_length=40, examples=["grid_worker"])]
    escalation: list[Annotated[str, Field(max_length=40)]] = Field(
        description="Roles one step up each", max_length=20
    )
    accept_min: Minutes
    dispatch_min: Minutes
    take_min: Minutes
    handle_min: Minutes
    check_min: Minutes
    around_the_clock: bool = False


class DraftIn(BaseModel):
    """A set to be kept as a draft, in place of a draft of the same name."""

    model_config = {"extra": "forbid"}

    name: str = Field(max_length=100)
    rules: list[RuleIn] = Field(
        min_length=1,
        max_length=rules_file.MAX_RULES,
        description="In their order; the first match wins",
    )


class TestIn(BaseModel):
    """Which incidents of the past."""

    model_config = {"extra": "forbid"}

    days: int = Field(90, ge=1, le=3660, description="Reported in so many last days")


class SetOut(BaseModel):
    """A set without its rules."""

    id: int
    name: str
    state: str = Field(description="draft, active or retired")
    author: str
    loaded_at: str
    activated_at: str | None


class RuleOut(RuleIn):
    """A rule, also in words."""

    zh: str
    en: str


class WholeSetOut(SetOut):
    """A set with its rules, in their order."""

    rules: list[RuleOut]


class SetsOut(BaseModel):
    """Every set, the one in force first."""

    items: list[SetOut]


class WentOut(BaseModel):
    """What sent incidents, or would: rule, first role, way."""

    rule: str
    role: str
    way: str


class DifferenceOut(BaseModel):
    """Incidents that would be treated otherwise."""

    before: WentOut
    after: WentOut
    count: int
    elsewhere: bool = Field(
        description="To another role or in the other way; false: only limits or roles above differ"
    )
    slower: int = Field(description="How many would have more time to be handled")
    faster: int
    ids: list[str] = Field(description="The first 200")


class ReplayOut(BaseModel):
    """A set against the past; only incidents the asker may see are compared."""

    since: str
    until: str
    compared: int
    elsewhere: int
    other_limits: int
    differences: list[DifferenceOut]


def rule_to_cells(rule: RuleIn) -> dict[str, str]:
    """Return a rule as the text of its cells."""
    values = {key: str(value) for key, value in rule.model_dump().items()}
    clock = "yes" if rule.around_the_clock else "no"
    return values | {"escalation": "|".join(rule.escalation), "around_the_clock": clock}


def error_location(error: rules_file.RuleError) -> str:
    """Return where an error is, as the sender of JSON finds it."""
    return "rules" if error.row is None else f"rules.{error.row - 1}.{error.column}".rstrip(".")


def rule_set_to_json(rule_set: rules.RoutingRules) -> dict[str, Any]:
    """Return a set as JSON, without its rules."""
    times = {
        key: at and at.astimezone(SHANGHAI).isoformat()
        for key, at in (("loaded_at", rule_set.loaded_at), ("activated_at", rule_set.activated_at))
    }
    return {
        "id": rule_set.id,
        "name": rule_set.name,
        "state": rule_set.state,
        "author": rule_set.author,
        **times,
    }


def rule_set_with_rules(rule_set: rules.RoutingRules) -> dict[str, Any]:
    """Return a set as JSON, with its rules."""
    edition, areas = (
        editions.active_edition(session()),
        rules_text.area_names(session(), rule_set.rules),
    )
    names = [rules_text.category_names(edition), rules_text.category_names(edition, english=True)]
    return rule_set_to_json(rule_set) | {
        "rules": [rule_to_json(rule, names, areas) for rule in rule_set.rules]
    }


def rule_to_json(
    rule: rules.Rule, names: list[dict[str, str]], areas: Mapping[str, str]
) -> dict[str, Any]:
    """Return a rule as JSON, also as a sentence in both languages."""
    zh, en = (
        rules_text.describe_rule(rule, name, areas)[index] for index, name in enumerate(names)
    )
    values: dict[str, Any] = dict(rules_file.as_cells(rule))
    values |= {
        key: getattr(rule, key) for key in (*rules.LIMIT_FIELDS, "escalation", "around_the_clock")
    }
    return values | {"zh": f"{zh[0]} → {zh[1]}，{zh[2]}", "en": f"{en[0]} → {en[1]}, {en[2]}"}
