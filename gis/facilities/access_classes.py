"""Buildings by class of minutes to the nearest facility: what the map of coverage paints.

Six classes have an order: up to a third, two thirds and all of the limit, then up to 4/3 and twice
of it, and farther; three stand apart. Every building is in exactly one.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

UNREACHABLE, CANNOT_SAY, OFF_NETWORK = "unreachable", "cannot_say", "off_network"

# The class of a building; `a` is its row of building_access. A building without a row was loaded
# since the labels were computed: nothing can be said of it.
CLASS_SQL = """
CASE
  WHEN a.building_id IS NULL THEN 'cannot_say'
  WHEN a.off_network THEN 'off_network'
  WHEN a.minutes <= :minutes THEN
    (width_bucket(-a.minutes, ARRAY[1]))::text
  WHEN a.edge_minutes <= :minutes THEN 'cannot_say'
  WHEN a.minutes IS NULL THEN 'unreachable'
END
"""


def class_limits(minutes: float) -> list[int]:
    """Return the five limits in minutes between the six classes; the third is the limit itself.

    Notes
    -----
    Whole minutes; of a limit below 3 minutes some classes are empty.
    """
    return [round(minutes * share) for share in (1 / 3, 2 / 3, 1, 4 / 3, 2)]
