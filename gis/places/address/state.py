"""The parts of one address as they are collected, and the address they make."""

from dataclasses import replace

from gis.labels import floor_of_room
from gis.places.address.model import Address
from gis.places.address.patterns import (
    DETAIL_KINDS,
    END_SIGNS,
    PARTS_PATTERN,
    RANGE_PATTERN,
    TOP,
    Part,
    to_part,
)


class AddressState:
    """What has been read of one address so far."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.parts = [to_part(match) for match in PARTS_PATTERN.finditer(text)]
        self.starts = {part.start for part in self.parts}
        self.storeys: dict[int, str] = {}  # every storey that is named, by itself or by a room
        self.doors: set[str] = set()  # every room that is named
        self.is_range = bool(RANGE_PATTERN.search(text))
        self.is_dashed = False
        self.first_dash = text.find("-") % (len(text) + 1)
        self.last_between = max(text.rfind("之间"), text.rfind("中间"))
        self.last_detail = max(
            (nth for nth, part in enumerate(self.parts) if part.kind in DETAIL_KINDS), default=-1
        )
        self.place_end: int | None = None
        self.fields: dict[str, str] = {}
        self.quotes: dict[str, str] = {}
        self.top = self.several = self.is_unclear_inside = False
        self.floor: int | None = None
        self.house = self.beside = self.number = ""
        self.is_building_only = False  # `number` is nothing else, as in 青竹苑2号
        self.number_only: dict[str, str] = {}  # parts that apply only if `number` is the building
        self.own_only: set[str] = set()  # parts that apply only if it is not

    def _either(self, part: Part, text: str) -> None:
        """Record a number that is the building if the estate is named."""
        self.number = self.number or text
        self._end_place(part)

    def _set(self, name: str, text: str, part: Part, quote: str = "") -> None:
        """Record a part, unless an earlier number has set it."""
        self._end_place(part)
        if name == "room":
            self.doors.add(self._at_door(text))
            floor = floor_of_room(text)
            if floor and -floor not in self.storeys:  # 负一层101 is below ground
                self._note(floor, part.quote.strip("-"))
        if self.fields.get(name) or (name == "room" and "room" in self.own_only):
            self.is_unclear_inside |= name == "stairwell" and self.fields[name] != text
            return
        self.fields[name] = text
        self.quotes[name] = quote or part.quote.strip("-")

    def _flat(self, text: str, quote: str) -> None:
        """Record the flat of a storey: 5-2 and 5楼2号 are 502."""
        if not self.fields.get("room") and text.isdecimal() and len(text) <= 2:
            self.fields["room"] = self._at_door(text)
            self.doors.add(self.fields["room"])
            self.quotes["room"] = quote

    def _at_door(self, text: str) -> str:
        """Return a room with its storey: the 2 of 5楼1号和2号 is 502."""
        is_flat = self.floor and self.floor > 0 and text.isdecimal() and len(text) <= 2
        return f"{self.floor}{int(text):02d}" if is_flat else text

    def _note(self, floor: int | None, quote: str) -> None:
        """Record that a storey is named."""
        if floor is not None and floor <= TOP:
            self.storeys.setdefault(floor, quote)

    def _set_floor(self, value: int | None, quote: str) -> None:
        self._note(value, quote)
        if self.floor is None:
            self.floor = value
            self.quotes["floor"] = quote

    def _end_place(self, part: Part) -> None:
        if self.place_end is None:
            self.place_end = part.start

    def _context(self) -> str:
        """Return the innermost part named so far."""
        if self.fields.get("room"):
            return "room"
        if self.floor is not None or self.top:
            return "floor"
        if self.fields.get("stairwell"):
            return "stairwell"
        return "building" if self.fields.get("building") or self.is_building_only else ""

    def _next(self, nth: int) -> Part | None:
        """Return the part that follows directly; None if there is text between."""
        if nth + 1 < len(self.parts) and self.parts[nth + 1].start == self.parts[nth].end:
            return self.parts[nth + 1]
        return None

    def _is_alone(self, part: Part) -> bool:
        """Return whether a number with its suffix stands alone, or before another number."""
        follows = self.text[part.end : part.end + 1]
        return not follows or follows in END_SIGNS or part.end in self.starts

    def _goes_on(self, part: Part) -> bool:
        return not self._is_alone(part)

    def _address(self) -> Address:
        """Return the address of the parts collected."""
        prefix = self.text[: self.place_end].rstrip("-,;.:、")
        if self.several:
            return Address(
                prefix, text=self.text, house=self.house, beside=self.beside, several=True
            )
        if self._is_empty():
            return Address(
                self.text if self.place_end is None else prefix,
                text=self.text,
                house=self.house,
                beside=self.beside,
            )
        address = self._plain_address(prefix)
        if len(self.storeys) > 1 and max(self.storeys) > 0 and not self.is_unclear_inside:
            address = self._with_storeys(address)
        if self.number and not address.building:
            other = self._as_building(address)
            if self.is_building_only:
                address = replace(address, stairwell="", floor=None, room="", top=False, storeys=())
            address = replace(address, other=other)
        return address

    def _is_empty(self) -> bool:
        """Return whether no building and nothing inside one is named."""
        return (
            not self.number
            and not any(self.fields.values())
            and self.floor is None
            and not self.top
            and not self.storeys
        )

    def _plain_address(self, prefix: str) -> Address:
        """Return the address with one storey and room; only the building if these are unclear."""
        quotes = tuple(
            self.quotes.get(name, "") for name in ("building", "stairwell", "floor", "room")
        )
        fields = self.fields
        if self.is_unclear_inside:
            fields = {"building": fields.get("building", "")}
            self.floor, self.top = None, False
        return Address(
            prefix,
            fields.get("building", ""),
            fields.get("stairwell", ""),
            self.floor if self.floor is not None else floor_of_room(fields.get("room", "")),
            fields.get("room", "") if len(self.doors) < 2 else "",
            self.text,
            self.top,
            self.house,
            self.beside,
            is_dashed=self.is_dashed,
            quotes=quotes,
        )

    def _with_storeys(self, address: Address) -> Address:
        """Return an address with all its storeys instead of one storey and room."""
        if "floor" in self.own_only or "vague" in self.number_only:
            self.number = ""  # 3楼和5楼, 25-3、26-1
        return replace(
            address,
            floor=None,
            room="",
            top=False,
            storeys=tuple(sorted(self.storeys)),
            is_range=self.is_range,
            storey_quotes=tuple(dict.fromkeys(self.storeys.values())),
        )

    def _as_building(self, address: Address) -> Address:
        """Return the reading of an address in which its first number names the building."""
        if "vague" in self.number_only:
            return replace(address, building=self.number, stairwell="", floor=None, room="")
        if address.storeys:
            stairwell = "" if "stairwell" in self.own_only else address.stairwell
            return replace(address, building=self.number, stairwell=stairwell)
        room = self.number_only.get("room", address.room)
        stairwell = "" if "stairwell" in self.own_only else address.stairwell
        floor = (
            floor_of_room(room)
            if "floor" in self.own_only or address.floor is None
            else address.floor
        )
        return replace(address, building=self.number, stairwell=stairwell, floor=floor, room=room)
