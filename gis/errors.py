"""The ways a question or a change can fail, in the words of the domain.

`web/http/errors.py` has the one table that turns these into HTTP statuses; the command line
prints the message and exits with 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class FieldError:
    """One thing wrong with one field, row or shape.

    field: name of the field ("lon"), or of the row ("row 12, column code").
    message: what is wrong and what would be right.
    """

    field: str
    message: str


class WanggeError(Exception):
    """Base of every error that is the asker's to read; the message is safe to show.

    Args:
        detail: One sentence: what is wrong, and what would be right.
        errors: The single fields, rows or shapes, when there is more than one to name.
        extra: More members for the problem+json answer, such as the nearest grid.
    """

    title = "The request could not be done"

    def __init__(self, detail: str, errors: Sequence[FieldError] = (), **extra: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.extra = extra


class InvalidInput(WanggeError):
    """A field, row or shape is missing or wrong."""

    title = "The input is not valid"


def invalid_field(field: str, words: str) -> InvalidInput:
    """One wrong field as an error: its name is in the sentence and in `errors`.

    Args:
        field: Name of the field ("lon").
        words: What is wrong with it, and what would be right.
    """
    return InvalidInput(f"{field}: {words}", [FieldError(field, words)])


def invalid_fields(found: Sequence[FieldError]) -> InvalidInput:
    """Several wrong fields as one error; at least one."""
    return InvalidInput("; ".join(f"{one.field}: {one.message}" for one in found), found)


class NotFound(WanggeError):
    """What was asked for does not exist."""

    title = "Not found"


class OutsideGrids(NotFound):
    """No grid covers the place, nor is one within the 50 m fallback."""

    title = "Outside every grid"


class Conflict(WanggeError):
    """The change does not fit the present state."""

    title = "Conflict"


class AuthenticationRequired(WanggeError):
    """Nobody is signed in, or the key or session is not valid."""

    title = "Sign-in needed"


class Forbidden(WanggeError):
    """The asker may see that it is there, but not do this."""

    title = "Not allowed"


class RateLimited(WanggeError):
    """Too many requests, or too many failed tries, in a while."""

    title = "Too many requests"


class Unavailable(WanggeError):
    """A part the answer needs (database, walking network) is not there yet."""

    title = "Not available"


class TooLarge(WanggeError):
    """The request is larger than the service accepts."""

    title = "Too large"
