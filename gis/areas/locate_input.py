"""What locating is asked, checked: the point, the address and the moment."""

from datetime import datetime, tzinfo

from gis import crs as systems
from gis.areas.locate_result import LocateRequest
from gis.errors import InvalidInput, invalid_field
from gis.places.address import MAX_ADDRESS_CHARS
from gis.storable import YEARS

MAX_ACCURACY_M = 100_000.0  # metres


def parse_point(request: LocateRequest) -> tuple[float, float]:
    """Check a question's point and bring it into storage.

    Raises
    ------
    InvalidInput
        The address is too long, the system is unknown, the point cannot be in it, or its accuracy
        is none.
    """
    lon, lat = request.lon, request.lat
    if request.address and len(request.address) > MAX_ADDRESS_CHARS:
        raise long_address_error(request.address)
    if request.accuracy_m is not None and not 0 <= request.accuracy_m <= MAX_ACCURACY_M:
        value, limit = f"{request.accuracy_m:g}", int(MAX_ACCURACY_M)
        raise invalid_field("accuracy_m", "point.accuracy_wrong", value=value, limit=limit)
    # Points in and around China pass every check, so the usual point skips the arrays of the
    # full checks.
    usual = request.crs in systems.SUPPORTED_CRS and 75 < lon < 135 and 5 < lat < 54
    if not usual:
        systems.validate_points(lon, lat, request.crs)
    return (
        systems.to_storage(lon, lat, request.crs)
        if request.crs in systems.OBFUSCATED_CRS
        else (lon, lat)
    )


def long_address_error(address: str) -> InvalidInput:
    """Return the error for an address that is too long."""
    return invalid_field(
        "address", "address.too_long", count=str(len(address)), limit=str(MAX_ADDRESS_CHARS)
    )


def read_time(value: str, zone: tzinfo, field: str = "at") -> datetime:
    """Parse an ISO 8601 date (its first moment) or date and time.

    Parameters
    ----------
    value
        Text of the moment.
    zone
        Time zone of a moment that names none.
    field
        Name of the field, for the error.

    Raises
    ------
    InvalidInput
        The text is neither a date nor a date and time.
    """
    try:
        moment = datetime.fromisoformat(value.strip())
        if moment.year not in YEARS:
            raise ValueError
    except ValueError:
        raise invalid_field(field, "field.not_a_moment", value=repr(value)) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(zone)
