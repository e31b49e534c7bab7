"""The steps of an explanation: the rule of each decision and its message in Chinese and English."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gis.messages import Message, render


@dataclass(frozen=True)
class DecisionStep:
    """How one step was decided: which rule, and the message in both languages.

    Messages name no people: a result without names keeps its explanation.
    """

    step: str
    rule: str
    zh: str
    en: str


def decision_step(kind: str, rule: str, **params: object) -> DecisionStep:
    """Return a step of an explanation with the message `locate.<kind>.<rule>` of the catalogue."""
    message = Message(f"locate.{kind}.{rule}", params)
    return DecisionStep(kind, rule, render(message, "zh"), render(message, "en"))


def routing_step(kind: str, rule: str, **values: Any) -> DecisionStep:
    """Return a step of routing an incident, with the message `assign.<rule>` of the catalogue.

    It names no people: it is stored with the incident and shown to its reporter.

    Parameters
    ----------
    kind
        What was decided: point, rule, person, category or severity.
    rule
        What follows `assign.` in the code.
    **values
        Parameters of the message. Where the languages differ, `role_zh` and `role_en` are `role`
        of the one and of the other, and `zh` and `en` are `label`.
    """
    code = f"assign.{rule}"
    zh, en = (
        render(Message(code, _params_in(language, values)), language) for language in ("zh", "en")
    )
    return DecisionStep(kind, rule, zh, en)


def _params_in(language: str, values: Mapping[str, Any]) -> dict[str, Any]:
    params = dict(values)
    for name, value in values.items():
        if name == language:
            params["label"] = value
        elif name.endswith(f"_{language}"):
            params[name.removesuffix(f"_{language}")] = value
    return params
