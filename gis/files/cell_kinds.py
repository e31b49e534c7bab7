"""Which parser reads the cells of a column, by the column's kind.

A parser takes a cell as the file gives it and returns a value, or a `Guess` that becomes a note with its row; it
raises ValueError with what is wrong and what would be right.
"""

from collections.abc import Callable, Mapping
from typing import Any

from gis.files import cells, dates, positions, rooms, telephones

CELL_PARSERS: Mapping[str, Callable[[object], Any]] = {
    "text": cells.text,
    "prose": cells.clean_text,
    "name": cells.person_name,
    "code": cells.parse_code,
    "integer": cells.parse_integer,
    "count": cells.count,
    "longitude": positions.longitude,
    "latitude": positions.latitude,
    "moment": dates.first_day,
    "end": dates.end_day,
    "last_day": dates.last_day,
    "crs": cells.parse_crs,
    "room": rooms.allow_large_form,
    "stairwell": rooms.stairwell,
    "building_name": rooms.building_name,
    "telephone": telephones.telephone,
}
