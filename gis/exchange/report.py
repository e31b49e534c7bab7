"""What a load found: the same report for every kind of file, rehearsed or committed."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Refused:
    """One row or shape that is not taken.

    where: The row or shape as its author can find it: "row 12", "feature 3 (code 5204…)", "way 4711".
    field: The column or property at fault; empty for the shape itself.
    reason: What is wrong and what would be right.
    """

    where: str
    field: str
    reason: str


@dataclass
class Report:
    """What a load found and did.

    kind: osm, areas:grid, households, people, facilities or town.
    source: Name of the file.
    crs: The coordinate system found, in words, as "EPSG:4326" or "gcj02 (as told)".
    counts: Rows by what they are: {"buildings": 257, …}; "new", "changed", "unchanged" where it applies.
    bbox: (west, south, east, north), degrees, EPSG:4490; None when nothing had a place.
    refused: Rows not taken; a load with refused rows is not committed.
    notes: What was repaired, guessed or skipped on purpose, a sentence each.
    committed: Whether the transaction was committed.
    """

    kind: str
    source: str
    crs: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    bbox: tuple[float, float, float, float] | None = None
    refused: list[Refused] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    committed: bool = False
