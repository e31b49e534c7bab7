"""The parts of an address."""

from dataclasses import dataclass, field

from gis.labels import building_of


@dataclass(frozen=True)
class Address:
    """The parts of an address, each empty (or None) where the address does not state it.

    Attributes
    ----------
    prefix
        The words before the building, as 西兴社区 or 西兴社区桂花苑, without spaces.
    building
        Number or letter of the building, as 3, A or 甲; Chinese numerals as digits.
    stairwell
        Number or letter of the stairwell (单元).
    floor
        Storey as written, else read from a room of three digits or more (1203: 12); negative below
        ground.
    room
        Room as at the door, as 501; of 5-2 it is 502.
    text
        The whole address with half-width characters and no spaces.
    top
        Whether the top storey is named.
    house
        Street and house number, as 西航路66号.
    beside
        A building that is named as a landmark only, as in 2号楼对面.
    several
        Whether more than one building is named, so that none is the location.
    other
        The reading in which the first number names the building: of 2-501 building 2 room 501,
        where the address itself reads stairwell 2. It applies if the estate is named.
    storeys
        Storeys, if the address names more than one, by several storeys or rooms (4楼到5楼,
        401、501) or by a storey and a room of another one (4楼501); `TOP` is the top one. Floor and
        room are then empty.
    is_range
        Whether the storeys between them are meant too.
    is_dashed
        Whether stairwell, storey and flat are short numbers joined by dashes; they mean nothing if
        the building has no such stairwell.
    storey_quotes
        The text of those storeys and rooms, for explanations.
    quotes
        The text of the building, the stairwell, the storey and the room, for explanations.
    """

    prefix: str = ""
    building: str = ""
    stairwell: str = ""
    floor: int | None = None
    room: str = ""
    text: str = ""
    top: bool = False
    house: str = ""
    beside: str = ""
    several: bool = False
    other: "Address | None" = None
    storeys: tuple[int, ...] = ()
    is_range: bool = False
    is_dashed: bool = False
    storey_quotes: tuple[str, ...] = field(default=(), compare=False)
    quotes: tuple[str, ...] = field(default=("",) * 4, compare=False)

    def __str__(self) -> str:
        """Return the address in its usual form."""
        floor = (
            ""
            if self.floor is None or self.room
            else f"地下{-self.floor}层"
            if self.floor < 0
            else f"{self.floor}层"
        )
        return (
            self.prefix
            + (building_of(self.building) if self.building else "")
            + (f"{self.stairwell}单元" if self.stairwell else "")
            + floor
            + (f"{self.room}室" if self.room else "")
        )

    @property
    def is_inside(self) -> bool:
        """Whether the address states a location inside a building."""
        return bool(
            self.stairwell or self.room or self.top or self.floor is not None or self.storeys
        )
