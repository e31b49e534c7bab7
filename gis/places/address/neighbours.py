"""The rules of an address that look at a number and its neighbours."""

from gis.labels import (
    digits_of,
    floor_of_room,
)
from gis.places.address.patterns import (
    ALONE_KINDS,
    BAY_BEFORE_PATTERN,
    BAY_BEHIND_PATTERN,
    END_SIGNS,
    LISTED_PATTERN,
    MAX_BASEMENT,
    MEASURES,
    STOREY_KINDS,
    Part,
)
from gis.places.address.state import AddressState


class NeighbourRules(AddressState):
    """Predicates of a number and the text around it."""

    def _dashed(self, nth: int) -> bool:
        """Return whether a part has no suffix and a dash joins it to the next one."""
        part, following = self.parts[nth], self.parts[nth + 1]
        return (
            not part.kind
            and following.below == "-"
            and following.start == part.end
            and following.kind not in ALONE_KINDS
        )

    def _is_listed(self, nth: int) -> bool:
        """Return whether a number without a suffix is named together with this part: 2、3号楼."""
        previous = self.parts[nth - 1] if nth else None
        return (
            previous is not None
            and not previous.kind
            and len(digits_of(previous.label)) < 3
            and self._is_another(nth)
        )

    def _is_another(self, nth: int, extra: int = 0) -> bool:
        """Return whether a number continues a list (、和到 …) and is not a measure: 401、501."""
        if not nth:
            return False
        previous, part, last = self.parts[nth - 1], self.parts[nth], self.parts[nth + extra]
        follows = self.text[last.end : last.end + 1]
        between = self.text[previous.end : part.start] + part.below.replace("地负", "")
        if (
            follows
            and not last.kind
            and (follows in MEASURES or (between in ",;" and follows not in END_SIGNS))
        ):
            return False  # 501、3个人; 501,119已到
        return bool(between) and bool(LISTED_PATTERN.fullmatch(between))

    def _lists_of_storeys(self) -> list[bool]:
        """Return which numbers without a suffix begin a list of storeys: 4 and 5 of 4、5、6楼."""
        opens = [False] * len(self.parts)
        for nth in range(len(self.parts) - 1, 0, -1):
            is_storey = self.parts[nth].kind in STOREY_KINDS or opens[nth]
            is_number = self.parts[nth - 1].label.isdecimal() and self.parts[nth].below != "-"
            opens[nth - 1] = is_number and is_storey and self._is_listed(nth)
        return opens

    def _is_below(self, nth: int, part: Part, number: int, context: str) -> bool:
        """Return whether the dash before a storey is a minus sign: -1层."""
        is_after_storey = (
            nth > 0
            and self.parts[nth - 1].kind in STOREY_KINDS
            and self.parts[nth - 1].end == part.start
        )
        if part.below != "-" or number > MAX_BASEMENT or (is_after_storey and context == "floor"):
            return False
        following = self._next(nth)
        return self.first_dash >= part.start and not (
            following and floor_of_room(following.label) == number
        )

    def _is_bay(self, part: Part, context: str) -> bool:
        """Return whether a number is that of a parking bay, a shop or the like: 车位105.

        3单元101商铺 is a room.
        """
        if context == "room" or (
            context in ("stairwell", "floor") and len(digits_of(part.label)) >= 3
        ):
            return False
        text_before = self.text[max(0, part.start - 6) : part.start].rstrip("-")
        return bool(
            BAY_BEHIND_PATTERN.match(self.text, part.end) or BAY_BEFORE_PATTERN.search(text_before)
        )
