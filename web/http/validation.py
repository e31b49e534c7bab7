"""What pydantic finds wrong with a request, as codes of the message catalogue."""

import re
from collections.abc import Iterator
from typing import Any, TypeVar

from apiflask.schema_adapters import registry
from apiflask.schema_adapters.pydantic import PydanticAdapter
from flask import Request
from pydantic import BaseModel, ValidationError

from gis.errors import FieldError, invalid_fields

Model = TypeVar("Model", bound=BaseModel)

CHOICE_PATTERN = re.compile(r"'([^']*)'")
# pattern of a finding -> code; its groups are the parameters
FINDING_CODES = tuple(
    (re.compile(pattern), code)
    for pattern, code in {
        r"Field required": "input.missing",
        r"Extra inputs are not permitted": "input.field_unknown",
        r"String should have at most (?P<limit>\d+) characters?": "input.text_too_long",
        r"List should have at most (?P<limit>\d+) items?.*": "input.list_too_long",
        r"List should have at least (?P<limit>\d+) items?.*": "input.list_too_short",
        r"Input should be greater than or equal to (?P<low>\S+)": "input.too_low",
        r"Input should be greater than (?P<low>\S+)": "input.not_above",
        r"Input should be less than or equal to (?P<high>\S+)": "input.too_high",
        r"Input should be a valid integer.*": "input.integer_expected",
        r"Input should be a (?:valid|finite) number.*": "input.number_expected",
        r"Input should be a valid boolean.*": "input.boolean_expected",
        r"Input should be a valid string": "input.text_expected",
        r"Input should be a valid UUID.*": "input.uuid_expected",
        (
            r"Input should be a valid (?:list|dictionary|tuple).*|Input should be an object.*"
        ): "input.structure_wrong",
        r"Value error, (?P<code>[a-z][a-z0-9_.]+)": "",  # our own validators name a code
    }.items()
)


def field_error(field: str, finding: str) -> FieldError:
    """Return one finding as an error about its field.

    Parameters
    ----------
    field
        Name of the field, with its place in lists: `moves.3.note`.
    finding
        The sentence of pydantic.
    """
    if field == "crs" and finding == "Field required":
        return FieldError(field, "input.crs_missing")
    if finding.startswith("Input should be '"):
        return FieldError(field, "input.not_allowed", {"allowed": CHOICE_PATTERN.findall(finding)})
    for pattern, code in FINDING_CODES:
        if match := pattern.fullmatch(finding):
            groups = match.groupdict()
            code = code or groups.pop("code")
            return FieldError(
                field,
                code,
                {key: int(text) if text.isdecimal() else text for key, text in groups.items()},
            )
    return FieldError(field, "input.value_wrong")


def validate_model(model: type[Model], value: Any) -> Model:
    """Return JSON as a value of a model.

    Raises
    ------
    InvalidInput
        A field is missing or wrong.
    """
    try:
        return refuse_truths(value, model.model_validate(value))
    except ValidationError as error:
        raise invalid_fields(
            [
                field_error(".".join(map(str, finding["loc"])) or "body", finding["msg"])
                for finding in error.errors()
            ]
        ) from None


def refuse_truths(value: Any, parsed: Model) -> Model:
    """Return what JSON was read as, unless `true` or `false` was taken for a number.

    Raises
    ------
    InvalidInput
        It was, as pydantic does.
    """
    places = [".".join(map(str, place)) or "body" for place in _truths(value, parsed, ())]
    if places:
        raise invalid_fields([FieldError(place, "input.number_expected") for place in places])
    return parsed


def _truths(value: Any, parsed: Any, place: tuple[str | int, ...]) -> Iterator[tuple[Any, ...]]:
    """Yield where JSON has a truth value and what was read from it has another."""
    if isinstance(value, bool):
        if not isinstance(parsed, bool):
            yield place
    elif isinstance(value, dict):
        for key, item in value.items():
            part = parsed.get(key) if isinstance(parsed, dict) else getattr(parsed, key, item)
            yield from _truths(item, part, (*place, key))
    elif isinstance(value, list) and isinstance(parsed, list | tuple):
        for number, (item, part) in enumerate(zip(value, parsed, strict=False)):
            yield from _truths(item, part, (*place, number))


class BodyAdapter(PydanticAdapter):
    """Reads what views take in; of JSON a truth value is no number."""

    def validate_input(self, request: Request, location: str, **kwargs: Any) -> BaseModel:
        """Return what a request says as the model; raise where it is wrong."""
        parsed = super().validate_input(request, location, **kwargs)
        return refuse_truths(request.get_json(force=True), parsed) if location == "json" else parsed


registry.register("pydantic", BodyAdapter)
