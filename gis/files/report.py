"""What a load found: the same report for every kind of file, rehearsed or committed."""

from dataclasses import dataclass, field

MAX_LISTED_ROWS = 100  # rows that one note names; the others are counted


@dataclass(frozen=True)
class RejectedRow:
    """One row or shape that is not taken.

    where: The row or shape as its author can find it: "row 12", "feature 3 (code 5204…)", "way 4711".
    field: The column or property at fault; empty for the shape itself.
    reason: What is wrong and what would be right.
    """

    where: str
    field: str
    reason: str


@dataclass
class LoadReport:
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
    refused: list[RejectedRow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    committed: bool = False

    def __post_init__(self) -> None:
        self._row_notes: dict[str, tuple[int, int]] = {}  # index in notes, and rows so far, by sentence

    def note_row(self, sentence: str, row: int, detail: str = "") -> None:
        """Add a row to the note of a sentence, so that one note names all rows it speaks of.

        Args:
            sentence: What was assumed, skipped or repaired; the same for all of its rows.
            row: The row as the spreadsheet numbers it.
            detail: What stood in the row and what was made of it.
        """
        entry = f"row {row} ({detail})" if detail else f"row {row}"
        if sentence not in self._row_notes:
            self._row_notes[sentence] = len(self.notes), 1
            self.notes.append(f"{sentence}: {entry}")
            return
        index, count = self._row_notes[sentence]
        self._row_notes[sentence] = index, count + 1
        if count < MAX_LISTED_ROWS:
            self.notes[index] += f"; {entry}"
        else:
            listed = self.notes[index].rpartition("; and ")[0] if count > MAX_LISTED_ROWS else self.notes[index]
            self.notes[index] = f"{listed}; and {count + 1 - MAX_LISTED_ROWS} more rows"
