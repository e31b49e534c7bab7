"""The reading of numbers joined by dashes: 3-2-501, 25-3, 501-502."""

import re

from gis.labels import (
    JOINED_NUMBERS,
    digits_of,
    int_or_none,
)
from gis.places.address.neighbours import NeighbourRules
from gis.places.address.patterns import (
    MAX_FLAT,
    STOREY_KINDS,
    Part,
)


class JoinedNumberReader(NeighbourRules):
    """The rules for numbers joined by dashes."""

    def _again(self, leading: Part, trailing: Part) -> None:
        """Read two more numbers joined by a dash after a room: 25-3、26-1 and 1-2503、1-1203."""
        if len(digits_of(trailing.label)) >= 3:
            self._set("room", trailing.label, trailing)
        else:
            self._note(int_or_none(leading.label), leading.quote)

    def _group(self, parts: list[Part]) -> None:
        """Read numbers joined by dashes."""
        labels, kind = [part.label for part in parts], parts[-1].kind
        quote = self.text[parts[0].start : parts[-1].end].lstrip("-")
        context = self._context()
        if context != "room" and self._is_bay(parts[-1], ""):
            if re.fullmatch(r"B[1-4]", labels[0]):  # B1-105车位
                self._set_floor(-int(labels[0][1:]), labels[0])
            return
        if kind == "building":
            self.several = True  # 1-3栋 is a range, or a section and a building
        elif kind in ("stairwell", "door"):
            if len(parts) == 2 and not context:  # 2-3单元
                self._either(parts[0], labels[0])
                self._set("stairwell", labels[1], parts[1])
        elif kind in STOREY_KINDS:
            if len(parts) == 2 and all(
                len(digits_of(text)) in (1, 2) for text in labels
            ):  # 25-26楼, 2栋3-5层
                self._end_place(parts[0])
                self.is_range = True
                for text in labels:
                    self._note(int_or_none(text), quote)
            elif (
                len(parts) == 2 and len(digits_of(labels[0])) >= 3 and len(labels[1]) <= 2
            ):  # 501 3楼
                self._set("room", labels[0], parts[0])
                self._note(int_or_none(labels[1]), parts[1].quote.lstrip("-"))
        else:
            is_room = len(digits_of(labels[-1])) >= 3
            if len(digits_of(labels[0])) >= 3 and len(parts) == 2:
                if not is_room:
                    self._set("room", labels[0], parts[0])  # 2503-1
                else:
                    self.is_range = True
                    for text, part in zip(labels, parts, strict=True):  # 501-502
                        self._set("room", text, part)
            elif len(parts) == 2 and not context:
                self._pair(parts, labels, is_room, quote)
            elif (len(digits_of(labels[0])) < 3 or len(parts) > 2) and (
                names := JOINED_NUMBERS.get((context, len(parts), is_room))
            ):
                self._fill(names, labels, parts, quote)
            elif len(parts) == 3 and not context:  # 2-25-3, 2-1-2
                self._either(parts[0], labels[0])
                self.number_only |= {"vague": "1"}

    def _fill(
        self, names: tuple[str, ...], labels: list[str], parts: list[Part], quote: str
    ) -> None:
        """Assign joined numbers to the names of JOINED_NUMBERS."""
        leading, trailing = int_or_none(labels[0]), int_or_none(labels[-1])
        self.is_dashed = names == ("stairwell", "floor", "flat")
        if names == ("floor", "flat") and leading and trailing:
            if parts[0].below == "-" and leading == 1:
                quote = f"-{quote}"
                self._note(-1, quote)  # 4单元-1-2: below ground, or storey 1
            if trailing > MAX_FLAT:
                self._note(trailing, quote)  # 2栋1-25
        for name, text, part in zip(names, labels, parts, strict=True):
            if name == "floor":
                self._set_floor(int_or_none(text), quote)
            elif name == "flat":
                self._flat(text, quote)
            else:
                self._set(name, text, part, quote if name == "room" else part.quote.strip("-"))

    def _pair(self, parts: list[Part], labels: list[str], is_room: bool, quote: str) -> None:
        """Read two joined numbers without context.

        2-501 is stairwell 2, or building 2; 25-3 is storey 25 flat 3, or building 25.
        """
        leading, trailing = labels
        if is_room and leading.isalpha():  # B-2501 is of building B
            self._set("building", leading, parts[0])
            self._set("room", trailing, parts[1])
            return
        self._either(parts[0], leading)
        if is_room:
            self._set("stairwell", leading, parts[0])
            self._set("room", trailing, parts[1])
            self.own_only.add("stairwell")
        else:
            if parts[0].below == "-" and leading == "1":
                self._note(-1, quote := f"-{quote}")
            self._set_floor(int_or_none(leading), quote)
            self._flat(trailing, quote)
            self.number_only |= {"vague": "1"}
