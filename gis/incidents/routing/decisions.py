"""Steps of a routing decision, each a code `assign.RULE` of the catalogue.

They name no people: they are kept with the incident and shown to its reporter.
"""

from collections.abc import Mapping
from typing import Any

from gis.areas.explanation import DecisionStep
from gis.messages import Message, render


def step(kind: str, rule: str, **values: Any) -> DecisionStep:
    """Return a step with its reason in both languages.

    Parameters
    ----------
    kind
        What was decided: point, rule, person, category or severity.
    rule
        What follows `assign.` in the code.
    **values Parameters of the code. Where the languages differ, `role_zh` and `role_en` are `role`
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
