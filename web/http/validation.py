"""What pydantic finds wrong with a request, as codes of the message catalogue."""

import re
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from gis.errors import FieldError, invalid_fields

Model = TypeVar("Model", bound=BaseModel)

CHOICE_PATTERN = re.compile(r"'([^']*)'")
# pattern of a finding -> code; its groups are the parameters
FINDING_CODES = tuple(
    (re.compile(pattern), code)
    for pattern, code in {
        r"Field required": "request.missing",
        r"Extra inputs are not permitted": "request.field_unknown",
        r"String should have at most (?P<limit>\d+) characters?": "request.text_too_long",
        r"List should have at most (?P<limit>\d+) items?.*": "request.list_too_long",
        r"List should have at least (?P<limit>\d+) items?.*": "request.list_too_short",
        r"Input should be greater than or equal to (?P<low>\S+)": "request.too_low",
        r"Input should be greater than (?P<low>\S+)": "request.not_above",
        r"Input should be less than or equal to (?P<high>\S+)": "request.too_high",
        r"Input should be a valid integer.*": "request.integer_expected",
        r"Input should be a (?:valid|finite) number.*": "request.number_expected",
        r"Input should be a valid boolean.*": "request.boolean_expected",
        r"Input should be a valid string": "request.text_expected",
        r"Input should be a valid UUID.*": "request.uuid_expected",
        r"Input should be a valid (?:list|dictionary|tuple).*|Input should be an object.*": "request.structure_wrong",
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
        return FieldError(field, "request.crs_missing")
    if finding.startswith("Input should be '"):
        return FieldError(field, "request.not_allowed", {"allowed": CHOICE_PATTERN.findall(finding)})
    for pattern, code in FINDING_CODES:
        if match := pattern.fullmatch(finding):
            groups = match.groupdict()
            code = code or groups.pop("code")
            return FieldError(
                field, code, {key: int(text) if text.isdecimal() else text for key, text in groups.items()}
            )
    return FieldError(field, "request.value_wrong")


def validate_model(model: type[Model], value: Any) -> Model:
    """Return JSON as a value of a model.

    Raises
    ------
    InvalidInput
        A field is missing or wrong.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise invalid_fields([
            field_error(".".join(map(str, finding["loc"])) or "body", finding["msg"]) for finding in error.errors()
        ]) from None  # fmt: skip
