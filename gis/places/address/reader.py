"""The reading of an address part by part: what each number means after the parts before it."""

import re

from gis.labels import (
    HIGHEST_FLOOR,
    MAX_LABEL_CHARS,
    THINGS,
    digits_of,
    floor_of_room,
    int_or_none,
)
from gis.places.address.joined import JoinedNumberReader
from gis.places.address.model import Address
from gis.places.address.patterns import (
    BESIDE_PATTERN,
    DATE_BEFORE_PATTERN,
    DOWNWARD_PATTERN,
    END_SIGNS,
    LANDMARK_BEFORE_PATTERN,
    MEASURES,
    NO_STOREY_PATTERN,
    STOREY_KINDS,
    STREET_END_PATTERN,
    STREET_PATTERN,
    TOP,
    UPWARD_PATTERN,
    Part,
    is_spoken_pair,
    spoken_storeys,
)


class AddressReader(JoinedNumberReader):
    """The rules by which parts are read."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.opens = self._lists_of_storeys()

    def read(self) -> Address:
        """Return the address."""
        index = 0
        while index < len(self.parts):
            last = index
            while last + 1 < len(self.parts) and self._dashed(last):
                last += 1
            if last > index and not self.fields.get("room"):
                self._group(self.parts[index : last + 1])
            elif last == index + 1 and self._is_another(index, 1):
                self._again(self.parts[index], self.parts[last])
            else:
                for nth in range(index, last + 1):
                    self._single(nth)
            index = last + 1
        if not self.fields.get("building") and self.beside:
            self.several = True
        return self._address()

    def _single(self, nth: int) -> None:
        """Read a number that is not joined to others."""
        part = self.parts[nth]
        context = self._context()
        number = int_or_none(part.label)
        if part.kind in ("top", "ground", "basement") or part.below in ("地下", "负", "地负"):
            self._end_place(part)
            number = floor_of_room(part.label) or number  # 负101
            below = -(number or 1) if part.kind != "ground" else 1
            self._note(TOP if part.kind == "top" else below, part.quote)
            if context != "room":
                self.top = part.kind == "top"
                self._set_floor(None if self.top else below, part.quote)
            return
        is_room = part.kind in ("", "room", "sign") and floor_of_room(part.label) == 1
        if part.kind == "roof":
            if context != "room":
                self._note(TOP, part.quote)
            return
        if part.below == "-" and context in ("", "building", "stairwell") and is_room:
            self._note(1, part.quote)
            self._note(-1, part.quote)  # 4单元-101: below ground, or storey 1
        match part.kind:
            case "building":
                self._building(nth, part)
            case "yard":
                pass
            case "stairwell" | "door":
                if part.kind == "stairwell" or context == "building":
                    self.is_unclear_inside |= self._is_listed(nth)  # 2、3单元
                    self._stairwell(part)
            case "storey" | "storey_or_building":
                self._storey(nth, part, number, context)
            case "sign":
                self._sign(nth, part, context)
            case "room":
                self._room(nth, part, context)
            case _:
                self._bare(nth, part, context)

    def _building(self, nth: int, part: Part) -> None:
        """Read the number of a building."""
        previous = self.parts[nth - 1] if nth else None
        if part.quote[-1] == "#" and len(digits_of(part.label)) >= (3 if self._context() else 4):
            self._set("room", part.label, part, part.quote)  # 2单元501#
            return
        if self.fields.get("building") and LANDMARK_BEFORE_PATTERN.search(
            self.text[max(0, part.start - 6) : part.start]
        ):
            return
        measure = part.quote[0] == "两" or (
            part.quote.endswith(("一座", "栋楼", "幢楼")) and self._goes_on(part)  # 3栋楼都停水
        )
        if measure or (is_spoken_pair(part)):
            self.several = self.several or not self.fields.get("building")
            return
        beside = BESIDE_PATTERN.match(self.text, part.end) or (
            self.last_between >= part.end and self.last_detail <= nth
        )
        if beside:
            self.beside = self.beside or part.label
            self._end_place(part)
            return
        self.several |= self._is_listed(nth)
        inner = (
            part.quote[-1] == "座" and previous is not None and previous.end == part.start
        )  # 2栋B座
        if inner and self.is_building_only and part.label.isalpha():
            self._stairwell(part)
            return
        if not self.fields.get("building"):
            if self.fields.get("stairwell") or self.fields.get("room"):
                self.several = True  # said of another building: 2单元的人去了5栋
                return
            self._set("building", part.label, part)
            self.floor, self.number, self.top, self.is_building_only = None, "", False, False
            self.storeys.clear()
            self.doors.clear()
        elif self.fields["building"] != part.label:
            if inner:
                self._stairwell(part)
            else:
                self.several = True

    def _stairwell(self, part: Part) -> None:
        if is_spoken_pair(part):
            return
        self._set("stairwell", part.label, part)

    def _storey(self, nth: int, part: Part, number: int | None, context: str) -> None:
        """Read a storey, which may also be a building, as 3楼 of 3楼2单元."""
        if part.kind == "storey_or_building" and not context and self._is_of_building(nth, number):
            return
        if part.label[:1] == "B" and (below := int_or_none(part.label[1:])):
            self._end_place(part)
            self._set_floor(-below, part.quote)
            return
        if NO_STOREY_PATTERN.search(self.text[max(0, part.start - 2) : part.end]):
            return
        if storeys := spoken_storeys(part):
            self._end_place(part)
            for storey in storeys:
                self._note(storey, part.quote)
            return
        if number and self.text[part.end : part.end + 1] == "半":  # 4楼半
            self._note(number + 1, part.quote)
        if number is None or not 0 < number <= HIGHEST_FLOOR or is_spoken_pair(part):
            if number and len(digits_of(part.label)) >= 3:
                self._set("room", part.label, part)  # 501楼道
            return
        if self._is_below(nth, part, number, context):
            self._end_place(part)
            self._set_floor(-number, part.quote)
            return
        if (
            end := TOP
            if UPWARD_PATTERN.match(self.text, part.end)
            else 1
            if DOWNWARD_PATTERN.match(self.text, part.end)
            else None
        ):
            self._note(end, part.quote)  # 5楼以上, 10楼以下
            self.is_range = True
        if not context and part.kind == "storey_or_building":
            self._either(part, part.label)
            self.own_only.add("floor")
        else:
            self._end_place(part)
        self._note(number, part.quote.lstrip("-"))
        if context != "room":
            self._set_floor(number, part.quote.lstrip("-"))

    def _is_of_building(self, nth: int, number: int | None) -> bool:
        """Record a number with 楼 that names a building; return False for a storey."""
        part, following = self.parts[nth], self._next(nth)
        if following is None:
            return False
        room = not following.kind or following.kind in ("room", "sign")
        floor = floor_of_room(following.label)
        is_range = following.below == "-" and following.kind == part.kind  # 3楼-5楼
        is_inside = following.kind in STOREY_KINDS | {"stairwell", "door"} or (
            following.below == "-" and not room
        )
        if is_inside and not is_range:
            self._set("building", part.label, part)  # 3楼2单元, 3楼5层
            return True
        if room and floor is not None and floor != number:
            self._either(part, part.label)  # 3楼501
            self.number_only |= {"room": following.label}
            self.fields["room"] = ""
            self.quotes["room"] = following.quote
            self.own_only.add("room")
            self.doors.add(following.label)
            return True
        return False

    def _sign(self, nth: int, part: Part, context: str) -> None:
        """Read a number with 号: of a street, of a room, or alone."""
        text_before = self.text[max(0, part.start - 16) : part.start]
        if text_before.endswith("附") or DATE_BEFORE_PATTERN.search(text_before):
            return
        if STREET_END_PATTERN.search(text_before[-6:]):
            if context:
                return
            street = STREET_PATTERN.search(text_before)
            self.house = (street[0] if street else text_before) + part.label + "号"
            return
        if self._is_bay(part, context):
            return
        digits = digits_of(part.label)
        thing = self.text[part.end : part.end + 1] in THINGS
        if thing and (len(digits) < 3 or context not in ("stairwell", "floor")):
            return
        if context in ("stairwell", "floor"):
            self._flat(part.label, part.quote) if len(digits) < 3 else self._set(
                "room", part.label, part
            )
        elif (
            len(digits) >= 3
            or context == "building"
            or (context == "room" and self._is_another(nth))
        ):
            self._set("room", part.label, part)
        elif not context and self._is_alone(part) and not self.number:
            self._either(part, part.label)
            self.is_building_only = True

    def _room(self, nth: int, part: Part, context: str) -> None:
        """Read the number of a room."""
        if context == "room" and (len(digits_of(part.label)) >= 3 or self._is_another(nth)):
            self._set("room", part.label, part)
        elif not self.fields.get("room") and "room" not in self.own_only:
            if context == "floor" and len(digits_of(part.label)) < 3:
                self._flat(part.label, part.quote)
            else:
                self._set("room", part.label, part)

    def _bare(self, nth: int, part: Part, context: str) -> None:
        """Read a number without a suffix."""
        if self._is_bay(part, context) or part.label[1:].endswith(
            ("V", "W", "K", "M", "G")
        ):  # 220V, 10KV, 5G
            return
        if self.opens[nth]:
            self._end_place(part)
            self._note(int_or_none(part.label), part.quote)
            return
        if context == "room" or "room" in self.own_only:
            if 3 <= len(digits_of(part.label)) < MAX_LABEL_CHARS and self._is_another(nth):
                self._set("room", part.label, part)
            return
        follows = self.text[part.end : part.end + 1]
        if follows in MEASURES and follows:
            return
        adjacent = part.start == 0 or (nth > 0 and self.parts[nth - 1].end == part.start)
        ends = not follows or follows in END_SIGNS
        digits = digits_of(part.label)
        if re.fullmatch(r"B[1-4]", part.label) and (context or ends):
            self._end_place(part)
            self._set_floor(-int(part.label[1:]), part.quote)
        elif 3 <= len(digits) <= MAX_LABEL_CHARS - 1:
            if (adjacent and (context or ends or nth == 0)) or ends:
                self._set("room", part.label, part)
        elif context == "floor" and adjacent and digits:
            self._flat(part.label, part.quote)
        elif context == "stairwell" and adjacent and digits and ends:
            self._set("room", part.label, part)
        elif not context and (ends or self._next(nth)) and not self.number and digits:
            self._either(part, part.label)
            self.is_building_only = True
