"""What pydantic finds wrong with a request, as codes of the message catalogue."""

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, TypeVar

from apiflask import HTTPError
from apiflask.schema_adapters import registry
from apiflask.schema_adapters.pydantic import PydanticAdapter
from flask import Request
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gis.errors import FieldError, invalid_fields
from gis.messages import has_label

Model = TypeVar("Model", bound=BaseModel)

NUMBER_EXPECTED = "input.number_expected"

CHOICE_PATTERN = re.compile(r"'([^']*)'")
# type of a finding -> code, and the name of its limit here and in pydantic
FINDINGS: dict[str, tuple[str, str, str]] = {
    "extra_forbidden": ("input.field_unknown", "", ""),
    "greater_than": ("input.not_above", "low", "gt"),
    "greater_than_equal": ("input.too_low", "low", "ge"),
    "less_than_equal": ("input.too_high", "high", "le"),
    "missing": ("input.missing", "", ""),
    "string_too_long": ("input.text_too_long", "limit", "max_length"),
    "string_type": ("input.text_expected", "", ""),
    "too_long": ("input.list_too_long", "limit", "max_length"),
    "too_short": ("input.list_too_short", "limit", "min_length"),
    **dict.fromkeys(("bool_parsing", "bool_type"), ("input.boolean_expected", "", "")),
    **dict.fromkeys(("float_parsing", "float_type", "finite_number"), (NUMBER_EXPECTED, "", "")),
    **dict.fromkeys(
        ("int_from_float", "int_parsing", "int_parsing_size", "int_type"),
        ("input.integer_expected", "", ""),
    ),
    **dict.fromkeys(
        ("date_from_datetime_inexact", "date_from_datetime_parsing", "date_parsing", "date_type"),
        ("input.day_expected", "", ""),
    ),
    **dict.fromkeys(("uuid_parsing", "uuid_type"), ("input.uuid_expected", "", "")),
    **dict.fromkeys(
        ("dict_type", "list_type", "model_attributes_type", "model_type", "tuple_type"),
        ("input.structure_wrong", "", ""),
    ),
}


def field_error(finding: ErrorDetails) -> FieldError:
    """Return one finding of pydantic as an error about its field, as `moves.3.note`."""
    field, kind = ".".join(map(str, finding["loc"])) or "body", finding["type"]
    context = finding.get("ctx", {})
    if field == "crs" and kind == "missing":
        return FieldError(field, "input.crs_missing")
    if kind in ("literal_error", "enum"):
        choices = CHOICE_PATTERN.findall(context["expected"])
        return FieldError(field, "input.not_allowed", {"allowed": choices})
    if kind == "value_error" and has_label(str(context["error"])):  # our own validators name a code
        return FieldError(field, str(context["error"]))
    if kind not in FINDINGS:
        return FieldError(field, "input.value_wrong")
    code, name, limit = FINDINGS[kind]
    if not name:
        return FieldError(field, code)
    value = context[limit]
    return FieldError(field, code, {name: int(value) if value == int(value) else str(value)})


def validate_model(model: type[Model], value: Any) -> Model:
    """Return JSON as a value of a model; a field that null says nothing of is not given then.

    Raises
    ------
    InvalidInput
        A field is missing or wrong.
    """
    try:
        try:
            parsed = model.model_validate(value)
        except ValidationError as error:
            value = _without_nulls(value, error)
            parsed = model.model_validate(value)
    except ValidationError as error:
        raise invalid_fields([field_error(finding) for finding in error.errors()]) from None
    return refuse_truths(value, parsed)


def _without_nulls(value: Any, error: ValidationError) -> Any:
    """Return JSON without the fields that were refused as null; unknown ones stay."""
    result = deepcopy(value)
    for finding in error.errors():
        if finding["input"] is None and finding["type"] != "extra_forbidden":
            holder = result
            for step in finding["loc"]:
                if isinstance(holder, dict) and holder.get(step, "") is None:
                    del holder[step]
                    break
                try:
                    holder = holder[step]
                except (LookupError, TypeError):  # the name of a member of a union
                    break
    return result


def refuse_truths(value: Any, parsed: Model) -> Model:
    """Return what JSON was read as, unless `true` or `false` was taken for a number.

    Raises
    ------
    InvalidInput
        It was, as pydantic does.
    """
    places = [".".join(map(str, path)) or "body" for path in _truths(value, parsed, ())]
    if places:
        raise invalid_fields([FieldError(path, NUMBER_EXPECTED) for path in places])
    return parsed


def _truths(value: Any, parsed: Any, path: tuple[str | int, ...]) -> Iterator[tuple[Any, ...]]:
    """Yield where JSON has a truth value and what was read from it has another."""
    if isinstance(value, bool):
        if not isinstance(parsed, bool):
            yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            part = parsed.get(key) if isinstance(parsed, dict) else getattr(parsed, key, item)
            yield from _truths(item, part, (*path, key))
    elif isinstance(value, list) and isinstance(parsed, list | tuple):
        for number, (item, part) in enumerate(zip(value, parsed, strict=False)):
            yield from _truths(item, part, (*path, number))


class BodyAdapter(PydanticAdapter):
    """Reads what views take in; of JSON a truth value is no number."""

    def validate_input(self, request: Request, location: str, **kwargs: Any) -> BaseModel:
        """Return what a request says as the model.

        Raises
        ------
        InvalidInput
            A field is missing or wrong; each is named.
        HTTPError
            The request cannot be read as what it says it is.
        """
        if location == "json":
            body = request.get_json(force=True)
            return validate_model(self.model_class, {} if body is None else body)
        try:
            parsed = super().validate_input(request, location, **kwargs)
        except HTTPError as error:
            if not isinstance(cause := error.__context__, ValidationError):
                raise
            raise invalid_fields([field_error(finding) for finding in cause.errors()]) from None
        joined = [  # 1_05.95 is a number to Python and to nobody else
            FieldError(name, NUMBER_EXPECTED)
            for name, text in request.args.items()
            if "_" in text and isinstance(getattr(parsed, name, None), int | float)
        ]
        if joined:
            raise invalid_fields(joined)
        return parsed


registry.register("pydantic", BodyAdapter)
