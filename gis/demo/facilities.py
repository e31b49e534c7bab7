"""The facilities of a made-up community, and the shop fronts, plots and streets they stand on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from shapely import Point
from shapely.geometry.base import BaseGeometry

from gis.demo.compounds import Block, Slot
from gis.demo.names import estate_name
from gis.demo.streets import Cell
from gis.facilities.categories import CATEGORY_BY_KEY

# In the order of placement; the remaining fronts are shops. A community has about forty fronts and
# five plots.
FRONTS = (
    "party_centre",
    "clinic",
    "pharmacy",
    "convenience",
    "food",
    "bank_post",
    "elder_care",
    "market",
    "government",
    "toilet",
    "food",
    "convenience",
    "repair",
    "culture",
    "pharmacy",
    "police",
    "food",
    "convenience",
    "kindergarten",
    "toilet",
    "food",
    "convenience",
    "repair",
    "bank_post",
    "food",
    "convenience",
    "sport",
    "food",
    "toilet",
    "convenience",
    "water",
    "housekeeping",
    "payment",
)
PLOTS = ("school", "kindergarten", "sport", "market", "parking", "hospital", "elder_care")
OPENING_HOURS = {
    "party_centre": "Mo-Fr 09:00-17:30",
    "clinic": "Mo-Su 08:00-20:00",
    "pharmacy": "Mo-Su 08:30-21:30",
    "convenience": "Mo-Su 07:00-23:00",
    "food": "Mo-Su 06:30-21:00",
    "market": "Mo-Su 06:00-19:00",
    "toilet": "24/7",
    "police": "24/7",
    "hospital": "24/7",
    "government": "Mo-Fr 09:00-17:00",
    "bank_post": "Mo-Sa 09:00-17:00",
    "water": "Mo-Su 07:30-20:00",
    "payment": "Mo-Fr 09:00-17:00",
}

# least and most doctors, places or beds
CAPACITIES = {
    "clinic": (4, 12),
    "kindergarten": (180, 360),
    "school": (600, 1500),
    "elder_care": (30, 120),
    "hospital": (200, 600),
}
UNSTATED_SHARE = 0.15  # share of those whose capacity nobody stated
UNSTAFFED = ("toilet", "sport", "park", "parking", "transit", "delivery")  # nobody picks up there


@dataclass(frozen=True)
class Placed:
    """A facility of the town, in metres of the plan."""

    code: str
    category: str
    name: str
    cell: Cell
    hours: str
    contact: str
    capacity: int | None
    shape: BaseGeometry
    door: Point


def place_facilities(
    number: int, community: str, blocks: Sequence[Block], rng: Random
) -> Iterator[Placed]:
    """Yield the facilities of a community.

    Parameters
    ----------
    number
        Number of the community in the town.
    community
        Code of the community.
    """
    by_size: dict[str, list[tuple[Block, Slot]]] = {}
    for block in blocks:
        for slot in block.slots:
            by_size.setdefault(slot.size, []).append((block, slot))
    for slots in by_size.values():
        rng.shuffle(slots)
    taken: list[tuple[str, Block, Slot]] = []
    for (block, slot), category in zip(by_size.get("plot", []), PLOTS, strict=False):
        taken.append((category, block, slot))
    fronts = by_size.get("front", [])
    categories = [*FRONTS, *(["shop"] * len(fronts))]
    taken += [
        (category, block, slot) for (block, slot), category in zip(fronts, categories, strict=False)
    ]
    taken += [("park", block, slot) for block, slot in by_size.get("park", [])]
    taken += [("delivery", block, slot) for block, slot in by_size.get("gate", [])]
    taken += [("transit", block, slot) for block, slot in by_size.get("stop", [])]
    # in a community without a shop front
    if not any(category == "party_centre" for category, _, _ in taken):
        block, slot = next(iter(by_size.get("plot") or by_size.get("gate") or by_size["park"]))
        taken.append(("party_centre", block, slot))
    for nth, (category, block, slot) in enumerate(taken, 1):
        word = CATEGORY_BY_KEY[category].zh.split("/")[0].split("（")[0]
        estate = estate_name(block.cell.number)
        shape = (
            slot.geometry
            if slot.size in ("plot", "park") and slot.geometry.geom_type == "Polygon"
            else slot.door
        )
        if slot.size in ("front", "gate", "stop"):
            shape = slot.geometry
        yield Placed(
            f"{community}F{nth:03d}",
            category,
            f"{estate}{word}",
            block.cell,
            OPENING_HOURS.get(category, ""),
            # no local number begins with 0: nobody is rung up by it
            "" if category in UNSTAFFED else f"0851-00{number:02d}{nth:04d}",
            _capacity(category, rng),
            shape,
            slot.door,
        )


def _capacity(category: str, rng: Random) -> int | None:
    if category not in CAPACITIES or rng.random() < UNSTATED_SHARE:
        return None
    return rng.randint(*CAPACITIES[category])
