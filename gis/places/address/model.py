"""What an address says."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Address:
    """What an address says, each part empty (or None) where it says nothing.

    place: The words before the building, as 西兴社区 or 西兴社区桂花苑; spaces removed.
    building: Number or letter of the building that the address names, as 3, A or 甲; Chinese
        numerals as digits.
    stairwell: Number or letter of the stairwell (单元).
    floor: Storey as written, else read from a room of three digits or more (1203: 12); below ground
        negative.
    room: Room as at the door, as 501; of 5-2 it is 502.
    text: The whole address with half-width characters and no spaces.
    top: The top storey is named.
    house: Street and house number, as 西航路66号.
    beside: A building that is named as a landmark only, as in 2号楼对面.
    several: More than one building is named, so none is the place.
    other: How the address reads when its first number names the building: of 2-501 building 2 room
        501, where the address itself reads stairwell 2. It counts where the estate is named.
    storeys: Storeys of which the address names more than one, by several storeys or rooms
        (4楼到5楼, 401、501) or by a storey and a room of another one (4楼501); `TOP` is the top
        one. Floor and room are empty then.
    is_range: The storeys between them are meant too.
    is_dashed: Stairwell, storey and flat are short numbers with dashes between, and nothing where
        the building has no such stairwell.
    storey_quotes: What is written of those storeys and rooms, for reasons.
    quotes: What is written of the building, the stairwell, the storey and the room, for reasons.
    """

    place: str = ""
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
        """The usual way of writing it."""
        floor = (
            ""
            if self.floor is None or self.room
            else f"地下{-self.floor}层"
            if self.floor < 0
            else f"{self.floor}层"
        )
        return (
            self.place
            + (f"{self.building}号楼" if self.building else "")
            + (f"{self.stairwell}单元" if self.stairwell else "")
            + floor
            + (f"{self.room}室" if self.room else "")
        )

    @property
    def is_inside(self) -> bool:
        """Whether it says where inside a building."""
        return bool(
            self.stairwell or self.room or self.top or self.floor is not None or self.storeys
        )
