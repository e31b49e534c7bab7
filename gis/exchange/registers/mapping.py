"""Which column of a register is which field: proposed by header and content, or as confirmed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from gis.errors import InvalidInput, invalid_field
from gis.exchange.registers import content
from gis.exchange.registers.fields import (
    MARKS,
    PERSONAL_PATTERN,
    REGISTER_KINDS,
    REPEATED_FIELDS,
    TITLES,
    Field,
    fields_of,
    header_columns,
)
from gis.exchange.registers.sheets import Sheet, best_header, occurrences
from gis.files.header import Header, Meanings, plain_name
from gis.messages import Message

Certainty = Literal["sure", "guess"]
TITLE_WEIGHT, MARK_WEIGHT = 3, 2  # beside 1 for each column that a kind knows
SURE_LEAD = 2  # points before the next kind


@dataclass(frozen=True)
class ColumnUse:
    """A column of a file and what it is read as.

    header, nth: Its header, and which of several with that header it is, from 0.
    field: Key of a field of the kind; empty: not read.
    reason: Why it is proposed so.
    """

    header: str
    nth: int
    field: str
    certainty: Certainty
    reason: Message


@dataclass(frozen=True)
class RegisterMapping:
    """The kind of a register and its columns.

    others: Kinds that fit as well; then the kind is a guess.
    """

    kind: str
    columns: tuple[ColumnUse, ...]
    others: tuple[str, ...] = ()

    @property
    def not_kept(self) -> list[str]:
        """The headers of personal things that are not read, or are read only to count."""
        fields = fields_of(self.kind)
        return [
            use.header
            for use in self.columns
            if (
                not fields[use.field].is_loaded
                if use.field
                else re.search(PERSONAL_PATTERN, use.header)
            )
        ]

    def to_json(self) -> list[dict[str, object]]:
        """Return the columns that are read, as a recipe stores them."""
        return [
            {"header": use.header, "nth": use.nth, "field": use.field}
            for use in self.columns
            if use.field
        ]


def propose(
    sheets: Sequence[Sheet], source: str, kind: str | None = None
) -> tuple[RegisterMapping, Sheet, Header]:
    """Propose the kind of a register, when it is not given, and what its columns are.

    Parameters
    ----------
    source
        Name of the file, which may say what it lists.

    Returns
    -------
    The mapping, and the sheet and header it is of.

    Raises
    ------
    InvalidInput
        No row is a header of the kind, or of any.
    """
    options = []
    for candidate in [kind] if kind else REGISTER_KINDS:
        meanings = Meanings(header_columns(candidate))
        for sheet in sheets:
            header = best_header(meanings, sheet.top) or best_header(meanings, sheet.top, 1)
            if header is not None and len(header.texts) > 1:
                points = _points(candidate, header, f"{source} {sheet.title(header)}")
                options.append((points, candidate, sheet, header))
                break
    if not options:
        closest = [text for text in _closest(sheets) if text]
        raise InvalidInput("register.no_header", file=source, header="、".join(closest)[:300])
    options.sort(key=lambda option: -option[0])
    points, best, sheet, header = options[0]
    others = tuple(other for score, other, *_ in options[1:] if score > points - SURE_LEAD)
    return RegisterMapping(best, tuple(_columns(best, sheet, header)), others), sheet, header


def confirmed(kind: str, columns: Sequence[Mapping[str, object]]) -> RegisterMapping:
    """Return the mapping that somebody confirmed, or that a recipe stores.

    Parameters
    ----------
    columns
        Of each column `header`, `nth` (0 when left out) and `field`.

    Raises
    ------
    InvalidInput
        A kind, field or column is not what it can be, or a field is given twice.
    """
    if kind not in REGISTER_KINDS:
        raise invalid_field("kind", "input.not_among", value=kind, allowed=[*REGISTER_KINDS])
    fields, uses, seen = fields_of(kind), [], set()
    for column in columns:
        header, nth, key = column.get("header"), column.get("nth", 0), column.get("field", "")
        if not isinstance(header, str) or not isinstance(nth, int) or not isinstance(key, str):
            raise invalid_field("columns", "register.not_mapping")
        if key and key not in fields:
            raise invalid_field("columns", "input.not_among", value=key, allowed=[*fields])
        if key and key in seen and key not in REPEATED_FIELDS:
            raise invalid_field("columns", "register.field_twice", field=label(key), header=header)
        seen.add(key)
        uses.append(ColumnUse(header, nth, key, "sure", Message("register.confirmed")))
    if len(seen - {""}) < 1:
        raise invalid_field("columns", "register.not_mapping")
    return RegisterMapping(kind, tuple(uses))


def label(field: str) -> Message:
    """Return the label of a field."""
    return Message(f"register_field.{field}")


def _points(kind: str, header: Header, title: str) -> int:
    marks = sum(bool(re.search(MARKS[kind], text)) for text in header.texts.values())
    named = len(set(header.keys.values()))
    return named + MARK_WEIGHT * marks + TITLE_WEIGHT * bool(re.search(TITLES[kind], title))


def _closest(sheets: Sequence[Sheet]) -> list[str]:
    meanings = Meanings(())
    rows = [row for sheet in sheets[:1] for row in sheet.top]
    return [*meanings.closest(rows).texts.values()] if rows else []


def _columns(kind: str, sheet: Sheet, header: Header) -> list[ColumnUse]:
    """Propose what each column of a table is."""
    fields = fields_of(kind)
    uses: dict[int, ColumnUse] = {}
    taken: set[str] = set()
    usual = _usual_columns(kind, fields, sheet, header)
    for index, (text, nth) in occurrences(header).items():
        field = fields.get(_nearest_key(kind, header, index))
        cells = sheet.cells(header, index)
        if field is not None and usual.get(field.key, index) != index:
            reason = Message("register.second_column", {"field": label(field.key)})
            uses[index] = ColumnUse(text, nth, "", "guess", reason)
        elif field is not None and content.contradicts(cells, field.content):
            reason = Message("register.content_differs", {"field": label(field.key)})
            uses[index] = ColumnUse(text, nth, "", "guess", reason)
        elif field is not None:
            taken.add(field.key)
            uses[index] = ColumnUse(text, nth, field.key, "sure", Message("register.by_header"))
        else:
            uses[index] = ColumnUse(text, nth, "", "sure", Message("register.no_purpose"))
    status = fields.get("status")
    for index, use in uses.items():
        if not use.field and status and _says_who_left(status, use, sheet.cells(header, index)):
            reason = Message("register.by_content", {"field": label("status")})
            uses[index] = replace(use, field="status", certainty="guess", reason=reason)
    for index, use in uses.items():
        if not use.field and (guess := _by_content(fields, taken, sheet.cells(header, index), use)):
            taken.add(guess.field)
            uses[index] = guess
    return [use for _, use in sorted(uses.items())]


def _usual_columns(
    kind: str, fields: Mapping[str, Field], sheet: Sheet, header: Header
) -> dict[str, int]:
    """Return the column of each field that has one: the most usual header's, 房号 before 门牌."""
    best: dict[str, tuple[int, int]] = {}
    for index, text in sorted(header.texts.items()):
        field = fields.get(_nearest_key(kind, header, index))
        if field is None or field.key in REPEATED_FIELDS:
            continue
        if content.contradicts(sheet.cells(header, index), field.content):
            continue
        names = [plain_name(name) for name in field.names]
        rank = names.index(plain_name(text)) if plain_name(text) in names else len(names)
        best[field.key] = min(best.get(field.key, (rank, index)), (rank, index))
    return {key: index for key, (_, index) in best.items()}


