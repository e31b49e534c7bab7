"""The ten-household unit of a building that an address means.

The stairwell, storey or room decides; otherwise all candidates are listed.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from gis.areas.explanation import DecisionStep, decision_step
from gis.areas.locate_result import UnitCandidate
from gis.places.address import TOP, Address, normalise_label
from gis.places.queries import Part

Rooms = Callable[[str, str], set[int]]


def choose_unit(
    parts: list[Part], readings: Sequence[Address], rooms: Rooms
) -> tuple[Part | None, list[UnitCandidate], DecisionStep]:
    """Choose the unit, when all readings of the address agree in one; else say which may be meant.

    Parameters
    ----------
    parts
        Of one building, of two units or more.
    readings
        The ways the address may be read in this building; none when it says nothing of it.
    rooms
        The units of the households behind a stairwell (empty: any) and a room.
    """
    chosen = [
        _read(parts, reading, rooms)
        for reading in readings
        if reading.is_inside or len(readings) > 1
    ]
    if not chosen:
        return (
            None,
            list_candidates(parts),
            decision_step("unit", "candidates", count=_count(parts)),
        )
    fitting = [part for part in parts if any(part in some for some, _ in chosen)]
    if _count(fitting) == 1:
        return fitting[0], [], next(reason for some, reason in chosen if some)
    if not fitting:
        return None, list_candidates(parts), chosen[0][1]
    if len(chosen) == 1 and chosen[0][1].rule in ("basement", "several_storeys", "unclear_storey"):
        return None, list_candidates(fitting), chosen[0][1]
    return (
        None,
        list_candidates(fitting),
        decision_step("unit", "candidates", count=_count(fitting)),
    )


def _read(parts: list[Part], address: Address, rooms: Rooms) -> tuple[list[Part], DecisionStep]:
    """Return the parts that one reading of the address may mean, and the rule."""
    _, stairwell_quote, floor_quote, room_quote = address.quotes
    count = _count(parts)
    stairs = {normalise_label(part.stairwell) for part in parts if part.stairwell is not None}
    lost = (
        address.stairwell
        if address.stairwell and stairs and address.stairwell not in stairs
        else ""
    )
    if lost and (len(stairs) > 1 or not (address.top or address.floor is not None)):
        return [], decision_step("unit", "address_unmatched", said=stairwell_quote, count=count)
    if lost and address.is_dashed:
        return parts, decision_step(
            "unit", "unclear_storey", said=room_quote or floor_quote, count=count
        )
    if lost:
        address = replace(address, stairwell="")
    by_stairwell = [part for part in parts if part.fits(address.stairwell, None)]
    if address.storeys:
        return _of_storeys(by_stairwell, address)
    floor = _top_floor(by_stairwell) if address.top else address.floor
    if floor is not None and floor < 0:
        if _count(by_stairwell) == 1:
            return by_stairwell, decision_step("unit", "stairwell", said=stairwell_quote)
        return by_stairwell, decision_step("unit", "basement", said=floor_quote)
    fitting = [part for part in by_stairwell if part.fits("", floor)]
    storey = floor_quote or room_quote
    if _count(fitting) == 1:
        if lost:
            return fitting, decision_step(
                "unit", "floor_without_stairwell", said=storey, floor=floor, lost=stairwell_quote
            )
        if _count(by_stairwell) == 1:
            return fitting, decision_step("unit", "stairwell", said=stairwell_quote)
        by_floor = [part for part in parts if part.fits("", floor)]
        if _count(by_floor) == 1:
            return fitting, decision_step("unit", "floor", said=storey, floor=floor)
        return fitting, decision_step(
            "unit", "stairwell_and_floor", stairwell=stairwell_quote, said=storey, floor=floor
        )
    # Without its stairwell a room is ambiguous: one entry in the registry does not show that it is
    # the only one.
    if address.room and (address.stairwell or len(stairs) <= 1) and (fitting or floor is None):
        behind = rooms(address.stairwell, address.room)
        registered = [part for part in fitting if part.unit_id in behind]
        if _count(registered) == 1:
            return registered, decision_step("unit", "room", said=room_quote)
    return fitting, decision_step("unit", "address_unmatched", said=storey, count=count)


def _of_storeys(parts: list[Part], address: Address) -> tuple[list[Part], DecisionStep]:
    """Return the parts that several storeys may mean, and the rule.

    The unit is decided only if all parts belong to one unit.
    """
    top = _top_floor(parts)
    floors = {top if floor == TOP else floor for floor in address.storeys} - {None}
    numbers = sorted(floor for floor in floors if floor is not None)
    if address.is_range and numbers:
        numbers = list(range(numbers[0], numbers[-1] + 1))
    by_floor = [[part for part in parts if part.fits("", floor)] for floor in numbers]
    fitting = [part for part in parts if any(part in some for some in by_floor)]
    if not all(by_floor) or not numbers or numbers[0] < 0:
        fitting = parts
    quotes = address.storey_quotes
    if _count(fitting) == 1:
        return fitting, decision_step("unit", "room", said=" ".join(quotes))
    rule = "several_storeys" if len(quotes) > 1 else "unclear_storey"
    return fitting, decision_step("unit", rule, said="” “".join(quotes), count=_count(fitting))


def _top_floor(parts: list[Part]) -> int | None:
    return max((part.floor_to for part in parts if part.floor_to is not None), default=None)


def _count(parts: list[Part]) -> int:
    return len({part.unit_id for part in parts})


def list_candidates(parts: list[Part]) -> list[UnitCandidate]:
    """List the units of some parts, each with its stairwells and floors."""
    units: dict[int, UnitCandidate] = {}
    for part in parts:
        unit = units.setdefault(part.unit_id, UnitCandidate(part.code, part.name, [], []))
        if part.stairwell is not None and part.stairwell not in unit.stairwells:
            unit.stairwells.append(part.stairwell)
        if part.floor_from is not None and part.floor_to is not None:
            floors = (part.floor_from, part.floor_to)
            if floors not in unit.floors:
                unit.floors.append(floors)
    return list(units.values())
