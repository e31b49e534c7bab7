"""The steps of an explanation: the rule of each decision and its message in Chinese and English."""

from dataclasses import dataclass

from gis.messages import Message, render


@dataclass(frozen=True, slots=True)
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
