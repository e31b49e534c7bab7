"""Which parser reads the cells of a column, by the column's kind.

A parser takes a cell as the file gives it and returns a value, or a `Guess` that becomes a note with its row; it
raises ValueError with what is wrong and what would be right.
"""

from collections.abc import Callable, Mapping
from typing import Any

from gis.exchange import rooms
from gis.files import cells, dates, positions, telephones

KINDS: Mapping[str, Callable[[object], Any]] = {
    "text": cells.text,
    "prose": cells.clean,
    "name": cells.person_name,
    "code": cells.code,
    "integer": cells.integer,
    "count": cells.count,
    "longitude": positions.longitude,
    "latitude": positions.latitude,
    "moment": dates.first_day,
    "end": dates.end_day,
    "last_day": dates.last_day,
    "crs": cells.system,
    "room": rooms.room,
    "stairwell": rooms.stairwell,
    "building_name": rooms.building_name,
    "telephone": telephones.telephone,
}
