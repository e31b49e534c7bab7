"""The communities and house numbers of a made-up town."""

from gis.demo.households import (
    largest_remainder_shares,
)
from gis.demo.streets import (
    GRIDS_PER_COMMUNITY,
    Cell,
)

COUNTY = ("520402", "西秀区")


STREETS = (("520402007", "西航街道"), ("520402100", "宋旗镇"))


COMMUNITIES = (
    ("520402007004", "学苑"),
    ("520402007012", "西兴"),
    ("520402100001", "青松"),
)  # the Zone's pilot


PER_STREET = 8  # communities of a made-up street


def house_number(cell: Cell, nth: int) -> int:
    """Return a house number; they run along the street, forty to a block."""
    return cell.column * 40 + nth


def communities(grids: int) -> list[tuple[list[int], tuple[str, str]]]:
    """Return runs of grids with the code and name of their community.

    The pilot's three come first, then made-up ones.
    """
    count = max(1, -(-grids // GRIDS_PER_COMMUNITY))
    runs, start = [], 0
    for number, size in enumerate(largest_remainder_shares(grids, [1.0] * count)):
        runs.append((list(range(start, start + size)), _community(number)))
        start += size
    return runs


def _community(number: int) -> tuple[str, str]:
    if number < len(COMMUNITIES):
        return COMMUNITIES[number]
    street, nth = divmod(number - len(COMMUNITIES), PER_STREET)
    return f"{COUNTY[0]}{900 + street:03d}{nth + 1:03d}", f"示例{number + 1}"
