"""The year in the address of pages of points and stars."""

from flask import current_app, request

from gis.errors import invalid_field
from gis.years import Year, read_year
from web.http.params import parse_datetime


def asked_year() -> Year:
    """Return the year of the address or form; without one the present year of the deployment.

    Raises
    ------
    InvalidInput
        It is none, or out of range.
    """
    now, zone = parse_datetime(None), current_app.config["SETTINGS"].timezone
    text = request.values.get("year", "") or str(now.astimezone(zone).year)
    if not (text.isascii() and text.isdecimal() and len(text) == 4):
        raise invalid_field("year", "formula.not_a_number")
    return read_year(int(text), now, zone)
