"""The doors by which one walks into buildings and facilities, as SQL."""

from typing import Literal

Owner = Literal["building", "facility"]

# kinds of entrances, the one that people use most first
ENTRANCE_KINDS = ("main", "side", "gate", "service")

KIND_ZH = {"main": "主入口", "side": "次入口", "gate": "大门", "service": "货运入口"}

KIND_RANK = f"array_position(ARRAY[{', '.join(map(repr, ENTRANCE_KINDS))}], e.kind), e.id"


# of some rows `e` of entrance: doors for goods count only where there are no others
DOORS = (
    f"coalesce(ST_Collect(e.geom ORDER BY {KIND_RANK}) FILTER (WHERE e.kind <> 'service'),"
    " ST_Collect(e.geom ORDER BY e.id))"
)


def doors_sql(owner: Owner, row: str) -> str:
    """Return SQL of all doors of a row of `owner` as one geometry, the main one first.

    Notes
    -----
    NULL where no door is known. `building.entrance` and `facility.entrance` are the main one, kept
    by a trigger.
    """
    return f"""(
  SELECT {DOORS} FROM entrance e
  WHERE e.{owner}_id = {row}.id AND e.removed_at IS NULL)"""  # noqa: S608  ours