def _nearest_key(kind: str, header: Header, index: int) -> str:
    """Return the field of a header; a telephone is that of the person left of it."""
    key = header.keys.get(index, "")
    if kind == "buildings" and key == "head_phone" and not re.search("楼", header.texts[index]):
        left = [header.keys[i] for i in sorted(header.keys) if i < index]
        people = [other for other in left if other in ("head", "sponsor")]
        return f"{people[-1]}_phone" if people else key
    return key


def _says_who_left(status: Field, use: ColumnUse, cells: Sequence[object]) -> bool:
    """Return whether a cell of a column says that its row is of somebody who is not there."""
    if re.search(PERSONAL_PATTERN, use.header):
        return False
    texts = {cell for cell in cells if isinstance(cell, str)}
    return any(isinstance(status.parse(cell), str) for cell in texts)


def _by_content(
    fields: Mapping[str, Field], taken: set[str], cells: Sequence[object], use: ColumnUse
) -> ColumnUse | None:
    """Return what a column is by its cells, where its header says nothing."""
    if re.fullmatch("序号|编号|No.?|#", use.header) or re.search(PERSONAL_PATTERN, use.header):
        return None  # 性别 or 政治面貌 stays unread whatever its cells look like
    kind = content.recognise(cells)
    for field in fields.values():
        fits = kind and kind in (field.content, *content.ALSO_FITS.get(field.content, ()))
        if fits and kind != "name" and field.key not in taken:
            reason = Message("register.by_content", {"field": label(field.key)})
            return replace(use, field=field.key, certainty="guess", reason=reason)
    return None
