"""Which building a row means: by its code, by estate and name, by an address, or by a point."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from gis.db import STORAGE_SRID, copy_rows
from gis.messages import Message
from gis.places.address import (
    Address,
    label_of_building,
    normalise_label,
    normalise_text,
    parse_address,
)
from gis.places.naming import Naming, compare, label_building, same_estate
from gis.places.queries import MAX_BUILDING_DISTANCE_M

MAX_SUGGESTIONS = 3  # names suggested for an unknown one
MAX_QUERIES_WITH_SUGGESTIONS = 50  # unknown names that get suggestions, which are slow
HOUSE_CHARS = 4  # the end of a street and house number, such as 板巷3号, to look up candidates
MAX_COMPARED_NAMES = 20_000  # names compared with an unknown one


@dataclass(frozen=True)
class BuildingQuery:
    """A building as a row names it.

    The first given counts: code, name (in its estate), address, point.

    lon, lat: Degrees, EPSG:4490.
    """

    code: str | None = None
    estate: str | None = None
    name: str | None = None
    address: str | None = None
    lon: float | None = None
    lat: float | None = None


@dataclass(frozen=True)
class BuildingNotFound:
    """Why no building matches: the column at fault, and what would be right."""

    field: str
    reason: Message


BY_CODE = "SELECT id, code FROM building WHERE code = ANY(:codes)"
NAMED = "SELECT id, code, estate, name, address FROM building"
NAMED_WITHIN = """
SELECT DISTINCT b.id, b.code, b.estate, b.name, b.address FROM building b
JOIN boundary s ON s.area_id = ANY(:areas) AND s.valid_time @> now() AND s.geom && b.geom
  AND ST_Intersects(s.geom, ST_PointOnSurface(b.geom))
