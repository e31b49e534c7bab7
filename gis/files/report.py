"""Report of a load: rejected rows and notes as codes, whether it was committed or a dry run."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from gis.errors import FieldError, InvalidInput
from gis.messages import Message, has_label, render, text_of

MAX_LISTED_ROWS = 100  # rows named by a note; the others are counted
THE_TABLE = Message("load.the_table")  # rejections of the file as a whole
SEPARATORS = {"en": (": ", "; "), "zh": ("：", "；")}  # after a note, and between its rows


def fault_message(fault: FieldError) -> Message:
    """Return the fault of a field as a message, with the field's label if the catalogue has one."""
    label_code = f"field_label.{fault.field}"
    field_name = Message(label_code) if has_label(label_code) else fault.field
    return Message(fault.code, {"field": field_name, **fault.params})


def row_label(number: int | str) -> Message:
    """Return the name of a row as its author finds it: "row 12"."""
    return Message("load.row", {"row": str(number)})


@dataclass(frozen=True)
class RejectedRow:
    """One row or shape that is not taken.

    location: The row or shape as its author can find it: "row 12", "feature 3 (code 5204…)", "way
    4711". field: The column or property at fault; empty for the shape itself. message: What is
    wrong and what would be right.
    """

    location: Message | str
    field: str
    message: Message

    @property
    def where(self) -> str:
        """Return the place in English."""
        return text_of(self.location, "en")

    @property
    def reason(self) -> str:
        """Return what is wrong in English."""
        return text_of(self.message, "en")

    def text_in(self, language: str) -> str:
        """Return place, field and reason in a language."""
        name = " ".join(filter(None, (text_of(self.location, language), self.field)))
        return f"{name}{SEPARATORS[language][0]}{text_of(self.message, language)}"

    def to_field_error(self) -> FieldError:
        """Return the row as one of the errors of a problem."""
        name = f"{self.where} {self.field}".strip()
        return FieldError(name, self.message.code, self.message.params)


@dataclass
class RowNote:
    """One note for all rows it speaks of.

    rows: Number of each row and what stood in it; at most MAX_LISTED_ROWS.
    count: How many rows there are.
    numbers: The numbers of all of them.
    """

    message: Message
    rows: list[tuple[int | str, Message | str]] = field(default_factory=list)
    count: int = 0
    numbers: set[int] = field(default_factory=set)

    def text_in(self, language: str) -> str:
        """Return the note with its rows in a language."""
        colon, semicolon = SEPARATORS[language]
        entries = [
            render(Message("load.row_detail", {"row": str(row), "detail": detail}), language)
            if detail
            else render(row_label(row), language)
            for row, detail in self.rows
        ]
        if self.count > len(self.rows):
            entries.append(
                render(Message("load.more_rows", {"count": self.count - len(self.rows)}), language)
            )
        return f"{text_of(self.message, language)}{colon}{semicolon.join(entries)}"


@dataclass
class LoadReport:
    """The result of a load or of a dry run.

    kind: osm, areas:grid, households, people, facilities or town.
    source: Name of the file.
    crs: The coordinate system as text, such as "EPSG:4326" or "gcj02 (as told)".
    counts: Rows by kind: {"buildings": 257, …}; "new", "changed", "unchanged" where they apply.
    bbox: (west, south, east, north), degrees, EPSG:4490; None without positions.
    refused: Rejected rows; a load with rejected rows is not committed.
    messages: What was repaired, guessed or skipped on purpose.
    committed: Whether the transaction was committed.
    """

    kind: str
    source: str
    crs: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    bbox: tuple[float, float, float, float] | None = None
    refused: list[RejectedRow] = field(default_factory=list)
    messages: list[Message | RowNote] = field(default_factory=list)
    committed: bool = False

    def __post_init__(self) -> None:
        """Create the index of notes by code."""
        self._row_notes: dict[str, RowNote] = {}  # by code

    @property
    def notes(self) -> list[str]:
        """Return the notes in English, a sentence each."""
        return self.notes_in("en")

    def notes_in(self, language: str) -> list[str]:
        """Return the notes in a language, a sentence each."""
        return [
            message.text_in(language)
            if isinstance(message, RowNote)
            else text_of(message, language)
            for message in self.messages
        ]

    def note(self, code: str, /, **params: object) -> None:
        """Add a note.

        Parameters
        ----------
        code
            What was repaired, guessed or skipped, as a code of the catalogue.
        params
            Its parameters.
        """
        self.messages.append(Message(code, params))

    def note_row(self, code: str, row: int, detail: Message | str = "") -> None:
        """Add a row to the note of a code, so that one note names all rows it speaks of.

        Parameters
        ----------
        code
            What was assumed, skipped or repaired; the same for all of its rows.
        row
            The row as the spreadsheet numbers it.
        detail
            What stood in the row and what was made of it.
        """
        if code not in self._row_notes:
            self._row_notes[code] = RowNote(Message(code, {}))
            self.messages.append(self._row_notes[code])
        note = self._row_notes[code]
        note.count += 1
        note.numbers.add(row)
        if len(note.rows) < MAX_LISTED_ROWS:
            note.rows.append((row, detail))

    def require_all_taken(self) -> None:
        """Raise when a row was refused; for the tables that come with the code.

        Raises
        ------
        InvalidInput
            Names the file and its first refused row.
        """
        if self.refused:
            rejected = self.refused[0]
            raise InvalidInput(
                "file.default_refused",
                file=self.source,
                where=rejected.where,
                reason=rejected.reason,
            )

    def to_dict(self) -> dict[str, object]:
        """Return the report as JSON values, with its sentences in English."""
        return {
            "kind": self.kind,
            "source": self.source,
            "crs": self.crs,
            "counts": self.counts,
            "bbox": self.bbox,
            "refused": [
                {"where": row.where, "field": row.field, "reason": row.reason}
                for row in self.refused
            ],
            "notes": self.notes,
            "committed": self.committed,
        }


def shorten(items: Sequence[str], limit: int) -> Message | Sequence[str]:
    """Return the first items, and how many more there are, as a parameter of a note."""
    if len(items) <= limit:
        return items
    return Message("load.list_more", {"items": items[:limit], "count": len(items) - limit})
