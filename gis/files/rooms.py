"""Rooms, stairwells and buildings as cells of a table name them: 501号, 2-501, 2单元501, 1栋2-503.

Only for cells of their own column; whole addresses are read by gis/places/address/__init__.py.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from gis.files.cells import (
    PLACEHOLDER_PATTERN,
    SUBSTITUTE_PATTERN,
    CellError,
    Guess,
    Marked,
    clean_text,
    parse_code,
    refuse_date,
)
from gis.files.moments import excel_day
from gis.labels import (
    JOINED_NUMBERS,
    LABEL,
    NUMERAL,
    STEM,
    SUFFIX_PATTERNS,
    floor_of_room,
    normalise_label,
    normalise_text,
    parse_number,
)
from gis.messages import Message

MAX_ROOM_CHARS = 20  # characters of a room that is kept as written

# between two rooms, stairwells or buildings; a dash may also separate stairwell and room
_SEVERAL_SIGNS = "、,，;；&+和与及至到"
_BUILDING_WORDS = rf"(?:{SUFFIX_PATTERNS['building']})"
_STAIRWELL_WORDS = rf"(?:{SUFFIX_PATTERNS['stairwell']}|{SUFFIX_PATTERNS['door']})"
_BUILDING_PATTERN = re.compile(rf"第?(?P<label>{LABEL}){_BUILDING_WORDS}")
_STAIRWELL_PATTERN = re.compile(rf"第?(?P<label>{LABEL})号?{_STAIRWELL_WORDS}")
_FLOOR_PATTERN = re.compile(
    rf"(?P<below>地下|负|B|-)?第?(?P<label>\d{{1,3}}|{NUMERAL}+)(?:{SUFFIX_PATTERNS['storey']}|{SUFFIX_PATTERNS['storey_or_building']})"
)
# behind a building or stairwell: a storey after a dash, or one below ground
_BELOW_PATTERN = re.compile(
    rf"-[1-4](?:{SUFFIX_PATTERNS['storey']}|{SUFFIX_PATTERNS['storey_or_building']})"
)
# flats of a tower go from A to F and beyond: in the column of rooms 3F is one, 3F-2 is storey 3
_FLAT_F_PATTERN = re.compile(r"\d{1,4}F")
_ROOM_PATTERN = re.compile(
    rf"(?:#|NO\.?)?(?P<label>[A-Z]?\d{{1,5}}[A-Z]?|[A-Z]|[{STEM}]|{NUMERAL}+)(?:{SUFFIX_PATTERNS['room']}|号房|号门|号)?#?"
)
_BLANK_BETWEEN_PATTERN = re.compile(r"(?<=[0-9A-Za-z])[ \t]+(?=[0-9A-Za-z])")  # 2 501 is 2-501
# Part of a flat by its side: 501东户, 501甲. Other words after a room are a name or unclear.
_SIDE_PATTERN = re.compile(
    rf"[A-Z]?\d{{3,5}}[A-Z]?[东西南北左右中前后上下内外{STEM}A-Z]{{1,2}}[户室侧边间号]?"
)
_DIRECTION_PATTERN = re.compile(r"[东西南北左右中前后]{1,2}(?:边|侧)?(?:单元|梯|门)?")
_NO_STAIRWELL_PATTERN = re.compile(r"(?:不分|没有|无|未分|独)(?:单元|栋|幢)|单元")
_ROOM_NUMBER_PATTERN = re.compile(r"[A-Z]?\d{3,5}[A-Z]?")
_REMARK_PATTERN = re.compile(r"\((?:出?租[户客房]?|租住|外租|自住|常住|空置?房?|无人|户主|在住)\)$")
_DATE_PATTERN = re.compile(
    r"(?:19|20)\d\d-\d{1,2}-\d{1,2}(?:\D.*)?|(?:19|20)\d\d年\d{1,2}月(?:\d{1,2}日)?"
)
_TWO_LABELS = {"building": "cell.two_buildings", "stairwell": "cell.two_stairwells"}
_NO_UNIT_PATTERN = re.compile(r"[-—–/\\无]+|没有|不分|N/A", re.IGNORECASE)


@dataclass(frozen=True)
class Door:
    """What a cell says of a door; None where it says nothing.

    building, stairwell: In the one way of writing of `gis.places.address.normalise_label`.
    room: Without the words around it.
    floor: Storey as written, or read from the room; below ground negative.
    is_floor_written: Whether the storey was written, and not read from the room.
    """

    room: str = ""
    building: str | None = None
    stairwell: str | None = None
    floor: int | None = None
    is_floor_written: bool = False


def parse_room(value: object) -> Door | Guess:
    """Return the door that the cell of a room names: 501, 501号 and 501室 are one.

    2-501 is room 501 of stairwell 2.

    Raises
    ------
    CellError
        Excel has made a date of it, or it names no room, or several.
    """
    if isinstance(value, Marked):
        value = value.value
    written = parse_code(value)
    day = excel_day(written) if isinstance(value, float | int) else None
    if day and datetime(2000, 1, 1) <= day < datetime(2050, 1, 1):
        raise CellError("cell.date_by_excel", date=f"{day:%Y-%m-%d}")
    _refuse_placeholder(written, "cell.no_room")
    text = normalise_text(
        _BLANK_BETWEEN_PATTERN.sub("-", unicodedata.normalize("NFKC", written))
    ).rstrip("、,.。;-")
    if _DATE_PATTERN.fullmatch(text):
        raise CellError("cell.date_by_excel", date=written)
    if _NO_UNIT_PATTERN.fullmatch(written):
        raise CellError("cell.no_room", text=written)
    _refuse_several(written)
    if counted := re.fullmatch(rf"(?:共|计)?(\d{{1,2}}|{NUMERAL}{{1,3}})户", text):
        raise CellError("cell.count_of_homes", text=written, count=parse_number(counted[1]))
    remark = _REMARK_PATTERN.search(text)
    text = text[: remark.start()] if remark else text
    prefixed, text = _prefixes(text.removesuffix("#"))
    read = _numbers(written, text, prefixed)
    if _FLAT_F_PATTERN.fullmatch(text) and isinstance(read, Door):
        read = Guess(read, "cell.flat_f", written)
    if isinstance(read, Guess) or not remark:
        return read
    return Guess(read, "cell.room_remark", written)


def parse_stairwell(value: object) -> str | None:
    """Return the name of a stairwell: 一单元 and 01 are 1.

    None where the cell says that there is none.

    Raises
    ------
    CellError
        Excel has made a date of it, or it names several, or a building.
    """
    written = parse_code(value)
    text = normalise_text(written)
    if _NO_UNIT_PATTERN.fullmatch(written):
        return None
    if (
        re.search(rf"\d\S*[-{_SEVERAL_SIGNS}]\S*\d", text)
        or len(_STAIRWELL_PATTERN.findall(text)) > 1
    ):
        raise CellError("cell.several_stairwells", text=written)
    if _NO_STAIRWELL_PATTERN.fullmatch(text):
        return None
    _refuse_placeholder(written, "cell.no_stairwell")
    if re.search("号楼|栋|幢|座", text):
        raise CellError("cell.building_as_stairwell", text=written)
    if (
        (match := _STAIRWELL_PATTERN.fullmatch(text)) and match["label"].strip("0")
    ) or re.fullmatch(rf"第?{LABEL}号?", text):
        return normalise_label(match["label"] if match else text)
    if _DIRECTION_PATTERN.fullmatch(text):
        return text
    raise CellError("cell.not_stairwell", text=written)


def parse_building_name(value: object) -> Door | str | Guess | None:
    """Return the name of a building, or a door where the cell names the stairwell too, as 1栋2单元.

    Raises
    ------
    CellError
        Excel has made a date of it, or it names several buildings, or a room.
    """
    if isinstance(value, Marked):
        value = value.value
    refuse_date(value)
    written = clean_text(value)
    text = normalise_text(written)
    written = parse_code(written)  # rejects values that Excel turned into dates
    if _NO_UNIT_PATTERN.fullmatch(written):
        return None
    _refuse_placeholder(written, "cell.no_building")
    label = rf"(?:\d{{1,4}}|{NUMERAL}+)(?:号楼|栋|幢|座|#|号)?"
    if _DATE_PATTERN.fullmatch(text):
        raise CellError("cell.date_by_excel", date=written)
    if re.fullmatch(rf"{label}[-{_SEVERAL_SIGNS}]{label}", text) or re.search(
        r"\d(?:号楼|栋|幢|座|#|号)?[-、,;和与及至到]\d+(?:号楼|栋|幢|座|#)", text
    ):
        raise CellError("cell.several_buildings", text=written)
    match = re.match(
        rf"(?P<building>.*?{LABEL}{_BUILDING_WORDS})-?第?(?P<stairwell>{LABEL}){_STAIRWELL_WORDS}(?P<remainder>.*)$",
        text,
    )
    if not match:
        return written
    if match["remainder"]:
        raise CellError("cell.more_than_building", text=written)
    door = Door(building=match["building"], stairwell=normalise_label(match["stairwell"]))
    detail = Message("cell.stairwell_detail", {"text": written, "stairwell": door.stairwell})
    return Guess(door, "cell.stairwell_after_building", detail)


def _refuse_placeholder(written: str, code: str) -> None:
    """Raise CellError where a cell holds what stands for no value: ####, 待定, 同上.

    Raises
    ------
    CellError
        It does; its code is `code`.
    """
    if SUBSTITUTE_PATTERN.fullmatch(written) or PLACEHOLDER_PATTERN.fullmatch(written):
        raise CellError(code, text=written)


def _refuse_several(written: str) -> None:
    """Raise CellError where the cell names more rooms than one.

    Raises
    ------
    CellError
        `cell.several_homes`.
    """
    text = normalise_text(written)
    is_list = re.search(rf"\d[^-]*[{_SEVERAL_SIGNS}].*\d", text) or re.search(
        r"\d{3,}\s*室?号?\s+\d{3,}|\d{3,}\s*[/\\~〜～]\s*\d|\d{3,}\s*[-－—–]\s*0\d\D*$", written
    )
    numbers = re.findall(r"(?<![A-Z\d])[A-Z]?\d{3,5}[A-Z]?(?!\d)", text)
    if is_list or len(numbers) > 1:
        pair = "、".join(numbers[:2]) or written
        raise CellError("cell.several_homes", text=written, homes=pair)


def _prefixes(text: str) -> tuple[Door, str]:
    """Take building, stairwell and storey with their words from the front of a room."""
    door = Door()
    steps: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], dict[str, object]]], ...] = (
        (_BUILDING_PATTERN, lambda match: {"building": normalise_label(match["label"])}),
        (_STAIRWELL_PATTERN, lambda match: {"stairwell": normalise_label(match["label"])}),
        (
            _FLOOR_PATTERN,
            lambda match: {
                "floor": parse_number(match["label"]) * (-1 if match["below"] else 1),
                "is_floor_written": True,
            },
        ),
    )
    for pattern, parts in steps:
        if (match := pattern.match(text)) and not _FLAT_F_PATTERN.fullmatch(text):
            door = replace(door, **parts(match))  # type: ignore[arg-type]
            text = text[match.end() :].removeprefix("-")
    return door, text


def _numbers(written: str, text: str, door: Door) -> Door | Guess:
    """Read what is left of a room after its words: one to four numbers with dashes between.

    Raises
    ------
    CellError
        There is no number, the numbers contradict each other or the door, or may mean several
        rooms.
    """
    parts = text.split("-")
    last = _ROOM_PATTERN.fullmatch(parts[-1])
    if not text:
        raise CellError("cell.room_missing", text=written)
    if last is None or not all(re.fullmatch(LABEL, part) for part in parts[:-1]):
        return _as_written(written, text, door)
    name = _room_name(last["label"])
    within = door.building or door.stairwell
    if within and _BELOW_PATTERN.search(written) and floor_of_room(name) != door.floor:
        raise CellError("cell.room_ambiguous", text=written)
    is_number = bool(_ROOM_NUMBER_PATTERN.fullmatch(last["label"]))
    read_floor = door.floor if door.is_floor_written else floor_of_room(name)
    prefixes = [normalise_label(part) for part in parts[:-1]]
    if not prefixes:
        return replace(door, room=name, floor=read_floor)
    if len(prefixes) == 1 and not is_number:
        return _short(written, prefixes[0], name, door)
    context = "stairwell" if door.stairwell else "building" if door.building else ""
    slots = JOINED_NUMBERS.get(
        (context, len(parts), True), ("stairwell", "room") if len(parts) == 2 else ()
    )[:-1]
    named = dict(zip(slots, prefixes, strict=False))
    if not is_number or not slots or not named.get("floor", "1").isdecimal():
        raise CellError("cell.room_ambiguous", text=written)
    for slot in ("building", "stairwell"):
        earlier = getattr(door, slot)
        if slot in named and earlier is not None and earlier != named[slot]:
            raise CellError(_TWO_LABELS[slot], text=written, earlier=earlier, later=named[slot])
    if "floor" in named and floor_of_room(name) not in (None, int(named["floor"])):
        if context == "stairwell":
            raise CellError(
                "cell.two_stairwells", text=written, earlier=door.stairwell, later=prefixes[0]
            )
        raise CellError("cell.storey_not_of_room", text=written, floor=named["floor"], room=name)
    if "floor" in named:
        read_floor = int(named["floor"])
    read = replace(
        door,
        room=name,
        building=named.get("building", door.building),
        stairwell=named.get("stairwell", door.stairwell),
        floor=read_floor,
        is_floor_written=door.is_floor_written or "floor" in named,
    )
    return Guess(read, "cell.numbers_before_room", _door_detail(written, read))


def _door_detail(written: str, door: Door) -> Message:
    params = {
        "text": written,
        "building": door.building,
        "stairwell": str(door.stairwell),
        "room": door.room,
    }
    code = "cell.door_detail" if door.building else "cell.door_in_building_detail"
    return Message(code, params)


def _room_name(text: str) -> str:
    """Return a room with digits for Chinese numerals.

    Zeros in front stay as they are at the door.
    """
    return normalise_label(text) if re.fullmatch(f"{NUMERAL}+", text) else text


def _short(written: str, number_before: str, number_behind: str, door: Door) -> Guess:
    """Read two numbers of which the second is short.

    5-2 is flat 2 of storey 5; 501-1 is a part of 501.

    Raises
    ------
    CellError
        The first is no storey, or another than the door's.
    """
    name = f"{number_before}-{number_behind}"
    if _ROOM_NUMBER_PATTERN.fullmatch(number_before):
        part = replace(
            door,
            room=name,
            floor=door.floor if door.is_floor_written else floor_of_room(number_before),
        )
        return Guess(part, "cell.part_of_room", written)
    if not number_before.isdecimal() or (
        door.is_floor_written and door.floor != int(number_before)
    ):
        raise CellError("cell.room_ambiguous", text=written)
    flat = replace(door, room=name, floor=int(number_before), is_floor_written=True)
    detail = Message(
        "cell.flat_detail", {"text": written, "floor": number_before, "flat": number_behind}
    )
    return Guess(flat, "cell.storey_and_flat", detail)


def _as_written(written: str, text: str, door: Door) -> Guess:
    """Accept a room whose name is not a number, such as 东头平房, unless it may mean several.

    Raises
    ------
    CellError
        It is too long, or may mean several rooms.
    """
    doubtful = re.search(r"\d{3,}", text) and not _SIDE_PATTERN.fullmatch(text.removeprefix("-"))
    if doubtful and re.fullmatch(r"-\d{3,4}", text):
        doubtful = None  # -101, below ground
    if len(text) > MAX_ROOM_CHARS or len(re.findall(r"\d+", text)) > 1 or doubtful:
        raise CellError("cell.not_room", text=written[:60])
    floor = door.floor if door.is_floor_written else floor_of_room(text)
    return Guess(replace(door, room=text, floor=floor), "cell.room_as_written", written)
