"""What no table can hold, or no reader show: NUL, half a character, a number beyond 64 bits."""

import math
import re
import unicodedata
from collections.abc import Iterator

from gis.errors import FieldError

YEARS = range(1900, 3000)  # of moments: shown by every clock in every zone
MAX_BIGINT = 2**63 - 1
INVISIBLE_CATEGORIES = {"Cc", "Cf", "Zl", "Zp", "Zs"}
UNSTORABLE_PATTERN = re.compile("[\0\ud800-\udfff]")


def is_blank(text: str) -> bool:
    """Return whether a text shows nothing: blanks and characters without width alone."""
    return all(unicodedata.category(char) in INVISIBLE_CATEGORIES for char in text)


def find_unstorable(value: object, field: str) -> Iterator[FieldError]:
    """Yield what cannot be stored of a value of JSON or a form, by field as `moves.3.note`."""
    if isinstance(value, str):
        if UNSTORABLE_PATTERN.search(value):
            yield FieldError(UNSTORABLE_PATTERN.sub("?", field)[:80], "input.text_unstorable")
    elif isinstance(value, float) and not math.isfinite(value):
        yield FieldError(field, "input.number_not_finite")
    elif isinstance(value, int | float):
        # also of a fraction: from there on it is an integer when it is read back from jsonb
        if not -MAX_BIGINT <= value <= MAX_BIGINT:
            yield FieldError(field, "input.number_beyond_range")
    elif isinstance(value, dict):
        for key, item in value.items():
            inside = f"{field}.{key}" if field else str(key)
            yield from find_unstorable(str(key), inside)
            yield from find_unstorable(item, inside)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from find_unstorable(item, f"{field}.{number}" if field else str(number))
