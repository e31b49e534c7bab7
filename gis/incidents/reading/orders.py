"""Orders of incident lists: as SQL, and as the cursor after which the next page begins."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from gis.errors import invalid_field
from gis.incidents.models import SEVERITIES

SEPARATOR = "|"
NEVER = "infinity"  # a moment that sorts behind all others


@dataclass(frozen=True)
class KeyPart:
    """A part of a sort key.

    sql: Of the incident `i`. type: Of the database. text: The part as a cursor has it, of a view.
    parse: Raises ValueError unless a text is one.
    """

    sql: str
    type: str
    text: Callable[[Any], str]
    parse: Callable[[str], object]


@dataclass(frozen=True)
class Order:
    """An order of a list: parts of its key, the id last, all in one direction."""

    parts: tuple[KeyPart, ...]
    descending: bool = False

    @property
    def order_by(self) -> str:
        """Return it for ORDER BY."""
        direction = " DESC" if self.descending else ""
        return ", ".join(part.sql + direction for part in self.parts)

    def behind(self, cursor: str) -> tuple[str, dict[str, Any]]:
        """Return the condition of what comes behind a cursor, and its parameters.

        Raises
        ------
        InvalidInput
            The cursor is of another order, or none.
        """
        values = cursor.split(SEPARATOR)
        try:
            for part, value in zip(self.parts, values, strict=True):
                part.parse(value)
        except ValueError:
            raise invalid_field("cursor", "field.cursor_of_another_order") from None
        key = ", ".join(part.sql for part in self.parts)
        bounds = ", ".join(
            f"CAST(:a{number} AS {part.type})" for number, part in enumerate(self.parts)
        )
        comparison = "<" if self.descending else ">"
        params = {f"a{number}": value for number, value in enumerate(values)}
        return f"({key}) {comparison} ({bounds})", params

    def values(self, key: str) -> tuple[Any, ...]:
        """Return the parts of a cursor, to be compared as the database compares them."""
        parsed = (
            part.parse(value) for part, value in zip(self.parts, key.split(SEPARATOR), strict=True)
        )
        return tuple((value == NEVER, "" if value == NEVER else value) for value in parsed)

    def key(self, incident: Any) -> str:
        """Return the cursor behind an incident."""
        return SEPARATOR.join(part.text(incident) for part in self.parts)


def _moment(name: str, column: str, *, may_be_missing: bool) -> KeyPart:
    """Return a moment as a part; what has none comes last."""

    def text(incident: Any) -> str:
        value = getattr(incident, name)
        return value.isoformat() if value else NEVER

    def parse(value: str) -> object:
        return value if may_be_missing and value == NEVER else datetime.fromisoformat(value)

    sql = f"coalesce(i.{column}, '{NEVER}')" if may_be_missing else f"i.{column}"
    return KeyPart(sql, "timestamptz", text, parse)


def _severity_rank(severity: str) -> int:
    return len(SEVERITIES) - SEVERITIES.index(severity)


def _parse_rank(value: str) -> object:
    if value not in {str(_severity_rank(severity)) for severity in SEVERITIES}:
        raise ValueError(value)
    return value


SEVERITY_RANK = "CASE i.severity {} END".format(
    " ".join(f"WHEN '{severity}' THEN {_severity_rank(severity)}" for severity in SEVERITIES)
)
SEVERITY_KEY = KeyPart(
    SEVERITY_RANK, "integer", lambda incident: str(_severity_rank(incident.severity)), _parse_rank
)
ID = KeyPart("i.id", "uuid", lambda incident: str(incident.id), UUID)
REPORTED = _moment("reported_at", "reported_at", may_be_missing=False)
DUE_KEY = _moment("due", "due_at", may_be_missing=True)
SUSPENDED_UNTIL = _moment("suspended_until", "suspended_until", may_be_missing=True)

ORDERS = {
    "urgent": Order((SEVERITY_KEY, DUE_KEY, ID)),  # danger, severity, lateness
    "suspended": Order((SUSPENDED_UNTIL, ID)),  # what goes on first
    "newest": Order((REPORTED, ID), descending=True),
}
