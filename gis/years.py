"""A year by the clock of the deployment, in which duties, points and stars are counted."""

from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from gis.errors import invalid_field

FIRST_YEAR = 2000  # for which anything is counted


@dataclass(frozen=True)
class Year:
    """A year in a time zone. What happens belongs to the year in which it happens there."""

    number: int
    zone: ZoneInfo

    @property
    def first(self) -> date:
        """Its first day."""
        return date(self.number, 1, 1)

    @property
    def following(self) -> date:
        """The first day behind it."""
        return date(self.number + 1, 1, 1)

    @property
    def since(self) -> datetime:
        """Its first moment."""
        return datetime.combine(self.first, time(), self.zone)

    @property
    def until(self) -> datetime:
        """The first moment behind it."""
        return datetime.combine(self.following, time(), self.zone)


def read_year(number: int | None, now: datetime, zone: ZoneInfo) -> Year:
    """Return a year; the present one for None.

    Raises
    ------
    InvalidInput
        It is before FIRST_YEAR or after the next one.
    """
    present = now.astimezone(zone).year
    number = present if number is None else number
    if not FIRST_YEAR <= number <= present + 1:
        # as texts: a year has no thousands
        raise invalid_field("year", "field.not_between", low=str(FIRST_YEAR), high=str(present + 1))
    return Year(number, zone)
