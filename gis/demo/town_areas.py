"""The communities and house numbers of a made-up town."""

from sqlalchemy.orm import Session

from gis.boundaries.store import publish_shapes
from gis.db import copy_rows, new_ids
from gis.demo.households import (
    START,
    largest_remainder_shares,
)
from gis.demo.streets import GRIDS_PER_COMMUNITY, Cell, Plan, shape_to_degrees

COUNTY = ("520402", "西秀区")


DEMO_STREETS = (("520402007", "西航街道"), ("520402100", "宋旗镇"))


PILOT_COMMUNITIES = (
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
    if number < len(PILOT_COMMUNITIES):
        return PILOT_COMMUNITIES[number]
    street, nth = divmod(number - len(PILOT_COMMUNITIES), PER_STREET)
    return f"{COUNTY[0]}{900 + street:03d}{nth + 1:03d}", f"示例{number + 1}"


def write_areas(
    session: Session, plan: Plan, parts: list[tuple[list[int], tuple[str, str]]], reason: str
) -> tuple[dict[object, int], dict[int, str]]:
    """Write county, streets, communities and grids with their boundaries.

    Returns
    -------
    Ids by number of the grid, and by level and number; and the codes by id.
    """
    cells = plan.cells
    street_codes = list(dict.fromkeys(community[0][:9] for _, community in parts))
    new = iter(new_ids(session, "area", 1 + len(street_codes) + len(parts) + len(cells)))
    ids: dict[object, int] = {}
    rows: list[tuple[object, ...]] = []
    shapes = {}

    def add(key: object, code: str, level: str, name: str, parent: int | None) -> None:
        ids[key] = next(new)
        rows.append((ids[key], code, level, name, COUNTY[0], parent))

    add(("county", 0), COUNTY[0], "county", COUNTY[1], None)
    name_by_street = dict(DEMO_STREETS)
    for number, code in enumerate(street_codes):
        name = name_by_street.get(code, f"示例{number - 1}街道")
        add(("street", number), code, "street", name, ids["county", 0])
    for number, (which, (code, name)) in enumerate(parts):
        parent = ids["street", street_codes.index(code[:9])]
        add(("community", number), code, "community", f"{name}社区", parent)
        from_north_west = sorted(which, key=lambda i: (-cells[i].row, cells[i].column))
        for nth, i in enumerate(from_north_west, 1):
            grid = f"{code}{nth:03d}"
            add(i, grid, "grid", f"{name}第{nth}网格", ids["community", number])
            shapes[grid] = shape_to_degrees(plan.outline(cells[i]))
    copy_rows(session, "area", ("id", "code", "level", "name", "county", "parent_id"), rows)
    session.flush()
    publish_shapes(
        session,
        shapes,
        title="示例网格划分",
        author="town",
        reason=reason,
        effective=START,
    )
    return ids, {int(str(row[0])): str(row[1]) for row in rows}
