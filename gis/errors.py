"""Errors of requests and changes: codes of the message catalogue with their parameters.

`web/http/errors.py` maps them to HTTP statuses; the command line prints the English sentence and
exits with 1.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from types import MappingProxyType

from gis.messages import Message, has_label, label, render, text_of

CODE_PATTERN = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)+")
NO_PARAMS: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True)
class FieldError:
    """An error of one field, row or geometry.

    Attributes
    ----------
    field
        Name of the field ("lon"), or of the row ("row 12, column code").
    code
        Code of the catalogue: what is wrong and what to do.
    params
        Parameters of the code. A sentence may name the field too: `%(field)s`.
    """

    field: str
    code: str
    params: Mapping[str, object] = dataclass_field(default_factory=lambda: NO_PARAMS)

    @property
    def message(self) -> str:
        """The English sentence, without the field."""
        return self.message_in("en")

    def message_in(self, language: str) -> str:
        """Return the sentence in a language; the field is named by its label of the catalogue."""
        return render(
            Message(self.code, {"field": _field_label(self.field, language), **self.params}),
            language,
        )


class WanggeError(Exception):
    """Base of every error that is meant for the caller.

    Parameters
    ----------
    code
        Code of the catalogue: what is wrong and what to do.
    errors
        Errors of single fields, rows or geometries, if there are several to name.
    extra
        Further members of the problem+json answer, such as the nearest grid.
    params
        Parameters of the code.
    """

    title = "The request could not be done"

    def __init__(
        self,
        code: str,
        /,
        errors: Sequence[FieldError] = (),
        *,
        extra: Mapping[str, object] = NO_PARAMS,
        **params: object,
    ) -> None:
        super().__init__(code, params)
        self.code = code
        self.errors = tuple(errors)
        self.extra = dict(extra)
        self.params = params

    @property
    def detail(self) -> str:
        """The English sentence."""
        return self.detail_in("en")

    def detail_in(self, language: str) -> str:
        """Return the sentence in a language."""
        return render(Message(self.code, self.params), language)

    def json_params(self) -> dict[str, object]:
        """Return the parameters as JSON values: numbers unchanged, all else as English text."""
        return {
            name: value if isinstance(value, int | float) else text_of(value, "en")
            for name, value in self.params.items()
        }

    def as_message(self) -> Message:
        """Return the error as a message, to be named in the message of another error."""
        if not CODE_PATTERN.fullmatch(self.code):
            return Message("error.sentence", {"sentence": self.code})
        if self.errors and isinstance(self, InvalidFields):
            name, params = self.errors[0].field, {"field": self.errors[0].field} | self.params
            return Message("error.of_field", {"name": name, "reason": Message(self.code, params)})
        return Message(self.code, self.params)

    def __str__(self) -> str:
        """Return the English sentence."""
        return self.detail

    def __reduce__(self) -> tuple[object, ...]:
        """Return what another process makes the same error of."""
        return _restore, (type(self), dict(self.__dict__))


def _restore(kind: type[WanggeError], state: dict[str, object]) -> WanggeError:
    error = kind.__new__(kind)
    error.__dict__.update(state)
    return error


class InvalidInput(WanggeError):
    """A field, row or shape is missing or wrong."""

    title = "The input is not valid"


class InvalidFields(InvalidInput):
    """One or more fields are wrong; the sentence is made of theirs."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__(errors[0].code, errors)
        self.params = dict(errors[0].params)

    def detail_in(self, language: str) -> str:
        """Return the sentences of all fields in a language."""
        if language == "en":
            return "; ".join(f"{error.field}: {error.message}" for error in self.errors)
        return "".join(dict.fromkeys(error.message_in(language) for error in self.errors))


def invalid_field(field: str, code: str, /, **params: object) -> InvalidInput:
    """Return an error about one field.

    Parameters
    ----------
    field
        Name of the field ("lon").
    code
        What is wrong with it, and what would be right.
    params
        Parameters of the code.
    """
    return InvalidFields([FieldError(field, code, params)])


def invalid_fields(errors: Sequence[FieldError]) -> InvalidInput:
    """Return an error about several fields; at least one."""
    return InvalidFields(errors)


def plain_params(params: Mapping[str, object]) -> dict[str, object]:
    """Return parameters as plain values: numbers unchanged, everything else as English text."""
    return {
        name: value if isinstance(value, int | float | str) else text_of(value, "en")
        for name, value in params.items()
    }


def _field_label(name: str, language: str) -> str:
    code = f"field_label.{re.split(r'[.[ ]', name)[0]}"
    return label(code, language) if has_label(code, language) else name


class NotFound(WanggeError):
    """What was looked for does not exist."""

    title = "Not found"


class OutsideGrids(NotFound):
    """No grid covers the point, nor is one within the 50 m fallback."""

    title = "Outside every grid"


class Conflict(WanggeError):
    """The change does not fit the present state."""

    title = "Conflict"


class AuthenticationRequired(WanggeError):
    """No account is signed in, or the key or session is not valid."""

    title = "Sign-in needed"


class Forbidden(WanggeError):
    """The principal may see that it is there, but not do this."""

    title = "Not allowed"


class RateLimited(WanggeError):
    """Too many requests, or too many failed attempts, in a while."""

    title = "Too many requests"


class Unavailable(WanggeError):
    """A part the answer needs (database, walking network) is not there yet."""

    title = "Not available"


class TooLarge(WanggeError):
    """The request is larger than the service accepts."""

    title = "Too large"