"""

# The nearest building; of several that cover the point, the lowest code. Distances are in
# metres.
AT_POINT = """
SELECT w.place, b.id, b.code, b.distance
FROM wanted_point w CROSS JOIN LATERAL (
  SELECT id, code, ST_Distance(near.geom::geography, w.point::geography) AS distance FROM (
    SELECT id, code, geom FROM building ORDER BY geom <-> w.point LIMIT 10
  ) near ORDER BY distance, code LIMIT 1
) b
"""


def find_buildings(
    session: Session, queries: Sequence[BuildingQuery], within: Sequence[int] | None = None
) -> list[int | BuildingNotFound]:
    """Find the building that each query means, in their order.

    Parameters
    ----------
    within
        Ids of the areas among whose buildings names and addresses are looked up; None: all.

    Returns
    -------
    The id of the building, or why there is none
        Not there (with the nearest names), several of the name, or no building within
        `MAX_BUILDING_DISTANCE_M` of the point.

    Names are compared as doors are read: 3栋 is 3号楼, and 三号楼 too.
    """
    by_code = dict(_by_code(session, {query.code for query in queries if query.code}))
    points = [(nth, query) for nth, query in enumerate(queries) if _is_point(query)]
    at_point = _at_points(session, points) if points else {}
    is_named = any(_is_named(query) for query in queries)
    names = BuildingNameIndex.load(session, within) if is_named else None
    matches: list[int | BuildingNotFound] = []
    missing = 0
    for nth, query in enumerate(queries):
        match: int | BuildingNotFound | None
        if query.code:
            match = by_code.get(query.code)
        elif _is_named(query):
            assert names is not None
            match = names.find(query)
        elif _is_point(query):
            match = at_point.get(nth)
        else:
            match = BuildingNotFound("building", Message("building_match.empty"))
        if match is None:
            names = names or BuildingNameIndex.load(session, within)
            match = names.explain(query, offer=missing < MAX_QUERIES_WITH_SUGGESTIONS)
            missing += 1
        matches.append(match)
    return matches


def with_suggestions(message: Message, name: str, names: Sequence[str]) -> Message:
    """Return a message with the names most like one that is not there.

    As it is when none is alike.
    """
    alike = get_close_matches(name, names[:MAX_COMPARED_NAMES], MAX_SUGGESTIONS, cutoff=0.5)
    return (
        Message("load.with_suggestions", {"reason": message, "names": alike}) if alike else message
    )


def _is_named(query: BuildingQuery) -> bool:
    return not query.code and bool(query.name or query.address)


def _is_point(query: BuildingQuery) -> bool:
    return not (query.code or query.name or query.address) and query.lon is not None


def _by_code(session: Session, codes: Iterable[str]) -> Iterable[tuple[str, int]]:
    for row in session.execute(text(BY_CODE), {"codes": sorted(codes)}):
        yield row.code, row.id


def _at_points(
    session: Session, points: Iterable[tuple[int, BuildingQuery]]
) -> dict[int, int | BuildingNotFound]:
    session.execute(text("DROP TABLE IF EXISTS pg_temp.wanted_point"))
    session.execute(
        text("CREATE TEMP TABLE wanted_point (place int, point geometry) ON COMMIT DROP")
    )
    rows = (
        (nth, f"SRID={STORAGE_SRID};POINT({query.lon!r} {query.lat!r})") for nth, query in points
    )
    copy_rows(session, "wanted_point", ("place", "point"), rows)
    matches: dict[int, int | BuildingNotFound] = {}
    for nth, building, code, distance in session.execute(text(AT_POINT)):
        if distance <= MAX_BUILDING_DISTANCE_M:
            matches[nth] = building
        else:
            params = {
                "limit": round(MAX_BUILDING_DISTANCE_M),
                "code": code,
                "distance": f"{distance:.0f}",
            }
            matches[nth] = BuildingNotFound("lon", Message("building_match.far_from_point", params))
    return matches


class BuildingNameIndex:
    """The buildings by what people call them."""

    def __init__(self, rows: Sequence[Row[tuple[int, str, str, str, str]]]) -> None:
        self.rows = rows
        self.by_name: dict[str, list[tuple[int, str, str]]] = defaultdict(list)  # id, code, estate
        self.by_address: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
        # by the end of street and number
        self.by_house: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
        self.label_of = {row.id: label_building(row.name, row.estate, row.address) for row in rows}
        for row in rows:
            if house := self.label_of[row.id].house:
                self.by_house[house[-HOUSE_CHARS:]].append(
                    (row.id, row.code, normalise_text(row.estate))
                )
            if row.name:
                self.by_name[_name(row.name, row.estate)].append(
                    (row.id, row.code, normalise_text(row.estate))
                )
            if row.address:
                self.by_address[normalise_text(row.address)].append(
                    (row.id, row.code, normalise_text(row.estate))
                )

    @classmethod
    def load(cls, session: Session, within: Sequence[int] | None = None) -> "BuildingNameIndex":
        """Return the index of all buildings, or of those that stand in some areas."""
        if within is None:
            return cls(session.execute(text(NAMED)).all())
        return cls(session.execute(text(NAMED_WITHIN), {"areas": list(within)}).all())

    def find(self, query: BuildingQuery) -> int | BuildingNotFound | None:
        """Return the building of a name or an address; None when there is none."""
        if query.name:
            hits = self.by_name.get(_name(query.name, query.estate or ""), [])
            if not hits:  # 桂花苑3栋 in one cell
                reading = parse_address(query.name)
                candidates = self.by_name.get(reading.building, [])
                hits = [hit for hit in candidates if self.compare(reading, hit[0]) is Naming.WHOLE]
            if query.estate is not None:
                hits = [hit for hit in hits if same_estate(hit[2], query.estate)]
            elif whole := [
                hit
                for hit in hits
                if self.compare(parse_address(query.name), hit[0]) is Naming.WHOLE
            ]:
                hits = whole
            called, field = f"{query.estate or ''}{query.name}", "building_name"
        else:
            called, field = str(query.address), "address"
            hits = self.by_address.get(normalise_text(called), [])
            if not hits:
                reading = parse_address(called)
                number = reading.building or (reading.other.building if reading.other else "")
                candidates = [
                    *self.by_name.get(number, []),
                    *self.by_house.get(reading.house[-HOUSE_CHARS:], []),
                ]
                hits = [
                    hit
                    for hit in dict.fromkeys(candidates)  # one may fit by name and by house
                    if self.compare(reading, hit[0]) in (Naming.WHOLE, Naming.HOUSE)
                ]
        if len(hits) > 1:
            params = {
                "count": len(hits),
                "name": called,
                "codes": [code for _, code, _ in hits[:5]],
            }
            return BuildingNotFound(field, Message("building_match.several", params))
        return hits[0][0] if hits else None

    def compare(self, address: Address, building: int) -> Naming:
        """Return how surely an address names a building, by its id."""
        return compare(address, self.label_of[building])

    def explain(self, query: BuildingQuery, offer: bool) -> BuildingNotFound:
        """Return why there is none, with the names most like it when they are to be offered."""
        if not self.rows:
            return BuildingNotFound("building", Message("building_match.none_loaded"))
        if query.code:
            called, field = query.code, "building"
            message = Message("building_match.no_code", {"code": called})
            names = [row.code for row in self.rows]
        elif query.name:
            called, field = f"{query.estate or ''}{query.name}", "building_name"
            message = Message("building_match.no_name", {"name": called})
            names = sorted({f"{row.estate}{row.name}" for row in self.rows if row.name})
        else:
            called, field = str(query.address), "address"
            message = Message("building_match.no_address", {"address": called})
            names = sorted(
                {
                    row.address or f"{row.estate}{row.name}"
                    for row in self.rows
                    if row.address or row.name
                }
            )
        return BuildingNotFound(
            field, with_suggestions(message, called, names) if offer else message
        )


def _name(name: str, estate: str) -> str:
    """Return what names of buildings are compared by: 3栋 is 3, and so is 桂花苑3号楼 in 桂花苑.

    一期3号楼 stays.
    """
    short = normalise_label(normalise_text(name).removeprefix(normalise_text(estate)) or name)
    return short if label_of_building(short) == short else normalise_text(name)
